//! Listings: the objects that a subject stands in a relation to, and the subjects that stand in a
//! relation to an object.
//!
//! Both gather whatever could be listed, leaving conditions and exclusions aside, and then ask the
//! evaluator about each, so that a listing and a check never disagree.

mod objects;
mod subjects;

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::facts::Reference;
use crate::relationships::SubjectReference;

use super::{Answer, ResolutionError};

pub use subjects::SubjectFilter;

/// One page of a listing, sorted by id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing<T> {
    /// What was found.
    pub items: Vec<T>,
    /// Of what nothing could be said, and why.
    pub failed: Vec<(T, ResolutionError)>,
    /// Where the next page begins, if this one was cut: what a listing of the same snapshot is to
    /// be asked with.
    pub next: Option<String>,
}

/// An object that was listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The object.
    pub object: Reference,
    /// The parameters on which it depends; empty if it depends on none.
    pub missing: BTreeSet<Arc<str>>,
}

/// A subject that was listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedSubject {
    /// The subject.
    pub subject: SubjectReference,
    /// The parameters on which it depends; empty if it depends on none.
    pub missing: BTreeSet<Arc<str>>,
    /// Of every object of a type, `user:*`: those for which it does not hold.
    pub excluded: Vec<SubjectReference>,
}

/// What a check said, for a listing: listed with what is missing, left out, or failed.
enum Verdict {
    Listed(BTreeSet<Arc<str>>),
    LeftOut,
    Failed(ResolutionError),
}

impl From<Answer> for Verdict {
    fn from(answer: Answer) -> Self {
        match answer {
            Answer::Yes => Self::Listed(BTreeSet::new()),
            Answer::Conditional(missing) => Self::Listed(Arc::unwrap_or_clone(missing)),
            Answer::No => Self::LeftOut,
            Answer::Failed(error) => Self::Failed(error),
        }
    }
}
