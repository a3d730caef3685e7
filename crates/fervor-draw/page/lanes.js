// Faces over time: a lane a track with stacked probabilities, episodes, doubt. The report of a film and the page of the service
// draw with it.

/** A film: when each frame begins (`times`, seconds), its number (`indices`), and tracks. Of a track, `at` holds the frames in
 * which it is seen (places in `times`), `p` the probabilities of its classes one after the other (0 to 1000), `boxes` four
 * numbers each, `flags` a bit for each of `flagNames`. */
export function place({ times }, time) {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle] <= time + 5e-4) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** Where a track's arrays hold the frame at this place; -1 where the face is not seen in it. */
export function seenAt({ at }, frame) {
  let [low, high] = [0, at.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at[middle] < frame) low = middle + 1;
    else high = middle;
  }
  return at[low] === frame ? low : -1;
}

/** The face of a track in the frame at this place, with its classes ranked; null where it is not seen. */
export function faceOf(film, track, frame) {
  const seen = seenAt(track, frame);
  if (seen < 0) return null;
  const count = film.labels.length;
  const ranked = film.labels.map((label, index) => [label, track.p[seen * count + index] / 1000]).sort((a, b) => b[1] - a[1]);
  const [x, y, width, height] = track.boxes.slice(4 * seen, 4 * seen + 4);
  const flags = film.flagNames.filter((_, bit) => (track.flags[seen] >> bit) & 1);
  return { ranked, label: ranked[0][0], confidence: ranked[0][1], uncertain: ranked[0][1] < 0.5, box: { x, y, width, height }, flags };
}

/** "1:02.35", with hours where there are some. */
export function clock(time, digits = 2) {
  const whole = Math.max(0, Math.round(time * 10 ** digits) / 10 ** digits);
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  const seconds = (whole % 60).toFixed(digits).padStart(digits ? 3 + digits : 2, "0");
  return hours ? `${hours}:${String(minutes).padStart(2, "0")}:${seconds}` : `${minutes}:${seconds}`;
}

export const percent = (share) => `${Math.min(99, Math.round(100 * share))} %`;

const STRIP = 22; // episodes, above the areas
const FOOT = 5; // quality, below them
const AREA = 72;
const FIRST = 12; // lanes before "show all"

function node(tag, classes = "", text = "") {
  const element = document.createElement(tag);
  element.className = classes;
  element.textContent = text;
  return element;
}

/** Round steps of an axis, about so many. */
function steps(span, wanted) {
  const all = [0.04, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600];
  return all.find((step) => span / step <= wanted) ?? 3600;
}

export class Lanes {
  /** Draws into `root`. `colour(label)`, `word(label)`; `head(track)` gives what stands beside a lane; `onSeek(time)` is told
   * where a person wants to be. */
  constructor(root, film, { colour, word = (label) => label, head = (track) => node("b", "", `Face ${track.track}`), onSeek = () => {} }) {
    Object.assign(this, { root, film, colour, word, head, onSeek, now: film.start, all: false, lanes: [] });
    this.view = [film.start, film.end];
    root.classList.add("lanes");
    this.tip = node("div", "lane-tip");
    this.tip.hidden = true;
    new ResizeObserver(() => this.draw()).observe(root);
    for (const query of ["(prefers-color-scheme: dark)", "print"]) matchMedia(query).addEventListener("change", () => this.draw());
    this.build();
  }

  /** Draws another film, or the same one after more of it was seen. */
  update(film) {
    this.film = film;
    this.view = [film.start, film.end];
    this.build();
  }

  /** Makes the lanes anew. */
  build() {
    const { film, root } = this;
    const tracks = this.all ? film.tracks : film.tracks.slice(0, FIRST);
    this.axis = node("canvas", "lane-axis");
    this.lanes = tracks.map((track) => this.lane(track));
    const top = node("div", "lane axis");
    const body = node("div", "lane-body");
    body.append(this.axis);
    top.append(node("div", "lane-head"), body);
    root.replaceChildren(top, ...this.lanes.map(({ element }) => element), this.tip);
    if (film.tracks.length > tracks.length) {
      const more = node("button", "button lane-more", `Show all ${film.tracks.length} faces`);
      more.type = "button";
      more.addEventListener("click", () => {
        this.all = true;
        this.build();
      });
      root.append(more);
    }
    this.draw();
  }

