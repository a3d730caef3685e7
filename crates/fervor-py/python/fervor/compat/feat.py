"""A data frame as Py-Feat's detectors give it: a row for each face, its columns' names."""

from __future__ import annotations

import warnings
from typing import Any, Dict, Iterable, List, Optional, Sequence

from fervor._fervor import Answer, Face
from fervor.compat._shared import analyzer

__all__ = ["Detector", "fex"]

# Py-Feat's names for the classes that it has under another one.
_NAMES = {"angry": "anger", "happy": "happiness", "sad": "sadness"}


_PLACE = ["FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore"]
_CLASSES = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")


def fex(answers: Iterable[Answer], classes: Optional[Sequence[str]] = None) -> Any:
    """A data frame of pandas with a row for each face: ``FaceRectX``, ``FaceRectY``, ``FaceRectWidth``, ``FaceRectHeight`` in pixels,
    ``FaceScore``, a column 0 to 1 for each class under Py-Feat's name (``anger``, ``happiness``, ...), ``input``, ``frame`` (the
    picture's place). A picture without a face has a row of missing values, as Py-Feat's has; so has one that cannot be read, with a
    warning. classes: those of the model; without them those of the first face."""
    import pandas as pd

    rows: List[Any] = []
    found = list(answers)
    if classes is None:
        classes = next((list(face.probabilities) for answer in found for face in answer.faces), _CLASSES)
    for frame, answer in enumerate(found):
        if answer.error is not None:
            warnings.warn(f"{answer.source or f'picture {frame}'}: {answer.error}", stacklevel=2)
        faces: List[Optional[Face]] = [*answer.faces] or [None]
        for face in faces:
            rows.append({**_columns(face), "input": answer.source, "frame": frame})
    named = [_NAMES.get(label, label) for label in classes]
    return pd.DataFrame(rows, columns=[*_PLACE, *named, "input", "frame"])


def _columns(face: Optional[Face]) -> Dict[str, Any]:
    if face is None:
        return {}
    x, y, width, height = face.box
    place = {"FaceRectX": x, "FaceRectY": y, "FaceRectWidth": width, "FaceRectHeight": height}
    classes = {_NAMES.get(label, label): p for label, p in face.probabilities.items()}
    return {**place, "FaceScore": face.score, **classes}


class Detector:
    """``Detector.detect`` and ``Detector.detect_image``. The arguments of Py-Feat's own class choose its networks and are of no
    meaning here; action units and poses are not looked for."""

    def __init__(self, *args: Any, model: str = "fervor-48", **kwargs: Any) -> None:
        self._model = model

    def detect(self, inputs: Any, data_type: str = "image", **kwargs: Any) -> Any:
        """The faces of a picture, or of a list of pictures."""
        if data_type != "image":
            raise ValueError(f"data_type is \"image\", not {data_type!r}")
        pictures = inputs if isinstance(inputs, (list, tuple)) else [inputs]
        finder = analyzer(self._model, "auto")
        return fex(finder.analyze_batch(pictures), finder.labels)

    def detect_image(self, inputs: Any, **kwargs: Any) -> Any:
        """As :meth:`detect`."""
        return self.detect(inputs)
