//! Tar archives and Parquet files as sources of pictures.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use fervor::error::{Error, Reason, Result};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReaderBuilder, RowSelection, RowSelector};

use super::plan::is_picture;
use crate::pictures::holds_pictures;

/// Names of columns with pictures, and of columns with their paths, as people call them; the first that is there is taken.
const PICTURES: [&str; 8] = ["image", "picture", "photo", "img", "jpg", "png", "bytes", "content"];
const PATHS: [&str; 8] = ["path", "file", "file_name", "filename", "file_path", "filepath", "image_path", "source"];

/// Bytes of a batch of rows, about.
const BATCH: u64 = 32 << 20;

/// A member of an archive that is a picture: its name, where its bytes begin, how many there are.
pub(super) type Member = (String, u64, u64);

/// The members of a tar archive: pictures, and `None` for other files. After an error there is nothing more.
pub(super) fn members(path: &Path) -> Vec<Result<Option<Member>>> {
    let cannot = |e: std::io::Error| Error::input("the archive cannot be read").with_source(e).context(path.display());
    let mut found = Vec::new();
    let mut read = || -> Result<()> {
        let mut archive = tar::Archive::new(BufReader::new(File::open(path).map_err(cannot)?));
        let mut seen = 0;
        for entry in archive.entries_with_seek().map_err(cannot)? {
            let mut entry = entry.map_err(|e| damaged(path, e))?;
            seen += 1;
            if !entry.header().entry_type().is_file() {
                continue;
            }
            let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let (place, size) = (entry.raw_file_position(), entry.size());
            // Hidden members are what systems leave: ._a.jpg and the like.
            let hidden = name.rsplit('/').next().is_some_and(|name| name.starts_with('.'));
            let mut start = Vec::new();
            let _ = entry.by_ref().take(512).read_to_end(&mut start);
            found.push(Ok((!hidden && is_picture(&name, &start)).then_some((name, place, size))));
        }
        if seen == 0 {
            return Err(Error::input("the archive holds nothing").because(Reason::Empty).context(path.display()));
        }
        Ok(())
    };
    if let Err(error) = read() {
        found.push(Err(error));
    }
    found
}

fn damaged(path: &Path, error: std::io::Error) -> Error {
    Error::input("no tar archive, or damaged from here on").because(Reason::Damaged).with_source(error).context(path.display())
}

/// A Parquet file's schema, and the rows of each of its row groups.
pub(super) fn groups(file: File) -> Result<(SchemaRef, Vec<usize>)> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(bad_table)?;
    let rows = reader.metadata().row_groups().iter().map(|group| usize::try_from(group.num_rows()).unwrap_or(0)).collect();
    Ok((reader.schema().clone(), rows))
}

/// Whether a Parquet file can be opened.
pub(super) fn reads(path: &Path) -> bool {
    File::open(path).is_ok_and(|file| ParquetRecordBatchReaderBuilder::try_new(file).is_ok())
}

fn bad_table(error: parquet::errors::ParquetError) -> Error {
    Error::input("the Parquet file cannot be read").because(Reason::Damaged).with_source(error)
}

/// The column with the pictures.
pub(super) fn column(schema: &SchemaRef, asked: Option<&str>) -> Result<String> {
    let names = || schema.fields().iter().map(|field| field.name().as_str()).collect::<Vec<_>>().join(", ");
    if let Some(asked) = asked {
        return match schema.field_with_name(asked) {
            Ok(field) if holds_pictures(field.data_type()) => Ok(asked.to_owned()),
            Ok(field) => Err(Error::input(format!("the column {asked:?} holds {}, not pictures or paths", field.data_type()))
                .because(Reason::WrongType)),
            Err(_) => {
                Err(Error::input(format!("no column is called {asked:?}; there are: {}", names())).because(Reason::Missing))
            }
        };
    }
    let usable = |name: &&&str| schema.field_with_name(name).is_ok_and(|field| holds_pictures(field.data_type()));
    let known = PICTURES.iter().find(usable).or_else(|| PATHS.iter().find(usable)).map(|name| (*name).to_owned());
    let text = |kind: &arrow_schema::DataType| kind.is_string();
    let mut others = schema.fields().iter().filter(|field| holds_pictures(field.data_type()) && !text(field.data_type()));
    known.or_else(|| others.next().map(|field| field.name().clone())).ok_or_else(|| {
        Error::input(format!("no column holds pictures; there are: {}", names()))
            .because(Reason::Missing)
            .with_hint("pictures are bytes, paths, or structures of both; name the column")
    })
}

/// The rows of a row group, `count` from `skip` on, of one column, some at a time.
pub(super) fn rows(
    file: File,
    column: &str,
    group: usize,
    skip: usize,
    count: usize,
) -> Result<impl Iterator<Item = Result<RecordBatch>> + use<>> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).map_err(bad_table)?;
    let index = reader.schema().index_of(column).map_err(|e| Error::input("the column is gone").with_source(e))?;
    let facts = reader.metadata().row_group(group);
    let bytes = facts.columns().iter().map(|column| u64::try_from(column.uncompressed_size()).unwrap_or(0)).sum::<u64>();
    let of_row = (bytes / u64::try_from(facts.num_rows()).unwrap_or(1).max(1)).max(1);
    let batch = usize::try_from(BATCH / of_row).unwrap_or(usize::MAX).clamp(4, 512);
    let mask = ProjectionMask::roots(reader.parquet_schema(), [index]);
    let selection = RowSelection::from(vec![RowSelector::skip(skip), RowSelector::select(count)]);
    let reader = reader
        .with_row_groups(vec![group])
        .with_projection(mask)
        .with_row_selection(selection)
        .with_batch_size(batch)
        .build()
        .map_err(bad_table)?;
    let bad = |e| Error::input("rows of the Parquet file cannot be read").because(Reason::Damaged).with_source(e);
    Ok(reader.map(move |batch| batch.map_err(bad)))
}
