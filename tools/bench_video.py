#!/usr/bin/env python3
"""Speed of a whole film's way, from file to expressions, against what a good engineer would write in Python.

    cargo build --release
    python3 tools/bench_video.py --fervor target/release/fervor FILM...

Each film is made 1280 x 720 and 1920 x 1080 (H.264, by ffmpeg) and looped to --seconds. Then, by turns, so that whatever else the
machine does meets all alike:

- `fervor video`, every frame;
- OpenCV: its decoder, its YuNet at the same input (the same weights), and ONNX Runtime with the same network, frames in batches,
  decoding on a thread of its own (`--python` names an interpreter with opencv-python-headless, onnxruntime and numpy);
- `fer` and Py-Feat, where the interpreters named by --fer-python and --feat-python have them (`pip install fer`; Py-Feat fetches its
  weights at its first run). `fer` sees the first 40 frames as its own video loop takes them, the time of its start left out.

Prints frames a second of each run, their median, the processor time of a frame, and the largest memory. `--hour` loops each film to
an hour instead, small and at ten frames a second, and prints the memory over the run: it must not grow but for the table.
"""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
YUNET = ROOT / "crates/fervor/models/yunet-s/yunet-s.onnx"

# Runs in another interpreter: no import of what only this one has.
OPENCV = r"""
import json, queue, sys, threading
import cv2, numpy as np, onnxruntime as ort

film, yunet, bundle, threads = sys.argv[1:5]
cv2.setNumThreads(int(threads))
options = ort.SessionOptions()
options.intra_op_num_threads = int(threads)
session = ort.InferenceSession(bundle, options, providers=["CPUExecutionProvider"])
chip = session.get_inputs()[0]
channels, size = chip.shape[1], chip.shape[2]
capture = cv2.VideoCapture(film)
width, height = int(capture.get(3)), int(capture.get(4))
scale = min(1.0, 640 / max(width, height))
small = (round(width * scale), round(height * scale))
detector = cv2.FaceDetectorYN.create(yunet, "", small, 0.7, 0.3, 1000)

frames = queue.Queue(8)

def decode():
    while True:
        read, frame = capture.read()
        frames.put(frame if read else None)
        if not read:
            return

threading.Thread(target=decode, daemon=True).start()
count = faces = 0
batch = []

def classify():
    global batch
    if batch:
        session.run(None, {chip.name: np.stack(batch)})
        batch = []

while (frame := frames.get()) is not None:
    count += 1
    _, found = detector.detect(cv2.resize(frame, small, interpolation=cv2.INTER_AREA))
    for x, y, w, h in (np.asarray(found)[:, :4] / scale).astype(int) if found is not None else []:
        crop = frame[max(y, 0) : y + h, max(x, 0) : x + w]
        if crop.size:
            crop = cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA)
            crop = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)[None] if channels == 1 else crop[:, :, ::-1].transpose(2, 0, 1)
            batch.append(np.ascontiguousarray(crop).astype(np.uint8 if "uint8" in chip.type else np.float32))
            faces += 1
    if len(batch) >= 16:
        classify()
classify()
print(json.dumps({"frames": count, "faces": faces}))
"""

FER = r"""
import json, sys, time
import cv2
from fer.fer import FER
detector, capture, count = FER(mtcnn=False), cv2.VideoCapture(sys.argv[1]), 0
begun, worked = time.perf_counter(), time.process_time()
while True:
    read, frame = capture.read()
    if not read or count >= int(sys.argv[2]):
        break
    detector.detect_emotions(frame)
    count += 1
print(json.dumps({"frames": count, "seconds": time.perf_counter() - begun, "processor": time.process_time() - worked}))
"""

FEAT = r"""
import json, sys
from feat import Detector
rows = Detector().detect_video(sys.argv[1], skip_frames=None)
print(json.dumps({"frames": int(rows["frame"].nunique())}))
"""


def run(*command):
    """Seconds, processor seconds, the largest memory in MiB, and standard output."""
    begun = time.perf_counter()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    return time.perf_counter() - begun, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, output


def make(film, side, seconds, folder):
    width, height = side
    path = folder / f"{film.stem}-{height}.mp4"
    scale = f"scale={width}:{height}:force_original_aspect_ratio=decrease,pad={width}:{height}:-1:-1"
    encoder = ["-c:v", "libx264", "-preset", "medium", "-crf", "23", "-pix_fmt", "yuv420p", "-an"]
    source = ["-v", "error", "-y", "-stream_loop", "-1", "-i", film, "-t", seconds, "-vf", scale, *encoder, path]
    subprocess.run(["ffmpeg", *map(str, source)], check=True)
    return path


