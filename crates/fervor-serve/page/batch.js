// The Batch tab: a row for each file, sortable, filtered, as a CSV file on demand.

import { about, keep, labelsOf, mayAsk, predict } from "./api.js";
import { chosenModel, onFaces, onModel, shown } from "./choices.js";
import { csv } from "./csv.js";
import { isPicture, nameOf, thumbnail } from "./files.js";
import { begin, download, make, numbered, percent, say, sum, tinted } from "./view.js";
import { decided } from "./where.js";

/** What was on its way to somebody who does not compute any more; it waits again. */
const ENDED = Symbol("ended");
/** Requests at once. */
const LANES = 4;
/** Pixels of a likeness, twice what is shown, for fine screens. */
const LIKENESS = 88;

const element = (id) => document.getElementById(`batch-${id}`);
const body = element("table").tBodies[0];
let rows = [];
let waiting = [];
let running = 0;
let order = { key: "", up: true };
let filter = "all";
let words = {};
let open = () => {};
about.then((service) => { words = service.words; });

/** What becomes of a picture that a person wants to see. */
export function onOpen(act) {
  open = act;
}

/** Adds files to the table and asks for the answers of those that are pictures. */
export async function add(files) {
  keep([...files]);
  const added = [...files].map((file) => ({ file, name: nameOf(file), element: make("tr"), state: "waiting" }));
  const are = await Promise.all(added.map(({ file }) => isPicture(file)));
  added.forEach((row, index) => {
    if (!are[index]) Object.assign(row, { state: "foreign", words: "not a picture", said: "not a picture" });
  });
  rows.push(...added);
  added.forEach(draw);
  body.append(...added.map((row) => row.element));
  const foreign = are.filter((is) => !is).length;
  if (foreign) say(`${foreign} of ${are.length} files are no pictures; the table names them.`);
  ask(added.filter((row) => row.state === "waiting"));
}

/** Asks for the answers of these rows. */
function ask(some) {
  // What was asked before is not wanted any more.
  for (const row of some) Object.assign(row, { state: "waiting", turn: (row.turn ?? 0) + 1 });
  waiting.push(...some.filter((row) => !waiting.includes(row)));
  changed();
  while (running < Math.min(LANES, waiting.length + running)) lane();
}

async function lane() {
  running += 1;
  // Before it is decided who computes, nobody knows which model.
  await decided.catch(() => {});
  for (let row = waiting.shift(); row; row = waiting.shift()) {
    const start = performance.now();
    const { turn } = row;
    const likeness = row.likeness ?? thumbnail(row.file, LIKENESS);
    const told = await predict(row.file, chosenModel()).then(
      (answer) => ({ state: "answered", answer, ms: performance.now() - start, said: undefined }),
      (error) => ({ state: "failed", answer: undefined, shown: [], main: undefined, words: error.message, said: error.name === "AbortError" ? ENDED : error.said ?? error.message }),
    );
    if (turn !== row.turn || told.said === ENDED) continue;
    Object.assign(row, told);
    row.likeness = await likeness;
    read(row);
    draw(row);
    changed();
  }
  running -= 1;
  if (running > 0) return;
  if (order.key) sort();
  changed();
  say(element("count").textContent);
}

/** What the table says of an answer: of its largest face among those that are shown. */
function read(row) {
  if (row.state !== "answered") return;
  const faces = numbered(shown(row.answer.faces));
  const [main] = faces;
  const none = row.answer.faces.length ? "faces left out by the options" : "no face found";
  Object.assign(row, {
    shown: faces, faces: faces.length, main, words: main?.words ?? none, confidence: main?.confidence ?? null,
    pixels: row.answer.width * row.answer.height,
  });
}

function draw(row) {
  const cell = (text = "", classes = "number") => make("td", { text, classes });
  const { answer, main } = row;
  const answered = make("td", { text: row.words ? begin(row.words) : "…" });
  if (main) answered.prepend(tinted(make("span", { classes: main.uncertain ? "dot unsure" : "dot" }), main.label));
  row.element.classList.toggle("failed", row.state === "failed");
  row.element.classList.toggle("foreign", row.state === "foreign");
  const name = answer ? make("button", { type: "button", classes: "open", text: row.name }) : make("span", { text: row.name });
  if (answer) {
    name.title = "Show this picture in the Pictures tab";
    name.addEventListener("click", () => open(row.file));
  }
  const likeness = make("span", { classes: "likeness", children: row.likeness ? [row.likeness] : [] });
  const remove = make("button", { type: "button", classes: "remove", text: "×" });
  remove.setAttribute("aria-label", `Remove ${row.name}`);
  remove.addEventListener("click", () => drop([row]));
  row.element.replaceChildren(
    make("td", { classes: "file", children: [make("div", { children: [likeness, name] })] }), answered,
    cell(main ? percent(main.confidence) : ""), cell(answer ? String(row.faces) : ""),
    cell(answer ? `${answer.width} × ${answer.height}` : ""), cell(row.ms ? `${Math.round(row.ms)} ms` : ""),
    make("td", { classes: "number", children: [remove] }),
  );
}

