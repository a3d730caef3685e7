//! What `predict` is given: files, folders, patterns and standard input become a list of sources.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io::Read;
use std::path::{Path, PathBuf};

use fervor::picture::Format;
use fervor::{Error, Limits, Picture, Result};
use globset::GlobBuilder;
use walkdir::{DirEntry, WalkDir};

/// Where a picture comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    File {
        path: PathBuf,
        /// The path below the folder or pattern that led to it: the place of its annotated copy.
        relative: PathBuf,
    },
    StandardInput,
}

impl Source {
    /// The name in the answer.
    pub fn name(&self) -> String {
        match self {
            Source::File { path, .. } => path.display().to_string(),
            Source::StandardInput => "-".to_owned(),
        }
    }

    /// The path that the annotated copy gets inside its folder.
    pub fn relative(&self) -> PathBuf {
        match self {
            Source::File { relative, .. } => relative.clone(),
            Source::StandardInput => PathBuf::from("stdin"),
        }
    }

    /// Reads and decodes the picture.
    ///
    /// # Errors
    /// A file that cannot be read, or is no picture.
    pub fn read(&self, limits: &Limits) -> Result<Picture> {
        match self {
            Source::File { path, .. } => fervor::picture::read(path, limits),
            Source::StandardInput => {
                let mut bytes = Vec::new();
                let read = std::io::stdin().lock().take(limits.bytes as u64 + 1).read_to_end(&mut bytes);
                read.map_err(|e| Error::input("standard input cannot be read").with_source(e))?;
                Picture::decode(&bytes, limits)
            }
        }
    }
}

/// The sources in the order given, folders and patterns in name order, none twice.
///
/// # Errors
/// A folder or pattern without pictures, or a pattern that cannot be read. A named file that does not exist is a
/// source all the same: it becomes an error row.
pub fn expand(inputs: &[OsString], recursive: bool) -> Result<Vec<Source>> {
    let mut sources = Vec::new();
    for input in inputs {
        let path = Path::new(input);
        if input == "-" {
            sources.push(Source::StandardInput);
        } else if path.is_dir() {
            sources.extend(folder(path, recursive)?);
        } else if let (false, Some(text)) = (path.exists(), input.to_str().filter(|text| text.contains(['*', '?', '[', '{']))) {
            sources.extend(pattern(text)?);
        } else {
            let relative = path.file_name().map_or_else(|| PathBuf::from("picture"), PathBuf::from);
            sources.push(Source::File { path: path.to_owned(), relative });
        }
    }
    let mut seen = HashSet::new();
    sources.retain(|source| match source {
        Source::File { path, .. } => seen.insert(Some(path.clone())),
        Source::StandardInput => seen.insert(None),
    });
    keep_apart(&mut sources);
    Ok(sources)
}

/// Files of one name from several places: their annotated copies must not meet.
fn keep_apart(sources: &mut [Source]) {
    let mut taken = HashSet::new();
    for source in sources {
        let Source::File { relative, .. } = source else { continue };
        let (plain, mut number) = (relative.clone(), 1);
        while !taken.insert(relative.clone()) {
            number += 1;
            let mut name = plain.file_stem().unwrap_or_default().to_owned();
            name.push(format!("-{number}"));
            if let Some(extension) = plain.extension() {
                name.push(".");
                name.push(extension);
            }
            *relative = plain.with_file_name(name);
        }
    }
}

fn visible(entry: &DirEntry) -> bool {
    entry.depth() == 0 || !entry.file_name().to_string_lossy().starts_with('.')
}

fn files(root: &Path, depth: usize) -> impl Iterator<Item = PathBuf> {
    // Broken links and loops are passed over: they are not pictures.
    WalkDir::new(root)
        .follow_links(true)
        .max_depth(depth)
        .sort_by_file_name()
        .into_iter()
        .filter_entry(visible)
        .filter_map(std::result::Result::ok)
        .filter(|entry| entry.file_type().is_file())
        .map(DirEntry::into_path)
}

