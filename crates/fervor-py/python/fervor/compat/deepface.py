"""``DeepFace.analyze`` with ``actions=["emotion"]``: the shapes of deepface's answers, its BGR arrays, its exception.

What it does otherwise: ``emotion`` is the only action, and the default; where others are asked for beside it, a warning says so.
``detector_backend`` is ``"skip"`` or of no meaning, and so are ``align``, ``expand_percentage`` and ``anti_spoofing``. Addresses
are not downloaded.
"""

from __future__ import annotations

import warnings
from typing import Any, Dict, Iterable, List, Union

from fervor._fervor import Answer, Face
from fervor.compat._shared import analyzer, opened, pixels
from fervor.errors import InputError

__all__ = ["FaceNotDetected", "analyze"]


class FaceNotDetected(InputError):
    """No face was found, and ``enforce_detection`` asked for one. A ``ValueError``, as deepface's."""


def analyze(
    img_path: Any,
    actions: Union[str, Iterable[str]] = ("emotion",),
    enforce_detection: bool = True,
    detector_backend: str = "opencv",
    align: bool = True,
    expand_percentage: int = 0,
    silent: bool = False,
    anti_spoofing: bool = False,
    *,
    model: str = "fervor-48",
) -> List[Any]:
    """The faces of a picture: for each a dictionary with ``emotion`` (percent of each class), ``dominant_emotion``, ``region``
    (x, y, w, h, left_eye, right_eye in pixels) and ``face_confidence`` (0 to 1). For a list of pictures, a list of such lists.

    img_path: a path, an array in BGR order, a file object, a data address in base64, or a list of these. Raises
    :class:`FaceNotDetected` where no face is found; without ``enforce_detection`` the whole picture is taken as a face then, with
    a ``face_confidence`` of 0.
    """
    asked = [actions] if isinstance(actions, str) else list(actions)
    if "emotion" not in asked:
        raise InputError("of deepface's actions this knows `emotion` alone", reason="unsupported")
    others = sorted(set(asked) - {"emotion"})
    if others and not silent:
        warnings.warn(f"of deepface's actions this knows `emotion` alone, not {', '.join(others)}", stacklevel=2)
    if isinstance(img_path, (list, tuple)) or len(getattr(img_path, "shape", ())) == 4:
        return [_one(picture, enforce_detection, detector_backend, model) for picture in img_path]
    return _one(img_path, enforce_detection, detector_backend, model)


def _one(picture: Any, enforce: bool, backend: str, model: str) -> List[Dict[str, Any]]:
    source = opened(picture)
    answer = _faces(source, "whole" if backend == "skip" else "auto", model)
    if len(answer) > 0:
        return [_row(face, 0.0 if backend == "skip" else None) for face in answer]
    if enforce:
        name = f"in {answer.source}" if answer.source else "in numpy array"
        raise FaceNotDetected(
            f"Face could not be detected {name}. Please confirm that the picture is a face photo or consider to set "
            "enforce_detection param to False.",
            reason="missing",
        )
    return [_row(face, 0.0) for face in _faces(source, "whole", model)]


def _faces(source: Any, faces: Any, model: str) -> Answer:
    return analyzer(model, faces).analyze(source, order="bgr")


def _row(face: Face, confidence: Any) -> Dict[str, Any]:
    # The left eye is the person's: the one on the viewer's right.
    points = face.landmarks
    eyes = (None, None) if points is None else (_point(points[1]), _point(points[0]))
    if confidence is None:
        confidence = 1.0 if face.score is None else face.score
    return {
        "emotion": {label: 100.0 * p for label, p in face.probabilities.items()},
        "dominant_emotion": face.label,
        "region": {**pixels(face), "left_eye": eyes[0], "right_eye": eyes[1]},
        "face_confidence": confidence,
    }


def _point(point: Any) -> Any:
    return (round(point[0]), round(point[1]))
