"""Finds the faces in pictures and says which expression each shows.

    >>> import fervor
    >>> analyzer = fervor.Analyzer()
    >>> for face in analyzer.analyze("photo.jpg"):
    ...     print(face.words, face.box)

Everything is inside: the detector, the models, the decoders. Nothing is downloaded, no picture leaves the process. It says how a
face looks ("looks happy"), and that it is unsure where the probability is under one half ("perhaps sad"); never what a person
feels, nor who it is.

An :class:`Analyzer` is made once and shared by all threads. A picture is a path, a file's bytes, a file object, an array of
height x width x 3 bytes (``order="bgr"`` for OpenCV's), or an image of Pillow. Answers become tables of pyarrow, pandas and
polars, where those are installed.
"""

from fervor import errors
from fervor._answers import Answers, Box
from fervor._fervor import (
    Analyzer,
    Answer,
    Audit,
    Evaluation,
    Face,
    Frame,
    Model,
    Table,
    Timeline,
    Track,
    Video,
    __version__,
    audit,
    evaluate,
    load,
    models,
)
from fervor._training import train
from fervor.errors import (
    DataError,
    Error,
    InputError,
    InternalError,
    ModelError,
    OutputError,
)

__all__ = [
    "Analyzer",
    "Answer",
    "Answers",
    "Audit",
    "Box",
    "DataError",
    "Error",
    "Evaluation",
    "Face",
    "Frame",
    "InputError",
    "InternalError",
    "Model",
    "ModelError",
    "OutputError",
    "Table",
    "Timeline",
    "Track",
    "Video",
    "__version__",
    "audit",
    "errors",
    "evaluate",
    "load",
    "models",
    "train",
]
