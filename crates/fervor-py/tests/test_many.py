"""Many pictures: lists and tables."""

from __future__ import annotations

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import fervor

COLUMNS = ["source", "row_id", "width", "height", "face", "x", "y", "w", "h", "score", "landmarks", "label", "confidence", "uncertain"]


@pytest.fixture(scope="module")
def answers(analyzer, photo, blank):
    return analyzer.analyze_batch([photo, b"not a picture", blank, None, np.zeros((4, 4)), "/no/such.png"])


def test_each_picture_has_an_answer_or_an_error(answers, photo):
    assert [answer.ok for answer in answers] == [True, False, True, False, False, False]
    reasons = [answer.error.reason for answer in answers.errors]
    assert reasons == ["not_a_picture", "empty", "wrong_type", "missing"]
    assert isinstance(answers[1].error, fervor.InputError) and answers[0].source == str(photo)
    assert repr(answers) == "<fervor.Answers: 6 pictures, 1 faces, 4 without an answer>"
    assert answers[5].error.hint is None or answers[5].error.hint
    assert pickle.loads(pickle.dumps(answers)) == answers
    assert "looks happy" in answers._repr_html_()


def test_a_batch_answers_as_one_picture_alone(analyzer, photo, answers):
    assert answers[0] == analyzer.analyze(photo)
    many = analyzer.analyze_batch(photo for _ in range(70))
    assert len(many) == 70 and all(answer == answers[0] for answer in many)


def test_names_may_be_given(analyzer, blank):
    assert [answer.source for answer in analyzer.analyze_batch([blank, blank], sources=["a", "b"])] == ["a", "b"]
    with pytest.raises(fervor.InputError, match="fewer names"):
        analyzer.analyze_batch([blank, blank], sources=["a"])
    assert analyzer.analyze_batch([]) == []


def test_answers_are_rows_of_every_kind_of_frame(answers, analyzer):
    table = answers.to_table()
    assert len(table) == 6 and table.column_names[:14] == COLUMNS and table.metadata["fervor.schema"] == "fervor.rows/1"
    arrow = pa.table(table)
    assert arrow.num_rows == 6 and arrow.schema.metadata[b"fervor.sha256"].decode() == analyzer.model.sha256
    assert pa.record_batch(table).num_rows == 6 and arrow == answers.to_arrow()
    frame = answers.to_pandas()
    assert list(frame["face"].fillna(0)) == [1, 0, -1, 0, 0, 0] and list(frame["row_id"]) == list(range(6))
    assert frame["label"][0] == "happy" and frame["error"].notna().sum() == 4 and frame["p_happy"].dtype == "float32"
    assert frame["p_happy"][0] == np.float32(answers[0][0].probabilities["happy"])
    polars = answers.to_polars()
    assert polars.filter(pl.col("label") == "happy").height == 1 and polars["landmarks"][0].len() == 10
    assert pl.DataFrame(table).equals(polars)
    assert answers[0].to_arrow().num_rows == 1 and answers[2].to_pandas()["face"][0] == -1


def test_pandas_is_enough(answers, monkeypatch):
    from fervor import _frames

    whole = answers.to_pandas()
    monkeypatch.setattr(_frames, "find_spec", lambda name: None)
    alone = answers.to_pandas()
    assert list(alone.columns) == list(whole.columns)
    assert (alone["p_happy"].dtype, alone["label"][0]) == ("float32", "happy")
    assert alone["confidence"][0] == whole["confidence"][0]


def test_without_pyarrow_columns_that_are_kept_stay_what_they_are(analyzer, blank, monkeypatch):
    from fervor import _frames

    monkeypatch.setattr(_frames, "find_spec", lambda name: None)
    columns = {"p_id": [16777217, 16777219], "p_name": ["a", "b"], "x": [1.5, 2.5], "image": [blank, blank]}
    frame = analyzer.analyze_table(pa.table(columns), "image", keep=["p_id", "p_name"]).to_pandas()
    assert list(frame["p_id"]) == columns["p_id"] and list(frame["p_name"]) == columns["p_name"]
    assert frame["p_happy"].dtype == "float32"


def test_a_table_needs_answers_of_one_model(answers, analyzer, photo):
    with pytest.raises(fervor.InputError, match="no answers"):
        fervor.Answers([]).to_table()
    other = fervor.Analyzer("fervor-48-votes").analyze(photo)
    with pytest.raises(fervor.InputError, match="several models"):
        fervor.Answers([answers[0], other]).to_table()


def pictures(photo, blank):
    return {"id": [10, 11, 12, 13], "image": [photo.read_bytes(), None, blank, b"broken"]}


