"""The native half of fervor."""

from __future__ import annotations

import os
from typing import (
    Any,
    Callable,
    Dict,
    Iterable,
    Iterator,
    List,
    Literal,
    Mapping,
    Optional,
    Sequence,
    Tuple,
    Union,
    overload,
)

from fervor._answers import Answers, Box
from fervor._types import ArrowTable, Picture
from fervor.errors import Error

__version__: str

_Path = Union[str, "os.PathLike[str]"]
_Faces = Literal["auto", "detect", "whole"]
_Order = Literal["rgb", "bgr"]
_Decoder = Literal["auto", "own", "ffmpeg"]
_Progress = Callable[[int, int], object]

class Model:
    """A model: an ONNX network with its card inside. Loading proves that the file is as it was made and that the network gives the
    answers that it gave where it was trained. Immutable; pickles as its name, or as its path and hash."""

    @property
    def name(self) -> str:
        """The model's name."""
    @property
    def sha256(self) -> str:
        """SHA-256 of the file, in hexadecimal."""
    @property
    def labels(self) -> List[str]:
        """The classes, in the order of the network's answers."""
    @property
    def size(self) -> int:
        """Size of the file in bytes."""
    @property
    def parameters(self) -> int:
        """The network's parameters."""
    @property
    def notes(self) -> List[str]:
        """What whoever uses the model should hear."""
    @property
    def card(self) -> Dict[str, Any]:
        """All that the model says of itself: labels, preprocessing, temperature, what it was trained on, licence, scores."""
    def __hash__(self) -> int: ...

class Face:
    """One face with its expression. Coordinates are pixels of the upright picture."""

    @property
    def box(self) -> Box:
        """Left, top, width and height in pixels, inside the picture."""
    @property
    def score(self) -> Optional[float]:
        """How sure the detector is that this is a face, 0 to 1; None for a picture that was taken whole as one face."""
    @property
    def landmarks(self) -> Optional[List[Tuple[float, float]]]:
        """Five points (x, y) in pixels, as the viewer sees them from left to right: left eye, right eye, nose, left and right
        corner of the mouth. None for a picture that was taken whole."""
    @property
    def label(self) -> str:
        """The most probable class."""
    @property
    def confidence(self) -> float:
        """Its probability, 0 to 1."""
    @property
    def uncertain(self) -> bool:
        """Whether the confidence is under one half: more likely wrong than right."""
    @property
    def words(self) -> str:
        """The answer in words: "looks happy, 99 %", "perhaps fearful or surprised"."""
    @property
    def probabilities(self) -> Dict[str, float]:
        """The probability of each class, 0 to 1, in the model's order."""
    @property
    def plausible(self) -> Optional[List[str]]:
        """The conformal set, most probable first; None where the model's card has none."""
    @property
    def flags(self) -> List[str]:
        """Why the answer deserves less trust: "small", "doubtful", "profile", "blurred", "dark", "flat", "cut_off", "turned"."""
    def to_dict(self) -> Dict[str, Any]:
        """The face as a dictionary, with the keys of ``fervor.prediction/1``."""

class Answer:
    """All that is said of one picture: its faces, the largest first, or the ``error`` why there is no answer. A sequence of
    :class:`Face`; empty where there is none, which is a normal answer."""

    @property
    def source(self) -> str:
        """The picture as the caller named it; empty where it has no name."""
    @property
    def width(self) -> Optional[int]:
        """Width of the upright picture in pixels; None where it could not be read."""
    @property
    def height(self) -> Optional[int]:
        """Height of the upright picture in pixels; None where it could not be read."""
    @property
    def faces(self) -> List[Face]:
        """The faces, the largest first."""
    @property
    def main(self) -> Optional[Face]:
        """The face that the picture is about: the largest; None where there is none."""
    @property
    def label(self) -> Optional[str]:
        """The main face's most probable class; None where there is no face."""
    @property
    def confidence(self) -> Optional[float]:
        """The probability of the main face's class, 0 to 1; None where there is no face."""
    @property
    def words(self) -> str:
        """The main face in words, "no face found", or why there is no answer."""
    @property
    def error(self) -> Optional[Error]:
        """Why there is no answer, as an exception that is not raised; None where there is one."""
    @property
    def ok(self) -> bool:
        """Whether there is an answer: also one without a face."""
    @property
    def model(self) -> Dict[str, str]:
        """Name and SHA-256 of the model that answered."""
    def to_dict(self) -> Dict[str, Any]:
        """The row as a dictionary, with the keys of ``fervor.prediction/1``."""
    def to_json(self) -> str:
        """The row as JSON: ``fervor.prediction/1``."""
    def to_table(self) -> Table:
        """The rows of this picture as a table."""
    def to_arrow(self) -> Any:
        """The rows of this picture as a table of pyarrow."""
    def to_pandas(self) -> Any:
        """The rows of this picture as a data frame of pandas."""
    def to_polars(self) -> Any:
        """The rows of this picture as a data frame of polars."""
    def annotated(self, picture: Optional[Picture] = None, *, order: _Order = "rgb") -> bytes:
        """The picture with boxes, labels and bars drawn on it, as the bytes of a PNG. The pictures of the last answers are kept,
        and those of files are read again; else ``picture`` is needed."""
    def _repr_png_(self) -> Optional[bytes]: ...
    def _repr_html_(self) -> str: ...
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: int, /) -> Face: ...
    @overload
    def __getitem__(self, index: slice, /) -> List[Face]: ...
    def __iter__(self) -> Iterator[Face]: ...

