//! The authorization engine: one policy says who may do what; this crate reads it and decides.
//!
//! Pure: no I/O, no clock, no randomness. Time is an input, and so are files, as named
//! [`source::Source`]s. The modules stand in the order in which a policy passes them.

pub mod source;

pub mod language;

pub mod model;

pub mod condition;

pub mod facts;

pub mod relationships;

mod evaluation;

pub mod resolution;

pub mod parts;

pub mod decision;

pub use decision::{CredentialFault, Decision, Denial, Outcome, Reason, ReasonKind};
pub use evaluation::{
    Account, Allowed, Detail, Filter, Grant, GrantedBy, Inquiry, OfTenant, Page, Remainder, Remedy,
    Residual, Sayings, Says, Step, StepKind, Supposed, Supposition,
};
pub use facts::{
    Credential, Facts, Reference, Request, Resource, Subject, SubjectFacts, no_context,
};
pub use language::{POLICY_SCHEMA, read_facts, read_policy};
pub use model::outline::{AttributeKind, Granted, RuleOutline, Writable};
pub use model::relation::{Language, RelationModel};
pub use model::{ActionKind, Likeness, Policy};
pub use relationships::{Relationship, Snapshot, Store, SubjectReference};
