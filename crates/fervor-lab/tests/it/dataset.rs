//! Data sets over tiny generated worlds, and over FER-2013 where it is at hand.

mod fer2013;
mod folder;
mod manifest;
#[cfg(feature = "parquet")]
mod parquet;
mod paths;
mod table;
mod votes;

use std::io::Cursor;

use fervor::{Error, LabelSet, Reason};
use fervor_lab::dataset::{Dataset, OpenOptions};
use image::{ImageFormat, RgbImage};

use crate::world::{World, told};

impl World {
    /// A picture file; the same number gives the same pixels.
    fn face(self, name: &str, number: u8) -> Self {
        self.file(name, picture(number, ImageFormat::Png))
    }

    fn open(&self) -> Dataset {
        self.try_open(&OpenOptions::default()).unwrap()
    }

    fn try_open(&self, options: &OpenOptions) -> Result<Dataset, Error> {
        Dataset::open(self.0.path(), options)
    }

    fn open_file(&self, name: &str, options: &OpenOptions) -> Result<Dataset, Error> {
        Dataset::open(&self.path(name), options)
    }

    /// What the error says of the folder.
    fn refusal(&self) -> String {
        told(&self.try_open(&OpenOptions::default()).unwrap_err())
    }
}

fn picture(number: u8, format: ImageFormat) -> Vec<u8> {
    let pixels = RgbImage::from_fn(4, 4, |x, y| image::Rgb([number, (16 * x) as u8, (16 * y) as u8]));
    let mut bytes = Cursor::new(Vec::new());
    pixels.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn only(labels: &[&str]) -> OpenOptions<'static> {
    OpenOptions { labels: Some(LabelSet::new(labels).unwrap()), ..OpenOptions::default() }
}

fn ids(dataset: &Dataset) -> Vec<&str> {
    dataset.samples().iter().map(|sample| sample.id.as_str()).collect()
}

#[track_caller]
fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

#[test]
fn a_path_without_anything_is_named() {
    let error = Dataset::open("no/such/place".as_ref(), &OpenOptions::default()).unwrap_err();
    says(&told(&error), &["there is no data set at no/such/place"]);
    assert_eq!(error.reason(), Reason::Missing);
}
