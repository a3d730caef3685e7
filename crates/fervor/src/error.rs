//! The library's only error type.
//!
//! Programs match on [`ErrorKind`] (whose problem it is) and [`Reason`] (what is wrong); people read the message; each door
//! (command line, HTTP, Python) words the [`Remedy`] in its own terms. The error underneath is in
//! [`source`](StdError::source), never also in the message.
//!
//! ```
//! use fervor::{ErrorKind, Limits, Picture, Reason};
//!
//! let error = Picture::decode(b"%PDF-1.7", &Limits::default()).unwrap_err();
//! assert_eq!((error.kind(), error.reason()), (ErrorKind::Input, Reason::NotAPicture));
//! assert_eq!(error.to_string(), "not a picture, but a PDF document");
//! ```

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Whose problem an [`Error`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// A picture or another value given by the caller.
    Input,
    /// A model file: no card, a wrong card, a network that does not do what its card says.
    Model,
    /// A data set: folders, tables, manifests.
    Data,
    /// A result that cannot be written.
    Output,
}

impl ErrorKind {
    /// The kind's name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Model => "model",
            Self::Data => "data",
            Self::Output => "output",
        }
    }
}

/// What is wrong, for programs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// A value that is not allowed; what is of no other reason.
    #[default]
    Invalid,
    /// Nothing has this name or stands at this place.
    Missing,
    /// It is there, and the operating system does not give or take it.
    Inaccessible,
    /// A folder where a file was expected, or the other way round.
    WrongType,
    /// A link that leads nowhere, or in a circle.
    BrokenLink,
    /// Nothing in it.
    Empty,
    /// Over a limit: in bytes, in pixels, a side.
    TooLarge,
    /// Bytes that are no picture.
    NotAPicture,
    /// A picture, model or table of a kind that is not read.
    Unsupported,
    /// The end is missing.
    Truncated,
    /// It contradicts itself.
    Damaged,
    /// Not what it was when its hash was taken.
    Changed,
    /// Written in another version's form.
    Version,
    /// Two things that do not fit together.
    Mismatch,
    /// Something of this name is there already.
    Exists,
    /// Numbers that are not finite.
    NotFinite,
}

impl Reason {
    /// The reason's name in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Missing => "missing",
            Self::Inaccessible => "inaccessible",
            Self::WrongType => "wrong_type",
            Self::BrokenLink => "broken_link",
            Self::Empty => "empty",
            Self::TooLarge => "too_large",
            Self::NotAPicture => "not_a_picture",
            Self::Unsupported => "unsupported",
            Self::Truncated => "truncated",
            Self::Damaged => "damaged",
            Self::Changed => "changed",
            Self::Version => "version",
            Self::Mismatch => "mismatch",
            Self::Exists => "exists",
            Self::NotFinite => "not_finite",
        }
    }
}

