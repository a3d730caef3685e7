// The Batch tab: a row for each picture, sortable, as a CSV file on demand.

import { about, predict } from "./api.js";
import { begin, make, percent, say, tinted } from "./view.js";

/** Requests at once. */
const LANES = 4;

const element = (id) => document.getElementById(`batch-${id}`);
const body = element("table").tBodies[0];
const rows = [];
let waiting = [];
let running = 0;
let order = { key: "", up: true };

/** Adds pictures to the table and asks for their answers. */
export function add(files) {
  const pictures = [...files].filter((file) => file.type.startsWith("image/") || /\.(jpe?g|png|webp|gif|bmp|tiff?)$/i.test(file.name));
  if (files.length && !pictures.length) return say("There is no picture among these files.");
  for (const file of pictures) {
    const row = { file, name: file.webkitRelativePath || file.name, element: make("tr") };
    rows.push(row);
    waiting.push(row);
    draw(row);
    body.append(row.element);
  }
  progress();
  while (running < Math.min(LANES, waiting.length + running)) lane();
}

async function lane() {
  running += 1;
  for (let row = waiting.shift(); row; row = waiting.shift()) {
    const start = performance.now();
    try {
      const answer = await predict(row.file);
      Object.assign(row, { answer, words: answer.words, confidence: answer.confidence, faces: answer.faces.length });
      row.pixels = answer.width * answer.height;
      row.ms = performance.now() - start;
    } catch (error) {
      Object.assign(row, { error: error.message, words: error.message });
    }
    row.file = null;
    draw(row);
    progress();
  }
  running -= 1;
  progress();
  if (running === 0 && order.key) sort();
}

function draw(row) {
  const cell = (text = "", classes = "number") => make("td", { text, classes });
  const { answer } = row;
  const words = make("td", { text: row.words ? begin(row.words) : "…" });
  if (answer?.label) words.prepend(tinted(make("span", { classes: "dot" }), answer.label));
  row.element.classList.toggle("failed", Boolean(row.error));
  row.element.replaceChildren(
    cell(row.name, "file"), words, cell(answer?.label ? percent(answer.confidence) : ""), cell(answer ? String(row.faces) : ""),
    cell(answer ? `${answer.width} × ${answer.height}` : ""), cell(row.ms ? `${Math.round(row.ms)} ms` : ""),
  );
}

function progress() {
  const done = rows.length - waiting.length - running;
  const failed = rows.filter((row) => row.error).length;
  for (const id of ["progress", "box"]) element(id).hidden = rows.length === 0;
  element("empty").hidden = rows.length > 0;
  element("stop").hidden = running === 0;
  element("csv").disabled = done === 0;
  Object.assign(element("bar"), { max: Math.max(1, rows.length), value: done });
  element("count").textContent = `${done} of ${rows.length}${failed ? `, ${failed} failed` : ""}`;
  if (running === 0 && rows.length) say(`${done} pictures answered${failed ? `, ${failed} of them failed` : ""}.`);
}

function sort() {
  const { key, up } = order;
  const value = (row) => row[key] ?? (typeof rows[0]?.[key] === "string" ? "" : -1);
  const compare = (a, b) => (typeof a === "string" || typeof b === "string" ? String(a).localeCompare(String(b), undefined, { numeric: true }) : a - b);
  rows.sort((a, b) => (up ? 1 : -1) * compare(value(a), value(b)));
  body.append(...rows.map((row) => row.element));
}

for (const button of element("table").querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const { key } = button.dataset;
    order = { key, up: order.key === key ? !order.up : true };
    for (const other of element("table").querySelectorAll("th")) other.setAttribute("aria-sort", "none");
    button.parentElement.setAttribute("aria-sort", order.up ? "ascending" : "descending");
    sort();
  });
}

/** The table that `fervor predict --format csv` writes: a row a face, pictures without faces and errors included. */
async function csv() {
  const { labels } = (await about).model;
  const quoted = (value) => (/[",\r\n]/.test(value) ? `"${String(value).replaceAll('"', '""')}"` : String(value ?? ""));
  const head = ["source", "picture_width", "picture_height", "face", "x", "y", "width", "height", "score", "label", "confidence", "uncertain", ...labels, "flags", "error"];
  const lines = rows.filter((row) => row.words).flatMap((row) => {
    const picture = [row.name, row.answer?.width, row.answer?.height];
    if (!row.answer?.faces.length) return [[...picture, ...Array(head.length - 4).fill(""), row.error ?? ""]];
    return row.answer.faces.map((face, index) => [
      ...picture, index + 1, face.box.x, face.box.y, face.box.width, face.box.height, face.score, face.label, face.confidence, face.uncertain,
      ...labels.map((label) => face.probabilities[label]), face.quality.flags.join(" "), "",
    ]);
  });
  const text = [head, ...lines].map((line) => line.map(quoted).join(",")).join("\n") + "\n";
  const link = make("a", { href: URL.createObjectURL(new Blob([text], { type: "text/csv" })), download: "expressions.csv" });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

for (const id of ["files", "folder"]) {
  element(id).addEventListener("change", () => {
    add(element(id).files);
    element(id).value = "";
  });
}
element("csv").addEventListener("click", csv);
element("stop").addEventListener("click", () => {
  for (const row of waiting) row.element.remove();
  rows.splice(0, rows.length, ...rows.filter((row) => !waiting.includes(row)));
  waiting = [];
  progress();
});