fn folder(root: &Path, recursive: bool) -> Result<Vec<Source>> {
    // By name inside folders; files named one by one are read whatever their name.
    let is_picture = |path: &PathBuf| path.extension().is_some_and(|e| Format::from_extension(&e.to_string_lossy()).is_some());
    let found: Vec<Source> = files(root, if recursive { usize::MAX } else { 1 })
        .filter(is_picture)
        .map(|path| Source::File { relative: path.strip_prefix(root).unwrap_or(&path).to_owned(), path })
        .collect();
    if found.is_empty() {
        let has_folders = WalkDir::new(root).min_depth(1).max_depth(1).into_iter().flatten().any(|entry| entry.path().is_dir());
        let hint = match has_folders && !recursive {
            true => "--recursive looks into its folders",
            false => "pictures end in .jpg, .png, .bmp, .webp, .gif or .tiff",
        };
        return Err(Error::input(format!("no pictures in the folder {}", root.display())).with_hint(hint));
    }
    Ok(found)
}

fn pattern(text: &str) -> Result<Vec<Source>> {
    let text = text.trim_start_matches("./");
    let matcher = GlobBuilder::new(text)
        .literal_separator(true)
        .build()
        .map_err(|e| Error::input(format!("not a file or a pattern: {text}")).with_source(e))?
        .compile_matcher();
    // The walk starts at the last folder before the first special character.
    let fixed = &text[..text.find(['*', '?', '[', '{']).unwrap_or(text.len())];
    let root = fixed.rfind('/').map_or("", |end| &fixed[..=end]);
    let start = if root.is_empty() { Path::new(".") } else { Path::new(root) };
    let depth = if text.contains("**") { usize::MAX } else { text[root.len()..].matches('/').count() + 1 };
    let found: Vec<Source> = files(start, depth)
        .map(|path| path.strip_prefix("./").map(Path::to_owned).unwrap_or(path))
        .filter(|path| matcher.is_match(path))
        .map(|path| Source::File { relative: path.strip_prefix(root).unwrap_or(&path).to_owned(), path })
        .collect();
    if found.is_empty() { Err(Error::input(format!("no file fits the pattern {text}"))) } else { Ok(found) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(sources: &[Source]) -> Vec<PathBuf> {
        sources.iter().map(Source::relative).collect()
    }

    #[test]
    fn folders_and_patterns_are_expanded_in_name_order() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["b.png", "a.JPG", "notes.txt", ".hidden.png", "deep/c.webp"] {
            let path = dir.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, b"").unwrap();
        }
        let root = dir.path().display().to_string();
        let expand_one = |input: String, recursive| expand(&[input.into()], recursive).map(|s| names(&s));
        assert_eq!(expand_one(root.clone(), false).unwrap(), ["a.JPG", "b.png"].map(PathBuf::from));
        assert_eq!(expand_one(root.clone(), true).unwrap(), ["a.JPG", "b.png", "deep/c.webp"].map(PathBuf::from));
        assert_eq!(expand_one(format!("{root}/*.png"), false).unwrap(), ["b.png"].map(PathBuf::from));
        assert_eq!(expand_one(format!("{root}/**/*.webp"), false).unwrap(), ["deep/c.webp"].map(PathBuf::from));
        assert!(expand_one(format!("{root}/*.gif"), false).is_err());
        let again = [root.clone(), format!("{root}/b.png")].map(OsString::from);
        assert_eq!(expand(&again, false).unwrap().len(), 2, "none twice");
        let same_name = [root.clone(), format!("{root}/deep")].map(OsString::from);
        std::fs::write(dir.path().join("deep/b.png"), b"").unwrap();
        assert_eq!(names(&expand(&same_name, false).unwrap()), ["a.JPG", "b.png", "b-2.png", "c.webp"].map(PathBuf::from));
    }
}
