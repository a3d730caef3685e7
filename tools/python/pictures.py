"""Many different pictures in Parquet, made of a few photographs by small changes: what jobs on clusters are tried with.

    python tools/python/pictures.py PHOTOGRAPHS OUT --count 5000

Each is shifted in brightness and cut by a few pixels, so that none equals another; some are null, cut short or no picture at all.
"""

from __future__ import annotations

import argparse
import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image, ImageOps

ENDINGS = {".jpg", ".jpeg", ".png", ".webp"}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photographs", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--count", type=int, default=5000)
    parser.add_argument("--side", type=int, default=480, help="the longer side of the pictures [480]")
    parser.add_argument("--parts", type=int, default=10)
    asked = parser.parse_args()

    photographs = []
    for path in sorted(asked.photographs.rglob("*")):
        if path.suffix.lower() in ENDINGS:
            try:
                picture = ImageOps.exif_transpose(Image.open(path)).convert("RGB")
            except OSError:
                continue
            picture.thumbnail((asked.side, asked.side))
            photographs.append(picture)
    random = np.random.default_rng(1)
    asked.out.mkdir(parents=True)
    for part in range(asked.parts):
        ids = list(range(part, asked.count, asked.parts))
        cells = []
        for number in ids:
            picture = photographs[number % len(photographs)]
            left, top = (int(n) for n in random.integers(0, 6, 2))
            picture = picture.crop((left, top, picture.width - 1, picture.height - 1))
            picture = picture.point(lambda v, gain=random.uniform(0.85, 1.15): v * gain)
            file = io.BytesIO()
            picture.save(file, "JPEG", quality=int(random.integers(75, 95)))
            data = file.getvalue()
            cells.append({97: None, 197: data[: len(data) // 2], 297: b"not a picture"}.get(number % 401, data))
        table = pa.table({"id": pa.array(ids, pa.int64()), "image": pa.array(cells, pa.binary())})
        pq.write_table(table, asked.out / f"pictures-{part:03}.parquet", row_group_size=128, compression="none")
    print(f"{asked.count} pictures of {len(photographs)} photographs in {asked.parts} files: {asked.out}")


if __name__ == "__main__":
    main()
