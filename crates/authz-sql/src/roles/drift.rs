//! Where the tables of roles differ from the policy. Every difference is told at the row that makes
//! it, or at the line of the policy that no row carries out, and not again at each role above.

use std::collections::{BTreeMap, BTreeSet};

use authz::source::{Place, nearest};
use authz::{Facts, Policy, Reference};

use super::kind::{Drift, DriftKind};
use super::{Assignment, Pair, Permission, Roles};

/// The word for all resources or all actions.
const ALL: &str = "*";
/// The most names in a sentence.
const NAMES_MAX: usize = 5;

/// Where the tables differ from the policy; and from the facts, if these know anybody's roles.
pub fn drifts(policy: &Policy, facts: &Facts, roles: &Roles) -> Vec<Drift> {
    let comparison = Comparison {
        policy,
        facts,
        roles,
    };
    let mut found = comparison.roles();
    found.extend(comparison.permissions());
    found.extend(comparison.dangling());
    found.extend(comparison.cycles());
    found.extend(comparison.grants_added());
    found.extend(comparison.inclusions_added());
    for role in policy.assignable_roles() {
        if let Some(id) = comparison.id(role) {
            found.extend(comparison.grants_missing(role, id));
            found.extend(comparison.inclusions_missing(role, id));
        }
    }
    found.extend(comparison.assignments());
    found.sort_by(|a, b| (a.kind, &a.row, &a.sentence).cmp(&(b.kind, &b.row, &b.sentence)));
    found
}

struct Comparison<'a> {
    policy: &'a Policy,
    facts: &'a Facts,
    roles: &'a Roles,
}

/// A type and one of its actions, both of the policy.
type Action<'a> = (&'a str, &'a str);

impl<'a> Comparison<'a> {
    fn drift(&self, kind: DriftKind, sentence: String) -> Drift {
        Drift {
            kind,
            sentence,
            row: None,
            place: None,
            granted_by: None,
            granted_at: None,
        }
    }

