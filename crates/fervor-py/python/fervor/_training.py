"""Training, which the command line does: its framework takes longer to compile than all the rest and is not in the wheel."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, Callable, Dict, Optional, Union

from fervor.errors import Error, InputError

StrPath = Union[str, "os.PathLike[str]"]


def train(
    recipe: Optional[StrPath] = None,
    data: Optional[StrPath] = None,
    *,
    out: StrPath = "runs",
    settings: Optional[Dict[str, Any]] = None,
    start: Optional[str] = None,
    resume: Optional[StrPath] = None,
    progress: Optional[Callable[[Dict[str, str]], None]] = None,
    program: StrPath = "fervor",
) -> Path:
    """Trains a model and gives the path of its bundle, which :func:`fervor.load` takes.

    It runs the program ``fervor``, built with training in it (``cargo build --release --features train``).

    recipe: a recipe's name or file. data: a data set. out: the folder for runs. settings: single keys of the recipe, such as
    ``{"epochs": 5, "data.split": "80:10:10"}``. start: a model to start from. resume: the folder of a run to go on with.
    progress: called with a row of the run's log after each epoch. KeyboardInterrupt, also one that ``progress`` raises, ends the
    training after the batch that it is at; what is done is kept, and ``resume`` goes on with it.
    """
    found = shutil.which(os.fspath(program))
    if found is None:
        raise InputError(
            f"there is no program {os.fspath(program)!r} that trains",
            reason="missing",
            hint="build it with: cargo build --release --features train; and name it with program=",
        )
    if resume is not None:
        command = [found, "train", "--resume", os.fspath(resume)]
    elif recipe is not None and data is not None:
        command = [found, "train", os.fspath(recipe), "--data", os.fspath(data), "--out", os.fspath(out)]
    else:
        raise InputError("a recipe and data are needed, or a run to resume", reason="missing")
    for key, value in (settings or {}).items():
        text = json.dumps(value) if isinstance(value, (bool, int, float)) else str(value)
        command += ["--set", f"{key}={text}"]
    if start is not None:
        command += ["--from", start]
    begun = time.time()
    child = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    told = 0
    try:
        while True:
            try:
                answer, talk = child.communicate(timeout=0.5)
                break
            except subprocess.TimeoutExpired:
                if progress is not None:
                    told = _tell(_newest(Path(out), resume, begun), told, progress)
    except BaseException:
        # As Ctrl-C at a terminal: it writes a checkpoint and ends.
        child.send_signal(signal.SIGINT)
        child.communicate()
        raise
    run = _newest(Path(out), resume, begun)
    if progress is not None:
        _tell(run, told, progress)
    if child.returncode != 0:
        raise Error(talk.strip().removeprefix("error: ") or f"the training ended with exit code {child.returncode}")
    if run is None or not (run / "best.onnx").exists():
        raise Error("the training ended without a model", hint=talk.strip() or answer.strip() or None)
    return run / "best.onnx"


def _newest(out: Path, resume: Optional[StrPath], begun: float) -> Optional[Path]:
    """The folder of the run."""
    if resume is not None:
        return Path(resume)
    runs = [path.parent for path in out.glob("*/recipe.toml") if path.stat().st_mtime >= begun - 2]
    return max(runs, key=lambda path: path.stat().st_mtime, default=None)


def _tell(run: Optional[Path], told: int, progress: Callable[[Dict[str, str]], None]) -> int:
    """Hands on the rows of the log that are new; how many there are."""
    if run is None or not (run / "log.csv").exists():
        return told
    with open(run / "log.csv", newline="", encoding="utf-8") as log:
        rows = list(csv.DictReader(log))
    for row in rows[told:]:
        progress(row)
    return len(rows)
