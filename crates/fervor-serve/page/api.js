// Asks whoever computes: the service, or this browser. Errors come out as sentences.

import { Client } from "./client.js";
import { about, decided, inBrowser, loadedHere, modelsOf, onWhere } from "./where.js";

export { about };

const client = new Client({ address: document.baseURI, askKey: async () => ((await askForKey()) ? client.key : null) });
let asking = null;

/** All classes of all models, each once; of these models only, where they are given. */
export const labelsOf = (service, of = null) => [...new Set(
  [...service.models, ...(service.browser?.models ?? [])].filter(({ name }) => !of?.size || of.has(name)).flatMap(({ labels }) => labels),
)];

/** Asks the person for the key; one dialog, however many requests need it. Resolves to whether one was given. */
export function askForKey() {
  asking ??= new Promise((resolve) => {
    const dialog = document.getElementById("key-dialog");
    dialog.addEventListener("close", () => {
      asking = null;
      client.key = dialog.returnValue === "ok" ? document.getElementById("key").value.trim() : "";
      resolve(client.key !== "");
    }, { once: true });
    dialog.showModal();
  });
  return asking;
}

export async function needsKey() {
  await decided;
  return !inBrowser() && (await about).needs_key && client.key === "";
}

/** The pictures that were looked at in this browser: they are never sent, whoever computes later. */
const here = new WeakSet();

/** Keeps pictures here that come while this browser computes. */
export const keep = (files) => decided.then(() => inBrowser() && files.forEach((file) => here.add(file))).catch(() => {});

/** Ends what is on its way to the service once this browser is chosen. */
let going = new AbortController();
onWhere(() => {
  if (!inBrowser()) return;
  going.abort();
  going = new AbortController();
});

/** A picture on its way to the service, and what ends it. */
async function sent(file) {
  const { signal } = going;
  const picture = await small(file);
  signal.throwIfAborted();
  return [picture, signal];
}

/** Whether a picture is looked at in this browser. */
async function looksHere(file) {
  await decided;
  if (inBrowser()) here.add(file);
  return here.has(file);
}

/** Whether a picture may be asked about again by whoever computes now. */
export const mayAsk = (file) => inBrowser() || !here.has(file);

/** The row of a picture by a model, by default the first. Resolves to the answer, or throws an Error with words for people, whose
 * `said` is the program's own message. */
export const predict = (file, model = "") => worded(async () => {
  if (await looksHere(file)) return (await loadedHere(model)).analyze(file, { source: file.name || "picture" });
  const [picture, signal] = await sent(file);
  return client.predict(picture, { model, signal });
});

/** A picture that the browser cannot show as a PNG: `drawn` on by the service, with faces from `minFace` and `minScore` on, or as it
 * is. */
export const shownAs = (file, { model = "", ...least }) => worded(async () => {
  if (await looksHere(file)) return { png: await (await loadedHere(model)).png(file), drawn: false };
  const [picture, signal] = await sent(file);
  return { png: await client.annotated(picture, { model, ...least, signal }), drawn: true };
});

/** Follows live pictures: what is given back takes frames with `push`, is `idle` when one is due, and ends with `stop`. */
export const live = ({ model, ...options }) => worded(async () => {
  await decided;
  const { onEnd, ...rest } = options;
  const told = { ...rest, onError: (error, frame) => rest.onError?.(inWords(error), frame) };
  if (inBrowser()) return (await loadedHere(model)).live(told);
  return client.live({ model, ...told, onEnd: (error) => onEnd?.(inWords(error)) });
});

async function worded(act) {
  try {
    return await act();
  } catch (error) {
    // Nobody waits for it any more: it is asked again of somebody else.
    if (error.name === "AbortError") throw error;
    throw inWords(error);
  }
}

const inWords = (error) => Object.assign(new Error(sentence(error)), { said: error.message });

/** "The picture is empty: 0 bytes. Copy or download the file again." */
export function sentence({ message, hint }) {
  const begin = (text) => text.charAt(0).toUpperCase() + text.slice(1);
  return [message, hint].filter(Boolean).map((text) => begin(text).replace(/[.?]?$/, (end) => end || ".")).join(" ");
}

/** A picture over the service's limit, made smaller here before it is sent. */
async function small(file) {
  const { max_upload: limit } = await about;
  if (file.size <= limit) return file;
  try {
    const bitmap = await createImageBitmap(file);
    const scale = Math.min(1, 3000 / Math.max(bitmap.width, bitmap.height));
    const canvas = new OffscreenCanvas(Math.round(bitmap.width * scale), Math.round(bitmap.height * scale));
    canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    bitmap.close();
    return new File([await canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 })], file.name || "picture");
  } catch {
    return file;
  }
}

export { modelsOf };
