//! How a command ended, as an exit code.

use std::process::ExitCode;

/// How a command ended when it did end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Exit code 0.
    Yes,
    /// Exit code 1: done, and the answer is no.
    No,
    /// Exit code 2: every part of the work failed, and each failure is already told.
    Failed,
    /// Exit code 130: ended by Ctrl-C; what was done until then is kept, and it is told where.
    Interrupted,
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Yes => Self::SUCCESS,
            Verdict::No => Self::from(1),
            Verdict::Failed => Self::from(2),
            Verdict::Interrupted => Self::from(130),
        }
    }
}