class Table:
    """A table of rows, in Arrow's form. ``pyarrow.table(t)``, ``polars.DataFrame(t)`` and whatever else speaks the Arrow PyCapsule
    interface take it without a copy. Its columns are those of ``fervor.rows/1``."""

    @property
    def num_rows(self) -> int:
        """The number of rows."""
    @property
    def column_names(self) -> List[str]:
        """The names of the columns."""
    @property
    def metadata(self) -> Dict[str, str]:
        """What the table says of itself: schema, model, its SHA-256."""
    def to_arrow(self) -> Any:
        """As a table of pyarrow."""
    def to_pandas(self) -> Any:
        """As a data frame of pandas."""
    def to_polars(self) -> Any:
        """As a data frame of polars."""
    def to_pydict(self) -> Dict[str, List[Any]]:
        """The columns as lists."""
    def __arrow_c_stream__(self, requested_schema: object = None) -> object: ...
    def __arrow_c_array__(self, requested_schema: object = None) -> Tuple[object, object]: ...
    def __arrow_c_schema__(self) -> object: ...
    def __len__(self) -> int: ...

class Analyzer:
    """Finds the faces of pictures and says which expression each shows. Make it once; all threads may use it. It pickles as its
    settings."""

    def __new__(
        cls,
        model: Optional[Union[str, "os.PathLike[str]", bytes, Model]] = None,
        *,
        faces: _Faces = "auto",
        threads: Optional[int] = None,
        detail: bool = False,
        threshold: float = 0.7,
        minimum_face: float = 0.0,
    ) -> Analyzer:
        """model: a built-in one's name (see :func:`fervor.models`), a path, a bundle's bytes, or one that is loaded; None is
        ``"fervor-48"``. faces: ``"auto"`` finds them in photographs and takes crops of faces whole; ``"detect"`` always looks for
        them; ``"whole"`` takes each picture as one face. threads: None is all cores, and one in a worker of Ray or Spark; with one,
        as many threads of Python as call it work at once. detail: looks for small faces in all the detail of large pictures,
        which takes long. threshold: the least score of a face, 0 to 1. minimum_face: faces with a shorter side, in pixels, are
        left out."""
    @property
    def model(self) -> Model:
        """The model that answers."""
    @property
    def labels(self) -> List[str]:
        """The classes, in the order of the probabilities."""
    @property
    def threads(self) -> Optional[int]:
        """Threads that were asked for."""
    @property
    def faces(self) -> str:
        """How faces are looked for: "auto", "detect" or "whole"."""
    def analyze(self, picture: Picture, *, order: _Order = "rgb", source: Optional[str] = None) -> Answer:
        """The faces of one picture with their expressions, the largest first; none is a normal answer.

        picture: a path, a file's bytes, a file object, an array of uint8 (height x width, or height x width x 3 or 4; ``order``
        says whether red or, as OpenCV has it, blue comes first), or an image of Pillow, which is turned upright as its EXIF says.
        source: what the answer calls it; None is its path. Raises :class:`fervor.InputError` for what is no picture."""
    def analyze_batch(
        self,
        pictures: Iterable[Optional[Picture]],
        *,
        order: _Order = "rgb",
        sources: Optional[Sequence[str]] = None,
    ) -> Answers:
        """An answer for each picture, in order, all cores at work. One that cannot be read has an ``error`` and never stops the
        others. Iterators are drawn from as it goes on."""
    def analyze_table(
        self,
        table: ArrowTable,
        column: str = "image",
        *,
        keep: Optional[Sequence[str]] = None,
        row_ids: bool = True,
    ) -> Table:
        """The rows of a table whose column holds pictures: bytes, paths, or the structure of both that Hugging Face's ``datasets``
        has. The table is one of pyarrow, polars, pandas, DuckDB, or of whatever else speaks the Arrow PyCapsule interface. The
        columns of ``keep`` come first, repeated for each face; ``row_id`` is the picture's place in the table, or null without
        ``row_ids``."""
    def video(
        self,
        film: _Path,
        *,
        every: float = 0.0,
        start: Optional[float] = None,
        end: Optional[float] = None,
        look: float = 0.2,
        decoder: _Decoder = "auto",
        pictures: bool = False,
    ) -> Video:
        """The frames of a film with what is seen in them, in order: an iterator that is as fast as all threads are.

        MP4 and MOV with H.264 or HEVC, animated GIF, WebP and PNG need nothing else; for other films ``ffmpeg`` is run, where there
        is one. every: seconds between two frames that are looked at, at least. start, end: in seconds; what is shown before and after is
        left out. look: seconds between two looks at whole frames; between them faces are looked for where they were. pictures: whether
        frames keep their pictures, to be drawn."""
    def timeline(
        self,
        film: _Path,
        *,
        every: float = 0.0,
        start: Optional[float] = None,
        end: Optional[float] = None,
        look: float = 0.2,
        decoder: _Decoder = "auto",
        smoothing: float = 0.25,
        progress: Optional[Callable[[float], object]] = None,
    ) -> Timeline:
        """Everything that is seen in a film, over time: the arguments of :meth:`video`, and smoothing: the time constant, in seconds, over
        which answers are averaged, backwards and forwards alike; 0 not at all. progress: called a few times a second with the second that
        it is at. A film that ends early, damaged or cut, is no error: what was seen is there, and ``ended`` says why."""
    def table_schema(self, table: Optional[object] = None, *, keep: Optional[Sequence[str]] = None) -> Table:
        """The columns of :meth:`analyze_table`, as a table without rows. ``table`` gives the types of ``keep``."""

