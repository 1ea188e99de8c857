//! OpenFGA's languages for models: the DSL of schema 1.1 and 1.2 with its modules, and the JSON
//! form (openfga.dev/docs/configuration-language). Each is read into a [`RelationModel`] and
//! printed from one.

mod check;
mod dsl;
mod json;
mod modules;
mod print;

use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::model::relation::{Language, RelationModel};
use crate::source::{Diagnostic, Diagnostics, Source};

use super::relation::whole;

pub use json::print_json;
pub(super) use modules::is_inside;
pub use modules::{ModuleFile, read_manifest};
pub use print::{print, print_modules};

/// The schema versions that are read.
pub(crate) const VERSIONS: [&str; 2] = ["1.1", "1.2"];

/// Reads a model from the DSL.
///
/// # Errors
/// Every mistake, sorted by place.
pub fn read(source: &Source) -> Result<RelationModel, Vec<Diagnostic>> {
    read_part(source, whole(source))
}

/// Reads a model from the DSL that stands in a part of a file, such as a block of YAML. Places
/// are places of the file.
///
/// # Errors
/// Every mistake, sorted by place.
pub fn read_part(source: &Source, part: Range<usize>) -> Result<RelationModel, Vec<Diagnostic>> {
    let mut diagnostics = Diagnostics::default();
    let mut model = empty("1.1");
    let parsed = dsl::read(source, part, &mut diagnostics);
    let is_partial = parsed.is_partial;
    match &parsed.header {
        dsl::Header::Model(version) => model = empty(version),
        dsl::Header::Module(_, place) => {
            let mistake = Diagnostic::new(place.clone(), "a module is only a part of a model")
                .help("name it in an `fga.mod` and read that, or begin with `model`");
            diagnostics.push(mistake);
        }
        dsl::Header::None => {}
    }
    modules::add(&mut model, vec![parsed], &mut diagnostics);
    check::check(&model, is_partial, &mut diagnostics);
    diagnostics.into_result(Some(model))
}

/// Reads a model from its JSON form.
///
/// # Errors
/// Every mistake, sorted by place.
pub fn read_json(source: &Source) -> Result<RelationModel, Vec<Diagnostic>> {
    let mut diagnostics = Diagnostics::default();
    let model = json::read(source, &mut diagnostics);
    if let Some(model) = &model {
        let is_partial = !diagnostics.is_empty();
        check::check(model, is_partial, &mut diagnostics);
    }
    diagnostics.into_result(model)
}

/// Reads a model from its modules, the files that an `fga.mod` names (see [`read_manifest`]).
///
/// # Errors
/// Every mistake of every module, sorted by file and place.
pub fn read_modules(modules: &[Source]) -> Result<RelationModel, Vec<Diagnostic>> {
    let mut diagnostics = Diagnostics::default();
    let mut model = empty("1.2");
    let parsed: Vec<dsl::Parsed> = modules
        .iter()
        .map(|source| dsl::read(source, whole(source), &mut diagnostics))
        .collect();
    for (parsed, source) in parsed.iter().zip(modules) {
        if !matches!(parsed.header, dsl::Header::Module(..)) {
            let mistake = Diagnostic::new(source.place(0..0), "the file is not a module");
            diagnostics.push(mistake.label("expected `module NAME`"));
        }
    }
    let is_partial = parsed.iter().any(|it| it.is_partial);
    modules::add(&mut model, parsed, &mut diagnostics);
    check::check(&model, is_partial, &mut diagnostics);
    diagnostics.into_result(Some(model))
}

fn empty(version: &str) -> RelationModel {
    RelationModel {
        language: Language::OpenFga {
            version: Arc::from(version),
        },
        types: IndexMap::new(),
        conditions: IndexMap::new(),
    }
}
