//! Roles and what they grant, the hierarchy worked out.

use std::sync::Arc;

use crate::source::Place;

/// The reserved role of everybody, with or without a session.
pub const ANYONE: &str = "anyone";
/// The reserved role of every valid session.
pub const SIGNED_IN: &str = "signed-in";

/// The index of [`ANYONE`] in every policy.
pub(crate) const ANYONE_INDEX: usize = 0;
/// The index of [`SIGNED_IN`] in every policy.
pub(crate) const SIGNED_IN_INDEX: usize = 1;

/// Whether the role is given by the state of the session and never assigned or included.
pub(crate) fn is_reserved(name: &str) -> bool {
    name == ANYONE || name == SIGNED_IN
}

/// A role. Roles are named by their indices in the policy.
#[derive(Debug, Clone)]
pub(crate) struct Role {
    pub(crate) name: Arc<str>,
    /// Where the role is declared; none for a reserved one that is not.
    pub(crate) place: Option<Place>,
    /// By the number of the action: the role in whose `can` it stands, this one or one that it
    /// includes.
    pub(crate) grants: Vec<Option<usize>>,
    /// The same for resources of other tenants: what the role holds through a role with
    /// `across_tenants`, itself or one that it includes.
    pub(crate) grants_across: Vec<Option<usize>>,
    /// The roles that it includes itself.
    pub(crate) includes: Vec<usize>,
    /// Whether it counts for resources of other tenants.
    pub(crate) across_tenants: bool,
}

impl Role {
    /// The role that grants the action to whoever has this one.
    pub(crate) fn grant(&self, action: usize, across: bool) -> Option<usize> {
        let grants = if across {
            &self.grants_across
        } else {
            &self.grants
        };
        *grants.get(action)?
    }
}
