//! Parquet files of every compression, Zstandard among them, in Rust alone.
//!
//! The `parquet` crate unpacks Zstandard with a library in C, which the builds that need no C compiler cannot have. So its columns are
//! read as if they were not packed, and their pages are unpacked here.

use std::io::Read;
use std::sync::Arc;

use parquet::basic::Compression;
use parquet::bloom_filter::Sbbf;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::reader::{ChunkReader, FileReader, RowGroupReader};
use parquet::file::serialized_reader::SerializedPageReader;
use parquet::record::reader::RowIter;
use parquet::schema::types::Type;
use ruzstd::decoding::StreamingDecoder;

/// A page may have so many bytes when it is unpacked: several pictures of the largest size that is read. It bounds the memory that a
/// wrong file can take.
const LONGEST: u64 = 1 << 30;

/// A Parquet file, whatever its pages are packed with.
#[derive(Debug)]
pub struct ParquetFile<R> {
    reader: Arc<R>,
    metadata: ParquetMetaData,
}

impl<R: ChunkReader> ParquetFile<R> {
    /// Reads the footer.
    ///
    /// # Errors
    /// It is no Parquet file, or damaged.
    pub fn open(reader: R) -> Result<Self> {
        let metadata = ParquetMetaDataReader::new().parse_and_finish(&reader)?;
        Ok(Self { reader: Arc::new(reader), metadata })
    }
}

impl<R: ChunkReader + 'static> ParquetFile<R> {
    /// The pages of a column in a row group.
    pub(crate) fn pages(&self, group: usize, column: usize) -> Result<Box<dyn PageReader>> {
        pages(&self.reader, self.metadata.row_group(group), column)
    }
}

fn pages<R: ChunkReader + 'static>(reader: &Arc<R>, group: &RowGroupMetaData, column: usize) -> Result<Box<dyn PageReader>> {
    let (facts, rows) = (group.column(column), usize::try_from(group.num_rows())?);
    let open = |facts| SerializedPageReader::new(Arc::clone(reader), facts, rows, None);
    Ok(match facts.compression() {
        Compression::ZSTD(_) => {
            let as_is = facts.clone().into_builder().set_compression(Compression::UNCOMPRESSED).build()?;
            Box::new(Unpacked(open(&as_is)?))
        }
        _ => Box::new(open(facts)?),
    })
}

impl<R: ChunkReader + 'static> FileReader for ParquetFile<R> {
    fn metadata(&self) -> &ParquetMetaData {
        &self.metadata
    }

    fn num_row_groups(&self) -> usize {
        self.metadata.num_row_groups()
    }

    fn get_row_group(&self, i: usize) -> Result<Box<dyn RowGroupReader + '_>> {
        Ok(Box::new(Group { reader: &self.reader, metadata: self.metadata.row_group(i) }))
    }

    fn get_row_iter(&self, projection: Option<Type>) -> Result<RowIter<'_>> {
        RowIter::from_file(projection, self)
    }
}

struct Group<'a, R> {
    reader: &'a Arc<R>,
    metadata: &'a RowGroupMetaData,
}

impl<R: ChunkReader + 'static> RowGroupReader for Group<'_, R> {
    fn metadata(&self) -> &RowGroupMetaData {
        self.metadata
    }

    fn num_columns(&self) -> usize {
        self.metadata.num_columns()
    }

    fn get_column_page_reader(&self, i: usize) -> Result<Box<dyn PageReader>> {
        pages(self.reader, self.metadata, i)
    }

    fn get_column_bloom_filter(&self, _: usize) -> Option<&Sbbf> {
        None
    }

    fn get_row_iter(&self, projection: Option<Type>) -> Result<RowIter<'_>> {
        RowIter::from_row_group(projection, self)
    }
}

/// Unpacks pages of Zstandard that come as they are stored.
struct Unpacked<P>(P);

impl<P: PageReader> PageReader for Unpacked<P> {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        let Some(mut page) = self.0.get_next_page()? else { return Ok(None) };
        match &mut page {
            Page::DataPage { buf, .. } | Page::DictionaryPage { buf, .. } => *buf = unpacked(&[], buf)?.into(),
            Page::DataPageV2 { buf, def_levels_byte_len, rep_levels_byte_len, is_compressed, .. } if *is_compressed => {
                // Levels stand before the values, and are never packed.
                let levels = *def_levels_byte_len as usize + *rep_levels_byte_len as usize;
                let Some((levels, values)) = buf.split_at_checked(levels) else {
                    return Err(ParquetError::EOF("a page ends before its values".to_owned()));
                };
                *buf = unpacked(levels, values)?.into();
            }
            Page::DataPageV2 { .. } => {}
        }
        Ok(Some(page))
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        self.0.peek_next_page()
    }

    fn skip_next_page(&mut self) -> Result<()> {
        self.0.skip_next_page()
    }

    fn at_record_boundary(&mut self) -> Result<bool> {
        self.0.at_record_boundary()
    }
}

impl<P: PageReader> Iterator for Unpacked<P> {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

/// What stands before, and then what a page's frames hold.
fn unpacked(before: &[u8], mut packed: &[u8]) -> Result<Vec<u8>> {
    let mut page = before.to_vec();
    // A page of nulls alone may have no values at all.
    while !packed.is_empty() {
        let bad = |e: Box<dyn std::error::Error + Send + Sync>| ParquetError::External(e);
        let frame = StreamingDecoder::new(&mut packed).map_err(|e| bad(e.into()))?;
        let room = (LONGEST + 1).saturating_sub(page.len() as u64);
        frame.take(room).read_to_end(&mut page).map_err(|e| bad(e.into()))?;
        if page.len() as u64 > LONGEST {
            return Err(ParquetError::General(format!("a page has more than {LONGEST} bytes")));
        }
    }
    Ok(page)
}
