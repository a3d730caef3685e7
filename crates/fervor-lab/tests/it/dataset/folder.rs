//! One folder for each class.

use std::fs;
use std::sync::atomic::{AtomicUsize, Ordering};

use fervor::{Limits, Reason};
use fervor_lab::dataset::{OpenOptions, Split, groups};
use image::ImageFormat;

use crate::world::told;

use super::{World, ids, only, picture, says};

#[test]
fn each_folder_is_a_class_in_alphabetical_order() {
    let world = World::new().face("Sad/b.png", 1).face("Happiness/a.png", 2).face("angry/deep/er/c.png", 3);
    let dataset = world.open();
    assert_eq!(dataset.labels().names(), ["angry", "happy", "sad"]);
    assert_eq!(ids(&dataset), ["Happiness/a.png", "Sad/b.png", "angry/deep/er/c.png"]);
    assert_eq!(dataset.samples().iter().map(|sample| sample.label).collect::<Vec<_>>(), [1, 2, 0]);
    assert!(!dataset.has_splits() && dataset.problems().is_empty() && dataset.skipped().is_empty());
    assert_eq!(dataset.picture(0).unwrap().content_hash(), dataset.samples()[0].hash);
}

#[test]
fn two_folders_with_synonyms_are_one_class() {
    let dataset = World::new().face("joy/a.png", 1).face("Happy/a.png", 2).face("wink/a.png", 3).open();
    assert_eq!(dataset.labels().names(), ["happy", "wink"]);
    assert_eq!(dataset.class_counts(None), [2, 1]);
}

#[test]
fn folders_above_the_classes_are_splits() {
    let world = World::new().face("Train/happy/a.png", 1).face("Train/sad/b.png", 2).face("valid/happy/c.png", 3);
    let dataset = world.face("TEST/sad/d.png", 4).file("notes/readme.txt", "hello").open();
    assert_eq!(dataset.of_split(Split::Train).len(), 2);
    assert_eq!(ids(&dataset.subset(&dataset.of_split(Split::Validation))), ["valid/happy/c.png"]);
    assert_eq!(ids(&dataset.filter(|sample| sample.split == Some(Split::Test))), ["TEST/sad/d.png"]);
    assert_eq!(dataset.class_counts(Some(Split::Train)), [1, 1]);
    assert_eq!(dataset.skipped().folders, ["notes"]);
}

// Seven class folders beside test/ were passed over, and a hint led to training on the test pictures.
#[test]
fn classes_beside_a_test_part_are_the_training_part() {
    let world = World::new().face("happy/a.png", 1).face("sad/b.png", 2).face("test/happy/c.png", 3).face("test/sad/d.png", 4);
    let dataset = world.face("docs/page.png", 5).open();
    assert_eq!(ids(&dataset.subset(&dataset.of_split(Split::Train))), ["happy/a.png", "sad/b.png"]);
    assert_eq!(dataset.of_split(Split::Test).len(), 2);
    assert_eq!(dataset.skipped().folders, ["docs"]);
}

#[test]
fn a_part_that_is_not_understood_is_refused_and_named() {
    let parts = || World::new().face("train/happy/a.png", 1).face("train/sad/b.png", 2);
    let misspelt = parts().face("vaildation/happy/c.png", 3).refusal();
    says(&misspelt, &["vaildation/ lies beside train/", "hint: rename vaildation/ to validation/"]);
    says(
        &parts().face("holdout/sad/c.png", 3).refusal(),
        &["holdout/ lies beside train/", "rename holdout/ to train/, validation/ or test/"],
    );
    says(&parts().face("happy/c.png", 3).refusal(), &["class folders (happy/) lie beside train/", "train alone"]);
    assert_eq!(parts().face("dev/happy/c.png", 3).open().of_split(Split::Validation).len(), 1);
}

#[test]
fn a_part_without_classes_is_no_part() {
    let classes = || World::new().face("happy/a.png", 1).face("sad/b.png", 2);
    let world = classes();
    fs::create_dir(world.path("test")).unwrap();
    let dataset = world.open();
    assert!(!dataset.has_splits() && dataset.skipped().folders == ["test"]);
    says(
        &classes().face("test/1.png", 3).refusal(),
        &["test/ lies beside the class folders (happy/", "is it a class, or the test part?"],
    );
    let dataset = World::new().face("train/happy/a.png", 1).face("train/sad/b.png", 2).face("test/1.png", 3).open();
    assert_eq!((dataset.skipped().folders.as_slice(), dataset.skipped().outside_classes), (["test".to_owned()].as_slice(), 1));
}

