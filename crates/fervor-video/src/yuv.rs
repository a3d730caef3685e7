//! Pictures as codecs store them: luma and half-size chroma.

use fervor::{Picture, Reason, Result};

pub(crate) use fervor::picture::YuvColor as Colour;

/// One decoded picture, 4:2:0, 8 bits, its planes tightly packed; chroma sides are half of luma's, rounded up.
#[derive(Clone, Debug)]
pub(crate) struct Yuv {
    pub width: usize,
    pub height: usize,
    pub y: Vec<u8>,
    pub u: Vec<u8>,
    pub v: Vec<u8>,
    pub colour: Colour,
}

impl Yuv {
    /// The picture, whose RGB is computed where it is asked for.
    pub fn into_picture(self) -> Result<Picture> {
        let Self { width, height, y, u, v, colour } = self;
        let picture = Picture::from_yuv420(width as u32, height as u32, [y, u, v], colour);
        picture.map_err(|error| error.because(Reason::Damaged))
    }
}
