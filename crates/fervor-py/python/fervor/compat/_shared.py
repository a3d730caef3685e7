"""What the doors share."""

from __future__ import annotations

import base64
import binascii
import functools
import os
from typing import Any, Dict, Literal

from fervor._fervor import Analyzer, Face
from fervor._types import Picture
from fervor.errors import InputError


@functools.lru_cache(maxsize=8)
def analyzer(model: str, faces: Literal["auto", "detect", "whole"]) -> Analyzer:
    """One analyzer for all calls that ask the same."""
    return Analyzer(model, faces=faces)


def opened(picture: Any) -> Picture:
    """A picture as these packages take it: also as the text of a data address. Arrays stay what they are; of a file that is open, which
    can be read but once, all is read."""
    if hasattr(picture, "read"):
        return picture.read()  # type: ignore[no-any-return]
    if not isinstance(picture, str):
        return picture  # type: ignore[no-any-return]
    if picture.startswith("data:"):
        kind, comma, data = picture.partition(",")
        if not comma or not kind.endswith(";base64"):
            raise InputError("the data address does not say base64", reason="invalid")
        try:
            return base64.b64decode(data, validate=True)
        except binascii.Error as e:
            raise InputError(f"the picture is no base64: {e}", reason="damaged") from e
    if picture.startswith(("http://", "https://")):
        raise InputError(
            f"addresses are not opened: {picture}", reason="unsupported", hint="download the picture first"
        )
    if not os.path.exists(picture):
        raise InputError(f"Confirm that {picture} exists", reason="missing")
    return picture


def pixels(face: Face) -> Dict[str, int]:
    """The box in whole pixels."""
    return {name: round(value) for name, value in zip("xywh", face.box)}
