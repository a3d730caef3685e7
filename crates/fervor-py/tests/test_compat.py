"""The doors of other packages: their shapes."""

from __future__ import annotations

import base64
import io

import numpy as np
import pytest
from PIL import Image

import fervor
from fervor.compat import FER, DeepFace, Detector, FaceNotDetected
from fervor.compat.feat import fex


@pytest.fixture(scope="module")
def bgr(pixels):
    return pixels[:, :, ::-1].copy()


def test_deepface(photo, bgr, blank):
    (face,) = DeepFace.analyze(img_path=str(photo), actions=["emotion"])
    assert set(face) == {"emotion", "dominant_emotion", "region", "face_confidence"}
    assert face["dominant_emotion"] == "happy" and sum(face["emotion"].values()) == pytest.approx(100, abs=0.01)
    assert set(face["region"]) == {"x", "y", "w", "h", "left_eye", "right_eye"}
    assert face["region"]["left_eye"][0] > face["region"]["right_eye"][0] and isinstance(face["region"]["x"], int)
    assert DeepFace.analyze(bgr, actions="emotion") == [face]
    data = "data:image/png;base64," + base64.b64encode(photo.read_bytes()).decode()
    assert DeepFace.analyze(data) == [face]
    assert DeepFace.analyze([str(photo), bgr]) == [[face], [face]]
    assert DeepFace.analyze(np.stack([bgr, bgr])) == [[face], [face]]
    with open(photo, "rb") as file:
        assert DeepFace.analyze(file) == [face]


def test_deepface_without_a_face():
    wall = np.full((200, 300, 3), (90, 120, 150), np.uint8)
    with pytest.raises(FaceNotDetected, match="enforce_detection") as raised:
        DeepFace.analyze(wall)
    assert isinstance(raised.value, ValueError)
    (face,) = DeepFace.analyze(wall, enforce_detection=False)
    assert face["face_confidence"] == 0 and (face["region"]["w"], face["region"]["h"]) == (300, 200)
    (face,) = DeepFace.analyze(wall, detector_backend="skip")
    assert face["region"]["left_eye"] is None


def test_deepface_asked_for_what_it_is_not(photo):
    with pytest.warns(UserWarning, match="age"):
        DeepFace.analyze(str(photo), actions=("emotion", "age"))
    for wrong in ({"actions": ["age"]}, {"img_path": "/no/such.jpg"}, {"img_path": "https://example.org/a.jpg"}, {"img_path": "data:,"}):
        with pytest.raises(ValueError):
            DeepFace.analyze(**{"img_path": str(photo), **wrong})


def test_fer(photo, bgr):
    detector = FER(mtcnn=True)
    (face,) = detector.detect_emotions(bgr)
    assert set(face) == {"box", "emotions"} and len(face["box"]) == 4 and max(face["emotions"], key=face["emotions"].get) == "happy"
    assert detector.detect_emotions(str(photo)) == [face]
    label, share = detector.top_emotion(bgr)
    assert label == "happy" and share == face["emotions"]["happy"]
    wall = np.full((200, 300, 3), 90, np.uint8)
    assert detector.detect_emotions(wall) == [] and detector.top_emotion(wall) == (None, None)
    (known,) = detector.detect_emotions(bgr, face_rectangles=[face["box"]])
    assert known["box"] == face["box"] and max(known["emotions"], key=known["emotions"].get) == "happy"


def test_feat(photo, blank, tmp_path):
    wall = tmp_path / "wall.png"
    wall.write_bytes(blank)
    frame = Detector().detect_image([str(photo), str(wall)])
    assert list(frame["frame"]) == [0, 1] and frame["happiness"][0] > 0.9 and np.isnan(frame["happiness"][1])
    for column in ("FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore", "anger", "sadness", "input"):
        assert column in frame.columns
    assert Detector().detect(str(photo)).shape[0] == 1
    Image.open(photo)


def test_a_file_that_is_open_is_read_once(blank):
    (face,) = DeepFace.analyze(io.BytesIO(blank), enforce_detection=False)
    assert face["face_confidence"] == 0


def test_boxes_that_are_known_may_reach_over_the_edge(photo, bgr):
    detector = FER()
    x, y, width, height = detector.detect_emotions(bgr)[0]["box"]
    boxes = [(x + 0.4, y - 0.4, width, height), (-10, -20, x + width + 10, y + height + 20)]
    array, path = detector.detect_emotions(bgr, boxes), detector.detect_emotions(str(photo), boxes)
    assert [face["box"] for face in array] == [list(box) for box in boxes] and array == path
    for outside in ((-50, -50, 40, 40), (bgr.shape[1] + 10, 0, 40, 40)):
        with pytest.raises(ValueError, match="outside of the picture"):
            detector.detect_emotions(bgr, [outside])


def test_columns_of_feat_are_always_there(photo, blank):
    whole = Detector().detect_image(str(photo))
    for pictures in ([], [blank]):
        assert list(Detector().detect_image(pictures).columns) == list(whole.columns)
    with pytest.warns(UserWarning, match="gone.jpg"):
        rows = Detector().detect_image(["gone.jpg", str(photo)])
    assert list(rows.columns) == list(whole.columns) and np.isnan(rows["happiness"][0]) and rows["happiness"][1] > 0.9


def test_fex_has_the_classes_of_the_model(photo):
    answers = fervor.Analyzer("fervor-48-votes").analyze_batch([photo])
    assert "contempt" in fex(answers).columns and "contempt" not in fex([]).columns