/// What can be done about an [`Error`] or a finding. [`Display`](fmt::Display) words it for a reader of no particular door; a
/// door that has a better word (a flag, an argument) matches on it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "remedy", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Remedy {
    /// Words that hold behind every door.
    Advice {
        /// What to do.
        text: Cow<'static, str>,
    },
    /// The file arrived broken: copy or download it again.
    CopyAgain,
    /// The input is over a limit that its reader sets.
    Shrink,
    /// It is a film, of which each frame is a picture.
    LookThroughFilm,
    /// Name a model: one of the built-in ones, or a bundle's file.
    NameModel {
        /// Names of the built-in models.
        builtin: Vec<String>,
    },
    /// Only bundles that Fervor's training has written can do this.
    TrainBundle,
    /// Fit how the heads of the model become one answer.
    BlendHeads,
    /// Say to which class of the model a class of the data belongs, or that it is left out.
    MapClass {
        /// The class of the data.
        class: String,
    },
    /// Draw the parts of the data by a rule.
    DrawSplits {
        /// As `80:10:10`, or `90:10` to leave a given test part alone.
        rule: Cow<'static, str>,
    },
    /// Choose another part of the data.
    ChooseSplit,
    /// Give the table of the annotators' votes.
    GiveVotes,
    /// Name the model whose weights a training begins with.
    StartFrom,
    /// Continue the run of this folder, or give the new one another name.
    ResumeOrRename {
        /// The run's folder.
        run: String,
    },
    /// Give the new run another name.
    RenameRun,
    /// Continue the run as it was begun.
    ContinueAsBegun,
    /// Train at a lower rate, or with a longer warm-up.
    LowerRate,
    /// Compute on this device.
    UseDevice {
        /// As `cpu`, `wgpu`.
        device: Cow<'static, str>,
    },
    /// Install `ffmpeg`, which decodes nearly every video.
    InstallFfmpeg,
    /// Let this decoder decode the video.
    UseDecoder {
        /// As `ffmpeg`, `own`.
        decoder: Cow<'static, str>,
    },
    /// Build the program with this optional feature.
    BuildWith {
        /// As `wgpu`.
        feature: Cow<'static, str>,
    },
}

impl Remedy {
    /// Words that hold behind every door.
    pub fn advice(text: impl Into<Cow<'static, str>>) -> Self {
        Self::Advice { text: text.into() }
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Advice { text } => f.write_str(text),
            Self::CopyAgain => f.write_str("copy or download the file again"),
            Self::Shrink => f.write_str("make it smaller, or raise the limit if its source is trusted"),
            Self::LookThroughFilm => f.write_str("it is a film: look at its frames"),
            Self::NameModel { builtin } if builtin.is_empty() => f.write_str("a bundle's path ends in .onnx"),
            Self::NameModel { builtin } => write!(f, "built in: {}; a bundle's path ends in .onnx", builtin.join(", ")),
            Self::TrainBundle => f.write_str("only bundles that Fervor's training has written have what this needs"),
            Self::BlendHeads => f.write_str("fit how its heads become one answer"),
            Self::MapClass { class } => write!(f, "say which class of the model {class:?} is, or that it is left out"),
            Self::DrawSplits { rule } => write!(f, "draw the parts anew, in shares of {rule}"),
            Self::ChooseSplit => f.write_str("choose another part of the data"),
            Self::GiveVotes => f.write_str("give the table of votes"),
            Self::StartFrom => f.write_str("name the model to start from"),
            Self::ResumeOrRename { run } => write!(f, "continue the run {run}, or give the new one another name or folder"),
            Self::RenameRun => f.write_str("start the run again under another name"),
            Self::ContinueAsBegun => f.write_str("continue it with its own recipe, or start a new run"),
            Self::LowerRate => f.write_str("a lower learning rate or a longer warm-up helps"),
            Self::UseDevice { device } => write!(f, "compute on {device}"),
            Self::InstallFfmpeg => f.write_str("install ffmpeg, which decodes nearly every video"),
            Self::UseDecoder { decoder } => write!(f, "let {decoder} decode it"),
            Self::BuildWith { feature } => write!(f, "build the program with its feature {feature}"),
        }
    }
}

