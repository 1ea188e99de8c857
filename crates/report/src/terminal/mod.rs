//! What people read: the live matrix, the findings, the summary, a plan, the exchanges of a cell.
//!
//! Nothing here asks what the terminal can do: [`Style`] says it. Only the live matrix looks at
//! the terminal's height, each time a run begins.

mod block;
mod drift;
mod exchange;
mod finding;
mod inconclusive;
mod layers;
mod live;
mod paint;
mod plan;
mod runs;
mod summary;
mod surface;
#[cfg(test)]
mod tests;
mod text;

pub use exchange::exchanges;
pub use plan::plan_matrix;
pub use runs::{RunLine, changes_text, disagreement_text, runs_table};
pub use surface::surface;

use std::io::{self, Write};

use suite::event::{CellRecord, Drift, Event, RunStarted, Summary};
use suite::verdict::Verdict;

use crate::Reporter;
use crate::at_end::DRIFTS_MAX;
use crate::finding::Finding;
use crate::inconclusive::Inconclusive;
use crate::layers::{DISAGREEMENTS_MAX, Parted};
use crate::surface::{SURFACE_MAX, Untried};
use crate::text::{clean, clean_short, count, grouped};
use block::{Block, Columns};
use live::Live;
use paint::{Ink, Paint};
use text::{hang, pad, width};

/// The most findings that are shown one by one. Nobody reads more, and memory stays bounded.
const FINDINGS_MAX: usize = 1_000;

/// The narrowest width for which lines are broken.
const COLUMNS_MIN: usize = 40;

/// How texts look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Style {
    /// Whether colour is wanted.
    pub colour: bool,
    /// Whether a live matrix is wanted, drawn on standard error.
    pub progress: bool,
    /// The columns of the terminal; less than 40 are taken for 40.
    pub width: usize,
    /// Whether every cell is told, not only those that did not hold.
    pub verbose: bool,
}

impl Style {
    fn paint(self) -> Paint {
        Paint {
            colour: self.colour,
        }
    }

    fn columns(self) -> usize {
        self.width.max(COLUMNS_MIN)
    }
}

/// Tells a run to people.
///
/// Notes come at once (and every cell, with [`Style::verbose`]); the findings come at the end, the
/// gravest first, each with the disagreement of layers that it belongs to, then what is inconclusive, then what differs from the baseline,
/// then the summary.
#[derive(Debug)]
pub struct TerminalReporter<W> {
    out: W,
    style: Style,
    live: Option<Live>,
    planned: usize,
    environment: Option<String>,
    findings: Vec<Finding>,
    findings_untold: usize,
    inconclusive: Inconclusive,
    surface: Vec<Untried>,
    drifts: Vec<Drift>,
    drifts_untold: usize,
    parted: Vec<Parted>,
    parted_untold: usize,
}

impl<W: Write> TerminalReporter<W> {
    /// A report that goes to `out`.
    pub fn new(out: W, style: Style) -> Self {
        Self {
            out,
            style,
            live: None,
            planned: 0,
            environment: None,
            findings: Vec::new(),
            findings_untold: 0,
            inconclusive: Inconclusive::default(),
            surface: Vec::new(),
            drifts: Vec::new(),
            drifts_untold: 0,
            parted: Vec::new(),
            parted_untold: 0,
        }
    }

    fn start(&mut self, run: &RunStarted) -> io::Result<()> {
        self.planned = run.cells;
        self.environment.clone_from(&run.environment);
        self.say(&head(run, self.style))?;
        if self.style.progress {
            let paint = self.style.paint();
            self.live = Some(Live::new(run, self.style.columns(), paint));
        }
        Ok(())
    }

