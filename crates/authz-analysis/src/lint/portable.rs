//! What only one of the two languages of relations can say, or says with another meaning.

use authz::RelationModel;
use authz::model::relation::{Relation, Rewrite, SubjectKind, SubjectType};
use authz::source::Place;

use super::{Finding, Lint, Looked, find};

pub(super) fn look(looked: &Looked<'_>, findings: &mut Vec<Finding>) {
    let Some(model) = looked.policy.relation_model() else {
        return;
    };
    let is_openfga = model.language().is_openfga();
    for (type_name, found) in model.types() {
        if is_openfga {
            name(type_name, &found.at.0, findings);
        }
        for (relation_name, relation) in &found.relations {
            if is_openfga {
                name(relation_name, &relation.at.0, findings);
                of_openfga(relation, model, findings);
            } else {
                of_spicedb(type_name, relation, model, findings);
            }
        }
    }
}

/// SpiceDB's names are lowercase and have three characters at least.
fn name(name: &str, place: &Place, findings: &mut Vec<Finding>) {
    let is_word = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    let is_name = (3..=64).contains(&name.len())
        && name.bytes().all(is_word)
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && !name.ends_with('_');
    if !is_name {
        let message = format!("`{name}` is no name in SpiceDB's language");
        find(findings, Lint::NotPortable, place, message);
    }
}

fn of_openfga(relation: &Relation, model: &RelationModel, findings: &mut Vec<Finding>) {
    for subject in &relation.subjects {
        if let SubjectKind::Userset(name) = &subject.kind
            && let Some(found) = model.relation(&subject.type_name, name)
            && found.subjects.iter().any(is_everybody)
        {
            let type_name = &subject.type_name;
            let message = format!(
                "`{type_name}#{name}` may hold everybody, which SpiceDB lets nobody write into another relation"
            );
            find(findings, Lint::NotPortable, &subject.at.0, message);
        }
    }
}

fn is_everybody(subject: &SubjectType) -> bool {
    subject.kind == SubjectKind::Wildcard
}

fn of_spicedb(
    type_name: &str,
    relation: &Relation,
    model: &RelationModel,
    findings: &mut Vec<Finding>,
) {
    let mut tell = |place: &Place, message: String| {
        find(findings, Lint::NotPortable, place, message);
    };
    for subject in relation.subjects.iter().filter(|it| it.expires) {
        let message = "OpenFGA's language has no `expiration`".to_owned();
        tell(&subject.at.0, message);
    }
    relation.rewrite.walk(&mut |part| match part {
        Rewrite::Itself => tell(&relation.at.0, "OpenFGA's language has no `self`".to_owned()),
        Rewrite::Nobody => tell(&relation.at.0, "OpenFGA's language has no `nil`".to_owned()),
        Rewrite::Arrow { all: true, at, .. } => {
            tell(&at.0, "OpenFGA's language has no `.all()`".to_owned());
        }
        Rewrite::Arrow { tupleset, at, .. } => {
            let leads = model.relation(type_name, tupleset);
            let mut subjects = leads.into_iter().flat_map(|it| &it.subjects);
            if subjects.any(|it| matches!(it.kind, SubjectKind::Userset(_))) {
                let message = format!(
                    "`{tupleset}` may hold whoever stands in a relation, which arrows follow here and not in OpenFGA"
                );
                tell(&at.0, message);
            }
        }
        _ => {}
    });
}
