//! Models made of modules (schema 1.2): the manifest `fga.mod`, and several texts joined into one
//! model, with `extend type` for types of other modules.

use std::sync::Arc;

use crate::language::relation::declare;
use crate::model::relation::RelationModel;
use crate::source::{Diagnostic, Diagnostics, Place, Source, yaml};

use super::dsl::{Header, Parsed, ParsedType};

/// A file that a manifest names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModuleFile {
    /// Its path, relative to the manifest.
    pub path: String,
    /// Where the manifest names it.
    pub place: Place,
}

/// Reads an `fga.mod`: the files of which the model consists, in their order.
///
/// # Errors
/// Every mistake; a path that leads out of the manifest's folder is one.
pub fn read_manifest(source: &Source) -> Result<Vec<ModuleFile>, Vec<Diagnostic>> {
    let mut diagnostics = Diagnostics::default();
    let files = manifest(source, &mut diagnostics);
    diagnostics.into_result(files)
}

fn manifest(source: &Source, diagnostics: &mut Diagnostics) -> Option<Vec<ModuleFile>> {
    let root = yaml::read(source, diagnostics)?;
    let mut fields = root.fields(diagnostics)?;
    if let Some(schema) = fields.required("schema", diagnostics)
        && schema.text(diagnostics).is_some_and(|text| text != "1.2")
    {
        let mistake = Diagnostic::new(schema.place.clone(), "modules need schema `1.2`");
        diagnostics.push(mistake);
    }
    let contents = fields.required("contents", diagnostics);
    fields.finish(diagnostics);
    let mut files = Vec::new();
    for node in contents?.list(diagnostics)? {
        let Some(path) = node.text(diagnostics) else {
            continue;
        };
        if is_inside(path) {
            files.push(ModuleFile {
                path: path.to_owned(),
                place: node.place.clone(),
            });
        } else {
            let message = format!("`{path}` is not a path inside of this folder");
            diagnostics.push(Diagnostic::new(node.place.clone(), message));
        }
    }
    Some(files)
}

/// Whether a relative path stays in the folder that it starts from.
pub(in crate::language) fn is_inside(path: &str) -> bool {
    let backslash_or_drive = path.contains('\\') || path.contains(':');
    let absolute = path.starts_with('/');
    let upwards = path.split('/').any(|part| part == "..");
    !(path.is_empty() || backslash_or_drive || absolute || upwards)
}

/// Joins what was read into one model.
pub(super) fn add(model: &mut RelationModel, texts: Vec<Parsed>, diagnostics: &mut Diagnostics) {
    let mut extensions = Vec::new();
    for parsed in texts {
        let module = match &parsed.header {
            Header::Module(name, _) => Some(Arc::clone(name)),
            _ => None,
        };
        for mut found in parsed.types {
            if found.extends {
                extensions.push((found, module.clone()));
                continue;
            }
            found.found.module.clone_from(&module);
            let place = found.found.at.0.clone();
            let name = (found.name, &place);
            declare(
                "type",
                &mut model.types,
                name,
                found.found,
                |it| &it.at,
                diagnostics,
            );
        }
        for (name, mut condition) in parsed.conditions {
            condition.module.clone_from(&module);
            let place = condition.at.0.clone();
            let name = (name, &place);
            let declared = &mut model.conditions;
            declare(
                "condition",
                declared,
                name,
                condition,
                |it| &it.at,
                diagnostics,
            );
        }
    }
    for (extension, module) in extensions {
        extend(model, extension, module, diagnostics);
    }
}

fn extend(
    model: &mut RelationModel,
    extension: ParsedType,
    module: Option<Arc<str>>,
    diagnostics: &mut Diagnostics,
) {
    let place = &extension.found.at.0;
    if module.is_none() {
        let mistake = Diagnostic::new(place.clone(), "`extend` outside of a module");
        diagnostics.push(mistake.help("a module begins with `module NAME`"));
        return;
    }
    let Some(found) = model.types.get_mut(&extension.name) else {
        let message = format!("unknown type `{}`", extension.name);
        let known = model.types.keys().map(|name| &**name);
        let mistake = Diagnostic::new(place.clone(), message).nearest(&extension.name, known);
        diagnostics.push(mistake);
        return;
    };
    for (name, mut relation) in extension.found.relations {
        relation.module.clone_from(&module);
        let place = relation.at.0.clone();
        let name = (name, &place);
        declare(
            "relation",
            &mut found.relations,
            name,
            relation,
            |it| &it.at,
            diagnostics,
        );
    }
}
