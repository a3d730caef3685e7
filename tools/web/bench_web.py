"""Times the npm package in a headless Chromium, in one thread, and beside it, in the same page and in turns on the same frames, others:
onnxruntime-web with the same two networks, and @vladmandic/human with its own.

    cargo xtask web
    npm install --prefix PEERS @vladmandic/human onnxruntime-web @tensorflow/tfjs-backend-wasm --legacy-peer-deps
    python tools/web/bench_web.py --peers PEERS/node_modules [--rounds 60] [--frames 10000]

Without --peers the package alone is timed. Each figure: the least and the median of the rounds, in milliseconds. A contestant's frame is
all of it: pixels of a canvas in, faces with expressions out; of onnxruntime-web only the two networks and the pixels' planes, without
what finds boxes in the outputs and cuts faces out.
"""

import argparse
import pathlib

from test_web import World


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--peers", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--frames", type=int, default=0, help="so many frames in a row, and what memory they take")
    args = parser.parse_args()
    world = World([], page="bench.html", policy=None, peers=args.peers)
    query = {"rounds": args.rounds, "frames": args.frames, "peers": "yes" if args.peers else ""}
    for result in world.run(["--js-flags=--expose-gc", "--enable-precise-memory-info"], 600, **query):
        print(result["line"], flush=True)


if __name__ == "__main__":
    main()
