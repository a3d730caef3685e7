# pyright: strict, reportUnknownMemberType=true, reportUnknownVariableType=true, reportUnknownArgumentType=true
"""A program that type checkers look at, and nobody runs: what a strict one sees of the package."""

from __future__ import annotations

import io
from pathlib import Path
from typing import List, Optional

import fervor


def words(folder: Path) -> List[str]:
    analyzer = fervor.Analyzer("fervor-48", faces="auto", threads=2)
    answers = analyzer.analyze_batch(sorted(folder.glob("*.jpg")))
    first: fervor.Answer = answers[0]
    box: fervor.Box = first[0].box
    width: float = box.width + box[2]
    error: Optional[fervor.Error] = first.error
    hint = error.hint if error is not None else None
    return [face.words for answer in answers for face in answer] + [str(width), hint or ""]


def forms(analyzer: fervor.Analyzer) -> None:
    for answer in (
        analyzer.analyze("a.png"),
        analyzer.analyze(Path("a.png")),
        analyzer.analyze(b"", order="bgr"),
        analyzer.analyze(io.BytesIO()),
        analyzer.analyze(memoryview(b"")),
    ):
        share: Optional[float] = answer.confidence
        print(share, answer.main.label if answer.main else "nobody")


def film(path: Path) -> List[str]:
    analyzer = fervor.Analyzer()
    shown = [f"{frame.time} {track.id} {face.words}" for frame in analyzer.video(path) for face, track in zip(frame.faces, frame.tracks)]
    timeline: fervor.Timeline = analyzer.timeline(path, every=0.1, progress=print)
    timeline.write("episodes.vtt")
    return shown + [timeline.ended or ""]


def lab(data: Path) -> float:
    if fervor.audit(data, faces="whole").has_errors:
        raise SystemExit("mend it first")
    best = fervor.train("finetune", data, settings={"epochs": 3})
    low, high = fervor.evaluate(fervor.load(best), data, map={"joy": "happy", "other": None}).accuracy_ci95
    return high - low
