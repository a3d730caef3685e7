//! The talk on standard error: notes, warnings and progress, the latter only on a terminal.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use fervor::Error;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Prints an error with its hint.
pub fn error(error: &Error) {
    let mut text = error.to_string();
    let mut next = std::error::Error::source(error);
    while let Some(cause) = next {
        text += &format!(": {cause}");
        next = cause.source();
    }
    let hint = error.hint().map(|hint| format!("\n  hint: {hint}")).unwrap_or_default();
    note(format_args!("error: {text}{hint}"));
}

/// Prints a warning.
pub fn warn(text: impl std::fmt::Display) {
    note(format_args!("warning: {text}"));
}

/// Prints a note.
pub fn note(text: impl std::fmt::Display) {
    // Whoever closed standard error wants no talk.
    let _ = writeln!(io::stderr(), "{text}");
}

/// Writes an answer to standard output; a reader who has seen enough, as `| head` has, is no error.
///
/// # Errors
/// Standard output cannot be written, a full disk for example.
pub fn answer(text: impl std::fmt::Display) -> fervor::Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(Error::input("the answer cannot be written").with_source(e)),
        _ => Ok(()),
    }
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
