"""One picture, in every form that Python has for it."""

from __future__ import annotations

import io
import json
import pickle

import numpy as np
import pytest
from PIL import Image

import fervor


def test_a_photograph_of_a_smiling_woman_looks_happy(analyzer, photo):
    answer = analyzer.analyze(photo)
    assert (len(answer), answer.label, answer.width, answer.height) == (1, "happy", 512, 512)
    face = answer[0]
    assert face.words.startswith("looks happy") and not face.uncertain and face.confidence > 0.9
    assert 150 < face.box.x < 200 and 80 < face.box.width < 110
    assert len(face.landmarks) == 5 and sum(face.probabilities.values()) == pytest.approx(1)
    assert list(face.probabilities) == analyzer.labels
    assert repr(answer).startswith("<fervor.Answer ") and "1 face: 1 happy" in repr(answer)
    assert repr(face).startswith("<fervor.Face looks happy")
    assert answer.main == face and answer.faces == list(answer) and answer[-1] == face
    with pytest.raises(IndexError):
        answer[1]


def test_every_form_of_a_picture_gives_the_same_answer(analyzer, photo, pixels):
    faces = analyzer.analyze(photo).faces
    data = photo.read_bytes()

    class Tensor:
        def __array__(self):
            return pixels

    forms = [
        str(photo),
        data,
        bytearray(data),
        memoryview(data),
        io.BytesIO(data),
        open(photo, "rb"),
        Image.open(photo),
        Image.open(photo).convert("RGBA"),
        pixels,
        np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)]),
        np.asfortranarray(pixels),
        pixels[::-1][::-1],
        Tensor(),
        {"bytes": data, "path": None},
        {"bytes": None, "path": str(photo)},
    ]
    for form in forms:
        assert analyzer.analyze(form).faces == faces, type(form)
    bgr = pixels[:, :, ::-1]
    assert analyzer.analyze(bgr, order="bgr").faces == faces
    assert analyzer.analyze(bgr.copy(), order="bgr").faces == faces
    assert analyzer.analyze(bgr).faces != faces


def test_grey_arrays_are_pictures(analyzer, photo):
    grey = np.asarray(Image.open(photo).convert("L"))
    assert analyzer.analyze(grey).faces == analyzer.analyze(grey[:, :, None]).faces
    assert analyzer.analyze(grey).label == "happy"


def test_a_picture_of_pillow_is_turned_upright(analyzer, photo):
    exif = Image.Exif()
    exif[0x0112] = 6
    file = io.BytesIO()
    Image.open(photo).convert("RGB").rotate(90, expand=True).save(file, "JPEG", exif=exif, quality=95)
    lying = Image.open(io.BytesIO(file.getvalue()))
    answer = analyzer.analyze(lying)
    assert answer.label == "happy" and answer[0].flags == analyzer.analyze(file.getvalue())[0].flags


def test_the_answer_is_the_row_of_all_doors(analyzer, photo):
    answer = analyzer.analyze(photo, source="she")
    row = answer.to_dict()
    assert row == json.loads(answer.to_json())
    assert (row["schema"], row["source"], row["error"]) == ("fervor.prediction/1", "she", None)
    assert row["faces"][0] == answer[0].to_dict()
    assert row["faces"][0]["confidence"] == answer[0].confidence
    assert row["model"] == answer.model == {"name": "fervor-48", "sha256": analyzer.model.sha256}


def test_a_picture_without_a_face_is_a_normal_answer(analyzer, blank):
    answer = analyzer.analyze(blank)
    assert (len(answer), answer.label, answer.main, answer.ok, answer.error) == (0, None, None, True, None)
    assert answer.words == "no face found" and not answer


@pytest.mark.parametrize(
    ("picture", "reason", "words"),
    [
        ("/no/such/file.jpg", "missing", "/no/such/file.jpg"),
        ("/", "wrong_type", "folder"),
        (b"%PDF-1.7", "not_a_picture", "PDF"),
        (b"", "empty", ""),
        (b"\x89PNG\r\n\x1a\n", "truncated", ""),
        (None, "empty", "None"),
        (7, "wrong_type", "int"),
        ([1, 2], "wrong_type", "list"),
        (io.StringIO("text"), "wrong_type", "text"),
        (np.zeros((4, 4, 3)), "wrong_type", "float64"),
        (np.zeros((3, 40, 40), np.uint8), "mismatch", "height x width"),
        (np.zeros((0, 40, 3), np.uint8), "empty", "0"),
        (np.zeros((2, 20_000, 3), np.uint8), "too_large", "20000"),
    ],
)
def test_what_is_no_picture_is_refused_with_the_reason(analyzer, picture, reason, words):
    with pytest.raises(fervor.InputError) as raised:
        analyzer.analyze(picture)
    error = raised.value
    assert error.reason == reason and words in error.message, error
    assert isinstance(error, fervor.Error) and isinstance(error, ValueError) and error.kind == "input"
    if error.hint:
        assert f"hint: {error.hint}" in str(error)
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.reason) == (type(error), str(error), error.reason)


