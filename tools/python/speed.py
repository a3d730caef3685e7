"""What the wheel costs: the overhead of a call, how it scales over threads and processes, and its memory.

    python tools/python/speed.py [PICTURE]

The wheel is one of `maturin build --release`. Times of one thread are processor time, which other work on the machine hardly changes;
those of several threads are by the clock, and mean something on a quiet machine alone.
"""

from __future__ import annotations

import io
import os
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


def median(work, times=30, clock=time.process_time):
    def once():
        begun = clock()
        work()
        return clock() - begun

    work()
    return statistics.median(once() for _ in range(times))


def memory(program):
    """The most memory of a program of Python, in MiB."""
    # Not what getrusage says, which also counts the process that this one was forked from.
    program += "\nprint(next(int(line.split()[1]) for line in open('/proc/self/status') if line.startswith('VmHWM')) / 1024)"
    return float(subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout)


def main():
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "examples" / "astronaut.png"
    data = path.read_bytes()
    pixels = np.asarray(Image.open(path).convert("RGB"))
    crop = np.asarray(Image.open(ROOT / "examples" / "astronaut.png").convert("L").crop((178, 63, 270, 174)).resize((48, 48)))
    cores = len(os.sched_getaffinity(0))

    one, nano = fervor.Analyzer(threads=1), fervor.Analyzer("fervor-nano", threads=1, faces="whole")
    begun = time.process_time()
    fervor.Analyzer(threads=1).analyze(crop)
    print(f"first answer of a new analyzer     {1e3 * (time.process_time() - begun):7.1f} ms")
    each = (nano.analyze(crop) for _ in range(400))
    print(f"a crop, fervor-nano, taken whole   {1e3 * median(lambda: next(each), 300):7.3f} ms: the call, and the network in it")
    print(f"the photograph as pixels           {1e3 * median(lambda: one.analyze(pixels)):7.2f} ms, one thread")
    print(f"the photograph as a file           {1e3 * median(lambda: one.analyze(data)):7.2f} ms, one thread")

    many = 60
    spent = median(lambda: [one.analyze(data) for _ in range(many)], 3)
    print(f"files in a core's second           {many / spent:7.1f}, or {3600 * many / spent:,.0f} in an hour")
    for width, height in ((640, 480), (1920, 1080), (4000, 3000)):
        file = io.BytesIO()
        Image.fromarray(pixels).resize((width, height)).save(file, "JPEG", quality=90)
        spent = median(lambda held=file.getvalue(): one.analyze(held), 12)
        size = f"as JPEG, {width} x {height}"
        print(f"{size:34} {1e3 * spent:7.1f} ms, {3600 / spent:,.0f} in a core's hour")
    wall = time.perf_counter
    alone = median(lambda: [one.analyze(pixels) for _ in range(many)], 3, wall)
    for threads in sorted({2, cores}):
        with ThreadPoolExecutor(threads) as pool:
            spent = median(lambda: list(pool.map(one.analyze, [pixels] * many)), 3, wall)
        print(f"{threads} threads of Python, threads=1      {many / spent:7.1f} a second, {alone / spent:.2f} times")
        pooled = fervor.Analyzer(threads=threads)
        spent = median(lambda: pooled.analyze_batch([pixels] * many), 3, wall)
        print(f"analyze_batch, threads={threads}           {many / spent:7.1f} a second, {alone / spent:.2f} times")

    print(f"memory: Python alone               {memory(''):7.1f} MiB")
    print(f"memory: import fervor              {memory('import fervor'):7.1f} MiB")
    answered = f"import fervor; fervor.Analyzer(threads=1).analyze({str(path)!r})"
    print(f"memory: one answer                 {memory(answered):7.1f} MiB")
    batch = f"import fervor; fervor.Analyzer(threads=1).analyze_batch([{str(path)!r}] * 200)"
    print(f"memory: 200 answers of a batch     {memory(batch):7.1f} MiB")


if __name__ == "__main__":
    main()
