//! Who may ask in the small world: which types of subjects there are, and of each as many as flags
//! tell apart.

use std::collections::{BTreeMap, BTreeSet};

use authz::condition::Variable;
use authz::{AttributeKind, Policy, SubjectFacts};

use super::request;
use crate::pools::{Reads, SOMEONE};

/// How many ids are tried to find one on each side of a flag's share of users.
const ROLLOUT_TRIES: usize = 2_000;

/// The type of subjects where nothing says otherwise.
const USER: &str = "user";

/// Those who may ask.
#[derive(Debug, Default)]
pub(super) struct Subjects {
    /// The ids for each type; [`SOMEONE`] is the first.
    pub(super) ids: BTreeMap<String, Vec<String>>,
    /// Why they may not be enough.
    pub(super) bounds: Vec<String>,
}

impl Subjects {
    /// Those who may ask for an action, where `known` are types of which facts know subjects.
    pub(super) fn of(
        policies: [&Policy; 2],
        (type_name, action): (&str, &str),
        reads: &Reads,
        known: &BTreeSet<String>,
    ) -> Self {
        let flags = Flags { policies, reads };
        let types = Types::of(flags, known);
        let mut subjects = Self::default();
        for name in types.all(type_name, action) {
            let (ids, is_cut) = flags.told_apart(&name);
            subjects.ids.insert(name, ids);
            if is_cut {
                let bound = "not every share of users whom flags name was met";
                subjects.bounds.push(bound.to_owned());
            }
        }
        subjects
    }

    /// Their types.
    pub(super) fn types(&self) -> impl Iterator<Item = &str> {
        self.ids.keys().map(String::as_str)
    }

    /// Whether somebody of this type may ask.
    pub(super) fn has_type(&self, type_name: &str) -> bool {
        self.ids.contains_key(type_name)
    }

    /// The ids of a type; [`SOMEONE`] is the first.
    pub(super) fn of_type(&self, type_name: &str) -> &[String] {
        self.ids.get(type_name).map_or(&[], Vec::as_slice)
    }
}

/// The flags that are asked for.
#[derive(Debug, Clone, Copy)]
struct Flags<'a> {
    policies: [&'a Policy; 2],
    reads: &'a Reads,
}

impl Flags<'_> {
    /// The users whom any of them names.
    fn users(&self) -> impl Iterator<Item = String> {
        let of = |policy: &Policy| {
            let flags = self.reads.flags.iter();
            let named = flags.filter_map(|it| policy.flag_names_whom(it));
            let users = named.flat_map(|(users, _, _)| users);
            users.map(ToString::to_string).collect::<Vec<_>>()
        };
        self.policies.map(of).into_iter().flatten()
    }

    fn types(&self) -> BTreeSet<String> {
        let users = self.users();
        let types = users.filter_map(|it| Some(it.split_once(':')?.0.to_owned()));
        types.collect()
    }

    /// One subject for every combination of flags that are on for it as this user, and whether there
    /// may be more.
    fn told_apart(&self, type_name: &str) -> (Vec<String>, bool) {
        if self.reads.flags.is_empty() {
            return (vec![SOMEONE.to_owned()], false);
        }
        let prefix = format!("{type_name}:");
        let of_type = |user: String| Some(user.strip_prefix(&prefix)?.to_owned());
        let mut candidates = vec![SOMEONE.to_owned()];
        candidates.extend(self.users().filter_map(of_type));
        let shares = self.shares();
        if shares.iter().any(|shares| !shares.is_empty()) {
            candidates.extend((1..ROLLOUT_TRIES).map(|it| it.to_string()));
        }
        let mut seen = BTreeSet::new();
        candidates.retain(|id| seen.insert(self.on_for(&format!("{prefix}{id}"))));
        // Every flag parts the users by its shares; all parts should have been met.
        let parts = shares.iter().map(|shares| shares.len() + 1);
        let parts = parts.fold(1_usize, usize::saturating_mul);
        let is_cut = candidates.len() < parts;
        (candidates, is_cut)
    }

    /// For each flag, its shares of users in both policies, but for none and all.
    fn shares(&self) -> Vec<BTreeSet<u8>> {
        let of = |flag: &String| {
            let of = |policy: &Policy| policy.flag_names_whom(flag).map(|it| it.2);
            let shares = self.policies.into_iter().filter_map(of);
            shares.filter(|share| (1..100).contains(share)).collect()
        };
        self.reads.flags.iter().map(of).collect()
    }

    /// Whether each flag is on for a user in each policy.
    fn on_for(&self, user: &str) -> Vec<Option<bool>> {
        let facts = SubjectFacts {
            reference: Some(user.to_owned()),
            signed_in: true,
            ..SubjectFacts::default()
        };
        let of = |policy: &Policy| {
            let subject = request::subject(policy, facts.clone());
            let flags = self.reads.flags.iter();
            let on = flags.map(move |it| policy.flag_is_on(it, subject.as_ref()?));
            on.collect::<Vec<_>>()
        };
        self.policies.into_iter().flat_map(of).collect()
    }
}