  lane(track) {
    const element = node("div", "lane");
    const head = node("div", "lane-head");
    head.append(this.head(track));
    const body = node("div", "lane-body");
    const canvas = node("canvas");
    canvas.setAttribute("role", "img");
    canvas.setAttribute("aria-label", `Expressions of face ${track.track} over time; the table of episodes holds the same in words.`);
    const [now, hover] = [node("i", "lane-now"), node("i", "lane-hover")];
    hover.hidden = true;
    body.append(canvas, hover, now);
    element.append(head, body);
    const lane = { track, element, body, canvas, now, hover };
    const time = (event) => {
      const { left, width } = body.getBoundingClientRect();
      return this.view[0] + (Math.min(Math.max(event.clientX - left, 0), width) / width) * (this.view[1] - this.view[0]);
    };
    body.addEventListener("pointerdown", (event) => {
      if (event.button) return;
      body.setPointerCapture(event.pointerId);
      this.onSeek(time(event));
    });
    body.addEventListener("pointermove", (event) => {
      if (event.buttons & 1) this.onSeek(time(event));
      this.point(lane, time(event), event);
    });
    body.addEventListener("pointerleave", () => this.point(null));
    body.addEventListener("wheel", (event) => {
      if (!event.ctrlKey && !event.metaKey) return;
      event.preventDefault();
      this.zoom(event.deltaY < 0 ? 0.7 : 1 / 0.7, time(event));
    }, { passive: false });
    return lane;
  }

  /** Shows the values under the pointer. */
  point(lane, time, event) {
    for (const other of this.lanes) other.hover.hidden = !lane;
    this.tip.hidden = !lane;
    if (!lane) return;
    for (const other of this.lanes) other.hover.style.left = `${100 * this.share(time)}%`;
    const frame = place(this.film, time);
    const face = frame < 0 ? null : faceOf(this.film, lane.track, frame);
    const title = node("b", "", `${clock(this.film.times[Math.max(frame, 0)] ?? time, 3)} · frame ${this.film.indices[Math.max(frame, 0)] ?? 0}`);
    const rows = face ? face.ranked.slice(0, 4).map(([label, p]) => {
      const row = node("span", "lane-value");
      const dot = node("i", "dot");
      dot.style.setProperty("--c", this.colour(label));
      row.append(dot, node("span", "", this.word(label)), node("span", "", percent(p)));
      return row;
    }) : [node("span", "quiet-text", this.film.failed?.get(frame) ?? "not seen")];
    const remarks = face ? [...(face.uncertain ? ["uncertain"] : []), ...face.flags.map((flag) => flag.replaceAll("_", " "))] : [];
    this.tip.replaceChildren(title, ...rows, ...(remarks.length ? [node("span", "lane-remark", remarks.join(", "))] : []));
    const { left, top, width } = this.root.getBoundingClientRect();
    const x = event.clientX - left;
    const right = x > width / 2;
    Object.assign(this.tip.style, {
      left: right ? "auto" : `${x + 14}px`, right: right ? `${width - x + 14}px` : "auto", top: `${event.clientY - top + 14}px`,
    });
  }

  /** Where a time lies in what is shown, 0 to 1. */
  share(time) {
    return (time - this.view[0]) / Math.max(1e-6, this.view[1] - this.view[0]);
  }

  /** Moves the line of the present; a part that is looked at closely follows it. */
  seek(time) {
    this.now = time;
    const share = this.share(time);
    if (this.isZoomed() && (share < 0 || share > 1)) {
      const span = this.view[1] - this.view[0];
      this.show(time - 0.05 * span, time + 0.95 * span);
    }
    this.mark();
  }

  mark() {
    const share = this.share(this.now);
    for (const { now } of this.lanes) {
      now.hidden = share < 0 || share > 1;
      now.style.left = `${100 * share}%`;
    }
  }

  isZoomed() {
    return this.view[1] - this.view[0] < this.film.end - this.film.start - 1e-6;
  }

  /** Shows a part of the film that is `factor` as long, around a time. */
  zoom(factor, about = this.now) {
    const [from, to] = this.view;
    const span = Math.min(this.film.end - this.film.start, Math.max(0.4, (to - from) * factor));
    const share = Math.min(1, Math.max(0, this.share(about)));
    this.show(about - share * span, about + (1 - share) * span);
  }

  /** Shows the film from one time to another. */
  show(from, to) {
    const { start, end } = this.film;
    const span = Math.min(to - from, end - start);
    const first = Math.min(Math.max(from, start), end - span);
    this.view = [first, first + span];
    this.draw();
  }