@pytest.mark.parametrize("kind", [pa.binary(), pa.large_binary(), pa.binary_view()])
def test_a_column_of_bytes(analyzer, photo, blank, kind, answers):
    columns = pictures(photo, blank)
    table = pa.table({"id": columns["id"], "image": pa.array(columns["image"], kind)})
    rows = analyzer.analyze_table(table, "image", keep=["id"]).to_arrow().to_pylist()
    assert [row["id"] for row in rows] == [10, 11, 12, 13] and [row["row_id"] for row in rows] == [0, 1, 2, 3]
    assert [row["face"] for row in rows] == [1, None, -1, None]
    assert [row["error_reason"] for row in rows] == [None, "empty", None, "not_a_picture"]
    assert rows[0]["p_happy"] == pytest.approx(answers[0][0].probabilities["happy"])


def test_frames_of_polars_and_pandas_and_structures_of_both(analyzer, photo, blank):
    columns = pictures(photo, blank)
    expected = analyzer.analyze_table(pa.table(columns)).to_arrow()
    assert analyzer.analyze_table(pl.DataFrame(columns)).to_arrow() == expected
    assert analyzer.analyze_table(pd.DataFrame(columns)).to_arrow() == expected
    chunks = pa.concat_tables([pa.table(columns).slice(0, 1), pa.table(columns).slice(1)])
    assert analyzer.analyze_table(chunks).to_arrow() == expected
    assert analyzer.analyze_table(pa.table(columns).to_batches()[0]).to_arrow() == expected
    cells = [{"bytes": None, "path": str(photo)}, {"bytes": columns["image"][0], "path": "a.png"}, None]
    rows = analyzer.analyze_table(pa.table({"image": cells})).to_arrow().to_pylist()
    assert [row["source"] for row in rows] == [str(photo), "a.png", ""] and rows[2]["error_reason"] == "empty"
    assert rows[0]["confidence"] == rows[1]["confidence"]


def test_a_stream_is_read_as_it_is_asked_for(analyzer, photo):
    schema = pa.schema({"image": pa.binary()})
    made = []

    def batches():
        for number in range(3):
            made.append(number)
            yield pa.record_batch({"image": [photo.read_bytes()]}, schema=schema)

    rows = analyzer.analyze_table(pa.RecordBatchReader.from_batches(schema, batches())).to_arrow()
    assert made == [0, 1, 2] and rows["row_id"].to_pylist() == [0, 1, 2] and set(rows["label"].to_pylist()) == {"happy"}


def test_a_picture_with_many_faces_repeats_what_is_kept(analyzer, photo, pixels):
    two = np.hstack([pixels, pixels])
    crowd = fervor.Analyzer().analyze(two)
    assert len(crowd) == 2
    import io

    from PIL import Image

    file = io.BytesIO()
    Image.fromarray(two).save(file, "PNG")
    table = pa.table({"id": ["crowd", "one"], "image": [file.getvalue(), photo.read_bytes()]})
    rows = analyzer.analyze_table(table, keep=["id"]).to_arrow().to_pylist()
    assert [(row["id"], row["face"]) for row in rows] == [("crowd", 1), ("crowd", 2), ("one", 1)]


def test_wrong_tables_say_what_is_right(analyzer):
    table = pa.table({"id": [1], "label": ["x"], "image": [b""]})
    with pytest.raises(fervor.InputError, match="no column 'picture'|no column \"picture\""):
        analyzer.analyze_table(table, "picture")
    with pytest.raises(fervor.InputError, match="Int64"):
        analyzer.analyze_table(table, "id")
    with pytest.raises(fervor.InputError, match="rename"):
        analyzer.analyze_table(table, keep=["label"])
    with pytest.raises(TypeError, match="PyCapsule"):
        analyzer.analyze_table({"image": [b""]})
    with pytest.raises(TypeError, match="array of"):
        analyzer.analyze_table(pa.array([1]))


def test_the_schema_is_known_before_a_row(analyzer, photo):
    table = pa.table({"id": [1], "image": [photo.read_bytes()]})
    made = pa.schema(analyzer.table_schema(table, keep=["id"]))
    assert made == analyzer.analyze_table(table, keep=["id"]).to_arrow().schema
    assert pa.schema(analyzer.table_schema()).names == made.names[1:]


def test_one_picture_is_no_list_of_pictures(analyzer, photo, pixels):
    with open(photo, "rb") as file:
        for one in (str(photo), photo.read_bytes(), bytearray(b"x"), file, pixels, pixels[:, :, 0]):
            with pytest.raises(ValueError, match="one picture"):
                analyzer.analyze_batch(one)
    assert len(analyzer.analyze_batch(np.stack([pixels, pixels]))) == 2
    with pytest.raises(ValueError, match="more names"):
        analyzer.analyze_batch([photo], sources=["a", "b"])
    with pytest.raises(fervor.InputError, match="more names"):
        analyzer.analyze_batch(iter([photo]), sources=["a", "b"])
