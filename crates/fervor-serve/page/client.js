// A client of `fervor serve` for pages and programs: HTTP and the WebSocket, and nothing else. It runs in browsers, in workers and in
// Node (the WebSocket from Node 22 on). `client.d.ts` has its types.

/** Frames on their way at once: one worked on, one waiting. */
const LANES = 2;
/** The quality of the JPEGs that are sent. */
const QUALITY = 0.8;
/** A request may hold so many pictures of the largest size, by their bytes. */
const LARGEST = 8;
/** Bytes around each picture in a request, more than there are. */
const AROUND = 4096;

/** Why the service gave no answer. */
export class ServiceError extends Error {
  constructor({ kind, reason = null, message, hint = null }, status = 0) {
    super(message);
    Object.assign(this, { name: "ServiceError", kind, reason, hint, status });
  }
}

/** Talks to one service. */
export class Client {
  #address; #askKey; #asking = null; #retries;

  /** `key`: the service's key; `askKey`: called where the service asks for one, resolves to it or to nothing. */
  constructor({ address = globalThis.location?.href, key = "", askKey = null, retries = 8 } = {}) {
    this.#address = new URL(".", address).href;
    this.#askKey = askKey;
    this.#retries = retries;
    this.key = key;
  }

  /** What the service says of itself: models, classes, limits. */
  async about() {
    return (await this.#ask("page/about.json", {})).json();
  }

  /** The row of a picture. */
  async predict(picture, options = {}) {
    return (await this.#send([picture], options)).json();
  }

  /** The rows of any number of pictures, in order, each with an answer or its `error`. */
  async predictAll(pictures, options = {}) {
    const rows = [];
    const service = await this.about();
    for (const list of requests([...pictures], service)) {
      if (list.length === 1 && tooLarge(list[0], service)) {
        rows.push(unsent(list[0], nameOf(list[0], rows.length), options.model, service));
        continue;
      }
      const answer = await (await this.#send(list, { ...options, list: "1", first: rows.length })).json();
      rows.push(...answer.results);
    }
    return rows;
  }

  /** The picture with its faces drawn on it, as a PNG. */
  async annotated(picture, options = {}) {
    return (await this.#send([picture], { ...options, annotate: "1" })).blob();
  }

  /** Opens the WebSocket for live pictures; resolves once it is open. */
  async live(options = {}) {
    const live = new ServiceLive(this.#address, this.key, options);
    await live.opened;
    return live;
  }

  #send(pictures, { model = "", top = 0, minFace = 0, minScore = 0, annotate = "", list = "", first = 0, signal = null } = {}) {
    const asked = { model, top, min_face: minFace, min_score: minScore, annotate, list };
    const query = new URLSearchParams(Object.entries(asked).filter(([, value]) => value)).toString();
    const body = new FormData();
    pictures.forEach((picture, index) => body.append("image", blobOf(picture), nameOf(picture, first + index)));
    return this.#ask(query ? `predict?${query}` : "predict", { method: "POST", body, signal });
  }

  /** Asks, and comes again where the service is busy or wants a key. */
  async #ask(path, request) {
    for (let attempt = 0; ; attempt += 1) {
      const { key } = this;
      let response;
      try {
        response = await fetch(new URL(path, this.#address), { ...request, headers: key ? { Authorization: `Bearer ${key}` } : {} });
      } catch (error) {
        if (error.name === "AbortError") throw error;
        throw new ServiceError({ kind: "unreachable", message: "the service cannot be reached", hint: "is it still running?" });
      }
      if (response.ok) return response;
      if (response.status === 401 && this.#askKey) {
        // Who asked meanwhile has its answer here, too.
        if (this.key !== key) continue;
        this.#asking ??= Promise.resolve(this.#askKey()).finally(() => (this.#asking = null));
        const told = await this.#asking;
        if (told) {
          this.key = told;
          continue;
        }
      }
      if ((response.status === 503 || response.status === 429) && attempt < this.#retries) {
        await new Promise((wake) => setTimeout(wake, 1000 * Number(response.headers.get("Retry-After") || 1)));
        continue;
      }
      const said = await response.json().catch(() => null);
      throw new ServiceError(said?.error ?? { kind: "internal", message: `the service answered with the status ${response.status}` }, response.status);
    }
  }
}

const nameOf = (picture, index) => picture.name || `picture ${index + 1}`;

const sizeOf = (picture) => picture.size ?? picture.byteLength;

/** The pictures in lists that a request may hold. */
function requests(pictures, { max_pictures: most, max_upload: largest }) {
  const lists = [];
  let bytes = 0;
  for (const picture of pictures) {
    const size = sizeOf(picture) + AROUND;
    const last = lists.at(-1);
    if (last && last.length < most && bytes + size <= LARGEST * largest) {
      last.push(picture);
      bytes += size;
    } else {
      lists.push([picture]);
      bytes = size;
    }
  }
  return lists;
}

/** Whether the service would not even hear a request with this picture alone. */
const tooLarge = (picture, { max_upload: largest }) => sizeOf(picture) + AROUND > LARGEST * largest;

/** The row of a picture that is not sent, in the service's words. */
function unsent(picture, source, model, { models, max_upload: largest }) {
  const { name, sha256 } = models.find(({ name }) => name === model) ?? models[0];
  const message = `the picture has more than ${largest} bytes: ${sizeOf(picture)}`;
  const error = { kind: "too_large", reason: "too_large", message, hint: "make the picture smaller" };
  return { label: null, confidence: null, uncertain: false, words: message, schema: "fervor.prediction/1", source, width: null, height: null, model: { name, sha256 }, faces: [], error };
}

const blobOf = (picture) => (picture instanceof Blob ? picture : new Blob([picture]));

/** What a canvas shows, as a JPEG. */
async function encoded(canvas) {
  if (canvas.convertToBlob) return canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY });
  const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", QUALITY));
  if (!blob) throw new Error("it cannot be encoded");
  return blob;
}

/** The key as a WebSocket can carry it: a subprotocol with the key's bytes in hexadecimal. */
function protocols(key) {
  const bytes = [...new TextEncoder().encode(key)];
  return key ? ["fervor", "key." + bytes.map((byte) => byte.toString(16).padStart(2, "0")).join("")] : ["fervor"];
}

/** Live pictures over the WebSocket. Made by `Client.live`. */
export class ServiceLive {
  #socket; #smoothing; #maxSide; #canvas = null; #encoding = 0; #sent = new Map(); #frames = 0; #over = false;

  constructor(address, key, { model = "", smoothing = 0.5, look = 0.2, maxSide = 640, onAnswer = null, onError = null, onEnd = null } = {}) {
    const at = new URL("ws", address);
    at.protocol = at.protocol.replace("http", "ws");
    if (model) at.searchParams.set("model", model);
    Object.assign(this, { onAnswer, onError, onEnd });
    this.#smoothing = smoothing;
    this.#maxSide = maxSide;
    this.#socket = new WebSocket(at, protocols(key));
    this.#socket.addEventListener("message", ({ data }) => this.#answer(JSON.parse(data)));
    const failed = (event) => new ServiceError({ kind: "unreachable", message: event.reason || "the connection to the service ended", hint: event.reason ? null : "is it still running?" });
    /** Resolves once frames can be sent. */
    this.opened = new Promise((done, fail) => {
      this.#socket.addEventListener("open", () => {
        if (smoothing !== 0.5) this.smoothing = smoothing;
        if (look !== 0) this.#socket.send(JSON.stringify({ look }));
        done();
      }, { once: true });
      this.#socket.addEventListener("close", (event) => {
        fail(failed(event));
        if (!this.#over) this.onEnd?.(failed(event));
        this.#over = true;
      }, { once: true });
    });
    this.opened.catch(() => {});
  }

