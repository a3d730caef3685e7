//! What ffmpeg decodes and writes, where there is one; and what is said where there is none.

use std::path::{Path, PathBuf};
use std::process::Command;

use fervor::{Picture, Reason, Remedy};
use fervor_video::ffmpeg::{Writer, find};
use fervor_video::{Decoders, Options, Source};

use super::clips::clip;

/// ffmpeg's path; none on machines without it, where these tests have nothing to say.
fn ffmpeg() -> Option<PathBuf> {
    find(&Options::default()).ok()
}

fn make(ffmpeg: &Path, arguments: &[&str], path: &Path) {
    let drawn = ["-v", "error", "-y", "-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25:duration=1"];
    let status = Command::new(ffmpeg).args(drawn).args(arguments).arg(path).status().unwrap();
    assert!(status.success(), "{}", path.display());
}

#[test]
fn both_decoders_give_the_same_times_and_nearly_the_same_pictures() {
    if ffmpeg().is_none() || !cfg!(feature = "decoders") {
        return;
    }
    for name in ["b-frames.mp4", "turned.mp4", "edited.mp4", "variable.mp4", "hevc.mp4", "bt709-full.mp4", "fragmented.mp4"] {
        let frames = |decoders| Source::open(clip(name), &Options::default().with_decoders(decoders)).unwrap();
        let (own, theirs) = (frames(Decoders::Own), frames(Decoders::Ffmpeg));
        assert_eq!((own.clip().decoder.name(), theirs.clip().decoder.name()), ("own", "ffmpeg"));
        assert_eq!(own.clip().rotation, theirs.clip().rotation, "{name}");
        let (own, theirs): (Vec<_>, Vec<_>) = (own.map(Result::unwrap).collect(), theirs.map(Result::unwrap).collect());
        assert_eq!(own.len(), theirs.len(), "{name}");
        for (a, b) in own.iter().zip(&theirs) {
            assert!((a.time - b.time).abs() < 1e-5 && a.index == b.index, "{name}: {} and {}", a.time, b.time);
            let (a, b) = (a.picture.as_ref().unwrap(), b.picture.as_ref().unwrap());
            let differences = a.rgb().iter().zip(b.rgb()).map(|(a, b)| u64::from(a.abs_diff(*b)));
            let mean = differences.sum::<u64>() as f64 / a.rgb().len() as f64;
            assert!(mean < 1.5, "{name}: {mean}");
        }
    }
}

#[test]
fn what_only_ffmpeg_knows_is_decoded_by_it() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let folder = tempfile::tempdir().unwrap();
    let cases: [(&str, &[&str]); 4] = [
        ("a.mkv", &["-c:v", "mpeg4"]),
        ("a.avi", &["-c:v", "mpeg4"]),
        ("mpeg4.mp4", &["-c:v", "mpeg4"]),
        ("ten-bit.mp4", &["-c:v", "libx264", "-pix_fmt", "yuv420p10le"]),
    ];
    for (name, arguments) in cases {
        let path = folder.path().join(name);
        make(&ffmpeg, arguments, &path);
        let mut source = Source::open(&path, &Options::default()).unwrap();
        assert_eq!((source.clip().decoder.name(), source.clip().width, source.clip().height), ("ffmpeg", 96, 64), "{name}");
        let frames: Vec<_> = source.by_ref().map(Result::unwrap).collect();
        assert_eq!(frames.len(), 25, "{name}");
        assert!((frames[24].time - 0.96).abs() < 1e-3 && frames[24].index == 24, "{name}");
        assert!(frames.iter().all(|frame| frame.picture.is_ok()));
        // Without leave to start it, it is said which decoder would know.
        let refused = Source::open(&path, &Options::default().with_decoders(Decoders::Own)).unwrap_err();
        assert_eq!(refused.reason(), Reason::Unsupported, "{name}");
        assert_eq!(refused.remedy(), Some(&Remedy::UseDecoder { decoder: "ffmpeg".into() }));
        // From memory the same.
        let read = Source::read(std::fs::read(&path).unwrap(), &Options::default()).unwrap();
        assert_eq!(read.flatten().count(), 25, "{name}");
    }
}

