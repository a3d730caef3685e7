"""Pictures in Parquet to faces in Parquet, by Spark: on this machine, or on the cluster that spark-submit names.

    pip install pyspark pyarrow pandas fervor
    python examples/spark_pictures.py PICTURES FACES --column image --keep id --master 'local[2]'
"""

from __future__ import annotations

import argparse
import os
import sys
import time

from pyspark.sql import SparkSession

import fervor.spark


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", help="a folder of Parquet with a column of pictures")
    parser.add_argument("faces", help="a folder for the rows")
    parser.add_argument("--column", default="image", help="where the pictures are [image]")
    parser.add_argument("--keep", nargs="*", default=[], help="columns that the rows are to have, too")
    parser.add_argument("--model", default=None, help="a built-in model's name, or a bundle's path on every machine")
    parser.add_argument("--master", default=None, help="as spark-submit takes it")
    asked = parser.parse_args()

    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    builder = SparkSession.builder.appName("fervor")
    if asked.master:
        builder = builder.master(asked.master).config("spark.sql.files.maxPartitionBytes", "32m")
    spark = builder.getOrCreate()
    begun = time.monotonic()
    pictures = spark.read.parquet(asked.pictures)
    rows = fervor.spark.analyze(pictures, asked.column, keep=asked.keep, model=asked.model)
    rows.write.mode("overwrite").parquet(asked.faces)
    print(f"done in {time.monotonic() - begun:.1f} s: {asked.faces}")
    spark.stop()


if __name__ == "__main__":
    main()
