//! What a recorded run says of grants, and whether it can be accepted.

use std::collections::{BTreeMap, BTreeSet};

use super::{Baseline, can_be_granted};
use crate::event::{CellRecord, Event, RunStarted, Summary};
use crate::verdict::{Access, Verdict};

/// The most cells that an objection names.
const NAMES_MAX: usize = 20;

/// What a run saw, to be made the baseline.
#[derive(Debug, Default)]
pub struct Acceptance {
    run: Option<RunStarted>,
    summary: Option<Summary>,
    cells: BTreeMap<String, Access>,
    judged: usize,
    findings: BTreeMap<String, Verdict>,
    inconclusive: BTreeSet<String>,
}

impl Acceptance {
    /// Takes the next event of the run.
    pub fn take(&mut self, event: &Event) {
        match event {
            Event::RunStarted(run) => self.run = Some(run.clone()),
            Event::CellJudged(record) => self.judged(record),
            Event::RunFinished(summary) => self.summary = Some(summary.clone()),
            Event::Note(_) | Event::Drift(_) | Event::Surface(_) | Event::Disagreement(_) => {}
        }
    }

    /// The head of the run, if its record has one.
    pub fn run(&self) -> Option<&RunStarted> {
        self.run.as_ref()
    }

    /// Why this run cannot be the baseline, as fragments. What differs from the baseline is no
    /// objection: that is what is accepted.
    pub fn objections(&self) -> Vec<String> {
        let findings = self.findings.iter();
        let findings = findings.map(|(cell, verdict)| format!("{}: {cell}", verdict.word()));
        let mut objections = self.gaps();
        objections.extend(shortened(findings));
        objections
    }

    /// Whether there are findings: the gravest objection.
    pub fn has_findings(&self) -> bool {
        !self.findings.is_empty()
    }

    /// What the run says nothing of, as fragments.
    pub fn gaps(&self) -> Vec<String> {
        let mut gaps = Vec::new();
        let planned = self.run.as_ref().map_or(0, |run| run.cells);
        if !self.is_whole() {
            let judged = self.judged;
            gaps.push(format!(
                "the run was interrupted: {judged} of {planned} cells were judged"
            ));
        }
        if let Some(run) = self.run.as_ref().filter(|run| !run.is_of_all()) {
            gaps.push(format!("the run was of a part only: {}", part(run)));
        }
        let inconclusive = self.inconclusive.iter();
        gaps.extend(shortened(
            inconclusive.map(|cell| format!("inconclusive: {cell}")),
        ));
        gaps
    }

    /// Whether some cells were tried of which it is not known what the system does, or not all
    /// were.
    pub fn is_unsure(&self) -> bool {
        !self.is_whole() || !self.inconclusive.is_empty()
    }

    /// The findings that become part of the baseline all the same.
    pub fn escalations(&self) -> impl Iterator<Item = &str> {
        let findings = self.findings.keys().map(String::as_str);
        findings.filter(|cell| self.cells.get(*cell) == Some(&Access::Allowed))
    }

    /// The baseline after this run. What the run could not establish stays as it was; what it did
    /// not try stays too if the run is taken for a part, and is left out if not.
    pub fn applied_to(&self, before: &Baseline, as_part: bool) -> Baseline {
        let mut after = before.clone();
        after.grants.retain(|cell, _| match self.cells.get(cell) {
            Some(access) => *access != Access::Denied,
            None => as_part,
        });
        let allowed = self.cells.iter();
        let allowed = allowed.filter(|(_, access)| **access == Access::Allowed);
        allowed.for_each(|(cell, _)| after.add(cell));
        after
    }

    fn judged(&mut self, record: &CellRecord) {
        self.judged += 1;
        if record.verdict.is_finding() {
            self.findings.insert(record.cell.clone(), record.verdict);
        }
        // Where nothing is expected, what was seen is all that there is to know.
        let is_known = record.expected.is_nothing() && record.access != Access::Unknown;
        if record.verdict == Verdict::Inconclusive && !is_known {
            self.inconclusive.insert(record.cell.clone());
        }
        if can_be_granted(record) {
            self.cells.insert(record.cell.clone(), record.access);
        }
    }

    /// Whether the run came to its end.
    fn is_whole(&self) -> bool {
        let planned = self.run.as_ref().map(|run| run.cells);
        let ended = self.summary.as_ref();
        ended.is_some_and(|summary| !summary.interrupted) && planned == Some(self.judged)
    }
}

/// Which part of the suite a run tried.
fn part(run: &RunStarted) -> String {
    let patterns = run.patterns.iter().map(|pattern| format!("`{pattern}`"));
    let shard = run.shard.iter().map(|shard| format!("shard {shard}"));
    let read_only = run.read_only.then(|| "`--read-only`".to_owned());
    patterns
        .chain(shard)
        .chain(read_only)
        .collect::<Vec<_>>()
        .join(", ")
}

/// The first of them, and how many more there are.
fn shortened(mut all: impl ExactSizeIterator<Item = String>) -> Vec<String> {
    let mut first: Vec<String> = all.by_ref().take(NAMES_MAX).collect();
    if all.len() > 0 {
        first.push(format!("and {} more", all.len()));
    }
    first
}
