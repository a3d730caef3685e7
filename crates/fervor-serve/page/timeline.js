// A chart of the last seconds: a line for each class.

import { colour } from "./view.js";

/** Seconds that the chart shows. */
const SPAN = 20;
/** Between answers further apart than this, in seconds, no line is drawn. */
const GAP = 1;

export class Timeline {
  constructor(canvas) {
    this.canvas = canvas;
    this.points = [];
  }

  clear() {
    this.points = [];
  }

  /** An answer: probabilities by class, or null where no face was seen. */
  add(probabilities) {
    const now = performance.now() / 1000;
    this.points.push({ time: now, probabilities });
    while (this.points.length && this.points[0].time < now - SPAN - GAP) this.points.shift();
  }

  draw() {
    const { canvas } = this;
    const [width, height] = [canvas.clientWidth, canvas.clientHeight];
    const ratio = devicePixelRatio || 1;
    if (canvas.width !== Math.round(width * ratio)) canvas.width = Math.round(width * ratio);
    if (canvas.height !== Math.round(height * ratio)) canvas.height = Math.round(height * ratio);
    const pen = canvas.getContext("2d");
    const style = getComputedStyle(canvas);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const [left, right, top, bottom] = [42, width - 4, 6, height - 22];
    const now = performance.now() / 1000;
    const x = (time) => right - ((now - time) / SPAN) * (right - left);
    const y = (p) => bottom - p * (bottom - top);

    pen.font = "12px system-ui, sans-serif";
    pen.fillStyle = style.getPropertyValue("--quiet");
    pen.strokeStyle = style.getPropertyValue("--line");
    pen.lineWidth = 1;
    pen.textAlign = "right";
    pen.textBaseline = "middle";
    for (const p of [0, 0.5, 1]) {
      pen.beginPath();
      pen.moveTo(left, y(p));
      pen.lineTo(right, y(p));
      pen.stroke();
      pen.fillText(`${100 * p} %`, left - 6, y(p));
    }
    pen.textBaseline = "top";
    for (let s = 0; s <= SPAN; s += 5) {
      pen.textAlign = s === 0 ? "right" : "center";
      pen.fillText(s === 0 ? "now" : `−${s} s`, s === SPAN ? left + 14 : x(now - s), bottom + 6);
    }

    pen.save();
    pen.beginPath();
    pen.rect(left, 0, right - left, height);
    pen.clip();
    pen.lineWidth = 2.2;
    pen.lineJoin = "round";
    const labels = Object.keys(this.points.findLast((point) => point.probabilities)?.probabilities ?? {});
    for (const label of labels) {
      pen.strokeStyle = colour(label);
      pen.beginPath();
      let before = null;
      for (const point of this.points) {
        const p = point.probabilities?.[label];
        if (p !== undefined) {
          const joined = before && point.time - before.time < GAP;
          if (joined) pen.lineTo(x(point.time), y(p));
          else pen.moveTo(x(point.time), y(p));
        }
        before = p === undefined ? null : point;
      }
      pen.stroke();
    }
    pen.restore();
  }
}
