// The same in Node, where files are read from the disk.

import { readFile } from "node:fs/promises";

import { readBy } from "./core.js";

readBy(async (address) => (address.startsWith("file:") ? new Uint8Array(await readFile(new URL(address))) : fetch(address)));

export * from "./fervor.js";
