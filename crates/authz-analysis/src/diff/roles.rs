//! Classes of roles: for one action, most roles are alike. What a set of roles grants is what any of
//! them grants, so a few sets stand for all.

use std::collections::BTreeMap;

use authz::{Granted, Policy};

/// The most classes that are told apart.
const CLASSES_MAX: usize = 64;

/// What a role means for one action in both policies, and for each flag that is asked for.
type Meaning = Vec<bool>;

/// Sets of roles that mean the same for an action.
#[derive(Debug, Clone)]
pub(super) struct Class {
    /// The smallest of the sets.
    pub(super) roles: Vec<String>,
    /// The single roles that mean the same; empty if no single role does.
    pub(super) alike: Vec<String>,
    /// Whether the smallest set is that of no roles.
    pub(super) is_none: bool,
    meaning: Meaning,
}

/// All classes, those of smaller sets first.
#[derive(Debug)]
pub(super) struct Classes {
    pub(super) all: Vec<Class>,
    /// Whether there were too many.
    pub(super) is_cut: bool,
    by_role: BTreeMap<String, Meaning>,
    base: Meaning,
}

impl Classes {
    /// The classes of all roles of two policies for an action and these flags.
    pub(super) fn of(
        policies: [&Policy; 2],
        (type_name, action): (&str, &str),
        flags: &[String],
    ) -> Self {
        let meaning = |role: &str| -> Meaning {
            let of = |policy: &Policy| {
                let Granted { here, across } = policy.role_grant_of(role, type_name, action);
                let flags = flags.iter().map(|flag| policy.flag_names_role(flag, role));
                [here, across].into_iter().chain(flags).collect::<Vec<_>>()
            };
            policies.into_iter().flat_map(of).collect()
        };
        let base = joined(
            &meaning(authz::model::ANYONE),
            &meaning(authz::model::SIGNED_IN),
        );
        let mut by_role = BTreeMap::new();
        let mut order: Vec<String> = Vec::new();
        for role in policies
            .into_iter()
            .rev()
            .flat_map(Policy::assignable_roles)
        {
            if !by_role.contains_key(role) {
                by_role.insert(role.to_owned(), joined(&base, &meaning(role)));
                order.push(role.to_owned());
            }
        }
        let mut all = vec![Class {
            roles: Vec::new(),
            alike: Vec::new(),
            is_none: true,
            meaning: base.clone(),
        }];
        for role in order {
            let Some(meaning) = by_role.get(&role) else {
                continue;
            };
            match all.iter_mut().find(|class| class.meaning == *meaning) {
                Some(class) => class.alike.push(role),
                None => all.push(Class {
                    roles: vec![role.clone()],
                    alike: vec![role],
                    is_none: false,
                    meaning: meaning.clone(),
                }),
            }
        }
        let is_cut = close(&mut all);
        Self {
            all,
            is_cut,
            by_role,
            base,
        }
    }

    /// The class of somebody with these roles.
    pub(super) fn class_of(&self, roles: &[String]) -> Option<usize> {
        let known = roles.iter().filter_map(|role| self.by_role.get(role));
        let meaning = known.fold(self.base.clone(), |all, it| joined(&all, it));
        self.all.iter().position(|class| class.meaning == meaning)
    }
}

/// Adds what several of the roles together mean, until nothing new comes of it.
fn close(all: &mut Vec<Class>) -> bool {
    let singles: Vec<Class> = all.iter().filter(|it| !it.is_none).cloned().collect();
    let mut at = 0;
    while let Some(class) = all.get(at).cloned() {
        at += 1;
        for single in &singles {
            let meaning = joined(&class.meaning, &single.meaning);
            if all.iter().any(|it| it.meaning == meaning) {
                continue;
            }
            if all.len() >= CLASSES_MAX {
                return true;
            }
            let mut roles = class.roles.clone();
            roles.extend(single.roles.iter().cloned());
            all.push(Class {
                roles,
                alike: Vec::new(),
                is_none: false,
                meaning,
            });
        }
    }
    false
}

fn joined(a: &Meaning, b: &Meaning) -> Meaning {
    a.iter().zip(b).map(|(a, b)| *a || *b).collect()
}
