//! Films of people, which stay outside the repository: counts and times as `ffprobe` has them, faces as they are to be seen.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use fervor::{Analyzer, Bundle, DetectorOptions, YuNet, builtin};
use fervor_video::pipeline::{Analysis, Seen, Settings};
use fervor_video::{Frame, Source};

use super::clips::own;

fn film(name: &str) -> PathBuf {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let path = std::env::var_os("FERVOR_TEST_DATA").map_or_else(beside, PathBuf::from).join("videos").join(name);
    assert!(path.exists(), "this test needs {}; FERVOR_TEST_DATA names another folder", path.display());
    path
}

#[test]
#[ignore = "needs films of people"]
fn films_have_the_frames_and_the_times_that_ffprobe_says() {
    // ffprobe -select_streams v:0 -show_entries frame=pts_time
    let cases = [
        ("single_face.mp4", 72, 2.366667),
        ("woman.mp4", 115, 4.56),
        ("no_face.mp4", 95, 3.916667),
        ("face_noface.mov", 169, 6.360352),
    ];
    // ffprobe -select_streams v:0 -show_entries stream=duration: no_face.mp4's edit list ends before its last frame would.
    let lasting = [2.4, 4.575, 3.945, 6.402];
    for ((name, count, last), lasts) in cases.into_iter().zip(lasting) {
        let source = Source::open(film(name), &own()).unwrap();
        assert!((source.clip().duration.unwrap() - lasts).abs() < 1e-3, "{name}: {:?}", source.clip().duration);
        let frames: Vec<Frame> = source.map(Result::unwrap).collect();
        assert_eq!(frames.len(), count, "{name}");
        assert!(frames.iter().all(|frame| frame.picture.is_ok()));
        assert!(
            frames[0].time.abs() < 1e-6 && (frames[count - 1].time - last).abs() < 1e-3,
            "{name}: {}",
            frames[count - 1].time
        );
    }
}

fn seen(name: &str) -> Vec<Seen> {
    let bundle = Bundle::builtin(builtin::DEFAULT).unwrap().with_lanes(2);
    let finder = YuNet::new(DetectorOptions::default().with_threads(1)).unwrap();
    let settings = Settings::default().with_threads(2);
    Analysis::new(Source::open(film(name), &own()).unwrap(), Arc::new(Analyzer::new(finder, Arc::new(bundle))), settings)
        .map(Result::unwrap)
        .collect()
}

#[test]
#[ignore = "needs films of people"]
fn one_face_is_one_track_and_a_cut_to_the_sky_ends_it() {
    for (name, with_face, shots) in [("single_face.mp4", 72, 1), ("woman.mp4", 115, 1), ("face_noface.mov", 72, 3)] {
        let seen = seen(name);
        let faces: Vec<u64> = seen.iter().flat_map(|seen| seen.faces.as_ref().unwrap()).map(|face| face.track.id).collect();
        assert_eq!(faces, vec![1; with_face], "{name}");
        assert_eq!(seen.iter().filter(|seen| seen.new_shot).count(), shots, "{name}");
    }
}
