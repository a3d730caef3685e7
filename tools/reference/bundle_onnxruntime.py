#!/usr/bin/env python3
"""Checks bundles with other implementations: `onnx.checker` accepts the file, its card is JSON, and ONNX Runtime gives
the golden logits of the card (computed by the training framework) to 1e-4.

    pip install numpy onnx onnxruntime
    python tools/reference/bundle_onnxruntime.py crates/fervor/models/fervor-48/fervor-48.onnx runs/*/best.onnx
"""

import json
import sys

import numpy as np
import onnx
import onnxruntime

TOLERANCE = 1e-4


def golden_chip(count: int) -> np.ndarray:
    """The synthetic chip of Preprocess::golden_chip: xorshift32 (Marsaglia 2003), the upper byte of each state."""
    state, values = 0x9E3779B9, []
    for _ in range(count):
        state ^= (state << 13) & 0xFFFFFFFF
        state ^= state >> 17
        state ^= (state << 5) & 0xFFFFFFFF
        values.append(state >> 24)
    return np.array(values, np.float32)


def check(path: str) -> float:
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    card = json.loads({entry.key: entry.value for entry in model.metadata_props}["fervor.card"])
    channels, size = (1 if card["preprocess"]["color"] == "gray" else 3), card["preprocess"]["size"]
    chip = golden_chip(channels * size * size).reshape(1, channels, size, size)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    golden = np.array(card["golden"]["logits"], np.float32)
    # A batch of three proves that the first dimension is free.
    logits = session.run(None, {name: np.repeat(chip, 3, axis=0)})[0]
    assert logits.shape == (3, len(card["labels"]) * max(1, len(card.get("heads", [])))), logits.shape
    return float(np.abs(logits - golden).max())


def main():
    worst = 0.0
    for path in sys.argv[1:]:
        difference = check(path)
        worst = max(worst, difference)
        print(f"{path}: valid; largest difference of a logit {difference:.2e}")
    sys.exit(0 if worst <= TOLERANCE else f"a logit differs by {worst:.2e}, more than {TOLERANCE}")


main()
