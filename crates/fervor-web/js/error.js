/** Why there is no answer: the same words in every program of Fervor. */
export class FervorError extends Error {
  constructor({ kind, reason = null, message, hint = null }, row = null) {
    super(message);
    Object.assign(this, { name: "FervorError", kind, reason, hint, row });
  }
}
