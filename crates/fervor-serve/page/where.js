// Who computes: the service that this page comes from, or this browser. It says which, everywhere on the page.

const KEPT = "fervor.where";
const element = (id) => document.getElementById(id);
const listeners = [];

/** Where a file of the page is: beside it, or in it, where the page is one file. */
const at = (path) => globalThis.FILES?.[path] ?? new URL(path, document.baseURI).href;

/** What the page's home says of itself: models, classes, limits; whether there is a service behind it, and what the browser could load. */
export const about = fetch(at("page/about.json")).then((response) => response.json());

/** "server", "browser", or null as long as nobody has decided: nothing is sent before. */
let where = null;
/** What is loaded here: the package's Fervor by model. */
const loaded = new Map();

/** Whether this browser computes; false, too, as long as nobody has decided. */
export const inBrowser = () => where === "browser";

/** Resolves once it is decided who computes. */
export const decided = about.then(decide);

/** Calls `listener` when that changes. */
export const onWhere = (listener) => listeners.push(listener);

/** The models of whoever computes; where there is no service, only a browser can. */
export const modelsOf = (service) => (inBrowser() || !service.server ? service.browser.models : service.models);

/** A model in this browser; loaded once. */
export async function loadedHere(model = "") {
  const service = await about;
  const { name, file } = service.browser.models.find(({ name }) => name === model) ?? service.browser.models[0];
  if (!loaded.has(name)) {
    const folder = service.browser.package;
    const loading = import(at(`${folder}fervor.js`)).then(({ load }) => load({ model: at(folder + file) })).catch((error) => {
      loaded.delete(name);
      const absent = error.reason === "missing" || error instanceof TypeError;
      throw absent ? Object.assign(new Error(`the model ${name} cannot be loaded`), { hint: "is this device online? Then try again" }) : error;
    });
    loaded.set(name, loading);
  }
  return loaded.get(name);
}

function tell(state, fault = false) {
  document.documentElement.dataset.where = where;
  for (const text of document.querySelectorAll("[data-of]")) text.hidden = text.dataset.of !== where;
  for (const input of document.querySelectorAll("input[name=where]")) input.checked = input.value === where;
  element("where-state").textContent = state;
  element("where-state").classList.toggle("fault", fault);
}

const SAYS = { server: "Computed on the server: pictures go there and are forgotten.", browser: "Computed in this browser: nothing leaves this device." };

/** Whoever computes from now on. What was looked at in this browser stays here: see `api.js`. */
async function choose(wanted) {
  const service = await about;
  const before = where;
  where = wanted;
  tell(SAYS[wanted]);
  try {
    localStorage.setItem(KEPT, where);
  } catch {
    // A browser that keeps nothing asks again next time.
  }
  if (before !== wanted) for (const listener of listeners) listener();
  if (wanted !== "browser") return;
  tell("Loading the model …");
  try {
    const fervor = await loadedHere();
    // So that nothing is fetched any more once a person has been told that nothing leaves the device.
    await Promise.all([...document.querySelectorAll(".example")].map((example) => fetch(example.dataset.src, { cache: "force-cache" })));
    if (where !== "browser") return;
    element("where").title = `fervor-web ${service.version}, build ${fervor.build}, in ${fervor.where === "worker" ? "a worker" : "this page"}`;
    tell(SAYS.browser);
  } catch (error) {
    // Never the server instead: who has chosen this browser wants nothing sent.
    if (where === "browser") tell(`This browser cannot compute it: ${error.message}. Nothing is sent.`, true);
  }
}

function decide(service) {
  if (!service.browser) {
    where = "server";
    return;
  }
  element("where").hidden = false;
  element("where-choice").hidden = !service.server;
  let kept = null;
  try {
    kept = localStorage.getItem(KEPT);
  } catch {
    // Nothing is kept.
  }
  const wanted = service.server ? kept : "browser";
  where = wanted === "browser" ? "browser" : "server";
  choose(where);
  if (service.offline && "serviceWorker" in navigator) navigator.serviceWorker.register("offline.js").catch(() => {});
}

for (const input of document.querySelectorAll("input[name=where]")) input.addEventListener("change", () => choose(input.value));
