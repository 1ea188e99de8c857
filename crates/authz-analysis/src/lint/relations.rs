//! Relation models: relations that nothing follows from, and everybody as a subject.

use std::collections::BTreeSet;

use authz::RelationModel;
use authz::model::relation::{Rewrite, SubjectKind};

use super::{Finding, Lint, Looked, find};

/// A type and one of its relations.
type Name<'a> = (&'a str, &'a str);

pub(super) fn look(looked: &Looked<'_>, findings: &mut Vec<Finding>) {
    let Some(model) = looked.policy.relation_model() else {
        return;
    };
    let used = used(looked, model);
    for (type_name, found) in model.types() {
        for (name, relation) in &found.relations {
            if !used.contains(&(type_name, &**name)) {
                let message = format!("nothing follows from `{name}` of {type_name}");
                find(findings, Lint::UnusedRelation, &relation.at.0, message);
            }
            let everybody = relation.subjects.iter();
            for subject in everybody.filter(|it| it.kind == SubjectKind::Wildcard) {
                let message = format!(
                    "every {} at once can be made `{name}` of a {type_name}",
                    subject.type_name
                );
                find(findings, Lint::WildcardGrant, &subject.at.0, message);
            }
        }
    }
}

/// The relations that carry an action, or that one of those follows from.
fn used<'a>(looked: &'a Looked<'_>, model: &'a RelationModel) -> BTreeSet<Name<'a>> {
    let mut used = BTreeSet::new();
    let related = looked.written.related.iter();
    let mut open: Vec<Name<'a>> = related
        .flat_map(|it| {
            let relations = it.actions.iter();
            relations.map(|(_, relation)| (&*it.type_name.text, &*relation.text))
        })
        .collect();
    while let Some(name) = open.pop() {
        let Some(relation) = model.relation(name.0, name.1).filter(|_| used.insert(name)) else {
            continue;
        };
        for subject in &relation.subjects {
            if let SubjectKind::Userset(relation) = &subject.kind {
                open.push((&subject.type_name, relation));
            }
        }
        relation.rewrite.walk(&mut |part| match part {
            Rewrite::Computed(from, _) => open.push((name.0, from)),
            Rewrite::Arrow {
                tupleset, computed, ..
            } => {
                open.push((name.0, tupleset));
                let leads = model.relation(name.0, tupleset);
                let subjects = leads.into_iter().flat_map(|it| &it.subjects);
                open.extend(subjects.map(|it| (&*it.type_name, &**computed)));
            }
            _ => {}
        });
    }
    used
}
