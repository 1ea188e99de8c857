//! A run that is over, read back from its log or from its JSON report.

use std::io::{self, BufRead};

use suite::event::{
    CellRecord, Counts, Disagreement, Drift, Event, Note, RunStarted, Summary, SurfaceRecord,
};

use crate::{Reporter, json, record};

/// A run, read back.
#[derive(Debug, Clone)]
pub struct Recorded {
    /// Its head.
    pub run: RunStarted,
    /// Its cells, in the order in which they were judged.
    pub cells: Vec<CellRecord>,
    /// What was told beside.
    pub notes: Vec<Note>,
    /// Operations that were not tried as they should be.
    pub surface: Vec<SurfaceRecord>,
    /// How it differed from the baseline.
    pub drifts: Vec<Drift>,
    /// Where layers disagreed.
    pub disagreements: Vec<Disagreement>,
    /// Its end; none where that was never told.
    pub summary: Option<Summary>,
}

impl Recorded {
    /// A run from its log. A log that breaks off is that of a run that was killed: what it tells
    /// until then counts, and it has no end.
    ///
    /// # Errors
    /// The log cannot be read, or does not begin with the start of a run.
    pub fn of_log(log: impl BufRead) -> io::Result<Self> {
        let mut events = record::events(log);
        let Some(Event::RunStarted(run)) = events.next().transpose()? else {
            return Err(no_run("it does not begin with the start of a run"));
        };
        let mut recorded = Self {
            run,
            cells: Vec::new(),
            notes: Vec::new(),
            surface: Vec::new(),
            drifts: Vec::new(),
            disagreements: Vec::new(),
            summary: None,
        };
        for event in events {
            match event {
                Ok(Event::CellJudged(cell)) => recorded.cells.push(*cell),
                Ok(Event::Note(note)) => recorded.notes.push(note),
                Ok(Event::Surface(record)) => recorded.surface.push(record),
                Ok(Event::Drift(drift)) => recorded.drifts.push(drift),
                Ok(Event::Disagreement(it)) => recorded.disagreements.push(*it),
                Ok(Event::RunFinished(summary)) => {
                    recorded.summary = Some(summary);
                    break;
                }
                Ok(Event::RunStarted(_)) => return Err(no_run("a second run begins in it")),
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
                Err(error) => return Err(error),
            }
        }
        recorded.check()
    }

    /// A run from its JSON report.
    ///
    /// # Errors
    /// It is no report, or one of another version.
    pub fn of_report(report: &[u8]) -> io::Result<Self> {
        json::read(report)?.check()
    }

    /// A record whose end says otherwise than its cells is not what a run wrote.
    fn check(self) -> io::Result<Self> {
        let told = self.summary.as_ref().map(|summary| summary.counts);
        let disagreements = self.summary.as_ref().map(Summary::disagreements);
        if told.is_some_and(|told| told != self.counts()) {
            return Err(no_run("its summary does not count what its cells say"));
        }
        if disagreements.is_some_and(|number| number != self.disagreements.len()) {
            return Err(no_run(
                "its summary does not count the disagreements of its layers",
            ));
        }
        Ok(self)
    }

    /// How many cells have each verdict.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        self.cells.iter().for_each(|cell| counts.add(cell.verdict));
        counts
    }

    /// The end of the run; of one that was killed, what is known of it.
    pub fn end(&self) -> Summary {
        self.summary.clone().unwrap_or_else(|| Summary {
            counts: self.counts(),
            interrupted: true,
            ..Summary::default()
        })
    }

    /// Tells the run again.
    ///
    /// # Errors
    /// Those of the reporter.
    pub fn tell(&self, reporter: &mut dyn Reporter) -> io::Result<()> {
        reporter.event(&Event::RunStarted(self.run.clone()))?;
        for cell in &self.cells {
            reporter.event(&Event::CellJudged(Box::new(cell.clone())))?;
        }
        for note in &self.notes {
            reporter.event(&Event::Note(note.clone()))?;
        }
        for record in &self.surface {
            reporter.event(&Event::Surface(record.clone()))?;
        }
        for drift in &self.drifts {
            reporter.event(&Event::Drift(drift.clone()))?;
        }
        for disagreement in &self.disagreements {
            reporter.event(&Event::Disagreement(Box::new(disagreement.clone())))?;
        }
        reporter.event(&Event::RunFinished(self.end()))
    }
}

/// What was read is no record of a run.
pub(crate) fn no_run(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
