//! What a terminal shows while the run goes on; nothing of it remains.
//!
//! What is shown is a function of the [`Matrix`]; this module only draws it, on standard error.

mod matrix;
#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use console::Term;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use suite::event::{CellRecord, RunStarted};

use super::paint::Paint;
use crate::text::clean;
use matrix::Matrix;

/// The shortest time between two pictures.
const FRAME: Duration = Duration::from_millis(50);

/// The picture on the terminal.
#[derive(Debug)]
pub(super) struct Live {
    bar: ProgressBar,
    matrix: Matrix,
    columns: usize,
    rows: usize,
    paint: Paint,
    drawn: Option<Instant>,
}

impl Live {
    /// The picture of a run that begins.
    pub(super) fn new(run: &RunStarted, columns: usize, paint: Paint) -> Self {
        let terminal = Term::stderr();
        let rows = usize::from(terminal.size().0);
        let bar = ProgressBar::with_draw_target(
            Some(run.cells as u64),
            ProgressDrawTarget::term(terminal, 20),
        );
        // The template is a constant; were it refused, the default would do.
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            bar.set_style(style);
        }
        let actors = run.actors.iter().map(|actor| clean(actor)).collect();
        let live = Self {
            bar,
            matrix: Matrix::new(run.cells, actors),
            columns,
            rows,
            paint,
            drawn: None,
        };
        live.draw();
        live
    }

    /// Fills a place in.
    pub(super) fn judged(&mut self, record: &CellRecord) {
        self.matrix.judged(record);
        if self.drawn.is_none_or(|drawn| drawn.elapsed() >= FRAME) {
            self.drawn = Some(Instant::now());
            self.draw();
        }
    }

    /// Takes the picture away while something is written, so that they do not mix.
    pub(super) fn suspend<T>(&self, write: impl FnOnce() -> T) -> T {
        self.bar.suspend(write)
    }

    /// Takes the picture away.
    pub(super) fn finish(self) {
        self.bar.finish_and_clear();
    }

    fn draw(&self) {
        let frame = self.matrix.frame(self.columns, self.rows, self.paint);
        self.bar.set_message(frame);
    }
}