#[test]
fn a_class_of_which_nothing_can_be_read_is_named_and_is_no_class() {
    let world = World::new().face("happy/a.png", 1).face("sad/b.png", 2).file("fear/c.heic", b"\0\0\0\x18ftypheic");
    let dataset = world.file("disgust/notes.txt", "none").open();
    assert_eq!(dataset.labels().names(), ["happy", "sad"]);
    assert_eq!(dataset.skipped().empty_classes, ["disgust", "fear"]);
    assert_eq!(dataset.problems()[0].reason, Reason::Unsupported);
}

#[test]
fn one_unreadable_picture_is_reported_and_skipped() {
    let whole = picture(9, ImageFormat::Png);
    let world = World::new().face("happy/a.png", 1).face("sad/a.png", 2);
    let world =
        world.file("sad/broken.png", &whole[..whole.len() / 2]).file("sad/empty.jpg", "").file("happy/text.jpeg", "hello");
    let dataset = world.file("happy/phone.heic", b"\0\0\0\x18ftypheic").open();
    assert_eq!(ids(&dataset), ["happy/a.png", "sad/a.png"]);
    let problems: Vec<&str> = dataset.problems().iter().map(|problem| problem.id.as_str()).collect();
    assert_eq!(problems, ["happy/phone.heic", "happy/text.jpeg", "sad/broken.png", "sad/empty.jpg"]);
    let reasons: Vec<Reason> = dataset.problems().iter().map(|problem| problem.reason).collect();
    assert_eq!(reasons, [Reason::Unsupported, Reason::NotAPicture, Reason::Truncated, Reason::Empty]);
    assert!(dataset.problems().iter().all(|problem| !problem.message.is_empty()));
}

#[test]
fn a_file_over_the_limit_is_a_problem() {
    let mut large = picture(3, ImageFormat::Png);
    large.resize(5_000, 0);
    let world = World::new().face("happy/a.png", 1).face("sad/a.png", 2).file("sad/large.png", large);
    let limits = Limits { bytes: 4_999, ..Limits::default() };
    let dataset = world.try_open(&OpenOptions { limits, ..OpenOptions::default() }).unwrap();
    assert_eq!(ids(&dataset), ["happy/a.png", "sad/a.png"]);
    says(&dataset.problems()[0].message, &["more than 4999 bytes: 5000"]);
}

#[test]
fn what_is_no_picture_is_counted() {
    let world = World::new().face("happy/a.png", 1).face("sad/a.png", 2).face("lost.png", 3);
    let world = world.file("happy/.DS_Store", "x").file("sad/Thumbs.db", "x").file(".git/config", "x").file("sad/notes.txt", "x");
    let world = world.file("happy/README", "read me").file("happy/sniffed", picture(7, ImageFormat::Jpeg));
    fs::create_dir(world.path("empty")).unwrap();
    let dataset = world.open();
    assert_eq!(ids(&dataset), ["happy/a.png", "happy/sniffed", "sad/a.png"]);
    let skipped = dataset.skipped();
    assert_eq!((skipped.hidden, skipped.other_files, skipped.outside_classes), (3, 2, 1));
    assert_eq!(skipped.empty_classes, ["empty"]);
    assert!(dataset.problems().is_empty());
}

#[test]
fn names_in_any_script_are_kept() {
    let world = World::new().face("happy/Ærø 笑顔 😀.png", 1).face("грусть/ü.png", 2);
    let dataset = world.open();
    assert_eq!(ids(&dataset), ["happy/Ærø 笑顔 😀.png", "грусть/ü.png"]);
    assert!(dataset.picture(1).is_ok());
}

#[cfg(unix)]
#[test]
fn links_are_followed_but_never_in_circles() {
    let world = World::new().face("happy/a.png", 1).face("sad/a.png", 2).face("elsewhere/.hidden", 3);
    std::os::unix::fs::symlink(world.path("happy"), world.path("happy/again")).unwrap();
    std::os::unix::fs::symlink(world.path(""), world.path("happy/top")).unwrap();
    std::os::unix::fs::symlink(world.path("nowhere"), world.path("sad/gone.png")).unwrap();
    std::os::unix::fs::symlink(world.path("sad/a.png"), world.path("happy/linked.png")).unwrap();
    let dataset = world.open();
    assert_eq!(ids(&dataset), ["happy/a.png", "happy/linked.png", "sad/a.png"]);
    let problems: Vec<&str> = dataset.problems().iter().map(|problem| problem.id.as_str()).collect();
    assert_eq!(problems, ["happy/again", "happy/top", "sad/gone.png"]);
    assert!(dataset.problems().iter().all(|problem| problem.reason == Reason::BrokenLink), "{:?}", dataset.problems());
}

