// What a person may choose for all tabs: the model, the smallest face, how sure the detector must be.

import { make } from "./view.js";
import { about, modelsOf, onWhere } from "./where.js";

const element = (id) => document.getElementById(`choice-${id}`);
const [model, face, score] = ["model", "face", "score"].map(element);
const listeners = { model: [], faces: [] };

/** The model that is asked; empty where there is only one. */
export const chosenModel = () => model.value;

/** Calls `listener` when another model is chosen, or somebody else computes. */
export const onModel = (listener) => listeners.model.push(listener);

/** Calls `listener` when other faces are shown. */
export const onFaces = (listener) => listeners.faces.push(listener);

const leastFace = () => Number(face.value);
const leastScore = () => Number(score.value) / 100;

/** The faces that are large and sure enough. */
export const shown = (faces) => faces.filter(({ box, score: sure }) => (
  Math.min(box.width, box.height) >= leastFace() && (sure ?? 0) >= leastScore()
));

/** What the service is told of them. */
export const least = () => ({ minFace: leastFace(), minScore: leastScore() });

/** "2 smaller or less sure ones are left out", or nothing. */
export function leftOut(faces) {
  const count = faces.length - shown(faces).length;
  return count ? `${count} smaller or less sure ${count === 1 ? "one is" : "ones are"} left out (Options)` : "";
}

function tell() {
  element("face-value").textContent = leastFace() ? `${leastFace()} pixels` : "any";
  element("score-value").textContent = leastScore() ? `${score.value} %` : "any";
  const parts = [];
  if (model.options.length > 1) parts.push(model.value);
  if (leastFace()) parts.push(`faces from ${leastFace()} pixels`);
  if (leastScore()) parts.push(`detected with ${score.value} %`);
  element("summary").textContent = parts.join(", ");
}

function facesChanged() {
  tell();
  for (const listener of listeners.faces) listener();
}

for (const input of [face, score]) input.addEventListener("input", facesChanged);
element("reset").addEventListener("click", () => {
  [face.value, score.value] = [0, 0];
  facesChanged();
});
/** The model that a person has chosen; else it is the first of whoever computes. */
let picked = null;
model.addEventListener("change", () => {
  picked = model.value;
  tell();
  for (const listener of listeners.model) listener();
});
/** Offers the models of whoever computes, and tells of another choice; `always`, where somebody else computes. */
async function offer(always = false) {
  const models = modelsOf(await about);
  const before = model.value;
  model.replaceChildren(...models.map(({ name }) => make("option", { text: name, value: name })));
  if (models.some(({ name }) => name === picked)) model.value = picked;
  element("models").hidden = models.length < 2;
  tell();
  if (always || model.value !== before) for (const listener of listeners.model) listener();
}
offer();
onWhere(() => offer(true));