  /** Whether a frame that is shown now would be sent. */
  get idle() {
    return !this.#over && this.#socket.readyState === 1 && this.#encoding + this.#sent.size < LANES;
  }

  /** Sends a frame: a file's Blob as it is, a video or a canvas as a JPEG. One that comes while two are on their way is dropped, and so
   * is one that shows nothing yet. `time` is when it is shown in its film, in seconds; without it, it is shown now. */
  push(source, { time = null } = {}) {
    if (!this.idle) return;
    const taken = performance.now();
    if (source instanceof Blob) return this.#put(source, taken, time);
    const [wide, high] = [source.videoWidth ?? source.width, source.videoHeight ?? source.height];
    if (!(wide > 0 && high > 0)) return;
    const scale = Math.min(1, this.#maxSide / Math.max(wide, high));
    this.#canvas ??= typeof OffscreenCanvas === "function" ? new OffscreenCanvas(1, 1) : document.createElement("canvas");
    [this.#canvas.width, this.#canvas.height] = [Math.max(1, Math.round(wide * scale)), Math.max(1, Math.round(high * scale))];
    this.#canvas.getContext("2d").drawImage(source, 0, 0, this.#canvas.width, this.#canvas.height);
    this.#encoding += 1;
    encoded(this.#canvas).then((blob) => this.#put(blob, taken, time), (error) => {
      if (!this.#over) this.onError?.(new ServiceError({ kind: "input", reason: "inaccessible", message: `the picture cannot be looked at: ${error.message}` }), this.#frames + 1);
    }).finally(() => (this.#encoding -= 1));
  }

  #put(blob, taken, time) {
    if (this.#over || this.#socket.readyState !== 1) return;
    if (time !== null) this.#socket.send(JSON.stringify({ time }));
    this.#socket.send(blob);
    this.#frames += 1;
    this.#sent.set(this.#frames, taken);
  }

  #answer(answer) {
    if (this.#over) return;
    const now = performance.now();
    const delay = now - (this.#sent.get(answer.frame) ?? now);
    for (const frame of this.#sent.keys()) if (frame <= answer.frame) this.#sent.delete(frame);
    if (answer.error) return this.onError?.(new ServiceError(answer.error), answer.frame);
    this.onAnswer?.({ ...answer, delay });
  }

  /** The time constant of the smoothing, in seconds. */
  get smoothing() {
    return this.#smoothing;
  }

  set smoothing(seconds) {
    this.#smoothing = seconds;
    if (this.#socket.readyState === 1) this.#socket.send(JSON.stringify({ smoothing: seconds }));
  }

  /** Ends it. */
  stop() {
    this.#over = true;
    this.#socket.close();
  }
}
