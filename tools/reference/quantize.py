#!/usr/bin/env python3
"""What 8-bit inference would bring: a bundle's network with weights and activations of 8 bits in ONNX Runtime (static,
a scale a channel, calibrated on 1,024 rows of Training), against the same network in 32 bits: accuracy of the labels' head
on PublicTest, of the card's answer on labelled photographs, and the time of one chip on one thread.

    pip install numpy onnx onnxruntime pillow pandas
    fervor crop PHOTOGRAPHS crops --faces detect
    python tools/reference/quantize.py crates/fervor/models/fervor-48/fervor-48.onnx fer2013.csv.xz [crops]
    fervor bench --model fervor-48        # the same chip on our own kernels
"""

import json
import pathlib
import sys
import tempfile
import time

import numpy as np
import onnx
import onnxruntime as ort
import pandas
from onnx import numpy_helper
from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static
from PIL import Image

CALIBRATION = 1024


def in_f32(path: str) -> tuple[onnx.ModelProto, dict]:
    """The network with its 16-bit weights as 32-bit constants, and the card."""
    model = onnx.load(path)
    card = json.loads({entry.key: entry.value for entry in model.metadata_props}["fervor.card"])
    constants = {item.name: item for item in model.graph.initializer}
    for node in [node for node in model.graph.node if node.op_type == "Cast" and node.input[0] in constants]:
        values = numpy_helper.to_array(constants[node.input[0]]).astype(np.float32)
        model.graph.initializer.append(numpy_helper.from_array(values, node.output[0]))
        model.graph.initializer.remove(constants[node.input[0]])
        model.graph.node.remove(node)
    return model, card


def standardized(pixels: np.ndarray, card: dict) -> np.ndarray:
    """Chips `[n, 1, side, side]`, each brought to the card's mean and spread."""
    to = card["preprocess"].get("standardize")
    pixels = pixels.reshape(len(pixels), 1, *pixels.shape[-2:]).astype(np.float32)
    if to is None:
        return pixels
    mean, spread = pixels.mean((2, 3), keepdims=True), pixels.std((2, 3), keepdims=True)
    scaled = (pixels - mean) / np.maximum(spread, 1.0) * to["deviation"] + to["mean"]
    return np.clip(np.rint(scaled), 0, 255)


class Rows:
    """Calibration rows as ONNX Runtime asks for them."""

    def __init__(self, chips: np.ndarray):
        self.batches = iter([{"pixels": chips[i : i + 64]} for i in range(0, len(chips), 64)])

    def get_next(self):
        return next(self.batches, None)


def session(path: str) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def answers(runner: ort.InferenceSession, chips: np.ndarray, card: dict) -> dict[str, np.ndarray]:
    """The logits of each head, and those of the card's answer."""
    logits = np.concatenate([runner.run(None, {"pixels": chips[i : i + 64]})[0] for i in range(0, len(chips), 64)])
    heads = card.get("heads") or [{"name": "labels", "weight": 1.0, "temperature": 1.0, "prior": [1.0] * 7, "prior_removed": 0.0}]
    parts = dict(zip([head["name"] for head in heads], np.split(logits, len(heads), axis=1)))
    card_answer = 0.0
    for head in heads:
        own = parts[head["name"]] / head["temperature"]
        own = own - np.log(np.exp(own).sum(1, keepdims=True))
        own = own - head["prior_removed"] * np.log(head["prior"]) + np.array(head.get("biases") or [0.0])
        card_answer = card_answer + head["weight"] * own
    return {**parts, "card": card_answer}


def chip_time(runners: list[ort.InferenceSession], chip: np.ndarray) -> list[float]:
    """Milliseconds a chip, the medians of 300 turns, in turns."""
    times = [[] for _ in runners]
    for _ in range(300):
        for runner, own in zip(runners, times):
            start = time.perf_counter()
            runner.run(None, {"pixels": chip})
            own.append(1e3 * (time.perf_counter() - start))
    return [float(np.median(own)) for own in times]


def main():
    model, card = in_f32(sys.argv[1])
    table = pandas.read_csv(sys.argv[2])
    rows = lambda usage: table[table["Usage"] == usage]
    pixels = lambda part: np.stack([np.array(row.split(), np.uint8).reshape(48, 48) for row in part["pixels"]])
    training = rows("Training").sample(CALIBRATION, random_state=1)
    public = rows("PublicTest")
    with tempfile.TemporaryDirectory() as folder:
        full, small = f"{folder}/full.onnx", f"{folder}/small.onnx"
        onnx.save(model, full)
        quantize_static(
            full,
            small,
            Rows(standardized(pixels(training), card)),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.MinMax,
        )
        runners = [session(full), session(small)]
    chips = standardized(pixels(public), card)
    right = [answers(runner, chips, card)["labels"].argmax(1) == public["emotion"].to_numpy() for runner in runners]
    print(f"PublicTest, labels' head: 32 bits {100 * right[0].mean():.2f} %, 8 bits {100 * right[1].mean():.2f} %", end="")
    print(f"; right in one only: {(right[0] & ~right[1]).sum()}, {(right[1] & ~right[0]).sum()}")
    if len(sys.argv) > 3:
        files = sorted(path for path in pathlib.Path(sys.argv[3]).rglob("*") if path.suffix in {".png", ".jpg"})
        side = (card["preprocess"]["size"],) * 2
        crops = np.stack([np.asarray(Image.open(path).convert("L").resize(side, Image.BILINEAR)) for path in files])
        truth = np.array([card["labels"].index(path.parent.name) for path in files])
        told = [answers(runner, standardized(crops, card), card)["card"].argmax(1) for runner in runners]
        recall = [np.mean([(own == truth)[truth == label].mean() for label in np.unique(truth)]) for own in told]
        print(f"photographs ({len(files)}), the card's answer, macro recall: 32 bits {100 * recall[0]:.2f} %, 8 bits {100 * recall[1]:.2f} %")
        print(f"  the same answer for {100 * (told[0] == told[1]).mean():.1f} %")
    full, small = chip_time(runners, chips[:1])
    print(f"one chip, one thread, ONNX Runtime {ort.__version__}: 32 bits {full:.3f} ms, 8 bits {small:.3f} ms")


main()