#[test]
fn a_stream_on_the_network_is_read_as_it_comes() {
    let Some(ffmpeg) = ffmpeg() else { return };
    // A port that is free now; ffmpeg serves one reader, once it has begun to listen.
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let address = format!("http://127.0.0.1:{port}/live.ts");
    let drawn = ["-v", "error", "-f", "lavfi", "-i", "testsrc2=size=96x64:rate=25:duration=1"];
    let served = ["-c:v", "libx264", "-g", "10", "-f", "mpegts", "-listen", "1", &address];
    let mut server = Command::new(ffmpeg).args(drawn).args(served).spawn().unwrap();
    let begun = std::time::Instant::now();
    let source = loop {
        match Source::open(&address, &Options::default()) {
            Ok(source) => break source,
            Err(_) if begun.elapsed().as_secs() < 60 => std::thread::sleep(std::time::Duration::from_millis(100)),
            Err(error) => panic!("{}", error.explained()),
        }
    };
    assert_eq!((source.clip().decoder.name(), source.clip().width, source.clip().height), ("ffmpeg", 96, 64));
    let frames: Vec<_> = source.map(Result::unwrap).collect();
    let _ = server.kill();
    server.wait().unwrap();
    assert_eq!(frames.len(), 25);
    let steps = frames.windows(2).map(|pair| pair[1].time - pair[0].time);
    assert!(steps.into_iter().all(|step| (step - 0.04).abs() < 1e-3));
    let refused = Source::open(&address, &Options::default().with_decoders(Decoders::Own)).unwrap_err();
    assert_eq!(refused.reason(), Reason::Unsupported);
}

#[test]
fn ffmpegs_own_words_say_why_it_fails() {
    if ffmpeg().is_none() {
        return;
    }
    let error = Source::read(b"nothing that anybody knows".to_vec(), &Options::default()).unwrap_err();
    assert_eq!(error.reason(), Reason::Unsupported);
    assert!(error.explained().contains("Invalid data"), "{}", error.explained());
    let cut = Source::open(clip("cut.mp4"), &Options::default().with_decoders(Decoders::Ffmpeg)).unwrap();
    assert!(cut.last().is_some_and(|last| last.is_err()), "what ffmpeg complains of is no success");
}

#[test]
fn what_is_no_video_is_called_that_and_ffmpegs_word_stands_below() {
    let empty = Source::stream(std::io::empty(), &Options::default()).unwrap_err();
    assert_eq!((empty.reason(), empty.to_string().as_str()), (Reason::Empty, "the stream is empty: 0 bytes"));
    if ffmpeg().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    // By its name ffmpeg takes it for a JPEG.
    for (name, why) in [("a.jpg", "not a video, or a damaged one"), ("a", "not a video that ffmpeg knows")] {
        let path = folder.path().join(name);
        std::fs::write(&path, "a text, whatever its name says").unwrap();
        let error = Source::open(&path, &Options::default()).unwrap_err();
        assert!(error.to_string().starts_with(why), "{name}: {error}");
        assert_eq!((error.reason(), error.hint().is_some()), (Reason::Unsupported, true), "{name}");
        let below = std::error::Error::source(&error).unwrap().to_string();
        assert!(!below.contains("; "), "{name}: {below}");
    }
}

/// The times of the second part lay before those of the first: it was lost, with a word or without.
#[test]
fn recordings_that_are_laid_end_to_end_go_on_where_the_first_ends() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let folder = tempfile::tempdir().unwrap();
    let twice = |name: &str, arguments: [&[&str]; 2]| {
        let part = |arguments| {
            let path = folder.path().join(name);
            make(&ffmpeg, arguments, &path);
            std::fs::read(path).unwrap()
        };
        arguments.map(part).concat()
    };
    let stream: &[&str] = &["-c:v", "mpeg2video", "-bf", "0", "-f", "mpegts"];
    let recording = twice("a.ts", [stream, stream]);
    let frames = |options: &Options| Source::read(recording.clone(), options).unwrap().map(Result::unwrap).collect::<Vec<_>>();
    let all = frames(&Options::default());
    let steps = all.windows(2).map(|pair| pair[1].time - pair[0].time);
    assert!(all.len() >= 49 && steps.into_iter().all(|step| (step - 0.04).abs() < 1e-3), "{} frames", all.len());
    let count = frames(&Options::default().with_every(0.5)).len();
    assert!((4..=5).contains(&count), "{count}");
    if cfg!(feature = "decoders") {
        // 25 frames a second, then 10.
        let h264 = ["-c:v", "libx264", "-f", "h264"];
        let slower = [&h264[..], &["-r", "10", "-frames:v", "10"]].concat();
        let bytes = twice("a.h264", [&h264, &slower]);
        let own = Source::read(bytes, &Options::default().with_decoders(Decoders::Own)).unwrap();
        let times: Vec<f64> = own.map(|frame| frame.unwrap().time).collect();
        let expected = (0..25).map(|number| f64::from(number) / 25.0).chain((0..10).map(|number| 1.0 + f64::from(number) / 10.0));
        assert_eq!(times.len(), 35);
        assert!(times.iter().zip(expected).all(|(time, expected)| (time - expected).abs() < 1e-9), "{times:?}");
    }
}

