"""A folder of pictures through the loops that people write around fer and deepface, and through `fervor batch`: pictures a second
and the most memory, each in a process of its own.

    pip install fer deepface tf-keras 'opencv-contrib-python<5' 'setuptools<80'
    python tools/python/loops.py FOLDER --fervor target/release/fervor

deepface loads its weights from the internet. Where that fails, its network runs with the weights that it begins with: the answers mean
nothing then, and take as long.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path


def fer():
    import cv2
    from fer.fer import FER

    detector = FER()
    return lambda path: len(detector.detect_emotions(cv2.imread(path)))


def deepface():
    from deepface import DeepFace
    from deepface.commons import weight_utils

    def one(path):
        faces = DeepFace.analyze(path, actions=["emotion"], enforce_detection=False, silent=True)
        return sum(face["face_confidence"] > 0 for face in faces)

    return one, weight_utils


def without_weights(weight_utils):
    weight_utils.download_weights_if_necessary = lambda *_, **__: ""
    weight_utils.load_model_weights = lambda model, **_: model


def child(name, paths):
    os.environ.update(TF_CPP_MIN_LOG_LEVEL="3", CUDA_VISIBLE_DEVICES="")
    begun, note = time.perf_counter(), ""
    if name == "fer":
        one = fer()
    else:
        one, weights = deepface()
    try:
        one(paths[0])
    except ValueError as error:
        if "download" not in str(error):
            raise
        without_weights(weights)
        one(paths[0])
        note = "with weights that mean nothing, since its own cannot be had here"
    started = time.perf_counter() - begun
    begun, worked = time.perf_counter(), time.process_time()
    faces = sum(one(path) for path in paths)
    spent, worked = time.perf_counter() - begun, time.process_time() - worked
    memory = next(int(line.split()[1]) for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    print(json.dumps({"start": started, "spent": spent, "worked": worked, "faces": faces, "memory": memory / 1024, "note": note}))


def main():
    if sys.argv[1:2] == ["--of"]:
        return child(sys.argv[2], sys.argv[3:])
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fervor", default="target/release/fervor")
    parser.add_argument("--loops", nargs="*", default=["fer", "deepface"])
    asked = parser.parse_args()
    paths = sorted(str(path) for path in asked.folder.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))
    for name in asked.loops:
        ran = subprocess.run([sys.executable, __file__, "--of", name, *paths], capture_output=True, text=True)
        if ran.returncode:
            print(f"{name}: it does not run here: {ran.stderr.strip().splitlines()[-1][:160]}")
            continue
        got = json.loads(ran.stdout.splitlines()[-1])
        print(
            f"{name:12} {len(paths) / got['spent']:7.1f} pictures a second, {1e3 * got['worked'] / len(paths):.1f} ms of processor time each; "
            f"start {got['start']:.1f} s; {got['memory']:.0f} MiB; {got['faces']} faces {got['note']}",
            flush=True,
        )
    with tempfile.TemporaryDirectory() as work:
        begun = time.perf_counter()
        command = [asked.fervor, "batch", *paths, "--output", f"{work}/rows"]
        job = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        _, status, used = os.wait4(job.pid, 0)
        spent = time.perf_counter() - begun
        worked = used.ru_utime + used.ru_stime
        assert os.waitstatus_to_exitcode(status) in (0, 1)
        manifest = [json.loads(line) for line in Path(f"{work}/rows/_manifest.jsonl").read_text().splitlines()]
        faces = sum(line["faces"] for line in manifest)
    print(
        f"fervor batch {len(paths) / spent:7.1f} pictures a second, {1e3 * worked / len(paths):.1f} ms of processor time each; "
        f"the start in it; {used.ru_maxrss / 1024:.0f} MiB; {faces} faces"
    )


if __name__ == "__main__":
    main()
