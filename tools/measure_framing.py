#!/usr/bin/env python3
"""Measures how FER-2013 frames a face: where YuNet-s sees the face inside the 48 x 48 crops.

Prints the `margin` and `shift_y` that make a photograph's chip look like a training picture: the crop's side is
`longer side of the box * (1 + margin)`, its centre lies `shift_y` of the crop's side below the box's centre.

    pip install numpy opencv-python-headless
    python tools/measure_framing.py fer2013/train [count]
"""

import random
import sys
from pathlib import Path

import cv2
import numpy as np

MODEL = Path(__file__).resolve().parents[1] / "crates" / "fervor" / "models" / "yunet-s" / "yunet-s.onnx"
SIDE, BORDER = 192, 64


def main():
    paths = sorted(Path(sys.argv[1]).rglob("*.png"))
    random.Random(0).shuffle(paths)
    frame = SIDE + 2 * BORDER
    detector = cv2.FaceDetectorYN.create(str(MODEL), "", (frame, frame), 0.7, 0.3, 100)
    rows = []
    for path in paths[: int(sys.argv[2]) if len(sys.argv) > 2 else 1000]:
        crop = cv2.resize(cv2.imread(str(path)), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
        # The detector expects something around a face.
        picture = cv2.copyMakeBorder(crop, *[BORDER] * 4, cv2.BORDER_REPLICATE)
        _, faces = detector.detect(picture)
        if faces is not None and len(faces) == 1:
            x, y, w, h = faces[0][:4]
            rows.append((SIDE / max(w, h) - 1, (BORDER + SIDE / 2 - y - h / 2) / SIDE, (BORDER + SIDE / 2 - x - w / 2) / SIDE, h / w))
    rows = np.array(rows)
    for name, column in zip(("margin", "shift_y", "shift_x", "height/width"), rows.T):
        low, middle, high = np.percentile(column, [25, 50, 75])
        print(f"{name:<13} median {middle:+.3f}  quartiles {low:+.3f} {high:+.3f}")
    print(f"{len(rows)} faces")


main()
