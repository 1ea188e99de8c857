//! The relation model that a policy names, and which of its relations carries which action.

use std::sync::Arc;

use crate::model::relation::RelationModel;
use crate::model::{ActionKind, Related, Relations};
use crate::relationships::Store;
use crate::resolution::Engine;
use crate::source::{Diagnostic, Diagnostics, Source, yaml};

use super::names::{Types, unknown_action};
use super::sections::RelatedEntry;
use super::structure::{File, Word};
use super::{openfga, spicedb};

/// The endings of the names of files that hold relation models.
const ENDINGS: [&str; 4] = [".fga", ".zed", ".json", ".mod"];

/// Whether a source is a relation model, or a part of one, and no policy file. Its name says so.
pub fn is_relation_model(name: &str) -> bool {
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

/// The files that a policy file, or the `fga.mod` that it names, asks for: paths from its folder.
/// Those that lead out of it are left out: reading the policy tells of them.
pub fn named_files(source: &Source) -> Vec<String> {
    let mut ignored = Diagnostics::default();
    if source.name().ends_with(".mod") {
        let modules = openfga::read_manifest(source).unwrap_or_default();
        return modules.into_iter().map(|module| module.path).collect();
    }
    if is_relation_model(source.name()) {
        return Vec::new();
    }
    let Some(root) = yaml::read(source, &mut ignored) else {
        return Vec::new();
    };
    let entries = root.map(&mut ignored).unwrap_or_default();
    let named = entries.iter().filter(|entry| entry.key == "relations");
    let paths = named.filter_map(|entry| entry.value.text(&mut ignored));
    let inside = paths.filter(|path| openfga::is_inside(path) && is_relation_model(path));
    inside.map(str::to_owned).collect()
}

/// The name of the file at `path` from the folder of the file `of`.
pub fn beside(of: &str, path: &str) -> String {
    let path = path.trim_start_matches("./");
    match of.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/{path}"),
        None => path.to_owned(),
    }
}

/// The relations of the policy; none where it names no model, or a broken one.
pub(super) fn resolve(
    file: &File,
    types: &Types,
    sources: &[Source],
    diagnostics: &mut Diagnostics,
) -> Option<Relations> {
    let Some(named) = file.relations.first() else {
        for entry in &file.related {
            let place = entry.type_name.place.clone();
            let mistake = Diagnostic::new(place, "the policy has no relations")
                .help("name a relation model with `relations: model.fga` or `model.zed`");
            diagnostics.push(mistake);
        }
        return None;
    };
    let model = match read(named, sources) {
        Ok(model) => Arc::new(model),
        Err(mistakes) => {
            mistakes
                .into_iter()
                .for_each(|mistake| diagnostics.push(mistake));
            return None;
        }
    };
    let mut related = vec![None; types.action_count()];
    for entry in &file.related {
        carries(entry, types, (&model, named), &mut related, diagnostics);
    }
    Some(Relations {
        path: named.text.as_str().into(),
        engine: Engine::new(model, Store::new().snapshot()),
        related,
    })
}

fn read(named: &Word, sources: &[Source]) -> Result<RelationModel, Vec<Diagnostic>> {
    let path = named.text.as_str();
    let told = |message: String, help: &str| {
        let mistake = Diagnostic::new(named.place.clone(), message);
        Err(vec![mistake.help(help)])
    };
    if !openfga::is_inside(path) {
        let message = format!("`{path}` is not a path inside of the policy's folder");
        return told(message, "a relation model stands beside its policy");
    }
    if !is_relation_model(path) {
        let message = format!("`{path}` is no relation model");
        let help = "OpenFGA's end in `.fga`, `.json` or are an `fga.mod`, SpiceDB's in `.zed`";
        return told(message, help);
    }
    let find = |name: &str| sources.iter().find(|source| source.name() == name);
    let name = beside(&named.place.file, path);
    let Some(source) = find(&name) else {
        let message = format!("the relation model `{path}` is not there");
        return told(message, "its path starts from the policy's folder");
    };
    if path.ends_with(".zed") {
        spicedb::read(source)
    } else if path.ends_with(".json") {
        openfga::read_json(source)
    } else if path.ends_with(".mod") {
        let mut modules = Vec::new();
        let mut missing = Vec::new();
        for module in openfga::read_manifest(source)? {
            match find(&beside(&name, &module.path)) {
                Some(source) => modules.push(source.clone()),
                None => missing.push(Diagnostic::new(
                    module.place,
                    format!("the module `{}` is not there", module.path),
                )),
            }
        }
        match missing.is_empty() {
            true => openfga::read_modules(&modules),
            false => Err(missing),
        }
    } else {
        openfga::read(source)
    }
}

/// Notes which relation carries which action of one type.
fn carries(
    entry: &RelatedEntry,
    types: &Types,
    (model, named): (&RelationModel, &Word),
    related: &mut [Option<Related>],
    diagnostics: &mut Diagnostics,
) {
    let type_name = &entry.type_name;
    let Some(found) = types.find(type_name, diagnostics) else {
        return;
    };
    if !model.types.contains_key(type_name.text.as_str()) {
        let message = format!("`{}` has no type `{}`", named.text, type_name.text);
        let mistake = Diagnostic::new(type_name.place.clone(), message);
        diagnostics.push(mistake.nearest(&type_name.text, model.type_names()));
        return;
    }
    for (action, relation) in &entry.actions {
        let Some(known) = found.actions.get(action.text.as_str()) else {
            if !types.partial.contains(&found.name) {
                diagnostics.push(unknown_action(action, found));
            }
            continue;
        };
        if known.kind == ActionKind::Collection {
            let message = format!("`{}` is an action on the collection", action.text);
            let mistake = Diagnostic::new(action.place.clone(), message);
            diagnostics.push(mistake.label("relations are between single objects"));
            continue;
        }
        if model.relation(&type_name.text, &relation.text).is_none() {
            let message = format!("`{}` has no relation `{}`", type_name.text, relation.text);
            let mistake = Diagnostic::new(relation.place.clone(), message);
            let names = model.relation_names(&type_name.text);
            diagnostics.push(mistake.nearest(&relation.text, names));
            continue;
        }
        let Some(slot) = related.get_mut(known.number) else {
            continue;
        };
        match slot {
            None => {
                *slot = Some(Related {
                    relation: relation.text.as_str().into(),
                    place: action.place.clone(),
                });
            }
            Some(first) => {
                let message = format!("`{}` has a relation already", action.text);
                let mistake = Diagnostic::new(action.place.clone(), message);
                diagnostics.push(mistake.label(format!("first given at {}", first.place)));
            }
        }
    }
}
