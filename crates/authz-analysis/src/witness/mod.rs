//! Why a request is denied, or permitted: the smallest sets of facts that would turn a denial (its
//! *witnesses*), and the independent paths of a permit.
//!
//! Everything is tried out with the one evaluator: a set of facts is told only if the decision is
//! another one with it, and none of its subsets suffices. The search is bounded, and says so where a
//! bound ended it.

mod case;
mod derivation;
mod fact;
mod lacking;
mod missing;
mod nearest;
mod obstacle;
mod paths;
mod reach;
mod search;
mod singles;
mod writable;

use authz::source::Place;
use authz::{Facts, Grant, Policy, SubjectFacts, SubjectReference};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value as Json};

pub use derivation::{Hop, Via};
pub use fact::{Fact, Side};

use case::Case;

/// The most facts of a witness.
pub const WITNESS_FACTS_MAX: usize = 4;
/// The most witnesses that are told of one denial.
pub const WITNESSES_MAX: usize = 20;
/// The most paths that are told of one permit.
pub const PATHS_MAX: usize = 100;

/// A request in words, so that its facts can be changed.
#[derive(Debug, Clone)]
pub struct Question<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// Relationships and shares.
    pub facts: &'a Facts,
    /// Who asks, with everything that is known of it.
    pub subject: SubjectFacts,
    /// The name of an action of the type.
    pub action: &'a str,
    /// The type of the resource.
    pub type_name: &'a str,
    /// Which one it is; none for the collection.
    pub id: Option<&'a str>,
    /// What is known of it.
    pub attributes: Map<String, Json>,
    /// When.
    pub now: Timestamp,
    /// Values for the parameters of the conditions of relationships.
    pub context: &'a Map<String, Json>,
}

/// Why a decision is what it is.
#[derive(Debug, Clone, Serialize)]
pub struct Why {
    /// What would turn a denial, the smallest first and among those the nearest; empty for a permit.
    pub witnesses: Vec<Witness>,
    /// By which ways it is permitted; empty unless it is.
    pub paths: Vec<Path>,
    /// What stands in the way of a permit, whatever is added.
    pub obstacles: Vec<Obstacle>,
    /// Everything in the policy that permits the action to somebody, the nearest first; empty for a
    /// permit.
    pub grants: Vec<Grant>,
    /// Whether the search came to its end. Without, there may be other witnesses, of this size or of
    /// fewer facts, or some where none is told; and more paths.
    pub is_complete: bool,
}

/// A smallest set of facts with which the answer would be yes: no part of it suffices.
#[derive(Debug, Clone, Serialize)]
pub struct Witness {
    /// The missing facts.
    pub facts: Vec<Fact>,
    /// The way along relationships on which they lie, with those that are there; empty if they lie
    /// on none.
    pub way: Vec<Hop>,
}

/// A way by which something is permitted, which suffices alone.
#[derive(Debug, Clone, Serialize)]
pub struct Path {
    /// Which part of the policy permits, as a fragment for people.
    pub text: String,
    /// Where that stands.
    pub place: Option<Place>,
    /// The facts that it rests on: without any one of them it is none. Empty where it rests on
    /// nothing but the policy.
    pub facts: Vec<Fact>,
    /// The way along relationships, if it is one.
    pub way: Vec<Hop>,
}

/// What stands in the way of a permit.
#[derive(Debug, Clone, Serialize)]
pub struct Obstacle {
    /// A fragment for people.
    pub text: String,
    /// Where it stands.
    pub place: Option<Place>,
}

/// Explains a decision. A permit's paths are looked for only where `all` of them are asked for.
///
/// # Errors
/// What is known of the subject or the resource is not of the policy.
pub fn explain(question: &Question<'_>, all: bool) -> Result<Why, String> {
    let case = Case::new(question)?;
    let mut why = Why {
        witnesses: Vec::new(),
        paths: Vec::new(),
        obstacles: Vec::new(),
        grants: Vec::new(),
        is_complete: true,
    };
    if case.is_permitted() {
        if all {
            (why.paths, why.is_complete) = paths::of(&case);
        }
        return Ok(why);
    }
    (why.witnesses, why.is_complete) = missing::witnesses(&case);
    why.obstacles = obstacle::of(&case);
    why.grants = nearest::grants(&case, &why.witnesses);
    Ok(why)
}

/// The relation that carries the action between the two, if all are known.
fn relation_of<'a>(case: &Case<'a>) -> Option<(SubjectReference, SubjectReference)> {
    let relation = case.policy.related(case.type_name, case.action)?;
    let subject = case
        .subject_reference()
        .filter(|_| case.subject.signed_in)?;
    let target = SubjectReference {
        object: case.resource_reference()?,
        relation: Some(relation.into()),
    };
    Some((target, SubjectReference::object(subject)))
}
