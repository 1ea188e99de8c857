//! A run as one JSON document, written while the run goes on.
//!
//! The form is that of [`REPORT_SCHEMA`]. Memory does not grow with the cells: only the notes,
//! the names of the findings, the drifts and where layers disagree are kept until the end.

mod drift;
mod members;
mod plan;
mod read;

pub use drift::{DRIFT_SCHEMA, drift_json};
pub use plan::{PLAN_SCHEMA, plan_json};
pub(crate) use read::read;

use std::io::{self, Write};

use serde::Serialize;
use suite::event::{
    CellRecord, Counts, Disagreement, Drift, Event, FORMAT_VERSION, RunStarted, Summary,
    SurfaceRecord,
};

use crate::Reporter;
use members::Members;

/// The JSON Schema (draft 2020-12) of the report.
pub const REPORT_SCHEMA: &str = include_str!("../../schema/report.schema.json");

/// Writes a value as one JSON document that says what it is: `format`, `version` 1, and the value
/// under `name`.
///
/// # Errors
/// Those of `out`.
pub fn document(
    format: &str,
    name: &str,
    value: &(impl Serialize + ?Sized),
    out: impl Write,
) -> io::Result<()> {
    let mut members = Members::new(out);
    members.open()?;
    members.member("format", format)?;
    members.member("version", &1)?;
    members.member(name, value)?;
    members.close()
}

/// Writes a run as one JSON document.
///
/// The document is whole even when the run is not: an interrupted run says so in its summary, and
/// a reporter that is dropped before the end closes the document with what it has counted. It
/// makes many small writes: give it a writer that buffers.
#[derive(Debug)]
pub struct JsonReporter<W: Write> {
    members: Members<W>,
    state: State,
    counts: Counts,
    notes: Vec<String>,
    findings: Vec<String>,
    surface: Vec<SurfaceRecord>,
    drifts: Vec<Drift>,
    disagreements: Vec<Disagreement>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Before,
    Running,
    Over,
}

/// A target, by name.
#[derive(Serialize)]
struct Target<'a> {
    name: &'a str,
    address: &'a str,
}

/// The summary of a run whose end was never told: no number but those counted here.
#[derive(Serialize)]
struct Aborted {
    counts: Counts,
    interrupted: bool,
}

impl<W: Write> JsonReporter<W> {
    /// A report that goes to `out`.
    pub fn new(out: W) -> Self {
        Self {
            members: Members::new(out),
            state: State::Before,
            counts: Counts::default(),
            notes: Vec::new(),
            findings: Vec::new(),
            surface: Vec::new(),
            drifts: Vec::new(),
            disagreements: Vec::new(),
        }
    }

    fn start(&mut self, run: &RunStarted) -> io::Result<()> {
        self.state = State::Running;
        let targets: Vec<Target<'_>> = run
            .targets
            .iter()
            .map(|(name, address)| Target { name, address })
            .collect();
        self.members.open()?;
        self.members.member("format", "lockstep-report")?;
        self.members.member("version", &FORMAT_VERSION)?;
        self.members.member("run", &run.run)?;
        self.members.member("suite", &run.suite)?;
        self.members.member("digest", &run.digest)?;
        if let Some(environment) = &run.environment {
            self.members.member("environment", environment)?;
        }
        self.members.member("read_only", &run.read_only)?;
        self.members.member("started", &run.started)?;
        self.members.member("planned", &run.cells)?;
        if !run.patterns.is_empty() {
            self.members.member("patterns", &run.patterns)?;
        }
        if let Some(shard) = &run.shard {
            self.members.member("shard", shard)?;
        }
        if let Some(cells) = &run.cells_of_all {
            self.members.member("cells_of_all", cells)?;
        }
        self.members.member("targets", &targets)?;
        self.members.member("actors", &run.actors)?;
        self.members.open_list("cells")
    }

    fn cell(&mut self, record: &CellRecord) -> io::Result<()> {
        self.counts.add(record.verdict);
        if record.verdict.is_finding() {
            self.findings.push(record.cell.clone());
        }
        self.members.item(record)
    }

    fn end(&mut self, summary: &Summary) -> io::Result<()> {
        let has_baseline = summary.drift.is_some();
        self.finish(summary, has_baseline)
    }

    fn finish(&mut self, summary: &impl Serialize, has_baseline: bool) -> io::Result<()> {
        self.state = State::Over;
        self.members.close_list()?;
        self.members.member("notes", &self.notes)?;
        self.members.member("findings", &self.findings)?;
        if !self.surface.is_empty() {
            self.members.member("surface", &self.surface)?;
        }
        if has_baseline {
            self.members.member("drift", &self.drifts)?;
        }
        if !self.disagreements.is_empty() {
            self.members.member("disagreements", &self.disagreements)?;
        }
        self.members.member("summary", summary)?;
        self.members.close()
    }
}

impl<W: Write> Reporter for JsonReporter<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match (self.state, event) {
            (State::Before, Event::RunStarted(run)) => self.start(run),
            (State::Running, Event::CellJudged(record)) => self.cell(record),
            (State::Running, Event::Note(note)) => {
                self.notes.push(note.text.clone());
                Ok(())
            }
            (State::Running, Event::Surface(record)) => {
                self.surface.push(record.clone());
                Ok(())
            }
            (State::Running, Event::Drift(drift)) => {
                self.drifts.push(drift.clone());
                Ok(())
            }
            (State::Running, Event::Disagreement(it)) => {
                self.disagreements.push(it.as_ref().clone());
                Ok(())
            }
            (State::Running, Event::RunFinished(summary)) => self.end(summary),
            _ => Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "an event stands outside of a run",
            )),
        }
    }
}

impl<W: Write> Drop for JsonReporter<W> {
    fn drop(&mut self) {
        if self.state == State::Running {
            // Nobody is left to be told that even this fails.
            let aborted = Aborted {
                counts: self.counts,
                interrupted: true,
            };
            let _ = self.finish(&aborted, false);
        }
    }
}
