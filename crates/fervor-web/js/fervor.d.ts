/** Finds the faces of a picture and says which expression each shows, in the browser: nothing leaves the device. */

/** What may be looked at. Of a file's bytes and of Blobs the answer is the command line's, to rounding; of what a browser has decoded
 * (bitmaps, videos, canvases) it is that of the browser's pixels. */
export type Source =
  | Blob | ArrayBuffer | ArrayBufferView
  | ImageBitmap | HTMLVideoElement | HTMLImageElement | HTMLCanvasElement | OffscreenCanvas | VideoFrame
  /** Of bytes: ImageData with `rgba-float16` is refused. */
  | ImageData | { data: Uint8Array | Uint8ClampedArray; width: number; height: number };

/** A class of a model; the built-in ones have these, and `contempt` that of fervor-48-votes. */
export type Label = "angry" | "disgust" | "fear" | "happy" | "neutral" | "sad" | "surprise" | "contempt" | (string & {});

/** A reason to trust an answer less. */
export type Flag = "small" | "doubtful" | "profile" | "blurred" | "dark" | "flat" | "cut_off" | "turned" | (string & {});

/** In pixels of the upright picture. */
export interface Box { x: number; y: number; width: number; height: number }

/** What went wrong, in the words of every program of Fervor. */
export interface ErrorInfo {
  kind: "input" | "model" | "data" | "output" | "internal" | (string & {});
  reason: string | null;
  message: string;
  hint: string | null;
}

/** One face of a picture. */
export interface Face {
  box: Box;
  score: number | null;
  /** Eyes, nose, corners of the mouth, as they lie in the picture from left to right; empty for a picture that is one face. */
  landmarks: [number, number][];
  label: Label;
  confidence: number;
  /** Whether no class reaches one half. */
  uncertain: boolean;
  /** "looks happy, 95 %" */
  words: string;
  probabilities: Record<Label, number>;
  /** The classes that may be meant, where the model knows how to say it. */
  plausible?: Label[];
  quality: { flags: Flag[] };
}

/** All that is said of one picture: `fervor.prediction/1`, as of the command line, the service and Python. */
export interface Row {
  schema: "fervor.prediction/1";
  source: string;
  width: number | null;
  height: number | null;
  model: { name: string; sha256: string };
  /** The largest first; empty where no face was found, which is a normal answer. */
  faces: Face[];
  error: ErrorInfo | null;
}

/** A face with its track; label, confidence, words and probabilities are smoothed in time. */
export interface LiveFace extends Omit<Face, "landmarks" | "plausible"> {
  track: number;
  /** Seconds since the track began. */
  age: number;
  /** What this picture alone says, without the track's past. */
  frame_probabilities: Record<Label, number>;
}

/** The answer to a frame, as the service's WebSocket sends it. */
export interface LiveAnswer {
  /** Counts the frames that came, from 1. */
  frame: number;
  /** Frames that got no answer because a newer one came. */
  dropped: number;
  /** Milliseconds from the frame to its answer. */
  ms: number;
  width: number;
  height: number;
  faces: LiveFace[];
}

/** How a picture is looked at. */
export interface Options {
  /** How the row calls it; by default a file's name. */
  source?: string;
  /** The picture's longer side in the detector's input, 64 to 4096; 640 where it is not said. */
  longSide?: number;
  /** The least score of a face, 0 to 1; 0.7. */
  threshold?: number;
  maxFaces?: number;
  /** Looks at all detail, for small faces in large pictures; takes much longer. */
  detail?: boolean;
  /** Looks for faces that lie on their side or stand on their head, where none is clearly upright; true, and false for live pictures. */
  turns?: boolean;
  /** The picture is one face. */
  whole?: boolean;
  /** The row of the frame before, of a film or a camera: its faces are looked for where they were, which takes a fraction of a look at
   * everything, and everything is looked at if one of them is not there any more. Faces that are new are not seen. */
  near?: Row | null;
  /** Larger files are refused before they are decoded. */
  maxPixels?: number;
  /** Videos, canvases and bitmaps are made smaller first, to this longer side; boxes are then in those pixels. */
  maxSide?: number;
}

