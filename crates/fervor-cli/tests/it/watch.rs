//! Live pictures: a line each, the newest first.

use crate::video::film;
use crate::world::World;

fn lines(text: &str) -> Vec<serde_json::Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{line}: {e}"))).collect()
}

fn jpegs(count: u8) -> Vec<u8> {
    let jpeg = |value: u8| fervor::Picture::from_gray(64, 48, &[value; 64 * 48]).unwrap().encode_jpeg(90).unwrap();
    (0..count).flat_map(|number| jpeg(40 + 10 * number)).collect()
}

#[test]
fn a_film_is_watched_at_its_own_speed_and_its_face_keeps_its_number() {
    let world = World::new().file("clip.gif", &film(8, 0, 0));
    let ran = world.fervor("watch clip.gif --look 0").exits(0).says("240 x 240 pixels, gif, decoder own");
    let lines = lines(&ran.stdout());
    let last = lines.last().expect("a line");
    // Whatever there was no time for was dropped, and counted.
    assert_eq!((&last["frame"], lines.len() as u64 + last["dropped"].as_u64().unwrap()), (&7.into(), 8));
    for line in &lines {
        assert_eq!(
            (line["faces"].as_array().unwrap().len(), &line["faces"][0]["track"], &line["width"]),
            (1, &1.into(), &240.into())
        );
        assert!(line["ms"].as_f64().unwrap() > 0.0 && line["faces"][0]["words"].as_str().unwrap().starts_with("looks "));
        assert!((line["time"].as_f64().unwrap() - line["frame"].as_f64().unwrap() * 0.1).abs() < 1e-6);
    }
}

#[test]
fn a_pipe_is_read_as_it_comes_and_one_that_breaks_off_exits_with_1() {
    let world = World::new();
    let ran = world.fervor_reading("watch - --faces whole", &jpegs(6)).exits(0);
    let all = lines(&ran.stdout());
    let last = all.last().expect("a line");
    assert_eq!((&last["frame"], all.len() as u64 + last["dropped"].as_u64().unwrap()), (&5.into(), 6));
    let mut cut = jpegs(3);
    cut.truncate(cut.len() - 9);
    world.fervor_reading("watch -", &cut).exits(1).says("the video ends within frame 2");
    world.fervor_reading("watch -", b"no video at all, and not one that ffmpeg knows").exits(2);
    world.fervor("watch nothing.mp4").exits(2).says("nothing.mp4");
}

/// The bytes of what ffmpeg draws; none where there is no ffmpeg.
fn drawn(world: &World, name: &str, arguments: &[&str]) -> Option<Vec<u8>> {
    let ffmpeg = fervor_video::ffmpeg::find(&fervor_video::Options::default()).ok()?;
    let source = ["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=160x96:rate=25:duration=2"];
    let path = world.path(name);
    let status = std::process::Command::new(ffmpeg).args(source).args(arguments).arg(&path).status().expect("ffmpeg starts");
    assert!(status.success(), "{arguments:?}");
    Some(std::fs::read(path).expect("what was drawn"))
}

// As cameras' programs and `ffmpeg -f h264 -` write it: the way of a Raspberry Pi.
#[cfg_attr(not(feature = "decoders"), ignore = "needs the decoders")]
#[test]
fn h264_as_it_stands_is_read_from_a_pipe() {
    let world = World::new();
    // One picture fifty times: where a busy machine drops frames of a moving one, it may change as at a cut, and its track ends.
    let still = ["-vf", "loop=49:1", "-frames:v", "50"];
    let encoded = [&still[..], &["-c:v", "libx264", "-tune", "zerolatency", "-g", "25", "-f", "h264"]].concat();
    let Some(stream) = drawn(&world, "stream", &encoded) else { return };
    let ran = world.fervor_reading("watch - --faces whole", &stream).exits(0).says("160 x 96 pixels, h264, decoder own");
    let all = lines(&ran.stdout());
    let last = all.last().expect("a line");
    assert_eq!((&last["frame"], all.len() as u64 + last["dropped"].as_u64().unwrap()), (&49.into(), 50));
    assert!(all.iter().all(|line| line["error"].is_null() && line["faces"][0]["track"] == 1));
    let ran = world.fervor_reading("video - --output out --format csv", &stream).exits(0);
    assert!(ran.stdout().contains("2.0 s, 50 frames"), "{}", ran.stdout());
}

#[test]
fn a_film_that_is_drawn_on_keeps_its_sound() {
    let world = World::new();
    let tone = ["-f", "lavfi", "-i", "sine=frequency=440:duration=2", "-c:v", "libx264", "-c:a", "aac", "-shortest"];
    if drawn(&world, "tone.mp4", &tone).is_none() {
        return;
    }
    world.fervor("video tone.mp4 --output out --format csv --annotate drawn.mp4").exits(0);
    let sounds = |name: &str| {
        let query = ["-v", "error", "-select_streams", "a", "-show_entries", "stream=codec_name,duration", "-of", "csv=p=0"];
        let said = std::process::Command::new("ffprobe").args(query).arg(world.path(name)).output().ok()?;
        let said = String::from_utf8(said.stdout).expect("text");
        let (codec, seconds) = said.trim().split_once(',').unwrap_or_else(|| panic!("{name} has no sound: {said:?}"));
        Some((codec.to_owned(), seconds.parse::<f64>().expect("seconds")))
    };
    // ffprobe comes with most ffmpegs, not with all.
    let (Some(before), Some(after)) = (sounds("tone.mp4"), sounds("drawn.mp4")) else { return };
    assert!(before.0 == after.0 && (before.1 - after.1).abs() < 0.05 && after.1 > 1.9, "{before:?} {after:?}");
}

#[test]
fn a_film_is_drawn_on_where_there_is_an_ffmpeg_to_write_it() {
    let world = World::new().file("clip.gif", &film(3, 0, 0)).file("other.gif", &film(2, 0, 0));
    world.fervor("video clip.gif other.gif --output out --annotate drawn.mp4").exits(2).says("--annotate names one film");
    if fervor_video::ffmpeg::find(&fervor_video::Options::default()).is_err() {
        world.fervor("video clip.gif --output out --annotate drawn.mp4").exits(2).says("install ffmpeg");
        return;
    }
    world.fervor("video clip.gif --output out --annotate drawn.mp4").exits(0);
    let drawn = fervor_video::Source::open(world.path("drawn.mp4"), &fervor_video::Options::default()).unwrap();
    let pictures: Vec<_> = drawn.map(|frame| frame.unwrap().picture.unwrap()).collect();
    // Three tenths of a second, 25 frames a second.
    assert!((5..=8).contains(&pictures.len()) && pictures[0].width() >= 240, "{} frames of {:?}", pictures.len(), pictures[0]);
}
