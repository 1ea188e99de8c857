//! What a policy says of one action, for those who compare policies. Decisions are made elsewhere.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use crate::condition::Value;
use crate::facts::{Reference, Subject};

use super::relation::{RelationModel, Rewrite, SubjectKind};
use super::{AttributeType, Effect, Policy, Role};

/// What values an attribute has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AttributeKind {
    /// Text.
    String,
    /// A whole number.
    Int,
    /// A number.
    Double,
    /// True or false.
    Bool,
    /// An instant.
    Timestamp,
    /// The name of a tenant.
    Tenant,
    /// The reference to an object of this type.
    Reference(String),
}

/// What a role grants of one action.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Granted {
    /// Of resources of the subject's own tenant, and where there is no tenant.
    pub here: bool,
    /// Of resources of other tenants.
    pub across: bool,
}

/// A rule that names an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleOutline<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether it permits, and does not deny.
    pub permits: bool,
    /// Its condition as it was written.
    pub when: Option<&'a str>,
}

/// A relationship that may be written: `document#viewer` for `user`, for `user:*` or for
/// `group#member`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Writable {
    /// The type of the object.
    pub type_name: String,
    /// The relation.
    pub relation: String,
    /// The type of the subject.
    pub subject_type: String,
    /// The relation of the subject, where it is a set.
    pub subject_relation: Option<String>,
    /// Whether the subject is everybody of its type.
    pub is_wildcard: bool,
}

impl Policy {
    /// The name of the combining algorithm.
    pub fn algorithm_name(&self) -> &'static str {
        self.algorithm.name()
    }

    /// Whether resources of other tenants are out of reach at all.
    pub fn has_tenants(&self) -> bool {
        self.tenants.is_some()
    }

    /// What values the attribute has; none of an unknown one.
    pub fn attribute_kind(&self, type_name: &str, attribute: &str) -> Option<AttributeKind> {
        let found = self.types.get(type_name)?.attributes.get(attribute)?;
        Some(match &found.value_type {
            AttributeType::String => AttributeKind::String,
            AttributeType::Int => AttributeKind::Int,
            AttributeType::Double => AttributeKind::Double,
            AttributeType::Bool => AttributeKind::Bool,
            AttributeType::Timestamp => AttributeKind::Timestamp,
            AttributeType::Tenant => AttributeKind::Tenant,
            AttributeType::Reference(name) => AttributeKind::Reference(name.to_string()),
        })
    }

    /// The value that an attribute has where none is given.
    pub fn attribute_default(&self, type_name: &str, attribute: &str) -> Option<&Value> {
        let found = self.types.get(type_name)?.attributes.get(attribute)?;
        found.default.as_ref()
    }

    /// What the role grants of an action, itself or through roles that it includes.
    pub fn role_grant_of(&self, role: &str, type_name: &str, action: &str) -> Granted {
        let number = self.action_number(type_name, action);
        let found = number.and_then(|number| Some((self.roles.get(role)?, number)));
        found.map_or_else(Granted::default, |(role, number)| Granted {
            here: role.grant(number, false).is_some(),
            across: role.grant(number, true).is_some(),
        })
    }

    /// The rules that name the action, in the order in which they are asked.
    pub fn rules_on<'a>(
        &'a self,
        type_name: &str,
        action: &str,
    ) -> impl Iterator<Item = RuleOutline<'a>> {
        let number = self.action_number(type_name, action);
        let targets = number.and_then(|number| self.targets.get(number));
        let rules = targets.into_iter().flatten();
        rules.filter_map(|&(index, _)| {
            let rule = self.rules.get(index)?;
            Some(RuleOutline {
                name: &rule.name,
                permits: rule.effect == Effect::Permit,
                when: rule.when.as_deref(),
            })
        })
    }

    /// The names of the scopes.
    pub fn scope_names(&self) -> impl Iterator<Item = &str> {
        self.scopes.0.keys().map(|name| &**name)
    }

    /// Whether the scope covers the action.
    pub fn scope_covers(&self, scope: &str, type_name: &str, action: &str) -> bool {
        let number = self.action_number(type_name, action);
        number.is_some_and(|number| self.scopes.covering(number).any(|(name, _)| name == scope))
    }

    /// The claims that the action asks for.
    pub fn claims_asked_by(
        &self,
        type_name: &str,
        action: &str,
    ) -> impl Iterator<Item = (&str, &Json)> {
        let number = self.action_number(type_name, action);
        let claims = number.and_then(|number| self.claims.get(number));
        let claims = claims.into_iter().flatten();
        claims.map(|claim| (&*claim.name, &claim.value))
    }

    /// Whether a flag is on for a subject; none if the policy has no such flag.
    pub fn flag_is_on(&self, flag: &str, subject: &Subject) -> Option<bool> {
        Some(self.flags.get(flag)?.is_on(subject))
    }

    /// The users, tenants and share of a hundred users whom a flag names.
    pub fn flag_names_whom(&self, flag: &str) -> Option<(Vec<&Reference>, Vec<&str>, u8)> {
        let flag = self.flags.get(flag)?;
        let users = flag.users.iter().collect();
        let tenants = flag.tenants.iter().map(|it| &**it).collect();
        Some((users, tenants, flag.rollout))
    }

    /// Whether a flag is on for whoever has the role, directly or through one that it includes.
    pub fn flag_names_role(&self, flag: &str, role: &str) -> bool {
        let index = self.roles.get_index_of(role);
        let flag = self.flags.get(flag);
        flag.zip(index).is_some_and(|(flag, index)| {
            let held = self.held([index].into_iter());
            flag.roles.iter().any(|named| held.contains(named))
        })
    }

    pub(super) fn action_number(&self, type_name: &str, action: &str) -> Option<usize> {
        Some(self.types.get(type_name)?.actions.get(action)?.number)
    }

    /// The roles that somebody can be given.
    pub fn assignable_roles(&self) -> impl Iterator<Item = &str> {
        let roles = self.roles.values();
        let assignable = |role: &&Role| !super::is_reserved(&role.name);
        roles.filter(assignable).map(|role| &*role.name)
    }
}

