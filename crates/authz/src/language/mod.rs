//! Reads `policy.yaml` into the model, and the languages of relation models into theirs.
//!
//! Two phases: the structure (keys and kinds of values: what a JSON Schema can say), then names
//! and types. All mistakes of all files are told at once; a part whose structure is wrong is
//! left out of the second phase, the rest is not.

mod facts;
mod limits;
mod names;
pub mod openfga;
mod print;
mod related;
mod relation;
mod roles;
mod rules;
mod scalar;
mod scanner;
mod sections;
pub mod spicedb;
mod structure;
pub mod written;

pub use facts::read_facts;
pub use print::print_policy;
pub use related::{beside, is_relation_model, named_files};
pub(crate) use scalar::place as place_in_scalar;

use crate::model::Policy;
use crate::source::{Diagnostic, Diagnostics, Source};

/// The JSON Schema (draft 2020-12) of `policy.yaml`, for editors.
pub const POLICY_SCHEMA: &str = include_str!("../../schema/policy.schema.json");

/// Reads the policy that stands in one or more files, whose sections are merged. Sources that are
/// relation models by their names (see [`is_relation_model`]) are read where `relations` names them.
///
/// # Errors
/// Every mistake, sorted by file and place.
pub fn read_policy(sources: &[Source]) -> Result<Policy, Vec<Diagnostic>> {
    let mut diagnostics = Diagnostics::default();
    let policies = sources.iter().filter(|it| !is_relation_model(it.name()));
    let file = structure::read(policies, &mut diagnostics);
    let policy = names::resolve(&file, sources, &mut diagnostics);
    diagnostics.into_result(Some(policy))
}

/// The first phase alone, which accepts exactly what [`POLICY_SCHEMA`] accepts of text that is
/// YAML.
///
/// # Errors
/// Every mistake of structure, sorted by place.
pub fn check_structure(source: &Source) -> Result<(), Vec<Diagnostic>> {
    let mut diagnostics = Diagnostics::default();
    structure::read([source], &mut diagnostics);
    diagnostics.into_result(Some(()))
}
