// Where the work is done: in this thread, or in one beside it. Both are a function `ask(act, given, transfer)`.

import * as core from "./core.js";
import { FervorError } from "./error.js";

/** In this thread. */
export function here() {
  return { ask: async (act, given) => core[act](given), stop() {}, where: "page" };
}

/** In a worker of its own; rejects where there can be none. */
export function beside() {
  return new Promise((done, fail) => {
    const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "fervor" });
    const waiting = new Map();
    let last = 0;
    const gone = (message) => {
      const error = { kind: "internal", message, hint: "load it again" };
      for (const { fail } of waiting.values()) fail(new FervorError(error));
      waiting.clear();
    };
    worker.addEventListener("error", (event) => {
      event.preventDefault();
      fail(new FervorError({ kind: "internal", message: `the worker did not start: ${event.message ?? "it may not be loaded"}` }));
      gone("the worker stopped");
    });
    worker.addEventListener("message", ({ data: { ready, number, result, error } }) => {
      if (ready) {
        return done({
          where: "worker",
          ask: (act, given, transfer = []) => new Promise((done, fail) => {
            waiting.set(++last, { done, fail });
            worker.postMessage({ number: last, act, given }, transfer);
          }),
          stop() {
            worker.terminate();
            gone("it is closed");
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
