"""Pictures in a data set of Ray: ``fervor.ray.analyze(dataset, "image")``.

    import ray, fervor.ray

    rows = fervor.ray.analyze(ray.data.read_parquet("pictures"), "image", keep=["id"])
    rows.write_parquet("faces")

A row for each face, one for a picture without a face, one with an ``error`` for a picture that cannot be read: the columns of
``fervor.rows/1``, behind those of ``keep``. The model is loaded once in each actor, and the rows do not depend on how many there are.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Optional, Sequence

from fervor._fervor import Analyzer

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Analyze", "analyze"]


class Analyze:
    """What ``map_batches`` runs in each actor: tables of pyarrow in, tables of pyarrow out."""

    def __init__(self, analyzer: Analyzer, column: str = "image", keep: Sequence[str] = ()) -> None:
        self._analyzer = analyzer
        self._column = column
        self._keep = list(keep)

    def __call__(self, batch: pa.Table) -> pa.Table:
        return self._analyzer.analyze_table(batch, self._column, keep=self._keep, row_ids=False).to_arrow()


def analyze(
    dataset: Any,
    column: str = "image",
    *,
    keep: Optional[Sequence[str]] = None,
    model: Any = None,
    concurrency: Any = None,
    num_cpus: float = 1,
    threads: int = 1,
    batch_size: int = 64,
    **options: Any,
) -> Any:
    """A data set of rows, lazily as Ray's are.

    column: where the pictures are: bytes, paths, or Hugging Face's structure of both. keep: columns that the rows are to have
    beside the answer's. model and options: as :class:`fervor.Analyzer` takes them; a bundle's file is at the same path on every
    machine. concurrency: how many actors; None: one less than the cluster has cores, since reading and writing need one, and where
    actors hold all of them the pipeline stands still. num_cpus, threads: of each actor. batch_size: pictures that an actor is given
    at once; they lie in memory together.
    """
    analyzer = Analyzer(model, threads=threads, **options)
    if concurrency is None:
        # By name, since this module has the same one.
        cores = import_module("ray").cluster_resources().get("CPU", 1)
        concurrency = max(1, int((cores - 1) // num_cpus)) if num_cpus > 0 else 1
    return dataset.map_batches(
        Analyze,
        fn_constructor_args=(analyzer, column, tuple(keep or ())),
        batch_format="pyarrow",
        batch_size=batch_size,
        concurrency=concurrency,
        num_cpus=num_cpus,
    )
