// WebAssembly in the thread that imports this: the page's own, a worker's, a service worker's or Node's.

import decoder, { Decoded } from "./fervor_files.js";
import init, { Analyzer, Tracker } from "./fervor_web.js";
import { FervorError, unseen } from "./error.js";

let started = null;
let files = null;
let filesAt = null;
let read = (url) => fetch(url);
const analyzers = new Map();
const trackers = new Map();
let last = 0;
let canvas = null;

/** How files are read, where not by `fetch`: a function from an address to a Response or a Uint8Array. */
export function readBy(reader) {
  read = reader;
}

/** The bytes of a file that comes with an address in front of what goes wrong. */
async function bytesOf(url) {
  const got = await answered(url);
  return got instanceof Uint8Array ? got : new Uint8Array(await got.arrayBuffer());
}

async function answered(url) {
  const cannot = (why) => new FervorError({ kind: "input", reason: "missing", message: `${url} cannot be loaded: ${why}`, hint: "serve the files of the package beside each other, or say where they are with `base`" });
  let got;
  try {
    got = await read(url);
  } catch (error) {
    throw cannot(error.message);
  }
  if (got.ok === false) throw cannot(`the status is ${got.status}`);
  return got;
}

/** The module, compiled while it comes where the server says what it is. */
async function compiled(module) {
  if (typeof module !== "string") return WebAssembly.compile(module);
  const got = await answered(module);
  if (got instanceof Uint8Array) return WebAssembly.compile(got);
  const streams = got.headers.get("Content-Type")?.startsWith("application/wasm") && WebAssembly.compileStreaming;
  return streams ? WebAssembly.compileStreaming(got) : WebAssembly.compile(await got.arrayBuffer());
}

/** Loads a model; its number, and what it says of itself. `module`, `decoder` and `model` are addresses or bytes; the decoder is
 * loaded with the first file. What could not be loaded is tried again the next time. */
export async function open({ module, decoder, model }) {
  filesAt = decoder;
  started ??= compiled(module).then((module) => init({ module_or_path: module }));
  const starting = started.catch((error) => {
    started = null;
    throw error;
  });
  const [bytes] = await Promise.all([typeof model === "string" ? bytesOf(model) : model, starting]);
  const analyzer = guarded(() => new Analyzer(bytes));
  analyzers.set(++last, analyzer);
  return { id: last, model: JSON.parse(analyzer.model()) };
}

/** Bytes that the modules hold; they give none back. */
export async function memory() {
  const all = await Promise.all([started, files]);
  return all.reduce((sum, module) => sum + (module?.memory.buffer.byteLength ?? 0), 0);
}

/** Forgets a model. */
export function close({ id }) {
  analyzers.get(id)?.free();
  analyzers.delete(id);
}

/** The row of a picture: `bytes` of a file, `pixels` as of ImageData, or a `bitmap`, which is closed. */
export async function analyze({ id, taken, source, options: { maxPixels = 0, ...options } }) {
  const told = JSON.stringify(options);
  if (!taken.bytes) {
    const { data, width, height } = taken.pixels ?? pixelsOf(taken.bitmap);
    return row(id, (analyzer) => analyzer.pixels(data, width, height, source, told));
  }
  try {
    const decoded = await decode(taken.bytes, maxPixels);
    const { width, height } = decoded;
    const rgb = decoded.rgb();
    return row(id, (analyzer) => analyzer.decoded(rgb, width, height, source, told));
  } catch (error) {
    if (!(error instanceof FervorError) || error.kind === "internal") throw error;
    const { kind, reason, message, hint } = error;
    return row(id, (analyzer) => analyzer.unread(JSON.stringify({ kind, reason, message, hint }), source));
  }
}

function row(id, answer) {
  const analyzer = analyzers.get(id);
  if (!analyzer) throw new FervorError({ kind: "input", reason: "missing", message: "the model is closed" });
  return JSON.parse(guarded(() => answer(analyzer)));
}

async function decode(bytes, maxPixels) {
  await readFiles();
  return guarded(() => new Decoded(bytes, maxPixels));
}

/** Makes files ready to be decoded before the first one comes. */
export async function readFiles() {
  files ??= compiled(filesAt).then((module) => decoder({ module_or_path: module }));
  await files.catch((error) => {
    files = null;
    throw error;
  });
}

/** A picture's file as a PNG. */
export async function png({ bytes }) {
  const decoded = await decode(bytes, 0);
  try {
    return guarded(() => decoded.png());
  } finally {
    decoded.free();
  }
}

/** A tracker's number. */
export function follow({ smoothing }) {
  trackers.set(++last, new Tracker(smoothing));
  return last;
}

/** Sets a tracker's smoothing. */
export function smooth({ id, seconds }) {
  trackerOf(id).smooth(seconds);
}

/** The faces of a row as a tracker follows them. */
export function track({ id, row, time }) {
  return JSON.parse(guarded(() => trackerOf(id).update(JSON.stringify(row), time)));
}

function trackerOf(id) {
  const tracker = trackers.get(id);
  if (!tracker) throw new FervorError({ kind: "input", reason: "missing", message: "the tracker is closed" });
  return tracker;
}

/** Forgets a tracker. */
export function unfollow({ id }) {
  trackers.get(id)?.free();
  trackers.delete(id);
}

/** What Rust says is wrong, as an Error. */
function guarded(act) {
  try {
    return act();
  } catch (error) {
    if (typeof error === "string") throw new FervorError(JSON.parse(error));
    if (error instanceof WebAssembly.RuntimeError) {
      throw new FervorError({ kind: "internal", reason: null, message: `the module stopped: ${error.message}`, hint: "load it again; a smaller picture needs less memory" });
    }
    throw error;
  }
}

/** The pixels of a bitmap, over white where it is transparent, as files are read. */
function pixelsOf(bitmap) {
  try {
    return drawn(bitmap);
  } catch (error) {
    // A canvas on which a picture of another site was drawn gives nothing any more.
    canvas = null;
    throw unseen(error);
  } finally {
    bitmap.close?.();
  }
}

function drawn(bitmap) {
  const { width, height } = bitmap;
  canvas ??= typeof OffscreenCanvas === "function" ? new OffscreenCanvas(width, height) : document.createElement("canvas");
  // Setting a side clears the canvas and takes time, even where nothing changes.
  if (canvas.width !== width) canvas.width = width;
  if (canvas.height !== height) canvas.height = height;
  const pen = canvas.getContext("2d", { willReadFrequently: true, alpha: false });
  pen.fillStyle = "#fff";
  pen.fillRect(0, 0, width, height);
  pen.drawImage(bitmap, 0, 0);
  return pen.getImageData(0, 0, width, height);
}
