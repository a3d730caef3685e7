"""Runs the npm package in a real headless browser, under a strict policy, and compares its answers with the program's.

    cargo xtask web
    python tools/web/test_web.py target/release/fervor [--photos FOLDER] [--build plain] [--only NAME] [--browser firefox]

Needs Chromium (/usr/bin/chromium, or CHROMIUM) or Firefox (/usr/bin/firefox-esr, or FIREFOX) and nothing else: the page under test fetches its photographs from here and sends its
results back. Without --photos the examples are compared.
"""

import argparse
import functools
import http.server
import json
import os
import pathlib
import queue
import subprocess
import sys
import tempfile
import threading
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "target" / "npm" / "fervor-web"
HERE = pathlib.Path(__file__).resolve().parent
CHROMIUM = os.environ.get("CHROMIUM", "/usr/bin/chromium")
FIREFOX = os.environ.get("FIREFOX", "/usr/bin/firefox-esr")
PICTURES = {".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff"}
TYPES = {".css": "text/css", ".js": "text/javascript", ".mjs": "text/javascript", ".wasm": "application/wasm", ".html": "text/html; charset=utf-8", ".json": "application/json"}
# No script but files of this address, and no eval: all that a careful page allows.
POLICY = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self'; worker-src 'self'; img-src 'self' blob:"
# Firefox asks nobody on its first run, and plays what makes no sound.
FIRST_RUN = """user_pref("browser.shell.checkDefaultBrowser", false);
user_pref("browser.aboutwelcome.enabled", false);
user_pref("datareporting.policy.dataSubmissionEnabled", false);
user_pref("toolkit.telemetry.reportingpolicy.firstRun", false);
user_pref("app.update.enabled", false);
user_pref("media.autoplay.default", 0);
"""
# The build for browsers that multiply and add in one step does the program's sums. The others round twice where it rounds once: where a
# value of a cut-out face lies between two of 256 levels, that may be enough for the other one, and unsure answers move.
CLOSE, FAR, CLOSE_BOX = 1e-3, 5e-3, 0.05


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, world, *rest):
        self.world = world
        super().__init__(*rest)

    def do_GET(self):
        path = urllib.parse.unquote(urllib.parse.urlsplit(self.path).path)
        if self.world.offline:
            return self.send_error(503)
        self.world.asked.append(path)
        if path == "/pictures.json":
            return self.give(json.dumps([name for name, _ in self.world.pictures]).encode(), ".json")
        if path.startswith("/pictures/"):
            file = self.world.pictures[int(path.split("/")[2])][1]
        elif path.startswith("/npm/"):
            file = PACKAGE / path[5:]
        elif path.startswith("/peers/") and self.world.peers:
            file = self.world.peers / path[7:]
        elif path.startswith("/models/"):
            file = ROOT / "crates" / "fervor" / path[1:]
        elif path.startswith("/examples/"):
            file = ROOT / path[1:]
        else:
            file = self.world.here / (self.world.page if path == "/" else path[1:])
        if not file.is_file():
            return self.send_error(404)
        self.give(file.read_bytes(), file.suffix)

    def give(self, bytes, suffix):
        self.send_response(200)
        self.send_header("Content-Type", TYPES.get(suffix, "application/octet-stream"))
        self.send_header("Content-Length", str(len(bytes)))
        if self.world.policy:
            self.send_header("Content-Security-Policy", self.world.policy)
        self.end_headers()
        self.wfile.write(bytes)

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/offline":
            self.world.offline = body
        else:
            self.world.results.put(body)
        self.send_response(204)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """A browser that ends leaves connections behind."""


class World:
    """A server, and a browser that is sent to its page."""

    def __init__(self, pictures, page="test.html", policy=POLICY, peers=None, here=HERE, browser="chromium"):
        self.browser, self.pictures, self.page, self.policy, self.peers, self.here = browser, pictures, page, policy, peers, here
        self.results, self.asked, self.offline = queue.Queue(), [], False
        self.server = Server(("127.0.0.1", 0), functools.partial(Handler, self))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def run(self, flags, seconds, **query):
        """The results of the page's tests, each `{test, ok, ...}`, until it says that it is done."""
        address = f"http://127.0.0.1:{self.server.server_port}/?{urllib.parse.urlencode(query)}"
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
            if self.browser == "firefox":
                (pathlib.Path(profile) / "user.js").write_text(FIRST_RUN)
                command = [FIREFOX, "--headless", "--no-remote", "--profile", profile, *flags, address]
            else:
                command = [CHROMIUM, "--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={profile}", *flags, address]
            browser = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                while True:
                    result = self.results.get(timeout=seconds)
                    if result.get("done"):
                        return
                    yield result
            finally:
                browser.terminate()
                browser.wait(20)


