"""Tables as data frames of pandas, with pyarrow or without."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fervor._fervor import Table

# Columns that a data frame made of lists would widen.
_SINGLE = {"x", "y", "w", "h", "score", "confidence"}


def to_pandas(table: Table) -> Any:
    """A data frame: of pyarrow's making where that is installed, else of lists."""
    if find_spec("pyarrow") is not None:
        return table.to_arrow().to_pandas()
    import pandas as pd

    frame = pd.DataFrame(table.to_pydict())
    single = [name for name in table.column_names if name in _SINGLE or name.startswith("p_")]
    return frame.astype({name: "float32" for name in single})
