//! Tables as streams of bytes: plain, xz or gzip, told by their first bytes, read in blocks of whole lines.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use flate2::read::MultiGzDecoder;
use lzma_rust2::XzReader;

use crate::words::shown;
use fervor::error::{Error, Reason, Remedy, Result};
use fervor::picture::Format;

const XZ: &[u8] = b"\xfd7zXZ\0";
const GZIP: &[u8] = b"\x1f\x8b";

/// Enough to keep all cores busy, little enough to stay out of the way.
const BLOCK: usize = 4 << 20;

/// The longest line that a table may have: a 48 x 48 row has 9 kB. It bounds the memory that a hostile file can take.
const LONGEST_LINE: usize = 16 << 20;

/// The longest small table: that of FER+ has 2 MB. It bounds the memory that a hostile file can take.
const LONGEST_TEXT: u64 = 256 << 20;

/// `xz -9` needs 65 MiB to unpack; a header can claim 4 GiB.
const XZ_MEMORY_KIB: u32 = 256 << 10;

/// What parts the columns of a table with this header: commas, or where there are none tabs or semicolons, as spreadsheets write them.
pub(super) fn delimiter(header: &str) -> u8 {
    [b',', b'\t', b';'].into_iter().find(|&mark| header.contains(char::from(mark))).unwrap_or(b',')
}

/// The fields of one line, quotes and the blanks around them taken away.
pub(super) fn fields(line: &str, delimiter: u8) -> Vec<String> {
    let mut reader = reader(delimiter).from_reader(line.as_bytes());
    let record = reader.records().next().and_then(Result::ok).unwrap_or_default();
    record.iter().map(str::to_owned).collect()
}

/// How tables are read: without a head of their own, rows of any length.
pub(super) fn reader(delimiter: u8) -> csv::ReaderBuilder {
    let mut reader = csv::ReaderBuilder::new();
    reader.has_headers(false).flexible(true).delimiter(delimiter).trim(csv::Trim::All);
    reader
}

/// Whether a text's first bytes are those of UTF-16: its mark, or zeros in every other byte.
fn is_utf16(start: &[u8]) -> bool {
    let zeros = start.iter().take(4).map(|&byte| byte == 0);
    start.starts_with(b"\xff\xfe") || start.starts_with(b"\xfe\xff") || {
        let zeros: Vec<bool> = zeros.collect();
        zeros == [false, true, false, true] || zeros == [true, false, true, false]
    }
}

/// The bytes of a table, unpacked, without a byte order mark.
pub(super) struct Table {
    reader: Box<dyn BufRead + Send>,
    read: Arc<AtomicUsize>,
    bytes: usize,
    path: String,
}

/// What a column of paths may be called, the likeliest first.
pub(super) const PATHS: [&str; 9] =
    ["path", "file_name", "filename", "file", "filepath", "file_path", "image", "image_path", "img"];

/// What a column of labels may be called, the likeliest first; likewise of parts.
pub(super) const LABELS: [&str; 5] = ["label", "class", "emotion", "expression", "labels"];
pub(super) const SPLITS: [&str; 3] = ["split", "usage", "subset"];

/// What a file of data holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// JSON that is no list of rows.
    Manifest,
    /// A table with a picture's pixels in each row.
    Pixels,
    /// A table with a picture's path in each row.
    Rows(Form),
    /// A Parquet file.
    #[cfg(feature = "parquet")]
    Parquet,
}

/// How rows are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// With commas, tabs or semicolons between the columns.
    Separated,
    /// A JSON object a line.
    JsonLines,
    /// A JSON array of objects.
    JsonArray,
}

/// Looks at the first line of a file.
///
/// # Errors
/// `Data`: it cannot be read, or no data set is ever stored so.
pub(super) fn content(path: &Path) -> Result<Content> {
    #[cfg(feature = "parquet")]
    {
        let mut start = Vec::new();
        open_file(path)?.take(4).read_to_end(&mut start).map_err(|e| unreadable(&path.display().to_string(), e))?;
        if start == b"PAR1" {
            return Ok(Content::Parquet);
        }
    }
    let line = Table::open(path)?.line()?.unwrap_or_default();
    let text = line.trim();
    if text.starts_with('[') {
        return Ok(Content::Rows(Form::JsonArray));
    }
    if text.starts_with('{') {
        // A manifest's samples follow its head, which is no whole object; one on a single line has a schema.
        let row = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text);
        return Ok(match row {
            Ok(row) if row.keys().any(|key| PATHS.contains(&key.to_lowercase().as_str())) => Content::Rows(Form::JsonLines),
            _ => Content::Manifest,
        });
    }
    let has_pixels = fields(text, delimiter(text)).iter().any(|name| name.eq_ignore_ascii_case("pixels"));
    Ok(if has_pixels { Content::Pixels } else { Content::Rows(Form::Separated) })
}

