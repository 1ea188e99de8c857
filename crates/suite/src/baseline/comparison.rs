//! A run beside the baseline, while it goes on.

use std::collections::BTreeSet;

use super::{Baseline, can_be_granted};
use crate::event::{CellRecord, Change, Drift, Event, Summary};
use crate::verdict::{Access, Verdict};

/// Compares a run with the baseline. It keeps what differs, and which of the grants were tried.
#[derive(Debug)]
pub struct Comparison {
    baseline: Baseline,
    /// Whether the whole suite is tried: only then a cell that is not there has vanished.
    is_of_all: bool,
    environment: Option<String>,
    tried: BTreeSet<String>,
    drifts: Vec<Drift>,
}

impl Comparison {
    /// A comparison with this baseline.
    pub fn new(baseline: Baseline) -> Self {
        Self {
            baseline,
            is_of_all: false,
            environment: None,
            tried: BTreeSet::new(),
            drifts: Vec::new(),
        }
    }

    /// Takes the next event of a run, and gives what is to be told for it: at the end of the run
    /// the drifts come first, and its summary counts them.
    pub fn follow(&mut self, event: Event) -> Vec<Event> {
        match event {
            Event::RunStarted(run) => {
                self.is_of_all = run.is_of_all();
                self.environment.clone_from(&run.environment);
                vec![Event::RunStarted(run)]
            }
            Event::CellJudged(record) => {
                self.judged(&record);
                vec![Event::CellJudged(record)]
            }
            Event::RunFinished(summary) => self.finish(summary),
            event => vec![event],
        }
    }

    fn judged(&mut self, record: &CellRecord) {
        let accepted = self.baseline.grants.get(&record.cell);
        if accepted.is_some() {
            self.tried.insert(record.cell.clone());
        }
        let drift = match (record.access, accepted) {
            (Access::Allowed, None) if can_be_granted(record) => added(record),
            (Access::Denied, Some(accepted)) => Drift {
                change: Change::Denied,
                cell: record.cell.clone(),
                reason: format!("denied now: {}", record.observed),
                place: accepted.place.clone(),
            },
            _ => return,
        };
        self.drifts.push(drift);
    }

    fn finish(&mut self, mut summary: Summary) -> Vec<Event> {
        let mut drifts = std::mem::take(&mut self.drifts);
        if self.is_of_all && !summary.interrupted {
            drifts.extend(self.vanished());
        }
        drifts.sort_by(|a, b| (a.change, &a.cell).cmp(&(b.change, &b.cell)));
        let counts = summary.drift.insert(Default::default());
        drifts.iter().for_each(|drift| counts.add(drift.change));
        let drifts = drifts.into_iter().map(Event::Drift);
        drifts.chain([Event::RunFinished(summary)]).collect()
    }

    fn vanished(&self) -> impl Iterator<Item = Drift> {
        let grants = self.baseline.grants.iter();
        let untried = grants.filter(|(cell, _)| !self.tried.contains(*cell));
        untried.map(|(cell, accepted)| Drift {
            change: Change::Vanished,
            cell: cell.clone(),
            reason: match &self.environment {
                None => "the suite has no such cell any more".to_owned(),
                Some(name) => format!("the suite has no such cell in the environment `{name}`"),
            },
            place: accepted.place.clone(),
        })
    }
}

/// A grant that nobody has accepted, with the line that allows it; where none does, with that of
/// its action.
fn added(record: &CellRecord) -> Drift {
    let expected = &record.expected;
    let allows = expected.place.as_ref().filter(|_| expected.is_allow());
    let reason = match record.verdict {
        Verdict::Held => expected.reason.clone(),
        Verdict::Inconclusive => "nothing is expected of it".to_owned(),
        verdict => format!("{}: {}", verdict.word(), record.observed),
    };
    Drift {
        change: Change::Added,
        cell: record.cell.clone(),
        reason,
        place: allows.unwrap_or(&record.place).clone(),
    }
}
