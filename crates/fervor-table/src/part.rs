//! A Parquet file that appears whole or not at all.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use fervor::error::{Error, Result};
use fervor::files::WholeFile;
use fervor::hash::Hex;
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use sha2::{Digest, Sha256};

/// How a part is written.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PartOptions {
    /// Rows of a row group, which lies in memory until it is full.
    pub group_rows: usize,
    /// Further pairs for the file's metadata.
    pub metadata: Vec<(String, String)>,
}

impl Default for PartOptions {
    fn default() -> Self {
        Self { group_rows: 131_072, metadata: Vec::new() }
    }
}

/// What became of a part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Rows in it.
    pub rows: u64,
    /// Its length.
    pub bytes: u64,
    /// SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
}

/// Writes rows as a Parquet file, which gets its name when it is whole and on the disk; dropped before, it leaves nothing.
/// Columns are compressed with Snappy. The metadata of the schema stand in the file's footer, too.
pub struct PartWriter {
    writer: ArrowWriter<Hashing>,
    path: PathBuf,
    rows: u64,
}

impl PartWriter {
    /// Begins a part; one of that name stays until this one is whole.
    ///
    /// # Errors
    /// [`Output`](fervor::ErrorKind::Output): a place that cannot be written.
    pub fn create(path: &Path, schema: &SchemaRef) -> Result<Self> {
        Self::with_options(path, schema, &PartOptions::default())
    }

    /// As [`create`](Self::create), with these options.
    ///
    /// # Errors
    /// As [`create`](Self::create).
    pub fn with_options(path: &Path, schema: &SchemaRef, options: &PartOptions) -> Result<Self> {
        let mut facts: Vec<(&String, &String)> = schema.metadata().iter().collect();
        facts.sort_unstable();
        facts.extend(options.metadata.iter().map(|(key, value)| (key, value)));
        let facts = facts.into_iter().map(|(key, value)| KeyValue::new(key.clone(), value.clone())).collect();
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("fervor-table version ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_key_value_metadata(Some(facts))
            .set_max_row_group_row_count(Some(options.group_rows.max(1)))
            .build();
        let file = WholeFile::create(path).map_err(|e| cannot_write(path, e))?;
        let file = Hashing { file, hash: Sha256::new(), bytes: 0 };
        let writer =
            ArrowWriter::try_new(file, SchemaRef::clone(schema), Some(properties)).map_err(|e| cannot_write(path, cause(e)))?;
        Ok(Self { writer, path: path.to_owned(), rows: 0 })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// [`Output`](fervor::ErrorKind::Output): rows of another schema, or a disk that is full.
    pub fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        self.writer.write(rows).map_err(|e| cannot_write(&self.path, cause(e)))?;
        self.rows += rows.num_rows() as u64;
        Ok(())
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// Writes the footer, brings the file to the disk and gives it its name.
    ///
    /// # Errors
    /// [`Output`](fervor::ErrorKind::Output): the disk is full, or the name is taken by a folder meanwhile.
    pub fn finish(self) -> Result<Part> {
        let Self { writer, path, rows } = self;
        let Hashing { file, hash, bytes } = writer.into_inner().map_err(|e| cannot_write(&path, cause(e)))?;
        file.finish().map_err(|e| cannot_write(&path, e))?;
        Ok(Part { rows, bytes, sha256: Hex(&hash.finalize()).to_string() })
    }
}

fn cannot_write(path: &Path, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::output("the Parquet file cannot be written").with_source(error).context(path.display())
}

/// The operating system's error inside Parquet's, where that is what it is.
fn cause(error: ParquetError) -> Box<dyn std::error::Error + Send + Sync> {
    match error {
        ParquetError::External(inner) => inner,
        other => Box::new(other),
    }
}

/// A file whose bytes are hashed on their way.
struct Hashing {
    file: WholeFile,
    hash: Sha256,
    bytes: u64,
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use fervor::analyzer::Answer;
    use fervor::emotion::LabelSet;
    use fervor::prediction::ModelInfo;
    use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

    use super::*;
    use crate::rows::{ROWS_SCHEMA, Rows, SCHEMA_KEY};

    fn rows(count: usize) -> RecordBatch {
        let labels = LabelSet::new(["happy", "sad"]).unwrap();
        let mut rows = Rows::of(&labels, ModelInfo { name: "m".into(), sha256: "00".into() });
        for number in 0..count {
            rows.push(&format!("{number}.jpg"), None, Ok(&Answer { size: (9, 9), faces: vec![] }));
        }
        rows.finish().unwrap()
    }

    #[test]
    fn a_part_is_read_back_as_it_was_written() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part-0.parquet");
        let batch = rows(10);
        let options = PartOptions { group_rows: 4, metadata: vec![("job".to_owned(), "17".to_owned())] };
        let mut part = PartWriter::with_options(&path, &batch.schema(), &options).unwrap();
        part.write(&batch).unwrap();
        assert!(!path.exists(), "it appears when it is whole");
        let part = part.finish().unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!((part.rows, part.bytes), (10, bytes.len() as u64));
        assert_eq!(part.sha256, fervor::hash::sha256(&bytes));

        let reader = ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(&path).unwrap()).unwrap();
        assert_eq!(reader.metadata().num_row_groups(), 3);
        let facts = reader.metadata().file_metadata().key_value_metadata().unwrap();
        let fact = |key: &str| facts.iter().find(|pair| pair.key == key).and_then(|pair| pair.value.clone());
        assert_eq!((fact(SCHEMA_KEY).as_deref(), fact("job").as_deref()), (Some(ROWS_SCHEMA), Some("17")));
        let again: Vec<RecordBatch> = reader.with_batch_size(64).build().unwrap().map(Result::unwrap).collect();
        // The pairs of the footer come back as the schema's metadata.
        assert_eq!((again.len(), again[0].columns()), (1, batch.columns()));
    }

    #[test]
    fn a_part_that_is_not_finished_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let batch = rows(1);
        let mut part = PartWriter::create(&folder.path().join("a.parquet"), &batch.schema()).unwrap();
        part.write(&batch).unwrap();
        drop(part);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        let error = PartWriter::create(&folder.path().join("no/folder"), &batch.schema()).err().expect("no such folder");
        assert_eq!((error.kind(), error.reason()), (fervor::ErrorKind::Output, fervor::Reason::Inaccessible));
    }
}