impl RelationModel {
    /// The relationships that can matter for a relation of objects of a type, sorted. O(model).
    pub fn writable_for(&self, type_name: &str, relation: &str) -> Vec<Writable> {
        let reached = self.reached_from(type_name, relation).into_iter();
        let written = reached.flat_map(|(type_name, name)| {
            let found = self.relation(type_name, name).into_iter();
            let subjects = found.flat_map(|it| &it.subjects);
            subjects.map(move |subject| Writable {
                type_name: type_name.to_owned(),
                relation: name.to_owned(),
                subject_type: subject.type_name.to_string(),
                subject_relation: match &subject.kind {
                    SubjectKind::Userset(of) => Some(of.to_string()),
                    SubjectKind::Object | SubjectKind::Wildcard => None,
                },
                is_wildcard: subject.kind == SubjectKind::Wildcard,
            })
        });
        written.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The relations that one of objects of a type follows from, and itself: each with the type.
    /// O(model).
    pub(super) fn reached_from<'a>(
        &'a self,
        type_name: &'a str,
        relation: &'a str,
    ) -> BTreeSet<(&'a str, &'a str)> {
        let mut open = vec![(type_name, relation)];
        let mut reached = BTreeSet::new();
        while let Some((type_name, name)) = open.pop() {
            let Some(relation) = self.relation(type_name, name) else {
                continue;
            };
            if !reached.insert((type_name, name)) {
                continue;
            }
            open.extend(relation.subjects.iter().filter_map(|it| match &it.kind {
                SubjectKind::Userset(of) => Some((&*it.type_name, &**of)),
                SubjectKind::Object | SubjectKind::Wildcard => None,
            }));
            relation.rewrite.walk(&mut |part| match part {
                Rewrite::Computed(to, _) => open.push((type_name, to)),
                Rewrite::Arrow {
                    tupleset, computed, ..
                } => {
                    open.push((type_name, tupleset));
                    let through = self.relation(type_name, tupleset).into_iter();
                    let through = through.flat_map(|it| &it.subjects);
                    open.extend(through.map(|it| (&*it.type_name, &**computed)));
                }
                _ => {}
            });
        }
        reached
    }
}
