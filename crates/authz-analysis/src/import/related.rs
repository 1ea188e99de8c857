//! What OpenFGA and SpiceDB have in common: a policy whose actions are the relations of a model,
//! and relationships as facts.

use std::fmt::Write as _;

use authz::source::{Diagnostic, Diagnostics, Place};
use authz::{RelationModel, Relationship};

use super::write::{self, FACTS, Names, POLICY};
use super::{File, Import};

/// Names that a type of ours cannot have.
const BUILT_IN: [&str; 6] = ["string", "int", "double", "bool", "timestamp", "tenant"];

/// What was read of a store.
pub(super) struct Stored {
    pub(super) model: RelationModel,
    /// The files of the model as they are, the one that the policy names first.
    pub(super) files: Vec<File>,
    /// Where the model stands.
    pub(super) place: Place,
    pub(super) facts: Vec<(Relationship, Place)>,
    pub(super) lost: Diagnostics,
    pub(super) notes: Vec<Diagnostic>,
}

/// The model as it is, a policy in which each relation may be asked for, and the facts.
pub(super) fn import(mut stored: Stored) -> Import {
    let policy = policy(&mut stored);
    let facts = facts(&mut stored);
    let file = |path: &str, text: String| File {
        path: path.to_owned(),
        text,
    };
    let mut files = vec![file(POLICY, policy), file(FACTS, facts)];
    files.append(&mut stored.files);
    Import {
        files,
        lost: stored.lost.into_sorted(),
        notes: stored.notes,
    }
}

fn policy(stored: &mut Stored) -> String {
    let path = stored.files.first().map_or("", |file| file.path.as_str());
    let mut types = String::new();
    let mut related = String::new();
    let names: Vec<&str> = stored.model.type_names().collect();
    for type_name in names {
        if !write::is_name(type_name) || BUILT_IN.contains(&type_name) {
            let message = format!("`{type_name}` cannot be the name of a type of a policy");
            let mistake = Diagnostic::new(stored.place.clone(), message);
            let help = "give it another name in the model and in the facts, or ask the model alone";
            stored.lost.push(mistake.help(help));
            continue;
        }
        let mut actions = Names::but([]);
        let relations = stored.model.relation_names(type_name);
        let named: Vec<(&str, String)> = relations.map(|it| (it, actions.of(it))).collect();
        let kinds = named
            .iter()
            .map(|it| (it.1.as_str(), "instance".to_owned()));
        let type_name = write::word(type_name);
        if named.is_empty() {
            let _ = writeln!(types, "  {type_name}: {{}}");
            continue;
        }
        let _ = writeln!(types, "  {type_name}: {{ actions: {} }}", write::map(kinds));
        let carried = named.iter();
        let carried = carried.map(|(relation, action)| (action.as_str(), write::word(relation)));
        let _ = writeln!(related, "  {type_name}: {}", write::map(carried));
        for (relation, action) in actions.changed() {
            let message = format!("the relation `{relation}` is the action `{action}` here");
            stored
                .notes
                .push(Diagnostic::new(stored.place.clone(), message));
        }
    }
    if types.is_empty() {
        types.push_str("  {}\n");
    }
    let related = match related.is_empty() {
        true => String::new(),
        false => format!("related:\n{related}"),
    };
    format!(
        "# Imported. Every relation of the model may be asked for: take away those that are no actions.\n\
         version: 1\ntypes:\n{types}relations: {}\n{related}",
        write::word(path)
    )
}

/// One fact a line; of two with the same ends the later one counts, as in a store.
fn facts(stored: &mut Stored) -> String {
    let mut text = "# Imported.\nversion: 1\nrelationships:".to_owned();
    let mut is_empty = true;
    for (fact, place) in &stored.facts {
        let shown = fact.to_string();
        if shown.parse::<Relationship>().as_ref() != Ok(fact) {
            let message = format!("`{shown}` has a name that facts cannot have");
            let mistake = Diagnostic::new(place.clone(), message);
            let help = "give the object another id, without white space, `#`, `[` and `]`";
            stored.lost.push(mistake.help(help));
            continue;
        }
        is_empty = false;
        let _ = write!(text, "\n  - {}", write::quoted(&shown));
    }
    if is_empty {
        text.push_str(" []");
    }
    text.push('\n');
    text
}
