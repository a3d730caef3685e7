// What `bench_web.py` times in the page.

import { load } from "./npm/fervor.js";
import { modules } from "./npm/builds.js";

const asked = new URLSearchParams(location.search);
const rounds = Number(asked.get("rounds"));
const frames = Number(asked.get("frames"));
const tell = (line) => fetch("result", { method: "POST", body: JSON.stringify({ line }) });

/** A frame of this size that shows the astronaut's head and shoulders. */
async function frame(width, height) {
  const photo = await createImageBitmap(await (await fetch("examples/astronaut.png")).blob());
  const canvas = new OffscreenCanvas(width, height);
  canvas.getContext("2d", { willReadFrequently: true }).drawImage(photo, 90, 20, 320, 240, 0, 0, width, height);
  return canvas;
}

/** Frames of a film that are looked at as one: of thirty a second, one in six by a look at everything. */
const FILM = 6;

/** Each contestant's times for a frame, sorted; they take turns, in another order each round, since who comes after one that uses much
 * memory finds the processor's caches empty. One that looks at several frames at once answers their number. */
async function race(contestants) {
  const order = Object.entries(contestants);
  const random = generator(1);
  const times = Object.fromEntries(Object.keys(contestants).map((name) => [name, []]));
  for (let round = 0; round < rounds + 3; round += 1) {
    shuffle(order, random);
    for (const [name, run] of order) {
      const start = performance.now();
      const answer = await run();
      const frames = typeof answer === "number" ? answer : 1;
      if (round >= 3) times[name].push((performance.now() - start) / frames);
    }
  }
  for (const all of Object.values(times)) all.sort((a, b) => a - b);
  return times;
}

