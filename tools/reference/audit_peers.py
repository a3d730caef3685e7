"""Compares `fervor audit` with cleanvision and imagededup (PyPI) on one folder: time, and what each finds.

    pip install cleanvision imagededup
    python tools/reference/audit_peers.py FOLDER --fervor target/release/fervor

All look for blank, dark, bright, blurred, odd-sized and grey pictures, for exact and for near-duplicates; imagededup for
duplicates only. One run each, two processes or threads. Processor time is that of each tool with its children.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

CLEANVISION = """
import sys
from cleanvision import Imagelab
lab = Imagelab(data_path=sys.argv[1])
lab.find_issues(n_jobs=2, verbose=False)
print({issue: int(lab.issues[f"is_{issue}_issue"].sum()) for issue in lab.issue_summary["issue_type"]})
"""
IMAGEDEDUP = """
import sys
from imagededup.methods import PHash
hasher = PHash(verbose=False)
found = hasher.find_duplicates(image_dir=sys.argv[1], recursive=True, max_distance_threshold=10,
                               num_enc_workers=2, num_dist_workers=2)
print({"pictures with a near or exact copy": sum(bool(copies) for copies in found.values())})
"""


def timed(name, command):
    start, before = time.time(), resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wall, after = time.time() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if done.returncode not in (0, 1):
        sys.exit(f"{name}: {done.stderr[-2000:]}")
    print(f"{name:<12}{wall:>9.1f} s wall{cpu:>9.1f} s processor   load {os.getloadavg()[0]:.1f}", flush=True)
    return done.stdout, wall, cpu


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--fervor", default="fervor")
    args = parser.parse_args()
    out, wall, cpu = timed("fervor", [args.fervor, "audit", str(args.folder), "--threads", "2", "--format", "json"])
    for finding in json.loads(out)["findings"]:
        print(f"    {finding['level']:<8}{finding['title']}")
    for name, code in (("cleanvision", CLEANVISION), ("imagededup", IMAGEDEDUP)):
        out, theirs, their_cpu = timed(name, [sys.executable, "-c", code, str(args.folder)])
        print(f"    {out.strip().splitlines()[-1]}")
        print(f"    {theirs / wall:.1f} times fervor's wall time, {their_cpu / cpu:.1f} times its processor time")


if __name__ == "__main__":
    main()
