//! A run as SARIF 2.1.0 (OASIS), for code scanning: a result for each cell that did not hold,
//! for each grant in which the run differs from the baseline, and for layers that disagree.
//!
//! Results point into the user's own files, at the action, and from there at the line of the
//! policy. They stand in the order of their cells' names, whichever answer came first.

mod form;
mod rules;

use std::collections::BTreeMap;
use std::io::{self, Write};

use authz::source::Place;
use suite::event::{CellRecord, Change, Drift, Event, RunStarted};
use suite::verdict::Verdict;

use crate::Reporter;
use crate::at_end::{AtEnd, Document, Ran};
use crate::finding::{Expected, Finding};
use crate::layers::Parted;
use crate::surface::Untried;
use crate::text::{clean, clean_short, count};

pub use form::{LintFinding, LintRule, lints};

/// The most results. GitHub shows as many of a run, the gravest first, and drops the others.
const RESULTS_MAX: usize = 5_000;

/// Writes a run as SARIF, when the run is over.
///
/// Cells that held are not kept; of the others the first 5,000 by name, findings before
/// inconclusive ones. What is left out is counted in a notification.
#[derive(Debug)]
pub struct SarifReporter<W: Write>(AtEnd<W, Results>);

impl<W: Write> SarifReporter<W> {
    /// A report that goes to `out`.
    pub fn new(out: W) -> Self {
        Self(AtEnd::new(out, Results::default()))
    }
}

impl<W: Write> Reporter for SarifReporter<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.0.event(event)
    }
}

/// The cells that did not hold so far.
#[derive(Debug, Default)]
struct Results {
    /// Findings before inconclusive cells, then by name.
    by_rank: BTreeMap<(bool, String), Kept>,
    left_out: usize,
}

/// What is written of a cell. Every text in it is clean, but for the files of places.
#[derive(Debug)]
struct Kept {
    verdict: Verdict,
    message: String,
    actor: String,
    owner: Option<String>,
    expected: String,
    observed: String,
    action: Spot,
    /// Where it is written what is expected.
    policy: Option<Spot>,
}

/// A place in a file of the user.
#[derive(Debug)]
struct Spot {
    file: String,
    line: usize,
    /// In characters, from 1.
    column: usize,
}

/// What is written of a grant in which the run differs from the baseline. Every text in it is
/// clean, but for the file of the place.
#[derive(Debug)]
struct Drifted {
    change: Change,
    cell: String,
    message: String,
    place: Spot,
}

impl Document for Results {
    fn judged(&mut self, record: &CellRecord, run: &RunStarted) {
        if matches!(record.verdict, Verdict::Held | Verdict::NotApplicable) {
            return;
        }
        let rank = (record.verdict == Verdict::Inconclusive, clean(&record.cell));
        self.by_rank
            .insert(rank, Kept::of(record, run.environment.as_deref()));
        if self.by_rank.len() > RESULTS_MAX {
            self.by_rank.pop_last();
            self.left_out += 1;
        }
    }

    fn write(&mut self, ran: &Ran, out: &mut dyn Write) -> io::Result<()> {
        let mut results: Vec<(&str, &Kept)> = self
            .by_rank
            .iter()
            .map(|((_, cell), kept)| (cell.as_str(), kept))
            .collect();
        results.sort_by_key(|(cell, _)| *cell);
        let drifts: Vec<Drifted> = ran.drifts.iter().map(Drifted::of).collect();
        let told = self.told(ran);
        let untried: Vec<Untold> = ran.surface.iter().map(Untold::of).collect();
        let apart: Vec<Apart<'_>> = ran.parted.iter().map(Apart::of).collect();
        let log = form::log(&results, (&drifts, &untried, &apart), &told, ran);
        serde_json::to_writer_pretty(&mut *out, &log)?;
        out.write_all(b"\n")
    }
}

