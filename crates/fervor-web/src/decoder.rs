//! Files become pixels.

use fervor::{Limits, Picture};
use wasm_bindgen::prelude::wasm_bindgen;

use crate::said;

/// A picture's pixels.
#[wasm_bindgen]
#[derive(Debug)]
pub struct Decoded(Picture);

#[wasm_bindgen]
impl Decoded {
    /// A picture's file of any format that is read, upright; `pixels` is the most that it may have, or 0 for what is usual.
    ///
    /// # Errors
    /// The picture cannot be read.
    #[wasm_bindgen(constructor)]
    pub fn new(bytes: &[u8], pixels: f64) -> Result<Self, String> {
        let limits = Limits::default();
        let limits = if pixels > 0.0 { Limits { pixels: pixels as u64, ..limits } } else { limits };
        Picture::decode(bytes, &limits).map(Self).map_err(|e| said(&e))
    }

    /// Width in pixels.
    #[wasm_bindgen(getter)]
    pub fn width(&self) -> u32 {
        self.0.width()
    }

    /// Height in pixels.
    #[wasm_bindgen(getter)]
    pub fn height(&self) -> u32 {
        self.0.height()
    }

    /// Red, green, blue of each pixel, given away.
    pub fn rgb(self) -> Vec<u8> {
        self.0.into_rgb()
    }

    /// The picture as a PNG, for browsers that cannot show its format.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn png(&self) -> Result<Vec<u8>, String> {
        self.0.encode_png().map_err(|e| said(&e))
    }
}
