//! The JSON form of a model: the message `AuthorizationModel` of OpenFGA's API. Read as YAML, of
//! which JSON is a part, so that every mistake has its place.

mod print;
mod rewrite;

use std::sync::Arc;

use indexmap::IndexMap;

use crate::condition::{ParameterType, Parameters, TYPE_DEPTH_MAX};
use crate::language::relation::{compile, declare};
use crate::model::relation::{
    At, DeclaredCondition, ObjectType, Relation, RelationModel, SubjectKind, SubjectType,
};
use crate::source::yaml::{self, Entry, Node};
use crate::source::{Diagnostic, Diagnostics, Source, one_of};

use super::{VERSIONS, empty};

pub use print::print_json;

pub(super) fn read(source: &Source, diagnostics: &mut Diagnostics) -> Option<RelationModel> {
    let root = yaml::read(source, diagnostics)?;
    let mut fields = root.fields(diagnostics)?;
    let version = fields.required("schema_version", diagnostics);
    let version = version.and_then(|node| {
        let text = node.text(diagnostics)?;
        if !VERSIONS.contains(&text) {
            let message = format!("schema version `{text}` is not read");
            let mistake = Diagnostic::new(node.place.clone(), message);
            diagnostics.push(mistake.label(format!("expected {}", one_of(VERSIONS))));
        }
        Some(text)
    });
    fields.optional("id");
    let mut model = empty(version.unwrap_or("1.1"));
    if let Some(node) = fields.optional("conditions") {
        for entry in node.map(diagnostics).into_iter().flatten() {
            condition(entry, &mut model, diagnostics);
        }
    }
    let types = fields.required("type_definitions", diagnostics);
    fields.finish(diagnostics);
    for node in types?.list(diagnostics).into_iter().flatten() {
        type_definition(node, &mut model, diagnostics);
    }
    Some(model)
}

fn type_definition(
    node: &Node,
    model: &mut RelationModel,
    diagnostics: &mut Diagnostics,
) -> Option<()> {
    let mut fields = node.fields(diagnostics)?;
    let name_node = fields.required("type", diagnostics);
    let name = name_node.and_then(|node| name(node, diagnostics));
    let metadata = fields.optional("metadata").filter(|node| !node.is_null());
    let relations = fields.optional("relations").filter(|node| !node.is_null());
    fields.finish(diagnostics);
    let metadata = metadata.map(|node| metadata_of(node, diagnostics));
    let metadata = metadata.unwrap_or_default();
    let mut found = ObjectType {
        relations: IndexMap::new(),
        module: metadata.module,
        at: At(node.place.clone()),
    };
    for entry in relations
        .and_then(|node| node.map(diagnostics))
        .into_iter()
        .flatten()
    {
        check_name(&entry.key, &entry.place, diagnostics);
        let details = metadata
            .relations
            .iter()
            .find(|(name, _)| *name == entry.key);
        let details = details.map(|(_, details)| details);
        let Some(rewrite) = rewrite::read(&entry.value, diagnostics) else {
            continue;
        };
        let subjects = details.map(|it| it.subjects.clone()).unwrap_or_default();
        if rewrite.has_direct() && subjects.is_empty() {
            let message = format!("relation `{}` names no types", entry.key);
            let mistake = Diagnostic::new(entry.place.clone(), message);
            diagnostics.push(
                mistake.label(
                    "expected some under metadata.relations, in directly_related_user_types",
                ),
            );
        }
        let relation = Relation {
            subjects: if rewrite.has_direct() {
                subjects
            } else {
                Vec::new()
            },
            rewrite,
            is_permission: false,
            annotations: Vec::new(),
            module: details.and_then(|it| it.module.clone()),
            at: At(entry.place.clone()),
        };
        found.relations.insert(entry.key.as_str().into(), relation);
    }
    let place = &name_node?.place;
    declare(
        "type",
        &mut model.types,
        (name?, place),
        found,
        |it| &it.at,
        diagnostics,
    );
    Some(())
}

/// The name of a type, relation or condition: nothing that has a meaning in a fact.
fn name(node: &Node, diagnostics: &mut Diagnostics) -> Option<Arc<str>> {
    let text = node.text(diagnostics)?;
    check_name(text, &node.place, diagnostics);
    Some(text.into())
}

fn check_name(text: &str, place: &crate::source::Place, diagnostics: &mut Diagnostics) {
    let is_word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '/' | '.');
    let reserved = matches!(text, "this" | "self");
    if text.is_empty() || reserved || !text.chars().all(is_word) {
        let mistake = Diagnostic::new(place.clone(), format!("`{text}` is not a name"));
        diagnostics.push(mistake.label("expected letters, digits, `_`, `-`, `/` and `.`"));
    }
}

#[derive(Default)]
struct Metadata {
    module: Option<Arc<str>>,
    relations: Vec<(String, RelationMetadata)>,
}

#[derive(Default)]
struct RelationMetadata {
    module: Option<Arc<str>>,
    subjects: Vec<SubjectType>,
}

fn metadata_of(node: &Node, diagnostics: &mut Diagnostics) -> Metadata {
    let Some(mut fields) = node.fields(diagnostics) else {
        return Metadata::default();
    };
    fields.optional("source_info");
    let module = module(fields.optional("module"), diagnostics);
    let relations = fields.optional("relations").filter(|node| !node.is_null());
    fields.finish(diagnostics);
    let entries = relations.and_then(|node| node.map(diagnostics));
    let mut found = Vec::new();
    for entry in entries.into_iter().flatten() {
        found.push((
            entry.key.clone(),
            relation_metadata(&entry.value, diagnostics),
        ));
    }
    Metadata {
        module,
        relations: found,
    }
}