#[test]
fn pictures_become_a_video_that_is_shown_at_their_times() {
    if ffmpeg().is_none() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("drawn.mp4");
    let mut writer = Writer::create(&path, (65, 33), 25.0, None, &Options::default()).unwrap();
    let grey = |value: u8| Picture::from_gray(65, 33, &[value; 65 * 33]).unwrap();
    // The second stays twice as long.
    for (value, time) in [(50, 10.0), (100, 10.04), (200, 10.12)] {
        writer.show(grey(value), time).unwrap();
    }
    assert!(writer.show(Picture::from_gray(3, 3, &[0; 9]).unwrap(), 11.0).is_err());
    assert!(!path.exists(), "it is not whole yet");
    writer.finish().unwrap();
    let frames: Vec<_> = Source::open(&path, &Options::default()).unwrap().map(Result::unwrap).collect();
    let values: Vec<u8> = frames.iter().map(|frame| frame.picture.as_ref().unwrap().rgb()[0] / 10).collect();
    assert_eq!(values.iter().map(|&value| (value + 1) / 5).collect::<Vec<_>>(), [1, 2, 2, 4], "{values:?}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing else is left");
    let nowhere = folder.path().join("no such folder/drawn.mp4");
    assert!(Writer::create(&nowhere, (64, 32), 25.0, None, &Options::default()).is_err());
}

/// A second of noise, which no encoder makes small, through this `ffmpeg`; shown from 5 s on.
fn noise(path: &Path, sound: Option<(&Path, f64)>, options: &Options) -> fervor::Result<()> {
    let mut grain = 1_u32;
    let mut writer = Writer::create(path, (96, 64), 25.0, sound, options)?;
    for number in 0..25 {
        let pixels: Vec<u8> = std::iter::repeat_with(|| {
            grain ^= grain << 13;
            grain ^= grain >> 17;
            grain ^= grain << 5;
            grain as u8
        })
        .take(96 * 64)
        .collect();
        writer.show(Picture::from_gray(96, 64, &pixels)?, 5.0 + f64::from(number) / 25.0)?;
    }
    writer.finish()
}

/// Where the sound ended, ffmpeg did, and the next picture had nowhere to go.
#[test]
fn the_whole_picture_is_written_with_the_sound_that_there_is() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let folder = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str], path: &Path| {
        let output = Command::new(&ffmpeg).args(["-v", "error", "-y"]).args(arguments).arg(path).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let seconds = |path: &Path| {
        let samples = folder.path().join("samples");
        run(&["-i", path.to_str().unwrap(), "-map", "0:a", "-ac", "1", "-ar", "8000", "-f", "s16le"], &samples);
        std::fs::metadata(samples).unwrap().len() as f64 / 16_000.0
    };
    let sine = ["-f", "lavfi", "-i", "sine=duration=5.4"];
    let cases: [(&str, &[&str], f64, f64); 4] = [
        ("shorter.m4a", &[], 5.0, 0.4),
        ("longer.m4a", &[], 2.0, 1.0),
        // The clock of the film begins at 1.6 s, and so does that of its pictures.
        ("later.ts", &["-c:a", "aac", "-muxdelay", "0", "-output_ts_offset", "1.6"], 6.5, 0.5),
        // MP4 takes none of it as it is.
        ("pcm.wav", &["-c:a", "pcm_s16le"], 2.0, 1.0),
    ];
    for (name, arguments, from, expected) in cases {
        let (sound, path) = (folder.path().join(name), folder.path().join("with sound.mp4"));
        run(&[&sine[..], arguments].concat(), &sound);
        noise(&path, Some((&sound, from)), &Options::default()).unwrap_or_else(|e| panic!("{name}: {}", e.explained()));
        assert_eq!(Source::open(&path, &Options::default()).unwrap().count(), 25, "{name}");
        let heard = seconds(&path);
        assert!((heard - expected).abs() < 0.1, "{name}: {heard} s of sound, not {expected}");
    }
}

