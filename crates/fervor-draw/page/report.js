// The report of one film: the person's own file plays, boxes over it, the lanes below follow.

import { Lanes, clock, faceOf, percent, place } from "./lanes.js";

const data = JSON.parse(document.getElementById("data").textContent);
const element = (id) => document.getElementById(id);
const [video, stage, overlay] = [element("video"), element("stage"), element("overlay")];
const film = { ...data, failed: new Map(data.failed) };
const colour = (label) => film.colours[film.labels.indexOf(label)];
const word = (label) => film.words[film.labels.indexOf(label)];
const begin = (text) => text.charAt(0).toUpperCase() + text.slice(1);
const share = (part) => (part > 0 && part < 0.005 ? "< 1 %" : `${Math.round(100 * part)} %`);

/** An element with classes, text and children. */
function make(tag, { classes = "", text = "", children = [], ...rest } = {}) {
  const made = document.createElement(tag);
  if (classes) made.className = classes;
  if (text) made.textContent = text;
  made.append(...children);
  return Object.assign(made, rest);
}
const tinted = (made, label) => {
  made.style.setProperty("--c", colour(label));
  return made;
};
const dot = (label) => tinted(make("i", { classes: "dot" }), label);
const likeness = (track) => (track.face ? [make("img", { src: track.face, alt: "", width: 40, height: 40 })] : []);

// Where we are: the film's time where it plays, else what was chosen last.
let playable = true;
let chosen = film.start;
const now = () => (playable ? video.currentTime : chosen);

function jump(time) {
  chosen = Math.min(Math.max(time, film.start), film.end);
  if (playable) video.currentTime = chosen + 1e-4;
  show();
}

/** To the next frame that was looked at, or to the one before. */
function step(by) {
  video.pause();
  const at = Math.min(Math.max(place(film, now()) + by, 0), film.times.length - 1);
  jump(film.times[at] ?? 0);
}

const lanes = new Lanes(element("lanes"), film, {
  colour, word, onSeek: jump,
  head: (track) => make("div", { classes: "lane-head", children: [...likeness(track), make("span", { children: [
    make("b", { text: `Face ${track.track}` }),
    make("span", { classes: "quiet-text", text: track.dominant ? `mostly ${word(track.dominant)}` : "never certain" }),
  ] })] }),
});

let shown = null;
/** Everything that belongs to this moment. */
function show() {
  const time = now();
  const frame = place(film, time);
  lanes.seek(time);
  drawBoxes(frame);
  element("time").textContent = `${clock(time)} of ${clock(film.end)} · frame ${film.indices[Math.max(frame, 0)] ?? 0}`;
  if (shown === frame) return;
  shown = frame;
  const faces = film.tracks.map((track) => [track, faceOf(film, track, frame)]).filter(([, face]) => face);
  const error = film.failed.get(frame);
  element("faces").replaceChildren(...(faces.length ? faces.map(([track, face]) => card(track, face)) : [make("p", { classes: "quiet-text", text: error ? begin(error) : "No face is seen." })]));
  for (const row of element("episodes").tBodies[0].rows) {
    row.classList.toggle("playing", time >= Number(row.dataset.onset) && time < Number(row.dataset.offset));
  }
}

function sentence({ ranked: [[first, p], [second, next]], uncertain }) {
  if (!uncertain) return `looks ${word(first)}, ${percent(p)}`;
  return 2 * next >= p ? `perhaps ${word(first)} or ${word(second)}` : `perhaps ${word(first)}, ${percent(p)}`;
}

function card(track, face) {
  const bars = face.ranked.map(([label, p]) => {
    const bar = make("i");
    bar.style.width = `${100 * p}%`;
    return tinted(make("li", { children: [make("span", { text: word(label) }), make("span", { classes: "bar", children: [bar] }), make("span", { text: p < 0.005 ? "< 1 %" : percent(p) })] }), label);
  });
  const remarks = [...(face.uncertain ? ["uncertain"] : []), ...face.flags.map((flag) => flag.replaceAll("_", " "))];
  return make("div", { classes: "face", children: [
    make("h3", { children: [dot(face.label), begin(sentence(face))] }),
    make("span", { classes: "quiet-text", text: `Face ${track.track}` }),
    make("ul", { classes: "bars", children: bars }),
    ...remarks.map((text) => make("span", { classes: "remark", text })),
  ] });
}

