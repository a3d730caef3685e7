"""``FER.detect_emotions`` and ``FER.top_emotion``, with the shapes of fer's answers and its BGR arrays."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from fervor.compat._shared import analyzer, opened, pixels

__all__ = ["FER"]


class FER:
    """Finds faces and what they show. The arguments of fer's own class choose its detector and are of no meaning here."""

    def __init__(self, *args: Any, model: str = "fervor-48", **kwargs: Any) -> None:
        self._model = model

    def detect_emotions(self, img: Any, face_rectangles: Optional[Any] = None) -> List[Dict[str, Any]]:
        """For each face its ``box`` (x, y, width, height in whole pixels) and ``emotions`` (0 to 1 for each class); an empty list
        where there is none. img: a path, or an array in BGR order. face_rectangles: boxes (x, y, width, height) of faces that are
        known: each is cut out and looked at whole.
        """
        source: Any = opened(img)
        if face_rectangles is None:
            answer = analyzer(self._model, "auto").analyze(source, order="bgr")
            return [{"box": list(pixels(face).values()), "emotions": face.probabilities} for face in answer]
        found: List[Dict[str, Any]] = []
        for x, y, width, height in face_rectangles:
            left, top = max(x, 0), max(y, 0)
            crop = source[top : y + height, left : x + width]
            for face in analyzer(self._model, "whole").analyze(crop, order="bgr"):
                found.append({"box": [x, y, width, height], "emotions": face.probabilities})
        return found

    def top_emotion(self, img: Any) -> Tuple[Optional[str], Optional[float]]:
        """The most probable class of the picture's largest face, and its probability; (None, None) where there is none."""
        answer = analyzer(self._model, "auto").analyze(opened(img), order="bgr")
        return (answer.label, answer.confidence)
