//! The cells of which nothing can be said, by reason. Bounded, whatever a broken target answers.

use std::collections::BTreeMap;

use suite::event::CellRecord;

use crate::text::{clean, clean_short};

/// The most cells of one reason that are named.
const NAMES_MAX: usize = 10;

/// The most reasons that are told apart: each answer of a broken target may read otherwise.
const REASONS_MAX: usize = 40;

/// The reason under which cells stand that came after [`REASONS_MAX`] others.
const OTHER_REASONS: &str = "other reasons";

/// The inconclusive cells so far.
#[derive(Debug, Default)]
pub(crate) struct Inconclusive {
    by_reason: BTreeMap<String, Group>,
}

/// The cells of one reason.
#[derive(Debug, Default)]
pub(crate) struct Group {
    pub(crate) count: usize,
    /// The first names in their own order, with what was observed where the reason does not say it.
    pub(crate) first: BTreeMap<String, String>,
}

impl Inconclusive {
    /// Takes one more.
    pub(crate) fn add(&mut self, record: &CellRecord) {
        let observed = clean_short(&record.observed);
        let reason = match &record.because {
            Some(because) => clean_short(because),
            None => observed.clone(),
        };
        let is_known = self.by_reason.contains_key(&reason);
        let reason = if is_known || self.by_reason.len() < REASONS_MAX {
            reason
        } else {
            OTHER_REASONS.to_owned()
        };
        let shown = if reason == observed {
            String::new()
        } else {
            observed
        };
        let group = self.by_reason.entry(reason).or_default();
        group.count += 1;
        group.first.insert(clean(&record.cell), shown);
        if group.first.len() > NAMES_MAX {
            group.first.pop_last();
        }
    }

    /// Each reason with its cells, the most frequent first.
    pub(crate) fn groups(&self) -> Vec<(&str, &Group)> {
        let mut groups: Vec<_> = self.by_reason.iter().collect();
        groups.sort_by_key(|(reason, group)| (std::cmp::Reverse(group.count), *reason));
        groups
            .into_iter()
            .map(|(reason, group)| (reason.as_str(), group))
            .collect()
    }
}

impl Group {
    /// The cells that are counted only.
    pub(crate) fn unnamed(&self) -> usize {
        self.count - self.first.len()
    }
}