    fn judged(&mut self, record: &CellRecord) -> io::Result<()> {
        if record.verdict.is_finding() && self.findings.len() < FINDINGS_MAX {
            self.findings
                .push(Finding::of(record, self.environment.as_deref()));
        } else if record.verdict.is_finding() {
            self.findings_untold += 1;
        } else if record.verdict == Verdict::Inconclusive {
            self.inconclusive.add(record);
        }
        if let Some(live) = &mut self.live {
            live.judged(record);
        }
        if self.style.verbose {
            self.say(&one_line(record, self.style.paint()))?;
        }
        Ok(())
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        if let Some(live) = self.live.take() {
            live.finish();
        }
        let paint = self.style.paint();
        let columns = self.style.columns();
        self.findings.sort_by(|a, b| a.rank().cmp(&b.rank()));
        let mut text = String::from("\n");
        text += &findings_text(&self.findings, &self.parted, columns, paint);
        if self.findings_untold > 0 {
            let more = count(self.findings_untold, "more finding", "more findings");
            text += &format!("and {more}; the JSON report has them all\n\n");
        }
        if self.parted_untold > 0 {
            let more = count(
                self.parted_untold,
                "more disagreement between layers",
                "more disagreements between layers",
            );
            text += &format!("and {more}; the JSON report has them all\n\n");
        }
        text += &inconclusive::render(&self.inconclusive, columns, paint);
        text += &surface::render(&self.surface, columns, paint);
        text += &drift::render(&self.drifts, self.drifts_untold, columns, paint);
        text += &summary::summary(summary, self.planned, columns, paint);
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// Writes text above the live matrix.
    fn say(&mut self, text: &str) -> io::Result<()> {
        let out = &mut self.out;
        let mut write = || {
            out.write_all(text.as_bytes())?;
            out.flush()
        };
        match &self.live {
            Some(live) => live.suspend(&mut write),
            None => write(),
        }
    }
}

impl<W: Write> Reporter for TerminalReporter<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match event {
            Event::RunStarted(run) => self.start(run),
            Event::CellJudged(record) => self.judged(record),
            Event::Note(note) => {
                let text = clean_short(&note.text);
                self.say(&hang("note: ", 6, &text, self.style.columns()))
            }
            Event::Surface(record) => {
                if self.surface.len() < SURFACE_MAX {
                    self.surface.push(Untried::of(record));
                }
                Ok(())
            }
            Event::Drift(drift) => {
                if self.drifts.len() < DRIFTS_MAX {
                    self.drifts.push(drift.clone());
                } else {
                    self.drifts_untold += 1;
                }
                Ok(())
            }
            Event::Disagreement(it) => {
                if self.parted.len() < DISAGREEMENTS_MAX {
                    self.parted.push(Parted::of(it));
                } else {
                    self.parted_untold += 1;
                }
                Ok(())
            }
            Event::RunFinished(summary) => self.finish(summary),
        }
    }
}

/// How the grants of a run differ from the baseline, as lines of a diff of it.
pub fn drift_lines(drifts: &[Drift], style: Style) -> String {
    drift::lines(drifts, style.columns(), style.paint())
}

/// `lockstep.yaml: 87 cells, 5 actors; environment staging; posts at http://127.0.0.1:8080`
fn head(run: &RunStarted, style: Style) -> String {
    let targets: Vec<String> = run
        .targets
        .iter()
        .map(|(name, address)| format!("{} at {}", clean(name), clean(address)))
        .collect();
    let suite = clean(&run.suite);
    let mut parts = vec![format!(
        "{}, {}",
        count(run.cells, "cell", "cells"),
        count(run.actors.len(), "actor", "actors")
    )];
    let environment = run.environment.as_deref();
    parts.extend(environment.map(|name| format!("environment {}", clean(name))));
    parts.extend(run.shard.map(|shard| format!("part {shard}")));
    parts.extend(run.read_only.then(|| "read-only".to_owned()));
    parts.push(targets.join(", "));
    let text = parts.join("; ");
    hang(
        &format!("{suite}: "),
        width(&suite) + 2,
        &text,
        style.columns(),
    )
}

/// The findings, and below each the disagreement of layers of which it is one side. One that has
/// several such cells stands below the first, and what no finding tells stands behind all.
fn findings_text(findings: &[Finding], parted: &[Parted], columns: usize, paint: Paint) -> String {
    let widths = findings.iter().map(finding::widths);
    let columns = Columns::fit(columns, widths.chain(parted.iter().map(layers::widths)));
    let mut text = String::new();
    let mut say = |write: &dyn Fn(&mut Block)| {
        let mut block = Block::new(columns, paint);
        write(&mut block);
        text += &block.into_text();
        text.push('\n');
    };
    let mut rest: Vec<&Parted> = parted.iter().collect();
    for found in findings {
        say(&|block| finding::write(found, block));
        let (here, others): (Vec<&Parted>, Vec<&Parted>) = rest
            .into_iter()
            .partition(|it| it.wrong.contains(&found.cell));
        rest = others;
        // They stand in the order of how they clash.
        for alike in here.chunk_by(|a, b| a.clash == b.clash) {
            say(&|block| layers::write(alike, block));
        }
    }
    for it in rest {
        say(&|block| layers::write(&[it], block));
    }
    text
}

/// A cell on one line, however it came out.
fn one_line(record: &CellRecord, paint: Paint) -> String {
    let word = record.verdict.word();
    let word = paint.ink(Ink::of(record.verdict), &pad(word, "inconclusive".len()));
    let milliseconds = grouped(usize::try_from(record.duration_ms).unwrap_or(usize::MAX));
    let cell = clean(&record.cell);
    let observed = clean_short(&record.observed);
    format!("{word}  {cell}  {observed}  {milliseconds} ms\n")
}
