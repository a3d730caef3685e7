"""Threads, forks, other processes, signals."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest

import fervor


def look(job):
    analyzer, path = job
    answer = analyzer.analyze(path)
    return os.getpid(), answer


def test_an_analyzer_pickles_as_its_settings(photo):
    analyzer = fervor.Analyzer("fervor-nano", faces="detect", threads=1, detail=True, threshold=0.6, minimum_face=20)
    pickled = pickle.dumps(analyzer)
    assert len(pickled) < 500
    again = pickle.loads(pickled)
    assert repr(again) == repr(analyzer) and again.model == analyzer.model
    assert pickle.dumps(again) == pickled and again.analyze(photo) == analyzer.analyze(photo)


def test_a_bundle_pickles_by_path_and_hash(tmp_path, monkeypatch):
    source = next((p for p in __import__("conftest").ROOT.glob("crates/fervor/models/*/fervor-nano.onnx")))
    file = tmp_path / "mine.onnx"
    file.write_bytes(source.read_bytes())
    monkeypatch.chdir(tmp_path)
    model = fervor.load("mine.onnx")
    pickled = pickle.dumps(fervor.Analyzer(model))
    assert len(pickled) < 600
    monkeypatch.chdir("/")
    assert pickle.loads(pickled).model == model
    other = __import__("conftest").ROOT / "crates/fervor/models/fervor-48/fervor-48.onnx"
    file.write_bytes(other.read_bytes())
    with pytest.raises(fervor.ModelError, match="another one") as raised:
        pickle.loads(pickled)
    assert raised.value.reason == "changed"
    held = fervor.load(source.read_bytes())
    assert pickle.loads(pickle.dumps(held)) == held


@pytest.mark.parametrize("way", ["fork", "spawn", "forkserver"])
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_workers_answer_also_after_a_fork_of_a_process_that_has_answered(photo, way, threads):
    analyzer = fervor.Analyzer(threads=threads)
    here = analyzer.analyze(photo)
    with ProcessPoolExecutor(2, multiprocessing.get_context(way)) as pool:
        done = list(pool.map(look, [(analyzer, str(photo))] * 4, timeout=60))
    assert all(answer == here for _, answer in done) and os.getpid() not in {process for process, _ in done}


def test_a_fork_that_inherits_the_analyzer_answers(analyzer, photo):
    here = analyzer.analyze(photo)
    process = os.fork()
    if process == 0:
        # A child that waits for threads of its parent would hang for ever.
        signal.alarm(50)
        os._exit(0 if analyzer.analyze(photo) == here and len(analyzer.analyze_batch([photo] * 3)) == 3 else 1)
    assert os.waitpid(process, 0)[1] == 0


def test_threads_of_python_share_one_analyzer(photo):
    for threads in (1, 2):
        analyzer = fervor.Analyzer(threads=threads)
        here = analyzer.analyze(photo)
        with ThreadPoolExecutor(8) as pool:
            assert all(answer == here for answer in pool.map(analyzer.analyze, [photo] * 24))


def test_the_interpreter_runs_on_while_a_picture_is_looked_at(photo):
    analyzer = fervor.Analyzer(threads=1)
    analyzer.analyze(photo)
    ticks, stop = 0, threading.Event()

    def count():
        nonlocal ticks
        while not stop.is_set():
            ticks += 1
            time.sleep(0.001)

    thread = threading.Thread(target=count)
    thread.start()
    analyzer.analyze_batch([photo] * 20)
    stop.set()
    thread.join()
    assert ticks > 5


def test_ctrl_c_ends_a_batch(photo):
    program = (
        "import fervor, itertools, sys\n"
        "analyzer = fervor.Analyzer(threads=1)\n"
        "print('begun', flush=True)\n"
        f"analyzer.analyze_batch(itertools.repeat({str(photo)!r}))\n"
    )
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    child.stdout.readline()
    time.sleep(0.5)
    child.send_signal(signal.SIGINT)
    _, talk = child.communicate(timeout=60)
    assert "KeyboardInterrupt" in talk and child.returncode != 0


def test_the_default_of_threads(monkeypatch):
    from fervor import _threads

    monkeypatch.delenv("FERVOR_THREADS", raising=False)
    assert _threads.default_threads() == len(os.sched_getaffinity(0))
    monkeypatch.setenv("FERVOR_THREADS", "3")
    assert _threads.default_threads() == 3
    monkeypatch.setenv("FERVOR_THREADS", "many")

    class Worker:
        mode = 1

    class Ray:
        class _private:
            class worker:
                global_worker = Worker

    monkeypatch.setitem(sys.modules, "ray", Ray)
    assert _threads.default_threads() == 1
