//! Parquet files as sources of pictures.

use std::path::Path;

use arrow_array::RecordBatch;
use arrow_schema::Schema;
use fervor::error::{Error, Reason, Result};
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, RowGroups, RowSelection, RowSelector};
use parquet::arrow::{ProjectionMask, parquet_to_arrow_field_levels, parquet_to_arrow_schema};
use parquet::column::page::{PageIterator, PageReader};
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, RowGroupMetaData};
use parquet::file::reader::{FileReader, Length};

use super::far::Opened;
use crate::frames::FRAMES_SCHEMA;
use crate::packed::ParquetFile;
use crate::pictures::{PICTURE_COLUMNS, holds_pictures, holds_text};
use crate::rows::{ROWS_SCHEMA, SCHEMA_KEY};

/// Names of columns with the paths of pictures, as people call them; the first that is there is taken.
const PATHS: [&str; 8] = ["path", "file", "file_name", "filename", "file_path", "filepath", "image_path", "source"];

/// Bytes of a batch of rows, about.
const BATCH: u64 = 32 << 20;

/// A Parquet file's schema, and the rows of each of its row groups.
pub(super) fn groups(file: Opened) -> Result<(Schema, Vec<usize>)> {
    let bytes = Length::len(&file);
    let file = ParquetFile::open(file).map_err(bad_table)?;
    let rows: Vec<usize> = file.metadata().row_groups().iter().map(rows_of).collect::<Result<_>>()?;
    if rows.iter().map(|&rows| rows as u64).fold(0, u64::saturating_add) / MOST_ROWS > bytes {
        return Err(damaged("it states more rows than a file of its length can hold"));
    }
    let facts = file.metadata().file_metadata();
    let schema = parquet_to_arrow_schema(facts.schema_descr(), facts.key_value_metadata()).map_err(bad_table)?;
    Ok((schema, rows))
}

/// Rows that a byte of a file may stand for: those of a column that says the same everywhere take hardly any.
const MOST_ROWS: u64 = 1000;

/// How many rows a group has. What its columns hold must agree: each row that is stated is planned for.
fn rows_of(group: &RowGroupMetaData) -> Result<usize> {
    let agrees = |column: &ColumnChunkMetaData| match column.column_descr().max_rep_level() {
        0 => column.num_values() == group.num_rows(),
        // A row of several values has one at least, which may be none.
        _ => column.num_values() >= group.num_rows(),
    };
    match usize::try_from(group.num_rows()) {
        Ok(rows) if group.columns().iter().all(agrees) => Ok(rows),
        _ => Err(damaged("a group of its rows states another number of them than its columns hold")),
    }
}

fn damaged(message: &str) -> Error {
    Error::input(format!("the Parquet file cannot be read: {message}")).because(Reason::Damaged)
}

/// The schema of answers that a Parquet file has: it was written by a job or of a film, and is no table of pictures.
pub(super) fn answers(schema: &Schema) -> Option<&str> {
    let name = schema.metadata().get(SCHEMA_KEY)?;
    [ROWS_SCHEMA, FRAMES_SCHEMA].contains(&name.as_str()).then_some(name)
}

/// Whether a Parquet file can be opened.
pub(super) fn reads(path: &Path) -> bool {
    Opened::disk(path).is_ok_and(|file| ParquetFile::open(file).is_ok())
}

fn bad_table(error: parquet::errors::ParquetError) -> Error {
    Error::input("the Parquet file cannot be read").because(Reason::Damaged).with_source(error)
}

/// The column with the pictures.
pub(super) fn column(schema: &Schema, asked: Option<&str>) -> Result<String> {
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
    let known = PICTURE_COLUMNS.iter().find(usable).or_else(|| PATHS.iter().find(usable)).map(|name| (*name).to_owned());
    let mut others = schema.fields().iter().filter(|field| holds_pictures(field.data_type()) && !holds_text(field.data_type()));
    known.or_else(|| others.next().map(|field| field.name().clone())).ok_or_else(|| {
        Error::input(format!("no column holds pictures; there are: {}", names()))
            .because(Reason::Missing)
            .with_hint("pictures are bytes, paths, or structures of both; name the column")
    })
}

