//! Signs that roles are outgrown (the list of "signs" that people who move from roles to attributes
//! and relations tell of), and roles that are no good.

use std::collections::{BTreeMap, BTreeSet};

use authz::language::written::{Grant, RoleEntry};
use authz::model::{ANYONE, Effect, SIGNED_IN};

use super::names::{OFFICES, is_first_name, words};
use super::{Finding, Lint, Looked, find};

/// So many roles, and nobody knows them all.
const ROLES_MANY: usize = 50;

/// A type and one of its actions.
pub(super) type Permission = (String, String);

/// The declared roles with what they grant in the end.
pub(super) struct Roles<'a> {
    pub(super) entries: Vec<&'a RoleEntry>,
    by_name: BTreeMap<&'a str, &'a RoleEntry>,
    permissions: BTreeMap<&'a str, BTreeSet<Permission>>,
    /// The roles that somebody of the facts has, with all that these include.
    had: BTreeSet<&'a str>,
}

impl<'a> Roles<'a> {
    /// O(roles x what they grant).
    pub(super) fn of(looked: &Looked<'a>) -> Self {
        let entries: Vec<&RoleEntry> = looked.written.roles.iter().collect();
        let named = entries.iter().map(|it| (it.name.text.as_str(), *it));
        let mut roles = Self {
            by_name: named.collect(),
            entries,
            permissions: BTreeMap::new(),
            had: BTreeSet::new(),
        };
        for role in roles.entries.clone() {
            roles.add(&role.name.text, looked);
        }
        let assigned = looked.facts.assigned_roles();
        let assigned = assigned.into_iter();
        let known = assigned.filter_map(|it| Some(*roles.by_name.get_key_value(it)?.0));
        roles.had = roles.held(known.collect());
        roles
    }

    /// Adds what a role grants, behind all that it includes. A chain of roles may be long, so this
    /// does not call itself.
    fn add(&mut self, name: &'a str, looked: &Looked<'_>) {
        let mut open = vec![(name, false)];
        let mut begun = BTreeSet::new();
        while let Some((name, is_ready)) = open.pop() {
            let Some(entry) = self.by_name.get(name).copied() else {
                continue;
            };
            let included = entry.includes.iter().map(|it| it.text.as_str());
            if is_ready {
                let mut granted = permissions(&entry.can, looked);
                let included = included.filter_map(|it| self.permissions.get(it));
                granted.extend(included.flatten().cloned());
                self.permissions.insert(name, granted);
            } else if !self.permissions.contains_key(name) && begun.insert(name) {
                open.push((name, true));
                open.extend(included.map(|it| (it, false)));
            }
        }
    }