/// What bytes that are no text are, where that can be told.
fn no_text(start: &[u8]) -> Option<&'static str> {
    let known: [(&[u8], &str); 8] = [
        (b"PK\x03\x04", "a ZIP archive"),
        (b"7z\xbc\xaf", "a 7z archive"),
        (b"Rar!", "a RAR archive"),
        (b"BZh", "a bzip2 file"),
        (b"\x28\xb5\x2f\xfd", "a zstd file"),
        (b"\x89HDF", "an HDF5 file"),
        (b"\x93NUMPY", "a NumPy file"),
        (b"PAR1", "a Parquet file"),
    ];
    if let Some((_, name)) = known.iter().find(|(mark, _)| start.starts_with(mark)) {
        return Some(name);
    }
    if start.get(257..262) == Some(b"ustar") {
        return Some("a tar archive");
    }
    if Format::of(start).is_some() {
        return Some("a picture");
    }
    // A row may be damaged; a head that is no text is none of a table.
    start.iter().take(512).take_while(|&&byte| byte != b'\n').any(|&byte| byte == 0).then_some("a binary file")
}

/// UTF-16 as UTF-8: what spreadsheets call Unicode text.
fn from_utf16(mut reader: impl Read, path: &str) -> Result<Box<dyn BufRead + Send>> {
    let mut bytes = Vec::new();
    reader.by_ref().take(LONGEST_TEXT + 1).read_to_end(&mut bytes).map_err(|e| unreadable(path, e))?;
    if bytes.len() as u64 > LONGEST_TEXT {
        return Err(Error::data(format!("a table in UTF-16 that is longer than {LONGEST_TEXT} bytes"))
            .because(Reason::TooLarge)
            .with_hint("save it as UTF-8")
            .context(path));
    }
    let little = bytes.starts_with(b"\xff\xfe") || (!bytes.starts_with(b"\xfe\xff") && bytes.get(1) == Some(&0));
    let (pairs, _) = bytes.as_chunks::<2>();
    let units = pairs.iter().map(|&pair| if little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) });
    let text: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    Ok(Box::new(io::Cursor::new(text.into_bytes())))
}

