// Where the work is done: in this thread, or in one beside it. Both are a function `ask(act, given, transfer)`.

import * as core from "./core.js";
import { FervorError, unseen } from "./error.js";

/** Why nothing is answered any more. */
const closed = () => new FervorError({ kind: "input", reason: "missing", message: "the model is closed", hint: "load it again" });

/** What was handed over is of no use to anybody any more. */
function turnedAway(error, handed) {
  for (const it of handed) it.close?.();
  throw error;
}

/** In this thread. */
export function here() {
  let over = false;
  return {
    where: "page",
    async ask(act, given, transfer = []) {
      // What trackers hold is freed all the same.
      if (over && act !== "unfollow") turnedAway(closed(), transfer);
      return core[act](given);
    },
    stop() {
      over = true;
    },
  };
}

/** In a worker of its own; rejects where there can be none. */
export function beside() {
  return new Promise((done, fail) => {
    const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "fervor" });
    const waiting = new Map();
    let last = 0;
    /** Why it answers no more; null while it does. */
    let over = null;
    const gone = (error) => {
      over ??= error;
      for (const { fail } of waiting.values()) fail(over);
      waiting.clear();
    };
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      fail(new FervorError({ kind: "internal", message: `the worker did not start: ${event.message ?? "it may not be loaded"}` }));
      gone(new FervorError({ kind: "internal", message: "the worker stopped", hint: "load it again" }));
    });
    worker.addEventListener("message", ({ data: { ready, number, result, error } }) => {
      if (ready) {
        return done({
          where: "worker",
          ask: (act, given, transfer = []) => new Promise((done, fail) => {
            if (over && act === "unfollow") return done();
            if (over) turnedAway(over, transfer);
            try {
              worker.postMessage({ number: ++last, act, given }, transfer);
            } catch (error) {
              // What a browser does not let out of its hands, such as a picture of another site.
              turnedAway(unseen(error), transfer);
            }
            waiting.set(last, { done, fail });
          }),
          stop() {
            worker.terminate();
            gone(closed());
          },
        });
      }
      const { done: answer, fail: refuse } = waiting.get(number) ?? {};
      waiting.delete(number);
      if (error) refuse?.(new FervorError(error));
      else answer?.(result);
    });
  });
}