/** Numbers from 0 to 1, the same ones for the same seed (mulberry32). */
function generator(seed) {
  return () => {
    seed = (seed + 0x6D2B79F5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Puts a list into another order (Fisher and Yates). */
function shuffle(list, random) {
  for (let i = list.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    [list[i], list[j]] = [list[j], list[i]];
  }
}

/** onnxruntime-web with the detector and the model of this package, on one thread. */
async function onnxruntime() {
  const ort = await import("./peers/onnxruntime-web/dist/ort.wasm.min.mjs");
  ort.env.wasm.numThreads = 1;
  ort.env.wasm.wasmPaths = new URL("peers/onnxruntime-web/dist/", location.href).href;
  const session = (model) => ort.InferenceSession.create(`models/${model}/${model}.onnx`, { executionProviders: ["wasm"] });
  const [detector, nano] = [await session("yunet-s"), await session("fervor-nano")];
  const chip = new ort.Tensor("float32", new Float32Array(48 * 48).fill(90), [1, 1, 48, 48]);
  return async (canvas) => {
    const { width, height } = canvas;
    const { data } = canvas.getContext("2d").getImageData(0, 0, width, height);
    const [wide, high] = [Math.ceil(width / 32) * 32, Math.ceil(height / 32) * 32];
    const planes = new Float32Array(3 * wide * high);
    for (let y = 0; y < height; y += 1) {
      for (let x = 0; x < width; x += 1) {
        for (let c = 0; c < 3; c += 1) planes[(c * high + y) * wide + x] = data[4 * (y * width + x) + 2 - c];
      }
    }
    await detector.run({ [detector.inputNames[0]]: new ort.Tensor("float32", planes, [1, 3, high, wide]) });
    await nano.run({ [nano.inputNames[0]]: chip });
  };
}

/** human with its own detector and emotion, as its documentation sets it up for expressions. `every`: it looks at all of each frame; else
 * it may leave out what its documentation leaves out for films, which is what it does by itself. */
const human = (every) => async () => {
  const { Human } = await import("./peers/@vladmandic/human/dist/human.esm.js");
  const off = { enabled: false };
  const always = every ? { skipFrames: 0, skipTime: 0 } : {};
  const it = new Human({
    backend: "wasm",
    wasmPath: new URL("peers/@tensorflow/tfjs-backend-wasm/dist/", location.href).href,
    modelBasePath: new URL("peers/@vladmandic/human/models/", location.href).href,
    ...(every ? { cacheSensitivity: 0 } : {}),
    warmup: "none",
    filter: off, gesture: off, body: off, hand: off, object: off, segmentation: off,
    face: { enabled: true, detector: { rotation: false, ...always }, mesh: off, iris: off, description: off, emotion: { enabled: true, ...always } },
  });
  await it.load();
  return async (canvas) => {
    for (let i = 0; i < (every ? 1 : FILM); i += 1) await it.detect(canvas);
    return every ? 1 : FILM;
  };
};

// One module is in a thread, so that each build has a worker; the best is in the page's own thread, too, beside the others.
const best = await load({ worker: false });
const builds = {};
for (const build of Object.keys(modules)) builds[build] = await load({ build, worker: true });
const large = await load({ model: "fervor-48", worker: true });
const peers = {};
if (asked.get("peers")) {
  for (const [name, make] of Object.entries({ "onnxruntime-web": onnxruntime, human: human(true), "human, as it leaves out frames by itself": human(false) })) {
    try {
      peers[name] = await make();
    } catch (error) {
      await tell(`${name} does not run here: ${error.message}`);
    }
  }
}
for (const [width, height, longSide] of [[320, 240, 320], [640, 480, 640]]) {
  const canvas = await frame(width, height);
  const name = best.build;
  const contestants = { [`fervor ${name}`]: () => best.analyze(canvas, { longSide, turns: false }) };
  for (const [build, fervor] of Object.entries(builds)) {
    contestants[`fervor ${build}, in a worker`] = () => fervor.analyze(canvas, { longSide, turns: false });
  }
  // What human's detector looks at, however large the picture is.
  contestants[`fervor ${name}, the detector's long side 256`] = () => best.analyze(canvas, { longSide: 256, turns: false });
  const before = await best.analyze(canvas, { longSide, turns: false });
  contestants[`fervor ${name}, faces where they were in the frame before`] = () => best.analyze(canvas, { longSide, turns: false, near: before });
  contestants[`fervor ${name}, a film of thirty frames a second`] = async () => {
    let row = null;
    for (let i = 0; i < FILM; i += 1) row = await best.analyze(canvas, { longSide, turns: false, near: row });
    return FILM;
  };
  contestants[`fervor ${name}, turned faces, too`] = () => best.analyze(canvas, { longSide });
  const empty = new OffscreenCanvas(width, height);
  empty.getContext("2d", { willReadFrequently: true }).drawImage(canvas, 0, 0, width / 8, height / 8, 0, 0, width, height);
  contestants[`fervor ${name}, no face, turned faces, too`] = () => best.analyze(empty, { longSide });
  contestants[`fervor ${name}, no face`] = () => best.analyze(empty, { longSide, turns: false });
  contestants[`fervor ${name}, no detector`] = () => best.analyze(canvas, { whole: true });
  contestants[`fervor ${name}, fervor-48, no detector, in a worker`] = () => large.analyze(canvas, { whole: true });
  const pen = canvas.getContext("2d");
  const image = pen.getImageData(0, 0, width, height);
  contestants[`fervor ${name}, from ImageData`] = () => best.analyze(image, { longSide, turns: false });
  contestants["a canvas's pixels alone"] = () => pen.getImageData(0, 0, width, height);
  contestants["a bitmap of a canvas alone"] = async () => (await createImageBitmap(canvas)).close();
  for (const [name, run] of Object.entries(peers)) contestants[name] = () => run(canvas);
  const row = await best.analyze(canvas, { longSide, turns: false });
  await tell(`${width} x ${height}, the detector's long side ${longSide}: ${row.faces.length} face, score ${row.faces[0]?.score.toFixed(3)}, ${row.faces[0]?.words}`);
  for (const [name, all] of Object.entries(await race(contestants))) {
    await tell(`  ${all[0].toFixed(2).padStart(8)} ${all[all.length >> 1].toFixed(2).padStart(8)}  ${name}`);
  }
}

const starts = [];
for (let i = 0; i < 5; i += 1) {
  const start = performance.now();
  const fervor = await load();
  await fervor.analyze(await frame(320, 240), { longSide: 320 });
  starts.push(performance.now() - start);
  await fervor.close();
}
starts.sort((a, b) => a - b);
await tell(`from nothing to the first answer, the files in the cache: ${starts[0].toFixed(0)} to ${starts.at(-1).toFixed(0)} ms`);

if (frames) {
  const canvas = await frame(320, 240);
  const fervor = best;
  const tracker = await fervor.tracker();
  const held = async () => {
    globalThis.gc?.();
    return `${((await fervor.memory()) / 2 ** 20).toFixed(1)} MiB of WebAssembly, ${(performance.memory.usedJSHeapSize / 2 ** 20).toFixed(1)} MiB of JavaScript`;
  };
  for (let i = 0; i <= frames; i += 1) {
    const row = await fervor.analyze(canvas, { longSide: 320, turns: false });
    await tracker.update(row, i / 30);
    if (i % Math.ceil(frames / 4) === 0) await tell(`after ${i} frames: ${await held()}`);
  }
}
await fetch("result", { method: "POST", body: JSON.stringify({ done: true }) });
