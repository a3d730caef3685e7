//! Lists of pictures: a path a line, paths ended by NUL as `find -print0` writes them, or the column `path` of a table or of
//! JSON lines. They are read as they come, so that a list of any length takes the memory of a line.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use fervor::picture::Format;
use fervor::{Error, Reason, Result};

/// A line has no more bytes. It bounds the memory that a wrong file can take.
const LONGEST: usize = 1 << 20;

/// So much of a list is looked at to see how it is written: more than the longest path of any system.
const HEAD: u64 = 64 << 10;

/// The column of tables and the key of JSON lines.
const COLUMN: &str = "path";

/// Hands out the paths that a list names, as they stand there; `-` is standard input.
///
/// # Errors
/// A list that cannot be read, or whose lines do not fit its first; and what `found` fails with.
pub(super) fn each(list: &Path, found: &mut dyn FnMut(PathBuf) -> Result<()>) -> Result<()> {
    let is_input = list.as_os_str() == "-";
    let opened: io::Result<Box<dyn Read>> = match is_input {
        true => Ok(Box::new(io::stdin().lock())),
        false => File::open(list).map(|file| Box::new(file) as Box<dyn Read>),
    };
    let mut of_caller = false;
    let walked = opened.map_err(unreadable).and_then(|opened| {
        paths(opened, &mut |path| {
            let done = found(path);
            of_caller = done.is_err();
            done
        })
    });
    walked.map_err(|e| if of_caller { e } else { e.context(list.display()) })
}

fn unreadable(error: io::Error) -> Error {
    Error::input("the list cannot be read").with_source(error)
}

/// How a list is written.
enum Form {
    Nul,
    Lines,
    Json,
    Table { delimiter: u8, column: usize },
}

fn paths(list: impl Read, found: &mut dyn FnMut(PathBuf) -> Result<()>) -> Result<()> {
    let mut list = BufReader::with_capacity(HEAD as usize, list);
    let mut mark = Vec::new();
    list.by_ref().take(2).read_to_end(&mut mark).map_err(unreadable)?;
    let list = io::Cursor::new(mark.clone()).chain(list);
    match mark[..] {
        [0xFF, 0xFE] => plain(Utf16::new(list.bytes(), u16::from_le_bytes), found),
        [0xFE, 0xFF] => plain(Utf16::new(list.bytes(), u16::from_be_bytes), found),
        _ => plain(list, found),
    }
}

/// A list that is no UTF-16.
fn plain(mut list: impl Read, found: &mut dyn FnMut(PathBuf) -> Result<()>) -> Result<()> {
    let mut head = Vec::new();
    list.by_ref().take(HEAD).read_to_end(&mut head).map_err(unreadable)?;
    if head.starts_with(b"\xEF\xBB\xBF") {
        head.drain(..3);
    }
    if let Some((what, hint)) = no_list(&head) {
        return Err(Error::input(format!("no list, but {what}")).because(Reason::WrongType).with_hint(hint));
    }
    let form = form(&head);
    let mut list = BufReader::new(io::Cursor::new(head).chain(list));
    let mut line = Vec::new();
    let mut number = 0;
    match form {
        Form::Nul => {
            while next(&mut list, 0, &mut line, &mut number)? {
                found(path_of(&line))?;
            }
        }
        Form::Lines => {
            while next(&mut list, b'\n', &mut line, &mut number)? {
                found(path_of(&line))?;
            }
        }
        Form::Json => {
            while next(&mut list, b'\n', &mut line, &mut number)? {
                found(path_of_json(&line, number)?)?;
            }
        }
        Form::Table { delimiter, column } => of_table(list, delimiter, column, found)?,
    }
    Ok(())
}

/// What the beginning says that it is instead of a list, and what to do.
fn no_list(head: &[u8]) -> Option<(&'static str, &'static str)> {
    let text = head.trim_ascii_start();
    if head.starts_with(b"PAR1") {
        Some(("a Parquet file", "name it as an input of fervor batch, which reads the pictures or paths of its rows"))
    } else if Format::of(head).is_some() {
        Some(("a picture", "name it without --list"))
    } else if text.starts_with(b"[") && text[1..].trim_ascii_start().starts_with(b"{") {
        Some(("a JSON array", "write an object a line, each with the key \"path\""))
    } else {
        None
    }
}

