// What was seen over time, kept in this page: its table is the one of `fervor video`, its lanes are those of the report.

import { FLAGS } from "./view.js";

const flagNames = Object.keys(FLAGS);
/** The time constant of the smoothing that looks both ways, and what makes an episode: as `fervor video` has them. */
const SMOOTHING = 0.25;
const RULE = { reach: 0.6, keep: 0.4, least: 0.3, bridge: 0.2 };

/** A number as programs of all languages read it: without an exponent. */
function plain(number) {
  const [digits, exponent] = String(number).split("e-");
  return exponent ? Number(number).toFixed(Number(exponent) + digits.replace(/[-.]/g, "").length - 1) : digits;
}
/** A computed number, to as many digits as mean something. */
const short = (number) => plain(Number(number.toFixed(6)));

const quoted = (value) => (/[",\r\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value));

export class Recording {
  /** Of a film or a camera that is called `source`. */
  constructor(source, labels) {
    Object.assign(this, { source, labels, frames: [], end: null });
  }

  /** Adds a frame's answer: of the service's WebSocket, or why there is none. */
  add(time, answer, index = this.frames.length) {
    const faces = (answer.faces ?? []).map((face) => ({
      track: face.track, box: face.box, score: face.score, flags: face.quality.flags,
      raw: this.labels.map((label) => face.frame_probabilities[label] ?? 0), smoothed: this.labels.map((label) => face.probabilities[label] ?? 0),
    }));
    this.frames.push({ time, index, faces, error: answer.error?.message ?? "" });
  }

  /** When a frame ends: with the next one, or with the film. */
  ends(at) {
    if (at + 1 < this.frames.length) return this.frames[at + 1].time;
    return Math.max(this.end ?? 0, this.frames[at].time + (at ? this.frames[at].time - this.frames[at - 1].time : 0));
  }

  /** The frames of each track, with their places. */
  tracks() {
    const tracks = new Map();
    this.frames.forEach((frame, at) => {
      for (const face of frame.faces) {
        if (!tracks.has(face.track)) tracks.set(face.track, []);
        tracks.get(face.track).push({ at, time: frame.time, end: this.ends(at), face });
      }
    });
    return tracks;
  }

  /** Smooths each track over what came before and after: an answer `seconds` away counts for 37 % of one that is shown now. */
  smooth(seconds = SMOOTHING) {
    for (const seen of this.tracks().values()) {
      const sums = seen.map(() => Array(this.labels.length + 1).fill(0));
      const pass = (order, own) => {
        const faded = Array(this.labels.length + 1).fill(0);
        let last = null;
        for (const place of order) {
          const { time, end, face } = seen[place];
          const fade = last === null ? 0 : Math.exp(-Math.abs(time - last) / seconds);
          last = time;
          const weight = Math.max(end - time, 1e-9);
          [...face.raw, 1].forEach((value, index) => {
            faded[index] *= fade;
            sums[place][index] += faded[index] + own * weight * value;
            faded[index] += weight * value;
          });
        }
      };
      const forth = seen.map((_, place) => place);
      pass(forth, 1);
      pass([...forth].reverse(), 0);
      seen.forEach(({ face }, place) => { face.smoothed = this.labels.map((_, index) => sums[place][index] / sums[place].at(-1)); });
    }
  }

  /** The stretches in which one class of a track is the likeliest and keeps its probability. */
  episodes(seen) {
    const { reach, keep, least, bridge } = RULE;
    const runs = [];
    for (const { time, end, face } of seen) {
      const peak = Math.max(...face.smoothed);
      const label = this.labels[face.smoothed.indexOf(peak)];
      if (peak < keep) continue;
      const run = runs.at(-1);
      if (run?.label === label && time - run.offset_s <= bridge + 1e-9) {
        run.offset_s = end;
        if (peak > run.peak) Object.assign(run, { peak, apex_s: time });
      } else {
        runs.push({ label, onset_s: time, apex_s: time, offset_s: end, peak });
      }
    }
    return runs.filter((run) => run.peak >= reach && run.offset_s - run.onset_s >= least - 1e-9);
  }

  /** As the lanes draw it. */
  film() {
    const { frames, labels } = this;
    const means = labels.map(() => 0);
    const tracks = [...this.tracks()].map(([track, seen]) => {
      for (const { face } of seen) face.smoothed.forEach((p, index) => { means[index] += p; });
      const bits = ({ flags }) => flags.reduce((sum, flag) => sum | (1 << flagNames.indexOf(flag)), 0);
      return {
        track, at: seen.map(({ at }) => at), p: seen.flatMap(({ face }) => face.smoothed.map((p) => Math.round(1000 * p))),
        boxes: seen.flatMap(({ face: { box } }) => [box.x, box.y, box.width, box.height]), flags: seen.map(({ face }) => bits(face)),
        episodes: this.episodes(seen), dominant: this.dominant(seen), frames: seen.length,
      };
    });
    const order = [...labels.keys()].sort((a, b) => means[b] - means[a]);
    for (const track of tracks) track.order = order;
    tracks.sort((a, b) => b.frames - a.frames);
    const failed = new Map(frames.flatMap((frame, at) => (frame.error ? [[at, frame.error]] : [])));
    const end = frames.length ? this.ends(frames.length - 1) : 0;
    return { labels, flagNames, failed, tracks, start: frames[0]?.time ?? 0, end, times: frames.map(({ time }) => time), indices: frames.map(({ index }) => index) };
  }

  /** The class that a track shows for the longest time with a certain answer. */
  dominant(seen) {
    const times = new Map();
    for (const { time, end, face } of seen) {
      const peak = Math.max(...face.smoothed);
      const label = this.labels[face.smoothed.indexOf(peak)];
      if (peak >= 0.5) times.set(label, (times.get(label) ?? 0) + end - time);
    }
    return [...times].sort((a, b) => b[1] - a[1])[0]?.[0] ?? null;
  }

  /** The table: a row a face and frame, and a row for a frame without a face or with an error. */
  csv() {
    const { labels } = this;
    const head = ["source", "frame", "time_s", "track", "x", "y", "width", "height", "score", "label", "confidence", "uncertain",
      ...labels.map((label) => `p_${label}`), ...labels.map((label) => `s_${label}`), "flags", "error"];
    const rows = this.frames.flatMap(({ time, index, faces, error }) => {
      const frame = [this.source, index, short(time)];
      if (!faces.length) return [[...frame, ...Array(head.length - 4).fill(""), error]];
      return faces.map(({ track, box, score, raw, smoothed, flags }) => {
        const peak = Math.max(...smoothed);
        return [...frame, track, ...["x", "y", "width", "height"].map((side) => plain(Number(box[side].toFixed(2)))), score === null ? "" : plain(score),
          labels[smoothed.indexOf(peak)], short(peak), peak < 0.5, ...raw.map(plain), ...smoothed.map(short), flags.join(" "), ""];
      });
    });
    return [head, ...rows].map((row) => row.map(quoted).join(",")).join("\n") + "\n";
  }
}
