"""Films: frame by frame, and over time."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import polars
import pytest
from PIL import Image

import fervor


@pytest.fixture(scope="module")
def film(tmp_path_factory, photo):
    """A second of the photograph that moves, then half a second of a grey wall, at ten frames a second: an animation."""
    path = tmp_path_factory.mktemp("film") / "film.gif"
    portrait = Image.open(photo).convert("RGB").resize((256, 256))
    frames = [portrait.crop((shift, 0, shift + 240, 240)) for shift in range(10)]
    frames += [Image.new("RGB", (240, 240), (120 + shift, 130, 140)) for shift in range(5)]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100, loop=0)
    return path


def test_frames_come_in_order_with_their_times_and_tracks(analyzer, film):
    video = analyzer.video(film, pictures=True)
    assert (video.width, video.height, video.codec) == (240, 240, "gif") and "240 x 240" in repr(video)
    frames = list(video)
    assert [frame.index for frame in frames] == list(range(15))
    assert [round(frame.time, 3) for frame in frames] == [round(0.1 * n, 3) for n in range(15)]
    happy = frames[5]
    assert happy.error is None and happy.faces[0].label == "happy" and happy.tracks[0].label == "happy"
    assert {track.id for frame in frames for track in frame.tracks} == {1} and happy.tracks[0].age > 0.3
    assert frames[12].faces == [] and "no face" in repr(frames[12]) and "1 face" in repr(happy)
    assert "looks happy" in repr(happy.tracks[0]) and sum(happy.tracks[0].probabilities.values()) == pytest.approx(1)
    drawn = Image.open(io.BytesIO(happy.answer.annotated()))
    assert np.asarray(drawn).any() and "<img" in happy._repr_html_()
    with pytest.raises(StopIteration):
        next(video)


@pytest.mark.parametrize(("clip", "codec"), [("b-frames.mp4", "h264"), ("hevc.mp4", "hevc")])
def test_the_decoders_of_films_are_in_the_wheel(analyzer, clip, codec):
    path = Path(__file__).parents[2] / "fervor-video" / "tests" / "clips" / clip
    video = analyzer.video(path, decoder="own")
    frames = list(video)
    assert video.codec == codec and len(frames) > 3 and all(frame.error is None for frame in frames)
    assert [frame.time for frame in frames] == sorted(frame.time for frame in frames)
    timeline = analyzer.timeline(path)
    assert timeline.ended is None and timeline.duration == analyzer.timeline(path, decoder="own").duration


def test_frames_hold_no_pictures_unless_asked(analyzer, film):
    frame = next(iter(analyzer.video(film)))
    with pytest.raises(ValueError, match="annotated"):
        frame.answer.annotated()


def test_a_timeline_says_when_who_looks_how(analyzer, film, tmp_path):
    told = []
    timeline = analyzer.timeline(film, progress=told.append)
    assert len(timeline) == 15 and timeline.duration == pytest.approx(1.5) and timeline.ended is None
    (episode,) = timeline.episodes
    assert episode["label"] == "happy" and episode["onset_s"] == 0 and len(timeline.tracks) == 1
    assert timeline.to_dict()["schema"] == "fervor.timeline/1" and "15 frames" in repr(timeline)
    frame = timeline.to_pandas()
    assert len(frame) == 15 and timeline.to_polars().height == 15
    assert timeline._repr_png_().startswith(b"\x89PNG") and timeline._repr_svg_().startswith("<svg")
    for name, start in (
        ("episodes.vtt", "WEBVTT"),
        ("mine.srt", "1"),
        ("tracks.csv", "source,track"),
        ("frames.csv", ""),
        ("mine.TextGrid", "File type"),
        ("mine.eaf", "<?xml"),
        ("summary.json", "{"),
        ("page.html", "<!doctype html>"),
        ("PAGE.HTML", "<!doctype html>"),
    ):
        timeline.write(tmp_path / name)
        assert (tmp_path / name).read_text().lower().startswith(start.lower()), name
    with pytest.raises(fervor.InputError, match="not written"):
        timeline.write(tmp_path / "film.xyz")


def test_what_is_no_film_is_refused(analyzer, photo, tmp_path):
    with pytest.raises(fervor.InputError) as raised:
        analyzer.video("/no/such/film.mp4")
    assert raised.value.reason == "missing" and "/no/such/film.mp4" in str(raised.value)
    text = tmp_path / "film.mp4"
    text.write_text("no film")
    with pytest.raises(fervor.Error):
        analyzer.timeline(text, decoder="own")
    with pytest.raises(fervor.InputError, match="decoder"):
        analyzer.video(text, decoder="some")


def test_an_interrupt_ends_a_timeline(analyzer, film):
    long = film.with_name("long.gif")
    with Image.open(film) as animation:
        frames = []
        for number in range(600):
            animation.seek(number % 10)
            frames.append(animation.convert("P"))
    frames[0].save(long, save_all=True, append_images=frames[1:], duration=100)

    def interrupt(second):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        analyzer.timeline(long, progress=interrupt)


def test_times_that_are_none_are_refused(analyzer, film):
    nan = float("nan")
    for wrong in ({"every": -1}, {"every": nan}, {"look": -1}, {"start": nan}, {"end": -1}, {"start": 5, "end": 1}):
        for look in (analyzer.video, analyzer.timeline):
            with pytest.raises(ValueError, match=next(iter(wrong))):
                look(film, **wrong)
    with pytest.raises(ValueError, match="smoothing"):
        analyzer.timeline(film, smoothing=nan)


def test_columns_have_their_types_whatever_a_film_shows(analyzer, film, tmp_path, monkeypatch):
    wall = [Image.new("RGB", (240, 240), (120 + shift, 130, 140)) for shift in range(5)]
    monkeypatch.chdir(tmp_path)
    wall[0].save("NA", "GIF", save_all=True, append_images=wall[1:], duration=100)
    with_face, without = analyzer.timeline(film), analyzer.timeline("NA")
    both = polars.concat([with_face.to_polars(), without.to_polars()])
    assert both.height == 20 and both.schema["track"] == polars.Int64 and both.schema["uncertain"] == polars.Boolean
    assert dict(with_face.to_pandas().dtypes) == dict(without.to_pandas().dtypes)
    assert set(without.to_pandas()["source"]) == {"NA"}
