//! What OpenFGA asks of a model beyond its grammar: declared names, arrows that lead somewhere, and
//! relations that somebody can stand in at all.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use crate::language::relation::{Names, check_loops};
use crate::model::relation::{ObjectType, Relation, RelationModel, Rewrite, SubjectKind};
use crate::source::{Diagnostic, Diagnostics};

/// Tells everything that is wrong. Of a partial model nothing is said that what is missing could
/// put right.
pub(super) fn check(model: &RelationModel, is_partial: bool, diagnostics: &mut Diagnostics) {
    let names = Names {
        types: &model.types,
        conditions: &model.conditions,
        is_partial,
    };
    let before = diagnostics.count();
    for (type_name, found) in &model.types {
        for relation in found.relations.values() {
            for subject in &relation.subjects {
                names.check_subject(subject, diagnostics);
            }
            relation.rewrite.walk(&mut |part| {
                check_part(part, type_name, found, &names, diagnostics);
            });
        }
        check_loops(type_name, found, diagnostics);
    }
    if !is_partial && diagnostics.count() == before {
        check_entries(model, diagnostics);
    }
}

fn check_part(
    part: &Rewrite,
    type_name: &str,
    found: &ObjectType,
    names: &Names<'_>,
    diagnostics: &mut Diagnostics,
) {
    let message = |name: &str| format!("`{type_name}` has no relation `{name}`");
    let known = || found.relations.keys().map(|name| &**name);
    match part {
        Rewrite::Computed(name, at) if !found.relations.contains_key(name) => {
            names.unknown(message(name), name, known(), &at.0, diagnostics);
        }
        Rewrite::Arrow {
            tupleset,
            computed,
            at,
            ..
        } => match found.relations.get(tupleset) {
            None => names.unknown(message(tupleset), tupleset, known(), &at.0, diagnostics),
            Some(relation) => {
                if let Some(mistake) = arrow(tupleset, relation, computed, names) {
                    diagnostics.push(Diagnostic::new(at.0.clone(), mistake));
                }
            }
        },
        _ => {}
    }
}

/// What is wrong with `computed from tupleset`.
fn arrow(
    tupleset: &str,
    relation: &Relation,
    computed: &Arc<str>,
    names: &Names<'_>,
) -> Option<String> {
    if !matches!(relation.rewrite, Rewrite::Direct) {
        return Some(format!(
            "`{tupleset}` does not lead to objects that are written down"
        ));
    }
    let wildcard = relation
        .subjects
        .iter()
        .any(|it| it.kind == SubjectKind::Wildcard);
    if wildcard {
        return Some(format!("`{tupleset}` may lead to every object of a type"));
    }
    let has_it = |name: &Arc<str>| {
        let found = names.types.get(name);
        found.is_none_or(|found| found.relations.contains_key(computed))
    };
    let leads = relation.subjects.iter().any(|it| has_it(&it.type_name));
    (!leads && !names.is_partial)
        .then(|| format!("no type that `{tupleset}` leads to has a relation `{computed}`"))
}

/// A relation of a type.
type Name<'a> = (&'a str, &'a str);

/// Tells of relations in which nobody can ever stand.
fn check_entries(model: &RelationModel, diagnostics: &mut Diagnostics) {
    let dependents = dependents(model);
    let names = model.types.iter().flat_map(|(type_name, found)| {
        let names = found.relations.keys();
        names.map(move |name| (&**type_name, &**name))
    });
    let mut open: Vec<Name<'_>> = names.clone().collect();
    let mut entered: HashSet<Name<'_>> = HashSet::new();
    while let Some(name) = open.pop() {
        let Some(relation) = model.relation(name.0, name.1) else {
            continue;
        };
        let enters = !entered.contains(&name)
            && has_entry(&relation.rewrite, name.0, relation, model, &entered);
        if enters {
            entered.insert(name);
            open.extend(dependents.get(&name).into_iter().flatten());
        }
    }
    for (type_name, name) in names.filter(|name| !entered.contains(name)) {
        if let Some(relation) = model.relation(type_name, name) {
            let message = format!("nobody can ever be `{name}` of `{type_name}`");
            let mistake = Diagnostic::new(relation.at.0.clone(), message);
            diagnostics.push(mistake.label("no way into it begins with a written fact"));
        }
    }
}

/// By a relation: those that follow from it.
fn dependents<'a>(model: &'a RelationModel) -> HashMap<Name<'a>, Vec<Name<'a>>> {
    let mut dependents: HashMap<Name<'a>, Vec<Name<'a>>> = HashMap::new();
    for (type_name, found) in &model.types {
        for (name, relation) in &found.relations {
            let own = (&**type_name, &**name);
            let mut depends_on = |on: Name<'a>| dependents.entry(on).or_default().push(own);
            for subject in &relation.subjects {
                if let SubjectKind::Userset(of) = &subject.kind {
                    depends_on((&*subject.type_name, &**of));
                }
            }
            relation.rewrite.walk(&mut |part| match part {
                Rewrite::Computed(of, _) => depends_on((&**type_name, &**of)),
                Rewrite::Arrow {
                    tupleset, computed, ..
                } => {
                    let tupleset = found.relations.get(tupleset);
                    for subject in tupleset.into_iter().flat_map(|it| &it.subjects) {
                        depends_on((&*subject.type_name, &**computed));
                    }
                }
                _ => {}
            });
        }
    }
    dependents
}

fn has_entry(
    part: &Rewrite,
    type_name: &str,
    relation: &Relation,
    model: &RelationModel,
    entered: &HashSet<(&str, &str)>,
) -> bool {
    let has = |part: &Rewrite| has_entry(part, type_name, relation, model, entered);
    match part {
        Rewrite::Direct => relation.subjects.iter().any(|subject| match &subject.kind {
            SubjectKind::Object | SubjectKind::Wildcard => true,
            SubjectKind::Userset(name) => entered.contains(&(&*subject.type_name, &**name)),
        }),
        Rewrite::Computed(name, _) => entered.contains(&(type_name, &**name)),
        Rewrite::Arrow {
            tupleset, computed, ..
        } => {
            let tupleset = model.relation(type_name, tupleset);
            let mut subjects = tupleset.into_iter().flat_map(|it| &it.subjects);
            subjects.any(|it| entered.contains(&(&*it.type_name, &**computed)))
        }
        Rewrite::Union(parts) => parts.iter().any(has),
        Rewrite::Intersection(parts) => parts.iter().all(has),
        Rewrite::Exclusion(base, subtracted) => has(base) && has(subtracted),
        Rewrite::Itself => true,
        Rewrite::Nobody => false,
    }
}
