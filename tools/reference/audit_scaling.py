"""Times `fervor audit` on 8 k, 32 k and 128 k pictures: FER-2013's own and altered copies of them.

    python tools/reference/audit_scaling.py FER_FOLDER OUT --fervor target/release/fervor

FER_FOLDER is the folder form that tools/unpack-data writes. OUT (about 600 MB) gets one folder for each size. Prints wall time,
processor time and peak memory; growth is the processor time a picture against that of the smallest set.
"""

import argparse
import os
import random
import subprocess
import time
from pathlib import Path

from PIL import Image, ImageEnhance, ImageOps

SIZES = (8_000, 32_000, 128_000)


def altered(picture, rng):
    """A picture that looks like another one: turned, cropped, mirrored, of other contrast."""
    picture = picture.rotate(rng.uniform(-25, 25), Image.Resampling.BILINEAR, fillcolor=rng.randint(0, 255))
    x, y = rng.randint(0, 12), rng.randint(0, 12)
    side = rng.randint(28, 48 - max(x, y))
    picture = picture.crop((x, y, x + side, y + side)).resize((48, 48), Image.Resampling.BICUBIC)
    if rng.random() < 0.5:
        picture = ImageOps.mirror(picture)
    return ImageEnhance.Contrast(picture).enhance(rng.uniform(0.6, 1.5))


def make(files, source, out, size, rng):
    if out.exists():
        return
    for number in range(size):
        path = files[number % len(files)]
        target = out / path.relative_to(source).parent / f"{number}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        if number < len(files):
            target.write_bytes(path.read_bytes())
        else:
            altered(Image.open(path), rng).save(target)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("source", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--fervor", default="fervor")
    parser.add_argument("--threads", default="2")
    args = parser.parse_args()
    rng = random.Random(0)
    files = sorted(args.source.rglob("*.png"))
    rng.shuffle(files)
    base = None
    print(f"{'pictures':>9}{'wall s':>9}{'cpu s':>8}{'MB':>7}{'cpu us a picture':>18}{'growth':>8}   load {os.getloadavg()[0]:.1f}")
    for size in SIZES:
        folder = args.out / str(size)
        make(files, args.source, folder, size, rng)
        start = time.time()
        process = subprocess.Popen([args.fervor, "audit", str(folder), "--threads", args.threads], stdout=subprocess.DEVNULL)
        _, _, usage = os.wait4(process.pid, 0)
        peak = usage.ru_maxrss / 1024
        wall = time.time() - start
        cpu = usage.ru_utime + usage.ru_stime
        each = 1e6 * cpu / size
        base = base or each
        print(f"{size:>9}{wall:>9.1f}{cpu:>8.1f}{peak:>7.0f}{each:>18.0f}{each / base:>8.2f}", flush=True)


if __name__ == "__main__":
    main()
