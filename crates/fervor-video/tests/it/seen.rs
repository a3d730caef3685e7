//! The whole pipeline: frames in, faces with tracks out, in order.

use std::sync::Arc;

use fervor::{Analyzer, Bundle, Face, FindFaces, Picture, Result, WholePicture, builtin};
use fervor_video::pipeline::{Analysis, Seen, Settings};
use fervor_video::{Follower, Source};

use super::clips::{clip, own};

pub fn analyzer(finder: impl FindFaces + 'static) -> Arc<Analyzer> {
    let bundle = Bundle::builtin(builtin::DEFAULT).unwrap().with_lanes(4);
    Arc::new(Analyzer::new(finder, Arc::new(bundle)))
}

/// An animation of grey frames, 0.1 seconds each.
fn animation(values: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = image::codecs::gif::GifEncoder::new(&mut bytes);
    for &value in values {
        let mut frame = image::RgbaImage::from_pixel(64, 36, image::Rgba([value, value, value, 255]));
        // One half is the other way round, so that a cut shows something else.
        for (x, _, pixel) in frame.enumerate_pixels_mut() {
            if x >= 32 {
                pixel.0[..3].fill(255 - value);
            }
        }
        let delay = image::Delay::from_numer_denom_ms(100, 1);
        encoder.encode_frame(image::Frame::from_parts(frame, 0, 0, delay)).unwrap();
    }
    drop(encoder);
    bytes
}

fn told(seen: &Seen) -> String {
    let faces = seen.faces.as_ref().unwrap();
    let faces: Vec<_> = faces.iter().map(|face| (face.track.id, face.track.probabilities.values().to_vec())).collect();
    format!("{} {} {} {:?} {:?}", seen.index, seen.time, seen.new_shot, seen.size, faces)
}

#[test]
fn answers_come_in_order_and_do_not_depend_on_the_number_of_threads() {
    let values: Vec<u8> = (0..40).map(|i| if i < 25 { 60 + i } else { 230 - i }).collect();
    let bytes = animation(&values);
    let run = |threads| {
        let source = Source::read(bytes.clone(), &own()).unwrap();
        let settings = Settings::default().with_threads(threads);
        Analysis::new(source, analyzer(WholePicture), settings).map(|seen| told(&seen.unwrap())).collect::<Vec<_>>()
    };
    let alone = run(1);
    assert_eq!(alone.len(), 40);
    assert_eq!(run(3), alone);
    // A live picture is looked at in the same way.
    let mut follower = Follower::new(analyzer(WholePicture), Settings::default());
    let source = Source::read(bytes.clone(), &own()).unwrap();
    assert_eq!(source.map(|frame| told(&follower.see(frame.unwrap()))).collect::<Vec<_>>(), alone);
}

#[test]
fn a_cut_begins_new_tracks() {
    let bytes = animation(&[40, 42, 44, 240, 241]);
    let seen: Vec<Seen> = Analysis::new(Source::read(bytes, &own()).unwrap(), analyzer(WholePicture), Settings::default())
        .map(Result::unwrap)
        .collect();
    let firsts: Vec<u64> = seen.iter().filter(|seen| seen.new_shot).map(|seen| seen.index).collect();
    assert_eq!(firsts, [0, 3]);
    let ids: Vec<u64> = seen.iter().map(|seen| seen.faces.as_ref().unwrap()[0].track.id).collect();
    assert_eq!(ids, [1, 1, 1, 2, 2]);
    let times: Vec<f64> = seen.iter().map(|seen| seen.time).collect();
    assert!(times.iter().zip([0.0, 0.1, 0.2, 0.3, 0.4]).all(|(a, b)| (a - b).abs() < 1e-9), "{times:?}");
}

/// Fails on dark pictures.
struct Afraid;

impl FindFaces for Afraid {
    fn find(&self, picture: &Picture) -> Result<Vec<Face>> {
        assert!(picture.rgb()[0] >= 50, "too dark");
        Ok(vec![Face::whole(picture)])
    }
}

#[test]
fn a_finder_that_panics_loses_its_frame_with_a_word() {
    let source = Source::read(animation(&[100, 40, 100]), &own()).unwrap();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let all: Vec<_> = Analysis::new(source, analyzer(Afraid), Settings::default().with_look(0.0)).collect();
    std::panic::set_hook(hook);
    let answered: Vec<bool> = all.into_iter().map(|seen| seen.unwrap().faces.is_ok()).collect();
    assert_eq!(answered, [true, false, true]);
}

#[cfg_attr(not(feature = "decoders"), ignore = "needs the decoders")]
#[test]
fn a_film_that_is_cut_off_ends_with_the_reason_after_what_there_is() {
    let source = Source::open(clip("cut.mp4"), &own()).unwrap();
    let all: Vec<_> = Analysis::new(source, analyzer(WholePicture), Settings::default().with_pictures(true)).collect();
    let [Ok(first), Ok(second), Err(error)] = &all[..] else { panic!("{all:?}") };
    assert!(first.picture.is_some() && second.index == 1);
    assert_eq!(error.reason(), fervor::Reason::Truncated);
}

/// Waits a little, each time for another while, so that frames are done in another order than they come in.
struct Slow(std::sync::atomic::AtomicU64);

impl FindFaces for Slow {
    fn find(&self, picture: &Picture) -> Result<Vec<Face>> {
        let number = self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        std::thread::sleep(std::time::Duration::from_micros(number * 7919 % 3000));
        Ok(vec![Face::whole(picture)])
    }
}

#[cfg_attr(not(feature = "decoders"), ignore = "needs the decoders")]
#[test]
fn a_file_that_is_decoded_at_several_places_gives_the_same_in_order() {
    // Every 25th frame begins anew.
    let path = clip("groups.mp4");
    let plain: Vec<_> = Source::open(&path, &own()).unwrap().map(|frame| frame.unwrap()).collect();
    assert_eq!(plain.len(), 110);
    let run = |threads, pictures| {
        let settings = Settings::default().with_threads(threads).with_pictures(pictures);
        let finder = Slow(std::sync::atomic::AtomicU64::new(threads as u64));
        Analysis::new(Source::open(&path, &own()).unwrap(), analyzer(finder), settings).map(Result::unwrap).collect::<Vec<_>>()
    };
    let alone = run(1, true);
    for (seen, frame) in alone.iter().zip(&plain) {
        assert!((seen.index, seen.time) == (frame.index, frame.time) && seen.picture.as_ref() == frame.picture.as_ref().ok());
    }
    let alone: Vec<String> = alone.iter().map(told).collect();
    assert_eq!(alone.len(), 110);
    for threads in [2, 5, 16] {
        assert_eq!(run(threads, false).iter().map(told).collect::<Vec<_>>(), alone, "{threads} threads");
    }
}

#[test]
fn who_goes_away_stops_the_work() {
    let source = Source::read(animation(&[100; 60]), &own()).unwrap();
    let mut analysis = Analysis::new(source, analyzer(WholePicture), Settings::default());
    assert!(analysis.next().is_some_and(|seen| seen.is_ok()));
    drop(analysis);
}
