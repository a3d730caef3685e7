// The Video tab: the film stays in the browser, which decodes it; small pictures of it are answered one by one.

import { about, askForKey, labelsOf, live, needsKey } from "./api.js";
import { chosenModel, shown } from "./choices.js";
import { drawBoxes } from "./drawing.js";
import { Lanes, clock, faceOf, place } from "./lanes.js";
import { Recording } from "./recording.js";
import { colour, download, make, say, tinted } from "./view.js";
import { inBrowser, modelsOf, onWhere } from "./where.js";

/** The longer side of the pictures that are sent. */
const SIDE = 640;
/** Frames on their way at once: one worked on, one waiting. A third would take the second one's place. */
const ROOM = 2;
/** Lanes are drawn anew at most so often while frames come, in milliseconds. */
const PAUSE = 500;

const element = (id) => document.getElementById(`film-${id}`);
const [player, overlay, stage] = [element("player"), element("overlay"), element("stage")];
const canvas = document.createElement("canvas");
let words = {};
let work = null;
/** What is shown below the film: its recording, that as the lanes draw it, and the lanes. */
let result = null;
let lanes = null;
about.then((service) => { words = service.words; });

/** Whether this tab has a use for the file. */
export const isFilm = (file) => file.type.startsWith("video/") || /\.(mp4|m4v|mov|webm|mkv|avi|ogv)$/i.test(file.name);

function fail(message) {
  element("error").textContent = message;
  element("error").hidden = !message;
  if (message) say(message);
}

/** Looks at a film. */
export async function look(file) {
  work?.stop();
  fail("");
  [work, result] = [null, null];
  for (const id of ["result", "bar", "stage"]) element(id).hidden = true;
  if (player.src) URL.revokeObjectURL(player.src);
  player.controls = false;
  player.src = URL.createObjectURL(file);
  const loaded = await new Promise((done) => {
    player.onloadeddata = () => done(player.videoWidth > 0);
    player.onerror = () => done(false);
  });
  if (!loaded) return fail(`This browser cannot play ${file.name}. On the command line, fervor video reads more kinds of films.`);
  if (!Number.isFinite(player.duration)) return fail(`${file.name} does not say how long it is.`);
  if ((await needsKey()) && !(await askForKey())) return fail("Without the key there is no answer.");
  stage.hidden = false;
  work = new Work(file, Number(element("rate").value), await about);
  await work.run();
}

class Work {
  constructor(file, rate, service) {
    Object.assign(this, { file, rate, here: inBrowser(), sent: 0, answered: 0, times: [], pictures: [], over: false, wake: () => {} });
    this.recording = new Recording(file.name, labelsOf(service, new Set([chosenModel() || modelsOf(service)[0].name])));
    this.recording.end = player.duration;
    this.drawn = 0;
  }

  async run() {
    try {
      this.live = await live({
        model: chosenModel(),
        onAnswer: (answer) => this.hear(answer.frame, answer),
        onError: (error, frame) => this.hear(frame, { error }),
        onEnd: (error) => {
          this.fault = error.message;
          this.wake();
        },
      });
    } catch (error) {
      this.fault = error.message;
    }
    element("count").textContent = "";
    element("bar").hidden = false;
    element("csv").disabled = true;
    this.begun = performance.now();
    const count = Math.max(1, Math.ceil(player.duration * this.rate - 1e-6));
    for (let index = 0; index < count && !this.over && !this.fault; index += 1) {
      await this.send(index / this.rate);
      this.tell(count);
    }
    while (this.answered < this.sent && !this.over && !this.fault) await this.more();
    this.finish(count);
  }

  /** Resolves when an answer came, or when the connection ended. */
  more() {
    return new Promise((wake) => { this.wake = wake; });
  }

  async send(time) {
    while (this.sent - this.answered >= ROOM && !this.over && !this.fault) await this.more();
    if (this.over || this.fault) return;
    await seek(time);
    const scale = Math.min(1, SIDE / Math.max(player.videoWidth, player.videoHeight));
    [canvas.width, canvas.height] = [Math.round(player.videoWidth * scale), Math.round(player.videoHeight * scale)];
    canvas.getContext("2d").drawImage(player, 0, 0, canvas.width, canvas.height);
    this.scale = scale;
    const picture = this.here ? await createImageBitmap(canvas) : await new Promise((done) => canvas.toBlob(done, "image/jpeg", 0.9));
    if (this.over || this.fault) return picture.close?.();
    this.live.push(picture, { time });
    this.pictures.push(picture);
    this.times.push(time);
    this.sent += 1;
  }

  hear(frame, answer) {
    const time = this.times[frame - 1];
    if (time === undefined) return;
    this.answered = frame;
    this.pictures.shift()?.close?.();
    // In the film's own pixels.
    const grown = (answer.faces ?? []).map((face) => ({ ...face, box: Object.fromEntries(Object.entries(face.box).map(([side, value]) => [side, value / this.scale])) }));
    this.recording.add(time, answer.error ? answer : { faces: shown(grown) });
    drawBoxes(overlay, shown(grown), player.videoWidth, player.videoHeight);
    if (performance.now() - this.drawn > PAUSE) {
      this.drawn = performance.now();
      show(this.recording);
    }
    this.wake();
  }

