//! Pictures that are drawn here, jobs on them, and what they come to.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arrow_array::Array;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use bytes::Bytes;
use fervor::{Analyzer, Error, Limits, Picture, Reason, Result, WholePicture};
use fervor_table::arrow_array;
use fervor_table::job::{Counts, Far, Job, Listed, PartFormat, Planner, Spec, Work};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

pub fn picture(grain: u8) -> Vec<u8> {
    let pixels: Vec<u8> = (0..48 * 48_u32).map(|i| (i % 48) as u8 * 3 + grain).collect();
    Picture::from_gray(48, 48, &pixels).unwrap().encode_png().unwrap()
}

/// A folder `pictures/` with `count` pictures, of which each fifth is none.
pub fn pictures(root: &Path, count: u8) -> Vec<PathBuf> {
    let folder = root.join("pictures");
    fs::create_dir_all(&folder).unwrap();
    let paths: Vec<PathBuf> = (0..count).map(|number| folder.join(format!("{number:03}.png"))).collect();
    for (number, path) in paths.iter().enumerate() {
        fs::write(path, if number % 5 == 4 { b"words".to_vec() } else { picture(number as u8) }).unwrap();
    }
    paths
}

pub fn spec(part: usize, format: &str) -> Spec {
    let settings = serde_json::json!({"model": "m", "faces": "whole"}).as_object().cloned().unwrap();
    Spec { settings, inputs: vec!["pictures".to_owned()], directory: "/".to_owned(), part, format: format.to_owned() }
}

/// Works at a job until it is done, or until so many pictures are.
pub fn work(job: &mut Job, most: u64) -> Counts {
    let analyzer = Analyzer::builtin().unwrap().with_finder(WholePicture);
    let (stop, seen) = (AtomicBool::new(false), AtomicU64::new(0));
    let work = Work {
        analyzer: &analyzer,
        keep: &|_| true,
        limits: Limits::default(),
        format: PartFormat::Parquet,
        stop: &stop,
        far: Some(Arc::new(Server)),
        failed: &|_, _, _| {},
        progress: &|counts| {
            if seen.fetch_add(counts.pictures, Ordering::Relaxed) + counts.pictures >= most {
                stop.store(true, Ordering::Relaxed);
            }
        },
    };
    let todo: Vec<_> = job.todo().unwrap().collect::<Result<_>>().unwrap();
    for (piece, path) in todo {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let Some((counts, bytes, sha256)) = work.run(&piece, &path).unwrap() else { break };
        job.done(&piece, &path, counts, bytes, sha256, 0.0).unwrap();
    }
    job.finish().unwrap().0
}

/// As a server would answer that has one picture, and behind `s3:///` the files of this machine.
pub struct Server;

impl Server {
    fn bytes(address: &str) -> Result<Vec<u8>> {
        let gone = || Error::input("gone").because(Reason::Missing);
        match address.strip_prefix("s3://") {
            Some(path) if path.starts_with('/') => fs::read(path).map_err(|_| gone()),
            _ if address.ends_with("/here.png") => Ok(picture(9)),
            _ => Err(gone()),
        }
    }
}

impl Far for Server {
    fn fetch(&self, addresses: &[&str]) -> Vec<Result<Vec<u8>>> {
        addresses.iter().map(|address| Self::bytes(address)).collect()
    }

    fn stamp(&self, address: &str) -> Result<(u64, u64)> {
        Ok((Self::bytes(address)?.len() as u64, 0))
    }

    fn ranges(&self, address: &str, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let all = Bytes::from(Self::bytes(address)?);
        Ok(ranges.iter().map(|range| all.slice(range.start as usize..range.end as usize)).collect())
    }
}

pub fn of_files(paths: &[PathBuf]) -> impl FnOnce(&mut Planner) -> Result<()> + '_ {
    |planner| paths.iter().try_for_each(|path| planner.file(Listed::from(path.clone())))
}

/// The parts of a folder: their names and what they hold.
pub fn parts(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    entries.filter(|path| name(path).starts_with("part-")).map(|path| (name(&path), fs::read(&path).unwrap())).collect()
}

/// Source, row and error of each row, part by part.
pub fn rows(folder: &Path) -> Vec<(String, Option<i64>, bool)> {
    let mut rows = Vec::new();
    for name in parts(folder).keys() {
        let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(folder.join(name)).unwrap()).unwrap().build().unwrap();
        for batch in reader {
            let batch = batch.unwrap();
            let column = |name: &str| batch.column_by_name(name).unwrap();
            for row in 0..batch.num_rows() {
                let ids = column("row_id").as_primitive::<Int64Type>();
                let source = column("source").as_string::<i32>().value(row);
                let source = Path::new(source).file_name().unwrap().to_string_lossy().into_owned();
                rows.push((source, (!ids.is_null(row)).then(|| ids.value(row)), !column("error").is_null(row)));
            }
        }
    }
    rows
}
