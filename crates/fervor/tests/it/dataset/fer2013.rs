//! The known facts of FER-2013 (Training and PublicTest), from the table and from the folder form.

use std::path::{Path, PathBuf};

use fervor::dataset::{Dataset, OpenOptions, Split, groups};

/// The shared data beside the workspace, or where `FERVOR_TEST_DATA` says; `None` with a line that says why the test is skipped.
fn shared(name: &str) -> Option<PathBuf> {
    let beside = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data");
    let path = std::env::var_os("FERVOR_TEST_DATA").map_or_else(beside, PathBuf::from).join(name);
    if !path.exists() {
        eprintln!("skipped: {} is not here", path.display());
        return None;
    }
    Some(path)
}

#[test]
fn fer_2013_has_its_known_duplicates_and_leaks() {
    let Some(path) = shared("fer2013.csv.xz") else { return };
    let dataset = Dataset::open(&path, &OpenOptions::default()).unwrap();
    assert_eq!(dataset.name(), "fer2013");
    assert_eq!((dataset.len(), dataset.problems().len()), (32_298, 0));
    assert_eq!(dataset.of_split(Split::Train).len(), 28_709);
    assert_eq!(dataset.of_split(Split::Validation).len(), 3_589);
    assert_eq!(dataset.class_counts(Some(Split::Train)), [3995, 436, 4097, 7215, 4830, 3171, 4965]);

    let duplicates = groups(&dataset);
    assert_eq!(duplicates.distinct, 30_766);
    assert_eq!((duplicates.groups.len(), duplicates.rows()), (1_273, 2_805));
    let conflicting: Vec<_> = duplicates.conflicting().collect();
    assert_eq!((conflicting.len(), conflicting.iter().map(|group| group.members.len()).sum::<usize>()), (47, 129));
    assert_eq!(duplicates.across_splits().count(), 270);
    assert_eq!(duplicates.leaked(&dataset, Split::Validation, Split::Train).len(), 280);
}
