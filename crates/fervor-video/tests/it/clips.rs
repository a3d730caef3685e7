//! The drawn clips beside these tests, against what ffmpeg sees in them: `tools/reference/video_frames.py` made both.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use fervor::{Reason, Result};
use fervor_video::{Decoders, Frame, Options, Source};

/// A clip's path.
pub fn clip(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clips").join(name)
}

/// Nothing but what is inside.
pub fn own() -> Options {
    Options::default().with_decoders(Decoders::Own)
}

/// Time and hash of each frame, as ffmpeg says it.
fn expected() -> BTreeMap<String, Vec<(String, String)>> {
    let text = std::fs::read_to_string(clip("frames.txt")).unwrap();
    let mut clips: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for line in text.lines() {
        let [name, time, hash] = line.split(' ').collect::<Vec<_>>().try_into().unwrap();
        clips.entry(name.to_owned()).or_default().push((time.to_owned(), hash.to_owned()));
    }
    clips
}

fn shown(frame: &Frame) -> (String, String) {
    let picture = frame.picture.as_ref().unwrap();
    (format!("{:.6}", frame.time), picture.content_hash().to_string()[..16].to_owned())
}

#[cfg_attr(not(feature = "decoders"), ignore = "needs the decoders")]
#[test]
fn every_frame_of_every_clip_is_ffmpegs_to_the_bit_and_to_the_microsecond() {
    let expected = expected();
    assert_eq!(expected.len(), 14);
    for (name, expected) in expected {
        let frames: Vec<Result<Frame>> = Source::open(clip(&name), &own()).unwrap().collect();
        let given: Vec<_> = frames.iter().flatten().map(shown).collect();
        assert_eq!(given, expected, "{name}");
        let numbers: Vec<u64> = frames.iter().flatten().map(|frame| frame.index).collect();
        assert!(numbers.into_iter().eq(0..given.len() as u64), "{name}");
        match frames.last() {
            Some(Err(error)) => assert_eq!((name.as_str(), error.reason()), ("cut.mp4", Reason::Truncated)),
            _ => assert_ne!(name, "cut.mp4"),
        }
    }
}

#[cfg_attr(not(feature = "decoders"), ignore = "needs the decoders")]
#[test]
fn a_clip_says_what_it_is_before_its_first_frame() {
    struct Case {
        name: &'static str,
        size: (u32, u32),
        rotation: u16,
        codec: &'static str,
        frames: Option<u64>,
        duration: Option<f64>,
    }
    let cases = [
        Case { name: "b-frames.mp4", size: (146, 82), rotation: 0, codec: "h264", frames: Some(25), duration: Some(1.0) },
        Case { name: "turned.mp4", size: (64, 96), rotation: 90, codec: "h264", frames: Some(15), duration: Some(0.6) },
        Case { name: "hevc.mp4", size: (96, 64), rotation: 0, codec: "hevc", frames: Some(20), duration: Some(0.8) },
        Case { name: "fragmented.mp4", size: (96, 64), rotation: 0, codec: "h264", frames: Some(25), duration: Some(1.0) },
        Case { name: "stream.h264", size: (96, 64), rotation: 0, codec: "h264", frames: None, duration: None },
    ];
    for case in cases {
        let source = Source::open(clip(case.name), &own()).unwrap();
        let clip = source.clip();
        assert_eq!(
            (clip.width, clip.height, clip.rotation, clip.codec.as_str()),
            (case.size.0, case.size.1, case.rotation, case.codec)
        );
        assert_eq!((clip.frames, clip.decoder.name(), clip.live), (case.frames, "own", false), "{}", case.name);
        assert!(clip.rate.is_some_and(|rate| (rate - 25.0).abs() < 0.01), "{}: {:?}", case.name, clip.rate);
        let near = |duration: f64| case.duration.is_some_and(|expected| (duration - expected).abs() < 0.01);
        assert!(clip.duration.is_none_or(near), "{}: {:?}", case.name, clip.duration);
    }
}

#[cfg_attr(not(feature = "decoders"), ignore = "needs the decoders")]
#[test]
fn a_part_of_the_frames_is_the_same_frames() {
    for name in ["b-frames.mp4", "fragmented.mp4", "hevc.mp4", "edited.mp4", "stream.h264"] {
        let all: Vec<_> = Source::open(clip(name), &own()).unwrap().flatten().collect();
        for options in [
            own().with_every(0.2),
            own().with_start(0.5),
            own().with_start(0.3).with_end(0.62),
            own().with_every(0.25).with_start(0.1),
        ] {
            let some: Vec<_> = Source::open(clip(name), &options).unwrap().map(Result::unwrap).collect();
            let (start, end) = (options.start.unwrap_or(0.0), options.end.unwrap_or(f64::INFINITY));
            let inside = all.iter().filter(|frame| (start..end).contains(&frame.time)).count();
            assert!(if options.every > 0.0 { some.len() <= inside && !some.is_empty() } else { some.len() == inside }, "{name}");
            for frame in &some {
                let same = &all[frame.index as usize];
                assert_eq!(shown(frame), shown(same), "{name}, frame {}", frame.index);
            }
        }
    }
}

