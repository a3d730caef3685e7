//! Why bytes do not become a picture, in one place for all decoders.

use super::format::{is_film, lookalike};
use super::{Format, Limits};
use crate::error::{Error, Reason, Remedy};

const READABLE: &str = "Fervor reads JPEG, PNG, BMP, WebP, GIF and TIFF";

/// More bytes than the limit allows.
pub(super) fn over_bytes(bytes: u64, limits: &Limits) -> Error {
    Error::input(format!("the picture has more than {} bytes: {bytes}", limits.bytes))
        .because(Reason::TooLarge)
        .with_remedy(Remedy::Shrink)
}

/// A file that begins so is known to be something else than a picture.
pub(super) fn is_no_picture(start: &[u8]) -> Option<Error> {
    let known = Format::of(start).is_none() && matches!(lookalike(start), Some((_, false)));
    known.then(|| not_a_picture(start))
}

/// Bytes of none of our formats.
pub(super) fn not_a_picture(bytes: &[u8]) -> Error {
    match lookalike(bytes) {
        Some((what, true)) => Error::input(format!("a picture of an unsupported format: {what}"))
            .because(Reason::Unsupported)
            .with_hint(format!("convert it to JPEG or PNG; {READABLE}")),
        Some((what, false)) => {
            let remedy = if is_film(what) { Remedy::LookThroughFilm } else { Remedy::advice(READABLE) };
            Error::input(format!("not a picture, but {what}")).because(Reason::NotAPicture).with_remedy(remedy)
        }
        None => {
            let start: String = bytes.iter().take(8).map(|b| format!(" {b:02x}")).collect();
            Error::input(format!("not a picture: its {} bytes begin with{start}", bytes.len()))
                .because(Reason::NotAPicture)
                .with_hint(READABLE)
        }
    }
}

/// A picture of which a part is missing. `bytes` is what there is.
pub(super) fn cut_off(format: Format, bytes: &[u8]) -> Error {
    Error::input(format!("the {format} picture is cut off after {} bytes", bytes.len()))
        .because(Reason::Truncated)
        .with_remedy(Remedy::CopyAgain)
}

/// A picture whose data contradict themselves; its source should be the decoder's own words.
pub(super) fn damaged(format: Format) -> Error {
    Error::input(format!("the {format} picture is damaged")).because(Reason::Damaged).with_remedy(Remedy::CopyAgain)
}

/// A picture that uses a part of its format which nobody implemented; its source should be the decoder's own words.
pub(super) fn unsupported(format: Format) -> Error {
    Error::input(format!("the {format} picture is of a kind that cannot be read"))
        .because(Reason::Unsupported)
        .with_hint("convert it to an 8-bit RGB JPEG or PNG")
}
