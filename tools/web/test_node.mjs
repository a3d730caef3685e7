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
