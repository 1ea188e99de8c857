//! Ways to give oneself more than one has: permissions that change a relation, held by people who
//! do not stand in it, and roles that assign roles without holding all that these grant.
//!
//! Which permission changes what, no policy says but by its name: `add_owner`, `can_grant_editor`,
//! `manage_members`; `assign_role`, or any change of a `role_assignment`.

use std::collections::BTreeSet;

use authz::RelationModel;
use authz::model::relation::{Relation, Rewrite};

use super::names::words;
use super::roles::{Permission, Roles};
use super::{Finding, Lint, Looked, find};

/// Words that mean: to change who stands in something.
const CHANGES: [&str; 16] = [
    "add", "appoint", "assign", "change", "create", "edit", "give", "grant", "invite", "make",
    "manage", "promote", "set", "transfer", "update", "write",
];
/// Types whose objects say who has which role.
const ASSIGNMENTS: [&str; 6] = [
    "membership",
    "permission",
    "role",
    "role_assignment",
    "roleassignment",
    "user_role",
];

pub(super) fn look(looked: &Looked<'_>, findings: &mut Vec<Finding>) {
    by_roles(looked, findings);
    if let Some(model) = looked.policy.relation_model() {
        by_relations(looked, model, findings);
    }
}

fn by_roles(looked: &Looked<'_>, findings: &mut Vec<Finding>) {
    let roles = Roles::of(looked);
    let of = |name| roles.permissions(name);
    let entries = roles.entries.iter();
    let all: BTreeSet<&Permission> = entries.flat_map(|it| of(&it.name.text)).collect();
    for role in &roles.entries {
        let own = of(&role.name.text);
        let Some((type_name, action)) = all.iter().find(|it| !own.contains(*it)) else {
            continue;
        };
        let words = role.can.iter().flat_map(|grant| {
            let actions = grant.actions.iter();
            actions.map(move |action| (grant.type_name.text.as_str(), action))
        });
        for (on, word) in words.filter(|(on, word)| assigns(on, &word.text)) {
            let message = format!(
                "role `{}` may `{}` on {on}, and so help itself to {action} {type_name}",
                role.name.text, word.text
            );
            find(findings, Lint::SelfGranting, &word.place, message);
        }
    }
}

/// Whether the action changes who has which role.
fn assigns(type_name: &str, action: &str) -> bool {
    let words = words(action);
    let changes = words
        .first()
        .is_some_and(|it| CHANGES.contains(&it.as_str()));
    let on_roles = words.iter().skip(1).any(|it| it == "role" || it == "roles");
    let type_name = type_name.to_lowercase().replace('-', "_");
    let of_roles = ASSIGNMENTS.contains(&type_name.trim_end_matches('s'));
    (changes && (on_roles || of_roles)) || (of_roles && action == "*")
}

fn by_relations(looked: &Looked<'_>, model: &RelationModel, findings: &mut Vec<Finding>) {
    for (type_name, found) in model.types() {
        for (name, relation) in &found.relations {
            if let Some(changed) = changed(name, type_name, model)
                && !Implied::of(type_name, changed, model).by(name, relation)
            {
                let message = format!(
                    "whoever has `{name}` of a {type_name} can become `{changed}`, and need not be"
                );
                find(findings, Lint::SelfGranting, &relation.at.0, message);
            }
        }
    }
    for related in &looked.written.related {
        let type_name = &related.type_name.text;
        for (action, relation) in &related.actions {
            let found = model.relation(type_name, &relation.text);
            if let (Some(changed), Some(found)) = (changed(&action.text, type_name, model), found)
                && action.text != relation.text
                && !Implied::of(type_name, changed, model).by(&relation.text, found)
            {
                let message = format!(
                    "whoever is `{}` of a {type_name} can {}, and so become `{changed}`",
                    relation.text, action.text
                );
                find(findings, Lint::SelfGranting, &action.place, message);
            }
        }
    }
}

/// The relation that a permission of this name lets its holder write.
fn changed<'a>(name: &str, type_name: &str, model: &'a RelationModel) -> Option<&'a str> {
    let words = words(name);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let rest = match words.as_slice() {
        ["can" | "may", verb, rest @ ..] | [verb, rest @ ..] if CHANGES.contains(verb) => rest,
        _ => return None,
    };
    let rest = rest.join("_");
    let found = model.types().find(|(name, _)| *name == type_name)?.1;
    let mut written = found
        .relations
        .iter()
        .filter(|(_, it)| it.rewrite.has_direct());
    let is_meant = |name: &str| {
        let name = name.to_lowercase().replace('-', "_");
        rest == name || rest.strip_suffix('s') == Some(name.as_str())
    };
    written.find(|(name, _)| is_meant(name)).map(|it| &**it.0)
}

/// What a relation follows from without condition: whoever stands in one of these stands in it.
struct Implied<'a> {
    type_name: &'a str,
    model: &'a RelationModel,
    relations: BTreeSet<&'a str>,
    arrows: BTreeSet<(&'a str, &'a str)>,
}

impl<'a> Implied<'a> {
    fn of(type_name: &'a str, relation: &'a str, model: &'a RelationModel) -> Self {
        let mut implied = Self {
            type_name,
            model,
            relations: BTreeSet::new(),
            arrows: BTreeSet::new(),
        };
        implied.add(relation);
        implied
    }

    fn add(&mut self, relation: &'a str) {
        if self.relations.insert(relation)
            && let Some(found) = self.model.relation(self.type_name, relation)
        {
            self.add_part(&found.rewrite);
        }
    }

    fn add_part(&mut self, part: &'a Rewrite) {
        match part {
            Rewrite::Computed(from, _) => self.add(from),
            Rewrite::Arrow {
                tupleset,
                computed,
                all: false,
                ..
            } => drop(self.arrows.insert((tupleset, computed))),
            Rewrite::Union(parts) => parts.iter().for_each(|part| self.add_part(part)),
            _ => {}
        }
    }

    /// Whether whoever stands in this relation stands in the implied one.
    fn by(&self, name: &str, relation: &Relation) -> bool {
        self.through(name, relation, &mut BTreeSet::new())
    }

    fn through(&self, name: &str, relation: &Relation, seen: &mut BTreeSet<String>) -> bool {
        // One that depends on itself adds nobody that its other parts do not.
        self.relations.contains(name)
            || !seen.insert(name.to_owned())
            || self.part(&relation.rewrite, seen)
    }

    fn part(&self, part: &Rewrite, seen: &mut BTreeSet<String>) -> bool {
        match part {
            Rewrite::Direct | Rewrite::Itself => false,
            Rewrite::Nobody => true,
            Rewrite::Computed(from, _) => {
                let found = self.model.relation(self.type_name, from);
                found.is_some_and(|found| self.through(from, found, seen))
            }
            Rewrite::Arrow {
                tupleset, computed, ..
            } => self.arrows.contains(&(&**tupleset, &**computed)),
            Rewrite::Union(parts) => parts.iter().all(|it| self.part(it, seen)),
            Rewrite::Intersection(parts) => parts.iter().any(|it| self.part(it, seen)),
            Rewrite::Exclusion(base, _) => self.part(base, seen),
        }
    }
}