class Track:
    """What is known of a face by its track: probabilities smoothed over the track's past."""

    @property
    def id(self) -> int:
        """The track's number, from 1, never used again."""
    @property
    def age(self) -> float:
        """Seconds since the track began."""
    @property
    def label(self) -> str:
        """The most probable class."""
    @property
    def confidence(self) -> float:
        """Its probability, 0 to 1."""
    @property
    def uncertain(self) -> bool:
        """Whether that is under one half."""
    @property
    def words(self) -> str:
        """The answer in words."""
    @property
    def probabilities(self) -> Dict[str, float]:
        """The probability of each class, 0 to 1, in the model's order."""

class Frame:
    """One frame of a film."""

    @property
    def index(self) -> int:
        """The frame's number in the film, from 0."""
    @property
    def time(self) -> float:
        """When it is shown, in seconds of the film's own clock."""
    @property
    def new_shot(self) -> bool:
        """Whether it begins a shot: its faces begin new tracks."""
    @property
    def answer(self) -> Answer:
        """What this frame alone says; ``annotated()`` draws it where the film was opened with ``pictures=True``."""
    @property
    def faces(self) -> List[Face]:
        """The faces, the largest first."""
    @property
    def tracks(self) -> List[Track]:
        """For each face its track."""
    @property
    def error(self) -> Optional[Error]:
        """Why this frame has no answer; others follow."""

class Video:
    """The frames of a film with what is seen in them, in order: an iterator."""

    @property
    def width(self) -> int:
        """Width of the upright frames in pixels."""
    @property
    def height(self) -> int:
        """Height of the upright frames in pixels."""
    @property
    def duration(self) -> Optional[float]:
        """Seconds from the first frame to the end of the last, where the film says so."""
    @property
    def frames(self) -> Optional[int]:
        """How many frames the film has, where it says so."""
    @property
    def codec(self) -> str:
        """How the pictures are compressed: "h264", "hevc", "gif", ..."""
    def __iter__(self) -> Video: ...
    def __next__(self) -> Frame: ...

