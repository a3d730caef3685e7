export default {
  // Relative addresses: the result runs from any folder of any server.
  base: "./",
  // So that the development server, too, finds the worker and the WebAssembly beside the package's scripts.
  optimizeDeps: { exclude: ["fervor-web"] },
};
