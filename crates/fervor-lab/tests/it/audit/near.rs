//! Altered copies among pictures that only resemble each other as faces do.

use fervor_lab::audit::{AuditOptions, FindingKind as K, SIMILARITY, audit, open_with_families};
use fervor_lab::dataset::{OpenOptions, Split, SplitRule};
use image::imageops::{self, FilterType};
use image::{GrayImage, Luma};

use super::{World, face, ids};

/// 30 pictures of each of two classes, none like another.
fn crowd() -> World {
    (0..30).fold(World::new(), |world, i| world.drawn(&format!("happy/{i}.png"), i).drawn(&format!("sad/{i}.png"), 100 + i))
}

fn map(picture: &GrayImage, change: impl Fn(f32) -> f32) -> GrayImage {
    let mut picture = picture.clone();
    picture.pixels_mut().for_each(|pixel| pixel.0[0] = change(f32::from(pixel.0[0])).round() as u8);
    picture
}

/// Turned around its middle, grey where nothing is.
fn turned(picture: &GrayImage, degrees: f32) -> GrayImage {
    let (sin, cos) = degrees.to_radians().sin_cos();
    let middle = (picture.width() - 1) as f32 / 2.0;
    GrayImage::from_fn(picture.width(), picture.height(), |x, y| {
        let (dx, dy) = (x as f32 - middle, y as f32 - middle);
        let (x, y) = ((cos * dx - sin * dy + middle).round(), (sin * dx + cos * dy + middle).round());
        let inside = x >= 0.0 && y >= 0.0 && x < picture.width() as f32 && y < picture.height() as f32;
        if inside { *picture.get_pixel(x as u32, y as u32) } else { Luma([127]) }
    })
}

/// A drawn face, larger.
fn face_at(number: u32, side: u32) -> GrayImage {
    imageops::resize(&face(number), side, side, FilterType::CatmullRom)
}

#[test]
fn every_kind_of_altered_copy_is_found() {
    let original = face(7);
    let copies = [
        ("brighter", map(&original, |v| v * 1.2)),
        ("darker", map(&original, |v| 0.7 * v)),
        ("flatter", map(&original, |v| 64.0 + 0.5 * v)),
        ("larger", imageops::resize(&original, 72, 72, FilterType::CatmullRom)),
        ("smaller", imageops::resize(&original, 30, 30, FilterType::Triangle)),
        ("mirrored", imageops::flip_horizontal(&original)),
        ("cropped", imageops::crop_imm(&original, 1, 3, 44, 44).to_image()),
        ("upside down", imageops::rotate180(&original)),
        ("a lying mirror", imageops::flip_vertical(&original)),
        ("turned by 5 degrees", turned(&face_at(7, 96), 5.0)),
        ("turned back by 9 degrees", turned(&face_at(7, 96), -9.0)),
        ("framed", {
            let mut framed = GrayImage::from_pixel(60, 60, Luma([255]));
            imageops::overlay(&mut framed, &original, 6, 6);
            framed
        }),
        ("marked", {
            let mut marked = original.clone();
            (30..38).for_each(|y| (4..40).filter(|x| (x / 3 + y / 2) % 2 == 0).for_each(|x| marked.put_pixel(x, y, Luma([250]))));
            marked
        }),
    ];
    for (name, copy) in copies {
        let file = format!("happy/{name}.png");
        let audited = crowd().picture(&file, &copy).audit();
        let mut expected = ["happy/7.png", file.as_str()];
        expected.sort_unstable();
        assert_eq!(ids(&audited, K::NearDuplicate), expected, "{name}");
    }
}

#[test]
fn pictures_that_are_no_copies_are_not_accused() {
    let audited = crowd().audit();
    assert_eq!(audited.report.findings, []);
}

#[test]
fn near_copies_across_splits_are_leaks_and_of_two_labels_conflicts() {
    let world = (0..20).fold(World::new(), |world, i| {
        let world = world.drawn(&format!("train/happy/{i}.png"), i).drawn(&format!("train/sad/{i}.png"), 100 + i);
        world.drawn(&format!("test/happy/{i}.png"), 200 + i).drawn(&format!("test/sad/{i}.png"), 300 + i)
    });
    let world = world.picture("test/sad/leak.png", &imageops::flip_horizontal(&face(103)));
    let world = world.picture("train/sad/conflict.png", &map(&face(5), |v| 0.8 * v + 20.0));
    let audited = world.audit();
    assert_eq!(ids(&audited, K::NearLeak), ["test/sad/leak.png", "train/sad/3.png"]);
    assert_eq!(ids(&audited, K::NearConflict), ["train/happy/5.png", "train/sad/conflict.png"]);
    assert!(ids(&audited, K::NearDuplicate).is_empty());
    let off = audit(world.0.path(), &AuditOptions { near: None, ..AuditOptions::default() }).unwrap();
    assert!(off.report.finding(K::NearLeak).is_none());
    assert_eq!(off.report.not_checked[0], "near-duplicates: switched off");
}

#[test]
fn a_split_keeps_near_copies_together() {
    let world = (0..10).fold(crowd(), |world, i| {
        let world = world.picture(&format!("happy/again {i}.png"), &imageops::flip_horizontal(&face(i)));
        world.picture(&format!("sad/again {i}.png"), &map(&face(100 + i), |v| 0.8 * v + 10.0))
    });
    let (mut dataset, families) = open_with_families(world.0.path(), &OpenOptions::default(), SIMILARITY).unwrap();
    assert_eq!(families.len(), 20);
    let is_torn = |dataset: &fervor_lab::dataset::Dataset| {
        let split = |&index: &usize| dataset.samples()[index].split;
        families.iter().any(|family| family.iter().any(|index| split(index) != split(&family[0])))
    };
    for seed in 0..5 {
        let rule = SplitRule::parse("60:20:20").unwrap().with_seed(seed);
        let report = rule.apply_together(&mut dataset, &families).unwrap();
        assert_eq!(report.counts, [48, 16, 16]);
        assert!(!is_torn(&dataset));
        let folds = dataset.folds(4, [60, 20, 20], seed, &families).unwrap();
        for fold in &folds {
            assert!(!is_torn(fold));
            assert_eq!(Split::ALL.map(|split| fold.of_split(split).len()), [48, 16, 16]);
        }
        let judged: usize = folds.iter().map(|fold| fold.of_split(Split::Validation).len()).sum();
        assert_eq!(judged + folds[0].of_split(Split::Test).len(), dataset.len(), "each sample is validation once");
    }
}
