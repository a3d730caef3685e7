// A service worker that keeps the package and answers pictures itself, as a page that works without a network would have it.

import { load } from "./npm/fervor.js";
import { decoder, models, modules } from "./npm/builds.js";

const SCRIPTS = ["fervor.js", "builds.js", "core.js", "error.js", "fervor_files.js", "fervor_web.js", "live.js", "sources.js", "threads.js", "worker.js"];
const kept = () => caches.open("fervor");
let fervor = null;

addEventListener("install", (event) => {
  const files = [...SCRIPTS.map((name) => `npm/${name}`), decoder, models["fervor-nano"], ...Object.values(modules), "examples/astronaut.png"];
  event.waitUntil(kept().then((cache) => cache.addAll(files)).then(() => skipWaiting()));
});
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => {
  if (event.request.method === "GET") event.respondWith(kept().then((cache) => cache.match(event.request)).then((known) => known ?? fetch(event.request)));
});
addEventListener("message", (event) => {
  const answer = async () => {
    // What a service worker fetches itself does not pass its own listener.
    const cache = await kept();
    const bytes = async (url) => new Uint8Array(await (await cache.match(url)).arrayBuffer());
    const name = event.data.build;
    fervor ??= load({ module: await bytes(modules[name]), build: name, model: await bytes(models["fervor-nano"]), files: false });
    const it = await fervor;
    return { where: it.where, row: await it.analyze(event.data.picture) };
  };
  event.waitUntil(answer().then((said) => event.source.postMessage(said), (error) => event.source.postMessage({ error: String(error.stack ?? error) })));
});
