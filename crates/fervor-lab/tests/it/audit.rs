//! The doctor over tiny generated worlds, and over FER-2013 where it is at hand.

mod fer2013;
mod findings;
mod fix;
mod near;

use std::fs;

use fervor_lab::audit::{AuditOptions, Audited, FindingKind, audit};
use image::{GrayImage, Luma};

use crate::world::World;

impl World {
    /// A grey picture with its own texture; the same number gives the same pixels.
    fn drawn(self, name: &str, number: u32) -> Self {
        let picture = face(number);
        self.picture(name, &picture)
    }

    fn picture(self, name: &str, picture: &GrayImage) -> Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        picture.save(path).unwrap();
        self
    }

    fn audit(&self) -> Audited {
        audit(self.0.path(), &AuditOptions::default()).unwrap()
    }
}

/// Blobs of its own, so that no two numbers look alike.
fn face(number: u32) -> GrayImage {
    let mut state = number.wrapping_mul(2_654_435_761) ^ 0x9E37_79B9;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        (state >> 8) as f32 / (1 << 24) as f32
    };
    let blobs: Vec<[f32; 4]> =
        (0..90).map(|_| [random() * 48.0, random() * 48.0, 0.8 + 2.0 * random(), 240.0 * random() - 120.0]).collect();
    GrayImage::from_fn(48, 48, |x, y| {
        let sum: f32 = blobs
            .iter()
            .map(|[bx, by, r, height]| height * (-((x as f32 - bx).powi(2) + (y as f32 - by).powi(2)) / (2.0 * r * r)).exp())
            .sum();
        Luma([(128.0 + sum).clamp(0.0, 255.0) as u8])
    })
}

/// The ids of a finding, sorted.
fn ids(audited: &Audited, kind: FindingKind) -> Vec<&str> {
    let finding = audited.report.finding(kind);
    let mut ids: Vec<&str> = finding.iter().flat_map(|finding| &finding.items).map(|item| item.id.as_str()).collect();
    ids.sort_unstable();
    ids
}
