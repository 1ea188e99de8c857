//! Conditions of cells: what has to hold for an action to be permitted, in the shortest form.

use std::fmt;

/// When something is permitted: where all of one term hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    /// The terms; any of them suffices.
    pub terms: Vec<Term>,
    /// Where it is not worked out: all that it follows from, in words.
    pub follows_from: Option<String>,
}

/// What has to hold, and what must not.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Term {
    /// What has to hold.
    pub holds: Vec<String>,
    /// What must not hold.
    pub fails: Vec<String>,
}

impl Condition {
    /// One that is not worked out.
    pub(super) fn unresolved(follows_from: String) -> Self {
        Self {
            terms: Vec::new(),
            follows_from: Some(follows_from),
        }
    }

    /// The shortest condition for a table of truth: `permits[n]` says whether it is permitted where
    /// exactly the names hold whose bits are set in `n`.
    ///
    /// Each name works in one direction, for it or against it, as permits and denials do. So what is
    /// shortest is unique: the least that has to be so, in every way. O(4^names).
    pub(super) fn of(names: &[String], permits: &[bool]) -> Self {
        let against = (0..names.len()).filter(|bit| turns_down(permits, *bit));
        let against = against.fold(0_usize, |mask, bit| mask | 1 << bit);
        // With the bits against it turned, a point is the set of what has to be so.
        let points = permits.iter().enumerate();
        let points = points.filter_map(|(point, permits)| permits.then_some(point ^ against));
        let points: Vec<usize> = points.collect();
        let is_least = |point: &usize| !points.iter().any(|it| it != point && it & point == *it);
        let mut least: Vec<usize> = points.iter().copied().filter(is_least).collect();
        least.sort_by_key(|point| point.reverse_bits());
        least.reverse();
        let named = |point: usize, is_against: bool| {
            let bits = (0..names.len()).filter(|bit| point >> bit & 1 == 1);
            let bits = bits.filter(|bit| (against >> bit & 1 == 1) == is_against);
            bits.filter_map(|bit| names.get(bit).cloned()).collect()
        };
        let terms = least.into_iter().map(|point| Term {
            holds: named(point, false),
            fails: named(point, true),
        });
        Self {
            terms: terms.collect(),
            follows_from: None,
        }
    }
}

/// Whether something is permitted no more once this holds.
fn turns_down(permits: &[bool], bit: usize) -> bool {
    let mut points = permits.iter().enumerate();
    points.any(|(point, permitted)| {
        let with = permits.get(point | 1 << bit);
        *permitted && with == Some(&false)
    })
}

impl fmt::Display for Condition {
    /// `when a and (b or c) unless d`; what all terms have in common is told once.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parts) = &self.follows_from {
            return f.write_str(parts);
        }
        let common = |of: fn(&Term) -> &Vec<String>| -> Vec<&str> {
            let first = self.terms.first().map(of).into_iter().flatten();
            let common = first.filter(|name| self.terms.iter().all(|term| of(term).contains(name)));
            common.map(String::as_str).collect()
        };
        let (always, never) = (common(|term| &term.holds), common(|term| &term.fails));
        let rests = self.terms.iter().map(|term| rest(term, &always, &never));
        let rests: Vec<String> = rests.filter(|rest| !rest.is_empty()).collect();
        let mut parts: Vec<String> = always.iter().map(|it| (*it).to_owned()).collect();
        if !rests.is_empty() {
            let either = rests.join(" or ");
            let is_alone = parts.is_empty() || rests.len() == 1;
            parts.push(if is_alone {
                either
            } else {
                format!("({either})")
            });
        }
        let unless = match never.as_slice() {
            [] => String::new(),
            never => format!("unless {}", never.join(" or ")),
        };
        match (parts.as_slice(), unless.is_empty()) {
            ([], _) => f.write_str(&unless),
            (parts, true) => write!(f, "when {}", parts.join(" and ")),
            (parts, false) => write!(f, "when {} {unless}", parts.join(" and ")),
        }
    }
}

/// What a term says beyond what all say.
fn rest(term: &Term, always: &[&str], never: &[&str]) -> String {
    let holds = term
        .holds
        .iter()
        .filter(|name| !always.contains(&name.as_str()));
    let fails = term
        .fails
        .iter()
        .filter(|name| !never.contains(&name.as_str()));
    let words = holds
        .cloned()
        .chain(fails.map(|name| format!("not {name}")));
    words.collect::<Vec<_>>().join(" and ")
}
