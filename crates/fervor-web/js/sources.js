// What people hand in, as it can go to another thread.

import { FervorError, unseen } from "./error.js";

/** A file's `{bytes}`, `{pixels}`, or a `{bitmap}` that is ours to close; and what moves rather than being copied. */
export async function take(source, maxSide) {
  if (is("Blob", source)) return moved({ bytes: await bytesOf(source) }, (taken) => taken.bytes.buffer);
  if (source instanceof ArrayBuffer) return { taken: { bytes: viewed(source) }, transfer: [] };
  if (is("ImageData", source) || (source?.data && source.width && source.height)) return { taken: { pixels: pixels(source) }, transfer: [] };
  if (ArrayBuffer.isView(source)) return { taken: { bytes: viewed(source.buffer, source.byteOffset, source.byteLength) }, transfer: [] };
  const kinds = ["HTMLVideoElement", "HTMLCanvasElement", "OffscreenCanvas", "ImageBitmap", "HTMLImageElement", "VideoFrame"];
  if (kinds.some((kind) => is(kind, source))) return bitmapOf(source, maxSide);
  throw refusal(`a picture may be a Blob, ImageBitmap, HTMLVideoElement, canvas, ImageData or a file's bytes, not ${source === null ? "null" : source?.constructor?.name ?? typeof source}`);
}

/** A file's bytes; one that has changed since it was chosen has none. */
async function bytesOf(blob) {
  try {
    return new Uint8Array(await blob.arrayBuffer());
  } catch (error) {
    throw unseen(error);
  }
}

/** Bytes that were handed on to another thread are not here any more. */
function viewed(buffer, offset, length) {
  try {
    return new Uint8Array(buffer, offset, length);
  } catch (error) {
    throw unseen(error);
  }
}

/** Pixels as ImageData has them: four bytes each. */
function pixels({ data, width, height }) {
  if (ArrayBuffer.isView(data) && data.BYTES_PER_ELEMENT === 1) return { data, width, height };
  throw refusal(`pixels are bytes, of ImageData those of "rgba-unorm8", not ${data?.constructor?.name ?? typeof data}`);
}

/** How a source is called where its caller does not say: a file's name, also of an address. */
export const nameOf = (source) => text(source?.name) || addressName(source?.currentSrc) || "picture";

const text = (name) => (typeof name === "string" ? name : "");

function addressName(address) {
  if (typeof address !== "string" || /^(data|blob):/.test(address)) return "";
  return address.replace(/[?#].*$/, "").split("/").pop();
}

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
    throw unseen(error);
  }
}
