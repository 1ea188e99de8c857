//! Why a command ends early.

use std::fmt;

use authz::source::{Diagnostic, Source, render};

use crate::exit_code::ExitCode;

/// The most mistakes that are shown. Nobody reads more, and to draw each takes time.
const MISTAKES_MAX: usize = 100;

/// Why a command ends early, and with which exit code.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Mistakes in files, with the files in which they are.
    Mistakes {
        /// The mistakes, sorted.
        mistakes: Vec<Diagnostic>,
        /// The files.
        sources: Vec<Source>,
    },
    /// A mistake that is in no file: a name on the command line, a file that is not there.
    Usage(String),
    /// No mistake, but something that cannot be done now: a session that does not open.
    Inconclusive(String),
    /// Something that ought not to happen, such as a disk that is full.
    Fault(anyhow::Error),
}

impl Failure {
    /// A mistake that is in no file.
    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::Usage(message.to_string())
    }

    /// The exit code.
    pub(crate) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Mistakes { .. } | Self::Usage(_) => ExitCode::Mistake,
            Self::Inconclusive(_) => ExitCode::Inconclusive,
            Self::Fault(_) => ExitCode::Fault,
        }
    }

    /// The failure as a person reads it.
    pub(crate) fn render(&self, colour: bool) -> String {
        match self {
            Self::Mistakes { mistakes, sources } => {
                let shown = mistakes.len().min(MISTAKES_MAX);
                let (shown, more) = mistakes.split_at(shown);
                let mut text = render(shown, sources, colour);
                if !more.is_empty() {
                    text.push_str(&format!("and {} more\n", more.len()));
                }
                text
            }
            Self::Usage(message) | Self::Inconclusive(message) => format!("error: {message}\n"),
            Self::Fault(error) => format!("error: {error:#}\n"),
        }
    }
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Fault(error.into())
    }
}