/** Boxes over the film, at its own place on the stage. */
function drawBoxes(frame) {
  const [wide, tall] = [film.width || video.videoWidth || 16, film.height || video.videoHeight || 9];
  const room = playable ? video : stage;
  const scale = Math.min(room.clientWidth / wide, room.clientHeight / tall);
  const [width, height] = [wide * scale, tall * scale];
  const ratio = devicePixelRatio || 1;
  Object.assign(overlay.style, { left: `${(stage.clientWidth - width) / 2}px`, top: `${playable ? video.offsetTop + (video.clientHeight - height) / 2 : (stage.clientHeight - height) / 2}px`, width: `${width}px`, height: `${height}px` });
  [overlay.width, overlay.height] = [Math.round(width * ratio), Math.round(height * ratio)];
  const pen = overlay.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  if (!playable) {
    pen.strokeStyle = "rgb(255 255 255 / 22%)";
    pen.strokeRect(0.5, 0.5, width - 1, height - 1);
  }
  if (!element("boxes").checked || frame < 0) return;
  for (const track of film.tracks) {
    const face = faceOf(film, track, frame);
    if (!face) continue;
    const [x, y, w, h] = ["x", "y", "width", "height"].map((side) => face.box[side] * scale);
    pen.setLineDash([]);
    pen.lineWidth = 4.5;
    pen.strokeStyle = "rgb(5 10 20 / 45%)";
    pen.strokeRect(x, y, w, h);
    pen.setLineDash(face.uncertain ? [8, 5] : []);
    pen.lineWidth = 2.5;
    pen.strokeStyle = colour(face.label);
    pen.strokeRect(x, y, w, h);
    pen.font = "700 13.5px system-ui, sans-serif";
    const name = film.tracks.length > 1 ? `${track.track}  ` : "";
    const text = face.uncertain ? `${name}perhaps ${word(face.label)}` : `${name}${word(face.label)} ${percent(face.confidence)}`;
    const long = pen.measureText(text).width + 14;
    const left = Math.max(0, Math.min(x - 1, width - long));
    const top = y > 24 ? y - 24 : Math.min(y + h + 2, height - 22);
    pen.fillStyle = colour(face.label);
    pen.beginPath();
    pen.roundRect(left, top, long, 22, 5);
    pen.fill();
    pen.fillStyle = "#0d1520";
    pen.fillText(text, left + 7, top + 15.5);
  }
}

/** The browser cannot play it, or it is not there: the lanes work all the same. */
function cannotPlay() {
  if (!playable) return;
  playable = false;
  video.hidden = true;
  stage.classList.add("blank");
  stage.style.setProperty("--shape", `${film.width || 16} / ${film.height || 9}`);
  element("notice-text").textContent = data.video
    ? `This browser cannot show ${data.video_name}: it was moved, or is of a kind that the browser does not play. The faces are drawn without it; everything below works.`
    : "The film is not beside this page. The faces are drawn without it; everything below works.";
  element("notice").hidden = false;
  element("speed-box").hidden = true;
  show();
}

element("choose").addEventListener("change", ({ target }) => {
  if (!target.files.length) return;
  playable = true;
  video.hidden = false;
  stage.classList.remove("blank");
  element("notice").hidden = true;
  element("speed-box").hidden = false;
  video.src = URL.createObjectURL(target.files[0]);
});
video.addEventListener("error", cannotPlay);
// A film of which only the sound is understood has no picture.
video.addEventListener("loadedmetadata", () => (video.videoWidth ? show() : cannotPlay()));
for (const type of ["seeked", "timeupdate", "pause", "loadeddata"]) video.addEventListener(type, show);
const follow = () => {
  show();
  if (!video.paused && !video.ended) (video.requestVideoFrameCallback ?? requestAnimationFrame).call(video.requestVideoFrameCallback ? video : window, follow);
};
video.addEventListener("play", follow);
new ResizeObserver(() => drawBoxes(place(film, now()))).observe(stage);
element("boxes").addEventListener("change", () => drawBoxes(place(film, now())));
element("speed").addEventListener("change", ({ target }) => { video.playbackRate = Number(target.value); });
element("back").addEventListener("click", () => step(-1));
element("forth").addEventListener("click", () => step(1));
element("in").addEventListener("click", () => lanes.zoom(0.5));
element("out").addEventListener("click", () => lanes.zoom(2));
element("whole").addEventListener("click", () => lanes.show(film.start, film.end));
addEventListener("keydown", (event) => {
  if (event.target.closest("input, select, video, button") || event.ctrlKey || event.metaKey || event.altKey) return;
  const act = { ",": () => step(-1), ".": () => step(1), " ": () => playable && (video.paused ? video.play() : video.pause()) }[event.key];
  if (!act) return;
  event.preventDefault();
  act();
});

// What stays the same.
const frames = film.times.length;
const faces = film.tracks.length;
const facts = [`${clock(film.end - film.start, 1)} long`, `${frames.toLocaleString("en")} frames looked at`, `${faces || "no"} ${faces === 1 ? "face" : "faces"}`];
if (film.width) facts.splice(1, 0, `${film.width} × ${film.height}`);
if (film.failed.size) facts.push(`${film.failed.size} frames could not be looked at`);
element("facts").textContent = facts.join(" · ");
const shares = film.labels.map((_, index) => film.tracks.reduce((sum, track) => sum + track.shares[index], 0));
element("legend").append(...film.labels.map((label) => make("li", { children: [dot(label), word(label)] })),
  make("li", { children: [make("i", { classes: "swatch unsure" }), "uncertain"] }), make("li", { children: [make("i", { classes: "swatch poor" }), "poor picture"] }));
