// What people hand in, as it can go to another thread.

import { FervorError } from "./error.js";

/** A file's `{bytes}`, `{pixels}`, or a `{bitmap}` that is ours to close; and what moves rather than being copied. */
export async function take(source, maxSide) {
  if (is("Blob", source)) return moved({ bytes: new Uint8Array(await source.arrayBuffer()) }, (taken) => taken.bytes.buffer);
  if (source instanceof ArrayBuffer) return { taken: { bytes: new Uint8Array(source) }, transfer: [] };
  if (is("ImageData", source) || (source?.data && source.width && source.height)) {
    const { data, width, height } = source;
    return { taken: { pixels: { data, width, height } }, transfer: [] };
  }
  if (ArrayBuffer.isView(source)) return { taken: { bytes: new Uint8Array(source.buffer, source.byteOffset, source.byteLength) }, transfer: [] };
  const kinds = ["HTMLVideoElement", "HTMLCanvasElement", "OffscreenCanvas", "ImageBitmap", "HTMLImageElement", "SVGImageElement", "VideoFrame"];
  if (kinds.some((kind) => is(kind, source))) return bitmapOf(source, maxSide);
  throw refusal(`a picture may be a Blob, ImageBitmap, HTMLVideoElement, canvas, ImageData or a file's bytes, not ${source === null ? "null" : source?.constructor?.name ?? typeof source}`);
}

/** How a source is called where its caller does not say. */
export const nameOf = (source) => source?.name || (typeof source?.currentSrc === "string" && source.currentSrc.split("/").pop()) || "picture";

const is = (kind, source) => typeof globalThis[kind] === "function" && source instanceof globalThis[kind];

const moved = (taken, what) => ({ taken, transfer: [what(taken)] });

const refusal = (message, reason = "invalid") => new FervorError({ kind: "input", reason, message });

async function bitmapOf(source, maxSide) {
  const width = source.videoWidth ?? source.naturalWidth ?? source.displayWidth ?? source.width;
  const height = source.videoHeight ?? source.naturalHeight ?? source.displayHeight ?? source.height;
  if (!(width > 0 && height > 0)) throw refusal("the picture is empty: it has not been loaded yet", "empty");
  const scale = Math.min(1, (maxSide || Infinity) / Math.max(width, height));
  const size = scale < 1 ? { resizeWidth: Math.max(1, Math.round(width * scale)), resizeHeight: Math.max(1, Math.round(height * scale)), resizeQuality: "medium" } : {};
  try {
    return moved({ bitmap: await createImageBitmap(source, size) }, (taken) => taken.bitmap);
  } catch (error) {
    throw refusal(`the picture cannot be looked at: ${error.message}`, "inaccessible");
  }
}
