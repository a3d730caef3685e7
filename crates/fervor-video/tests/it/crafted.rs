//! MP4 files put together here box by box: made to take time or memory, or to pass by a limit.

use std::time::{Duration, Instant};

use fervor::{Limits, Reason};
use fervor_video::{Source, VideoLimits};

use super::clips::{clip, own};

fn boxed(name: &[u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    [&(content.len() as u32 + 8).to_be_bytes()[..], name, &content].concat()
}

fn words(values: &[u32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_be_bytes()).collect()
}

/// A box that begins with version and flags, here all 0, and goes on with numbers.
fn table(name: &[u8; 4], values: &[u32]) -> Vec<u8> {
    boxed(name, &[&[0; 4], &words(values)])
}

/// The sequence and the picture parameter set of a clip.
fn parameter_sets(name: &str) -> [Vec<u8>; 2] {
    let bytes = std::fs::read(clip(name)).unwrap();
    let at = bytes.windows(4).position(|window| window == b"avcC").unwrap() + 4;
    let set = |at: usize| bytes[at + 2..at + 2 + usize::from(u16::from_be_bytes([bytes[at], bytes[at + 1]]))].to_vec();
    let sequence = set(at + 6);
    let picture = set(at + 6 + 2 + sequence.len() + 1);
    [sequence, picture]
}

/// A film of H.264, 1,000 time units a second, with the parameter sets of this clip.
struct Film {
    sets: [Vec<u8>; 2],
    /// The boxes of the sample table but for the description and the place of the data.
    samples: Vec<u8>,
    /// The content of the edit list.
    edits: Vec<u32>,
    /// What stands in the index behind the track.
    extends: Vec<u8>,
    data: Vec<u8>,
}

impl Film {
    /// So many samples of one byte, each with which decoding may begin, each a time unit long.
    fn of(count: u32) -> Self {
        let samples = [table(b"stsz", &[1, count]), table(b"stts", &[1, count, 1]), table(b"stsc", &[1, 1, count, 1])];
        let (sets, data) = (parameter_sets("b-frames.mp4"), vec![0; count as usize]);
        Self { sets, samples: samples.concat(), edits: Vec::new(), extends: Vec::new(), data }
    }

    fn description(&self) -> Vec<u8> {
        let [sequence, picture] = &self.sets;
        let length = |set: &[u8]| (set.len() as u16).to_be_bytes();
        let head = [1, sequence[1], sequence[2], sequence[3], 0xFF, 0xE1];
        let sets = boxed(b"avcC", &[&head, &length(sequence), sequence, &[1], &length(picture), picture]);
        let entry = boxed(b"avc1", &[&[0; 24], &[0, 64, 0, 64], &[0; 50], &sets]);
        boxed(b"stsd", &[&words(&[0, 1]), &entry])
    }

    fn index(&self, data: u32) -> Vec<u8> {
        let header =
            boxed(b"tkhd", &[&words(&[3, 0, 0, 1, 0]), &[0; 20], &words(&[1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30])]);
        let list = if self.edits.is_empty() { Vec::new() } else { boxed(b"edts", &[&table(b"elst", &self.edits)]) };
        let samples = boxed(b"stbl", &[&self.description(), &self.samples, &table(b"stco", &[1, data])]);
        let handler = boxed(b"hdlr", &[&[0; 8], b"vide", &[0; 13]]);
        let media = boxed(b"mdia", &[&table(b"mdhd", &[0, 0, 1000, 0, 0]), &handler, &boxed(b"minf", &[&samples])]);
        boxed(b"moov", &[&boxed(b"trak", &[&header, &list, &media]), &self.extends])
    }

    /// The data, and the index behind them.
    fn whole(&self) -> Vec<u8> {
        let start = boxed(b"ftyp", &[b"isom\0\0\0\0isom"]);
        let index = self.index(start.len() as u32 + 8);
        [start, boxed(b"mdat", &[&self.data]), index].concat()
    }

    /// The index, one fragment with these runs of samples, each a content of `trun`, and the data.
    fn fragmented(&self, runs: &[Vec<u8>]) -> Vec<u8> {
        let runs: Vec<u8> = runs.iter().flat_map(|run| boxed(b"trun", &[run])).collect();
        let fragment = boxed(b"moof", &[&boxed(b"traf", &[&table(b"tfhd", &[1]), &table(b"tfdt", &[0]), &runs])]);
        [boxed(b"ftyp", &[b"isom\0\0\0\0isom"]), self.index(0), fragment, boxed(b"mdat", &[&self.data])].concat()
    }
}

/// Far less than what these files took, far more than they take.
const SOON: Duration = Duration::from_secs(30);

/// Each sample was looked for in each stretch: 1 MB took half a minute, 100 MB days.
#[test]
fn twenty_thousand_edits_of_two_hundred_thousand_samples_are_opened_soon() {
    let mut film = Film::of(200_000);
    // All but the last begin behind every sample.
    let far = (0..20_000).flat_map(|_| [1, 2_000_000_000, 1 << 16]);
    film.edits = std::iter::once(20_001).chain(far).chain([0, 0, 1 << 16]).collect();
    let begun = Instant::now();
    let source = Source::read(film.whole(), &own()).unwrap();
    assert_eq!(source.clip().frames, Some(200_000));
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}

/// From each sample on all that follow were looked at, since they are shown before it.
#[test]
fn samples_that_are_shown_in_the_reverse_order_are_skipped_soon() {
    let count = 100_000;
    let mut film = Film::of(count);
    let delays = (0..count as i32).flat_map(|number| [1, (-2 * number).cast_unsigned()]);
    film.samples.extend(table(b"ctts", &std::iter::once(count).chain(delays).collect::<Vec<_>>()));
    let begun = Instant::now();
    // Only the last sample, which is shown first.
    let source = Source::read(film.whole(), &own().with_end(-99.9985)).unwrap();
    assert_eq!(source.count(), 1);
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}

/// Each run of samples was believed as far as the file reaches, and each could begin at its start: 53 KB made 8 million samples.
#[test]
fn runs_of_samples_share_the_bytes_of_the_file() {
    let mut film = Film::of(0);
    film.data = vec![0; 40_000];
    film.extends = boxed(b"mvex", &[&table(b"trex", &[1, 1, 1, 1, 0])]);
    let run = |count: u32, place: u32| words(&[1, count, place]);
    let greedy = film.fragmented(&vec![run(i32::MAX as u32, 0); 600]);
    assert_eq!(Source::read(greedy, &own()).unwrap_err().reason(), Reason::Damaged);
    let honest = film.fragmented(&[run(20_000, 96), run(20_000, 20_096)]);
    assert_eq!(Source::read(honest, &own()).unwrap().clip().frames, Some(40_000));
}

/// Only those before the first slice were looked at: one behind it counts for the next frame.
#[test]
fn a_parameter_set_behind_a_slice_is_held_against_the_limits() {
    let [large, small] = ["b-frames.mp4", "baseline.mp4"].map(parameter_sets);
    let slice = [0x65, 0x88, 0x84];
    let units = [&slice[..], &large[0], &large[1]];
    let sample: Vec<u8> = units.iter().flat_map(|unit| [&(unit.len() as u32).to_be_bytes()[..], unit].concat()).collect();
    let mut film = Film::of(1);
    film.sets = small;
    film.samples =
        [table(b"stsz", &[sample.len() as u32, 1]), table(b"stts", &[1, 1, 40]), table(b"stsc", &[1, 1, 1, 1])].concat();
    film.data = sample;
    let limits = VideoLimits::default().with_picture(Limits::default().with_side(100));
    let mut source = Source::read(film.whole(), &own().with_limits(limits)).unwrap();
    let frame = source.next().unwrap().unwrap();
    assert_eq!(frame.picture.unwrap_err().reason(), Reason::TooLarge);
}