class Timeline:
    """Everything that was seen in a film, over time. Its length is the number of frames."""

    @property
    def duration(self) -> float:
        """Seconds from the first frame's beginning to the last one's end."""
    @property
    def tracks(self) -> List[Dict[str, Any]]:
        """Each face over time: the keys of ``tracks`` in ``fervor.timeline/1``."""
    @property
    def episodes(self) -> List[Dict[str, Any]]:
        """From when to when which face looks how: the keys of ``episodes`` in ``fervor.timeline/1``."""
    @property
    def ended(self) -> Optional[str]:
        """Why it ended before the film did; None where it did not."""
    def to_dict(self) -> Dict[str, Any]:
        """All but the frames: ``fervor.timeline/1``."""
    def to_pandas(self) -> Any:
        """A data frame of pandas: a row for each face in each frame, one for a frame without a face or with an error."""
    def to_polars(self) -> Any:
        """A data frame of polars: as :meth:`to_pandas`."""
    def write(self, path: _Path) -> None:
        """Writes a file, whose name says the format: frames.csv, frames.jsonl, tracks.csv, episodes.csv, summary.json, .vtt, .srt, .eaf
        (ELAN), .TextGrid (Praat), .boris.tsv; .html is a page with a chart."""
    def __len__(self) -> int: ...

class Audit:
    """What is wrong in a data set, what it is like, and what helps."""

    @property
    def has_errors(self) -> bool:
        """Whether something is wrong that spoils training or scores."""
    @property
    def findings(self) -> List[Dict[str, Any]]:
        """What was found, each as a dictionary."""
    @property
    def text(self) -> str:
        """The report as people read it."""
    def to_dict(self) -> Dict[str, Any]:
        """The report as a dictionary, with the keys of ``fervor.audit/1``."""
    def write(self, folder: _Path) -> None:
        """Writes the report with its pictures into a folder."""

class Evaluation:
    """How right a model is on a data set."""

    @property
    def n(self) -> int:
        """Pictures that were scored."""
    @property
    def accuracy(self) -> float:
        """Share answered rightly, 0 to 1."""
    @property
    def accuracy_ci95(self) -> Tuple[float, float]:
        """The 95 % interval of the accuracy."""
    @property
    def balanced_accuracy(self) -> float:
        """Mean recall of the classes, 0 to 1."""
    @property
    def macro_f1(self) -> float:
        """Mean F1 of the classes, 0 to 1."""
    @property
    def ece(self) -> float:
        """Expected calibration error, 0 to 1."""
    @property
    def text(self) -> str:
        """The report as people read it."""
    def to_dict(self) -> Dict[str, Any]:
        """The report as a dictionary, with the keys of ``fervor.report/1``."""
    def predictions(self) -> str:
        """The answers as a table in CSV: a row a picture."""
    def write(self, folder: _Path) -> None:
        """Writes the report with its pictures into a folder."""

def load(model: Union[str, "os.PathLike[str]", bytes]) -> Model:
    """Loads a model: the name of a built-in one, the path of a bundle or of a training run's folder, or a bundle's bytes."""

def models() -> List[str]:
    """The names of the built-in models; the first is the default."""

def audit(
    data: _Path,
    *,
    faces: Optional[_Faces] = None,
    near: Optional[float] = ...,
    suspects: bool = False,
    model: Optional[Union[str, "os.PathLike[str]", Model]] = None,
    progress: Optional[_Progress] = None,
) -> Audit:
    """Looks at every picture of a data set once and says what is wrong with it.

    faces: what the pictures are: ``"whole"`` faces, ``"detect"`` photographs, ``"auto"`` both; where faces are looked for, it takes a few
    milliseconds a picture, and pictures with none or several are found. near: how alike near-duplicates are, 0 to 1; None:
    they are not looked for. suspects: whether labels are ranked that are probably wrong; ``model`` is the judge. progress: called
    with pictures done and all of them."""

def evaluate(
    model: Union[str, "os.PathLike[str]", bytes, Model],
    data: _Path,
    *,
    split: Optional[str] = None,
    faces: Optional[_Faces] = None,
    map: Optional[Mapping[str, Optional[str]]] = None,
    classes: Optional[Sequence[str]] = None,
    votes: Optional[_Path] = None,
    progress: Optional[_Progress] = None,
) -> Evaluation:
    """Scores a model on a data set, with intervals, calibration and the leak-free figure.

    split: "train", "validation", "test" or "all"; None: test, else validation, else all. faces: how the face of each picture is taken;
    None: pictures are crops of faces. map: the model's class for a class of the data, None to leave it out. classes: the model
    chooses among these alone. votes: a table of FER+ votes, by whose majority it is judged. progress: called with pictures done and
    all of them."""

def _table(answers: Sequence[Answer]) -> Table: ...
def _answer(json: str, labels: Sequence[str], path: Optional[_Path]) -> Answer: ...
def _face(answer: Answer, index: int) -> Face: ...
def _model(model: Union[str, bytes], sha256: str) -> Model: ...
def _panic() -> None: ...
