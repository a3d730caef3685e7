"""``FER.detect_emotions`` and ``FER.top_emotion``, with the shapes of fer's answers and its BGR arrays."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Tuple

from fervor.compat._shared import analyzer, opened, pixels
from fervor.errors import InputError

__all__ = ["FER"]


def _array(source: Any) -> Any:
    """The pixels of a picture in BGR order."""
    if hasattr(source, "shape"):
        return source
    import io

    import numpy as np
    from PIL import Image, ImageOps

    file = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source)
    return np.asarray(ImageOps.exif_transpose(file).convert("RGB"))[:, :, ::-1].copy()


class FER:
    """Finds faces and what they show. The arguments of fer's own class choose its detector and are of no meaning here."""

    def __init__(self, *args: Any, model: str = "fervor-48", **kwargs: Any) -> None:
        self._model = model

    def detect_emotions(self, img: Any, face_rectangles: Optional[Any] = None) -> List[Dict[str, Any]]:
        """For each face its ``box`` (x, y, width, height in whole pixels) and ``emotions`` (0 to 1 for each class); an empty list
        where there is none. img: a path, or an array in BGR order. face_rectangles: boxes (x, y, width, height) of faces that are
        known: each is cut out, as far as it lies in the picture, and looked at whole.
        """
        source: Any = opened(img)
        if face_rectangles is None:
            answer = analyzer(self._model, "auto").analyze(source, order="bgr")
            return [{"box": list(pixels(face).values()), "emotions": face.probabilities} for face in answer]
        array = _array(source)
        crops: List[Any] = []
        for x, y, width, height in face_rectangles:
            edges = [max(round(edge), 0) for edge in (y, y + height, x, x + width)]
            crop = array[edges[0] : edges[1], edges[2] : edges[3]]
            if crop.size == 0:
                box, size = (x, y, width, height), (array.shape[1], array.shape[0])
                raise InputError(f"the box {box} lies outside of the picture of {size[0]} x {size[1]} pixels", reason="invalid")
            crops.append(crop)
        found: List[Dict[str, Any]] = []
        for box, crop in zip(face_rectangles, crops):
            for face in analyzer(self._model, "whole").analyze(crop, order="bgr"):
                found.append({"box": list(box), "emotions": face.probabilities})
        return found

    def top_emotion(self, img: Any) -> Tuple[Optional[str], Optional[float]]:
        """The most probable class of the picture's largest face, and its probability; (None, None) where there is none."""
        answer = analyzer(self._model, "auto").analyze(opened(img), order="bgr")
        return (answer.label, answer.confidence)
