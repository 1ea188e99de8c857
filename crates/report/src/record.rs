//! The log of a run: one event a line, as JSON.
//!
//! It is what a later command reads a run back from. Whoever calls opens the file.

use std::io::{self, Write};

use suite::event::Event;

use crate::Reporter;

/// Writes every event as one line of JSON.
///
/// Each line goes out in one write, so that a run that is killed leaves whole lines behind
/// wherever the writer does not buffer. The end of the run flushes.
#[derive(Debug)]
pub struct EventLog<W> {
    out: W,
    line: Vec<u8>,
}

impl<W: Write> EventLog<W> {
    /// A log that goes to `out`.
    pub fn new(out: W) -> Self {
        Self {
            out,
            line: Vec::new(),
        }
    }
}

impl<W: Write> Reporter for EventLog<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.line.clear();
        serde_json::to_writer(&mut self.line, event)?;
        self.line.push(b'\n');
        self.out.write_all(&self.line)?;
        if let Event::RunFinished(_) = event {
            self.out.flush()?;
        }
        Ok(())
    }
}