def count(film):
    query = ["ffprobe", "-v", "error", "-select_streams", "v:0", "-count_packets", "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0"]
    return int(subprocess.run([*query, str(film)], check=True, capture_output=True, text=True).stdout.strip().rstrip(","))


def programs(arguments, folder):
    """Names with the command for a film."""
    bundle = next((ROOT / "crates/fervor/models/fervor-48").glob("*.onnx"))
    known = {}
    if arguments.fervor.is_file():
        known["fervor video"] = lambda film: [arguments.fervor, "video", film, "--output", folder / "out", "--format", "jsonl"]
    if arguments.pipeline:
        known["fervor, the library"] = lambda film: [arguments.pipeline, film]
    if arguments.python:
        known["OpenCV YuNet + ONNX Runtime"] = lambda film: [arguments.python, "-c", OPENCV, film, YUNET, bundle, os.cpu_count()]
    if arguments.fer_python:
        known["fer"] = lambda film: [arguments.fer_python, "-c", FER, film, 40]
    if arguments.feat_python:
        known["Py-Feat"] = lambda film: [arguments.feat_python, "-c", FEAT, film]
    return known


def compare(film, arguments, folder):
    frames, known = count(film), programs(arguments, folder)
    runs = {name: [] for name in known}
    for _ in range(arguments.rounds):
        for name, command in known.items():
            seconds, processor, memory, output = run(*command(film))
            # fervor says on the way what it found; the others say how many frames they saw.
            said = {} if name.startswith("fervor") else json.loads(output.splitlines()[-1])
            seen = said.get("frames", frames)
            # Who takes seconds to start tells what it took afterwards.
            seconds, processor = said.get("seconds", seconds), said.get("processor", processor)
            runs[name].append((seen / seconds, 1000 * processor / seen, memory))
    print(f"\n{film.name}, {frames} frames, {os.cpu_count()} cores")
    for name, values in runs.items():
        rates, times, memories = zip(*values)
        each = ", ".join(f"{rate:.0f}" for rate in rates)
        print(f"  {name:28} {statistics.median(rates):6.1f} a second ({each})  {statistics.median(times):6.1f} ms of processor a frame  {max(memories):5.0f} MiB")


def hour(film, arguments, folder):
    """Memory of an hour-long film, looked at whole: every frame of it, small so that it takes minutes."""
    path = folder / "hour.mp4"
    source = ["-v", "error", "-y", "-stream_loop", "-1", "-i", film, "-t", "3600", "-vf", "fps=10,scale=320:-2"]
    command = ["ffmpeg", *source, "-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p", "-an", path]
    subprocess.run([str(part) for part in command], check=True)
    command = [arguments.fervor, "video", path, "--output", folder / "hour", "--format", "jsonl"]
    begun = time.monotonic()
    process = subprocess.Popen([str(part) for part in command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    sizes, most = [], 0
    while process.poll() is None:
        try:
            status = Path(f"/proc/{process.pid}/status").read_text()
        except OSError:
            break
        value = lambda name: [int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith(name + ":")]
        sizes += value("VmRSS")
        most = max([most, *value("VmHWM")])
        time.sleep(arguments.step)
    seconds = time.monotonic() - begun
    if process.returncode:
        raise RuntimeError(f"fervor ended with {process.returncode}")
    shown = [sizes[round(at * (len(sizes) - 1) / 10)] for at in range(11)]
    print(f"\nan hour of {film.name}, 320 pixels wide, {count(path)} frames in {seconds:.0f} s: at most {most:.0f} MiB; by tenths of the run "
          + ", ".join(f"{size:.0f}" for size in shown))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", type=Path, nargs="+")
    parser.add_argument("--fervor", type=Path, default=ROOT / "target/release/fervor")
    parser.add_argument("--pipeline", type=Path, help="the example `faces` of fervor-video: the library without tables and pages")
    parser.add_argument("--python", help="an interpreter with opencv-python-headless, onnxruntime and numpy")
    parser.add_argument("--fer-python", help="an interpreter with fer")
    parser.add_argument("--feat-python", help="an interpreter with py-feat")
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--step", type=float, default=2.0)
    parser.add_argument("--hour", action="store_true", help="memory over an hour-long film instead of speeds")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for film in arguments.films:
            if arguments.hour:
                hour(film, arguments, folder)
                continue
            for side in [(1280, 720), (1920, 1080)]:
                compare(make(film, side, arguments.seconds, folder), arguments, folder)


if __name__ == "__main__":
    main()
