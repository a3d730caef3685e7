//! One fault at a time, in a world without others.

use fervor_lab::audit::{AcceptedFormats, AuditOptions, FindingKind as K, Level, audit};
use image::{GrayImage, Luma};

use super::{World, face, ids};

/// Two classes of four faces each: nothing to find.
fn clean() -> World {
    (0..4).fold(World::new(), |world, i| world.drawn(&format!("happy/{i}.png"), i).drawn(&format!("sad/{i}.png"), 100 + i))
}

fn png(picture: &GrayImage) -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

#[test]
fn a_clean_set_has_no_findings() {
    let audited = clean().audit();
    assert_eq!(audited.report.findings, []);
    assert!(!audited.report.has_errors());
    assert_eq!(audited.report.statistics.classes[0].examples.len(), 4);
    let batch = audited.report.statistics.batch.unwrap();
    assert_eq!((batch.shape, batch.labels), ([8, 1, 48, 48], vec![4, 4]));
}

#[test]
fn files_that_lie_or_are_broken_are_found_and_no_others() {
    let whole = png(&face(900));
    let world = clean()
        .file("happy/empty.png", "")
        .file("happy/cut.png", &whole[..whole.len() / 2])
        .file("sad/text.png", "hello")
        .file("sad/phone.heic", b"\0\0\0\x18ftypheic")
        .file("sad/really png.jpg", png(&face(901)))
        .file("sad/hidden-picture.dat", png(&face(902)))
        .file("happy/notes.txt", "hello")
        .file("happy/笑顔 with\nnewline.png", png(&face(903)));
    let audited = world.audit();
    assert_eq!(ids(&audited, K::EmptyFile), ["happy/empty.png"]);
    assert_eq!(ids(&audited, K::TruncatedFile), ["happy/cut.png"]);
    assert_eq!(ids(&audited, K::NotAPicture), ["sad/text.png"]);
    assert_eq!(ids(&audited, K::UnsupportedFormat), ["sad/phone.heic"]);
    assert_eq!(ids(&audited, K::WrongExtension), ["sad/hidden-picture.dat", "sad/really png.jpg"]);
    assert_eq!(ids(&audited, K::StrayFile), ["happy/notes.txt"]);
    assert_eq!(audited.report.findings.len(), 6, "{:#?}", audited.report.findings);
    assert_eq!(audited.report.pictures, 10);
}

#[test]
fn formats_outside_of_the_strict_list_are_found_when_it_is_asked_for() {
    let world = clean();
    image::DynamicImage::ImageLuma8(face(904)).to_rgb8().save(world.path("happy/a.gif")).unwrap();
    let options = AuditOptions { accepted: AcceptedFormats::Strict, ..AuditOptions::default() };
    let audited = audit(world.0.path(), &options).unwrap();
    assert_eq!(ids(&audited, K::NotAccepted), ["happy/a.gif"]);
    assert!(ids(&world.audit(), K::NotAccepted).is_empty());
}

#[test]
fn class_folders_are_read_as_people_write_them() {
    let world = clean().drawn("hapy/a.png", 905).drawn("Sadness/b.png", 906);
    std::fs::create_dir(world.path("angry")).unwrap();
    let audited = world.audit();
    assert_eq!(ids(&audited, K::MisspeltClass), ["hapy"]);
    assert_eq!(audited.report.finding(K::MisspeltClass).unwrap().items[0].suggestion.as_deref(), Some("happy"));
    assert_eq!(ids(&audited, K::SynonymousClass), ["Sadness"]);
    assert_eq!(ids(&audited, K::EmptyClass), ["angry"]);
    // A class was not named where there are files in it and none of them can be read.
    let audited = world.file("fear/1.png", "no picture").audit();
    assert_eq!(ids(&audited, K::EmptyClass), ["angry", "fear"]);
}

#[test]
fn pictures_without_content_are_found() {
    let gray = |value: u8| GrayImage::from_pixel(48, 48, Luma([value]));
    let faint = GrayImage::from_fn(48, 48, |x, _| Luma([120 + (x / 12) as u8]));
    let mut dark = face(907);
    dark.pixels_mut().for_each(|pixel| pixel.0[0] /= 6);
    let tiny = image::imageops::thumbnail(&face(908), 16, 16);
    let strip = image::imageops::resize(&face(909), 300, 40, image::imageops::FilterType::Triangle);
    let world = clean().picture("happy/blank.png", &gray(7)).picture("happy/faint.png", &faint);
    let world = world.picture("sad/dark.png", &dark).picture("sad/tiny.png", &tiny).picture("sad/strip.png", &strip);
    let audited = world.audit();
    assert_eq!(ids(&audited, K::Blank), ["happy/blank.png"]);
    assert_eq!(ids(&audited, K::Flat), ["happy/faint.png"]);
    assert_eq!(ids(&audited, K::Dark), ["sad/dark.png"]);
    assert_eq!(ids(&audited, K::TooSmall), ["sad/tiny.png"]);
    assert_eq!(ids(&audited, K::AbsurdSize), ["sad/strip.png"]);
    assert_eq!(audited.report.finding(K::Blank).unwrap().level, Level::Error);
}

#[test]
fn leaks_and_conflicts_are_found_with_their_groups() {
    let world = (0..3).fold(World::new(), |world, i| {
        world
            .drawn(&format!("train/happy/{i}.png"), i)
            .drawn(&format!("train/sad/{i}.png"), 100 + i)
            .drawn(&format!("test/happy/{i}.png"), 200 + i)
    });
    let world = world.drawn("test/sad/leak.png", 101).drawn("train/sad/conflict.png", 2).drawn("test/sad/own.png", 300);
    let audited = world.audit();
    assert_eq!(ids(&audited, K::Leak), ["test/sad/leak.png", "train/sad/1.png"]);
    assert_eq!(ids(&audited, K::Conflict), ["train/happy/2.png", "train/sad/conflict.png"]);
    assert_eq!(audited.report.finding(K::ExactDuplicate).unwrap().groups.len(), 2);
    assert!(audited.report.has_errors());
    let (group, members) = audited.report.finding(K::Leak).unwrap().grouped().next().unwrap();
    assert!(group.across_splits && !group.conflicting && members.len() == 2);
}

#[test]
fn imbalance_suggests_weights_in_the_form_that_train_takes() {
    let world = (0..12).fold(clean(), |world, i| world.drawn(&format!("happy/more {i}.png"), 400 + i));
    let audited = world.audit();
    let balance = &audited.report.statistics.balance;
    assert_eq!((balance.of.as_str(), balance.imbalance_ratio), ("all", 4.0));
    assert!(balance.classes[1].weight > balance.classes[0].weight);
    assert!((balance.classes.iter().map(|class| class.weight).sum::<f64>() - 2.0).abs() < 1e-9);
    assert!(balance.setting.starts_with("loss.class_weights=["), "{}", balance.setting);
    assert!(audited.report.finding(K::Imbalance).is_some());
}

// A row of a table has no file name, and each was told to have the wrong one.
#[cfg(feature = "parquet")]
#[test]
fn pictures_in_rows_of_a_table_have_no_wrong_names() {
    let world = World::new().file("faces.parquet", include_bytes!("../../data/faces.parquet"));
    let options = AuditOptions { accepted: AcceptedFormats::Strict, ..AuditOptions::default() };
    let audited = audit(&world.path("faces.parquet"), &options).unwrap();
    assert_eq!(audited.report.pictures, 6);
    assert!(ids(&audited, K::WrongExtension).is_empty() && ids(&audited, K::NotAccepted).is_empty());
}
