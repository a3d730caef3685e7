#!/usr/bin/env python3
"""Other programs read the folder of a `fervor batch` job as one table: DuckDB, Polars, pandas, and Spark where it is installed. All
must count the same rows and faces.

    pip install duckdb polars pandas pyarrow [pyspark]
    fervor batch PICTURES --output rows
    python tools/read_batch.py rows
"""

import json
import sys
from pathlib import Path

import duckdb
import pandas
import polars

folder = Path(sys.argv[1])
lines = [json.loads(line) for manifest in folder.glob("_manifest*.jsonl") for line in manifest.read_text().splitlines()]
expected = (sum(line["rows"] for line in lines), sum(line["faces"] for line in lines))
print("manifest", expected)

parts = str(folder / "*.parquet")
seen = {
    "DuckDB": duckdb.sql(f"SELECT count(*), count(*) FILTER (face > 0) FROM '{parts}'").fetchall()[0],
    "Polars": polars.read_parquet(parts).pipe(lambda t: (len(t), t.filter(polars.col("face") > 0).height)),
    "pandas": pandas.read_parquet(folder).pipe(lambda t: (len(t), int((t["face"] > 0).sum()))),
}
try:
    from pyspark.sql import SparkSession

    spark = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
    table = spark.read.parquet(str(folder))
    seen["Spark"] = (table.count(), table.filter("face > 0").count())
except ImportError:
    print("Spark is not installed")
for name, counts in seen.items():
    print(name, counts)
    assert tuple(counts) == expected, name
