//! The cells of which nothing can be said, by reason.

use std::collections::BTreeMap;

use suite::event::CellRecord;
use suite::verdict::Verdict;

use super::paint::{Ink, Paint};
use super::text::{clean, clean_short, count, grouped, hang, pad, width};

/// The most cells of one reason that are named.
const NAMES_MAX: usize = 10;

/// The most reasons that are told apart: each answer of a broken target may read otherwise.
const REASONS_MAX: usize = 40;

/// The reason under which cells stand that came after [`REASONS_MAX`] others.
const OTHER_REASONS: &str = "other reasons";

/// The inconclusive cells so far.
#[derive(Debug, Default)]
pub(super) struct Inconclusive {
    by_reason: BTreeMap<String, Group>,
}

/// The cells of one reason.
#[derive(Debug, Default)]
struct Group {
    count: usize,
    /// The first names in their own order, with what was observed.
    first: BTreeMap<String, String>,
}

impl Inconclusive {
    /// Takes one more.
    pub(super) fn add(&mut self, record: &CellRecord) {
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
    pub(super) fn render(&self, columns: usize, paint: Paint) -> String {
        let mut groups: Vec<_> = self.by_reason.iter().collect();
        groups.sort_by_key(|(reason, group)| (std::cmp::Reverse(group.count), *reason));
        groups
            .into_iter()
            .map(|(reason, group)| group.render(reason, columns, paint) + "\n")
            .collect()
    }
}

impl Group {
    fn render(&self, reason: &str, columns: usize, paint: Paint) -> String {
        let label = Verdict::Inconclusive.word().to_uppercase();
        let head = format!("{}: {reason}", count(self.count, "cell", "cells"));
        let mut text = hang(
            &format!("{}  ", paint.ink(Ink::Unsure, &label)),
            width(&label) + 2,
            &head,
            columns,
        );
        let names = self.first.keys().map(|name| width(name)).max().unwrap_or(0);
        for (name, observed) in &self.first {
            let name = format!("  {}  ", pad(name, names));
            let at = width(&name);
            text += &hang(&name, at, observed, columns);
        }
        let unnamed = self.count - self.first.len();
        if unnamed > 0 {
            text += &format!("  and {} more\n", grouped(unnamed));
        }
        text
    }
}
