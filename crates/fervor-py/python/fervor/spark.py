"""Pictures in a data frame of Spark: ``fervor.spark.analyze(frame, "image")``.

    import fervor.spark

    rows = fervor.spark.analyze(spark.read.parquet("pictures"), "image", keep=["id"])
    rows.write.parquet("faces")

A row for each face, one for a picture without a face, one with an ``error`` for a picture that cannot be read: the columns of
``fervor.rows/1``, behind those of ``keep``. Each of Spark's Python workers loads the model once, and the rows do not depend on how
many there are.
"""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, Optional, Sequence

from fervor._fervor import Analyzer

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["analyze", "schema"]

# The analyzers of this process, which answers many tasks one after the other.
_HERE: Dict[bytes, Analyzer] = {}


def schema(model: Any = None, **options: Any) -> Any:
    """The columns of the answer as a ``StructType``, which Spark wants before it runs. model and options: as
    :class:`fervor.Analyzer` takes them."""
    return _schema(Analyzer(model, threads=1, **options))


def _schema(analyzer: Analyzer) -> Any:
    import pyarrow as pa
    from pyspark.sql.pandas.types import from_arrow_schema
    from pyspark.sql.types import StructField, StructType

    made = from_arrow_schema(pa.schema(analyzer.table_schema()))
    # Whoever reads back what Spark has written finds every column nullable.
    return StructType([StructField(field.name, field.dataType, True) for field in made.fields])


def analyze(
    frame: Any,
    column: str = "image",
    *,
    keep: Optional[Sequence[str]] = None,
    model: Any = None,
    batch_size: Optional[int] = 64,
    **options: Any,
) -> Any:
    """A data frame of rows, lazily as Spark's are.

    column: where the pictures are: bytes, paths, or Hugging Face's structure of both. keep: columns that the rows are to have
    beside the answer's. model and options: as :class:`fervor.Analyzer` takes them; a bundle's file is at the same path on every
    machine. batch_size: pictures that a worker is given at once, which lie in memory together: it is set as the session's
    ``spark.sql.execution.arrow.maxRecordsPerBatch``, whose own value would be 10,000; None leaves that alone.
    """
    from pyspark.sql.types import StructType

    kept = list(keep or ())
    fields = {field.name: field for field in frame.schema.fields}
    for name in [*kept, column]:
        if name not in fields:
            raise ValueError(f"the data frame has no column {name!r}; it has: {', '.join(fields)}")
    analyzer = Analyzer(model, threads=1, **options)
    made = _schema(analyzer)
    twice = [name for name in kept if name in made.names]
    if twice:
        raise ValueError(f"a column that is to be kept is called as one of the answer's: {twice[0]!r}; rename it first")
    whole = StructType([fields[name] for name in kept] + made.fields)
    if batch_size is not None:
        frame.sparkSession.conf.set("spark.sql.execution.arrow.maxRecordsPerBatch", str(batch_size))
    wanted = frame.select(*dict.fromkeys([*kept, column]))
    return wanted.mapInArrow(_worker(pickle.dumps(analyzer), column, kept), whole)


def _worker(pickled: bytes, column: str, keep: Sequence[str]) -> Callable[[Iterator[pa.RecordBatch]], Iterator[pa.RecordBatch]]:
    def look(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        analyzer = _HERE.get(pickled)
        if analyzer is None:
            analyzer = _HERE[pickled] = pickle.loads(pickled)
        for batch in batches:
            table = analyzer.analyze_table(batch, column, keep=keep, row_ids=False)
            yield from table.to_arrow().to_batches()

    return look
