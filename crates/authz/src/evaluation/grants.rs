//! Which parts of a policy could permit an action to anybody at all.

use std::sync::Arc;

use serde::Serialize;

use crate::model::{Effect, Policy};
use crate::source::Place;

/// A part of a policy that permits an action, to whom it applies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Grant {
    /// Which part.
    #[serde(flatten)]
    pub by: GrantedBy,
    /// Where it stands.
    pub place: Option<Place>,
}

/// Which part of a policy permits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum GrantedBy {
    /// The grant of a role.
    Role {
        /// The role in whose `can` it stands.
        role: Arc<str>,
        /// Whether it reaches resources of other tenants.
        across_tenants: bool,
    },
    /// A relation.
    Relation {
        /// Its name.
        relation: Arc<str>,
    },
    /// A rule.
    Rule {
        /// Its name.
        name: Arc<str>,
        /// Its condition, as it was written.
        when: Option<Arc<str>>,
    },
}

impl Policy {
    /// Everything that permits the action of the type to somebody: roles by themselves, without
    /// what includes them, then the relation, then rules, each in the order of the file.
    pub fn grants(&self, type_name: &str, action: &str) -> Vec<Grant> {
        let found = self.types.get(type_name);
        let Some(action) = found.and_then(|found| found.actions.get(action)) else {
            return Vec::new();
        };
        let mut grants = self.role_grants(action.number);
        let relations = self.relations.as_ref();
        let related = relations.and_then(|relations| relations.of(action.number));
        grants.extend(related.map(|related| Grant {
            by: GrantedBy::Relation {
                relation: Arc::clone(&related.relation),
            },
            place: Some(related.place.clone()),
        }));
        let targets = self.targets.get(action.number).into_iter().flatten();
        let rules = targets.filter_map(|&(rule, _)| self.rules.get(rule));
        let permits = rules.filter(|rule| rule.effect == Effect::Permit);
        grants.extend(permits.map(|rule| Grant {
            by: GrantedBy::Rule {
                name: Arc::clone(&rule.name),
                when: rule.when.clone(),
            },
            place: Some(rule.place.clone()),
        }));
        grants
    }

    fn role_grants(&self, action: usize) -> Vec<Grant> {
        let own = self.roles.values().enumerate();
        let own = own.filter(|(index, role)| role.grant(action, false) == Some(*index));
        own.map(|(index, role)| Grant {
            by: GrantedBy::Role {
                role: Arc::clone(&role.name),
                across_tenants: role.grant(action, true) == Some(index),
            },
            place: role.place.clone(),
        })
        .collect()
    }

    /// How many actions the role grants, with the roles that it includes; none for an unknown one.
    pub fn reach(&self, role: &str) -> usize {
        let granted = self.roles.get(role).map(|role| role.grants.iter());
        granted.map_or(0, |grants| grants.flatten().count())
    }
}
