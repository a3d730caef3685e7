// Talks to the service. Errors come out as sentences.

let key = "";
let asking = null;

/** What the service is: models, classes, limits. */
export const about = fetch("/page/about.json").then((response) => response.json());

/** All classes of all models, each once. */
export const labelsOf = ({ models }) => [...new Set(models.flatMap(({ labels }) => labels))];

/** The key as a WebSocket can carry it: a subprotocol with the key's bytes in hexadecimal. */
export function socketProtocols() {
  const bytes = [...new TextEncoder().encode(key)];
  return key ? ["fervor", "key." + bytes.map((b) => b.toString(16).padStart(2, "0")).join("")] : ["fervor"];
}

/** Asks the person for the key; one dialog, however many requests need it. Resolves to whether one was given. */
export function askForKey() {
  asking ??= new Promise((resolve) => {
    const dialog = document.getElementById("key-dialog");
    dialog.addEventListener("close", () => {
      asking = null;
      key = dialog.returnValue === "ok" ? document.getElementById("key").value.trim() : "";
      resolve(key !== "");
    }, { once: true });
    dialog.showModal();
  });
  return asking;
}

export const needsKey = async () => (await about).needs_key && key === "";

/** Sends a picture to a model, by default the first; comes again where the service is busy. Resolves to the answer, or throws an
 * Error with words for people, whose `said` is the service's own message. */
export async function predict(file, model = "") {
  return (await send(file, { model })).json();
}

/** The picture as the service draws it, for pictures that the browser cannot show. */
export async function annotated(file, model = "") {
  return (await send(file, { model, annotate: "1" })).blob();
}

async function send(file, options) {
  const query = new URLSearchParams(Object.entries(options).filter(([, value]) => value)).toString();
  const { max_upload: limit } = await about;
  const picture = file.size > limit ? await shrunk(file) : file;
  for (let attempt = 0; ; attempt += 1) {
    const form = new FormData();
    form.append("image", picture, file.name || "picture");
    let response;
    try {
      response = await fetch(query ? `/predict?${query}` : "/predict", { method: "POST", body: form, headers: key ? { Authorization: `Bearer ${key}` } : {} });
    } catch {
      throw new Error("The service cannot be reached. Is it still running?");
    }
    if (response.ok) return response;
    if (response.status === 401 && (await askForKey())) continue;
    if ((response.status === 503 || response.status === 429) && attempt < 8) {
      await new Promise((wake) => setTimeout(wake, 1000 * Number(response.headers.get("Retry-After") || 1)));
      continue;
    }
    const said = await response.json().catch(() => null);
    const words = said ? sentence(said.error) : `The service answered with the status ${response.status}.`;
    throw Object.assign(new Error(words), { said: said?.error.message ?? words });
  }
}

/** "The picture is empty: 0 bytes. Copy or download the file again." */
export function sentence({ message, hint }) {
  const begin = (text) => text.charAt(0).toUpperCase() + text.slice(1);
  return [message, hint].filter(Boolean).map((text) => begin(text).replace(/[.]?$/, ".")).join(" ");
}

/** A picture over the limit, made smaller here before it is sent. */
async function shrunk(file) {
  try {
    const bitmap = await createImageBitmap(file);
    const scale = Math.min(1, 3000 / Math.max(bitmap.width, bitmap.height));
    const canvas = new OffscreenCanvas(Math.round(bitmap.width * scale), Math.round(bitmap.height * scale));
    canvas.getContext("2d").drawImage(bitmap, 0, 0, canvas.width, canvas.height);
    bitmap.close();
    return await canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 });
  } catch {
    return file;
  }
}
