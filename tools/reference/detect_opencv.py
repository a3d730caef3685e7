#!/usr/bin/env python3
"""Writes crates/fervor/tests/data/faces-opencv.json: what OpenCV's FaceDetectorYN finds in a folder of photographs with
models/yunet-s/yunet-s.onnx. The Rust test `faces` compares Fervor's detector with it.

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
MODEL = ROOT / "models" / "yunet-s" / "yunet-s.onnx"
OUTPUT = ROOT / "crates" / "fervor" / "tests" / "data" / "faces-opencv.json"
LONG_SIDE, THRESHOLD, NMS, TOP_K = 640, 0.7, 0.3, 5000


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
    detector = cv2.FaceDetectorYN.create(str(MODEL), "", size, THRESHOLD, NMS, TOP_K)
    _, rows = detector.detect(np.ascontiguousarray(pixels[:, :, ::-1]))
    scale = np.array([image.width / size[0], image.height / size[1]] * 2)
    rows = [] if rows is None else rows
    found = [{"box": [round(float(v), 2) for v in row[:4] * scale], "score": round(float(row[14]), 4)} for row in rows]
    return sorted(found, key=lambda face: -face["score"])


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