#[test]
fn asked_classes_come_in_the_asked_order_and_the_rest_is_counted() {
    let world = World::new().face("happy/a.png", 1).face("sad/a.png", 2).face("angry/a.png", 3).face("angry/b.png", 4);
    let dataset = world.try_open(&only(&["sadness", "happy"])).unwrap();
    assert_eq!(dataset.labels().names(), ["sad", "happy"]);
    assert_eq!(dataset.samples().iter().map(|sample| sample.label).collect::<Vec<_>>(), [1, 0]);
    assert_eq!(dataset.skipped().other_classes["angry"], 2);
    let error = world.try_open(&only(&["happy", "fear"])).unwrap_err();
    says(&told(&error), &["no class \"fear\"", "angry, happy, sad"]);
}

#[test]
fn a_wrong_folder_says_what_was_expected_and_what_was_found() {
    let expected = "expected one folder of pictures for each of at least two classes";
    says(&World::new().refusal(), &[expected, "found nothing"]);
    says(
        &World::new().face("a.png", 1).face("b.png", 2).refusal(),
        &[expected, "2 picture files that lie directly in it, such as a.png"],
    );
    says(&World::new().face("happy/a.png", 1).refusal(), &[expected, "only one class: happy"]);
    says(&World::new().file("happy/a.txt", "").refusal(), &[expected, "folders without pictures: happy"]);
    says(&World::new().file("fer2013.csv", "").refusal(), &[expected, "a table: fer2013.csv", "hint: to open the table"]);
    says(&World::new().file("a.txt", "").refusal(), &[expected, "1 files that are no pictures, such as a.txt"]);
    says(&World::new().face("train/a.png", 1).refusal(), &[expected, "no class folders in train"]);
    says(
        &World::new().file("happy/a.png", "x").file("sad/b.png", "x").refusal(),
        &["none of 2 files could be read", "happy/a.png: "],
    );
}

#[test]
fn a_data_set_one_folder_further_down_is_not_taken_for_a_class() {
    let world = World::new().face("archive/train/happy/a.png", 1).face("archive/train/sad/a.png", 2).face("more/x.png", 3);
    says(&world.refusal(), &["found a folder of a data set in one of them: archive/train/", "hint: ", "archive"]);
}

#[test]
fn progress_counts_every_picture() {
    let world = World::new().face("happy/a.png", 1).face("sad/a.png", 2).face("sad/b.png", 2);
    let (calls, last) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let progress = |done: usize, total: usize| {
        assert!(done <= total && total == 3);
        calls.fetch_add(1, Ordering::Relaxed);
        last.fetch_max(done, Ordering::Relaxed);
    };
    world.try_open(&OpenOptions { progress: Some(&progress), ..OpenOptions::default() }).unwrap();
    assert_eq!((calls.into_inner(), last.into_inner()), (3, 3));
}

#[test]
fn the_same_pixels_are_duplicates_whatever_their_files() {
    let bmp = picture(5, ImageFormat::Bmp);
    let world = World::new().face("train/happy/a.png", 5).file("test/sad/b.bmp", &bmp).file("test/sad/c.bmp", &bmp);
    let dataset = world.face("train/sad/other.png", 6).open();
    let duplicates = groups(&dataset);
    assert_eq!((duplicates.distinct, duplicates.rows(), duplicates.groups.len()), (2, 3, 1));
    assert!(duplicates.groups[0].conflicting && duplicates.groups[0].across_splits);
    assert_eq!(duplicates.leaked(&dataset, Split::Test, Split::Train).len(), 2);
    assert_eq!(duplicates.leaked(&dataset, Split::Train, Split::Test).len(), 1);
    assert!(duplicates.leaked(&dataset, Split::Validation, Split::Train).is_empty());
}

// Scores of the test part counted what could not be read of the training part.
#[test]
fn what_is_left_out_is_counted_for_each_part() {
    let world = World::new().face("train/happy/1.png", 1).face("train/sad/2.png", 2).face("test/sad/3.png", 3);
    let world = world.file("train/happy/a.png", "broken").file("train/sad/b.png", "broken").file("test/happy/c.png", "broken");
    let dataset = world.open();
    let unreadable = |split: Option<Split>| dataset.left_out(split).reasons()[0];
    assert_eq!(unreadable(None), ("unreadable", 3));
    assert_eq!([Split::Train, Split::Test, Split::Validation].map(|split| unreadable(Some(split)).1), [2, 1, 0]);
}
