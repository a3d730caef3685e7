"""What the wheel costs: the overhead of a call, how it scales over threads and processes, and its memory.

    python tools/python/speed.py [PICTURE]

The wheel is one of `maturin build --release`. Figures are medians; of a machine with other work, compare only within a run.
"""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

import fervor

ROOT = Path(__file__).resolve().parents[2]


def median(work, times=30):
    def once():
        begun = time.perf_counter()
        work()
        return time.perf_counter() - begun

    work()
    return statistics.median(once() for _ in range(times))


def memory(program):
    """The most memory of a program of Python, in MiB."""
    program = f"{program}\nimport resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)"
    return float(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout)


def main():
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "examples" / "astronaut.png"
    data = path.read_bytes()
    pixels = np.asarray(Image.open(path).convert("RGB"))
    crop = np.asarray(Image.open(ROOT / "examples" / "astronaut.png").convert("L").crop((178, 63, 270, 174)).resize((48, 48)))
    cores = len(os.sched_getaffinity(0))

    one, nano = fervor.Analyzer(threads=1), fervor.Analyzer("fervor-nano", threads=1, faces="whole")
    begun = time.perf_counter()
    fervor.Analyzer(threads=1).analyze(crop)
    print(f"first answer of a new analyzer     {1e3 * (time.perf_counter() - begun):7.1f} ms")
    print(f"a crop, fervor-nano, taken whole   {1e3 * median(lambda: nano.analyze(crop), 300):7.3f} ms: the overhead of a call and 0.2 ms of network")
    print(f"the photograph as pixels           {1e3 * median(lambda: one.analyze(pixels)):7.2f} ms, one thread")
    print(f"the photograph as a file           {1e3 * median(lambda: one.analyze(data)):7.2f} ms, one thread")

    many = 60
    alone = median(lambda: [one.analyze(pixels) for _ in range(many)], 3)
    print(f"{many} photographs, one thread          {many / alone:7.1f} a second")
    for threads in sorted({2, cores}):
        with ThreadPoolExecutor(threads) as pool:
            spent = median(lambda: list(pool.map(one.analyze, [pixels] * many)), 3)
        print(f"{threads} threads of Python, threads=1      {many / spent:7.1f} a second, {alone / spent:.2f} times")
        pooled = fervor.Analyzer(threads=threads)
        spent = median(lambda: pooled.analyze_batch([pixels] * many), 3)
        print(f"analyze_batch, threads={threads}           {many / spent:7.1f} a second, {alone / spent:.2f} times")

    print(f"memory: Python alone               {memory(''):7.1f} MiB")
    print(f"memory: import fervor              {memory('import fervor'):7.1f} MiB")
    answered = f"import fervor; fervor.Analyzer(threads=1).analyze({str(path)!r})"
    print(f"memory: one answer                 {memory(answered):7.1f} MiB")
    batch = f"import fervor; fervor.Analyzer(threads=1).analyze_batch([{str(path)!r}] * 200)"
    print(f"memory: 200 answers of a batch     {memory(batch):7.1f} MiB")
    print(f"memory: this program               {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:7.1f} MiB")


if __name__ == "__main__":
    main()
