//! In place of the general engine, in programs built without it.

use super::Output;
use crate::error::{Error, Reason, Result};

/// There is none.
pub enum General {}

impl General {
    pub fn load(_: Vec<u8>) -> Result<Self> {
        Err(Error::model("this program holds no engine for the network: it runs those that Fervor's own training makes")
            .because(Reason::Unsupported)
            .with_hint("build it with the feature `general` of the crate `fervor`"))
    }

    pub fn set_threads(&mut self, _: usize) {
        match *self {}
    }

    pub fn set_lanes(&mut self, _: usize) {
        match *self {}
    }

    pub fn run(&self, _: [usize; 4], _: &[f32]) -> Result<Vec<Output>> {
        match *self {}
    }

    pub fn run_to_value(&self, _: &str, _: [usize; 4], _: &[f32]) -> Result<Option<Output>> {
        match *self {}
    }
}
