"""Boxes, and lists of answers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, List, NamedTuple

if TYPE_CHECKING:
    from fervor._fervor import Answer, Table

    AnswerList = List[Answer]
else:
    AnswerList = list


class Box(NamedTuple):
    """Where a face is, in pixels of the upright picture; it ends at the picture's edge."""

    x: float
    """The left edge."""
    y: float
    """The top edge."""
    width: float
    """How wide it is."""
    height: float
    """How high it is."""


class Answers(AnswerList):
    """A list of answers that becomes a table: a row for each face, one for a picture without a face, one with an ``error`` for a
    picture without an answer."""

    __slots__ = ()

    def to_table(self) -> Table:
        """The rows; ``row_id`` is the answer's place in this list."""
        from fervor._fervor import _table

        return _table(self)

    def to_arrow(self) -> Any:
        """The rows as a table of pyarrow."""
        return self.to_table().to_arrow()

    def to_pandas(self) -> Any:
        """The rows as a data frame of pandas."""
        return self.to_table().to_pandas()

    def to_polars(self) -> Any:
        """The rows as a data frame of polars."""
        return self.to_table().to_polars()

    @property
    def errors(self) -> AnswerList:
        """Those that have no answer."""
        return [answer for answer in self if not answer.ok]

    def __repr__(self) -> str:
        faces, failed = sum(map(len, self)), len(self.errors)
        failures = f", {failed} without an answer" if failed else ""
        return f"<fervor.Answers: {len(self)} pictures, {faces} faces{failures}>"

    def _repr_html_(self) -> str:
        shown = self[:10]
        rest = f"<p>and {len(self) - 10} more</p>" if len(self) > 10 else ""
        return "".join(answer._repr_html_() for answer in shown) + rest
