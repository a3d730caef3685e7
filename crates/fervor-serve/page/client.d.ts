/** A client of `fervor serve`: HTTP and the WebSocket. */

import type { ErrorInfo, LiveAnswer, Row } from "./fervor.js";

export type { Box, ErrorInfo, Face, Flag, Label, LiveAnswer, LiveFace, Row } from "./fervor.js";

/** A row with what is said of its main, largest face on top. */
export interface Answer extends Row {
  label: string | null;
  confidence: number | null;
  uncertain: boolean;
  words: string;
}

export interface ClientOptions {
  /** Where the service is; in its own page, that page. */
  address?: string;
  key?: string;
  /** Called where the service asks for a key; resolves to it, or to nothing. */
  askKey?(): Promise<string | null>;
  /** How often it comes again where the service is busy; 8. */
  retries?: number;
}

export interface PredictOptions {
  /** Which model answers, where the service has several. */
  model?: string;
  /** Only so many classes, the most probable. */
  top?: number;
  /** Leaves out faces of fewer pixels, by the shorter side of their box. */
  minFace?: number;
  /** Leaves out faces that the detector is less sure of, 0 to 1. */
  minScore?: number;
  signal?: AbortSignal;
}

/** A file with its name, or its bytes. */
export type Picture = Blob | (BufferSource & { name?: string });

/** What the service says of itself. */
export interface About {
  version: string;
  /** How a face of each class looks, in an adjective. */
  words: Record<string, string>;
  models: { name: string; sha256: string; description: string; labels: string[]; licence: string; accuracy: number | null; plausible: boolean }[];
  max_upload: number;
  max_pictures: number;
  needs_key: boolean;
}

export interface LiveOptions {
  model?: string;
  /** Seconds over which answers are averaged; 0.5. */
  smoothing?: number;
  /** Seconds from one look at everything to the next; between, faces are looked for where they were. 0.2; 0 looks at everything always. */
  look?: number;
  /** Videos and canvases are sent with this longer side at most; 640. */
  maxSide?: number;
  /** `delay`: milliseconds from the frame to its answer, as this program saw it. */
  onAnswer?(answer: LiveAnswer & { delay: number }): void;
  onError?(error: ServiceError, frame: number): void;
  /** The connection ended, and not by `stop`. */
  onEnd?(error: ServiceError): void;
}

export class ServiceError extends Error implements ErrorInfo {
  constructor(info: { kind: ErrorInfo["kind"]; message: string; reason?: string | null; hint?: string | null }, status?: number);
  kind: ErrorInfo["kind"];
  reason: string | null;
  hint: string | null;
  /** Of HTTP; 0 where there was none. */
  status: number;
}

export class Client {
  constructor(options?: ClientOptions);
  key: string;
  about(): Promise<About>;
  predict(picture: Picture, options?: PredictOptions): Promise<Answer>;
  predictAll(pictures: Iterable<Picture>, options?: PredictOptions): Promise<Answer[]>;
  annotated(picture: Picture, options?: PredictOptions): Promise<Blob>;
  live(options?: LiveOptions): Promise<ServiceLive>;
}

export class ServiceLive {
  private constructor();
  readonly opened: Promise<void>;
  /** Whether a frame that is shown now would be sent. */
  readonly idle: boolean;
  smoothing: number;
  /** A frame that shows nothing yet, of a video that has not been loaded, is left out. `time`: when it is shown in its film, in seconds, never before the last one; without it, it is shown now. */
  push(source: Blob | HTMLVideoElement | HTMLCanvasElement | OffscreenCanvas | ImageBitmap, when?: { time?: number }): void;
  stop(): void;
}
