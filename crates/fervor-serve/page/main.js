// The page's frame: tabs, dropping and pasting, what the service says of itself.

import * as batch from "./batch.js";
import * as camera from "./camera.js";
import { dropped } from "./files.js";
import * as pictures from "./pictures.js";
import { about, inBrowser, modelsOf, onWhere } from "./where.js";
import * as video from "./video.js";

const tabs = [...document.querySelectorAll("[role=tab]")];
const panel = (tab) => document.getElementById(tab.getAttribute("aria-controls"));
let current = tabs[0];

function open(tab, focus = false) {
  if (!tab || tab === current) return;
  for (const other of tabs) {
    other.setAttribute("aria-selected", String(other === tab));
    other.tabIndex = other === tab ? 0 : -1;
    panel(other).hidden = other !== tab;
  }
  if (current.id === "tab-camera") camera.stop();
  current = tab;
  history.replaceState(null, "", tab === tabs[0] ? location.pathname : `#${panel(tab).id}`);
  if (focus) tab.focus();
}

for (const [index, tab] of tabs.entries()) {
  tab.addEventListener("click", () => open(tab));
  tab.addEventListener("keydown", (event) => {
    const to = { ArrowRight: index + 1, ArrowLeft: index - 1 + tabs.length, Home: 0, End: tabs.length - 1 }[event.key];
    if (to === undefined) return;
    event.preventDefault();
    open(tabs[to % tabs.length], true);
  });
}
open(tabs.find((tab) => `#${panel(tab).id}` === location.hash));

/** Files go to the tab that is open, from the Camera tab to the Pictures; a film goes to its own. */
function take(files) {
  if (!files.length) return;
  if (files.length === 1 && video.isFilm(files[0]) && current.id !== "tab-batch") {
    open(document.getElementById("tab-video"));
    return video.look(files[0]);
  }
  if (current.id === "tab-batch") return batch.add(files);
  look(files);
}

function look(files) {
  open(tabs[0]);
  pictures.show(files);
}

batch.onOpen((file) => look([file]));

camera.onPhotograph((file) => {
  open(tabs[0], true);
  pictures.show([file]);
});

let depth = 0;
const hasFiles = (event) => event.dataTransfer?.types.includes("Files");
const over = (change) => (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  depth = Math.max(0, depth + change);
  document.body.classList.toggle("over", depth > 0);
};
addEventListener("dragenter", over(1));
addEventListener("dragleave", over(-1));
addEventListener("dragover", over(0));
addEventListener("drop", (event) => {
  if (!hasFiles(event)) return;
  event.preventDefault();
  depth = 0;
  document.body.classList.remove("over");
  dropped(event.dataTransfer).then(take);
});
addEventListener("paste", (event) => take([...(event.clipboardData?.files ?? [])]));

/** What the page says of whoever computes. */
async function tell() {
  const service = await about;
  const models = modelsOf(service);
  const [first] = models;
  const accuracy = first.accuracy ? ` It names ${Math.round(100 * first.accuracy)} of 100 faces of its validation pictures as people labelled them.` : "";
  const others = models.length > 1 ? ` Also there: ${models.slice(1).map(({ name }) => name).join(", ")}.` : "";
  document.getElementById("about").textContent = `Fervor ${service.version}, model ${first.name}: ${first.labels.join(", ")}.${accuracy}${others}`;
  document.getElementById("limits").textContent = inBrowser() || !service.server
    ? "JPEG, PNG, WebP, GIF, BMP or TIFF. Pictures are looked at in this browser: none leaves this device."
    : `JPEG, PNG, WebP, GIF, BMP or TIFF, up to ${Math.round(service.max_upload / 2 ** 20)} MiB. Pictures are answered and forgotten: none is kept.`;
}
tell();
onWhere(tell);
