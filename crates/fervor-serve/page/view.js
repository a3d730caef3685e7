// What faces look like on the page: boxes over pictures, bars beside them, the same colours everywhere.

const COLOURS = {
  angry: "#f4645c", disgust: "#86c94c", fear: "#2fc4b2", happy: "#ffc642",
  neutral: "#b4bfcc", sad: "#5aa5ff", surprise: "#bd8cff", contempt: "#ff8ab5",
};
const OTHERS = ["#5ab0f2", "#f2905a", "#4cc9a0", "#d68bd0", "#e0c04a", "#9aa8ff"];

export function colour(label) {
  const sum = [...label].reduce((sum, c) => (sum * 31 + c.charCodeAt(0)) >>> 0, 0);
  return COLOURS[label] ?? OTHERS[sum % OTHERS.length];
}

/** An element with classes, text and children. */
export function make(tag, { classes = "", text = "", children = [], ...rest } = {}) {
  const element = document.createElement(tag);
  if (classes) element.className = classes;
  if (text) element.textContent = text;
  element.append(...children);
  return Object.assign(element, rest);
}

export function tinted(element, label) {
  element.style.setProperty("--c", colour(label));
  return element;
}

export const percent = (share) => `${Math.min(99, Math.round(100 * share))} %`;

export const begin = (text) => text.charAt(0).toUpperCase() + text.slice(1);

export const ranked = (probabilities) => Object.entries(probabilities).sort((a, b) => b[1] - a[1]);

/** Tells screen readers. */
export function say(text) {
  document.getElementById("say").textContent = text;
}

const FLAGS = {
  small: "the face is small", doubtful: "may not be a face", profile: "the face is turned to the side",
  blurred: "the picture is blurred there", dark: "the face is dark", flat: "the face has little contrast", cut_off: "the face is cut off",
  turned: "the face is not upright",
};

/** Why to trust an answer less, as a sentence; empty if there is no reason. */
export function doubts(face) {
  const reasons = (face.quality?.flags ?? []).map((flag) => FLAGS[flag] ?? flag);
  return reasons.length ? `Less sure because ${reasons.join(", and ")}.` : "";
}

/** Boxes with labels over a picture of width x height that fills `overlay`. `mirror` for a camera that shows itself. */
export function drawBoxes(overlay, faces, width, height, mirror = false) {
  const shown = { width: overlay.clientWidth, height: overlay.clientHeight };
  overlay.replaceChildren(...faces.flatMap((face) => {
    const { x, y, width: w, height: h } = face.box;
    const left = Math.max(0, mirror ? width - x - w : x);
    const right = Math.min(width, mirror ? width - x : x + w);
    const [top, bottom] = [Math.max(0, y), Math.min(height, y + h)];
    const box = tinted(make("div", { classes: "box" }), face.label);
    Object.assign(box.style, {
      left: `${(100 * left) / width}%`, top: `${(100 * top) / height}%`,
      width: `${(100 * (right - left)) / width}%`, height: `${(100 * (bottom - top)) / height}%`,
    });
    const crowded = faces.length > 6;
    // In a crowd there is room for the class only.
    const text = crowded ? `${face.label} ${percent(face.confidence)}` : face.words;
    const tag = tinted(make("div", { classes: crowded ? "tag plain" : "tag", text }), face.label);
    if (!crowded) {
      for (const [, p] of ranked(face.probabilities).slice(0, 3)) {
        const bar = make("i");
        bar.style.width = `${100 * p}%`;
        tag.append(make("span", { classes: "mini", children: [bar] }));
      }
    }
    // Above the box where there is room, else below it, else inside at its top.
    const tall = crowded ? 22 : 52;
    const above = (top / height) * shown.height >= tall;
    const below = (1 - bottom / height) * shown.height >= tall;
    Object.assign(tag.style, above ? { bottom: `calc(${100 - (100 * top) / height}% + 3px)` }
      : below ? { top: `calc(${(100 * bottom) / height}% + 3px)` } : { top: `calc(${(100 * top) / height}% + 5px)` });
    const fits = (1 - left / width) * shown.width >= 150;
    Object.assign(tag.style, fits ? { left: `${(100 * left) / width}%` } : { right: "0" });
    return [box, tag];
  }));
}

/** A face in words, with a bar for each class. */
export function faceCard(face, heading = "h3") {
  const bars = ranked(face.probabilities).map(([label, p]) => {
    const bar = make("i");
    bar.style.width = `${100 * p}%`;
    const share = p < 0.005 ? "< 1 %" : percent(p);
    return tinted(make("li", { children: [
      make("span", { text: label }), make("span", { classes: "bar", children: [bar] }), make("span", { classes: "share", text: share }),
    ] }), label);
  });
  const title = make(heading, { children: [tinted(make("span", { classes: "dot" }), face.label), begin(face.words)] });
  const card = make("div", { classes: "face", children: [title, make("ul", { classes: "bars", children: bars })] });
  const doubt = doubts(face);
  if (doubt) card.append(make("p", { classes: "flags", text: doubt }));
  return card;
}