const { reach, keep, least, bridge } = film.rule;
element("episode-rule").textContent = `An episode keeps at least ${Math.round(100 * keep)} %, reaches ${Math.round(100 * reach)} % and lasts ${least} s or longer; interruptions of up to ${bridge} s are bridged. Choose a time to go there.`;

const at = (time, text = clock(time)) => {
  const button = make("button", { classes: "jump", type: "button", text });
  button.addEventListener("click", () => {
    video.pause();
    jump(time);
    if (stage.getBoundingClientRect().bottom < 80) stage.scrollIntoView({ behavior: "smooth", block: "nearest" });
  });
  return button;
};
const cell = (...children) => make("td", { children });
element("tracks").tBodies[0].append(...film.tracks.map((track) => {
  const stack = make("div", { classes: "stack" });
  stack.setAttribute("role", "img");
  stack.setAttribute("aria-label", [...film.labels.map((label, index) => [word(label), track.shares[index]]), ["uncertain", track.uncertain]].filter(([, part]) => part >= 0.005).map(([name, part]) => `${name} ${share(part)}`).join(", "));
  stack.title = stack.getAttribute("aria-label");
  for (const index of film.labels.keys()) {
    const part = tinted(make("i"), film.labels[index]);
    part.style.width = `${100 * track.shares[index]}%`;
    stack.append(part);
  }
  const unsure = make("i", { classes: "unsure" });
  unsure.style.width = `${100 * track.uncertain}%`;
  stack.append(unsure);
  const mostly = track.dominant ? [dot(track.dominant), ` ${word(track.dominant)}`] : ["–"];
  const row = make("tr", { children: [
    cell(make("div", { classes: "who", children: [...likeness(track), `Face ${track.track}`] })), cell(at(track.first_s), " – ", at(track.last_s)),
    cell(share(track.seen)), cell(share(track.trusted)), cell(...mostly), make("td", { classes: "wide", children: [stack] }), cell(share(track.uncertain)),
  ] });
  return row;
}));
if (!faces) element("lanes").append(make("p", { classes: "quiet-text", text: "No face was found in this film." }));
if (!faces) element("tracks").tBodies[0].append(make("tr", { children: [make("td", { colSpan: 7, text: "No face was found in this film." })] }));

const MANY = 100;
const all = film.tracks.flatMap((track) => track.episodes.map((episode) => ({ ...episode, track }))).sort((a, b) => a.onset_s - b.onset_s);
function list(episodes) {
  element("episodes").tBodies[0].replaceChildren(...episodes.map((episode) => {
    const { track, label, onset_s: onset, apex_s: apex, offset_s: offset } = episode;
    const row = make("tr", { children: [
      cell(`Face ${track.track}`), cell(dot(label), ` ${word(label)}`), cell(at(onset)), cell(at(apex)), cell(at(offset)),
      cell(`${(offset - onset).toFixed(2)} s`), cell(percent(episode.mean)), cell(percent(episode.peak)), cell(share(episode.trusted)),
    ] });
    Object.assign(row.dataset, { onset, offset });
    return row;
  }));
  if (!all.length) element("episodes").tBodies[0].append(make("tr", { children: [make("td", { colSpan: 9, text: "No expression was clear for long enough." })] }));
}
list(all.slice(0, MANY));
element("more").hidden = all.length <= MANY;
element("more").textContent = `Show all ${all.length} episodes`;
element("more").addEventListener("click", () => {
  list(all);
  element("more").hidden = true;
});
element("failed-panel").hidden = film.failed.size === 0;
element("failed").tBodies[0].append(...[...film.failed].slice(0, MANY).map(([frame, why]) => make("tr", { children: [cell(String(film.indices[frame])), cell(at(film.times[frame])), cell(why)] })));
element("files").append(...data.files.map(([name, says]) => make("li", { children: [make("a", { href: encodeURIComponent(name), text: name }), make("span", { text: says })] })));
element("files-panel").hidden = data.files.length === 0;
element("about").textContent = `Made by Fervor with the model ${data.model}. This page is whole: nothing of it lies elsewhere${data.video ? ", but for the film" : ""}.`;

// Classes that are most of what is seen lie at the bottom.
for (const track of film.tracks) {
  track.order = [...film.labels.keys()].sort((a, b) => shares[b] - shares[a]);
}
if (data.video) video.src = data.video;
else cannotPlay();
lanes.draw();
show();
