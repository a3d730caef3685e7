/** Why there is no answer: the same words in every program of Fervor. */
export class FervorError extends Error {
  constructor({ kind, reason = null, message, hint = null }, row = null) {
    super(message);
    Object.assign(this, { name: "FervorError", kind, reason, hint, row });
  }
}

/** A picture that cannot be looked at, for a reason of the browser's. */
export const unseen = (error) => new FervorError({ kind: "input", reason: "inaccessible", message: `the picture cannot be looked at: ${error.message}` });
