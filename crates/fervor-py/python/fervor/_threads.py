"""How many threads an analyzer has that was not told."""

from __future__ import annotations

import os
import sys


def default_threads() -> int:
    """``FERVOR_THREADS`` where that is set. One in a worker of Ray or Spark, which run as many processes as there are cores. Else
    as many as this process may use."""
    asked = os.environ.get("FERVOR_THREADS", "")
    if asked.isascii() and asked.isdigit() and int(asked) > 0:
        return int(asked)
    if _in_ray() or _in_spark():
        return 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _in_ray() -> bool:
    worker = getattr(sys.modules.get("ray"), "_private", None)
    worker = getattr(getattr(worker, "worker", None), "global_worker", None)
    # The driver's mode is 0, a worker's 1.
    return getattr(worker, "mode", None) == 1


def _in_spark() -> bool:
    pyspark = sys.modules.get("pyspark")
    context = getattr(pyspark, "TaskContext", None)
    return context is not None and context.get() is not None
