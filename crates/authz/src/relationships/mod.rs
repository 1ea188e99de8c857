//! Relationships as facts: `object#relation@subject`, what they have to look like, and an index of
//! them in both directions.
//!
//! A [`Store`] takes writes and publishes [`Snapshot`]s: values that never change, share what they
//! have in common, and are read without a lock. Nothing is kept on disk here.

mod check;
mod directory;
mod edges;
mod interner;
mod kinds;
mod load;
mod names;
mod pages;
mod parse;
mod snapshot;
mod store;
mod vector;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use crate::facts::Reference;

pub use check::RelationshipError;
pub use snapshot::Snapshot;
pub use store::Store;

pub(crate) use edges::{Edge, Edges, Row, other, with_detail};
pub(crate) use kinds::{EVERY, KindId, NO_RELATION};
pub(crate) use snapshot::{Detail, HashedName, NO_DETAIL, Symbol};

/// The id that stands for every object of a type.
pub const WILDCARD: &str = "*";

/// One fact: the subject stands in the relation to the object.
#[derive(Debug, Clone, PartialEq)]
pub struct Relationship {
    /// The object.
    pub object: Reference,
    /// The relation of the object.
    pub relation: Arc<str>,
    /// Who stands in it.
    pub subject: SubjectReference,
    /// The condition under which it counts, if there is one.
    pub condition: Option<StoredCondition>,
    /// The first instant at which it counts; none for always.
    pub valid_from: Option<Timestamp>,
    /// The first instant at which it counts no more; none for never.
    pub valid_until: Option<Timestamp>,
}

/// An object, every object of a type (`user:*`), or whoever stands in a relation to an object
/// (`group:eng#member`).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SubjectReference {
    /// The object.
    pub object: Reference,
    /// The relation to it; none for the object itself.
    pub relation: Option<Arc<str>>,
}

/// The condition of one fact.
#[derive(Debug, Clone, PartialEq)]
pub struct StoredCondition {
    /// The name of the declared condition.
    pub name: Arc<str>,
    /// Values of its parameters that are known beforehand. They win over those of a request.
    pub context: Map<String, Json>,
}

impl Relationship {
    /// A fact without condition and limits of time.
    pub fn new(object: Reference, relation: &str, subject: SubjectReference) -> Self {
        Self {
            object,
            relation: relation.into(),
            subject,
            condition: None,
            valid_from: None,
            valid_until: None,
        }
    }
}

impl Relationship {
    /// What tells it from all others: `object#relation@subject`.
    pub fn ends(&self) -> String {
        format!("{}#{}@{}", self.object, self.relation, self.subject)
    }
}

impl SubjectReference {
    /// The object itself.
    pub fn object(object: Reference) -> Self {
        Self {
            object,
            relation: None,
        }
    }

    /// Whether every object of a type is meant.
    pub fn is_wildcard(&self) -> bool {
        self.object.id() == WILDCARD
    }
}

impl fmt::Display for SubjectReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.relation {
            None => write!(f, "{}", self.object),
            Some(relation) => write!(f, "{}#{relation}", self.object),
        }
    }
}

impl fmt::Display for Relationship {
    /// As SpiceDB writes them; `valid_from` is ours.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.ends())?;
        if let Some(condition) = &self.condition {
            write!(f, "[{}", condition.name)?;
            if !condition.context.is_empty() {
                write!(f, ":{}", Json::Object(condition.context.clone()))?;
            }
            write!(f, "]")?;
        }
        if let Some(from) = self.valid_from {
            write!(f, "[from:{from}]")?;
        }
        if let Some(until) = self.valid_until {
            write!(f, "[expiration:{until}]")?;
        }
        Ok(())
    }
}
