//! Names of pictures and folders of a data set that is written.

use std::collections::HashSet;

use fervor::picture::Format;

/// Longest name of a file, in bytes, that is kept as it is: most file systems end at 255.
const LONGEST_NAME: usize = 200;

/// `folder/NAME.EXTENSION` from an id, with a number where that name is taken. Names are compared without case, as some file
/// systems do.
pub(crate) fn free_name(folder: &str, id: &str, format: Option<Format>, taken: &mut HashSet<String>) -> String {
    let name = id.rsplit('/').next().unwrap_or(id).replace(':', "-");
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => (stem, Some(extension)),
        _ => (name.as_str(), None),
    };
    let promised = extension.and_then(Format::from_extension);
    let (stem, extension) = match (format, extension) {
        (Some(format), Some(extension)) if promised == Some(format) => (stem, extension.to_owned()),
        // An extension that is none of a picture's may be a part of the name.
        (Some(format), Some(_)) if promised.is_some() => (stem, format.extensions()[0].to_owned()),
        (Some(format), _) => (name.as_str(), format.extensions()[0].to_owned()),
        (None, _) => (stem, "png".to_owned()),
    };
    let mut end = stem.len().min(LONGEST_NAME);
    while !stem.is_char_boundary(end) {
        end -= 1;
    }
    let stem = &stem[..end];
    let mut name = format!("{folder}/{stem}.{extension}");
    let mut number = 1;
    while !taken.insert(name.to_lowercase()) {
        number += 1;
        name = format!("{folder}/{stem}-{number}.{extension}");
    }
    name
}

/// A class as a folder's name.
pub(crate) fn plain(label: &str) -> String {
    let name: String = label.chars().map(|c| if c.is_control() || "/\\:".contains(c) { '_' } else { c }).collect();
    if name.starts_with('.') { format!("_{name}") } else { name }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_true_short_and_used_once() {
        let mut taken = HashSet::new();
        let mut name = |id: &str, format| free_name("happy", id, Some(format), &mut taken);
        assert_eq!(name("a/x.png", Format::Png), "happy/x.png");
        assert_eq!(name("b/X.PNG", Format::Png), "happy/X-2.PNG");
        assert_eq!(name("b/x.jpg", Format::Png), "happy/x-3.png");
        assert_eq!(name("row:7", Format::Png), "happy/row-7.png");
        assert_eq!(name("v1.2", Format::Jpeg), "happy/v1.2.jpg");
        assert!(name(&"笑".repeat(90), Format::Png).len() < 255);
    }
}
