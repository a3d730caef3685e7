"""The npm package as others use it: in Node, by its types, and bundled by Vite, whose result runs in a headless Chromium.

    cargo xtask web
    python tools/web/test_package.py

Needs Node and npm, which fetch Vite and TypeScript into a temporary folder, and Chromium.
"""

import json
import os
import pathlib
import queue
import shutil
import subprocess
import sys
import tempfile

from test_web import PACKAGE, ROOT, World

HERE = pathlib.Path(__file__).resolve().parent


def run(*command, **options):
    print("$", *command, flush=True)
    subprocess.run(command, check=True, **options)


def types(folder):
    config = {
        "compilerOptions": {"strict": True, "noEmit": True, "module": "nodenext", "target": "es2022", "lib": ["es2022", "dom"], "types": [], "noUncheckedIndexedAccess": True},
        "files": ["types.ts"],
    }
    (folder / "tsconfig.json").write_text(json.dumps(config))
    (folder / "package.json").write_text(json.dumps({"type": "module"}))
    shutil.copy(HERE / "types.ts", folder)
    run("npm", "install", "--silent", "--no-audit", "--no-fund", "typescript", str(PACKAGE), cwd=folder)
    run("npx", "tsc", cwd=folder)


def bundled(folder):
    example = folder / "examples" / "browser"
    shutil.copytree(ROOT / "examples" / "browser", example)
    shutil.copy(ROOT / "examples" / "astronaut.png", folder / "examples")
    manifest = json.loads((example / "package.json").read_text())
    manifest["dependencies"]["fervor-web"] = f"file:{PACKAGE}"
    (example / "package.json").write_text(json.dumps(manifest))
    run("npm", "install", "--silent", "--no-audit", "--no-fund", cwd=example)
    run("npx", "vite", "build", "--logLevel", "warn", cwd=example)
    built = example / "dist"
    # The page tells its answer to the test as any page would to a person: in its text.
    page = built / "index.html"
    watch = built / "watch.js"
    watch.write_text("""const send = (result) => fetch("result", { method: "POST", body: JSON.stringify(result) });
const answer = document.getElementById("answer");
new MutationObserver(() => send({ said: answer.textContent }).then(() => send({ done: true }))).observe(answer, { childList: true });
addEventListener("unhandledrejection", ({ reason }) => send({ said: String(reason) }).then(() => send({ done: true })));
""")
    page.write_text(page.read_text().replace("</head>", '<script defer src="./watch.js"></script></head>'))
    world = World([], page="index.html", policy="default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; worker-src 'self'; img-src 'self'; style-src 'self'", here=built)
    try:
        said = [result["said"] for result in world.run([], 60)]
    except queue.Empty:
        sys.exit(f"the bundled page says nothing; it asked for {world.asked}")
    assert said and said[0].startswith("looks happy"), (said, world.asked)
    asked = [path for path in world.asked if "onnx" in path]
    assert len(asked) == 1 and "nano" in asked[0], asked
    print(f"Vite's result says: {said[0]}")


def main():
    run("node", "--test", str(HERE / "test_node.mjs"), env={**os.environ, "NODE_NO_WARNINGS": "1"})
    print("ok      node")
    for test in (types, bundled):
        with tempfile.TemporaryDirectory() as folder:
            test(pathlib.Path(folder))
            print(f"ok      {test.__name__}")
    print("3 passed, 0 failed")


if __name__ == "__main__":
    sys.exit(main())
