// The thread beside the page: answers each message with its result or its error, in order.

import * as core from "./core.js";

addEventListener("message", async ({ data: { number, act, given } }) => {
  try {
    postMessage({ number, result: await core[act](given) });
  } catch (error) {
    const { kind = "internal", reason = null, message, hint = null } = error;
    postMessage({ number, error: { kind, reason, message, hint } });
  }
});
postMessage({ ready: true });
