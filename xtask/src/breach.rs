//! What a check has to say.

use std::fmt;

/// A rule of the house that is broken at one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Breach {
    /// The file from the root of the workspace, with `:LINE` where there is one.
    pub(crate) place: String,
    /// What is wrong, and what would be right.
    pub(crate) message: String,
    /// Whether it is only told, and does not fail the check.
    pub(crate) warning: bool,
}

impl Breach {
    pub(crate) fn error(place: impl Into<String>, message: impl Into<String>) -> Breach {
        Breach {
            place: place.into(),
            message: message.into(),
            warning: false,
        }
    }

    pub(crate) fn warning(place: impl Into<String>, message: impl Into<String>) -> Breach {
        Breach {
            warning: true,
            ..Breach::error(place, message)
        }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let weight = if self.warning { "warning" } else { "error" };
        write!(f, "{weight}: {}: {}", self.place, self.message)
    }
}