def test_wrong_arguments_say_what_is_right(photo):
    for wrong in ({"faces": "some"}, {"threads": 0}, {"threads": -1}, {"threshold": 2.0}, {"minimum_face": -1.0}, {"minimum_face": float("nan")}):
        with pytest.raises(fervor.InputError):
            fervor.Analyzer(**wrong)
    with pytest.raises(fervor.InputError, match="built in: fervor-48"):
        fervor.Analyzer("no-such-model")
    with pytest.raises(ValueError, match="rgb"):
        fervor.Analyzer().analyze(photo, order="rbg")


def test_small_faces_can_be_left_out(photo):
    assert len(fervor.Analyzer(minimum_face=80).analyze(photo)) == 1
    assert len(fervor.Analyzer(minimum_face=300).analyze(photo)) == 0


def test_faces_of_an_answer_are_taken_like_those_of_a_list(analyzer, photo):
    answer = analyzer.analyze(photo)
    assert answer[0] == answer[-1] == answer.main and answer[:1] == [answer[0]] and answer[1:] == []
    with pytest.raises(IndexError, match="face 1 of 1"):
        answer[1]
    with pytest.raises(TypeError):
        answer["happy"]


def test_a_cell_of_a_data_set_is_one_picture_with_its_name(analyzer, photo):
    cell = {"bytes": open(photo, "rb").read(), "path": "face.png"}
    assert analyzer.analyze(cell).source == "face.png"
    assert analyzer.analyze({"path": str(photo), "bytes": None}).source == str(photo)
    assert [answer.source for answer in analyzer.analyze_batch([cell, {"bytes": cell["bytes"]}])] == ["face.png", ""]
    with pytest.raises(fervor.InputError, match="list"):
        analyzer.analyze_batch(cell)


def test_a_model_tells_its_card_and_is_shared(photo):
    model = fervor.load("fervor-nano")
    assert model.name == "fervor-nano" and model.labels == model.card["labels"] and len(model.sha256) == 64
    assert "7 classes" in repr(model) and model.parameters > 1000 and model.notes == []
    assert model == fervor.load("fervor-nano") and len({model, fervor.load("fervor-nano")}) == 1
    assert fervor.models()[0] == "fervor-48" and model != fervor.load("fervor-48")
    assert fervor.Analyzer(model).analyze(photo).model["name"] == "fervor-nano"


def test_a_model_file_that_is_none_is_a_model_error(tmp_path):
    file = tmp_path / "model.onnx"
    file.write_bytes(b"PK\x03\x04\0\0\0\0archive/data.pkl")
    with pytest.raises(fervor.ModelError, match="a PyTorch checkpoint"):
        fervor.load(file)


def test_a_panic_is_an_exception(analyzer, photo):
    with pytest.raises(fervor.InternalError, match="on purpose"):
        fervor._fervor._panic()
    assert analyzer.analyze(photo).label == "happy"


def test_notebooks_show_the_picture_and_the_words(analyzer, photo, pixels, blank):
    answer = analyzer.analyze(pixels)
    drawn = np.asarray(Image.open(io.BytesIO(answer._repr_png_())))
    assert drawn.shape == pixels.shape and (drawn != pixels).any()
    html = answer._repr_html_()
    assert "data:image/jpeg;base64," in html and "looks happy" in html
    for _ in range(5):
        analyzer.analyze(blank)
    assert answer._repr_png_() is None and "looks happy" in answer._repr_html_()
    with pytest.raises(ValueError, match="annotated"):
        answer.annotated()
    assert answer.annotated(pixels).startswith(b"\x89PNG")
    assert analyzer.analyze(photo).annotated() == answer.annotated(pixels)
    assert analyzer.analyze(blank)._repr_png_() is None
    name = analyzer.analyze(blank, source="<script>")._repr_html_()
    assert "&lt;script&gt;" in name and "<script>" not in name


def test_answers_and_faces_pickle(analyzer, photo):
    answer = analyzer.analyze(photo)
    assert pickle.loads(pickle.dumps(answer)) == answer
    assert pickle.loads(pickle.dumps(answer[0])) == answer[0]


def test_sixteen_bits_of_pillow_are_those_of_the_file(analyzer, photo, tmp_path):
    grey = np.asarray(Image.open(photo).convert("L")).astype(np.uint16)
    wide = Image.fromarray(grey * 257)
    wide.save(tmp_path / "wide.png")
    of_file = analyzer.analyze(tmp_path / "wide.png")
    assert of_file.label == "happy"
    for picture in (wide, Image.open(tmp_path / "wide.png"), wide.convert("I")):
        assert analyzer.analyze(picture).faces == of_file.faces, picture.mode
    with pytest.raises(ValueError, match="reach 70000"):
        analyzer.analyze(Image.new("I", (64, 64), 70000))
