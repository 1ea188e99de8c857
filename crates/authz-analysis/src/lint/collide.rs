//! `only-one-applicable`: whether a part applies, its target says and not its condition (XACML 3.0,
//! section C.9), so that two parts that name one action leave it without an answer.

use std::collections::BTreeMap;

use authz::source::Place;

use super::roles::{Permission, permissions};
use super::{Finding, Lint, Looked, find};

/// A part, in words.
type Part = String;

pub(super) fn look(looked: &Looked<'_>, findings: &mut Vec<Finding>) {
    let combine = looked.written.combine.as_ref();
    if combine.is_none_or(|it| it.text != "only-one-applicable") {
        return;
    }
    // The grants of all roles are one part, so that they do not collide with each other.
    let mut first: BTreeMap<Permission, Part> = BTreeMap::new();
    for role in &looked.written.roles {
        for permission in permissions(&role.can, looked) {
            let text = format!("role `{}`", role.name.text);
            first.entry(permission).or_insert(text);
        }
    }
    for related in &looked.written.related {
        for (action, relation) in &related.actions {
            let permission = (related.type_name.text.clone(), action.text.clone());
            let text = format!("relation `{}`", relation.text);
            collide(permission, text, &action.place, &mut first, findings);
        }
    }
    for rule in &looked.written.rules {
        let found = permissions(&rule.targets, looked);
        let is_taken = |it: &Permission| first.contains_key(it);
        let taken = found.iter().find(|it| is_taken(it)).cloned();
        let text = format!("rule `{}`", rule.name.text);
        for permission in found
            .into_iter()
            .filter(|it| !is_taken(it))
            .collect::<Vec<_>>()
        {
            first.insert(permission, text.clone());
        }
        if let Some(permission) = taken {
            collide(permission, text, &rule.name.place, &mut first, findings);
        }
    }
}

fn collide(
    permission: Permission,
    text: Part,
    place: &Place,
    first: &mut BTreeMap<Permission, Part>,
    findings: &mut Vec<Finding>,
) {
    match first.get(&permission) {
        Some(other) => {
            let (type_name, action) = &permission;
            let message =
                format!("{text} and {other} both apply where {action} {type_name} is asked");
            find(findings, Lint::CollidingRules, place, message);
        }
        None => drop(first.insert(permission, text)),
    }
}
