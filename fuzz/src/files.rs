//! Tables, manifests and audits read files: each mutant becomes one, in memory where the system has such a folder.

use std::cell::LazyCell;
use std::fs;
use std::io::Write;
use std::path::Path;

use fervor::Picture;
use fervor_lab::audit::{self, AuditOptions, fix};
use fervor_lab::dataset::{Dataset, Manifest, OpenOptions, SplitRule};
use flate2::Compression;
use flate2::write::GzEncoder;
use tempfile::TempDir;

use crate::LIMITS;

/// Stands between the parts of an input.
pub const BETWEEN: &[u8] = b"\n%%%\n";

thread_local! {
    static FOLDER: LazyCell<TempDir> = LazyCell::new(|| {
        let folder = TempDir::new_in(if Path::new("/dev/shm").is_dir() { "/dev/shm" } else { "." }).expect("a folder for mutants");
        for (class, value) in [("happy", 200), ("sad", 20)] {
            let picture = Picture::from_gray(8, 8, &[value; 64]).expect("8 x 8 pixels");
            fs::create_dir_all(folder.path().join("faces").join(class)).expect("a folder for a class");
            fs::write(folder.path().join("faces").join(class).join("a.png"), picture.encode_png().expect("a PNG"))
                .expect("a picture");
        }
        folder
    });
}

/// At the first [`BETWEEN`].
fn parts(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.windows(BETWEEN.len()).position(|window| window == BETWEEN) {
        Some(at) => (&bytes[..at], &bytes[at + BETWEEN.len()..]),
        None => (bytes, &[]),
    }
}

/// A FER-2013 table and a FER+ table of votes. The first byte says whether the table is packed before it is read (mutants of
/// packed bytes seldom pass their checksums).
pub fn table(bytes: &[u8]) {
    let Some((how, bytes)) = bytes.split_first() else { return };
    let (table, votes) = parts(bytes);
    let packed = match how % 4 {
        1 => {
            let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
            packer.write_all(table).expect("memory");
            packer.finish().expect("memory")
        }
        _ => table.to_vec(),
    };
    FOLDER.with(|folder| {
        let (path, votes_path) = (folder.path().join("table.csv"), folder.path().join("votes.csv"));
        fs::write(&path, packed).expect("a file");
        fs::write(&votes_path, votes).expect("a file");
        let with_votes = (!votes.is_empty()).then_some(votes_path);
        let options = OpenOptions { limits: LIMITS, votes: with_votes, ..OpenOptions::default() };
        if let Ok(dataset) = Dataset::open(&path, &options) {
            survives(dataset, folder.path());
        }
    });
}

/// A manifest over a folder, decisions of an audit over it, and a picture file in it.
pub fn manifest(bytes: &[u8]) {
    let (manifest, rest) = parts(bytes);
    let (decisions, picture) = parts(rest);
    FOLDER.with(|folder| {
        let path = folder.path().join("manifest.json");
        fs::write(&path, manifest).expect("a file");
        if let Ok(manifest) = Manifest::load(&path) {
            let copy = folder.path().join("copy.json");
            manifest.save(&copy).expect("a manifest can be written");
            let again = Manifest::load(&copy).expect("and read");
            assert_eq!(manifest.sha256(), again.sha256());
            // A stranger's manifest may name any folder; mutants keep to theirs.
            if manifest.source.path.starts_with(folder.path())
                && let Ok(dataset) = Dataset::open(&path, &OpenOptions { limits: LIMITS, ..OpenOptions::default() })
            {
                survives(dataset, folder.path());
            }
        }
        if !rest.is_empty() {
            let table = folder.path().join("changes.csv");
            fs::write(&table, decisions).expect("a file");
            fs::write(folder.path().join("faces/happy/b.jpg"), picture).expect("a file");
            let decisions = fix::read_decisions(&table);
            let mut options = AuditOptions::default();
            options.open.limits = LIMITS;
            // Pictures and tables that cannot be read are findings: the two good pictures make it a data set.
            let audited = audit::audit(&folder.path().join("faces"), &options).expect("two classes of pictures");
            if let Ok(decisions) = decisions {
                let _ = fix::apply(&audited.dataset, &decisions);
            }
        }
    });
}

/// What can be opened can be split, and written down and read again as the same.
fn survives(mut dataset: Dataset, folder: &Path) {
    let _ = SplitRule::parse("80:10:10").expect("a rule").apply(&mut dataset);
    for index in 0..dataset.len().min(8) {
        let _ = dataset.picture(index);
        let _ = dataset.soft_label(index);
    }
    let manifest = Manifest::of(&dataset);
    let path = folder.join("written.json");
    manifest.save(&path).expect("a manifest can be written");
    assert_eq!(Manifest::load(&path).expect("and read").sha256(), manifest.sha256());
}
