// Live pictures: one frame is worked on, the newest waits, older ones are dropped rather than answered late.

/** What follows the faces of a camera or a film. Made by `fervor.live()`. */
export class Live {
  #fervor; #options; #smoothing; #tracker = null; #waiting = null; #working = false; #look; #last = null; #looked = -Infinity; #over = false; #began = performance.now(); #handles = [];

  /** Frames that came, and those of them that got no answer because a newer one came. */
  frames = 0;
  dropped = 0;

  constructor(fervor, { onAnswer, onError = null, smoothing = 0.5, look = 0.2, maxSide = 640, ...options } = {}) {
    this.#fervor = fervor;
    this.#look = look;
    this.#smoothing = smoothing;
    this.#options = { turns: false, maxSide, ...options };
    Object.assign(this, { onAnswer, onError });
  }

  /** Shows a frame; of a video or a canvas, what it shows once there is time for it. `time` is when it is shown in its film, in
   * seconds; without it, it is shown now. */
  push(source, { time = null } = {}) {
    if (this.#over) return;
    this.frames += 1;
    if (this.#waiting) this.dropped += 1;
    this.#waiting = { source, time, number: this.frames, came: performance.now() };
    if (!this.#working) this.#work();
  }

  /** Whether a frame that is shown now would be looked at right away. */
  get idle() {
    return !this.#working && !this.#over;
  }

  /** Shows each frame of a playing video, until `stop`. */
  watch(video) {
    const next = video.requestVideoFrameCallback ? (act) => video.requestVideoFrameCallback(act) : requestAnimationFrame;
    const tick = () => {
      if (this.#over) return;
      if (video.readyState >= 2) this.push(video);
      next(tick);
    };
    next(tick);
    return this;
  }

  /** The time constant of the smoothing, in seconds. */
  get smoothing() {
    return this.#smoothing;
  }

  set smoothing(seconds) {
    this.#smoothing = seconds;
    if (!this.#over) this.#tracker?.then((tracker) => tracker.smooth(seconds)).catch(() => {});
  }

  /** Ends it; a frame that is worked on gets no answer. */
  stop() {
    this.#over = true;
    this.#waiting = null;
    this.#tracker?.then((tracker) => tracker.close()).catch(() => {});
  }

  /** The row of the last frame, if the next one is to be looked at where its faces were; else all of it is. */
  #near(at) {
    // Times are rounded: a hair early is in time.
    if (this.#last && at - this.#looked < this.#look - 1e-6) return this.#last;
    this.#looked = at;
    return null;
  }

  async #work() {
    this.#working = true;
    if (!this.#tracker) {
      this.#tracker = this.#fervor.tracker({ smoothing: this.#smoothing });
      // Whoever waits for it hears why there is none.
      this.#tracker.catch(() => {});
    }
    while (this.#waiting && !this.#over) {
      const { source, time, number, came } = this.#waiting;
      this.#waiting = null;
      let answer = null;
      try {
        const at = time ?? (came - this.#began) / 1000;
        const row = await this.#fervor.analyze(source, { ...this.#options, near: this.#near(at) });
        this.#last = row;
        const faces = await (await this.#tracker).update(row, at);
        const { width, height } = row;
        const ms = Math.round(10 * (performance.now() - came)) / 10;
        answer = () => this.onAnswer?.({ frame: number, dropped: this.dropped, ms, width, height, faces });
      } catch (error) {
        this.#last = null;
        answer = () => (this.onError ? this.onError(error, number) : thrown(error));
      }
      try {
        if (!this.#over) answer();
      } catch (error) {
        thrown(error);
      }
    }
    this.#working = false;
  }
}

/** What nobody takes is an uncaught error, and the next frame is answered all the same. */
const thrown = (error) => queueMicrotask(() => { throw error; });
