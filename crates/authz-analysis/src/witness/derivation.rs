//! Derivations: the ways on which a subject stands in a relation, or would with a few more
//! relationships.

use authz::{Relationship, SubjectReference};
use serde::Serialize;

/// A part of a way, from a relation of an object towards the subject.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Hop {
    /// The relation of the object that the hop is made from.
    #[serde(serialize_with = "as_text")]
    pub from: SubjectReference,
    /// Where it leads: to the relation of an object, or to the subject.
    #[serde(serialize_with = "as_text")]
    pub to: SubjectReference,
    /// By what.
    pub via: Via,
}

/// By what a hop is made.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", content = "fact", rename_all = "snake_case")]
pub enum Via {
    /// By a relationship.
    Fact(#[serde(serialize_with = "as_text")] Relationship),
    /// By a relationship that is missing.
    Missing(#[serde(serialize_with = "as_text")] Relationship),
    /// The one relation follows from the other.
    Follows,
}

fn as_text<T: ToString, S: serde::Serializer>(it: &T, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&it.to_string())
}

/// A way, from the relation that is asked for to the subject. Where a relation follows from several
/// together, their ways stand one behind the other.
pub(super) type Way = Vec<Hop>;

/// The relationships of a way that are missing, each once.
pub(super) fn missing(way: &[Hop]) -> Vec<&Relationship> {
    let facts = way.iter().filter_map(|hop| match &hop.via {
        Via::Missing(fact) => Some(fact),
        Via::Fact(_) | Via::Follows => None,
    });
    once(facts)
}

/// The relationships of a way that are there, each once.
pub(super) fn present(way: &[Hop]) -> Vec<&Relationship> {
    let facts = way.iter().filter_map(|hop| match &hop.via {
        Via::Fact(fact) => Some(fact),
        Via::Missing(_) | Via::Follows => None,
    });
    once(facts)
}

fn once<'a>(facts: impl Iterator<Item = &'a Relationship>) -> Vec<&'a Relationship> {
    let mut found: Vec<&Relationship> = Vec::new();
    for fact in facts {
        if !found.contains(&fact) {
            found.push(fact);
        }
    }
    found
}
