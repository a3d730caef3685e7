//! The talk on standard error: notes, warnings and progress, the latter only on a terminal.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use fervor::Error;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::remedy;

/// Prints an error with its hint.
pub fn error(error: &Error) {
    let hint = error.remedy().map(|remedy| format!("\n  hint: {}", remedy::words(remedy))).unwrap_or_default();
    note(format_args!("error: {}{hint}", told(error, error.contexts())));
}

/// An error as the end of a line that begins with `place`, which is not said twice.
pub fn at(place: &str, error: &Error) -> String {
    let contexts: Vec<&String> = error.contexts().iter().filter(|context| *context != place).collect();
    let hint = error.remedy().map(|remedy| format!(" ({})", remedy::words(remedy))).unwrap_or_default();
    format!("{place}: {}{hint}", told(error, &contexts))
}

/// The places, what went wrong, and all its causes.
fn told(error: &Error, contexts: &[impl AsRef<str>]) -> String {
    let mut parts: Vec<&str> = contexts.iter().map(AsRef::as_ref).collect();
    let explained = error.explained();
    parts.push(&explained);
    parts.join(": ")
}

/// Prints a warning.
pub fn warn(text: impl std::fmt::Display) {
    note(format_args!("warning: {text}"));
}

/// Prints a note.
pub fn note(text: impl std::fmt::Display) {
    // Whoever closed standard error wants no talk.
    let _ = writeln!(io::stderr(), "{}", visible(&text.to_string(), &['\n', '\t']));
}

/// A name as a terminal may show it: characters that would steer it, or turn the line's direction, are written as their codes.
pub fn name(name: &str) -> Cow<'_, str> {
    visible(name, &[])
}

fn visible<'a>(text: &'a str, kept: &[char]) -> Cow<'a, str> {
    let steers = |c: char| c.is_control() || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}');
    let steers = |c: char| steers(c) && !kept.contains(&c);
    if !text.contains(steers) {
        return text.into();
    }
    let shown = |c: char| if steers(c) { c.escape_default().to_string() } else { c.to_string() };
    text.chars().map(shown).collect::<String>().into()
}

/// Writes an answer to standard output; a reader who has seen enough, as `| head` has, is no error.
///
/// # Errors
/// Standard output cannot be written, a full disk for example.
pub fn answer(text: impl std::fmt::Display) -> fervor::Result<()> {
    let mut out = io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(e) if e.kind() != io::ErrorKind::BrokenPipe => Err(Error::output("the answer cannot be written").with_source(e)),
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

/// A sign of life while nobody knows how much there is to do; only on a terminal.
#[cfg(feature = "batch")]
pub fn spinner(what: &str) -> ProgressBar {
    let spinner = ProgressBar::with_draw_target(None, target());
    spinner.set_message(what.to_owned());
    spinner.enable_steady_tick(Duration::from_millis(250));
    spinner
}

/// A bar of a film so many seconds long, with frames a second and the time left; of one whose length is not known, what was done.
pub fn film(seconds: f64) -> ProgressBar {
    let known = seconds.is_finite() && seconds > 0.0;
    let bar = ProgressBar::with_draw_target(known.then_some((1e3 * seconds) as u64), target());
    let style = if known { "{wide_bar:.cyan/dim} {percent} %  {msg}  {eta} left" } else { "{spinner} {msg}" };
    bar.set_style(ProgressStyle::with_template(style).expect("the template is valid"));
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

/// Moves a film's bar to a second of it, and to so many frames.
pub fn film_is_at(bar: &ProgressBar, seconds: f64, frames: usize) {
    bar.set_position((1e3 * seconds.max(0.0)) as u64);
    let rate = frames as f64 / bar.elapsed().as_secs_f64().max(1e-3);
    bar.set_message(format!("{frames} frames, {rate:.0} / s"));
}

/// Moves a bar to what is done of all, as the library tells it.
pub fn moves(bar: &ProgressBar) -> impl Fn(usize, usize) + Sync + '_ {
    |done, all| {
        bar.set_length(all as u64);
        bar.set_position(done as u64);
    }
}

/// Warns of pictures that could not be read and so count nowhere.
pub fn left_out(unreadable: &[String]) {
    for name in unreadable {
        warn(format_args!("{name}: left out, it cannot be read any more"));
    }
}

fn target() -> ProgressDrawTarget {
    if std::io::stderr().is_terminal() { ProgressDrawTarget::stderr_with_hz(8) } else { ProgressDrawTarget::hidden() }
}

#[cfg(test)]
mod tests {
    use fervor::Remedy;

    use super::*;

    #[test]
    fn names_do_not_steer_the_terminal() {
        assert_eq!(name("a\u{1b}[2J\n\u{202e}gpj.exe"), r"a\u{1b}[2J\n\u{202e}gpj.exe");
        assert_eq!(visible("héllo\n\u{9b}1m", &['\n']), "héllo\n\\u{9b}1m");
    }

    #[test]
    fn a_line_names_its_place_once_and_keeps_what_is_inside_causes_and_remedy() {
        let cause = io::Error::other("too many open files");
        let error = Error::input("it cannot be read").with_source(cause).context("page 2").context("a.tiff");
        let error = error.with_remedy(Remedy::ChooseSplit);
        let end = "page 2: it cannot be read: too many open files (choose the part with --split)";
        assert_eq!(at("a.tiff", &error), format!("a.tiff: {end}"));
        assert_eq!(at("standard input", &error), format!("standard input: a.tiff: {end}"));
    }
}
