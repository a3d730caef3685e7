#!/usr/bin/env python3
"""Writes crates/fervor/tests/data/faces-opencv.json: what OpenCV's FaceDetectorYN finds in a folder of photographs with
crates/fervor/models/yunet-s/yunet-s.onnx. The Rust test `faces` compares Fervor's detector with it.

Resizing is Pillow's bilinear (antialiased when shrinking), as in Fervor; network, decoding and suppression are OpenCV's.

    pip install numpy opencv-python-headless pillow
    python tools/reference/detect_opencv.py ../shared/data/photos
"""

import argparse
import json
import os
from pathlib import Path

os.environ.setdefault("OPENCV_LOG_LEVEL", "ERROR")
import cv2
import numpy as np
from PIL import Image, ImageOps

ROOT = Path(__file__).resolve().parents[2]
MODEL = ROOT / "crates" / "fervor" / "models" / "yunet-s" / "yunet-s.onnx"
OUTPUT = ROOT / "crates" / "fervor" / "tests" / "data" / "faces-opencv.json"
LONG_SIDE, THRESHOLD, NMS, TOP_K = 640, 0.7, 0.3, 5000
TIE = 0.005  # of two candidates whose scores differ by less, either may be the better one


def upright_rgb(path: Path) -> Image.Image:
    """RGB, turned as EXIF says, transparency over white."""
    image = ImageOps.exif_transpose(Image.open(path)).convert("RGBA")
    white = Image.new("RGBA", image.size, "white")
    return Image.alpha_composite(white, image).convert("RGB")


def detect(image: Image.Image) -> list[dict]:
    # Halves are rounded upwards, as Rust does; Python's round() takes them to the even side.
    fit = lambda side: max(1, int(side * LONG_SIDE / max(image.size) + 0.5))
    size = (fit(image.width), fit(image.height))
    pixels = np.asarray(image if size == image.size else image.resize(size, Image.Resampling.BILINEAR))
    scale = np.array([image.width / size[0], image.height / size[1]] * 2)

    def boxes(nms):
        detector = cv2.FaceDetectorYN.create(str(MODEL), "", size, THRESHOLD, nms, TOP_K)
        _, rows = detector.detect(np.ascontiguousarray(pixels[:, :, ::-1]))
        rows = [] if rows is None else rows
        return sorted(((row[:4] * scale, float(row[14])) for row in rows), key=lambda face: -face[1])

    rounded = lambda box: [round(float(v), 2) for v in box]
    faces, candidates = boxes(NMS), boxes(1.0)
    found = []
    for box, score in faces:
        # Which of two candidates that score alike is kept can change with the last bit of a decoded JPEG.
        ties = [rounded(b) for b, s in candidates if score - TIE <= s < score and overlap(b, box) > NMS]
        found.append({"box": rounded(box), "score": round(score, 4)} | ({"ties": ties} if ties else {}))
    return found


def overlap(a, b) -> float:
    """Intersection over union of two boxes (x, y, width, height)."""
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[:2] + a[2:], b[:2] + b[2:])
    shared = float(np.prod(np.maximum(high - low, 0)))
    return shared / float(np.prod(a[2:]) + np.prod(b[2:]) - shared)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", type=Path, help="folder, searched with its subfolders")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="file to write (%(default)s)")
    arguments = parser.parse_args()
    paths = sorted(p for p in arguments.photographs.rglob("*") if p.suffix.lower() in (".jpg", ".jpeg", ".png"))
    pictures = []
    for path in paths:
        image = upright_rgb(path)
        name = path.relative_to(arguments.photographs).as_posix()
        pictures.append({"file": name, "width": image.width, "height": image.height, "faces": detect(image)})
        print(f"{name}: {len(pictures[-1]['faces'])}")
    settings = {"opencv": cv2.__version__, "long_side": LONG_SIDE, "threshold": THRESHOLD, "nms": NMS}
    lines = ",\n".join("    " + json.dumps(picture) for picture in pictures)
    text = f'{{\n  "settings": {json.dumps(settings)},\n  "pictures": [\n{lines}\n  ]\n}}\n'
    json.loads(text)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    sibling = arguments.output.with_suffix(".part")
    sibling.write_text(text)
    os.replace(sibling, arguments.output)


if __name__ == "__main__":
    main()
