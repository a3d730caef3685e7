// The Camera tab: frames are answered one by one, as boxes and lines. Off until it is started.

import { about, askForKey, labelsOf, live, needsKey } from "./api.js";
import { chosenModel, onModel, shown } from "./choices.js";
import { drawBoxes } from "./drawing.js";
import { Recording } from "./recording.js";
import { Timeline } from "./timeline.js";
import { begin, download, make, ranked, say, tinted } from "./view.js";

/** The longer side of the pictures that are sent. */
const SIDE = 640;

const element = (id) => document.getElementById(id);
const [stage, video, overlay] = [element("stage"), element("video"), element("camera-overlay")];
const timeline = new Timeline(element("timeline"));
const canvas = document.createElement("canvas");
let session = null;
/** Counts what was asked for, so that a camera that comes after it is not wanted any more is let go. */
let wish = 0;
/** What is recorded, and since when; null while nothing is. */
let record = null;

let takePhotograph = () => {};

/** What becomes of a photograph. */
export function onPhotograph(take) {
  takePhotograph = take;
}

/** Starts the camera and the connection. */
async function start() {
  stop();
  const wanted = wish;
  fail("");
  if (!navigator.mediaDevices?.getUserMedia) {
    return fail("This browser gives no camera to this page. Open it as http://localhost or over https.");
  }
  if ((await needsKey()) && !(await askForKey())) return fail("Without the key there is no answer.");
  if (wanted !== wish) return;
  try {
    const size = { width: { ideal: SIDE }, height: { ideal: 480 }, facingMode: "user" };
    const stream = await navigator.mediaDevices.getUserMedia({ video: size, audio: false });
    if (wanted !== wish) return stream.getTracks().forEach((track) => track.stop());
    session = new Session(stream);
    await session.run();
  } catch (error) {
    if (wanted !== wish) return;
    stop();
    fail({
      NotAllowedError: "The camera may not be used. Allow it in the browser's address bar and start again.",
      NotFoundError: "No camera was found. Connect one and start again.",
      NotReadableError: "The camera is in use by another program. Close that and start again.",
    }[error.name] ?? error.message);
  }
}

/** Stops the camera; its light goes out. */
export function stop() {
  wish += 1;
  endRecord();
  session?.end();
  session = null;
  stage.classList.remove("on");
  for (const id of ["camera-bar", "timeline-box"]) element(id).hidden = true;
}

function fail(message) {
  element("camera-error").textContent = message;
  element("camera-error").hidden = !message;
}

class Session {
  constructor(stream) {
    this.stream = stream;
    this.answered = [];
    this.last = null;
    this.spoken = { label: "", time: 0 };
    this.over = false;
    stream.getVideoTracks()[0].addEventListener("ended", () => stop());
  }

  async run() {
    video.srcObject = this.stream;
    await video.play();
    this.live = await live({
      model: chosenModel(),
      smoothing: Number(element("smoothing").value),
      maxSide: SIDE,
      onAnswer: (answer) => this.answer(answer),
      onError: (error) => {
        keep(performance.now(), { error });
        fail(error.message);
      },
      onEnd: (error) => {
        stop();
        fail(error.message);
      },
    });
    if (this.over) return this.live.stop();
    stage.classList.add("on");
    for (const id of ["camera-bar", "timeline-box"]) element(id).hidden = false;
    timeline.clear();
    smooth();
    say("The camera is on.");
    this.tick();
  }

  /** Once a screen refresh: show what is due, draw the chart. */
  tick() {
    if (this.over) return;
    this.send();
    timeline.draw();
    this.request = requestAnimationFrame(() => this.tick());
  }

  send() {
    if (!this.live.idle || video.readyState < 2 || video.currentTime === this.last) return;
    this.last = video.currentTime;
    this.live.push(video);
  }