  tell(count) {
    if (work !== this) return;
    Object.assign(element("progress"), { max: count, value: this.answered });
    const seconds = (performance.now() - this.begun) / 1000;
    const rate = this.answered / seconds;
    const left = rate > 0 ? Math.ceil((count - this.answered) / rate) : 0;
    element("count").textContent = `${this.answered} of ${count} frames${seconds > 1 ? `, ${rate.toFixed(0)} a second, ${clock(left, 0)} left` : ""}`;
  }

  /** `why`, where not a person wanted it. */
  stop(why = null) {
    this.fault ??= why;
    this.over = true;
    this.live?.stop();
    this.wake();
  }

  finish(count) {
    const whole = !this.over && !this.fault;
    this.over = true;
    this.live?.stop();
    for (const picture of this.pictures.splice(0)) picture.close?.();
    if (work !== this) return;
    element("bar").hidden = true;
    work = null;
    if (this.fault) fail(this.fault);
    if (!this.recording.frames.length) return;
    if (!whole) this.recording.end = null;
    this.recording.smooth();
    player.controls = true;
    result = show(this.recording);
    element("csv").disabled = false;
    follow();
    const faces = result.film.tracks.length;
    const seconds = (performance.now() - this.begun) / 1000;
    const told = `${this.recording.frames.length} frames${whole ? "" : ` of ${count}`}, ${faces || "no"} ${faces === 1 ? "face" : "faces"}; looked at in ${seconds.toFixed(seconds < 10 ? 1 : 0)} s`;
    element("sum").textContent = told;
    say(told);
  }
}

/** Shows the picture at a time; resolves when it is there. */
function seek(time) {
  return new Promise((done) => {
    player.addEventListener("seeked", done, { once: true });
    // A hair later, so that rounding does not give the frame before.
    player.currentTime = Math.min(time + 1e-4, player.duration);
    if (!player.seeking) done();
  });
}

/** Draws the lanes. */
function show(recording) {
  element("result").hidden = false;
  const film = recording.film();
  lanes?.update(film);
  lanes ??= new Lanes(element("lanes"), film, { colour, word, head, onSeek: go });
  lanes.seek(player.currentTime);
  return { recording, film };
}

const word = (label) => words[label] ?? label;

function head({ track, dominant }) {
  const mostly = make("span", { classes: "quiet-text", text: dominant ? `mostly ${word(dominant)}` : "not certain" });
  return make("span", { children: [make("b", { text: `Face ${track}` }), mostly] });
}

/** To a time of the film, once all of it was looked at. */
function go(time) {
  if (work) return;
  player.pause();
  player.currentTime = time + 1e-4;
}

/** Boxes and the line of the present follow the film. */
function follow() {
  if (!result || work) return;
  const { film } = result;
  lanes.seek(player.currentTime);
  const frame = place(film, player.currentTime);
  const faces = film.tracks.map((track) => [track, faceOf(film, track, frame)]).filter(([, face]) => face);
  drawBoxes(overlay, faces.map(([{ track }, face]) => ({
    ...face, number: track, probabilities: Object.fromEntries(face.ranked),
    words: `${face.uncertain ? "perhaps" : "looks"} ${word(face.label)}`,
  })), player.videoWidth, player.videoHeight);
  if (!player.paused && !player.ended) requestAnimationFrame(follow);
}
for (const type of ["play", "seeked", "pause", "loadeddata"]) player.addEventListener(type, follow);
new ResizeObserver(fit).observe(stage);

/** The overlay lies over the shown part of the film. */
function fit() {
  const scale = Math.min(player.clientWidth / player.videoWidth, player.clientHeight / player.videoHeight);
  if (!Number.isFinite(scale)) return;
  const [width, height] = [player.videoWidth * scale, player.videoHeight * scale];
  Object.assign(overlay.style, {
    left: `${player.offsetLeft + (player.clientWidth - width) / 2}px`, top: `${player.offsetTop + (player.clientHeight - height) / 2}px`,
    width: `${width}px`, height: `${height}px`,
  });
  follow();
}

element("choose").addEventListener("change", ({ target }) => {
  const [file] = target.files;
  target.value = "";
  if (file) look(file);
});
element("stop").addEventListener("click", () => work?.stop());
element("csv").addEventListener("click", () => {
  download(`${result.recording.source.replace(/\.[^.]*$/, "")}-frames.csv`, new Blob([result.recording.csv()], { type: "text/csv" }));
});
// Frames never go on to somebody whom the page does not name any more.
onWhere(() => work && work.here !== inBrowser() && work.stop("Stopped, since from now on somebody else computes. Choose the film again."));
about.then((service) => {
  element("legend").append(...labelsOf(service).map((label) => tinted(make("li", { children: [make("span", { classes: "dot" }), word(label)] }), label)),
    make("li", { children: [make("i", { classes: "swatch unsure" }), "uncertain"] }), make("li", { children: [make("i", { classes: "swatch poor" }), "poor picture"] }));
});
