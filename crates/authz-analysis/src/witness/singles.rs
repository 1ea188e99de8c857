//! The facts other than relationships that could turn a denial: roles, the share of the resource, and
//! values of attributes.
//!
//! What nothing on this action asks about is left out: it could turn nothing. The values are those
//! that tell the questions of conditions apart, and those that are known of either side.

use std::collections::BTreeMap;

use authz::condition::{Value, Variable};
use authz::{AttributeKind, Policy};
use serde_json::{Value as Json, json};

use super::case::Case;
use super::fact::{Fact, Side};
use crate::pools::{Known, Pools, Reads, SOMEONE};

/// Facts that could be added, one by one.
#[derive(Debug, Default)]
pub(super) struct Singles {
    pub(super) facts: Vec<Fact>,
    /// Those whose value stands nowhere: any other would often do as well.
    pub(super) made_up: Vec<Fact>,
    /// Whether no other fact could do what none of these does.
    pub(super) is_complete: bool,
}

/// The facts that could be added to a request.
pub(super) fn of(case: &Case<'_>) -> Singles {
    let mut reads = Reads::of([case.policy; 2], (case.type_name, case.action));
    let sides = Side::BOTH.map(|side| (side, type_of(case, side)));
    let attributes = sides.iter().flat_map(|(side, type_name)| {
        let names = case.policy.attribute_names(type_name);
        names.map(|name| (*side, type_name.as_str(), name))
    });
    let attributes: Vec<_> = attributes
        .filter(|&(side, type_name, name)| {
            let is_gate =
                side == Side::Resource && case.policy.tenant_attribute(type_name) == Some(name);
            let is_known = case.attributes_of(side).contains_key(name);
            if is_gate {
                !is_known
            } else {
                reads.has(&variable(side, name))
            }
        })
        .collect();
    for &(side, type_name, name) in &attributes {
        let known = case.attributes_of(side).get(name);
        let known = known.and_then(|it| constant(case.policy, (type_name, name), it));
        if let Some(known) = known {
            reads.constant(variable(side, name), known);
        }
    }
    if let Some(tenant) = &case.subject.tenant {
        reads.constant(Variable::Tenant, Value::String(tenant.as_str().into()));
    }
    if reads.is_compared(&Variable::Now) {
        reads.constant(Variable::Now, Value::Timestamp(case.now));
    }
    let mut singles = Singles {
        facts: roles(case, &reads),
        ..Singles::default()
    };
    singles.facts.extend(share(case));
    let written = |variable: &Variable| -> Vec<Json> {
        reads.constants(variable).filter_map(as_json).collect()
    };
    let written: Vec<Vec<Json>> = attributes
        .iter()
        .map(|&(side, _, name)| written(&variable(side, name)))
        .collect();
    let pools = pools(case, reads);
    singles.is_complete = pools.bounds.is_empty();
    for (attribute, written) in attributes.into_iter().zip(written) {
        singles.add_values(case, attribute, &written, &pools);
    }
    singles
}

impl Singles {
    /// The values of an attribute that it does not have.
    fn add_values(
        &mut self,
        case: &Case<'_>,
        (side, type_name, name): (Side, &str, &str),
        written: &[Json],
        pools: &Pools,
    ) {
        let Some(of) = case.name_of(side) else { return };
        let known = own_values(case, (type_name, name));
        let made = pools.values.get(&variable(side, name));
        let made = made.into_iter().flatten();
        let mut tried: Vec<&Json> = Vec::new();
        for value in known.iter().chain(made) {
            let is_new =
                case.attributes_of(side).get(name) != Some(value) && !tried.contains(&value);
            if !is_new || is_someone(value) {
                continue;
            }
            tried.push(value);
            let fact = Fact::Attribute {
                side,
                of: of.clone(),
                name: name.to_owned(),
                value: value.clone(),
            };
            if !known.contains(value) && !written.contains(value) && !value.is_boolean() {
                self.made_up.push(fact.clone());
            }
            self.facts.push(fact);
        }
    }
}

fn variable(side: Side, name: &str) -> Variable {
    match side {
        Side::Subject => Variable::OfSubject(name.to_owned()),
        Side::Resource => Variable::OfResource(name.to_owned()),
    }
}

/// The type of a side; empty if it has none.
fn type_of(case: &Case<'_>, side: Side) -> String {
    match side {
        Side::Subject => {
            let subject = case.subject_reference();
            subject.map_or_else(String::new, |it| it.type_name().to_owned())
        }
        Side::Resource => case.type_name.to_owned(),
    }
}