  answer(answer) {
    if (this.over) return;
    const now = performance.now();
    keep(now - (answer.delay ?? answer.ms), { faces: shown(answer.faces) });
    this.answered = [...this.answered.filter((time) => now - time < 2000), now];
    const { width, height } = answer;
    const faces = shown(answer.faces);
    this.place();
    drawBoxes(overlay, faces, width, height, { mirror: true });
    const main = faces.reduce((a, b) => (!a || b.box.width * b.box.height > a.box.width * a.box.height ? b : a), null);
    timeline.add(main?.probabilities ?? null);
    element("camera-words").textContent = main ? begin(main.words) : "No face";
    const span = (now - this.answered[0]) / 1000;
    element("stat-rate").textContent = span > 0.3 ? `${((this.answered.length - 1) / span).toFixed(0)} / s` : "–";
    element("stat-delay").textContent = `${Math.round(answer.delay ?? answer.ms)} ms`;
    element("stat-dropped").textContent = String(answer.dropped);
    this.speak(main, now);
  }

  /** The overlay lies over the shown part of the video. */
  place() {
    const scale = Math.min(video.clientWidth / video.videoWidth, video.clientHeight / video.videoHeight);
    const [width, height] = [video.videoWidth * scale, video.videoHeight * scale];
    Object.assign(overlay.style, {
      left: `${video.offsetLeft + (video.clientWidth - width) / 2}px`, top: `${video.offsetTop + (video.clientHeight - height) / 2}px`,
      width: `${width}px`, height: `${height}px`,
    });
  }

  /** Screen readers hear changes, at most every four seconds. */
  speak(main, now) {
    const label = main ? (main.uncertain ? "uncertain" : main.label) : "no face";
    if (label === this.spoken.label || now - this.spoken.time < 4000) return;
    this.spoken = { label, time: now };
    const best = main ? ranked(main.probabilities)[0] : null;
    say(best ? main.words : "No face in the picture.");
  }

  end() {
    this.over = true;
    cancelAnimationFrame(this.request);
    this.live?.stop();
    this.stream.getTracks().forEach((track) => track.stop());
    video.srcObject = null;
    overlay.replaceChildren();
    say("The camera is off.");
  }
}

/** Begins to keep what is seen, in this page alone, and gives it as a table at the end. */
async function beginRecord() {
  record = { recording: new Recording("camera", labelsOf(await about)), since: performance.now() };
  element("camera-record").textContent = "Stop recording";
  say("Recording.");
}

/** A frame of the recording, where there is one, which was taken at this time of the page's clock. */
function keep(taken, answer) {
  if (!record) return;
  record.recording.add(Math.max(0, taken - record.since) / 1000, answer);
  element("camera-record").textContent = `Stop recording (${record.recording.frames.length} frames)`;
}

function endRecord() {
  if (!record) return;
  const { recording } = record;
  record = null;
  element("camera-record").textContent = "Record a table";
  if (recording.frames.length) download("camera-frames.csv", new Blob([recording.csv()], { type: "text/csv" }));
  say(`The table of ${recording.frames.length} frames is saved.`);
}

function smooth() {
  const seconds = Number(element("smoothing").value);
  element("smoothing-value").textContent = `${seconds.toFixed(1)} s`;
  if (session?.live) session.live.smoothing = seconds;
}

element("camera-start").addEventListener("click", start);
element("camera-stop").addEventListener("click", () => {
  stop();
  element("camera-start").focus();
});
element("camera-photograph").addEventListener("click", () => {
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext("2d").drawImage(video, 0, 0);
  canvas.toBlob((blob) => takePhotograph(new File([blob], "photograph.jpg", { type: "image/jpeg" })), "image/jpeg", 0.95);
});
element("camera-record").addEventListener("click", () => (record ? endRecord() : beginRecord()));
element("smoothing").addEventListener("input", smooth);
onModel(() => session && start());
about.then((service) => {
  element("legend").append(...labelsOf(service).map((label) => tinted(make("li", { children: [make("span", { classes: "dot" }), label] }), label)));
});