#[cfg_attr(not(feature = "decoders"), ignore = "needs the decoders")]
#[test]
fn the_same_frames_come_from_memory_and_from_a_pipe() {
    for name in ["baseline.mp4", "hevc-odd.mov", "stream.h264", "stream.hevc"] {
        let bytes = std::fs::read(clip(name)).unwrap();
        let frames = |source: Source| source.map(|frame| shown(&frame.unwrap())).collect::<Vec<_>>();
        let opened = frames(Source::open(clip(name), &own()).unwrap());
        assert_eq!(frames(Source::read(bytes.clone(), &own()).unwrap()), opened, "{name}");
        // A pipe gives what it likes at a time.
        let pipe = Slowly(std::io::Cursor::new(bytes));
        assert_eq!(frames(Source::stream(pipe, &own()).unwrap()), opened, "{name}");
    }
}

/// Gives seven bytes at a time.
struct Slowly(std::io::Cursor<Vec<u8>>);

impl std::io::Read for Slowly {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let most = out.len().min(7);
        self.0.read(&mut out[..most])
    }
}

#[cfg_attr(not(feature = "decoders"), ignore = "needs the decoders")]
#[test]
fn limits_end_a_source_with_a_reason_and_are_checked_before_memory_is_taken() {
    let limited = |limits| Source::open(clip("b-frames.mp4"), &own().with_limits(limits));
    let limits = fervor_video::VideoLimits::default();
    let frames: Vec<_> = limited(limits.with_frames(7)).unwrap().collect();
    assert_eq!(frames.len(), 8);
    assert_eq!(frames[7].as_ref().unwrap_err().reason(), Reason::TooLarge);
    let seconds: Vec<_> = limited(limits.with_seconds(0.5)).unwrap().collect();
    assert!(seconds.len() == 14 && seconds[13].is_err());
    let small = fervor::Limits::default().with_side(100);
    assert_eq!(limited(limits.with_picture(small)).unwrap_err().reason(), Reason::TooLarge);
}

#[test]
fn what_is_no_video_is_refused_in_words() {
    struct Case {
        bytes: Vec<u8>,
        reason: Reason,
    }
    let whole = std::fs::read(clip("b-frames.mp4")).unwrap();
    let without_index = whole[..whole.len() / 2].to_vec();
    let mut cases = vec![
        Case { bytes: Vec::new(), reason: Reason::Empty },
        Case { bytes: b"hello, this is a text and no video".to_vec(), reason: Reason::Unsupported },
        Case { bytes: vec![0; 4096], reason: Reason::Unsupported },
    ];
    if cfg!(feature = "decoders") {
        cases.push(Case { bytes: without_index, reason: Reason::Truncated });
    }
    for case in cases {
        let length = case.bytes.len();
        assert_eq!(Source::read(case.bytes, &own()).unwrap_err().reason(), case.reason, "{length} bytes");
    }
    assert_eq!(Source::open(clip("nothing.mp4"), &own()).unwrap_err().reason(), Reason::Missing);
    assert_eq!(Source::open(clip(""), &own()).unwrap_err().reason(), Reason::WrongType);
}

/// Nothing came, and nothing was said; or that the film had ended, which it had not.
#[test]
fn a_time_in_which_no_frame_begins_is_refused_with_the_nearest_ones() {
    let mut gif = Vec::new();
    let mut encoder = image::codecs::gif::GifEncoder::new(&mut gif);
    let drawn = |number: u8| {
        let picture = image::RgbaImage::from_pixel(8, 8, image::Rgba([20 * number, 0, 0, 255]));
        image::Frame::from_parts(picture, 0, 0, image::Delay::from_numer_denom_ms(100, 1))
    };
    (0..5).for_each(|number| encoder.encode_frame(drawn(number)).unwrap());
    drop(encoder);
    let none = Options::default;
    let cases = [
        (none().with_start(0.45), "no frame begins at 0.45 s or later; the last one begins at 0.4 s"),
        (none().with_end(0.0), "no frame begins before 0 s; the first one begins at 0 s"),
        (
            none().with_start(0.11).with_end(0.15),
            "no frame begins between 0.11 and 0.15 s; those beside it begin at 0.1 and 0.2 s",
        ),
    ];
    for (options, expected) in cases {
        let error = Source::read(gif.clone(), &options).unwrap_err();
        assert_eq!((error.to_string().as_str(), error.reason()), (expected, Reason::Empty));
    }
    if cfg!(feature = "decoders") {
        let error = Source::open(clip("b-frames.mp4"), &none().with_start(9.0)).unwrap_err();
        assert_eq!(error.to_string(), "no frame begins at 9 s or later; the last one begins at 0.96 s");
    }
    assert_eq!(Source::read(gif, &none().with_start(0.4)).unwrap().count(), 1);
}