  draw() {
    const style = getComputedStyle(this.root);
    const ink = Object.fromEntries(["text", "quiet", "line", "track", "card", "warn-line"].map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    this.drawAxis(ink);
    for (const lane of this.lanes) this.drawLane(lane, ink);
    this.mark();
  }

  pen(canvas, height) {
    const width = canvas.clientWidth;
    const ratio = devicePixelRatio || 1;
    [canvas.width, canvas.height] = [Math.round(width * ratio), Math.round(height * ratio)];
    canvas.style.height = `${height}px`;
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    return [pen, width];
  }

  drawAxis(ink) {
    const [pen, width] = this.pen(this.axis, 20);
    const [from, to] = this.view;
    const step = steps(to - from, Math.max(2, width / 90));
    pen.font = "12px system-ui, sans-serif";
    pen.fillStyle = ink.quiet;
    pen.strokeStyle = ink.line;
    for (let tick = Math.ceil(from / step) * step; tick <= to + 1e-6; tick += step) {
      const x = this.share(tick) * width;
      pen.textAlign = x < 18 ? "left" : x > width - 18 ? "right" : "center";
      pen.fillText(clock(tick, step < 0.1 ? 2 : step < 1 ? 1 : 0), x, 12);
      pen.beginPath();
      pen.moveTo(x, 16);
      pen.lineTo(x, 20);
      pen.stroke();
    }
  }

  drawLane({ track, canvas }, ink) {
    const height = STRIP + AREA + FOOT;
    const [pen, width] = this.pen(canvas, height);
    const { film } = this;
    const classes = film.labels.length;
    pen.fillStyle = ink.track;
    pen.globalAlpha = 0.45;
    pen.fillRect(0, STRIP, width, AREA);
    pen.globalAlpha = 1;
    const columns = this.columns(track, Math.ceil(width));
    // Stacked from the bottom, the least frequent classes highest, so that the picture is calm.
    const order = track.order ?? film.labels.map((_, index) => index);
    const base = new Float32Array(columns.length).fill(STRIP + AREA);
    for (const index of order) {
      pen.fillStyle = this.colour(film.labels[index]);
      columns.forEach((column, x) => {
        if (!column) return;
        const tall = column.p[index] * AREA;
        base[x] -= tall;
        if (tall > 0.2) pen.fillRect(x, base[x], 1.02, tall + 0.3);
      });
    }
    const runs = (is) => {
      const found = [];
      columns.forEach((column, x) => {
        if (!column || !is(column)) return;
        if (found.at(-1)?.[1] === x) found.at(-1)[1] = x + 1;
        else found.push([x, x + 1]);
      });
      return found;
    };
    // Doubt: the colours stand back behind hatching.
    pen.save();
    pen.beginPath();
    for (const [from, to] of runs((column) => column.top < 0.5)) pen.rect(from, STRIP, to - from, AREA);
    pen.clip();
    pen.fillStyle = ink.card;
    pen.globalAlpha = 0.5;
    pen.fillRect(0, STRIP, width, AREA);
    pen.globalAlpha = 0.75;
    pen.strokeStyle = ink.quiet;
    pen.lineWidth = 1;
    pen.beginPath();
    for (let x = -AREA; x < width; x += 7) {
      pen.moveTo(x, STRIP + AREA);
      pen.lineTo(x + AREA, STRIP);
    }
    pen.stroke();
    pen.restore();
    pen.fillStyle = ink["warn-line"];
    for (const [from, to] of runs((column) => column.flagged)) pen.fillRect(from, STRIP + AREA + 2, Math.max(1, to - from), FOOT - 2);
    pen.strokeStyle = ink.line;
    pen.strokeRect(0.5, STRIP + 0.5, width - 1, AREA - 1);
    for (const episode of track.episodes) this.drawEpisode(pen, width, episode, ink);
  }

  drawEpisode(pen, width, episode, ink) {
    const [from, to] = [this.share(episode.onset_s) * width, this.share(episode.offset_s) * width];
    if (to < 0 || from > width) return;
    const wide = Math.max(2, to - from - 1);
    pen.fillStyle = this.colour(episode.label);
    pen.beginPath();
    pen.roundRect(from, 1, wide, STRIP - 6, Math.min(4, wide / 2));
    pen.fill();
    const apex = this.share(episode.apex_s) * width;
    pen.fillStyle = ink.text;
    pen.beginPath();
    pen.moveTo(apex - 3.5, STRIP - 4);
    pen.lineTo(apex + 3.5, STRIP - 4);
    pen.lineTo(apex, STRIP);
    pen.fill();
    pen.font = "600 11.5px system-ui, sans-serif";
    const text = this.word(episode.label);
    const [left, right] = [Math.max(from, 0), Math.min(from + wide, width)];
    if (pen.measureText(text).width + 10 > right - left) return;
    pen.fillStyle = "#0d1520";
    pen.textAlign = "left";
    pen.fillText(text, left + 5, 13);
  }

  /** For each column of pixels what a track shows in its time: mean probabilities, the highest of them, whether the picture was
   * poor; null where it is not seen. */
  columns(track, width) {
    const { film } = this;
    const classes = film.labels.length;
    const [from, to] = this.view;
    const time = (x) => from + (x / width) * (to - from);
    let seen = Math.max(0, track.at.findIndex((frame) => frame >= place(film, from)));
    const result = Array(width).fill(null);
    for (let x = 0; x < width; x += 1) {
      const [first, last] = [place(film, time(x)), Math.max(place(film, time(x)), place(film, time(x + 1) - 1e-3))];
      while (seen < track.at.length && track.at[seen] < first) seen += 1;
      let [count, flagged] = [0, false];
      const p = new Float32Array(classes);
      for (let face = seen; face < track.at.length && track.at[face] <= last; face += 1) {
        count += 1;
        flagged ||= track.flags[face] !== 0;
        for (let index = 0; index < classes; index += 1) p[index] += track.p[face * classes + index] / 1000;
      }
      if (!count) continue;
      for (let index = 0; index < classes; index += 1) p[index] /= count;
      result[x] = { p, top: Math.max(...p), flagged };
    }
    return result;
  }
}
