//! The log of a run: one event a line, as JSON.
//!
//! It is what a later command reads a run back from, with [`events`]. Whoever calls opens the file.

use std::io::{self, BufRead, Read as _, Write};

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

/// The longest line that is read back, in bytes.
pub const LINE_BYTES_MAX: u64 = 64 << 20;

/// The events of a log, in order, read one by one. It ends behind the first that cannot be read.
///
/// # Errors
/// A line that is no event, is cut off or is longer than [`LINE_BYTES_MAX`]: which, counted from 1.
pub fn events(log: impl BufRead) -> impl Iterator<Item = io::Result<Event>> {
    let mut lines = (1_usize..).zip(Lines(log));
    let mut is_over = false;
    std::iter::from_fn(move || {
        if is_over {
            return None;
        }
        let (number, line) = lines.next()?;
        let event = line.and_then(|line| Ok(serde_json::from_slice(&line)?));
        is_over = event.is_err();
        Some(event.map_err(|error| {
            let kind = error.kind();
            io::Error::new(kind, format!("line {number} is no event: {error}"))
        }))
    })
}

/// The lines of a log, within bounds.
struct Lines<R>(R);

impl<R: BufRead> Iterator for Lines<R> {
    type Item = io::Result<Vec<u8>>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut line = Vec::new();
        let mut bounded = (&mut self.0).take(LINE_BYTES_MAX);
        match bounded.read_until(b'\n', &mut line) {
            Err(error) => Some(Err(error)),
            Ok(0) => None,
            Ok(_) if line.ends_with(b"\n") => Some(Ok(line)),
            // A run that was killed while it wrote, or a line without end.
            Ok(_) => Some(Err(io::ErrorKind::UnexpectedEof.into())),
        }
    }
}
