//! Reports that can only be written when the run is over.

use std::fmt;
use std::io::{self, Write};

use suite::event::{CellRecord, Counts, Drift, Event, RunStarted, Summary};

use crate::Reporter;
use crate::layers::{DISAGREEMENTS_MAX, Parted};
use crate::surface::{SURFACE_MAX, Untried};
use crate::text::clean_short;

/// The most notes that are kept.
const NOTES_MAX: usize = 100;

/// The most drifts that are kept.
pub(crate) const DRIFTS_MAX: usize = 1_000;

/// What a report keeps of a run, and how it is written.
pub(crate) trait Document {
    /// Takes the next cell of a run.
    fn judged(&mut self, record: &CellRecord, run: &RunStarted);

    /// Writes everything.
    fn write(&mut self, ran: &Ran, out: &mut dyn Write) -> io::Result<()>;
}

/// What is known of a run beside its cells.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) run: RunStarted,
    /// The verdicts that were told.
    pub(crate) counts: Counts,
    /// The first notes, clean.
    pub(crate) notes: Vec<String>,
    /// The first operations that are not tried as they should be.
    pub(crate) surface: Vec<Untried>,
    /// The first drifts: what was added before what is gone.
    pub(crate) drifts: Vec<Drift>,
    /// The first disagreements of layers, the gravest first.
    pub(crate) parted: Vec<Parted>,
    /// How it ended; none where its end was never told.
    pub(crate) summary: Option<Summary>,
}

impl Ran {
    /// Whether every cell was judged. What was not tried has not held.
    pub(crate) fn is_whole(&self) -> bool {
        let ended = self.summary.as_ref();
        ended.is_some_and(|summary| !summary.interrupted) && self.counts.total() == self.run.cells
    }

    /// How many grants are not in the baseline.
    pub(crate) fn grants_added(&self) -> usize {
        self.summary.as_ref().map_or(0, Summary::grants_added)
    }

    /// In how many rules layers disagree.
    pub(crate) fn disagreements(&self) -> usize {
        self.summary.as_ref().map_or(0, Summary::disagreements)
    }
}

/// A report that writes its document at the end of the run, or, where that is never told, when it
/// is dropped.
pub(crate) struct AtEnd<W: Write, D: Document> {
    out: W,
    document: D,
    state: State,
}

enum State {
    Before,
    Running(Box<Ran>),
    Over,
}

impl<W: Write, D: Document> AtEnd<W, D> {
    pub(crate) fn new(out: W, document: D) -> Self {
        Self {
            out,
            document,
            state: State::Before,
        }
    }

    pub(crate) fn document_mut(&mut self) -> &mut D {
        &mut self.document
    }

    fn finish(&mut self, ran: &Ran) -> io::Result<()> {
        self.document.write(ran, &mut self.out)?;
        self.out.flush()
    }
}

impl<W: Write, D: Document> Reporter for AtEnd<W, D> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        match (&mut self.state, event) {
            (State::Before, Event::RunStarted(run)) => {
                self.state = State::Running(Box::new(Ran {
                    run: run.clone(),
                    counts: Counts::default(),
                    notes: Vec::new(),
                    surface: Vec::new(),
                    drifts: Vec::new(),
                    parted: Vec::new(),
                    summary: None,
                }));
            }
            (State::Running(ran), Event::CellJudged(record)) => {
                ran.counts.add(record.verdict);
                self.document.judged(record, &ran.run);
            }
            (State::Running(ran), Event::Note(note)) => {
                if ran.notes.len() < NOTES_MAX {
                    ran.notes.push(clean_short(&note.text));
                }
            }
            (State::Running(ran), Event::Surface(record)) => {
                if ran.surface.len() < SURFACE_MAX {
                    ran.surface.push(Untried::of(record));
                }
            }
            (State::Running(ran), Event::Drift(drift)) => {
                if ran.drifts.len() < DRIFTS_MAX {
                    ran.drifts.push(drift.clone());
                }
            }
            (State::Running(ran), Event::Disagreement(it)) => {
                if ran.parted.len() < DISAGREEMENTS_MAX {
                    ran.parted.push(Parted::of(it));
                }
            }
            (State::Running(_), Event::RunFinished(summary)) => {
                if let State::Running(mut ran) = std::mem::replace(&mut self.state, State::Over) {
                    ran.summary = Some(summary.clone());
                    return self.finish(&ran);
                }
            }
            _ => {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidInput,
                    "an event stands outside of a run",
                ));
            }
        }
        Ok(())
    }
}

impl<W: Write, D: Document> Drop for AtEnd<W, D> {
    fn drop(&mut self) {
        if let State::Running(ran) = std::mem::replace(&mut self.state, State::Over) {
            // Nobody is left to be told that even this fails.
            let _ = self.finish(&ran);
        }
    }
}

impl<W: Write, D: Document> fmt::Debug for AtEnd<W, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Before => "before",
            State::Running(_) => "running",
            State::Over => "over",
        };
        f.debug_tuple("AtEnd").field(&state).finish()
    }
}
