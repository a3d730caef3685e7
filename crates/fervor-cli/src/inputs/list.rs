//! Lists of pictures: a path a line, paths ended by NUL as `find -print0` writes them, or the column `path` of a table or of
//! JSON lines.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use fervor::{Error, Reason, Result};

/// Some million paths. It bounds the memory that a wrong file can take.
const LONGEST: u64 = 256 << 20;

/// The column of tables and the key of JSON lines.
const COLUMN: &str = "path";

/// The paths that a list names, as they stand there; `-` is standard input.
///
/// # Errors
/// A list that cannot be read, is too long, or whose lines do not fit its first.
pub(super) fn read(list: &Path) -> Result<Vec<PathBuf>> {
    let mut bytes = Vec::new();
    let read = match list.as_os_str() == "-" {
        true => io::stdin().lock().take(LONGEST + 1).read_to_end(&mut bytes),
        false => File::open(list).and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes)),
    };
    read.map_err(|e| Error::input("the list cannot be read").with_source(e).context(list.display()))?;
    if bytes.len() as u64 > LONGEST {
        return Err(Error::input(format!("the list has more than {LONGEST} bytes"))
            .because(Reason::TooLarge)
            .context(list.display()));
    }
    paths(&bytes).map_err(|e| e.context(list.display()))
}

fn paths(bytes: &[u8]) -> Result<Vec<PathBuf>> {
    let utf16 = unpacked(bytes);
    let bytes = utf16.as_deref().unwrap_or(bytes);
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    if bytes.contains(&0) {
        return Ok(bytes.split(|&byte| byte == 0).filter(|path| !path.is_empty()).map(path_of).collect());
    }
    let lines =
        || bytes.split(|&byte| byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line)).filter(|l| !l.is_empty());
    let Some(first) = lines().next().and_then(|line| std::str::from_utf8(line).ok()).map(str::trim) else {
        return Ok(lines().map(path_of).collect());
    };
    if first.starts_with('{') && serde_json::from_str::<serde_json::Value>(first).is_ok() {
        return lines().enumerate().map(|(index, line)| path_of_json(line, index + 1)).collect();
    }
    // A picture may be called as a column is.
    let delimiter = [b',', b'\t', b';'].into_iter().find(|&mark| first.contains(char::from(mark))).unwrap_or(b',');
    let head: Vec<&str> = first.split(char::from(delimiter)).map(|name| name.trim().trim_matches('"')).collect();
    match head.iter().position(|name| name.eq_ignore_ascii_case(COLUMN)) {
        Some(column) if !Path::new(first).exists() => of_table(bytes, delimiter, column),
        _ => Ok(lines().map(path_of).collect()),
    }
}

fn of_table(bytes: &[u8], delimiter: u8, column: usize) -> Result<Vec<PathBuf>> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).delimiter(delimiter).from_reader(bytes);
    let mut paths = Vec::new();
    for record in reader.byte_records() {
        let record = record.map_err(|e| Error::input("the table of paths is damaged").because(Reason::Damaged).with_source(e))?;
        match record.get(column).filter(|path| !path.is_empty()) {
            Some(path) => paths.push(path_of(path)),
            None => {
                let line = record.position().map_or(0, csv::Position::line);
                return Err(Error::input(format!("no {COLUMN} in line {line} of the list")).because(Reason::Damaged));
            }
        }
    }
    Ok(paths)
}

fn path_of_json(line: &[u8], number: usize) -> Result<PathBuf> {
    let bad = |message: String| Error::input(message).because(Reason::Damaged);
    let row: serde_json::Value =
        serde_json::from_slice(line).map_err(|e| bad(format!("line {number} of the list is no JSON")).with_source(e))?;
    let path = row.get(COLUMN).and_then(serde_json::Value::as_str);
    path.map(PathBuf::from).ok_or_else(|| bad(format!("line {number} of the list has no text under {COLUMN:?}")))
}

/// UTF-16 with its mark, as PowerShell writes it, as UTF-8.
fn unpacked(bytes: &[u8]) -> Option<Vec<u8>> {
    let (is_little, rest) = match bytes {
        [0xFF, 0xFE, rest @ ..] => (true, rest),
        [0xFE, 0xFF, rest @ ..] => (false, rest),
        _ => return None,
    };
    let pairs = rest.as_chunks::<2>().0.iter();
    let units = pairs.map(|&pair| if is_little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) });
    Some(char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect::<String>().into_bytes())
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

    #[test]
    fn a_list_is_lines_or_ended_by_nul_or_a_column() {
        let utf16: Vec<u8> =
            [0xFEFFu16].into_iter().chain("a b.png\r\nc.png\r\n".encode_utf16()).flat_map(u16::to_le_bytes).collect();
        let cases: [(&[u8], [&str; 2]); 8] = [
            (b"a b.png\nc.png\n", ["a b.png", "c.png"]),
            (b"\xEF\xBB\xBFa b.png\r\n\r\nc.png", ["a b.png", "c.png"]),
            (b"a\nb.png\0c.png\0", ["a\nb.png", "c.png"]),
            (&utf16, ["a b.png", "c.png"]),
            (b"path,label\n\"a, b.png\",sad\nc.png,happy\n", ["a, b.png", "c.png"]),
            (b"label;Path\nsad;a.png\nhappy;b.png\n", ["a.png", "b.png"]),
            (b"{\"path\": \"a.png\"}\n{\"label\": 1, \"path\": \"b.png\"}\n", ["a.png", "b.png"]),
            (b"a,b.png\nc.png\n", ["a,b.png", "c.png"]),
        ];
        for (bytes, expected) in cases {
            assert_eq!(paths(bytes).unwrap(), expected.map(PathBuf::from), "{}", String::from_utf8_lossy(bytes));
        }
        assert!(paths(b"path,label\n,sad\n").unwrap_err().message().contains("line 2"));
        assert!(paths(b"{\"path\": \"a\"}\n{}\n").unwrap_err().message().contains("line 2"));
    }
}
