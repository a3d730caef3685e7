"""Calls the peers' own packages and fervor.compat with the same pictures: the same signatures, shapes and types; and the time of each.

    pip install fer deepface flask tf-keras 'opencv-contrib-python<5' 'setuptools<80' dist/fervor-*.whl
    python tools/python/peers.py examples/astronaut.png [PHOTOGRAPH...]

fer brings its weights along. deepface loads its own from the internet at the first call; where that fails, its signature is compared
alone.
"""

import inspect
import os
import statistics
import sys
import time

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
os.environ["CUDA_VISIBLE_DEVICES"] = ""

import cv2

from fervor import compat


def shape(value):
    """What a value is made of, without its numbers."""
    if isinstance(value, dict):
        return {key: shape(each) for key, each in sorted(value.items())}
    if isinstance(value, (list, tuple)) or type(value).__name__ == "ndarray":
        return [shape(value[0])] if len(value) else []
    if isinstance(value, (bool, str)) or value is None:
        return type(value).__name__
    return "number"


def seconds(call, times):
    call()
    spent = []
    for _ in range(times):
        begun = time.perf_counter()
        call()
        spent.append(time.perf_counter() - begun)
    return statistics.median(spent)


def parameters(function):
    return [name for name in inspect.signature(function).parameters if name not in ("self", "model")]


def with_fer(pictures):
    from fer.fer import FER

    theirs, ours = FER(), compat.FER()
    for name in ("detect_emotions", "top_emotion"):
        assert parameters(getattr(FER, name)) == parameters(getattr(compat.FER, name)), name
    for path in pictures:
        picture = cv2.imread(path)
        a, b = theirs.detect_emotions(picture), ours.detect_emotions(picture)
        if a and b:
            assert shape(a) == shape(b), (shape(a), shape(b))
        print(f"{path}: fer {len(a)} faces, fervor {len(b)}; top {theirs.top_emotion(picture)} and {ours.top_emotion(picture)}")
    picture = cv2.imread(pictures[0])
    spent = [1e3 * seconds(lambda each=each: each.detect_emotions(picture), 10) for each in (theirs, ours)]
    print(f"fer: the same shapes; {spent[0]:.1f} ms and {spent[1]:.1f} ms a picture")


def with_deepface(pictures):
    from deepface import DeepFace
    from deepface.modules.exceptions import FaceNotDetected

    assert parameters(DeepFace.analyze) == parameters(compat.DeepFace.analyze)
    assert issubclass(FaceNotDetected, ValueError) and issubclass(compat.FaceNotDetected, ValueError)
    arguments = {"actions": ["emotion"], "silent": True, "enforce_detection": False}
    try:
        theirs = DeepFace.analyze(pictures[0], **arguments)
    except Exception as error:
        print(f"deepface: the same parameters; it cannot run here: {str(error).splitlines()[0][:120]}")
        return
    ours = compat.DeepFace.analyze(pictures[0], **arguments)
    assert shape(theirs) == shape(ours), (shape(theirs), shape(ours))
    spent = [1e3 * seconds(lambda each=each: each.analyze(pictures[0], **arguments), 5) for each in (DeepFace, compat.DeepFace)]
    print(f"deepface: the same shapes; {spent[0]:.1f} ms and {spent[1]:.1f} ms a picture")


def main():
    failed = 0
    for compared in (with_fer, with_deepface):
        try:
            compared(sys.argv[1:])
        except ImportError as error:
            print(f"{compared.__name__}: not installed: {error}")
            failed += 1
    raise SystemExit(failed == 2)


if __name__ == "__main__":
    main()
