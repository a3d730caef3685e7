// The tests of `test_web.py` in the page: each sends what came of it.

import { modules } from "./npm/builds.js";
import { build, FervorError, load, modelNames } from "./npm/fervor.js";

const asked = new URLSearchParams(location.search);
const [model, forced, only] = ["model", "build", "only"].map((key) => asked.get(key) ?? "");
const settings = { model, ...(forced && { build: forced }) };
const send = (result) => fetch("result", { method: "POST", body: JSON.stringify(result) });
const astronaut = async () => (await fetch("examples/astronaut.png")).blob();

function equal(a, b, what) {
  if (JSON.stringify(a) !== JSON.stringify(b)) throw new Error(`${what}: ${JSON.stringify(a)} is not ${JSON.stringify(b)}`);
}
function near(a, b, most, what) {
  if (!(Math.abs(a - b) <= most)) throw new Error(`${what}: ${a} is not within ${most} of ${b}`);
}
async function refused(promise, kind) {
  const error = await promise.then(() => null, (error) => error);
  if (!(error instanceof FervorError) || error.kind !== kind) throw new Error(`expected a ${kind} error, got ${error}`);
  return error;
}
const happy = (row) => row.faces[0].probabilities.happy;
const median = (times) => times.sort((a, b) => a - b)[times.length >> 1];

