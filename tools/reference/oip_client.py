"""Talks to `fervor serve` with NVIDIA's client for the Open Inference Protocol, over JSON and over bytes, and compares the two
with ONNX Runtime on the same bundle: one with a single head, whose logits are what the network gives.

    pip install 'tritonclient[http]' onnxruntime pillow
    python tools/reference/oip_client.py target/release/fervor
"""

import pathlib
import re
import subprocess
import sys

import numpy as np
import onnxruntime
import tritonclient.http as client

ROOT = pathlib.Path(__file__).resolve().parents[2]
NAME = "fervor-48-votes"
BUNDLE = ROOT / "crates" / "fervor" / "models" / NAME / f"{NAME}.onnx"


def infer(server, model, name, values, kind, binary, outputs):
    tensor = client.InferInput(name, list(values.shape), kind)
    tensor.set_data_from_numpy(values, binary_data=binary)
    asked = [client.InferRequestedOutput(output, binary_data=binary) for output in outputs]
    answer = server.infer(model, [tensor], outputs=asked, request_id="42")
    assert answer.get_response()["id"] == "42"
    return [answer.as_numpy(output) for output in outputs]


def main():
    process = subprocess.Popen([sys.argv[1], "serve", "--port", "0", "--model", "fervor-48", "--model", str(BUNDLE)], stderr=subprocess.PIPE, text=True)
    try:
        address = re.search(r"http://(\S+)/", process.stderr.readline()).group(1)
        server = client.InferenceServerClient(address)
        assert server.is_server_live() and server.is_server_ready()
        assert server.is_model_ready("fervor-48") and not server.is_model_ready("other")
        print("server  ", server.get_server_metadata())
        metadata = server.get_model_metadata(NAME)
        print("model   ", metadata["inputs"], metadata["outputs"])
        config = server.get_model_config(NAME)
        assert config["name"] == NAME and server.is_model_ready(NAME, metadata["versions"][0])
        print("config  ", config["max_batch_size"], "chips in a request; versions", metadata["versions"])

        chips = np.random.default_rng(1).integers(0, 256, (5, 1, 48, 48), dtype=np.uint8)
        session = onnxruntime.InferenceSession(BUNDLE, providers=["CPUExecutionProvider"])
        expected = session.run(None, {session.get_inputs()[0].name: chips.astype(np.float32)})[0]
        for binary in (True, False):
            logits, probabilities = infer(server, NAME, "chip", chips, "UINT8", binary, ["logits", "probabilities"])
            assert np.abs(logits - expected).max() < 1e-3, np.abs(logits - expected).max()
            assert np.allclose(probabilities.sum(1), 1, atol=1e-5)
        as_floats, = infer(server, NAME, "chip", chips.astype(np.float32), "FP32", True, ["logits"])
        assert np.array_equal(as_floats, logits)
        print(f"chips    equal to ONNX Runtime within {np.abs(logits - expected).max():.1e}, as JSON and as bytes")

        photo = np.array([(ROOT / "examples" / "astronaut.png").read_bytes()] * 3, dtype=object)
        labels, boxes, index = infer(server, "fervor-48-pictures", "picture", photo, "BYTES", True, ["label", "box", "picture_index"])
        assert [label.decode() for label in labels] == ["happy"] * 3 and boxes.shape == (3, 4) and index.tolist() == [0, 1, 2]
        print("pictures", labels, boxes[0].round(1))

        try:
            infer(server, NAME, "chip", chips[:, :, :40], "UINT8", True, ["logits"])
            raise AssertionError("a wrong shape was taken")
        except client.InferenceServerException as error:
            print("refused ", error)
    finally:
        process.terminate()
        process.communicate(timeout=20)


if __name__ == "__main__":
    main()
