// The Pictures tab: drop, paste, choose or photograph; an answer for each picture.

import { predict } from "./api.js";
import { drawBoxes, faceCard, make, say } from "./view.js";

const results = document.getElementById("results");
/** Faces whose bars are shown at once; further ones on demand. */
const FIRST = 4;

/** Shows pictures, the first on top, and asks for their answers. */
export function show(files) {
  const cards = [...files].map((file) => new Card(file));
  results.prepend(...cards.map((card) => card.element));
  cards[0]?.element.scrollIntoView({ block: "nearest", behavior: "smooth" });
  if (cards.length) say(cards.length === 1 ? "Looking at the picture." : `Looking at ${cards.length} pictures.`);
  // One after the other: the answer to the first picture comes first.
  cards.reduce((before, card) => before.then(() => card.ask()), Promise.resolve());
}

class Card {
  constructor(file) {
    this.file = file;
    this.name = file.name || "pasted picture";
    this.image = make("img", { alt: this.name, src: URL.createObjectURL(file) });
    this.overlay = make("div", { classes: "overlay" });
    this.overlay.setAttribute("aria-hidden", "true");
    this.frame = make("div", { classes: "frame", children: [this.image, this.overlay] });
    this.facts = make("div", { classes: "facts", children: [
      make("p", { classes: "name", text: this.name }), make("p", { classes: "pulse", text: "Looking …" }),
    ] });
    this.element = make("article", { classes: "result waiting", children: [
      make("div", { classes: "picture", children: [this.frame] }), this.facts,
    ] });
    this.element.setAttribute("aria-label", this.name);
  }

  async ask() {
    try {
      this.answer(await predict(this.file));
    } catch (error) {
      this.fail(error.message);
    }
  }

  answer(answer) {
    const { width, height } = answer;
    // From left to right, as people look at a picture.
    const faces = [...answer.faces].sort((a, b) => a.box.x - b.box.x);
    this.element.classList.remove("waiting");
    this.element.classList.toggle("tiny", Math.max(width, height) < 200);
    this.image.alt = `${this.name}: ${answer.words}`;
    const count = faces.length === 1 ? "1 face" : `${faces.length || "no"} faces`;
    this.facts.replaceChildren(make("header", { children: [
      make("p", { classes: "name", text: `${this.name} · ${width} × ${height} · ${count}` }),
    ] }));
    if (faces.length === 0) {
      this.facts.append(make("div", { classes: "face", children: [make("h3", { text: "No face found" })] }),
        make("p", { text: "Faces should be at least some 12 pixels high and not turned away." }));
    }
    this.facts.append(...faces.slice(0, FIRST).map((face) => faceCard(face)));
    if (faces.length > FIRST) {
      const more = make("button", { classes: "more", type: "button", text: `Show ${faces.length - FIRST} more` });
      more.addEventListener("click", () => more.replaceWith(...faces.slice(FIRST).map((face) => faceCard(face))));
      this.facts.append(more);
    }
    const draw = () => drawBoxes(this.overlay, faces, width, height);
    new ResizeObserver(draw).observe(this.overlay);
    draw();
    say(`${this.name}: ${count}. ${faces.slice(0, FIRST).map((face) => face.words).join("; ")}`);
  }

  fail(message) {
    this.element.classList.remove("waiting");
    this.element.classList.add("failed");
    this.element.querySelector(".picture")?.remove();
    URL.revokeObjectURL(this.image.src);
    this.facts.replaceChildren(make("p", { classes: "name", text: this.name }), make("p", { classes: "error", text: message }));
    say(`${this.name}: ${message}`);
  }
}

for (const id of ["choose", "photograph"]) {
  const input = document.getElementById(id);
  input.addEventListener("change", () => {
    show(input.files);
    input.value = "";
  });
}

for (const button of document.querySelectorAll(".example")) {
  button.addEventListener("click", async () => {
    const blob = await (await fetch(button.dataset.src)).blob();
    show([new File([blob], button.dataset.name, { type: blob.type })]);
  });
}
