//! What SpiceDB asks of a schema beyond its grammar: how names look, that they are declared, and
//! where wildcards may not stand.

use std::sync::Arc;

use crate::language::relation::{Names, check_loops};
use crate::model::relation::{
    Language, ObjectType, Relation, RelationModel, Rewrite, SubjectKind, SubjectType,
};
use crate::source::{Diagnostic, Diagnostics, Place};

/// Tells everything that is wrong.
pub(super) fn check(model: &RelationModel, is_partial: bool, diagnostics: &mut Diagnostics) {
    let names = Names {
        types: &model.types,
        conditions: &model.conditions,
        is_partial,
    };
    for (name, condition) in &model.conditions {
        check_name(name, true, &condition.at.0, diagnostics);
    }
    for (type_name, found) in &model.types {
        check_name(type_name, true, &found.at.0, diagnostics);
        for (name, relation) in &found.relations {
            check_name(name, false, &relation.at.0, diagnostics);
            check_relation(type_name, found, relation, model, &names, diagnostics);
        }
        check_loops(type_name, found, diagnostics);
    }
}

fn check_relation(
    type_name: &str,
    found: &ObjectType,
    relation: &Relation,
    model: &RelationModel,
    names: &Names<'_>,
    diagnostics: &mut Diagnostics,
) {
    for subject in relation.subjects.iter().chain(&relation.annotations) {
        names.check_subject(subject, diagnostics);
        if let Some((message, label)) = subject_mistake(subject, model) {
            let mistake = Diagnostic::new(subject.at.0.clone(), message);
            diagnostics.push(mistake.label(label));
        }
    }
    relation.rewrite.walk(&mut |part| {
        check_part(part, type_name, found, model, names, diagnostics);
    });
}

fn subject_mistake(subject: &SubjectType, model: &RelationModel) -> Option<(String, &'static str)> {
    if subject.expires && !uses(model, "expiration") {
        let message = "`expiration` is not switched on".to_owned();
        return Some((message, "expected `use expiration` at the beginning"));
    }
    if let SubjectKind::Userset(name) = &subject.kind
        && let Some(relation) = model.relation(&subject.type_name, name)
        && has_wildcard(relation)
    {
        let message = format!(
            "`{}#{name}` may hold every object of a type",
            subject.type_name
        );
        return Some((
            message,
            "a wildcard cannot be written into another relation",
        ));
    }
    None
}

fn uses(model: &RelationModel, what: &str) -> bool {
    match &model.language {
        Language::SpiceDb { uses } => uses.iter().any(|used| &**used == what),
        Language::OpenFga { .. } => false,
    }
}

fn has_wildcard(relation: &Relation) -> bool {
    let mut subjects = relation.subjects.iter();
    subjects.any(|subject| subject.kind == SubjectKind::Wildcard)
}

fn check_part(
    part: &Rewrite,
    type_name: &str,
    found: &ObjectType,
    model: &RelationModel,
    names: &Names<'_>,
    diagnostics: &mut Diagnostics,
) {
    let message = |name: &str| format!("`{type_name}` has no relation `{name}`");
    let known = || found.relations.keys().map(|name| &**name);
    match part {
        Rewrite::Computed(name, at) if !found.relations.contains_key(name) => {
            names.unknown(message(name), name, known(), &at.0, diagnostics);
        }
        Rewrite::Arrow { tupleset, at, .. } => match found.relations.get(tupleset) {
            None => names.unknown(message(tupleset), tupleset, known(), &at.0, diagnostics),
            Some(relation) => {
                if let Some(message) = arrow_mistake(tupleset, relation, model) {
                    diagnostics.push(Diagnostic::new(at.0.clone(), message));
                }
            }
        },
        _ => {}
    }
}

fn arrow_mistake(tupleset: &Arc<str>, relation: &Relation, _: &RelationModel) -> Option<String> {
    if relation.is_permission {
        Some(format!(
            "`{tupleset}` is a permission: only relations lead to other objects"
        ))
    } else if has_wildcard(relation) {
        Some(format!("`{tupleset}` may lead to every object of a type"))
    } else {
        None
    }
}

/// Lowercase, three characters at least (two more than the pattern's middle), for definitions and
/// caveats with a prefix before `/`.
fn check_name(name: &str, prefixed: bool, place: &Place, diagnostics: &mut Diagnostics) {
    let parts: Vec<&str> = name.split('/').collect();
    let count_is_right = parts.len() == 1 || prefixed;
    if !count_is_right || !parts.iter().all(|part| is_name(part)) {
        let mistake = Diagnostic::new(place.clone(), format!("`{name}` is not a name"));
        diagnostics.push(mistake.label(
            "expected 3 to 64 lowercase letters, digits and `_`, with a letter first and no `_` last",
        ));
    }
}

fn is_name(name: &str) -> bool {
    let first = name.bytes().next();
    let last = name.bytes().next_back();
    (3..=64).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        && first.is_some_and(|b| b.is_ascii_lowercase())
        && last.is_some_and(|b| b != b'_')
}
