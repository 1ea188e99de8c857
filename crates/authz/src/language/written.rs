//! A policy as its files write it: every word with its place. The model knows what a policy means
//! and not how it was said; who tells people of single words of it needs both.

use crate::source::{Diagnostics, Place, Source};

use super::is_relation_model;
use super::structure;

pub use super::sections::{FlagEntry, RelatedEntry};
pub use super::structure::{Grant, RoleEntry, RuleEntry, Word};

/// What all files of a policy say of these sections, in their order.
#[derive(Debug)]
pub struct Written {
    /// Where the first `roles` stands.
    pub roles_place: Option<Place>,
    /// The roles.
    pub roles: Vec<RoleEntry>,
    /// The combining algorithm, where it is named.
    pub combine: Option<Word>,
    /// The rules.
    pub rules: Vec<RuleEntry>,
    /// Which relation carries which action.
    pub related: Vec<RelatedEntry>,
    /// The feature flags.
    pub flags: Vec<FlagEntry>,
    /// Each scope with what it covers.
    pub scopes: Vec<(Word, Vec<Grant>)>,
}

/// Reads a policy that [`read_policy`](super::read_policy) accepts: what is wrong is left out
/// without a word.
pub fn read_written(sources: &[Source]) -> Written {
    let policies = sources.iter().filter(|it| !is_relation_model(it.name()));
    let file = structure::read(policies, &mut Diagnostics::default());
    Written {
        roles_place: file.roles_place,
        roles: file.roles,
        combine: file.combine.into_iter().next(),
        rules: file.rules,
        related: file.related,
        flags: file.flags,
        scopes: file.scopes,
    }
}