/// What went wrong, ending with the value that was wrong, and what can be done about it.
#[derive(Debug)]
pub struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: ErrorKind,
    reason: Reason,
    /// Where it happened, the widest place first: a file, a key of a recipe.
    context: Vec<String>,
    message: String,
    remedy: Option<Remedy>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The library's result type.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of the given kind, for [`Reason::Invalid`].
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let (reason, context) = (Reason::Invalid, Vec::new());
        Self(Box::new(Inner { kind, reason, context, message: message.into(), remedy: None, source: None }))
    }

    /// A bad picture or value.
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

    /// A result that cannot be written.
    pub fn output(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Output, message).because(Reason::Inaccessible)
    }

    /// Says what is wrong in a word that programs match on.
    #[must_use]
    pub fn because(mut self, reason: Reason) -> Self {
        self.0.reason = reason;
        self
    }

    /// Adds what can be done about it.
    #[must_use]
    pub fn with_remedy(mut self, remedy: Remedy) -> Self {
        self.0.remedy = Some(remedy);
        self
    }

    /// Adds what can be done about it, in words that hold behind every door.
    #[must_use]
    pub fn with_hint(self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.with_remedy(Remedy::advice(hint))
    }

    /// Adds the error underneath, whose words do not stand in the message. One of the operating system also gives the
    /// reason, where none is set.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        let source = source.into();
        if self.0.reason == Reason::Invalid
            && let Some(io) = source.downcast_ref::<std::io::Error>()
        {
            self.0.reason = match io.kind() {
                std::io::ErrorKind::NotFound => Reason::Missing,
                std::io::ErrorKind::AlreadyExists => Reason::Exists,
                std::io::ErrorKind::IsADirectory | std::io::ErrorKind::NotADirectory => Reason::WrongType,
                std::io::ErrorKind::UnexpectedEof => Reason::Truncated,
                std::io::ErrorKind::InvalidData => Reason::Damaged,
                _ => Reason::Inaccessible,
            };
        }
        self.0.source = Some(source);
        self
    }

    /// Says where it happened, for example in which file; the last one said is the widest and comes first.
    #[must_use]
    pub fn context(mut self, context: impl fmt::Display) -> Self {
        self.0.context.insert(0, context.to_string());
        self
    }

    /// Whose problem it is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What is wrong, for programs.
    pub fn reason(&self) -> Reason {
        self.0.reason
    }

    /// What went wrong: without the place, the causes and the remedy.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Where it happened, the widest place first.
    pub fn contexts(&self) -> &[String] {
        &self.0.context
    }

    /// What can be done about it.
    pub fn remedy(&self) -> Option<&Remedy> {
        self.0.remedy.as_ref()
    }

    /// The remedy in words of no particular door.
    pub fn hint(&self) -> Option<String> {
        self.remedy().map(ToString::to_string)
    }

    /// The message followed by the words of all causes, without the place and the remedy: for a row that names its place itself.
    pub fn explained(&self) -> String {
        let mut text = self.0.message.clone();
        let mut next = StdError::source(self);
        while let Some(cause) = next {
            text += &format!(": {cause}");
            next = cause.source();
        }
        text
    }
}

/// The places and the message; causes are behind [`source`](StdError::source).
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.context.iter().try_for_each(|context| write!(f, "{context}: "))?;
        f.write_str(&self.0.message)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_causes_and_remedies_stand_apart_from_the_message() {
        let io = std::io::Error::from(std::io::ErrorKind::NotFound);
        let words = io.to_string();
        let error = Error::data("the table cannot be read").with_source(io).context("rows.csv").context("data");
        assert_eq!((error.kind(), error.reason()), (ErrorKind::Data, Reason::Missing));
        assert_eq!(error.to_string(), "data: rows.csv: the table cannot be read");
        assert_eq!((error.message(), error.contexts().len()), ("the table cannot be read", 2));
        assert_eq!(error.explained(), format!("the table cannot be read: {words}"));
        assert_eq!(error.hint(), None);
    }

    #[test]
    fn a_reason_has_the_name_that_json_has() {
        for reason in [Reason::Invalid, Reason::NotAPicture, Reason::TooLarge, Reason::WrongType, Reason::NotFinite] {
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.name());
        }
    }

    #[test]
    fn a_remedy_names_no_flag() {
        let remedies = [
            Remedy::MapClass { class: "contempt".into() },
            Remedy::DrawSplits { rule: "80:10:10".into() },
            Remedy::ResumeOrRename { run: "runs/a".into() },
        ];
        for remedy in remedies {
            assert!(!remedy.to_string().contains("--"), "{remedy}");
        }
    }
}