struct Types<'a> {
    flags: Flags<'a>,
    /// Those that are named somewhere where subjects are.
    named: BTreeSet<String>,
}

impl<'a> Types<'a> {
    fn of(flags: Flags<'a>, known: &BTreeSet<String>) -> Self {
        let of_flags = flags.types().into_iter();
        let referred_to = flags.policies.into_iter().flat_map(references);
        let named = of_flags.chain(referred_to).chain(known.iter().cloned());
        let named = named.chain([USER.to_owned()]).collect();
        Self { flags, named }
    }

    /// The types of those who may ask: those with what is read of a subject, those that a resource's
    /// attribute may name, those that flags name, those that relations know; else `user`.
    fn all(&self, type_name: &str, action: &str) -> BTreeSet<String> {
        let reads = self.flags.reads;
        let mut found = self.flags.types();
        let asks_who = reads.has(&Variable::Subject);
        for variable in reads.variables() {
            match variable {
                Variable::OfSubject(name) => found.extend(self.with_attribute(name)),
                Variable::OfResource(name) if asks_who => {
                    found.extend(self.referred_to_by(type_name, name));
                }
                _ => {}
            }
        }
        for policy in self.flags.policies {
            found.extend(related(policy, type_name, action));
        }
        if found.is_empty() {
            found.insert(USER.to_owned());
        }
        let is_declared =
            |it: &String| self.flags.policies.iter().any(|policy| policy.has_type(it));
        found.retain(is_declared);
        found
    }

    /// The types that have an attribute, and the usual one, which may have it not. Those that are
    /// there to be acted on only if somebody of such a type is named anywhere, or there are no
    /// others.
    fn with_attribute(&self, name: &str) -> BTreeSet<String> {
        let of = |policy: &Policy| {
            let all = policy.type_names();
            let with = all.filter(|it| policy.attribute_kind(it, name).is_some());
            with.map(str::to_owned).collect::<Vec<_>>()
        };
        let all: BTreeSet<String> = self.flags.policies.map(of).into_iter().flatten().collect();
        let asks = |it: &String| self.named.contains(it) || !self.is_acted_on(it);
        let mut likely: BTreeSet<String> = all.iter().filter(|it| asks(it)).cloned().collect();
        if likely.is_empty() {
            likely = all;
        }
        likely.insert(USER.to_owned());
        likely
    }

    fn is_acted_on(&self, type_name: &str) -> bool {
        let policies = self.flags.policies.iter();
        let mut actions = policies.flat_map(|it| it.action_names(type_name));
        actions.next().is_some()
    }

    fn referred_to_by(&self, type_name: &str, attribute: &str) -> Vec<String> {
        let of = |policy: &Policy| match policy.attribute_kind(type_name, attribute) {
            Some(AttributeKind::Reference(to)) => Some(to),
            _ => None,
        };
        self.flags.policies.into_iter().filter_map(of).collect()
    }
}

/// The types to which attributes of any type refer.
fn references(policy: &Policy) -> Vec<String> {
    let of = |type_name| {
        let names = policy.attribute_names(type_name);
        let kinds = names.filter_map(move |it| policy.attribute_kind(type_name, it));
        kinds.filter_map(|kind| match kind {
            AttributeKind::Reference(to) => Some(to),
            _ => None,
        })
    };
    policy.type_names().flat_map(of).collect()
}

/// The types in which the ways of a relation end.
fn related(policy: &Policy, type_name: &str, action: &str) -> Vec<String> {
    let Some((model, relation)) = policy
        .relation_model()
        .zip(policy.related(type_name, action))
    else {
        return Vec::new();
    };
    let writable = model.writable_for(type_name, relation).into_iter();
    let plain = writable.filter(|it| it.subject_relation.is_none());
    let users = plain.map(|it| it.subject_type);
    let ends = users.filter(|it| model.relation_names(it).next().is_none());
    ends.filter(|it| policy.has_type(it)).collect()
}
