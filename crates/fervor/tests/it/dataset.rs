//! Data sets over tiny generated worlds, and over FER-2013 where it is at hand.

mod fer2013;
