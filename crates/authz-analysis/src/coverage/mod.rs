//! How much of a policy its tests exercise: which roles, grants, rules, operands of conditions,
//! relations and branches of relations no test touched, and where they stand. What a part is, and
//! when it is exercised, `authz::parts` says.

mod json;
mod marked;
mod show;

use std::collections::{BTreeMap, BTreeSet};

use authz::parts::{Part, PartKind, Parts};
use authz::source::Source;

pub use json::as_json;
pub use marked::marked;
pub use show::render;

/// What tests exercised so far, policy by policy.
#[derive(Debug, Default)]
pub struct Coverage {
    policies: Vec<Covered>,
}

/// What tests exercised of one policy.
#[derive(Debug)]
struct Covered {
    sources: Vec<Source>,
    parts: Parts,
    exercised: BTreeSet<usize>,
}

/// A number of parts, and how many of them were exercised.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many there are.
    pub parts: usize,
    /// How many of them some test exercised.
    pub exercised: usize,
}

impl Coverage {
    /// Every part of every policy, each with whether it was exercised.
    pub fn parts(&self) -> impl Iterator<Item = (&Part, bool)> {
        self.policies.iter().flat_map(|covered| {
            let parts = covered.parts.all().iter().enumerate();
            parts.map(|(number, part)| (part, covered.exercised.contains(&number)))
        })
    }

    /// All parts together.
    pub fn total(&self) -> Tally {
        Tally::of(self.parts().map(|(_, exercised)| exercised))
    }

    /// The parts of each kind that there is.
    pub fn by_kind(&self) -> BTreeMap<PartKind, Tally> {
        let mut kinds: BTreeMap<PartKind, Tally> = BTreeMap::new();
        for (part, exercised) in self.parts() {
            kinds.entry(part.kind).or_default().add(exercised);
        }
        kinds
    }

    /// The policy that was read from these files: what other tests exercised of it is kept.
    pub(crate) fn policy(&mut self, sources: &[Source], parts: impl FnOnce() -> Parts) -> usize {
        let is_same = |covered: &Covered| {
            let (a, b) = (covered.sources.iter(), sources.iter());
            let key = |it: &Source| (it.name().to_owned(), it.text().to_owned());
            a.map(key).eq(b.map(key))
        };
        let known = self.policies.iter().position(is_same);
        known.unwrap_or_else(|| {
            self.policies.push(Covered {
                sources: sources.to_vec(),
                parts: parts(),
                exercised: BTreeSet::new(),
            });
            self.policies.len() - 1
        })
    }

    /// Adds what `exercised` says that a test exercises of a policy.
    pub(crate) fn add(&mut self, policy: usize, exercised: impl FnOnce(&Parts) -> BTreeSet<usize>) {
        if let Some(covered) = self.policies.get_mut(policy) {
            covered.exercised.extend(exercised(&covered.parts));
        }
    }
}

impl Tally {
    fn of(parts: impl Iterator<Item = bool>) -> Self {
        let mut tally = Self::default();
        parts.for_each(|exercised| tally.add(exercised));
        tally
    }

    fn add(&mut self, exercised: bool) {
        self.parts += 1;
        self.exercised += usize::from(exercised);
    }

    /// The share in percent, rounded down: 100 is all of them. None where there are no parts.
    pub fn percent(&self) -> Option<usize> {
        (self.exercised * 100).checked_div(self.parts)
    }

    /// Whether the share is at least so many percent. Of nothing, nothing was exercised.
    pub fn reaches(&self, percent: u8) -> bool {
        percent == 0 || self.percent().is_some_and(|it| it >= usize::from(percent))
    }
}

/// The name of a kind, as JSON has it.
fn kind_name(kind: PartKind) -> &'static str {
    match kind {
        PartKind::Role => "role",
        PartKind::Grant => "grant",
        PartKind::Rule => "rule",
        PartKind::Condition => "condition",
        PartKind::Relation => "relation",
        PartKind::Branch => "branch",
    }
}
