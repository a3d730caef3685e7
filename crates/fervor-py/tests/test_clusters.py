"""What runs inside the workers of Ray and Spark; tools/python/clusters.py runs it there."""

from __future__ import annotations

import pickle

import pyarrow as pa
import pytest

import fervor
import fervor.ray
import fervor.spark


@pytest.fixture(scope="module")
def table(photo, blank):
    return pa.table({"id": [1, 2, 3, 4], "image": pa.array([photo.read_bytes(), blank, None, b"broken"], pa.binary())})


@pytest.fixture(scope="module")
def expected(table):
    return fervor.Analyzer(threads=1).analyze_table(table, keep=["id"], row_ids=False).to_arrow()


def test_an_actor_of_ray_answers_tables(table, expected):
    actor = pickle.loads(pickle.dumps(fervor.ray.Analyze(fervor.Analyzer(threads=1), "image", ["id"])))
    assert actor(table) == expected
    assert pa.concat_tables([actor(table.slice(row, 1)) for row in range(4)]).combine_chunks() == expected.combine_chunks()


def test_ray_is_asked_for_actors_that_leave_a_core():
    asked = {}

    class Dataset:
        def map_batches(self, what, **arguments):
            asked.update(arguments, what=what)
            return self

    fervor.ray.analyze(Dataset(), "picture", keep=["id"], concurrency=3, num_cpus=0.5, minimum_face=20)
    assert asked["what"] is fervor.ray.Analyze and (asked["concurrency"], asked["num_cpus"]) == (3, 0.5)
    analyzer, column, keep = asked["fn_constructor_args"]
    assert (analyzer.threads, column, keep) == (1, "picture", ("id",)) and asked["batch_format"] == "pyarrow"


def test_a_worker_of_spark_answers_batches_and_loads_its_model_once(table, expected):
    pickled = pickle.dumps(fervor.Analyzer(threads=1))
    look = fervor.spark._worker(pickled, "image", ["id"])
    batches = table.to_batches(max_chunksize=1)
    assert pa.Table.from_batches(look(iter(batches))).combine_chunks() == expected.combine_chunks()
    held = fervor.spark._HERE[pickled]
    list(fervor.spark._worker(pickled, "image", ["id"])(iter(batches[:1])))
    assert fervor.spark._HERE[pickled] is held