/// ffmpeg calls that a success, for some formats.
#[cfg(unix)]
#[test]
fn a_video_that_the_disk_does_not_take_has_no_name() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let folder = tempfile::tempdir().unwrap();
    let small = folder.path().join("small-disk");
    let script = format!("#!/bin/sh\ntrap '' XFSZ\nulimit -f 16\nexec '{}' \"$@\"\n", ffmpeg.display());
    std::fs::write(&small, script).unwrap();
    std::fs::set_permissions(&small, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    for name in ["a.mp4", "a.mkv"] {
        let error = noise(&folder.path().join(name), None, &Options::default().with_ffmpeg(&small)).unwrap_err();
        assert!(error.explained().contains("File too large"), "{name}: {}", error.explained());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "{name} is not there, nor a part of it");
    }
}

/// It was counted in our group: a Ctrl-C then threw the finished film away.
#[cfg(target_os = "linux")]
#[test]
fn no_process_of_the_writer_hears_a_ctrl_c() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (noting, groups) = (folder.path().join("noting"), folder.path().join("groups"));
    // The fifth word is the number of its group.
    let note = format!("read -r _ _ _ _ group _ < /proc/$$/stat; echo \"$$ $group $*\" >> '{}'", groups.display());
    let script = format!("#!/bin/sh\n{note}\nexec '{}' \"$@\"\n", ffmpeg.display());
    std::fs::write(&noting, script).unwrap();
    std::fs::set_permissions(&noting, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    noise(&folder.path().join("a.mkv"), None, &Options::default().with_ffmpeg(&noting)).unwrap();
    let groups = std::fs::read_to_string(groups).unwrap();
    let long: Vec<&str> = groups.lines().filter(|line| !line.contains("-encoders")).collect();
    assert_eq!(long.len(), 2, "it is written, and counted: {groups}");
    for line in long {
        let mut words = line.split(' ');
        assert_eq!(words.next(), words.next(), "{line}");
    }
}

#[test]
fn what_cannot_be_written_shows_before_there_is_anything_to_write() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let folder = tempfile::tempdir().unwrap();
    let film = folder.path().join("film.mkv");
    make(&ffmpeg, &["-f", "lavfi", "-i", "sine=duration=1", "-c:v", "mpeg4"], &film);
    let tried = |name: &str| {
        Writer::try_out(&folder.path().join(name), (96, 64), 25.0, Some(&film), &Options::default()).map_err(|e| e.explained())
    };
    let encoders = Command::new(&ffmpeg).args(["-hide_banner", "-encoders"]).output().unwrap().stdout;
    let has_webm = String::from_utf8_lossy(&encoders).contains(" libvpx");
    for name in ["a.mp4", "a.mkv", "a.avi", "a"].into_iter().chain(has_webm.then_some("a.webm")) {
        assert_eq!(tried(name), Ok(()), "{name}");
    }
    // No format is called so; a GIF has no sound.
    for name in ["a.txt", "a.gif", "nowhere/a.mp4"] {
        assert!(tried(name).is_err(), "{name}");
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left");
}

/// Their times were rounded to hundredths of a second from 1,000 s on.
#[test]
fn times_late_in_a_film_are_exact() {
    let Some(ffmpeg) = ffmpeg() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("late.mkv");
    make(&ffmpeg, &["-c:v", "mpeg4", "-output_ts_offset", "5000"], &path);
    let times: Vec<f64> = Source::open(&path, &Options::default()).unwrap().map(|frame| frame.unwrap().time).collect();
    let late = times.iter().enumerate().filter(|&(number, time)| (time - 5000.0 - number as f64 / 25.0).abs() > 1e-6);
    assert_eq!((times.len(), late.count()), (25, 0), "{times:?}");
}
