"""Tables as data frames of pandas, with pyarrow or without."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, List

if TYPE_CHECKING:
    from fervor._fervor import Table


def to_pandas(table: Table, single: List[str]) -> Any:
    """A data frame: of pyarrow's making where that is installed, else of lists, which would widen the `single` columns of 32 bits."""
    if find_spec("pyarrow") is not None:
        return table.to_arrow().to_pandas()
    import pandas as pd

    frame = pd.DataFrame(table.to_pydict())
    return frame.astype({name: "float32" for name in single})
