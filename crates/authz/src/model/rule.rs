//! Rules: an effect on some actions of some types, under a condition.

use std::sync::Arc;

use crate::condition::Condition;
use crate::source::Place;

/// A rule of the policy.
#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) name: Arc<str>,
    pub(crate) place: Place,
    pub(crate) effect: Effect,
    pub(crate) targets: Vec<Target>,
    /// The condition as it was written.
    pub(crate) when: Option<Arc<str>>,
}

/// What a rule says where it applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It may happen.
    Permit,
    /// It may not.
    Deny,
}

/// One type that a rule applies to.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) type_name: Arc<str>,
    /// The numbers of the actions.
    pub(crate) actions: Vec<usize>,
    /// The rule's condition with the attributes of this type; none if it always holds.
    pub(crate) condition: Option<Condition>,
}
