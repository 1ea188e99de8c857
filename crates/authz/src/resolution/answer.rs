//! What comes of a question.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

/// Whether a subject stands in a relation. Two words, so that one is handed on in registers: most are
/// yes or no.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It does.
    Yes,
    /// It does not.
    No,
    /// It depends on parameters of conditions that have no value. Never a yes.
    Conditional(
        /// Their names.
        Arc<BTreeSet<Arc<str>>>,
    ),
    /// It cannot be said. Never a yes.
    Failed(ResolutionError),
}

/// Why a question has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResolutionError {
    /// The relation depends on itself, through facts.
    Cycle,
    /// The way is longer than the rules allow.
    Depth,
    /// The question looks at more facts than the rules allow.
    Breadth,
    /// The question was made for other facts or another model.
    Foreign,
    /// A condition could not be evaluated.
    Condition(Box<FailedCondition>),
}

/// A condition that could not be evaluated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedCondition {
    /// Its name.
    pub name: Arc<str>,
    /// What went wrong, as a fragment for people.
    pub message: String,
}

/// A question that the model has no words for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuestionError {
    /// What is wrong: a lowercase fragment, the user's own text in backticks.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl fmt::Display for ResolutionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cycle => f.write_str("the relation depends on itself"),
            Self::Depth => f.write_str("the way along the facts is too long"),
            Self::Breadth => f.write_str("there are too many facts to look at"),
            Self::Foreign => f.write_str("the question was made for other facts"),
            Self::Condition(failed) => write!(f, "condition `{}`: {}", failed.name, failed.message),
        }
    }
}

impl fmt::Display for QuestionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ResolutionError {}
impl std::error::Error for QuestionError {}
