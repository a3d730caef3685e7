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

/** What the flags mean, each in a sentence. */
export const FLAGS = {
  small: "The face has few pixels: its eyes are less than 12 apart.",
  doubtful: "This may not be a face at all: the detector is little sure of it.",
  profile: "The face is turned to the side.",
  blurred: "The picture is blurred where the face is.",
  dark: "The face is very dark.",
  flat: "The face has hardly any contrast.",
  cut_off: "A part of the face lies outside the picture.",
  turned: "The face is not upright: it was turned before it was looked at.",
};

/** What an uncertain answer means. */
const UNCERTAIN = "No expression reaches 50 %: the first one is more likely wrong than right.";

/** The sentence of a flag; of one that a newer service raises, its name. */
export const flagHelp = (flag) => FLAGS[flag] ?? `The service says: ${flag.replaceAll("_", " ")}.`;

/** Faces with the number that each has at its box and in the list: the largest is the first. */
export function numbered(faces) {
  const area = ({ box }) => box.width * box.height;
  return [...faces].sort((a, b) => area(b) - area(a)).map((face, index) => ({ ...face, number: index + 1 }));
}

const plural = (count, one, many = `${one}s`) => `${count} ${count === 1 ? one : many}`;

/** "404 faces: 120 happy, 80 neutral, 9 uncertain", in the core's adjectives. */
export function sum(faces, words) {
  const counts = new Map();
  for (const face of faces) {
    const word = face.uncertain ? "" : words[face.label] ?? face.label;
    counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  const unsure = counts.get("") ?? 0;
  counts.delete("");
  const parts = [...counts].sort((a, b) => b[1] - a[1]).map(([word, count]) => `${count} ${word}`);
  if (unsure) parts.push(`${unsure} uncertain`);
  return `${faces.length ? plural(faces.length, "face") : "no faces"}${faces.length > 1 ? `: ${parts.join(", ")}` : ""}`;
}

/** A face in a line that opens: one of many. */
export function faceLine(face) {
  const flags = [...(face.uncertain ? ["uncertain"] : []), ...(face.quality?.flags ?? [])].map((flag) => flag.replaceAll("_", " "));
  const summary = make("summary", { children: [
    tinted(make("span", { classes: "rank", text: String(face.number) }), face.label), begin(face.words),
    ...(flags.length ? [make("span", { classes: "flag", text: flags.join(", ") })] : []),
  ] });
  const line = make("details", { classes: "face compact", children: [summary] });
  line.addEventListener("toggle", () => line.append(...[...faceCard(face).children].slice(1)), { once: true });
  return line;
}

/** A face in words, with a bar for each class and what there is to know of the answer. */
export function faceCard(face, single = false) {
  const bars = ranked(face.probabilities).map(([label, p]) => {
    const bar = make("i");
    bar.style.width = `${100 * p}%`;
    const share = p < 0.005 ? "< 1 %" : percent(p);
    return tinted(make("li", { children: [
      make("span", { text: label }), make("span", { classes: "bar", children: [bar] }), make("span", { classes: "share", text: share }),
    ] }), label);
  });
  const mark = single ? make("span", { classes: "dot" }) : make("span", { classes: "rank", text: String(face.number) });
  const title = make("h3", { children: [tinted(mark, face.label), begin(face.words)] });
  const card = make("div", { classes: face.uncertain ? "face unsure" : "face", children: [title, make("ul", { classes: "bars", children: bars })] });
  const remarks = (face.quality?.flags ?? []).map((flag) => [flag.replaceAll("_", " "), flagHelp(flag)]);
  if (face.uncertain) remarks.unshift(["uncertain", UNCERTAIN]);
  if (remarks.length) {
    card.append(make("ul", { classes: "remarks", children: remarks.map(([word, help]) => make("li", { children: [make("b", { text: word }), ` ${help}`] })) }));
  }
  return card;
}

/** Gives a file to the person. */
export function download(name, blob) {
  const link = make("a", { href: URL.createObjectURL(blob), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
