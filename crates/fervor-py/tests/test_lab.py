"""Data sets: audit, scores, training."""

from __future__ import annotations

import _thread
import os
import signal
import stat
import time

import numpy as np
import pytest
from PIL import Image

import fervor


@pytest.fixture(scope="module")
def crops(tmp_path_factory, photo):
    """A data set of crops: happy ones of the photograph, neutral ones of noise, and a broken file."""
    root = tmp_path_factory.mktemp("data")
    face = Image.open(photo).convert("L").crop((178, 63, 270, 174))
    random = np.random.default_rng(1)
    for part in ("train", "test"):
        for label in ("happy", "neutral"):
            (root / part / label).mkdir(parents=True)
        for number in range(6):
            crop = face.rotate(number if part == "train" else -number - 1).resize((48, 48))
            crop.save(root / part / "happy" / f"{number}.png")
            noise = random.integers(0, 255, (48, 48), np.uint8)
            Image.fromarray(noise).save(root / part / "neutral" / f"{number}.png")
    (root / "test" / "happy" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    return root


def test_the_audit_finds_the_broken_file(crops, tmp_path):
    told = []
    audit = fervor.audit(crops, progress=lambda done, total: told.append((done, total)))
    assert audit.has_errors and any("broken.png" in str(finding) for finding in audit.findings)
    assert audit.to_dict()["schema"] == "fervor.audit/1" and "broken.png" in str(audit)
    assert told and "findings" in repr(audit) and audit._repr_html_().startswith("<pre>")
    audit.write(tmp_path / "audit")
    assert (tmp_path / "audit" / "index.html").exists()


def test_a_model_is_scored(crops, tmp_path):
    scores = fervor.evaluate("fervor-48", crops, split="test")
    assert scores.n == 12 and 0 <= scores.accuracy <= 1 and scores.accuracy_ci95[0] <= scores.accuracy <= scores.accuracy_ci95[1]
    report = scores.to_dict()
    assert report["schema"] == "fervor.report/1" and report["accuracy"] == pytest.approx(scores.accuracy)
    assert "95 %" in repr(scores) and "accuracy" in scores.text and scores.predictions().startswith("id,truth")
    scores.write(tmp_path / "report")
    assert (tmp_path / "report" / "index.html").exists()
    chosen = fervor.evaluate(fervor.load("fervor-nano"), crops, split="test", classes=["happy", "neutral"])
    assert chosen.accuracy >= 0.5
    left = fervor.evaluate("fervor-48", crops, map={"neutral": None})
    assert left.n == 6


def test_wrong_data_say_what_is_right(crops, tmp_path):
    with pytest.raises(fervor.DataError) as raised:
        fervor.audit(tmp_path / "nothing")
    assert raised.value.reason == "missing"
    with pytest.raises(fervor.DataError, match="train"):
        fervor.evaluate("fervor-48", crops, split="validation")
    with pytest.raises(fervor.Error):
        fervor.evaluate("fervor-48", crops, split="some")

    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fervor.audit(crops, progress=interrupt)


@pytest.fixture
def ctrl_c():
    """Python's own handler, which it leaves out where the shell has begun it in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_ctrl_c_stops_scoring_and_the_audit_at_once(tmp_path):
    rows = [" ".join(str((x * k) % 251) for x in range(48 * 48)) for k in (3, 5, 7)]
    data = tmp_path / "many.csv"
    lines = [f"{i % 7},{rows[i % 3]},PublicTest" for i in range(1200)]
    data.write_text("emotion,pixels,Usage\n" + "\n".join(lines) + "\n")
    for work in (lambda heard: fervor.evaluate("fervor-48", data, progress=heard), lambda heard: fervor.audit(data, progress=heard)):
        told = []

        def heard(done, total):
            if not told:
                _thread.interrupt_main()
            told.append((done, total))
            time.sleep(0.1)

        with pytest.raises(KeyboardInterrupt):
            work(heard)
        assert all(done < total for done, total in told)


def test_training_without_its_program_says_how_to_build_it(crops):
    with pytest.raises(fervor.InputError, match="--features train"):
        fervor.train("finetune", crops, program="no-such-program")
    with pytest.raises(fervor.InputError, match="recipe"):
        fervor.train(program="true")


def test_training_drives_the_program(tmp_path):
    """A program that behaves as `fervor train` does: a run's folder, a log that grows, a bundle; SIGINT ends it early."""
    program = tmp_path / "fervor"
    program.write_text(
        "#!/usr/bin/env python3\n"
        "import os, signal, sys, time\n"
        "run = os.path.join(sys.argv[sys.argv.index('--out') + 1], 'run-1')\n"
        "os.makedirs(run)\n"
        "open(run + '/recipe.toml', 'w').write(' '.join(sys.argv))\n"
        "open(run + '/log.csv', 'w').write('epoch,loss\\n1,0.5\\n')\n"
        "def stop(*_):\n"
        "    open(run + '/stopped', 'w').close()\n"
        "    sys.exit(130)\n"
        "signal.signal(signal.SIGINT, stop)\n"
        "time.sleep(30 if 'slow' in sys.argv else 1)\n"
        "open(run + '/log.csv', 'a').write('2,0.4\\n')\n"
        "open(run + '/best.onnx', 'w').close()\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IEXEC)
    rows = []
    out = tmp_path / "runs"
    made = fervor.train("quick", "data", out=out, settings={"epochs": 2, "name": "x"}, progress=rows.append, program=program)
    assert made == out / "run-1" / "best.onnx" and [row["epoch"] for row in rows] == ["1", "2"]
    assert "--set epochs=2 --set name=x" in (out / "run-1" / "recipe.toml").read_text()

    def interrupt(row):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fervor.train("slow", "data", out=tmp_path / "other", progress=interrupt, program=program)
    assert (tmp_path / "other" / "run-1" / "stopped").exists() and not os.path.exists(tmp_path / "other" / "run-1" / "best.onnx")
