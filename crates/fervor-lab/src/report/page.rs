//! What all pages have in common: style, fonts, the foot, and pictures inside the page.

use std::fmt::{Result as Written, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use fervor::error::Result;
use fervor::picture::Picture;
use fervor_draw::chart::escape;
use fervor_draw::chart::{INTER_REGULAR, INTER_SEMIBOLD};
use fervor_draw::shrink_to_fit;

/// Pixels of a gallery picture's longer side: twice what a page shows, for dense screens. Smaller pictures stay as they are.
const SHOT: u32 = 256;
const QUALITY: u8 = 88;

/// Everything before the content, with the fonts and the style inside; `style` is added to it.
pub(crate) fn head(page: &mut String, title: &str, style: &str) -> Written {
    write!(
        page,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}</title>\n<style>\n",
        escape(title)
    )?;
    for (font, weight) in [(INTER_REGULAR, 400), (INTER_SEMIBOLD, 600)] {
        let font = BASE64.encode(font);
        writeln!(page, "@font-face {{ font-family: Inter; font-weight: {weight}; src: url(data:font/otf;base64,{font}); }}")?;
    }
    writeln!(page, "{}{style}</style>\n</head>\n<body>\n<main>", include_str!("style.css"))
}

/// Everything after the content; `version` is Fervor's.
pub(crate) fn foot(page: &mut String, version: &str) -> Written {
    writeln!(
        page,
        "<footer>Made by Fervor {}. The classes name how faces look in pictures; none says what a person feels.</footer>\n</main>\n</body>\n</html>",
        escape(version)
    )
}

/// A picture as an `img` element with its bytes inside.
///
/// # Errors
/// Only where it cannot be encoded.
pub(crate) fn inline(picture: &Picture) -> Result<String> {
    let bytes = if picture.width().max(picture.height()) <= SHOT {
        picture.encode_jpeg(QUALITY)
    } else {
        shrink_to_fit(picture, SHOT, SHOT)?.encode_jpeg(QUALITY)
    }?;
    Ok(format!("<img alt=\"\" loading=\"lazy\" src=\"data:image/jpeg;base64,{}\">", BASE64.encode(bytes)))
}
