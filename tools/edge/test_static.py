"""Runs the static programs, that for aarch64 in an emulator, and compares their answers with each other and with a native program.

    cargo xtask static
    python tools/edge/test_static.py target/static [--native target/release/fervor] [--photos FOLDER]

Needs qemu-user-static for the processor that this machine is not. It says nothing of speed.
"""

import argparse
import json
import pathlib
import platform
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLOSE = 1e-4
# The goal for small machines.
MOST_BYTES = 12_000_000


def program(folder, processor):
    path = folder / f"{processor}-unknown-linux-musl" / "small" / "fervor"
    return [str(path)] if processor == platform.machine() else [shutil.which(f"qemu-{processor}-static"), str(path)]


def rows(command, pictures, model):
    ran = subprocess.run([*command, "predict", *map(str, pictures), "--model", model, "--format", "jsonl"], capture_output=True, text=True)
    answers = [json.loads(line) for line in ran.stdout.splitlines()]
    assert len(answers) == len(pictures), ran.stderr[-2000:]
    return answers


def apart(a, b):
    """The largest difference of a probability, and of a box in pixels."""
    most = box = 0.0
    for one, other in zip(a, b, strict=True):
        assert one["model"] == other["model"] and one["error"] == other["error"], (one, other)
        for face, same in zip(one["faces"], other["faces"], strict=True):
            most = max(most, *(abs(p - same["probabilities"][label]) for label, p in face["probabilities"].items()))
            box = max(box, *(abs(value - same["box"][side]) for side, value in face["box"].items()))
    return most, box


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--native", type=pathlib.Path)
    parser.add_argument("--photos", type=pathlib.Path)
    args = parser.parse_args()
    endings = {".jpg", ".jpeg", ".png"}
    photos = sorted(path for path in args.photos.rglob("*") if path.suffix.lower() in endings) if args.photos else []
    pictures = [ROOT / "examples" / "astronaut.png", ROOT / "crates" / "fervor-serve" / "page" / "drawn.jpg", *photos]
    processors = [name for name in ("x86_64", "aarch64") if pathlib.Path(program(args.folder, name)[-1]).is_file() and program(args.folder, name)[0]]
    failed = 0
    for processor in processors:
        path = pathlib.Path(program(args.folder, processor)[-1])
        said = subprocess.run(["file", "-b", str(path)], capture_output=True, text=True).stdout if shutil.which("file") else ""
        size = path.stat().st_size
        good = size <= MOST_BYTES and "dynamically linked" not in said
        failed += not good
        print(f"{'ok     ' if good else 'FAILED '} {processor}: {size / 1e6:.1f} MB{', ' + said.strip()[:60] if said else ''}")
    for model in ("fervor-nano", "fervor-48"):
        contestants = {name: program(args.folder, name) for name in processors}
        if args.native:
            contestants = {"native": [str(args.native)], **contestants}
        answers = {name: rows(command, pictures, model) for name, command in contestants.items()}
        first = next(iter(answers))
        for name, other in list(answers.items())[1:]:
            most, box = apart(answers[first], other)
            good = most <= CLOSE and box <= 0.05
            failed += not good
            faces = sum(len(row["faces"]) for row in other)
            print(f"{'ok     ' if good else 'FAILED '} {model}, {first} and {name}: {len(pictures)} pictures, {faces} faces; at most {most:.1e} in a probability, {box:.1e} pixels in a box")
    print(f"{0 if failed else 1} passed, {failed} failed")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
