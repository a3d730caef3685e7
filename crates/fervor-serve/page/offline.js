// Keeps the page's files, so that it opens without a network. Pictures are never kept.

/** Of this page: others of the same site keep theirs. */
const OURS = `fervor ${registration.scope} `;
const KEPT = `${OURS}{{version}}`;
/** What the first answer needs; other models are kept once they have been loaded. */
const FILES = {{files}};

addEventListener("install", (event) => {
  event.waitUntil(caches.open(KEPT).then((cache) => cache.addAll(FILES.map((file) => new Request(file, { cache: "reload" })))).then(() => skipWaiting()));
});

addEventListener("activate", (event) => {
  const old = (name) => name.startsWith(OURS) && name !== KEPT;
  event.waitUntil(caches.keys().then((names) => Promise.all(names.filter(old).map((name) => caches.delete(name)))).then(() => clients.claim()));
});

addEventListener("fetch", (event) => {
  const ours = event.request.method === "GET" && event.request.url.startsWith(registration.scope);
  if (ours) event.respondWith(answer(event.request));
});

async function answer(request) {
  const cache = await caches.open(KEPT);
  const kept = await cache.match(request, { ignoreSearch: true });
  if (kept) return kept;
  const response = await fetch(request);
  if (response.ok && request.url.endsWith(".onnx")) await cache.put(request, response.clone());
  return response;
}