    /// The id of the role of that name.
    fn id(&self, name: &str) -> Option<&'a str> {
        let mut roles = self.roles.roles.iter();
        let found = roles.find(|(_, known)| *known == name);
        found.map(|(id, _)| id.as_str())
    }

    /// The name of a role that the policy knows, by its id.
    fn known(&self, id: &str) -> Option<&'a str> {
        let name = self.roles.roles.get(id)?;
        self.policy.has_role(name).then_some(name.as_str())
    }

    /// What a permission means in the policy; nothing if it does not know it.
    fn actions(&self, permission: &Permission) -> Vec<Action<'a>> {
        let types = self.policy.type_names();
        let types = types.filter(|name| [ALL, name].contains(&permission.resource.as_str()));
        types
            .flat_map(|name| {
                let actions = self.policy.action_names(name);
                let actions = actions.filter(|it| [ALL, it].contains(&permission.action.as_str()));
                actions.map(move |action| (name, action))
            })
            .collect()
    }

    /// What a role has in the end.
    fn has(&self, id: &str) -> BTreeSet<Action<'a>> {
        let ids = self.roles.effective.get(id).into_iter().flatten();
        let permissions = ids.filter_map(|id| self.roles.permissions.get(id));
        permissions.flat_map(|it| self.actions(it)).collect()
    }

    fn grants(&self, role: &str, (type_name, action): Action<'_>) -> bool {
        let granting = self.policy.role_that_grants(role, type_name, action);
        granting.is_some()
    }

    fn place(&self, role: &str) -> Option<Place> {
        self.policy.role_place(role).cloned()
    }

    fn roles(&self) -> Vec<Drift> {
        let tables = self.roles.roles.iter();
        let unknown = tables.filter(|(_, name)| !self.policy.has_role(name));
        let unknown = unknown.map(|(id, name)| {
            let meant = nearest(name, self.policy.assignable_roles());
            let meant = meant.map_or(String::new(), |it| format!("; the nearest is `{it}`"));
            Drift {
                row: Some(
                    self.roles
                        .called
                        .row("roles", &[("id", id), ("name", name)]),
                ),
                ..self.drift(
                    DriftKind::RoleUnknown,
                    format!("the policy has no role `{name}`{meant}"),
                )
            }
        });
        let missing = self
            .policy
            .assignable_roles()
            .filter(|name| self.id(name).is_none());
        let missing = missing.map(|name| Drift {
            place: self.place(name),
            ..self.drift(
                DriftKind::RoleMissing,
                format!("no row is the role `{name}`"),
            )
        });
        unknown.chain(missing).collect()
    }

    fn permissions(&self) -> Vec<Drift> {
        let permissions = self.roles.permissions.iter();
        let unknown = permissions.filter(|(_, it)| self.actions(it).is_empty());
        unknown
            .map(|(id, it)| {
                let (resource, action) = (it.resource.as_str(), it.action.as_str());
                let what = match self.policy.has_type(resource) {
                    true => format!("`{resource}` has no action `{action}` in the policy"),
                    false => format!("the policy has no type `{resource}`"),
                };
                let values = [
                    ("id", id.as_str()),
                    ("resource", resource),
                    ("action", action),
                ];
                Drift {
                    row: Some(self.roles.called.row("permissions", &values)),
                    ..self.drift(DriftKind::PermissionUnknown, what)
                }
            })
            .collect()
    }

    /// Rows that name what is not there. Where the tables have foreign keys, there are none.
    fn dangling(&self) -> Vec<Drift> {
        let roles = &self.roles;
        let is_role = |id: &String| roles.roles.contains_key(id);
        let grants = roles.grants.iter();
        let grants =
            grants.filter(|it| !is_role(&it.to) || !roles.permissions.contains_key(&it.gets));
        let grants = grants.map(|pair| self.grant_row(pair));
        let hierarchy = roles.hierarchy.iter();
        let hierarchy = hierarchy.filter(|it| !is_role(&it.to) || !is_role(&it.gets));
        let hierarchy = hierarchy.map(|pair| self.hierarchy_row(pair));
        let assignments = roles.assignments.iter().filter(|it| !is_role(&it.role));
        let assignments = assignments.map(|it| self.assignment_row(it));
        let rows = grants.chain(hierarchy).chain(assignments);
        rows.map(|row| Drift {
            row: Some(row),
            ..self.drift(
                DriftKind::DanglingRow,
                "it names a role or permission that is not there".to_owned(),
            )
        })
        .collect()
    }

    /// Roles above themselves; each circle once.
    fn cycles(&self) -> Vec<Drift> {
        let above = self.closure(|pair| (&pair.gets, &pair.to));
        let is_in_circle = |id: &&String| above.get(*id).is_some_and(|it| it.contains(*id));
        let mut told: BTreeSet<&String> = BTreeSet::new();
        let mut found = Vec::new();
        for id in self.roles.roles.keys().filter(is_in_circle) {
            if told.contains(id) {
                continue;
            }
            let members = above.get(id).into_iter().flatten();
            let members = members.filter(|it| above.get(*it).is_some_and(|its| its.contains(id)));
            let circle: BTreeSet<&String> = members.copied().collect();
            let is_edge = |pair: &&Pair| circle.contains(&pair.to) && circle.contains(&pair.gets);
            let edge = self.roles.hierarchy.iter().find(is_edge);
            let names = circle.iter().filter_map(|id| self.roles.roles.get(*id));
            let sentence = format!(
                "{} are above each other: each has what all have",
                quoted(names)
            );
            found.push(Drift {
                row: edge.map(|pair| self.hierarchy_row(pair)),
                ..self.drift(DriftKind::InclusionCycle, sentence)
            });
            told.extend(circle);
        }
        found
    }

    /// Rows that give a role what the policy does not.
    fn grants_added(&self) -> Vec<Drift> {
        let above = self.closure(|pair| (&pair.gets, &pair.to));
        let of = |pair: &Pair| {
            let role = self.known(&pair.to)?;
            let permission = self.roles.permissions.get(&pair.gets)?;
            let actions = self.actions(permission);
            let added: Vec<Action<'_>> = actions
                .into_iter()
                .filter(|it| !self.grants(role, *it))
                .collect();
            if added.is_empty() {
                return None;
            }
            let heirs = above.get(&pair.to).into_iter().flatten();
            let heirs = heirs.filter(|id| **id != &pair.to);
            let heirs = heirs.filter_map(|id| self.known(id));
            let heirs = heirs.filter(|heir| added.iter().any(|it| !self.grants(heir, *it)));
            let heirs: BTreeSet<String> = heirs.map(str::to_owned).collect();
            let also = match heirs.is_empty() {
                true => String::new(),
                false => format!(", and so may {}, above it", quoted(&heirs)),
            };
            let sentence = format!(
                "`{role}` may {} by it, which the policy does not grant it{also}",
                verbs(&added)
            );
            Some(Drift {
                row: Some(self.grant_row(pair)),
                place: self.place(role),
                ..self.drift(DriftKind::GrantAdded, sentence)
            })
        };
        self.roles.grants.iter().filter_map(of).collect()
    }

    /// Rows that put a role above another which has what the policy does not grant it.
    fn inclusions_added(&self) -> Vec<Drift> {
        let of = |pair: &Pair| {
            let role = self.known(&pair.to)?;
            let below = self.roles.roles.get(&pair.gets)?;
            // What the lower one has by a row that is told itself is no matter of this one.
            let is_meant =
                |it: &Action<'_>| !self.policy.has_role(below) || self.grants(below, *it);
            let added = self.has(&pair.gets).into_iter().filter(is_meant);
            let added: Vec<Action<'_>> = added.filter(|it| !self.grants(role, *it)).collect();
            if added.is_empty() {
                return None;
            }
            let sentence = format!(
                "`{role}` is above `{below}` by it and may {}, which the policy does not grant it",
                verbs(&added)
            );
            Some(Drift {
                row: Some(self.hierarchy_row(pair)),
                place: self.place(role),
                ..self.drift(DriftKind::InclusionAdded, sentence)
            })
        };
        self.roles.hierarchy.iter().filter_map(of).collect()
    }

    /// What stands in a role's own `can`, and no row gives it.
    fn grants_missing(&self, role: &str, id: &str) -> Vec<Drift> {
        let has = self.has(id);
        let missing = self
            .all_actions()
            .into_iter()
            .filter(|(type_name, action)| {
                let granting = self.policy.role_that_grants(role, type_name, action);
                granting == Some(role) && !has.contains(&(*type_name, *action))
            });
        let missing: Vec<Action<'_>> = missing.collect();
        let one = |action: &Action<'_>| Drift {
            place: self.place(role),
            ..self.drift(
                DriftKind::GrantMissing,
                format!(
                    "no row lets `{role}` {}, as the policy does",
                    verbs(&[*action])
                ),
            )
        };
        missing.iter().map(one).collect()
    }

    /// Roles that a role includes, and below which no row puts them.
    fn inclusions_missing(&self, role: &str, id: &str) -> Vec<Drift> {
        let has = self.has(id);
        let of = |included: &str| {
            let below = self.has(self.id(included)?);
            let lost = self
                .all_actions()
                .into_iter()
                .filter(|it| self.grants(included, *it) && below.contains(it) && !has.contains(it));
            let lost: Vec<Action<'_>> = lost.collect();
            if lost.is_empty() {
                return None;
            }
            let sentence = format!(
                "no row puts `{role}` above `{included}`, which it includes: it may not {}",
                verbs(&lost)
            );
            Some(Drift {
                place: self.place(role),
                ..self.drift(DriftKind::InclusionMissing, sentence)
            })
        };
        self.policy.roles_included(role).filter_map(of).collect()
    }

    /// Who has which role, where the facts know anybody's.
    fn assignments(&self) -> Vec<Drift> {
        let wanted = self.wanted();
        if wanted.is_empty() {
            return Vec::new();
        }
        let mut found = Vec::new();
        let mut seen: BTreeSet<Held> = BTreeSet::new();
        for assignment in &self.roles.assignments {
            let Some(role) = self.known(&assignment.role) else {
                continue;
            };
            let who = Reference::new(&self.roles.subject_type, &assignment.user).to_string();
            let held = (who.clone(), assignment.tenant.clone(), role.to_owned());
            if !wanted.contains(&held) {
                let there = in_tenant(assignment.tenant.as_deref());
                let sentence =
                    format!("`{who}` has the role `{role}`{there} by it, and not by the facts");
                found.push(Drift {
                    row: Some(self.assignment_row(assignment)),
                    place: self.place(role),
                    granted_by: assignment.granted_by.clone(),
                    granted_at: assignment.granted_at.clone(),
                    ..self.drift(DriftKind::AssignmentAdded, sentence)
                });
            }
            seen.insert(held);
        }
        for (who, tenant, role) in wanted.difference(&seen) {
            let there = in_tenant(tenant.as_deref());
            let sentence =
                format!("no row gives `{who}` the role `{role}`{there}, as the facts do");
            found.push(Drift {
                place: self.place(role),
                ..self.drift(DriftKind::AssignmentMissing, sentence)
            });
        }
        found
    }

    fn wanted(&self) -> BTreeSet<Held> {
        let subjects = self.facts.subjects();
        let subjects = subjects.filter(|it| it.type_name() == self.roles.subject_type);
        subjects
            .flat_map(|subject| {
                let roles = self.facts.roles_of(subject);
                roles.map(move |(tenant, role)| {
                    (
                        subject.to_string(),
                        tenant.map(str::to_owned),
                        role.to_owned(),
                    )
                })
            })
            .collect()
    }

    fn all_actions(&self) -> Vec<Action<'a>> {
        self.actions(&Permission {
            resource: ALL.to_owned(),
            action: ALL.to_owned(),
        })
    }

    /// For each role all that a direction of the hierarchy leads to.
    fn closure(
        &self,
        direction: fn(&Pair) -> (&String, &String),
    ) -> BTreeMap<&'a String, BTreeSet<&'a String>> {
        let mut steps: BTreeMap<&String, Vec<&String>> = BTreeMap::new();
        for (from, to) in self.roles.hierarchy.iter().map(direction) {
            steps.entry(from).or_default().push(to);
        }
        let reached = |id: &'a String| {
            let mut seen = BTreeSet::new();
            let mut open = vec![id];
            while let Some(next) = open.pop() {
                let further = steps.get(next).into_iter().flatten();
                open.extend(further.filter(|it| seen.insert(**it)));
            }
            (id, seen)
        };
        self.roles.roles.keys().map(reached).collect()
    }

    fn grant_row(&self, pair: &Pair) -> String {
        let values = [
            ("role", pair.to.as_str()),
            ("permission", pair.gets.as_str()),
        ];
        self.roles.called.row("grants", &values)
    }

    fn hierarchy_row(&self, pair: &Pair) -> String {
        let values = [("parent", pair.to.as_str()), ("child", pair.gets.as_str())];
        self.roles.called.row("hierarchy", &values)
    }

    fn assignment_row(&self, assignment: &Assignment) -> String {
        let mut values = vec![
            ("user", assignment.user.as_str()),
            ("role", assignment.role.as_str()),
        ];
        values.extend(
            assignment
                .tenant
                .as_deref()
                .map(|tenant| ("tenant", tenant)),
        );
        self.roles.called.row("assignments", &values)
    }
}

/// Who has which role, and in which tenant.
type Held = (String, Option<String>, String);

fn in_tenant(tenant: Option<&str>) -> String {
    tenant.map_or(String::new(), |tenant| format!(" in `{tenant}`"))
}

/// "post delete, post read"
fn verbs(actions: &[Action<'_>]) -> String {
    let actions = actions
        .iter()
        .map(|(type_name, action)| format!("{action} {type_name}"));
    shortened(actions.collect())
}

fn quoted<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let names = names.into_iter().map(|name| format!("`{name}`"));
    shortened(names.collect())
}

fn shortened(names: Vec<String>) -> String {
    let shown: Vec<&str> = names.iter().take(NAMES_MAX).map(String::as_str).collect();
    match names.len().saturating_sub(NAMES_MAX) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
