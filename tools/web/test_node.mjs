// The package in Node: `node tools/web/test_node.mjs`, after `cargo xtask web`.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import test from "node:test";

import { FervorError, load } from "../../target/npm/fervor-web/node.js";

const astronaut = await readFile(new URL("../../examples/astronaut.png", import.meta.url));

test("a file's bytes are answered", async () => {
  const fervor = await load();
  const row = await fervor.analyze(astronaut, { source: "astronaut.png" });
  assert.deepEqual([row.schema, row.source, row.width, row.faces.length], ["fervor.prediction/1", "astronaut.png", 512, 1]);
  assert.equal(row.faces[0].label, "happy");
  assert.deepEqual(row.model, { name: "fervor-nano", sha256: fervor.model.sha256 });
  await fervor.close();
});

test("pixels and Blobs are answered, and a bad one does not stop the others", async () => {
  const fervor = await load({ model: "fervor-48" });
  const gray = { data: new Uint8Array(4 * 64 * 64).fill(128), width: 64, height: 64 };
  const rows = [];
  for await (const row of fervor.analyzeAll([gray, new Blob([astronaut]), "a text", new Blob(["x"])])) rows.push(row);
  assert.deepEqual(rows.map(({ faces, error }) => [faces.length, error?.kind ?? null]), [[0, null], [1, null], [0, "input"], [0, "input"]]);
  await fervor.close();
});

test("errors are the same objects", async () => {
  await assert.rejects(load({ model: "no-such-model" }), (error) => error instanceof FervorError && error.kind === "input");
  await assert.rejects(load({ model: new Uint8Array(9) }), { kind: "model" });
});

test("what is misspelled or missing is refused by its name", async () => {
  await assert.rejects(load("fervor-48"), { kind: "input", hint: 'load({ model: "fervor-48" })' });
  await assert.rejects(load({ modle: "fervor-48" }), /modle/);
  await assert.rejects(load({ build: "nope" }), /nope/);
  await assert.rejects(load({ worker: true }), { kind: "input", reason: "unsupported" });
  await assert.rejects(load({ model: "./no-such.onnx" }), (error) => error.message.includes(`${process.cwd()}/no-such.onnx`));
});

test("a load that failed is tried again", async () => {
  await assert.rejects(load({ base: "/nonexistent" }), /nonexistent\//);
  const fervor = await load();
  assert.equal((await fervor.analyze(astronaut)).faces.length, 1);
  await fervor.close();
});

test("what is closed says so, however often", async () => {
  const fervor = await load();
  const tracker = await fervor.tracker();
  await tracker.close();
  await assert.rejects(tracker.update({}, 0), /tracker is closed/);
  await Promise.all([fervor.close(), fervor.close()]);
  await fervor.close();
  for (const act of [() => fervor.analyze(astronaut), () => fervor.tracker(), () => fervor.memory()]) await assert.rejects(act, /closed/);
});

test("names are texts, and pixels bytes", async () => {
  const fervor = await load();
  const pixels = { data: new Uint8Array(4 * 64 * 64), width: 64, height: 64 };
  for (const [source, name] of [[5, "5"], [null, "picture"], ["", ""]]) assert.equal((await fervor.analyze(pixels, { source })).source, name);
  for (const data of [new Float32Array(4 * 64 * 64), Array(4 * 64 * 64).fill(0)]) await assert.rejects(fervor.analyze({ ...pixels, data }), /bytes/);
  const moved = new ArrayBuffer(8);
  structuredClone(moved, { transfer: [moved] });
  await assert.rejects(fervor.analyze(moved), { kind: "input", reason: "inaccessible" });
  await fervor.close();
});

test("a tracker follows frames in their order, whichever model answers", async () => {
  const [nano, votes] = [await load(), await load({ model: "fervor-48-votes" })];
  const tracker = await nano.tracker();
  const row = await nano.analyze(astronaut);
  assert.deepEqual((await tracker.update(row, 1)).map(({ track, age }) => [track, age]), [[1, 0]]);
  await assert.rejects(tracker.update(row), { kind: "input" });
  await assert.rejects(tracker.update(row, 0.5), /goes back/);
  const [face] = await tracker.update(await votes.analyze(astronaut), 2);
  assert.deepEqual([face.track, Object.keys(face.probabilities).length], [1, 8]);
  await Promise.all([nano.close(), votes.close()]);
});

test("live pictures go on after one that has no answer", async () => {
  const fervor = await load();
  const told = [];
  const pixels = { data: new Uint8Array(4 * 64 * 64), width: 64, height: 64 };
  const live = fervor.live({ onAnswer: ({ frame }) => told.push(frame), onError: (error, frame) => told.push([error.kind, frame]) });
  for (const frame of ["no picture", pixels]) {
    live.push(frame);
    while (!live.idle) await new Promise((wake) => setTimeout(wake, 1));
  }
  live.stop();
  live.smoothing = 1;
  assert.deepEqual(told, [["input", 1], 2]);
  await fervor.close();
});
