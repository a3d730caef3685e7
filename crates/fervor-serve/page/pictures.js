// The Pictures tab: drop, paste, choose or photograph; an answer for each picture.

import { about, keep, mayAsk, predict, shownAs } from "./api.js";
import { chosenModel, least, leftOut, onFaces, onModel, shown } from "./choices.js";
import { drawBoxes, drawn, highlight } from "./drawing.js";
import { nameOf } from "./files.js";
import { download, faceCard, faceLine, make, numbered, say, sum } from "./view.js";
import { decided } from "./where.js";

const results = document.getElementById("results");
const bar = document.getElementById("results-bar");
const total = document.getElementById("results-sum");
/** Faces whose bars are shown at once; further ones on demand. */
const FIRST = 4;

let cards = [];
let words = {};
about.then((service) => { words = service.words; });

/** Shows pictures, the first on top, and asks for their answers. */
export function show(files) {
  keep([...files]);
  const added = [...files].map((file) => new Card(file));
  cards = [...added, ...cards];
  results.prepend(...added.map((card) => card.element));
  added[0]?.element.scrollIntoView({ block: "nearest", behavior: "smooth" });
  if (added.length) say(added.length === 1 ? "Looking at the picture." : `Looking at ${added.length} pictures.`);
  count();
  ask(added);
}

let waiting = [];
let asking = false;

/** One after the other: the answer to the first picture comes first. */
async function ask(some) {
  // What was asked before is not wanted any more.
  for (const card of some) card.turn += 1;
  waiting = [...waiting.filter((card) => !some.includes(card)), ...some];
  if (asking) return;
  asking = true;
  // Before it is decided who computes, nobody knows which model.
  await decided.catch(() => {});
  while (waiting.length) await waiting.shift().ask();
  asking = false;
}

/** How many pictures and faces there are. */
function count() {
  bar.hidden = cards.length === 0;
  document.getElementById("pictures").classList.toggle("filled", cards.length > 0);
  const faces = cards.flatMap((card) => card.faces ?? []);
  total.textContent = cards.length > 1 ? `${cards.length} pictures, ${sum(faces, words)}` : "1 picture";
}

class Card {
  constructor(file) {
    this.file = file;
    /** How often it was asked for. */
    this.turn = 0;
    this.name = nameOf(file);
    this.image = make("img", { alt: this.name, src: URL.createObjectURL(file) });
    this.image.addEventListener("error", () => this.showDrawn(), { once: true });
    this.overlay = make("div", { classes: "overlay" });
    this.overlay.setAttribute("aria-hidden", "true");
    new ResizeObserver(() => this.draw()).observe(this.overlay);
    this.frame = make("div", { classes: "frame", children: [this.image, this.overlay] });
    this.header = make("header", { children: [make("p", { classes: "name", text: this.name })] });
    this.body = make("div", { classes: "body", children: [make("p", { classes: "pulse", text: "Looking …" })] });
    this.save = this.button("Save the drawn picture", () => this.saveDrawn());
    this.save.hidden = true;
    this.picture = make("div", { classes: "picture", children: [this.frame] });
    this.element = make("article", { classes: "result waiting", children: [
      this.picture,
      make("div", { classes: "facts", children: [
        this.header, this.body,
        make("div", { classes: "card-actions", children: [this.save, this.button("Remove", () => this.remove(true))] }),
      ] }),
    ] });
    this.element.setAttribute("aria-label", this.name);
  }

  button(text, act) {
    const button = make("button", { type: "button", classes: "quiet", text });
    button.setAttribute("aria-label", `${text}: ${this.name}`);
    button.addEventListener("click", act);
    return button;
  }

  async ask() {
    if (this.gone) return;
    const { turn } = this;
    const told = await predict(this.file, chosenModel()).then((answer) => ({ answer }), (error) => ({ error }));
    if (this.gone || turn !== this.turn || told.error?.name === "AbortError") return;
    if (told.error) return this.fail(told.error.message);
    this.answer = told.answer;
    this.show(true);
  }

  /** Shows the answer's faces, the largest first. */
  show(aloud = false) {
    const { width, height, model } = this.answer;
    const faces = numbered(shown(this.answer.faces));
    this.faces = faces;
    this.element.classList.remove("waiting", "failed");
    this.picture.hidden = false;
    // Once what is chosen rests: the picture may be sent for each drawing.
    clearTimeout(this.redrawing);
    if (this.drawnAs && this.drawnAs !== drawing()) this.redrawing = setTimeout(() => this.showDrawn(), 300);
    this.element.classList.toggle("tiny", Math.max(width, height) < 200);
    this.save.hidden = false;
    const told = sum(faces, words);
    this.image.alt = `${this.name}: ${faces[0]?.words ?? "no face found"}`;
    const by = document.getElementById("choice-models").hidden ? "" : ` · ${model.name}`;
    this.header.replaceChildren(make("p", { classes: "name", text: `${this.name} · ${width} × ${height}${by}` }));
    if (faces.length > 1) this.header.append(make("p", { classes: "sum", text: told }));
    const hidden = leftOut(this.answer.faces);
    if (hidden) this.header.append(make("p", { classes: "name", text: hidden }));
    this.body.replaceChildren();
    if (this.answer.faces.length === 0) {
      this.body.append(make("div", { classes: "face", children: [make("h3", { text: "No face found" })] }),
        make("p", { text: "Faces should be at least some 12 pixels high and not turned away." }));
    }
    this.list(faces);
    this.draw();
    count();
    if (aloud) say(`${this.name}: ${told}. ${faces.slice(0, FIRST).map((face) => face.words).join("; ")}`);
  }