    /// The roles with all that they include, directly or not.
    fn held(&self, mut open: Vec<&'a str>) -> BTreeSet<&'a str> {
        let mut held = BTreeSet::new();
        while let Some(name) = open.pop() {
            if held.insert(name)
                && let Some(entry) = self.by_name.get(name)
            {
                open.extend(entry.includes.iter().map(|it| it.text.as_str()));
            }
        }
        held
    }

    /// All that whoever has the role may do by it.
    pub(super) fn permissions(&self, name: &str) -> &BTreeSet<Permission> {
        static NONE: BTreeSet<Permission> = BTreeSet::new();
        self.permissions.get(name).unwrap_or(&NONE)
    }
}

/// The actions that grants name, `*` written out.
pub(super) fn permissions(grants: &[Grant], looked: &Looked<'_>) -> BTreeSet<Permission> {
    let mut found = BTreeSet::new();
    for grant in grants {
        let type_name = &grant.type_name.text;
        for action in &grant.actions {
            if action.text == "*" {
                let all = looked.policy.action_names(type_name);
                found.extend(all.map(|it| (type_name.clone(), it.to_owned())));
            } else {
                found.insert((type_name.clone(), action.text.clone()));
            }
        }
    }
    found
}

pub(super) fn look(looked: &Looked<'_>, findings: &mut Vec<Finding>) {
    let roles = Roles::of(looked);
    explosion(looked, findings);
    let people = people(looked);
    for role in &roles.entries {
        personal(role, &people, findings);
        owner(role, looked, findings);
        unused(role, &roles, looked, findings);
        diamond(role, &roles, findings);
    }
    contexts(&roles, findings);
    wildcards(&roles, looked, findings);
    to_everybody(looked, findings);
}

fn explosion(looked: &Looked<'_>, findings: &mut Vec<Finding>) {
    let count = looked.written.roles.len();
    if let (Some(place), true) = (&looked.written.roles_place, count >= ROLES_MANY) {
        let message = format!("there are {count} roles");
        find(findings, Lint::RoleExplosion, place, message);
    }
}

/// The words of the ids of people that the policy and its facts know.
fn people(looked: &Looked<'_>) -> BTreeSet<String> {
    let subjects = looked.facts.subjects().map(|it| it.id().to_owned());
    let flags = looked.written.flags.iter().flat_map(|it| &it.users);
    let users = flags.filter_map(|it| Some(it.text.split_once(':')?.1.to_owned()));
    let words = subjects.chain(users).flat_map(|id| words(&id));
    let is_name = |word: &String| word.len() > 2 && !OFFICES.contains(&word.as_str());
    words.filter(is_name).collect()
}

fn personal(role: &RoleEntry, people: &BTreeSet<String>, findings: &mut Vec<Finding>) {
    let name = &role.name.text;
    let words = words(name);
    let person = words
        .iter()
        .find(|it| people.contains(*it) || is_first_name(it));
    if let Some(person) = person {
        let message = format!("role `{name}` is named after a person, `{person}`");
        find(findings, Lint::PersonalRole, &role.name.place, message);
    }
}

/// Words that mean: what is one's own, whatever the type.
const OWN: [&str; 3] = ["own", "self", "mine"];
/// Words that mean it where the type knows to whom its objects belong.
const OWNERS: [&str; 4] = ["author", "creator", "owner", "owners"];

fn owner(role: &RoleEntry, looked: &Looked<'_>, findings: &mut Vec<Finding>) {
    let name = &role.name.text;
    let words = words(name);
    let has = |known: &[&str]| words.iter().any(|it| known.contains(&it.as_str()));
    let mut granted = role.can.iter().map(|it| it.type_name.text.as_str());
    let owned = granted.find(|it| has(&OWN) || (has(&OWNERS) && belongs(it, looked)));
    if let Some(type_name) = owned {
        let message =
            format!("role `{name}` stands for what is one's own, and opens every {type_name}");
        find(findings, Lint::OwnerRole, &role.name.place, message);
    }
}

/// Whether an attribute refers to an object, such as whoever owns it.
fn belongs(type_name: &str, looked: &Looked<'_>) -> bool {
    let policy = looked.policy;
    let mut attributes = policy.attribute_names(type_name);
    attributes.any(|it| {
        let found = policy.attribute_type(type_name, it);
        found.is_some_and(|found| policy.has_type(found))
    })
}

fn unused(role: &RoleEntry, roles: &Roles<'_>, looked: &Looked<'_>, findings: &mut Vec<Finding>) {
    let name = role.name.text.as_str();
    if name == ANYONE || name == SIGNED_IN {
        return;
    }
    let place = &role.name.place;
    let mut flags = looked.written.flags.iter().flat_map(|it| &it.roles);
    let is_asked_for = flags.any(|it| it.text == name);
    if roles.permissions(name).is_empty() && !is_asked_for {
        let message = format!("role `{name}` grants nothing");
        return find(findings, Lint::UnusedRole, place, message);
    }
    let knows_roles = !looked.facts.assigned_roles().is_empty();
    if knows_roles && !roles.had.contains(name) {
        let message = format!("nobody of the facts has role `{name}`");
        find(findings, Lint::UnusedRole, place, message);
    }
}

fn diamond(role: &RoleEntry, roles: &Roles<'_>, findings: &mut Vec<Finding>) {
    let name = &role.name.text;
    if role.includes.len() < 2 {
        return;
    }
    let arms: Vec<(&str, BTreeSet<&str>)> = role
        .includes
        .iter()
        .map(|it| (it.text.as_str(), roles.held(vec![&it.text])))
        .collect();
    let pairs = arms.iter().enumerate();
    let mut pairs = pairs.flat_map(|(at, a)| arms.iter().skip(at + 1).map(move |b| (a, b)));
    let shared = pairs.find_map(|(a, b)| Some((a.0, b.0, *a.1.intersection(&b.1).next()?)));
    let Some((a, b, shared)) = shared else {
        return;
    };
    let message = match shared {
        it if it == a => format!("role `{name}` includes `{a}` itself and through `{b}`"),
        it if it == b => format!("role `{name}` includes `{b}` itself and through `{a}`"),
        it => format!("role `{name}` includes `{it}` through `{a}` and through `{b}`"),
    };
    find(findings, Lint::RoleDiamond, &role.name.place, message);
}

/// Roles of one name but for a word, that grant the same but for that word.
fn contexts(roles: &Roles<'_>, findings: &mut Vec<Finding>) {
    type Form = (Vec<String>, BTreeSet<Permission>);
    let mut forms: BTreeMap<Form, Vec<&RoleEntry>> = BTreeMap::new();
    for role in &roles.entries {
        let permissions = roles.permissions(&role.name.text);
        let words = words(&role.name.text);
        if words.len() < 2 || permissions.is_empty() {
            continue;
        }
        for at in 0..words.len() {
            let mut rest = words.clone();
            let Some(word) = rest.get_mut(at).map(std::mem::take) else {
                continue;
            };
            let without = |(type_name, action): &Permission| {
                let same = names_type(&word, type_name);
                let type_name = if same { "" } else { type_name };
                (type_name.to_owned(), action.clone())
            };
            let form = (rest, permissions.iter().map(without).collect());
            forms.entry(form).or_default().push(role);
        }
    }
    let mut told = BTreeSet::new();
    for roles in forms.values().filter(|roles| roles.len() > 1) {
        let names: Vec<&str> = roles.iter().map(|it| it.name.text.as_str()).collect();
        if let (Some(role), true) = (roles.first(), told.insert(names.clone())) {
            let message = format!(
                "roles `{}` grant the same, each in its context",
                names.join("`, `")
            );
            find(findings, Lint::ContextRole, &role.name.place, message);
        }
    }
}

/// Whether a word is the name of a type, in the singular or in the plural.
fn names_type(word: &str, type_name: &str) -> bool {
    let type_name = type_name.to_lowercase();
    let plural = |one: &str, more: &str| more.strip_suffix('s') == Some(one);
    word == type_name || plural(word, &type_name) || plural(&type_name, word)
}

/// `*` in what roles, permits and scopes grant.
fn wildcards(roles: &Roles<'_>, looked: &Looked<'_>, findings: &mut Vec<Finding>) {
    let mut every = |grants: &[Grant], who: &str| {
        for grant in grants {
            let Some(all) = grant.actions.iter().find(|it| it.text == "*") else {
                continue;
            };
            let type_name = &grant.type_name.text;
            let message = format!("{who} every action of {type_name}, those to come included");
            find(findings, Lint::WildcardGrant, &all.place, message);
        }
    };
    for role in &roles.entries {
        every(&role.can, &format!("role `{}` grants", role.name.text));
    }
    for rule in &looked.written.rules {
        if rule.effect == Effect::Permit {
            every(&rule.targets, &format!("rule `{}` permits", rule.name.text));
        }
    }
    for (name, grants) in &looked.written.scopes {
        every(grants, &format!("scope `{}` covers", name.text));
    }
}

/// Permits without a condition.
fn to_everybody(looked: &Looked<'_>, findings: &mut Vec<Finding>) {
    let rules = looked.written.rules.iter();
    for rule in rules.filter(|it| it.effect == Effect::Permit && it.when.is_none()) {
        let name = &rule.name;
        let message = format!("rule `{}` permits to everybody, visitors too", name.text);
        find(findings, Lint::WildcardGrant, &name.place, message);
    }
}