/// What the beginning of a list says of it.
fn form(head: &[u8]) -> Form {
    if head.contains(&0) {
        return Form::Nul;
    }
    let mut lines = head.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let first = lines.find(|line| !line.is_empty()).and_then(|line| std::str::from_utf8(line).ok()).map(str::trim);
    let Some(first) = first else { return Form::Lines };
    if first.starts_with('{') && serde_json::from_str::<serde_json::Value>(first).is_ok() {
        return Form::Json;
    }
    // A picture may be called as a column is.
    let delimiter = [b',', b'\t', b';'].into_iter().find(|&mark| first.contains(char::from(mark))).unwrap_or(b',');
    let mut names = first.split(char::from(delimiter)).map(|name| name.trim().trim_matches('"'));
    match names.position(|name| name.eq_ignore_ascii_case(COLUMN)) {
        Some(column) if !Path::new(first).exists() => Form::Table { delimiter, column },
        _ => Form::Lines,
    }
}

/// The next line that is not empty, without its end; whether there is one.
fn next(list: &mut impl BufRead, end: u8, line: &mut Vec<u8>, number: &mut u64) -> Result<bool> {
    loop {
        line.clear();
        *number += 1;
        let read = list.by_ref().take(LONGEST as u64 + 1).read_until(end, line).map_err(unreadable)?;
        if read == 0 {
            return Ok(false);
        }
        if read > LONGEST {
            return Err(Error::input(format!("line {number} of the list has more than {LONGEST} bytes"))
                .because(Reason::TooLarge)
                .with_hint("a list has the path of a picture a line"));
        }
        if line.last() == Some(&end) {
            line.pop();
        }
        if end == b'\n' && line.last() == Some(&b'\r') {
            line.pop();
        }
        if !line.is_empty() {
            return Ok(true);
        }
    }
}

fn of_table(list: impl Read, delimiter: u8, column: usize, found: &mut dyn FnMut(PathBuf) -> Result<()>) -> Result<()> {
    let left = Rc::new(Cell::new(LONGEST));
    let list = Bounded { list, left: Rc::clone(&left) };
    let mut reader = csv::ReaderBuilder::new().flexible(true).delimiter(delimiter).from_reader(list);
    let mut record = csv::ByteRecord::new();
    loop {
        left.set(LONGEST);
        let read = reader.read_byte_record(&mut record);
        if !read.map_err(|e| Error::input("the table of paths is damaged").because(Reason::Damaged).with_source(e))? {
            return Ok(());
        }
        match record.get(column).filter(|path| !path.is_empty()) {
            // Names with line breaks are rare, and quotation marks that are never closed are not: one would swallow all rows after it.
            Some(path) if path.contains(&b'\n') && !path_of(path).exists() => {
                let line = record.position().map_or(0, csv::Position::line);
                return Err(Error::input(format!("a quotation mark in line {line} of the list is not closed in that line"))
                    .because(Reason::Damaged)
                    .with_hint("close it, or double it where it belongs to the name"));
            }
            Some(path) => found(path_of(path))?,
            None => {
                let line = record.position().map_or(0, csv::Position::line);
                return Err(Error::input(format!("no {COLUMN} in line {line} of the list")).because(Reason::Damaged));
            }
        }
    }
}

/// Refuses to go on where a row does not end: a quotation mark that is never closed would take all of a file into memory.
struct Bounded<R> {
    list: R,
    left: Rc<Cell<usize>>,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.list.read(into)?;
        match self.left.get().checked_sub(read) {
            Some(left) => self.left.set(left),
            None => return Err(io::Error::other(format!("a row has more than {LONGEST} bytes"))),
        }
        Ok(read)
    }
}

fn path_of_json(line: &[u8], number: u64) -> Result<PathBuf> {
    let bad = |message: String| Error::input(message).because(Reason::Damaged);
    let row: serde_json::Value =
        serde_json::from_slice(line).map_err(|e| bad(format!("line {number} of the list is no JSON")).with_source(e))?;
    let path = row.get(COLUMN).and_then(serde_json::Value::as_str);
    path.map(PathBuf::from).ok_or_else(|| bad(format!("line {number} of the list has no text under {COLUMN:?}")))
}

/// UTF-16 with its mark, as PowerShell writes it, read as UTF-8.
struct Utf16<I: Iterator<Item = u16>> {
    text: std::char::DecodeUtf16<I>,
    failed: Rc<Cell<Option<io::Error>>>,
    /// Of a character that had no room: its bytes, and how many are left.
    rest: ([u8; 4], usize),
}

impl Utf16<std::iter::Empty<u16>> {
    /// Takes the bytes with their mark, and how two of them are a number.
    fn new(mut bytes: impl Iterator<Item = io::Result<u8>>, unit: fn([u8; 2]) -> u16) -> Utf16<impl Iterator<Item = u16>> {
        let failed = Rc::new(Cell::new(None));
        let fails = Rc::clone(&failed);
        let units = std::iter::from_fn(move || {
            let mut one = || bytes.next()?.map_err(|e| fails.set(Some(e))).ok();
            Some(unit([one()?, one()?]))
        });
        Utf16 { text: char::decode_utf16(units.skip(1)), failed, rest: ([0; 4], 0) }
    }
}