fn relation_metadata(node: &Node, diagnostics: &mut Diagnostics) -> RelationMetadata {
    let Some(mut fields) = node.fields(diagnostics) else {
        return RelationMetadata::default();
    };
    fields.optional("source_info");
    let module = module(fields.optional("module"), diagnostics);
    let types = fields.optional("directly_related_user_types");
    fields.finish(diagnostics);
    let types = types.and_then(|node| node.list(diagnostics));
    let mut subjects = Vec::new();
    for node in types.into_iter().flatten() {
        subjects.extend(subject(node, diagnostics));
    }
    RelationMetadata { module, subjects }
}

/// The name of a module; an empty one is none.
fn module(node: Option<&Node>, diagnostics: &mut Diagnostics) -> Option<Arc<str>> {
    let text = node?.text(diagnostics)?;
    (!text.is_empty()).then(|| text.into())
}

/// One of `directly_related_user_types`.
fn subject(node: &Node, diagnostics: &mut Diagnostics) -> Option<SubjectType> {
    let mut fields = node.fields(diagnostics)?;
    let type_name = fields.required("type", diagnostics);
    let relation = fields.optional("relation").filter(|node| !is_empty(node));
    let wildcard = fields.optional("wildcard").is_some();
    let condition = fields.optional("condition").filter(|node| !is_empty(node));
    fields.finish(diagnostics);
    let kind = match relation {
        Some(relation) => SubjectKind::Userset(name(relation, diagnostics)?),
        None if wildcard => SubjectKind::Wildcard,
        None => SubjectKind::Object,
    };
    Some(SubjectType {
        type_name: name(type_name?, diagnostics)?,
        kind,
        condition: condition.and_then(|node| name(node, diagnostics)),
        expires: false,
        at: At(node.place.clone()),
    })
}

/// Whether the text is left out, as protobuf has it.
fn is_empty(node: &Node) -> bool {
    node.is_null() || node.to_json().as_str() == Some("")
}

fn condition(
    entry: &Entry,
    model: &mut RelationModel,
    diagnostics: &mut Diagnostics,
) -> Option<()> {
    check_name(&entry.key, &entry.place, diagnostics);
    let mut fields = entry.value.fields(diagnostics)?;
    fields.optional("name");
    let metadata = fields.optional("metadata").filter(|node| !node.is_null());
    let expression = fields.required("expression", diagnostics);
    let parameters = fields.optional("parameters").filter(|node| !node.is_null());
    fields.finish(diagnostics);
    let mut declared = Parameters::default();
    for entry in parameters
        .and_then(|node| node.map(diagnostics))
        .into_iter()
        .flatten()
    {
        if let Some(found) = parameter_type(&entry.value, 0, diagnostics) {
            // The reader of YAML has told of keys that are given twice.
            let _ = declared.add(entry.key.as_str().into(), found);
        }
    }
    let metadata = metadata
        .map(|node| metadata_of(node, diagnostics))
        .unwrap_or_default();
    let node = expression?;
    let text = node.text(diagnostics)?.trim();
    let place = entry.place.clone();
    let compiled = compile_at(text, node, declared, place, diagnostics)?;
    let compiled = DeclaredCondition {
        module: metadata.module,
        ..compiled
    };
    model.conditions.insert(entry.key.as_str().into(), compiled);
    Some(())
}

/// Compiles a text whose places inside of the quotes are not known: mistakes are placed at it.
fn compile_at(
    text: &str,
    node: &Node,
    parameters: Parameters,
    at: crate::source::Place,
    diagnostics: &mut Diagnostics,
) -> Option<DeclaredCondition> {
    let mut mistakes = Diagnostics::default();
    let compiled = compile(text, &node.place, parameters, at, &mut mistakes);
    for mistake in mistakes.into_sorted() {
        let place = node.place.clone();
        diagnostics.push(Diagnostic { place, ..mistake });
    }
    compiled
}

fn parameter_type(
    node: &Node,
    depth: usize,
    diagnostics: &mut Diagnostics,
) -> Option<ParameterType> {
    let mut fields = node.fields(diagnostics)?;
    let type_name = fields.required("type_name", diagnostics);
    let generic = fields.optional("generic_types");
    fields.finish(diagnostics);
    let type_node = type_name?;
    let text = type_node.text(diagnostics)?;
    let lower = text
        .strip_prefix("TYPE_NAME_")
        .unwrap_or(text)
        .to_lowercase();
    if let Some(found) = ParameterType::simple(&lower) {
        return Some(found);
    }
    let of: fn(Box<ParameterType>) -> ParameterType = match lower.as_str() {
        "list" => ParameterType::List,
        "map" => ParameterType::Map,
        _ => {
            let message = format!("unknown type `{text}`");
            diagnostics.push(Diagnostic::new(type_node.place.clone(), message));
            return None;
        }
    };
    let items = generic.and_then(|node| node.list(diagnostics));
    match items {
        Some([item]) if depth < TYPE_DEPTH_MAX => {
            let item = parameter_type(item, depth + 1, diagnostics)?;
            Some(of(Box::new(item)))
        }
        _ => {
            let message = format!("`{text}` needs one type in `generic_types`");
            diagnostics.push(Diagnostic::new(node.place.clone(), message));
            None
        }
    }
}
