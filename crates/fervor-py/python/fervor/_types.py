"""What a picture and a table may be, for type checkers."""

from __future__ import annotations

import os
from typing import Any, Dict, Optional, Protocol, TypedDict, Union


class ArrowTable(Protocol):
    """Whatever speaks the Arrow PyCapsule interface: tables of pyarrow, polars, pandas, DuckDB."""

    def __arrow_c_stream__(self, requested_schema: Any = None) -> object: ...


class ArrayLike(Protocol):
    """An array as NumPy describes it: of bytes, height x width, or height x width x 3 or 4. Images of Pillow have it, too."""

    @property
    def __array_interface__(self) -> Dict[str, Any]: ...


class ArrayConvertible(Protocol):
    """What becomes such an array: tensors."""

    def __array__(self) -> Any: ...


class BytesFile(Protocol):
    """A file that is open for reading bytes."""

    def read(self) -> bytes: ...


Cell = TypedDict("Cell", {"bytes": Optional[bytes], "path": Optional[str]}, total=False)
"""A cell of Hugging Face's ``datasets`` that is not decoded: the bytes of a file, or its path."""

Picture = Union[
    str,
    "os.PathLike[str]",
    bytes,
    bytearray,
    memoryview,
    ArrayLike,
    ArrayConvertible,
    BytesFile,
    Cell,
]
"""A path, a file's bytes, a file object, an array of pixels, an image of Pillow, or a cell of ``datasets``."""
