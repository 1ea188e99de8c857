//! What facts have in common: the types of their ends, the relation, and which subjects of their
//! type are meant. An edge carries the number of its kind, so that a walk need not look at the
//! objects that it passes.

use super::snapshot::Symbol;

/// The number of a kind.
pub(crate) type KindId = u32;

/// The relation of a subject that is an object itself.
pub(crate) const NO_RELATION: Symbol = 0;
/// In the place of the relation of a subject: every object of its type.
pub(crate) const EVERY: Symbol = Symbol::MAX;

/// What a fact says, but for the two ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Kind {
    pub(crate) object_type: Symbol,
    pub(crate) relation: Symbol,
    pub(crate) subject_type: Symbol,
    /// The relation of the subject, [`NO_RELATION`] or [`EVERY`].
    pub(crate) subject: Symbol,
}
