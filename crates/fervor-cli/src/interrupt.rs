//! Ctrl-C, and what else asks a program to end: the work in hand is brought to a good end first.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fervor::{Error, Result};

use crate::talk;

/// A flag that the first Ctrl-C raises, with these words; the second ends the program at once.
///
/// # Errors
/// The operating system does not let signals be listened for.
pub fn flag(words: &'static str) -> Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&flag);
    ctrlc::set_handler(move || {
        if raised.swap(true, Ordering::SeqCst) {
            std::process::exit(130);
        }
        talk::note(format_args!("\n{words} (again to end at once)"));
    })
    .map_err(|e| Error::input("cannot listen for Ctrl-C").with_source(e))?;
    Ok(flag)
}
