#!/usr/bin/env python3
"""`fervor batch` against the same job as a good engineer writes it in Python: OpenCV's YuNet and ONNX Runtime, a process a core,
the same detector file, the same network, rows into Parquet. Pictures of mixed sizes are made of a folder of photographs. The two
take turns; pictures a second and the peak memory of all processes are printed, medians over the rounds.

    pip install numpy opencv-python-headless onnxruntime pyarrow psutil pillow
    cargo build --release
    python tools/bench_batch.py PHOTOGRAPHS [--pictures 3000] [--rounds 3] [--fervor target/release/fervor]

`--keep FOLDER` keeps the pictures for another run, and `--only fervor` or `--only python` runs one side: long jobs in several calls.
`--share 3000` asks `fervor bench --pictures` what so many of the pictures cost one core, each once, and says how much of what the
cores could do in that time the job did.
"""

import argparse
import json
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
MODELS = ROOT / "crates" / "fervor" / "models"
LONG_SIDE = 640


def prepare(source: Path, folder: Path, count: int) -> None:
    """Copies of the photographs, their longer side at one of five sizes, so that no two files are the same."""
    from PIL import Image

    names = sorted(path for path in source.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    for number in range(count):
        if number % 1000 == 999:
            print(f"{number + 1} of {count} pictures", file=sys.stderr)
        out = folder / f"{number % 97:02}" / f"{number:06}.jpg"
        out.parent.mkdir(exist_ok=True)
        image = Image.open(names[number % len(names)]).convert("RGB")
        scale = (320, 640, 960, 1280, 1920)[number % 5] / max(image.size)
        size = (max(32, round(image.width * scale)), max(32, round(image.height * scale)))
        image.resize(size).save(out, quality=85 + number % 10)


# The job in Python.


def setup() -> None:
    global cv2, np, detector, network, card
    import cv2
    import numpy as np
    import onnxruntime

    cv2.setNumThreads(1)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    network = onnxruntime.InferenceSession(str(MODELS / "fervor-48" / "fervor-48.onnx"), options, providers=["CPUExecutionProvider"])
    detector = cv2.FaceDetectorYN.create(str(MODELS / "yunet-s" / "yunet-s.onnx"), "", (LONG_SIDE, LONG_SIDE), 0.7, 0.3, 5000)


def one(path: str) -> list[dict]:
    image = cv2.imread(path, cv2.IMREAD_COLOR)
    if image is None:
        return [{"source": path, "error": "unreadable"}]
    scale = min(1.0, LONG_SIDE / max(image.shape[:2]))
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image
    detector.setInputSize((small.shape[1], small.shape[0]))
    _, found = detector.detect(small)
    if found is None:
        return [{"source": path, "face": -1}]
    chips = []
    for x, y, w, h in found[:, :4] / scale:
        side = 1.2 * max(w, h)
        left, top = int(x + w / 2 - side / 2), int(y + h / 2 - side / 2)
        crop = image[max(0, top) : int(top + side), max(0, left) : int(left + side)]
        gray = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY) if crop.size else np.zeros((48, 48), np.uint8)
        chips.append(cv2.resize(gray, (48, 48), interpolation=cv2.INTER_AREA))
    batch = np.stack(chips)[:, None].astype(np.float32)
    logits = network.run(None, {network.get_inputs()[0].name: batch})[0]
    logits = logits.reshape(len(chips), -1)[:, :7]
    odds = np.exp(logits - logits.max(1, keepdims=True))
    odds /= odds.sum(1, keepdims=True)
    return [
        {"source": path, "face": i + 1, "x": float(x), "y": float(y), "w": float(w), "h": float(h), "label": int(p.argmax())}
        | {f"p_{k}": float(v) for k, v in enumerate(p)}
        for i, ((x, y, w, h), p) in enumerate(zip(found[:, :4] / scale, odds))
    ]


def python_job(folder: Path, out: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    paths = sorted(str(path) for path in folder.rglob("*.jpg"))
    with multiprocessing.Pool(os.cpu_count(), setup) as pool:
        rows = [row for some in pool.imap(one, paths, chunksize=16) for row in some]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), out / "rows.parquet")


def watched(command: list[str]) -> tuple[float, float]:
    """Seconds, and the peak memory of a process and its children in MiB: private memory, so that shared pages count once."""
    import psutil

    begun = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    peak = 0

    def look() -> None:
        nonlocal peak
        root = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                everyone = [root, *root.children(recursive=True)]
                peak = max(peak, sum(p.memory_full_info().uss for p in everyone))
            except psutil.Error:
                pass
            time.sleep(0.2)

    watcher = threading.Thread(target=look)
    watcher.start()
    process.wait()
    seconds = time.perf_counter() - begun
    watcher.join()
    return seconds, peak / 2**20


def per_picture(fervor: str, folder: Path, count: int) -> float:
    """Seconds that a picture costs one core from the file to the answer, each looked at once."""
    paths = sorted(folder.rglob("*.jpg"), key=lambda path: path.name)
    # An odd step, so that each of the five sizes has its share.
    paths = paths[:: max(1, len(paths) // count) | 1][:count]
    ran = subprocess.run([fervor, "bench", "--pictures", *map(str, paths)], capture_output=True, text=True, check=True)
    print(ran.stdout, end="")
    return float(ran.stdout.split("altogether")[1].split()[0]) / 1000


def main() -> None:
    if sys.argv[1] == "--job":
        return python_job(Path(sys.argv[2]), Path(sys.argv[3]))
    parser = argparse.ArgumentParser()
    parser.add_argument("photographs", type=Path)
    parser.add_argument("--pictures", type=int, default=3000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--keep", type=Path, help="where the pictures are, or are to be")
    parser.add_argument("--only", choices=["fervor", "python"])
    parser.add_argument("--share", type=int, default=0, metavar="PICTURES")
    parser.add_argument("--fervor", default=str(ROOT / "target" / "release" / "fervor"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        folder = args.keep or Path(work) / "pictures"
        if not folder.exists():
            half = folder.with_name(folder.name + ".half")
            half.mkdir(parents=True)
            prepare(args.photographs, half, args.pictures)
            half.rename(folder)
        results: dict[str, list] = {}
        for number in range(args.rounds):
            if args.only != "python":
                out = Path(work) / f"fervor-{number}"
                results.setdefault("fervor batch", []).append(watched([args.fervor, "batch", str(folder), "--output", str(out)]))
                manifest = [json.loads(line) for line in (out / "_manifest.jsonl").read_text().splitlines()]
                assert sum(line["pictures"] for line in manifest) == args.pictures
            if args.only != "fervor":
                out = Path(work) / f"python-{number}"
                out.mkdir()
                results.setdefault("Python", []).append(watched([sys.executable, __file__, "--job", str(folder), str(out)]))
                shutil.rmtree(out)
        for name, rounds in results.items():
            seconds, memory = (statistics.median(column) for column in zip(*rounds))
            print(f"{name:>14}: {args.pictures / seconds:6.1f} pictures a second, {memory:5.0f} MiB at most")
        if args.share and args.only != "python":
            cores = len(os.sched_getaffinity(0))
            could = args.pictures * per_picture(args.fervor, folder, args.share) / cores
            spent = statistics.median(seconds for seconds, _ in results["fervor batch"])
            print(f"{cores} cores could do it in {could:.1f} s by fervor bench --pictures, it took {spent:.1f} s: {100 * could / spent:.0f} %")


if __name__ == "__main__":
    main()