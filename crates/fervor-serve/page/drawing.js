// A picture with its faces: over it on the page, or drawn into a file. One look for both: what is sure has a whole box, what is
// uncertain a dashed one; small faces have their box alone.

import { colour, make, ranked, tinted } from "./view.js";

/** Faces shown smaller than this have a box alone; in pixels of the screen. */
const BARE = 22;
/** Faces shown smaller than this have their number alone. */
const TERSE = 64;
/** More faces than this leave no room for bars. */
const CROWD = 6;

/** How much is written at a face whose box is so many pixels wide and high on the screen. */
function detail(width, height, count) {
  const side = Math.min(width, height);
  if (side < BARE) return "box";
  if (side < TERSE && count > 1) return "number";
  return count > CROWD ? "words" : "bars";
}

/** Where a box lies in a picture of width x height, cut at its edges. */
function inside({ box }, width, height, mirror = false) {
  const x = mirror ? width - box.x - box.width : box.x;
  const [left, top] = [Math.max(0, x), Math.max(0, box.y)];
  return { left, top, right: Math.min(width, x + box.width), bottom: Math.min(height, box.y + box.height) };
}

/** The text at a face: its number, where there are several, and its words. */
const title = (face, count) => (count > 1 && face.number ? `${face.number}  ${face.words}` : face.words);

/** Where a text of this size stands at a box so that it covers neither another text nor another face; null where there is no such
 * place. All in the same pixels; `taken` are the places of the other texts and boxes. */
function place(box, wide, tall, room, taken, gap) {
  const across = [box.left, box.right - wide, (box.left + box.right - wide) / 2].map((x) => Math.max(0, Math.min(x, room.width - wide)));
  const down = [box.top - tall - gap, box.bottom + gap].filter((y) => y >= 0 && y + tall <= room.height);
  const free = (x, y) => taken.every((other) => (
    x + wide <= other.left || other.right <= x || y + tall <= other.top || other.bottom <= y
  ));
  for (const y of down) {
    for (const x of across) if (free(x, y)) return { left: x, top: y, right: x + wide, bottom: y + tall };
  }
  return null;
}

/** Boxes with labels over a picture of width x height that fills `overlay`. `mirror` for a camera that shows itself. */
export function drawBoxes(overlay, faces, width, height, { mirror = false, onChoose = null } = {}) {
  const room = { width: overlay.clientWidth, height: overlay.clientHeight };
  const scale = room.width / width;
  const drawings = faces.map((face) => {
    const bounds = inside(face, width, height, mirror);
    const on = Object.fromEntries(Object.entries(bounds).map(([side, value]) => [side, value * scale]));
    const how = detail(on.right - on.left, on.bottom - on.top, faces.length);
    const box = tinted(make("div", { classes: face.uncertain ? "box unsure" : "box", title: title(face, faces.length) }), face.label);
    box.classList.toggle("thin", how === "box" || how === "number");
    box.dataset.number = face.number ?? "";
    Object.assign(box.style, {
      left: `${(100 * bounds.left) / width}%`, top: `${(100 * bounds.top) / height}%`,
      width: `${(100 * (bounds.right - bounds.left)) / width}%`, height: `${(100 * (bounds.bottom - bounds.top)) / height}%`,
    });
    if (onChoose) box.addEventListener("click", () => onChoose(face.number));
    if (how === "number") box.append(badge(face, on));
    return { face, on, box, tag: how === "bars" || how === "words" ? written(face, faces.length, how) : null };
  });
  overlay.replaceChildren(...drawings.flatMap(({ box, tag }) => (tag ? [box, tag] : [box])));
  const texts = [];
  for (const { face, on, box, tag } of drawings) {
    if (!tag) continue;
    const others = drawings.filter((other) => other.box !== box).map((other) => other.on);
    const [wide, tall] = [tag.offsetWidth, tag.offsetHeight];
    let spot = place(on, wide, tall, room, [...texts, ...others], 3);
    if (!spot && faces.length > 1) {
      tag.remove();
      box.append(badge(face, on));
      continue;
    }
    const left = Math.max(0, Math.min(on.left, room.width - wide));
    spot ??= { left, top: on.top + 5, right: left + wide, bottom: on.top + 5 + tall };
    texts.push(spot);
    Object.assign(tag.style, { left: `${spot.left}px`, top: `${spot.top}px` });
  }
}

/** A face's number: above its box, where the picture has room there. */
const badge = (face, { top }) => make("span", { classes: top < 16 ? "badge" : "badge over", text: String(face.number ?? "") });