export interface LoadOptions {
  /** `fervor-nano` where it is not said; another model's name, the address of a bundle's file, or its bytes. */
  model?: "fervor-nano" | "fervor-48" | "fervor-48-votes" | (string & {}) | URL | ArrayBuffer | Uint8Array | Blob | Response;
  /** The folder that the package's files are served from, where it is not that of its script. */
  base?: string | URL;
  /** Whether the work is done in a worker: "auto" takes one where there can be one. */
  worker?: boolean | "auto";
  /** Which build; by default the best that this browser understands. */
  build?: "relaxed" | "simd" | "plain" | (string & {});
  /** Whether what decodes files is loaded right away, or with the first file; a page that shows a camera alone never needs it. */
  files?: boolean;
  /** The module, compiled or its bytes, instead of an address. Only with `worker: false` where it is bytes. */
  module?: WebAssembly.Module | BufferSource;
}

export interface ModelInfo {
  name: string;
  sha256: string;
  labels: Label[];
  description: string;
  licence: string;
  notes: string[];
}

export interface LiveOptions extends Options {
  onAnswer(answer: LiveAnswer): void;
  /** A frame without an answer; what is not taken here is an uncaught error. The next frame is answered all the same. */
  onError?(error: FervorError, frame: number): void;
  /** Seconds over which answers are averaged; 0.5. */
  smoothing?: number;
  /** Seconds from one look at everything to the next; between, faces are looked for where they were. 0.2; 0 looks at everything always. */
  look?: number;
}

/** Loads a model. */
export function load(options?: LoadOptions): Promise<Fervor>;

/** The build that this browser gets. */
export function build(): string;

/** The models of this package, the smallest first. */
export function modelNames(): string[];

export class FervorError extends Error implements ErrorInfo {
  constructor(info: { kind: ErrorInfo["kind"]; message: string; reason?: string | null; hint?: string | null }, row?: Row | null);
  kind: ErrorInfo["kind"];
  reason: string | null;
  hint: string | null;
  /** The row of the picture, where there is one. */
  row: Row | null;
}

/** A model that is loaded. */
export class Fervor {
  private constructor();
  readonly model: ModelInfo;
  readonly build: string;
  readonly where: "worker" | "page";
  /** Rejects with a FervorError where there is no answer. */
  analyze(source: Source, options?: Options): Promise<Row>;
  /** A row for each picture, with an answer or a reason: one bad file never stops the others. */
  analyzeAll(sources: Iterable<Source> | AsyncIterable<Source>, options?: Options): AsyncGenerator<Row>;
  /** A picture's file as a PNG, upright: for formats that the browser cannot show, such as TIFF. */
  png(file: Blob | ArrayBuffer | ArrayBufferView): Promise<Blob>;
  tracker(options?: { smoothing?: number }): Promise<Tracker>;
  live(options: LiveOptions): Live;
  /** Bytes that WebAssembly holds, for all models of its thread; it grows with the largest picture, and then no more. */
  memory(): Promise<number>;
  /** Frees the model, and its worker; what is still asked is rejected. */
  close(): Promise<void>;
}

/** Joins the faces of successive frames into tracks. */
export class Tracker {
  private constructor();
  /** The faces of the frame at `time`, in seconds, never before the last one's. */
  update(row: Row, time: number): Promise<LiveFace[]>;
  smooth(seconds: number): Promise<void>;
  close(): Promise<void>;
}

/** Live pictures: the newest frame wins. */
export class Live {
  private constructor();
  readonly frames: number;
  readonly dropped: number;
  readonly idle: boolean;
  smoothing: number;
  /** Of a video or a canvas what it shows once there is time for it is looked at. `time`: when it is shown in its film, in seconds,
   * never before the last one; without it, it is shown now. */
  push(source: Source, when?: { time?: number }): void;
  /** Shows each frame of a playing video. */
  watch(video: HTMLVideoElement): this;
  stop(): void;
}