/** In which filters a row stands. */
function kinds(row) {
  if (row.state === "waiting") return [];
  if (row.state !== "answered") return [row.state];
  if (!row.main) return ["none"];
  return [row.main.uncertain ? "uncertain" : `label ${row.main.label}`, ...(row.faces > 1 ? ["several"] : [])];
}

let due = 0;
/** Numbers, filters and buttons, at most once a screen refresh. */
function changed() {
  cancelAnimationFrame(due);
  due = requestAnimationFrame(() => {
    filters();
    progress();
  });
}

function filters() {
  const counts = new Map([["all", rows.length]]);
  for (const kind of rows.flatMap(kinds)) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  if (!counts.get(filter)) filter = "all";
  const named = { all: "All", uncertain: "Uncertain", several: "Several faces", none: "No face", failed: "Failed", foreign: "Not pictures" };
  const labels = [...counts.keys()].filter((kind) => kind.startsWith("label ")).sort((a, b) => counts.get(b) - counts.get(a));
  const kindsShown = ["all", ...labels, ...["uncertain", "several", "none", "failed", "foreign"].filter((kind) => counts.has(kind))];
  const focused = element("filters").contains(document.activeElement);
  element("filters").replaceChildren(...kindsShown.map((kind) => {
    const label = kind.startsWith("label ") ? kind.slice(6) : "";
    const button = make("button", { type: "button", classes: "chip" });
    if (label) button.append(tinted(make("span", { classes: "dot" }), label));
    button.append(named[kind] ?? begin(words[label] ?? label), make("span", { classes: "chip-count", text: String(counts.get(kind)) }));
    button.setAttribute("aria-pressed", String(kind === filter));
    button.addEventListener("click", () => {
      filter = kind;
      filters();
    });
    return button;
  }));
  if (focused) element("filters").querySelector("[aria-pressed=true]").focus();
  for (const row of rows) row.element.hidden = filter !== "all" && !kinds(row).includes(filter);
}

function progress() {
  const count = (state) => rows.filter((row) => row.state === state).length;
  const [failed, foreign] = [count("failed"), count("foreign")];
  const asked = rows.length - foreign;
  const done = count("answered") + failed;
  for (const id of ["progress", "box", "filters", "clear"]) element(id).hidden = rows.length === 0;
  element("empty").hidden = rows.length > 0;
  element("stop").hidden = running === 0;
  element("csv").disabled = done + foreign === 0;
  Object.assign(element("bar"), { max: Math.max(1, asked), value: done });
  element("bar").hidden = running === 0;
  const parts = [`${done} of ${asked} pictures answered`];
  if (failed) parts.push(`${failed} failed`);
  if (foreign) parts.push(`${foreign} ${foreign === 1 ? "file is" : "files are"} no picture${foreign === 1 ? "" : "s"}`);
  element("count").textContent = parts.join(", ");
  const faces = rows.flatMap((row) => row.shown ?? []);
  element("sum").textContent = faces.length ? begin(sum(faces, words)) : "";
}

/** Takes rows off the table. */
function drop(some) {
  const gone = new Set(some);
  for (const row of some) row.element.remove();
  rows = rows.filter((row) => !gone.has(row));
  waiting = waiting.filter((row) => !gone.has(row));
  changed();
}

function sort() {
  const { key, up } = order;
  const text = ["name", "words"].includes(key);
  const value = (row) => row[key] ?? (text ? "" : -1);
  const compare = (a, b) => (text ? String(a).localeCompare(String(b), undefined, { numeric: true }) : a - b);
  rows.sort((a, b) => (up ? 1 : -1) * compare(value(a), value(b)));
  body.append(...rows.map((row) => row.element));
}

for (const button of element("table").querySelectorAll("th button")) {
  button.addEventListener("click", () => {
    const { key } = button.dataset;
    order = { key, up: order.key === key ? !order.up : true };
    for (const other of element("table").querySelectorAll("th[aria-sort]")) other.setAttribute("aria-sort", "none");
    button.parentElement.setAttribute("aria-sort", order.up ? "ascending" : "descending");
    sort();
  });
}

for (const id of ["files", "folder"]) {
  element(id).addEventListener("change", () => {
    add(element(id).files);
    element(id).value = "";
  });
}
/** What is told of each file that is done, with the faces that the options leave. */
const told = () => rows.filter((row) => row.state !== "waiting").map((row) => ({
  name: row.name, error: row.said, answer: row.answer && { ...row.answer, faces: shown(row.answer.faces) },
}));
element("csv").addEventListener("click", async () => {
  download("expressions.csv", new Blob([csv(told(), labelsOf(await about, new Set(rows.map(({ answer }) => answer?.model.name).filter(Boolean))))], { type: "text/csv" }));
});
element("stop").addEventListener("click", () => {
  // What has an answer keeps it.
  const fresh = waiting.filter((row) => !row.answer && !row.said);
  for (const row of waiting) row.state = row.answer ? "answered" : "failed";
  waiting = [];
  drop(fresh);
});
element("clear").addEventListener("click", () => {
  drop(rows);
  filter = "all";
  say("The table is empty.");
  document.getElementById("batch-files").focus();
});
onModel(() => ask(rows.filter((row) => row.state !== "foreign" && mayAsk(row.file))));
onFaces(() => {
  for (const row of rows) {
    read(row);
    draw(row);
  }
  changed();
});
