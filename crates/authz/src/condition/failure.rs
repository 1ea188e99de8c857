//! Why a condition has no value.

use std::collections::BTreeSet;
use std::sync::Arc;

/// Why a condition has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It asks about something that the request is not about: the subject, where there is no
    /// session, or an instance, where the action is one on the collection.
    Absent,
    /// It depends on parameters of the condition that have no value; their names, sorted.
    Unknown(BTreeSet<Arc<str>>),
    /// Anything else, as a fragment for people.
    Error(String),
}

impl From<String> for Failure {
    fn from(error: String) -> Self {
        Self::Error(error)
    }
}

impl Failure {
    /// An error in these words.
    pub(super) fn error(message: &str) -> Self {
        Self::Error(message.to_owned())
    }

    /// Of two failures the one that counts: a condition about what is absent says nothing,
    /// whatever else is wrong with it; and what is not known yet may make up for an error (CEL
    /// language definition, section "Partial Evaluation").
    pub(super) fn or(self, other: Option<Self>) -> Self {
        match (self, other) {
            (Self::Unknown(mut names), Some(Self::Unknown(others))) => {
                names.extend(others);
                Self::Unknown(names)
            }
            (Self::Error(_), Some(Self::Unknown(names))) => Self::Unknown(names),
            (_, Some(Self::Absent)) | (Self::Absent, _) => Self::Absent,
            (failure, _) => failure,
        }
    }
}
