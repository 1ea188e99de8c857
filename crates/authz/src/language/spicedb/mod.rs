//! SpiceDB's schema language (authzed.com/docs/spicedb/concepts/schema): read into a
//! [`RelationModel`] and printed from one.

mod check;
mod print;
mod schema;

use std::ops::Range;

use crate::model::relation::RelationModel;
use crate::source::{Diagnostic, Diagnostics, Source};

use super::relation::whole;

pub use print::print;

/// What `use` may switch on. `self`, expiration and typechecking are meanings; the others are
/// accepted where nothing depends on them.
pub(crate) const USES: [&str; 3] = ["expiration", "self", "typechecking"];

/// Reads a schema.
///
/// # Errors
/// Every mistake, sorted by place.
pub fn read(source: &Source) -> Result<RelationModel, Vec<Diagnostic>> {
    read_part(source, whole(source))
}

/// Reads a schema that stands in a part of a file, such as a block of YAML. Places are places of
/// the file.
///
/// # Errors
/// Every mistake, sorted by place.
pub fn read_part(source: &Source, part: Range<usize>) -> Result<RelationModel, Vec<Diagnostic>> {
    let mut diagnostics = Diagnostics::default();
    let (model, is_partial) = schema::read(source, part, &mut diagnostics);
    check::check(&model, is_partial, &mut diagnostics);
    diagnostics.into_result(Some(model))
}