/// The rows of a row group, `count` from `skip` on, of one column, some at a time.
pub(super) fn rows(
    file: Opened,
    column: &str,
    group: usize,
    skip: usize,
    count: usize,
) -> Result<impl Iterator<Item = Result<RecordBatch>> + use<>> {
    let file = ParquetFile::open(file).map_err(bad_table)?;
    let described = file.metadata().file_metadata().schema_descr();
    let index = described.root_schema().get_fields().iter().position(|field| field.name() == column);
    let index = index.ok_or_else(|| Error::input("the column is gone").because(Reason::Changed))?;
    if group >= file.num_row_groups() {
        return Err(Error::input("the row group is gone").because(Reason::Changed));
    }
    let facts = file.metadata().row_group(group);
    let bytes = facts.columns().iter().map(|column| u64::try_from(column.uncompressed_size()).unwrap_or(0)).sum::<u64>();
    let of_row = (bytes / u64::try_from(facts.num_rows()).unwrap_or(1).max(1)).max(1);
    let batch = usize::try_from(BATCH / of_row).unwrap_or(usize::MAX).clamp(4, 512);
    let mask = ProjectionMask::roots(described, [index]);
    let levels = parquet_to_arrow_field_levels(described, mask, None).map_err(bad_table)?;
    let selection = RowSelection::from(vec![RowSelector::skip(skip), RowSelector::select(count)]);
    let group = OneGroup { file: &file, group };
    let reader = ParquetRecordBatchReader::try_new_with_row_groups(&levels, &group, batch, Some(selection)).map_err(bad_table)?;
    let bad = |e| Error::input("rows of the Parquet file cannot be read").because(Reason::Damaged).with_source(e);
    Ok(reader.map(move |batch| batch.map_err(bad)))
}

/// A row group as Arrow's reader asks for it.
struct OneGroup<'a> {
    file: &'a ParquetFile<Opened>,
    group: usize,
}

impl RowGroups for OneGroup<'_> {
    fn num_rows(&self) -> usize {
        usize::try_from(self.file.metadata().row_group(self.group).num_rows()).unwrap_or(0)
    }

    fn column_chunks(&self, column: usize) -> parquet::errors::Result<Box<dyn PageIterator>> {
        Ok(Box::new(OneChunk(Some(self.file.pages(self.group, column)?))))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(std::iter::once(self.file.metadata().row_group(self.group)))
    }

    fn metadata(&self) -> &ParquetMetaData {
        self.file.metadata()
    }
}

/// A column of one row group.
struct OneChunk(Option<Box<dyn PageReader>>);

impl Iterator for OneChunk {
    type Item = parquet::errors::Result<Box<dyn PageReader>>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.take().map(Ok)
    }
}

impl PageIterator for OneChunk {}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parquet::schema::parser::parse_message_type;
    use parquet::schema::types::SchemaDescriptor;

    use super::*;

    #[test]
    fn a_group_has_as_many_rows_as_its_columns_hold() {
        let schema = "message pictures { required binary image; repeated binary tags; }";
        let schema = Arc::new(SchemaDescriptor::new(Arc::new(parse_message_type(schema).unwrap())));
        let group = |stated: i64, held: [i64; 2]| {
            let columns = schema
                .columns()
                .iter()
                .zip(held)
                .map(|(column, held)| ColumnChunkMetaData::builder(Arc::clone(column)).set_num_values(held).build().unwrap());
            let columns = columns.collect();
            let group = RowGroupMetaData::builder(Arc::clone(&schema)).set_num_rows(stated).set_column_metadata(columns);
            rows_of(&group.build().unwrap())
        };
        assert_eq!((group(3, [3, 3]).unwrap(), group(3, [3, 7]).unwrap()), (3, 3));
        for (stated, held) in [(4, [3, 7]), (2, [3, 7]), (3, [3, 2]), (-1, [-1, -1])] {
            let error = group(stated, held).unwrap_err();
            assert_eq!(error.reason(), Reason::Damaged, "{stated} {held:?}: {error}");
        }
    }
}