/** A face's words, and bars of the likeliest classes. */
function written(face, count, how) {
  const tag = tinted(make("div", { classes: how === "bars" ? "tag" : "tag plain", text: title(face, count) }), face.label);
  for (const [, p] of how === "bars" ? ranked(face.probabilities).slice(0, 3) : []) {
    const bar = make("i");
    bar.style.width = `${100 * p}%`;
    tag.append(make("span", { classes: "mini", children: [bar] }));
  }
  return tag;
}

/** Lights up one face's box, or none. */
export function highlight(overlay, number) {
  for (const box of overlay.querySelectorAll(".box")) box.classList.toggle("lit", box.dataset.number === String(number ?? ""));
}

/** The picture with its faces as a file, at its own size. */
export async function drawn(image, faces, type) {
  const canvas = make("canvas", { width: image.naturalWidth, height: image.naturalHeight });
  const pen = canvas.getContext("2d");
  pen.drawImage(image, 0, 0);
  // As on a screen of a thousand pixels, so that text can be read on large pictures and small ones.
  const unit = Math.max(canvas.width, canvas.height) / 1000;
  const places = faces.map((face) => inside(face, canvas.width, canvas.height));
  const texts = [];
  faces.forEach((face, index) => {
    const others = places.filter((_, other) => other !== index);
    const spot = drawFace(pen, face, places[index], faces.length, unit, [...texts, ...others]);
    if (spot) texts.push(spot);
  });
  return new Promise((done) => canvas.toBlob(done, type, 0.93));
}

/** Draws one face; the place of its words, where it has some. */
function drawFace(pen, face, box, count, unit, taken) {
  const { left, top, right, bottom } = box;
  const how = detail((right - left) / unit, (bottom - top) / unit, count);
  const large = how === "bars" || how === "words";
  const stroke = Math.max(1, (large ? 3 : 2) * unit);
  pen.setLineDash([]);
  pen.lineWidth = stroke;
  pen.strokeStyle = "rgb(5 10 20 / 55%)";
  pen.strokeRect(left - stroke / 2, top - stroke / 2, right - left + stroke, bottom - top + stroke);
  pen.setLineDash(face.uncertain ? [4 * stroke, 2.5 * stroke] : []);
  pen.strokeStyle = colour(face.label);
  pen.strokeRect(left + stroke / 2, top + stroke / 2, right - left - stroke, bottom - top - stroke);
  pen.setLineDash([]);
  if (how === "box") return null;
  if (large) {
    const size = Math.max(11, 17 * unit);
    const shares = how === "bars" ? ranked(face.probabilities).slice(0, 3) : [];
    pen.font = font(size);
    const text = title(face, count);
    const wide = pen.measureText(text).width + 0.9 * size;
    const tall = 1.5 * size + (shares.length ? (0.45 * shares.length + 0.15) * size : 0);
    const spot = place(box, wide, tall, pen.canvas, taken, 0) ?? (count > 1 ? null : { left, top, right: left + wide, bottom: top + tall });
    if (spot) {
      words(pen, face, text, spot, size, shares);
      return spot;
    }
  }
  const size = Math.max(10, 12 * unit);
  pen.font = font(size);
  const text = String(face.number);
  const [wide, tall] = [pen.measureText(text).width + 0.9 * size, 1.4 * size];
  const y = top < tall ? top : top - tall;
  words(pen, face, text, { left, top: y, right: left + wide, bottom: y + tall }, size, []);
  return null;
}

const font = (size) => `700 ${size}px system-ui, "DejaVu Sans", sans-serif`;

/** A text on its face's colour, with bars below it. */
function words(pen, face, text, { left, top, right, bottom }, size, shares) {
  const pad = 0.45 * size;
  pen.fillStyle = colour(face.label);
  pen.fillRect(left, top, right - left, bottom - top);
  pen.fillStyle = "#0d1520";
  pen.textBaseline = "middle";
  pen.fillText(text, left + pad, top + 0.76 * size);
  shares.forEach(([, p], index) => {
    const line = top + (1.4 + 0.45 * index) * size;
    const room = right - left - 2 * pad;
    pen.fillStyle = "rgb(13 21 32 / 22%)";
    pen.fillRect(left + pad, line, room, 0.28 * size);
    pen.fillStyle = "#0d1520";
    pen.fillRect(left + pad, line, room * p, 0.28 * size);
  });
}