impl Table {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = open_file(path)?;
        let path = path.display().to_string();
        let bytes = file.metadata().map_or(0, |metadata| metadata.len() as usize);
        let read = Arc::new(AtomicUsize::new(0));
        let mut raw = BufReader::with_capacity(1 << 16, Counted { file, read: Arc::clone(&read) });
        let start = raw.fill_buf().map_err(|e| unreadable(&path, e))?;
        let mut reader: Box<dyn BufRead + Send> = if start.starts_with(XZ) {
            Box::new(BufReader::with_capacity(1 << 16, XzReader::new_mem_limit(raw, true, XZ_MEMORY_KIB)))
        } else if start.starts_with(GZIP) {
            Box::new(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(raw)))
        } else {
            Box::new(raw)
        };
        let start = reader.fill_buf().map_err(|e| unreadable(&path, e))?;
        if is_utf16(start) {
            reader = from_utf16(reader, &path)?;
        } else if let Some(found) = no_text(start) {
            let error =
                Error::data(format!("expected a table or a manifest, found {found}")).because(Reason::Unsupported).context(path);
            return Err(match found {
                "a Parquet file" => error.with_remedy(Remedy::BuildWith { feature: "batch".into() }),
                archive if archive.ends_with("archive") => error.with_hint("unpack it and give the folder"),
                _ => error.with_hint(
                    "give a folder with one folder of pictures for each class, a table as text (.csv, .tsv, .jsonl), or a manifest (.json)",
                ),
            });
        }
        let start = reader.fill_buf().map_err(|e| unreadable(&path, e))?;
        if start.starts_with(b"\xef\xbb\xbf") {
            reader.consume(3);
        }
        Ok(Self { reader, read, bytes, path })
    }

    /// The next line, as text without its end; `None` at the end of the table.
    pub(super) fn line(&mut self) -> Result<Option<String>> {
        let mut line = Vec::new();
        let mut reader = (&mut self.reader).take(LONGEST_LINE as u64);
        reader.read_until(b'\n', &mut line).map_err(|e| unreadable(&self.path, e))?;
        if line.is_empty() {
            return Ok(None);
        }
        Ok(Some(String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned()))
    }

    /// All of a small table as text.
    ///
    /// # Errors
    /// It cannot be read, is longer than a table of votes or names ever is, or in another encoding than UTF-8 or UTF-16.
    pub(super) fn text(self) -> Result<String> {
        let mut bytes = Vec::new();
        self.reader.take(LONGEST_TEXT + 1).read_to_end(&mut bytes).map_err(|e| unreadable(&self.path, e))?;
        if bytes.len() as u64 > LONGEST_TEXT {
            return Err(Error::data(format!("the table is longer than {LONGEST_TEXT} bytes"))
                .because(Reason::TooLarge)
                .context(self.path));
        }
        String::from_utf8(bytes).map_err(|error| {
            let (good, bytes) = (error.utf8_error().valid_up_to(), error.as_bytes());
            let line = 1 + bytes[..good].iter().filter(|&&byte| byte == b'\n').count();
            let start = bytes[..good].iter().rposition(|byte| matches!(byte, b'\n' | b',' | b'\t' | b';')).map_or(0, |at| at + 1);
            let field =
                bytes[start..].split(|byte| matches!(byte, b'\r' | b'\n' | b',' | b'\t' | b';')).next().unwrap_or_default();
            Error::data(format!("line {line} is not UTF-8: {:?}", shown(&String::from_utf8_lossy(field))))
                .because(Reason::Damaged)
                .with_hint("save it as UTF-8")
                .context(self.path)
        })
    }

    /// Bytes read of the file, and its size.
    pub(super) fn progress(&self) -> (usize, usize) {
        (self.read.load(Ordering::Relaxed).min(self.bytes), self.bytes)
    }

    /// The rest of the table in blocks of whole lines.
    pub(super) fn blocks(self) -> Blocks {
        Blocks { table: self, rest: Vec::new(), ended: false }
    }
}

/// Whole lines, some megabytes at a time.
pub(super) struct Blocks {
    table: Table,
    rest: Vec<u8>,
    ended: bool,
}

impl Blocks {
    pub(super) fn progress(&self) -> (usize, usize) {
        self.table.progress()
    }

    fn read(&mut self) -> Result<Option<Vec<u8>>> {
        let mut block = std::mem::take(&mut self.rest);
        block.reserve(BLOCK);
        loop {
            let got = (&mut self.table.reader)
                .take(BLOCK as u64)
                .read_to_end(&mut block)
                .map_err(|e| unreadable(&self.table.path, e))?;
            if got == 0 {
                self.ended = true;
                return Ok(Some(block).filter(|block| !block.is_empty()));
            }
            if let Some(end) = block.iter().rposition(|&byte| byte == b'\n') {
                self.rest = block.split_off(end + 1);
                return Ok(Some(block));
            }
            if block.len() > LONGEST_LINE {
                return Err(Error::data(format!("a line is longer than {LONGEST_LINE} bytes"))
                    .because(Reason::TooLarge)
                    .context(&self.table.path));
            }
        }
    }
}

impl Iterator for Blocks {
    type Item = Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let block = self.read().transpose();
        self.ended |= !matches!(block, Some(Ok(_)));
        block
    }
}

struct Counted {
    file: File,
    read: Arc<AtomicUsize>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.read.fetch_add(count, Ordering::Relaxed);
        Ok(count)
    }
}

fn open_file(path: &Path) -> Result<File> {
    File::open(path).map_err(|e| unreadable(&path.display().to_string(), e))
}

fn unreadable(path: &str, error: io::Error) -> Error {
    Error::data("the file cannot be read").with_source(error).context(path)
}