def found(folder):
    """All pictures of a folder, by their paths in it."""
    files = sorted(path for path in folder.rglob("*") if path.suffix.lower() in PICTURES)
    return [(str(path.relative_to(folder)), path) for path in files]


def natives(program, model, pictures):
    """The program's rows by name."""
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as paths:
        paths.write("\n".join(str(path) for _, path in pictures))
        paths.flush()
        ran = subprocess.run([program, "predict", "--list", paths.name, "--model", model, "--format", "jsonl"], capture_output=True, text=True)
    rows = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(rows) == len(pictures), ran.stderr[-2000:]
    names = {str(path): name for name, path in pictures}
    return {names[row["source"]]: row for row in rows}


def difference(a, b):
    """How far apart two rows are: probabilities, boxes in pixels; None where they tell different things."""
    if bool(a["error"]) != bool(b["error"]) or (a["error"] or {}).get("reason") != (b["error"] or {}).get("reason"):
        return None
    keys = ["width", "height", "model"]
    if [a[key] for key in keys] != [b[key] for key in keys] or len(a["faces"]) != len(b["faces"]):
        return None
    most, box = 0.0, 0.0
    for one, other in zip(a["faces"], b["faces"]):
        if one.keys() != other.keys() or one["probabilities"].keys() != other["probabilities"].keys():
            return None
        most = max(most, *(abs(one["probabilities"][label] - p) for label, p in other["probabilities"].items()))
        box = max(box, *(abs(one["box"][side] - value) for side, value in other["box"].items()))
        if one["quality"] != other["quality"]:
            return None
    return most, box


def compare(rows, native, close=CLOSE):
    apart, same, most, box = [], 0, 0.0, 0.0
    for row in rows:
        apart_by = difference(row, native[row["source"]])
        if apart_by is None or apart_by[0] > close or apart_by[1] > CLOSE_BOX:
            apart.append(f"{row['source']}: {apart_by or 'other faces or another error'}")
        else:
            same += apart_by[0] == 0
            most, box = max(most, apart_by[0]), max(box, apart_by[1])
    return apart, same, most, box


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("program")
    parser.add_argument("--photos", type=pathlib.Path)
    parser.add_argument("--model", default="fervor-nano")
    parser.add_argument("--build", default="")
    parser.add_argument("--only", default="")
    parser.add_argument("--browser", choices=["chromium", "firefox"], default="chromium")
    parser.add_argument("--seconds", type=float, default=240, help="without a word from the page for so long, it has failed")
    args = parser.parse_args()
    pictures = found(args.photos or ROOT / "examples") + [("notes.txt", ROOT / "README.md")]
    native = natives(args.program, args.model, pictures)
    world, rows, failed, passed = World(pictures, browser=args.browser), [], 0, 0
    for result in world.run([], args.seconds, model=args.model, build=args.build, only=args.only):
        if "rows" in result:
            rows += result["rows"]
            continue
        passed, failed = passed + result["ok"], failed + (not result["ok"])
        print(f"{'ok     ' if result['ok'] else 'FAILED '} {result['test']}{'  ' + result['said'] if result.get('said') else ''}", flush=True)
    if rows:
        apart, same, most, box = compare(rows, native, CLOSE if args.build in ("", "relaxed") else FAR)
        for line in apart:
            print(f"  apart: {line}")
        whole = len(rows) == len(pictures) and not apart
        faces = sum(len(row["faces"]) for row in rows)
        passed, failed = passed + whole, failed + (not whole)
        print(f"{'ok     ' if whole else 'FAILED '} answers are the program's  {len(rows)} of {len(pictures)} pictures, {faces} faces, {len(apart)} apart, "
              f"{same} with the same probabilities; at most {most:.1e} in a probability, {box:.1e} pixels in a box")
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


if __name__ == "__main__":
    main()
