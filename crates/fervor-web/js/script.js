// For pages without modules: <script src="script.js"></script>, then `await fervor.load()`.
(() => {
  const at = document.currentScript.src;
  const whole = import(new URL("fervor.js", at).href);
  globalThis.fervor = { load: async (options) => (await whole).load(options), module: whole };
})();