impl Results {
    /// What a reader should know of the run: notes, and what is not in the results.
    fn told(&self, ran: &Ran) -> Vec<String> {
        let mut told = ran.notes.clone();
        if !ran.is_whole() {
            let planned = count(ran.run.cells, "cell", "cells");
            let judged = ran.counts.total();
            told.push(format!(
                "interrupted: {judged} of {planned} were judged, and what was not tried has not held"
            ));
        }
        if self.left_out > 0 {
            let more = count(self.left_out, "more cell", "more cells");
            told.push(format!(
                "{more} did not hold and are left out here; the JSON report has them all"
            ));
        }
        told
    }
}

impl Kept {
    fn of(record: &CellRecord, environment: Option<&str>) -> Self {
        let finding = Finding::of(record, environment);
        let expected = expected(&finding.expected);
        let policy = record.expected.place.as_ref();
        Self {
            verdict: record.verdict,
            message: message(&finding, &expected),
            actor: clean(&record.actor),
            owner: record.owner.as_deref().map(clean),
            expected,
            observed: finding.observed,
            action: Spot::of(&record.place),
            policy: policy.map(Spot::of),
        }
    }
}

impl Spot {
    fn of(place: &Place) -> Self {
        Self {
            file: place.file.to_string(),
            line: place.line,
            column: place.column,
        }
    }
}

/// What is written of an operation that is not tried as it should be. Every text in it is clean,
/// but for the file of the place.
#[derive(Debug)]
struct Untold {
    is_finding: bool,
    name: String,
    message: String,
    place: Spot,
}

impl Untold {
    fn of(untried: &Untried) -> Self {
        let message = format!("{}. Because: {}.", untried.sentence, untried.reason);
        Self {
            is_finding: untried.gap.is_finding(),
            name: untried.name.clone(),
            message: unlinked(&message),
            place: Spot::of(&untried.spot),
        }
    }
}

/// What is written of layers that disagree. Every text in it is clean, but for the files of places.
#[derive(Debug)]
struct Apart<'a> {
    parted: &'a Parted,
    message: String,
    expected: String,
    observed: String,
    place: Spot,
    other: Option<Spot>,
    policy: Option<Spot>,
}

impl<'a> Apart<'a> {
    fn of(parted: &'a Parted) -> Self {
        let expected = expected(&parted.expected);
        let observed = parted.observed();
        let (sentence, meaning) = (&parted.sentence, &parted.meaning);
        let message = format!("{sentence}. Expected {expected}, {observed}. Means {meaning}.");
        Self {
            parted,
            message: unlinked(&message),
            expected,
            observed,
            place: Spot::of(&parted.spot),
            other: parted.other.as_ref().map(Spot::of),
            policy: parted.policy.as_ref().map(Spot::of),
        }
    }
}

impl Drifted {
    fn of(drift: &Drift) -> Self {
        let cell = clean(&drift.cell);
        let what = match drift.change {
            Change::Added => "is granted, and is not in the baseline",
            Change::Denied | Change::Vanished => "is in the baseline, and is not granted",
        };
        let reason = clean_short(&drift.reason);
        let message = format!("{cell} {what}. Because: {reason}.");
        Self {
            change: drift.change,
            cell,
            message: unlinked(&message),
            place: Spot::of(&drift.place),
        }
    }
}

fn expected(expected: &Expected) -> String {
    format!("{} ({})", expected.what, expected.reason)
}

/// The sentence first: lists show only the first sentence (SARIF 3.11.3).
fn message(finding: &Finding, expected: &str) -> String {
    let mut text = format!(
        "{}. Expected {expected}, observed {}.",
        finding.sentence, finding.observed
    );
    if let Some(because) = &finding.because {
        text += &format!(" Because: {because}.");
    }
    if let Some(control) = &finding.control {
        text += &format!(" Control: {control}.");
    }
    if let Some(repeat) = finding.repeat.first() {
        text += &format!(" Repeat: {repeat}");
    }
    unlinked(&text)
}

/// `[text](target)` in a message is a link (SARIF 3.11.6), and the text is not ours.
fn unlinked(text: &str) -> String {
    text.replace("](", "] (")
}
