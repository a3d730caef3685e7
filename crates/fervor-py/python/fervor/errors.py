"""What can go wrong: one class for each kind, all of them :class:`Error`."""

from __future__ import annotations

from typing import Optional

__all__ = [
    "DataError",
    "Error",
    "InputError",
    "InternalError",
    "ModelError",
    "OutputError",
    "of_kind",
]


class Error(Exception):
    """Something went wrong. ``str(error)`` says what, and in a second line what can be done about it.

    Programs look at the class (whose problem it is) and at ``reason`` (what is wrong: ``"missing"``, ``"not_a_picture"``,
    ``"truncated"``, ``"too_large"``, ...: the words of the key ``reason`` in ``fervor.prediction/1``).
    """

    #: Whose problem it is, in one word.
    kind: str = "error"

    def __init__(
        self, message: str, *, reason: Optional[str] = None, hint: Optional[str] = None
    ) -> None:
        super().__init__(message)
        #: What went wrong, ending with the value that was wrong.
        self.message = message
        #: What is wrong, for programs; None where the class says all.
        self.reason = reason
        #: What can be done about it; None where nothing is known.
        self.hint = hint

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n  hint: {self.hint}"


class InputError(Error, ValueError):
    """A picture or another value given by the caller."""

    kind = "input"


class ModelError(Error):
    """A model file: no card, a wrong card, a network that does not do what its card says."""

    kind = "model"


class DataError(Error):
    """A data set: folders, tables, manifests."""

    kind = "data"


class OutputError(Error):
    """A result that cannot be written."""

    kind = "output"


class InternalError(Error, RuntimeError):
    """A fault in Fervor itself."""

    kind = "internal"


def of_kind(kind: str) -> type[Error]:
    """The class for a kind by its name."""
    known = (InputError, ModelError, DataError, OutputError, InternalError)
    return next((each for each in known if each.kind == kind), Error)
