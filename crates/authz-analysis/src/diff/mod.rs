//! What a change of a policy changes in effect: who may now do what, and may no longer, however the
//! policies are written.
//!
//! Each action whose surroundings differ is asked about every request of a small world: every class
//! of roles, one's own tenant and another, and for everything that conditions read as many values as
//! tell their questions apart. Both policies answer by the one evaluator, so no line is wrong. Where
//! values cannot be enumerated, or there are too many, that is told: then nothing is ever called
//! equal. The idea of change impact is that of Fisler, Krishnamurthi, Meyerovich and Tschantz,
//! "Verification and Change-Impact Analysis of Access-Control Policies", ICSE 2005.

mod axes;
mod cases;
mod diagram;
mod given;
mod line;
mod markdown;
mod relations;
mod request;
mod roles;
mod search;
mod show;
mod subjects;

use authz::{Facts, Likeness, Policy};
use jiff::Timestamp;
use serde::Serialize;

pub use line::{Change, Line, Reach, Who};
pub use markdown::markdown;
pub use request::{Answer, Example, Told};
pub use show::text;

/// One of the two policies, with what is known beside it.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The policy.
    pub policy: &'a Policy,
    /// Its facts; [`Facts::none`] if there are none.
    pub facts: &'a Facts,
}

/// How far the search goes.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The most requests that are tried for one action.
    pub requests_max: usize,
    /// The most requests of which every one is tried; where there are more, one is tried for each
    /// case of what the conditions can come to, if that can be found out.
    pub enumerated_max: usize,
    /// The most requests over the given facts that are tried in all.
    pub given_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            requests_max: 200_000,
            enumerated_max: 4_000,
            given_max: 400_000,
        }
    }
}

/// The effective difference of two policies.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Diff {
    /// What differs: first what is allowed now and was not, then what is no longer allowed, then
    /// what is denied in another way.
    pub lines: Vec<Line>,
    /// Why not everything was searched; empty if everything was.
    pub bounds: Vec<String>,
    /// How many requests were decided by both.
    pub requests: u64,
}

impl Diff {
    /// Whether it is proven that the policies decide alike.
    pub fn is_equal(&self) -> bool {
        self.lines.is_empty() && self.bounds.is_empty()
    }

    /// The lines of one kind.
    pub fn of(&self, change: Change) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(move |line| line.change == change)
    }

    fn bound(&mut self, why: String) {
        if !self.bounds.contains(&why) {
            self.bounds.push(why);
        }
    }
}

/// The effective difference of `new` against `old` at the instant `now`, which is also the day on
/// which times of day are tried.
pub fn diff(old: Side<'_>, new: Side<'_>, now: Timestamp, limits: Limits) -> Diff {
    let mut found = Diff::default();
    let mut given = given::Given::new(old, new, now, limits);
    let likeness = Likeness::of(old.policy, new.policy);
    for (type_name, action) in actions(old.policy, new.policy) {
        let asked = search::Asked {
            old,
            new,
            likeness: &likeness,
            type_name: &type_name,
            action: &action,
            now,
        };
        let is_alike = asked.is_alike();
        if is_alike && given.has_equal_facts() {
            continue;
        }
        let classes = asked.classes();
        let mut lines = match is_alike {
            true => Vec::new(),
            false => search::lines(&asked, &classes, limits, &mut found),
        };
        given.add(&asked, &classes, &mut lines, &mut found);
        found.lines.append(&mut lines);
    }
    found.lines = line::joined(std::mem::take(&mut found.lines));
    found
}

/// The actions of the new policy, then those that only the old one has, each in the order of its
/// file.
fn actions(old: &Policy, new: &Policy) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    for policy in [new, old] {
        for type_name in policy.type_names() {
            for action in policy.action_names(type_name) {
                let named = (type_name.to_owned(), action.to_owned());
                let is_known = new.action_kind(type_name, action).is_some();
                if std::ptr::eq(policy, new) || !is_known {
                    all.push(named);
                }
            }
        }
    }
    all
}
