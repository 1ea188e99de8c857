//! Mutants of a policy: what somebody could have written by mistake instead, and whether tests would
//! notice. After Martin and Xie, "A Fault Model and Mutation Testing of Access Control Policies",
//! WWW 2007.
//!
//! A mutant is a change of the text, made where a part stands and read again, so that it is a policy
//! that could have been written. Whether it decides anything otherwise at all,
//! [`diff`](crate::diff) says.

mod changes;
mod judge;
mod models;
mod policies;
mod show;
mod suggestion;
mod text;

use std::collections::BTreeSet;

use authz::source::{Place, Source};
use authz::{Policy, read_policy};
use serde::Serialize;

pub use judge::{Judge, Judged, Oracles, TestFile, Verdict};
pub use show::{Score, render, score};

use changes::Change;

/// What is done to a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operator {
    /// A rule is gone.
    DropRule,
    /// A rule denies what it permitted, or the other way round.
    TurnEffect,
    /// A rule names one action more.
    WidenRule,
    /// A rule names one action less.
    NarrowRule,
    /// Two rules change places.
    SwapRules,
    /// A condition is gone.
    DropCondition,
    /// A condition asks something else.
    ChangeCondition,
    /// A role grants one action more.
    WidenGrant,
    /// A role grants one action less.
    NarrowGrant,
    /// A role includes one role less.
    DropInclude,
    /// A role counts for other tenants, or counts for them no more.
    TurnAcrossTenants,
    /// There is no gate between tenants.
    DropTenants,
    /// Resources of other tenants are concealed, or no more.
    TurnConceal,
    /// Rules are combined in another way.
    SwapAlgorithm,
    /// A scope covers one action more.
    WidenScope,
    /// A scope covers one action less.
    NarrowScope,
    /// A claim is not asked for.
    DropClaim,
    /// A flag is on for others.
    ChangeFlag,
    /// Shares may open one action less, or one more.
    ChangeShares,
    /// No relation carries an action.
    DropRelated,
    /// Another relation carries an action.
    ChangeRelated,
    /// An operand of a relation is gone.
    DropBranch,
    /// An exclusion of a relation is gone.
    DropExclusion,
    /// Operands of a relation are joined otherwise.
    ChangeBranch,
    /// A relation follows another arrow.
    ChangeArrow,
    /// One kind of subject less may stand in a relation.
    NarrowRelation,
}

/// A policy with one mistake in it.
#[derive(Debug, Clone)]
pub struct Mutant {
    /// What kind of mistake.
    pub operator: Operator,
    /// What was done, as a fragment for people.
    pub what: String,
    /// Where.
    pub place: Place,
    /// The lines that changed, as they were.
    pub before: Vec<String>,
    /// The same as they are.
    pub after: Vec<String>,
    /// All files of the policy, one of them changed.
    pub sources: Vec<Source>,
    /// The policy that they are.
    pub policy: Policy,
}

/// A change of the text of a policy, which may or may not make another policy.
#[derive(Debug)]
pub struct Candidate<'a> {
    sources: &'a [Source],
    /// Which of them is changed.
    at: usize,
    change: Change,
    text: String,
}

/// Every change of a policy's text that is worth a try, in the order of its files. O(parts of the
/// policy × its length).
pub fn candidates<'a>(policy: &Policy, sources: &'a [Source]) -> Vec<Candidate<'a>> {
    let mut seen: BTreeSet<(usize, String)> = BTreeSet::new();
    let mut found = Vec::new();
    for (at, source) in sources.iter().enumerate() {
        for change in changes::changes(source, policy) {
            let Some(text) = change.splice.apply(source.text()) else {
                continue;
            };
            if text != source.text() && seen.insert((at, text.clone())) {
                found.push(Candidate {
                    sources,
                    at,
                    change,
                    text,
                });
            }
        }
    }
    found
}

/// Every mutant of a policy; texts that are no policies are left out.
pub fn mutants(sources: &[Source]) -> Vec<Mutant> {
    let Ok(policy) = read_policy(sources) else {
        return Vec::new();
    };
    let candidates = candidates(&policy, sources);
    candidates.iter().filter_map(Candidate::mutant).collect()
}

impl Candidate<'_> {
    /// The policy that it makes, if it does.
    pub fn mutant(&self) -> Option<Mutant> {
        let original = self.sources.get(self.at)?;
        let mut sources = self.sources.to_vec();
        *sources.get_mut(self.at)? = Source::new(original.name(), &self.text);
        let policy = read_policy(&sources).ok()?;
        let (before, after) = changed_lines(original.text(), &self.text);
        Some(Mutant {
            operator: self.change.operator,
            what: self.change.what.clone(),
            place: self.change.place.clone(),
            before,
            after,
            sources,
            policy,
        })
    }
}

/// The lines in which two texts differ: all between those that they begin and end with alike.
fn changed_lines(old: &str, new: &str) -> (Vec<String>, Vec<String>) {
    let old: Vec<&str> = old.lines().collect();
    let new: Vec<&str> = new.lines().collect();
    let alike = |(a, b): &(&&str, &&str)| a == b;
    let head = old.iter().zip(&new).take_while(alike).count();
    let longest = old.len().min(new.len()).saturating_sub(head);
    let backwards = old.iter().rev().zip(new.iter().rev()).take(longest);
    let tail = backwards.take_while(alike).count();
    let part = |lines: &[&str]| {
        let inner = lines.get(head..lines.len().saturating_sub(tail));
        let inner = inner.unwrap_or_default().iter();
        inner.map(|it| (*it).to_owned()).collect::<Vec<_>>()
    };
    (part(&old), part(&new))
}