fn pools(case: &Case<'_>, reads: Reads) -> Pools {
    let of_subject = type_of(case, Side::Subject);
    let kind = |variable: &Variable| match variable {
        Variable::Tenant => Some(AttributeKind::Tenant),
        Variable::Now => Some(AttributeKind::Timestamp),
        Variable::Claim(_) | Variable::Subject | Variable::Resource => None,
        Variable::OfSubject(name) => case.policy.attribute_kind(&of_subject, name),
        Variable::OfResource(name) => case.policy.attribute_kind(case.type_name, name),
    };
    let someone = vec![SOMEONE.to_owned()];
    reads.pools(&Known {
        kind: &kind,
        resource: case
            .resource_reference()
            .map_or_else(String::new, |it| it.to_string()),
        subjects: &BTreeMap::from([(of_subject.clone(), someone)]),
        now: case.now,
    })
}

/// The subject, its tenant and the objects of the attribute's type that attributes of either side
/// name.
fn own_values(case: &Case<'_>, (type_name, name): (&str, &str)) -> Vec<Json> {
    let wanted = case.policy.attribute_kind(type_name, name);
    if wanted == Some(AttributeKind::Tenant) {
        return case.subject.tenant.iter().map(|it| json!(it)).collect();
    }
    let Some(AttributeKind::Reference(to)) = &wanted else {
        return Vec::new();
    };
    let subject = case.subject_reference();
    let subject = subject.filter(|it| it.type_name() == to);
    let mut values: Vec<Json> = subject.iter().map(|it| json!(it.to_string())).collect();
    for side in Side::BOTH {
        let type_name = type_of(case, side);
        let known = case.attributes_of(side).iter();
        let same = known.filter(|(name, _)| case.policy.attribute_kind(&type_name, name) == wanted);
        values.extend(same.map(|(_, value)| value.clone()));
    }
    values
}

/// Whether it is the subject that is made up where none is known.
fn is_someone(value: &Json) -> bool {
    let name = value.as_str().and_then(|it| it.split_once(':'));
    name.is_some_and(|(_, id)| id == SOMEONE)
}

/// A value as conditions compare it; none where it does not matter which one it is.
fn constant(policy: &Policy, (type_name, name): (&str, &str), value: &Json) -> Option<Value> {
    match policy.attribute_kind(type_name, name)? {
        AttributeKind::String | AttributeKind::Tenant => {
            Some(Value::String(value.as_str()?.into()))
        }
        AttributeKind::Int => value.as_i64().map(Value::Int),
        AttributeKind::Double => value.as_f64().map(Value::Double),
        AttributeKind::Timestamp => value.as_str()?.parse().ok().map(Value::Timestamp),
        AttributeKind::Bool | AttributeKind::Reference(_) => None,
    }
}

fn as_json(value: &Value) -> Option<Json> {
    match value {
        Value::Int(value) => Some(json!(value)),
        Value::Double(value) => Some(json!(value)),
        Value::String(text) => Some(json!(**text)),
        Value::Timestamp(at) => Some(json!(at.to_string())),
        _ => None,
    }
}

/// The roles that the subject does not have, and that grant the action or turn a flag.
fn roles(case: &Case<'_>, reads: &Reads) -> Vec<Fact> {
    let reference = case.subject.reference.as_ref();
    let Some(subject) = reference.filter(|_| case.subject.signed_in) else {
        return Vec::new();
    };
    let policy = case.policy;
    let flags: Vec<&str> = match reads.is_bounded() {
        true => policy.flag_names().collect(),
        false => reads.flags.iter().map(String::as_str).collect(),
    };
    let matters = |role: &str| {
        let granted = policy.role_grant_of(role, case.type_name, case.action);
        let mut flags = flags.iter();
        granted.here || granted.across || flags.any(|flag| policy.flag_names_role(flag, role))
    };
    let names = policy.assignable_roles();
    let names = names.filter(|name| !case.subject.roles.iter().any(|held| held == name));
    let new = names.filter(|name| matters(name));
    new.map(|role| Fact::Role {
        subject: subject.clone(),
        role: role.to_owned(),
        tenant: case.subject.tenant.clone(),
    })
    .collect()
}

/// The share of the resource with the subject's tenant.
fn share(case: &Case<'_>) -> Option<Fact> {
    let with = case.subject.tenant.clone()?;
    let resource = case.resource_reference()?;
    let may = case.policy.may_share(case.type_name, case.action);
    may.then(|| Fact::Share {
        resource,
        with,
        action: case.action.to_owned(),
    })
}
