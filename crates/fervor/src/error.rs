//! The library's only error type. Its kind says whose problem it is; its hint says what to do next.

use std::error::Error as StdError;
use std::fmt;

/// Whose problem an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ErrorKind {
    /// A picture, a flag or another value given by the caller.
    Input,
    /// A model file: no card, a wrong card, a network that does not do what its card says.
    Model,
    /// A data set: folders, tables, manifests.
    Data,
}

/// What went wrong, ending with the value that was wrong, and a hint that says what to do.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    too_large: bool,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The library's result type.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of the given kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner { kind, message: message.into(), hint: None, too_large: false, source: None }))
    }

    /// A bad picture, flag or value.
    pub fn input(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Input, message)
    }

    /// A bad model file.
    pub fn model(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Model, message)
    }

    /// A bad data set.
    pub fn data(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Data, message)
    }

    /// Adds what the reader can do about it.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds the error underneath.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// Marks that the input is over a limit, so that a service can say so in its own terms.
    #[must_use]
    pub fn too_large(mut self) -> Self {
        self.0.too_large = true;
        self
    }

    /// Puts `context` before the message, for example the file's name.
    #[must_use]
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.0.message = format!("{context}: {}", self.0.message);
        self
    }

    /// Whose problem it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether the input is over a limit: in bytes, in pixels, a side.
    pub fn is_too_large(&self) -> bool {
        self.0.too_large
    }

    /// What went wrong, without the hint.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)?;
        if let Some(hint) = &self.0.hint {
            write!(f, "\n  hint: {hint}")?;
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}
