//! Where a run and its reports meet.

use std::io;

use suite::event::Event;

/// Something that a run is told to.
pub trait Reporter {
    /// Takes the next event. Events come in order: one start, the cells and notes, one end.
    ///
    /// # Errors
    /// The writer behind the report fails, or an event stands outside of a run.
    fn event(&mut self, event: &Event) -> io::Result<()>;
}

/// Several reports: each gets every event in order, also when one before it fails.
impl<R: Reporter + ?Sized> Reporter for Vec<Box<R>> {
    /// # Errors
    /// The first failure, after all reports have been told.
    fn event(&mut self, event: &Event) -> io::Result<()> {
        let mut result = Ok(());
        for reporter in self {
            result = result.and(reporter.event(event));
        }
        result
    }
}
