//! The talk on standard error: notes, warnings and progress, the latter only on a terminal.

use std::io::IsTerminal;
use std::time::Duration;

use fervor::Error;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Prints an error with its hint.
pub fn error(error: &Error) {
    eprintln!("error: {error}");
}

/// Prints a warning.
pub fn warn(text: impl std::fmt::Display) {
    eprintln!("warning: {text}");
}

/// Prints a note.
pub fn note(text: impl std::fmt::Display) {
    eprintln!("{text}");
}

/// A bar with rate and time left on a terminal, nothing elsewhere; it shows itself only where the work takes time.
pub fn bar(length: u64, what: &str) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(length), target());
    let style = "{msg} {wide_bar:.cyan/dim} {pos}/{len}  {per_sec}  {eta} left";
    bar.set_style(ProgressStyle::with_template(style).expect("the template is valid"));
    bar.set_message(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

fn target() -> ProgressDrawTarget {
    if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr_with_hz(8) } else { ProgressDrawTarget::hidden() }
}