const tests = {
  async "all pictures are answered in a worker"() {
    const names = await (await fetch("pictures.json")).json();
    const fervor = await load(settings);
    equal(fervor.where, "worker", "where");
    async function* files() {
      for (const [index, name] of names.entries()) yield new File([await (await fetch(`pictures/${index}`)).arrayBuffer()], name);
    }
    let rows = [];
    for await (const row of fervor.analyzeAll(files())) {
      rows.push(row);
      if (rows.length === 20) await send({ rows: rows.splice(0) });
    }
    await send({ rows });
    await fervor.close();
    return `${names.length} pictures, build ${fervor.build}`;
  },

  async "every kind of source has the same face"() {
    const fervor = await load(settings);
    const blob = await astronaut();
    const bitmap = await createImageBitmap(blob);
    const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
    canvas.getContext("2d").drawImage(bitmap, 0, 0);
    const image = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    const drawn = Object.assign(document.createElement("canvas"), { width: canvas.width, height: canvas.height });
    drawn.getContext("2d").drawImage(bitmap, 0, 0);
    const element = document.getElementById("image");
    await element.decode();
    const bytes = await blob.arrayBuffer();
    const frame = new VideoFrame(bitmap, { timestamp: 0 });
    const sources = { blob, bitmap, canvas, image, drawn, element, bytes, view: new Uint8Array(bytes), frame, plain: { data: image.data, width: image.width, height: image.height } };
    const first = await fervor.analyze(blob);
    for (const [name, source] of Object.entries(sources)) {
      const row = await fervor.analyze(source);
      equal([row.faces.length, row.width, row.height, row.faces[0].label], [1, 512, 512, "happy"], name);
      // A video's frame has been to another colour space and back.
      near(happy(row), happy(first), name === "frame" ? 0.02 : 1e-4, name);
    }
    equal((await fervor.analyze(bitmap, { maxSide: 256 })).width, 256, "a bitmap made smaller");
    frame.close();
    await fervor.close();
  },

  async "what is closed is refused at once, and frames go on after one without an answer"() {
    const fervor = await load(settings);
    const told = [];
    const live = fervor.live({ onAnswer: ({ frame }) => told.push(frame), onError: (error, frame) => told.push([error.reason, frame]) });
    for (const source of [document.createElement("video"), document.getElementById("image")]) {
      live.push(source);
      while (!live.idle) await new Promise((wake) => setTimeout(wake, 5));
    }
    live.stop();
    equal(told, [["empty", 1], 2], "live");
    const late = fervor.analyze(await astronaut());
    const closing = fervor.close();
    await Promise.all([refused(late, "input"), closing, fervor.close()]);
    for (const act of [() => fervor.analyze(new Blob(["x"])), () => fervor.tracker(), () => fervor.memory()]) await refused(act(), "input");
  },

  async "a canvas that a browser keeps to itself stops no other picture"() {
    for (const worker of [true, false]) {
      const fervor = await load({ ...settings, worker });
      const image = document.getElementById("image");
      await image.decode();
      // A page in a drawing: what is drawn with it is not given out.
      const foreign = document.createElement("canvas");
      const page = new Image();
      const drawing = '<svg xmlns="http://www.w3.org/2000/svg" width="512" height="512"><foreignObject width="9" height="9"><p xmlns="http://www.w3.org/1999/xhtml">x</p></foreignObject></svg>';
      page.src = URL.createObjectURL(new Blob([drawing], { type: "image/svg+xml" }));
      await page.decode();
      [foreign.width, foreign.height] = [512, 512];
      foreign.getContext("2d").drawImage(page, 0, 0);
      const rows = [];
      for await (const row of fervor.analyzeAll([foreign, image])) rows.push(row.error?.reason ?? row.faces.length);
      equal(rows, ["inaccessible", 1], `worker ${worker}`);
      await fervor.close();
    }
  },

  async "a video is analysed, and its newest frame wins"() {
    const fervor = await load(settings);
    const canvas = Object.assign(document.createElement("canvas"), { width: 320, height: 240 });
    const pen = canvas.getContext("2d");
    const image = document.getElementById("image");
    await image.decode();
    let at = 0;
    const draw = setInterval(() => pen.drawImage(image, 140 + (at += 1) % 8, 0, 240, 180, 0, 0, 320, 240), 20);
    const video = Object.assign(document.createElement("video"), { muted: true, srcObject: canvas.captureStream(50) });
    await video.play();
    const answers = [];
    const live = fervor.live({ onAnswer: (answer) => answers.push(answer), longSide: 320 }).watch(video);
    while (answers.length < 30) await new Promise((wake) => setTimeout(wake, 20));
    // A burst while one is worked on: all but the newest are dropped.
    const before = live.dropped;
    for (let i = 0; i < 10; i += 1) live.push(canvas);
    if (live.dropped - before < 8) throw new Error(`${live.dropped - before} of a burst of 10 were dropped`);
    live.smoothing = 0;
    live.stop();
    clearInterval(draw);
    const { faces, width, height, frame } = answers.at(-1);
    equal([width, height, faces.length, faces[0].track], [320, 240, 1, 1], "the face");
    if (!(frame >= 30 && faces[0].age > 0 && faces[0].words)) throw new Error(JSON.stringify(answers.at(-1)));
    await fervor.close();
  },

  async "a face is found again where it was, for a fraction of a look"() {
    const fervor = await load(settings);
    const image = document.getElementById("image");
    await image.decode();
    const canvas = new OffscreenCanvas(640, 480);
    const pen = canvas.getContext("2d", { willReadFrequently: true });
    const show = (x) => pen.drawImage(image, 90 + x, 20, 320, 240, 0, 0, 640, 480);
    const options = { turns: false };
    show(0);
    const before = await fervor.analyze(canvas, options);
    show(3);
    const all = await fervor.analyze(canvas, options);
    const found = await fervor.analyze(canvas, { ...options, near: before });
    equal(found.faces.length, 1, "faces");
    // A large face is looked for at fewer pixels.
    for (const side of ["x", "y", "width", "height"]) near(found.faces[0].box[side], all.faces[0].box[side], 0.05 * all.faces[0].box.height, side);
    near(happy(found), happy(all), 0.05, "happy");
    // Where it is no longer, everything is looked at; so is a picture of another size.
    const away = { ...before, faces: [{ box: { x: 5, y: 400, width: 40, height: 40 } }] };
    equal((await fervor.analyze(canvas, { ...options, near: away })).faces, all.faces, "a face that is elsewhere");
    equal((await fervor.analyze(canvas, { ...options, near: { ...before, width: 320 } })).faces, all.faces, "another size");
    // Where there was none, nothing is looked for.
    equal((await fervor.analyze(canvas, { ...options, near: { ...before, faces: [] } })).faces, [], "no face before");
    await refused(fervor.analyze(canvas, { near: { boxes: [] } }), "input");
    const times = { whole: [], near: [] };
    for (let i = 0; i < 10; i += 1) {
      for (const [name, told] of [["whole", options], ["near", { ...options, near: before }]]) {
        const start = performance.now();
        await fervor.analyze(canvas, told);
        times[name].push(performance.now() - start);
      }
    }
    await fervor.close();
    return `${median(times.near).toFixed(1)} ms instead of ${median(times.whole).toFixed(1)}`;
  },

  async "the page stays smooth while a worker computes"() {
    const fervor = await load(settings);
    const blob = await astronaut();
    await fervor.analyze(blob);
    let longest = 0, last = performance.now(), over = false;
    const tick = () => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
      if (!over) setTimeout(tick, 4);
    };
    tick();
    const times = [];
    for (let i = 0; i < 10; i += 1) {
      const start = performance.now();
      await fervor.analyze(blob, { longSide: 1024 });
      times.push(performance.now() - start);
    }
    over = true;
    await fervor.close();
    if (longest > Math.max(40, median(times) / 2)) throw new Error(`the page stood still for ${longest} ms, an answer takes ${median(times)}`);
    return `longest pause ${longest.toFixed(0)} ms, an answer takes ${median(times).toFixed(0)} ms`;
  },

  async "the page's own thread answers the same"() {
    const [beside, here] = await Promise.all([load(settings), load({ ...settings, worker: false })]);
    equal([beside.where, here.where], ["worker", "page"], "where");
    const blob = await astronaut();
    equal(await beside.analyze(blob), await here.analyze(blob), "rows");
    await Promise.all([beside.close(), here.close()]);
  },

  async "all builds answer the same"() {
    const blob = await astronaut();
    const rows = [];
    for (const name of Object.keys(modules)) {
      const fervor = await load({ model, build: name });
      equal(fervor.build, name, "build");
      rows.push(await fervor.analyze(blob));
      await fervor.close();
    }
    for (const row of rows) near(happy(row), happy(rows[0]), 1e-4, "happy");
    return `this browser gets ${build()}`;
  },

  async "errors say whose problem it is and what helps"() {
    const fervor = await load(settings);
    const text = await refused(fervor.analyze(new Blob(["these are notes"])), "input");
    equal([text.reason, text.row.schema], ["not_a_picture", "fervor.prediction/1"], "a text");
    await refused(fervor.analyze(document.body), "input");
    await refused(fervor.analyze(null), "input");
    await refused(fervor.analyze(document.createElement("video")), "input");
    await refused(fervor.analyze(await astronaut(), { longSide: 3 }), "input");
    await refused(fervor.analyze(await astronaut(), { longside: 320 }), "input");
    const rows = [];
    for await (const row of fervor.analyzeAll([new Blob(["x"]), document.body, await astronaut()])) rows.push(row);
    equal(rows.map(({ error }) => error?.kind ?? null), ["input", "input", null], "rows");
    await fervor.close();
    await refused(load({ model: "fervor-48k" }), "input");
    await refused(load({ model: "nowhere/model.onnx" }), "input");
    await refused(load({ model: new Uint8Array(100) }), "model");
    equal(modelNames()[0], "fervor-nano", "the first model");
  },

  async "other models load by name, address and bytes"() {
    const blob = await astronaut();
    const address = new URL("npm/models/fervor-48-votes.onnx", location.href).href;
    for (const given of ["fervor-48-votes", address, new URL(address), await (await fetch(address)).arrayBuffer(), await fetch(address)]) {
      const fervor = await load({ model: given });
      equal([fervor.model.name, fervor.model.labels.length], ["fervor-48-votes", 8], "the model");
      equal((await fervor.analyze(blob)).faces[0].label, "happy", "the answer");
      await fervor.close();
    }
  },

  async "a plain script loads it, too"() {
    const fervor = await globalThis.fervor.load(settings);
    equal((await fervor.analyze(await astronaut())).faces[0].label, "happy", "the answer");
    await fervor.close();
  },

  async "a tracker follows rows of any door"() {
    const fervor = await load(settings);
    const tracker = await fervor.tracker({ smoothing: 0.5 });
    const row = await fervor.analyze(await astronaut());
    for (const time of [0, 0.04, 0.08]) {
      const [face] = await tracker.update(row, time);
      equal([face.track, face.age, face.label], [1, time, "happy"], "the face");
    }
    await refused(tracker.update({ schema: "other/1" }, 1), "input");
    await tracker.close();
    await fervor.close();
  },

  async "a service worker answers, and keeps the package for when there is no network"() {
    try {
      await navigator.serviceWorker.register("offline.js", { type: "module" });
    } catch (error) {
      if (error instanceof TypeError) return `skipped: no modules in service workers here: ${error.message}`;
      throw error;
    }
    const { active } = await navigator.serviceWorker.ready;
    if (!navigator.serviceWorker.controller) await new Promise((done) => navigator.serviceWorker.addEventListener("controllerchange", done, { once: true }));
    await fetch("offline", { method: "POST", body: "true" });
    try {
      // Everything that follows finds no server.
      equal((await fetch("pictures.json").catch(() => ({ ok: false }))).ok, false, "the network");
      const fervor = await load({ ...settings, model: "fervor-nano" });
      const blob = await astronaut();
      const row = await fervor.analyze(blob);
      equal([fervor.where, row.faces.length, row.faces[0].label], ["worker", 1, "happy"], "the page");
      await fervor.close();
      const picture = await createImageBitmap(blob);
      const pen = new OffscreenCanvas(picture.width, picture.height).getContext("2d");
      pen.drawImage(picture, 0, 0);
      const { data, width, height } = pen.getImageData(0, 0, picture.width, picture.height);
      const said = new Promise((done) => navigator.serviceWorker.addEventListener("message", ({ data }) => done(data), { once: true }));
      active.postMessage({ picture: { data, width, height }, build: forced || build() });
      const { where, row: same, error } = await said;
      equal(error, undefined, "the service worker");
      equal([where, same.faces.length], ["page", 1], "the service worker");
      near(happy(same), happy(row), 1e-4, "happy");
    } finally {
      await fetch("offline", { method: "POST", body: "false" });
      for (const registration of await navigator.serviceWorker.getRegistrations()) await registration.unregister();
    }
  },

  async "nothing may be evaluated here"() {
    let evaluated = false;
    try {
      evaluated = new Function("return true")();
    } catch {
      // As it should be.
    }
    equal(evaluated, false, "the policy");
  },
};

for (const [test, run] of Object.entries(tests)) {
  if (!test.includes(only)) continue;
  try {
    await send({ test, ok: true, said: (await run()) ?? "" });
  } catch (error) {
    await send({ test, ok: false, said: `${error.message} ${error.stack ?? ""}` });
  }
}
await send({ done: true });
