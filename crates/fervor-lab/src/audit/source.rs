//! Where a report's pictures come from.

use fervor::picture::Picture;
use fervor::preprocess::Preprocess;

/// Gives a picture of the data set by its id.
pub type PictureSource<'a> = &'a (dyn Fn(&str) -> Option<Picture> + Sync);

/// A picture as the network gets it.
pub(super) fn seen(preprocess: &Preprocess, picture: &Picture) -> Picture {
    preprocess.whole(picture).to_picture()
}
