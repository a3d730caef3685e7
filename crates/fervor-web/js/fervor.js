// Finds the faces of a picture and says which expression each shows, in the browser: nothing leaves the device.

import { decoder, models, modules } from "./builds.js";
import { FervorError } from "./error.js";
import { Live } from "./live.js";
import { nameOf, take } from "./sources.js";
import { beside, here } from "./threads.js";

export { FervorError, Live };

/** The least modules with what each build needs: a browser takes the first that it understands. */
const NEEDS = {
  relaxed: [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15, 253, 128, 2, 11],
  simd: [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11],
  plain: [0, 97, 115, 109, 1, 0, 0, 0],
};

/** The build that this browser gets. */
export const build = () => Object.keys(modules).find((name) => WebAssembly.validate(new Uint8Array(NEEDS[name])));

/** The models of this package, the smallest first. */
export const modelNames = () => Object.keys(models);

/** What may be said to `load`. */
const LOADS = ["model", "base", "worker", "build", "module", "files"];

/** Loads a model. See `fervor.d.ts` for what may be said. */
export async function load(options = {}) {
  if (typeof options !== "object" || options === null) throw refused(`load takes its options as an object, not ${JSON.stringify(options)}`, `load({ model: ${JSON.stringify(options)} })`);
  const unknown = Object.keys(options).find((key) => !LOADS.includes(key));
  if (unknown) throw refused(`load has no option ${JSON.stringify(unknown)}`, `known are ${LOADS.join(", ")}`);
  const { model = "fervor-nano", base = null, worker = "auto", build: wanted = build(), module = null, files = true } = options;
  if (module === null && !Object.hasOwn(modules, wanted)) throw refused(wanted ? `there is no build ${JSON.stringify(wanted)}` : "no build of this package runs here", `it has ${Object.keys(modules).join(", ")}`);
  const folder = base && new URL(String(base).replace(/\/*$/, "/"), home());
  const at = (file, known) => (folder ? new URL(file, folder) : known).href;
  const known = Object.hasOwn(models, model);
  const given = {
    module: module ?? at(`fervor_${wanted}.wasm`, modules[wanted]),
    decoder: at("fervor_files.wasm", decoder),
    model: typeof model !== "string" && !(model instanceof URL) ? await bytesOf(model)
      : known ? at(`models/${model}.onnx`, models[model]) : addressOf(model),
  };
  const thread = await threadOf(worker);
  try {
    const opened = await thread.ask("open", given);
    if (files) await thread.ask("readFiles");
    return new Fervor(thread, opened, wanted);
  } catch (error) {
    thread.stop();
    throw error;
  }
}

const bytesOf = async (given) => new Uint8Array(given instanceof Blob || (typeof Response === "function" && given instanceof Response) ? await given.arrayBuffer() : given);

function addressOf(model) {
  const text = String(model);
  if (/[/.]/.test(text)) return new URL(text, home()).href;
  throw refused(`there is no model ${JSON.stringify(text)}`, `known are ${modelNames().join(", ")}; or give an address, or a file's bytes`, "missing");
}

const refused = (message, hint, reason = "invalid") => new FervorError({ kind: "input", reason, message, hint });

/** What addresses are relative to: the page's, or in Node the folder one works in. */
function home() {
  if (globalThis.location?.href) return location.href;
  const folder = globalThis.process?.cwd?.().replaceAll("\\", "/");
  return folder ? `file:///${encodeURI(folder).replace(/[?#]/g, encodeURIComponent).replace(/^\//, "")}/` : import.meta.url;
}

/** Of the row of the frame before, only where its faces were. */
function placesOf({ width, height, faces }) {
  if (!Array.isArray(faces) || !faces.every((face) => face?.box)) throw new FervorError({ kind: "input", reason: "invalid", message: "near must be the row of the frame before" });
  return { width: width ?? 0, height: height ?? 0, boxes: faces.map((face) => face.box) };
}

async function threadOf(worker) {
  const can = typeof Worker === "function" && typeof document === "object";
  if (worker === false || (worker === "auto" && !can)) return here();
  if (typeof Worker !== "function") throw refused("there are no workers here", "load({ worker: false })", "unsupported");
  try {
    return await beside();
  } catch (error) {
    // A page that may have no worker still gets its answers, in its own thread.
    if (worker !== "auto") throw error;
    return here();
  }
}

/** A model that is loaded. Made by `load`. */
export class Fervor {
  #thread; #id; #over = false;

  constructor(thread, { id, model }, build) {
    this.#thread = thread;
    this.#id = id;
    /** What the model says of itself. */
    this.model = model;
    /** Which build answers. */
    this.build = build;
    /** Where: "worker" or "page". */
    this.where = thread.where;
  }

  /** The row of a picture. One that cannot be read is an error, which has its row, too. */
  async analyze(source, options = {}) {
    const row = await this.#row(source, options);
    if (row.error) throw new FervorError(row.error, row);
    return row;
  }

  /** The rows of many pictures, one after the other, each with an answer or a reason. */
  async *analyzeAll(sources, options = {}) {
    for await (const source of sources) {
      try {
        yield await this.#row(source, options);
      } catch (error) {
        if (!(error instanceof FervorError) || error.kind === "internal") throw error;
        const { kind, reason, message, hint } = error;
        const { name, sha256 } = this.model;
        yield { schema: "fervor.prediction/1", source: nameOf(source), width: null, height: null, model: { name, sha256 }, faces: [], error: { kind, reason, message, hint } };
      }
    }
  }

  async #row(source, { source: name, maxSide = 0, near = null, ...options }) {
    if (near) options.near = placesOf(near);
    const { taken, transfer } = await take(source, maxSide);
    return this.#thread.ask("analyze", { id: this.#id, taken, source: String(name ?? nameOf(source)), options }, transfer);
  }

  /** A picture's file as a PNG, upright: for formats that the browser cannot show, such as TIFF. */
  async png(file) {
    const { taken, transfer } = await take(file, 0);
    if (!taken.bytes) throw new FervorError({ kind: "input", message: "a file's bytes are needed" });
    return new Blob([await this.#thread.ask("png", taken, transfer)], { type: "image/png" });
  }

  /** A tracker: joins the faces of successive rows. */
  tracker(options = {}) {
    return Tracker.of(this.#thread, options);
  }

  /** Follows live pictures; the newest frame wins. */
  live(options = {}) {
    return new Live(this, options);
  }

  /** Bytes that WebAssembly holds, for all models of its thread. */
  memory() {
    return this.#thread.ask("memory");
  }

  /** Frees the model, and its worker. What is still asked gets no answer. */
  async close() {
    if (this.#over) return;
    this.#over = true;
    try {
      await this.#thread.ask("close", { id: this.#id });
    } finally {
      this.#thread.stop();
    }
  }
}

/** Joins the faces of successive frames into tracks with smoothed probabilities. Made by `fervor.tracker()`. */
export class Tracker {
  #thread; #id;

  constructor(thread, id) {
    this.#thread = thread;
    this.#id = id;
  }

  static async of(thread, { smoothing = 0.5 } = {}) {
    return new Tracker(thread, await thread.ask("follow", { smoothing }));
  }

  /** The faces of the frame at `time`, in seconds, each with its track; label, words and probabilities are smoothed. */
  update(row, time) {
    return this.#thread.ask("track", { id: this.#id, row, time });
  }

  /** Sets the smoothing from now on, in seconds. */
  smooth(seconds) {
    return this.#thread.ask("smooth", { id: this.#id, seconds });
  }

  /** Frees it. */
  close() {
    return this.#thread.ask("unfollow", { id: this.#id });
  }
}
