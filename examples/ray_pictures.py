"""Pictures in Parquet to faces in Parquet, by Ray: on this machine, or on the cluster that RAY_ADDRESS names.

    pip install 'ray[data]' fervor
    python examples/ray_pictures.py PICTURES FACES --column image --keep id
"""

from __future__ import annotations

import argparse
import time

import ray

import fervor.ray


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", help="a folder of Parquet with a column of pictures")
    parser.add_argument("faces", help="a folder for the rows")
    parser.add_argument("--column", default="image", help="where the pictures are [image]")
    parser.add_argument("--keep", nargs="*", default=[], help="columns that the rows are to have, too")
    parser.add_argument("--model", default=None, help="a built-in model's name, or a bundle's path on every machine")
    parser.add_argument("--actors", type=int, default=None, help="how many [one less than the cluster has cores]")
    parser.add_argument("--cpus", type=float, default=1, help="of each actor [1]")
    asked = parser.parse_args()

    ray.init(log_to_driver=False)
    begun = time.monotonic()
    pictures = ray.data.read_parquet(asked.pictures)
    rows = fervor.ray.analyze(
        pictures, asked.column, keep=asked.keep, model=asked.model, concurrency=asked.actors, num_cpus=asked.cpus
    )
    rows.write_parquet(asked.faces)
    print(f"done in {time.monotonic() - begun:.1f} s: {asked.faces}")


if __name__ == "__main__":
    main()