impl<I: Iterator<Item = u16>> Read for Utf16<I> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let mut read = 0;
        loop {
            let (bytes, left) = &mut self.rest;
            let some = (*left).min(into.len() - read);
            into[read..read + some].copy_from_slice(&bytes[4 - *left..][..some]);
            (read, *left) = (read + some, *left - some);
            if read == into.len() {
                return Ok(read);
            }
            let Some(c) = self.text.next() else { break };
            let c = c.unwrap_or(char::REPLACEMENT_CHARACTER);
            let mut buffer = [0; 4];
            let text = c.encode_utf8(&mut buffer).as_bytes();
            bytes[4 - text.len()..].copy_from_slice(text);
            *left = text.len();
        }
        self.failed.take().map_or(Ok(read), Err)
    }
}

#[cfg(unix)]
fn path_of(bytes: &[u8]) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

#[cfg(not(unix))]
fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(String::from_utf8_lossy(bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(list: &[u8]) -> Result<Vec<PathBuf>> {
        let mut all = Vec::new();
        paths(list, &mut |path| {
            all.push(path);
            Ok(())
        })?;
        Ok(all)
    }

    fn utf16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
        [0xFEFFu16].into_iter().chain(text.encode_utf16()).flat_map(bytes).collect()
    }

    #[test]
    fn a_list_is_lines_or_ended_by_nul_or_a_column() {
        let [little, big] = [u16::to_le_bytes, u16::to_be_bytes].map(|bytes| utf16("a b.png\r\nc.png\r\n", bytes));
        let cases: [(&[u8], [&str; 2]); 9] = [
            (b"a b.png\nc.png\n", ["a b.png", "c.png"]),
            (b"\xEF\xBB\xBFa b.png\r\n\r\nc.png", ["a b.png", "c.png"]),
            (b"a\nb.png\0c.png\0", ["a\nb.png", "c.png"]),
            (&little, ["a b.png", "c.png"]),
            (&big, ["a b.png", "c.png"]),
            (b"path,label\n\"a, b.png\",sad\nc.png,happy\n", ["a, b.png", "c.png"]),
            (b"label;Path\nsad;a.png\nhappy;b.png\n", ["a.png", "b.png"]),
            (b"{\"path\": \"a.png\"}\n{\"label\": 1, \"path\": \"b.png\"}\n", ["a.png", "b.png"]),
            (b"a,b.png\nc.png\n", ["a,b.png", "c.png"]),
        ];
        for (bytes, expected) in cases {
            assert_eq!(all(bytes).unwrap(), expected.map(PathBuf::from), "{}", String::from_utf8_lossy(bytes));
        }
        assert!(all(b"path,label\n,sad\n").unwrap_err().message().contains("line 2"));
        assert!(all(b"{\"path\": \"a\"}\n{}\n").unwrap_err().message().contains("line 2"));
        assert_eq!(all(b"").unwrap(), Vec::<PathBuf>::new());
        assert_eq!(all(b"a").unwrap(), [PathBuf::from("a")]);
    }

    #[test]
    fn long_lists_are_the_same_in_each_form() {
        // Longer than what is looked at first, with characters of one to four bytes.
        let names: Vec<String> = (0..9000).map(|number| format!("ä𝄞/{number:06}.png")).collect();
        let expected: Vec<PathBuf> = names.iter().map(PathBuf::from).collect();
        let lines = names.join("\n");
        let json: Vec<String> = names.iter().map(|name| format!("{{\"path\": {name:?}}}")).collect();
        let forms = [
            lines.clone().into_bytes(),
            names.join("\0").into_bytes(),
            utf16(&lines, u16::to_le_bytes),
            format!("path,label\n{}", names.join(",x\n")).into_bytes(),
            json.join("\n").into_bytes(),
        ];
        for (number, bytes) in forms.iter().enumerate() {
            assert!(all(bytes).unwrap() == expected, "form {number}");
        }
    }

    #[test]
    fn what_is_no_list_is_refused_before_it_fills_the_memory() {
        let endless = io::repeat(b'x').take(u64::MAX);
        let mut none = |_| panic!("there is no path in it");
        assert_eq!(paths(endless, &mut none).unwrap_err().reason(), Reason::TooLarge);
        let open = (&b"path\n\"a"[..]).chain(io::repeat(b'x').take(u64::MAX));
        assert_eq!(paths(open, &mut none).unwrap_err().reason(), Reason::Damaged);
    }
}
