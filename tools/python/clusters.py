"""Runs the same pictures through one process, Ray and Spark, with a worker killed in the middle, and compares all rows to the bit.

    pip install 'ray[data]' pyspark pyarrow pandas dist/fervor-*.whl
    python tools/python/pictures.py PHOTOGRAPHS pictures --count 5000
    python tools/python/clusters.py pictures
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

import fervor

ROOT = Path(__file__).resolve().parents[2]


def rows(folder):
    """All rows in an order of their own, without what writers add to schemas."""
    table = pa.concat_tables(pq.read_table(path) for path in sorted(Path(folder).glob("*.parquet")))
    return table.sort_by([("id", "ascending"), ("face", "ascending")]).replace_schema_metadata().combine_chunks()


def own(process):
    """The memory in MiB that a process has for itself: what is shared, as Ray's store of objects is, would count many times."""
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Private_")) / 1024


def workers(of, mark):
    """Processes below the process `of` whose command line has `mark`, with the memory of each in MiB; and that of all processes."""
    below = {of}
    table = subprocess.run(["ps", "-eo", "pid,ppid,args"], capture_output=True, text=True, check=True).stdout.splitlines()[1:]
    lines = [(*map(int, line.split()[:2]), line) for line in table]
    for _ in range(8):
        below |= {pid for pid, parent, _ in lines if parent in below}
    return {pid: own(pid) for pid, _, line in lines if pid in below and mark in line}, sum(map(own, below))


def run(name, script, arguments, mark, kill_after):
    """Runs an example, kills one of its workers on the way, and says how long it took."""
    out = Path(arguments[1])
    shutil.rmtree(out, ignore_errors=True)
    begun = time.monotonic()
    child = subprocess.Popen([sys.executable, str(ROOT / "examples" / script), *arguments], stderr=subprocess.DEVNULL)
    killed, most, together = [], 0.0, 0.0
    while child.poll() is None:
        time.sleep(1)
        there, everything = workers(child.pid, mark)
        most, together = max([most, *there.values()]), max(together, everything)
        if kill_after and not killed and there and time.monotonic() - begun > kill_after:
            killed.append(max(there))
            os.kill(killed[0], signal.SIGKILL)
    code = child.returncode
    assert code == 0, f"{name} ended with {code}"
    note = f", worker {killed[0]} killed on the way" if killed else ""
    assert bool(killed) == bool(kill_after), f"{name}: no worker was found to be killed"
    print(f"{name:28} {time.monotonic() - begun:6.1f} s, at most {most:.0f} MiB a worker, {together:.0f} in all{note}", flush=True)
    return rows(out)


def by_program(program, pictures, out):
    """The rows of `fervor batch`, with the ids that stand in its inputs: a file's row is what its row_id counts."""
    shutil.rmtree(out, ignore_errors=True)
    begun = time.monotonic()
    files = map(str, sorted(pictures.glob("*.parquet")))
    command = [program, "batch", *files, "--column", "image", "--output", str(out)]
    # Broken pictures are rows, and tell in the exit code.
    assert subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode in (0, 1)
    print(f"{'fervor batch':28} {time.monotonic() - begun:6.1f} s", flush=True)
    table = pa.concat_tables(pq.read_table(path) for path in sorted(out.glob("part-*.parquet")))
    ids = {path.name: pq.read_table(path, columns=["id"])["id"].to_pylist() for path in pictures.glob("*.parquet")}
    names = (Path(source).name.split("#")[0] for source in table["source"].to_pylist())
    found = pa.array([ids[name][row] for name, row in zip(names, table["row_id"].to_pylist())], pa.int64())
    table = table.append_column("id", found).sort_by([("id", "ascending"), ("face", "ascending")])
    return table.drop_columns(["source", "row_id"]).replace_schema_metadata().combine_chunks()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--out", type=Path, default=Path("target/clusters"))
    parser.add_argument("--without", nargs="*", default=[], choices=["ray", "spark"])
    parser.add_argument("--kill-after", type=float, default=15.0, help="seconds [15]; Ray and Spark take some ten to start")
    parser.add_argument("--batch", help="the program fervor, whose rows are to be the same, too")
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)

    begun, worked = time.monotonic(), time.process_time()
    analyzer = fervor.Analyzer()
    parts = []
    for path in sorted(asked.pictures.glob("*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(64):
            parts.append(analyzer.analyze_table(batch, "image", keep=["id"], row_ids=False).to_arrow())
    alone = pa.concat_tables(parts).sort_by([("id", "ascending"), ("face", "ascending")])
    alone = alone.replace_schema_metadata().combine_chunks()
    spent = time.monotonic() - begun
    pictures = len(set(alone["id"].to_pylist()))
    errors = alone.num_rows - alone["error"].null_count
    worked = time.process_time() - worked
    print(f"{'one process':28} {spent:6.1f} s: {pictures} pictures, {alone.num_rows} rows, {errors} errors", flush=True)
    print(f"{'':28} {worked:6.1f} s of processor time: {3600 * pictures / worked:,.0f} pictures in a core's hour", flush=True)

    if asked.batch:
        found = by_program(asked.batch, asked.pictures, asked.out / "batch")
        assert found.select(sorted(found.column_names)).equals(alone.select(sorted(found.column_names))), "fervor batch: other rows"
        print(f"{'':28} the same {found.num_rows} rows, to the bit", flush=True)

    common = [str(asked.pictures)]
    jobs = []
    if "ray" not in asked.without:
        flags = ["--keep", "id", "--actors", "2", "--cpus", "0.5"]
        jobs += [("Ray, two actors", "ray_pictures.py", flags, "MapWorker", kill) for kill in (0, asked.kill_after)]
    if "spark" not in asked.without:
        flags = ["--keep", "id", "--master", "local[2,8]"]
        jobs += [("Spark local[2]", "spark_pictures.py", flags, "pyspark.daemon", kill) for kill in (0, asked.kill_after)]
    for number, (name, script, flags, mark, kill) in enumerate(jobs):
        found = run(name, script, [*common, str(asked.out / f"{number}"), *flags], mark, kill)
        assert found.schema.names == alone.schema.names, found.schema.names
        found = found.cast(alone.schema)
        assert found.equals(alone), f"{name}: other rows, {found.num_rows} instead of {alone.num_rows}"
        print(f"{'':28} the same {found.num_rows} rows, to the bit", flush=True)


if __name__ == "__main__":
    main()
