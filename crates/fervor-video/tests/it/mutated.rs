//! Damaged files: each is answered, in time and in bounded memory, whatever its bytes are.
//!
//! `FERVOR_MUTATIONS=2000 cargo test --release -p fervor-video mutated` takes more of them.

use std::time::{Duration, Instant};

use fervor::{Face, FindFaces, Picture, Result};
use fervor_video::Source;
use fervor_video::pipeline::{Analysis, Settings};

use super::clips::{clip, own};
use super::seen::analyzer;

/// Finds nobody.
struct Nobody;

impl FindFaces for Nobody {
    fn find(&self, _: &Picture) -> Result<Vec<Face>> {
        Ok(Vec::new())
    }
}

/// The largest size of this process so far, in MiB, where the system says it.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kib| kib / 1024)
}

/// A small generator.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % below.max(1)
    }
}

/// Changes a few bytes or many, in one place or all over, or cuts, doubles and inserts.
fn mutate(bytes: &mut Vec<u8>, random: &mut Random) {
    let interesting = [0, 1, 0x7F, 0x80, 0xFF];
    for _ in 0..1 + random.next(4) {
        let at = random.next(bytes.len());
        match random.next(6) {
            0 => bytes[at] = interesting[random.next(interesting.len())],
            1 => bytes[at] ^= 1 << random.next(8),
            2 => (0..1 + random.next(200)).for_each(|_| {
                let at = random.next(bytes.len());
                bytes[at] = random.next(256) as u8;
            }),
            // A length, a count or an offset.
            3 => bytes[at..].iter_mut().take(4).for_each(|byte| *byte = interesting[random.next(interesting.len())]),
            4 => bytes.truncate(at.max(32)),
            _ => {
                let part = bytes[at..(at + random.next(64)).min(bytes.len())].to_vec();
                let to = random.next(bytes.len());
                bytes.splice(to..to, part);
            }
        }
    }
}

#[test]
fn two_hundred_mutated_files_neither_crash_nor_hang_nor_eat_the_memory() {
    let count = std::env::var("FERVOR_MUTATIONS").ok().and_then(|count| count.parse().ok()).unwrap_or(200);
    let names = [
        "b-frames.mp4",
        "baseline.mp4",
        "slices.mov",
        "fragmented.mp4",
        "variable.mp4",
        "hevc.mp4",
        "hevc-odd.mov",
        "edited.mp4",
        "stream.h264",
        "stream.hevc",
        "groups.mp4",
    ];
    let originals: Vec<Vec<u8>> = names.iter().map(|name| std::fs::read(clip(name)).unwrap()).collect();
    let nobody = analyzer(Nobody);
    let mut random = Random(2026);
    let before = peak();
    // What is caught of a decoder's panics need not be told a thousand times.
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let (mut opened, mut refused, mut broken, mut frames, mut worst) = (0, 0, 0, 0, Duration::ZERO);
    for number in 0..count {
        let which = number % names.len();
        let mut bytes = originals[which].clone();
        mutate(&mut bytes, &mut random);
        let again = bytes.clone();
        let begun = Instant::now();
        match Source::read(bytes, &own()) {
            Ok(source) => {
                opened += 1;
                for frame in source.take(20_000) {
                    frames += 1;
                    broken += usize::from(frame.is_err() || frame.is_ok_and(|frame| frame.picture.is_err()));
                }
            }
            Err(_) => refused += 1,
        }
        if names[which] == "groups.mp4" {
            // Decoded at several places, too: whatever is broken, numbers rise and it ends.
            let source = Source::read(again, &own());
            let seen =
                source.into_iter().flat_map(|source| Analysis::new(source, nobody.clone(), Settings::default().with_threads(3)));
            let numbers: Vec<u64> = seen.map_while(Result::ok).map(|seen| seen.index).collect();
            assert!(numbers.is_sorted_by(|a, b| a < b), "file {number}: {numbers:?}");
        }
        let took = begun.elapsed();
        worst = worst.max(took);
        assert!(took < Duration::from_secs(60), "file {number}, made of {}: {took:?}", names[which]);
    }
    std::panic::set_hook(hook);
    println!("{opened} opened, {refused} refused; {frames} frames, {broken} of them broken; the slowest {worst:?}");
    println!("peak memory {before:?} MiB before, {:?} MiB after", peak());
    assert!(peak().is_none_or(|peak| peak < 3000), "{:?} MiB", peak());
}