  list(faces) {
    const row = (face) => {
      const card = face.number > FIRST ? faceLine(face) : faceCard(face, faces.length === 1);
      card.dataset.number = face.number;
      card.addEventListener("pointerenter", () => highlight(this.overlay, face.number));
      card.addEventListener("pointerleave", () => highlight(this.overlay, null));
      return card;
    };
    this.body.append(...faces.slice(0, FIRST).map(row));
    this.more = null;
    if (faces.length <= FIRST) return;
    const more = make("button", { classes: "more", type: "button", text: `Show ${faces.length - FIRST} more` });
    this.more = () => {
      this.more = null;
      more.replaceWith(...faces.slice(FIRST).map(row));
    };
    more.addEventListener("click", () => this.more?.());
    this.body.append(more);
  }

  draw() {
    if (!this.answer || this.png) return;
    const { width, height } = this.answer;
    drawBoxes(this.overlay, this.faces, width, height, { onChoose: (number) => this.choose(number) });
  }

  /** Shows the row of a face. */
  choose(number) {
    if (number > FIRST) this.more?.();
    const row = this.body.querySelector(`[data-number="${number}"]`);
    if (row?.tagName === "DETAILS") row.open = true;
    row?.scrollIntoView({ block: "nearest", behavior: "smooth" });
    for (const other of this.body.querySelectorAll(".face")) other.classList.toggle("lit", other === row);
    highlight(this.overlay, number);
  }

  /** A picture that the browser cannot show (TIFF): with what the service draws on it, or made one that it can show. */
  async showDrawn() {
    if (this.gone) return;
    const as = drawing();
    this.drawnAs = as;
    try {
      const { png, drawn: done } = await shownAs(this.file, { model: chosenModel(), ...least() });
      if (this.gone || this.drawnAs !== as) return;
      this.png = done ? png : null;
      // What is only made visible stays as it is, whatever is chosen.
      if (!done) this.drawnAs = null;
      if (done) this.overlay.replaceChildren();
      URL.revokeObjectURL(this.image.src);
      this.image.src = URL.createObjectURL(png);
      this.draw();
    } catch {
      // The answer to the picture says what is wrong with it; with the next one it is drawn again.
      if (this.drawnAs === as) this.drawnAs = "failed";
    }
  }

  async saveDrawn() {
    const stem = this.name.split("/").pop().replace(/\.[^.]*$/, "");
    const jpeg = /jpe?g$/.test(this.file.type) && !this.png;
    const file = this.png ?? (await drawn(this.image, this.faces, jpeg ? "image/jpeg" : "image/png"));
    download(`${stem}-expressions.${jpeg ? "jpg" : "png"}`, file);
    say(`${this.name}: the drawn picture is saved.`);
  }

  remove(focus) {
    this.gone = true;
    clearTimeout(this.redrawing);
    const index = cards.indexOf(this);
    cards = cards.filter((card) => card !== this);
    this.element.remove();
    URL.revokeObjectURL(this.image.src);
    count();
    if (!focus) return;
    say(`${this.name} is removed.`);
    const next = cards[Math.min(index, cards.length - 1)];
    (next?.element.querySelector(".card-actions button:last-child") ?? document.getElementById("choose")).focus();
  }

  fail(message) {
    [this.faces, this.answer] = [[], null];
    this.element.classList.remove("waiting");
    this.element.classList.add("failed");
    this.picture.hidden = true;
    this.save.hidden = true;
    this.header.replaceChildren(make("p", { classes: "name", text: this.name }));
    this.body.replaceChildren(make("p", { classes: "error", text: message }));
    count();
    say(`${this.name}: ${message}`);
  }
}

/** What the service's drawing depends on. */
const drawing = () => JSON.stringify([chosenModel(), least()]);

onFaces(() => cards.filter((card) => card.answer).forEach((card) => card.show()));
onModel(() => ask(cards.filter((card) => mayAsk(card.file))));

document.getElementById("results-clear").addEventListener("click", () => {
  for (const card of [...cards]) card.remove(false);
  say("All pictures are removed.");
  document.getElementById("choose").focus();
});

for (const id of ["choose", "photograph"]) {
  const input = document.getElementById(id);
  input.addEventListener("change", () => {
    show(input.files);
    input.value = "";
  });
}

for (const button of document.querySelectorAll(".example")) {
  button.addEventListener("click", async () => {
    const blob = await (await fetch(button.dataset.src, { cache: "force-cache" })).blob();
    show([new File([blob], button.dataset.name, { type: blob.type })]);
  });
}
