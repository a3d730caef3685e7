//! The known facts of FER-2013 (Training and PublicTest), from the table and from the folder form.

use std::path::{Path, PathBuf};

use fervor_lab::audit::{AuditOptions, Audited, FindingKind, audit};
use fervor_lab::dataset::{Dataset, OpenOptions, Split, groups};

use crate::world::shared;

use super::World;

/// Groups and their pictures.
fn counts(audited: &Audited, kind: FindingKind) -> (usize, usize) {
    let finding = audited.report.finding(kind).unwrap();
    (finding.groups.len(), finding.items.len())
}

/// The pictures of `split` that stand in train too.
fn leaked(audited: &Audited, split: Split) -> usize {
    let leaks = audited.report.finding(FindingKind::Leak).unwrap();
    let of = |split| leaks.grouped().filter(move |(_, items)| items.iter().any(|item| item.split == Some(split)));
    of(Split::Train).flat_map(|(_, items)| items).filter(|item| item.split == Some(split)).count()
}

#[test]
#[ignore = "needs shared/data"]
fn the_table_of_fer_2013_has_its_known_faults() {
    let audited = audit(&shared("fer2013.csv.xz"), &AuditOptions { near: None, ..AuditOptions::default() }).unwrap();
    assert_eq!((audited.report.pictures, audited.report.distinct), (32_298, 30_766));
    assert_eq!(counts(&audited, FindingKind::ExactDuplicate), (1_273, 2_805));
    assert_eq!(counts(&audited, FindingKind::Conflict), (47, 129));
    assert_eq!(counts(&audited, FindingKind::Leak).0, 270);
    assert_eq!(leaked(&audited, Split::Validation), 280);
    assert_eq!(audited.report.finding(FindingKind::Blank).unwrap().items.len(), 12);
    assert!(audited.report.has_errors());
}

/// The whole folder form where `FERVOR_TEST_FER_FOLDER` names it (`tools/unpack-data` writes it), else its duplicates alone, 2,805
/// files of 32,298, among which are all blank ones: the others change no count but the first two.
#[test]
#[ignore = "needs shared/data"]
fn the_folder_form_of_fer_2013_has_the_same_faults() {
    let world;
    let (folder, whole) = match std::env::var_os("FERVOR_TEST_FER_FOLDER") {
        Some(folder) => (PathBuf::from(folder), true),
        None => {
            world = duplicates_of(&shared("fer2013.csv.xz"), &shared("fer2013-names.csv"));
            (world.path("fer2013"), false)
        }
    };
    let audited = audit(&folder, &AuditOptions { near: None, ..AuditOptions::default() }).unwrap();
    let expected = if whole { (32_298, 30_766) } else { (2_805, 1_273) };
    assert_eq!((audited.report.pictures, audited.report.distinct), expected);
    assert_eq!(counts(&audited, FindingKind::ExactDuplicate), (1_273, 2_805));
    assert_eq!(counts(&audited, FindingKind::Conflict), (47, 129));
    assert_eq!(counts(&audited, FindingKind::Leak).0, 270);
    assert_eq!(leaked(&audited, Split::Test), 280, "test/ holds the PublicTest files");
    assert_eq!(audited.report.finding(FindingKind::Blank).unwrap().items.len(), 12);
}

fn duplicates_of(table: &Path, names: &Path) -> World {
    let table = Dataset::open(table, &OpenOptions::default()).unwrap();
    let text = std::fs::read_to_string(names).unwrap();
    let paths: Vec<&str> = text.lines().skip(1).map(|line| line.split(',').nth(3).unwrap()).collect();
    let mut world = World::new();
    for row in groups(&table).groups.into_iter().flat_map(|group| group.members) {
        let gray = image::GrayImage::from_raw(48, 48, table.picture(row).unwrap().luma()).unwrap();
        let path = Path::new("fer2013").join(paths[row]).with_extension("png");
        world = world.picture(path.to_str().unwrap(), &gray);
    }
    world
}
