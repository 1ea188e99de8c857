//! What the exit code of `lockstep` says.

use suite::event::Summary;

/// The exit codes of `lockstep`. A stable interface: scripts and CI rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Everything held.
    Held = 0,
    /// At least one finding, whatever else happened.
    Finding = 1,
    /// A mistake in the files or on the command line; nothing was sent.
    Mistake = 2,
    /// No finding, but some cell is inconclusive, or none is applicable.
    Inconclusive = 3,
    /// Lockstep's own fault.
    Fault = 70,
    /// Interrupted; what the run's cells shared was taken away again.
    Interrupted = 130,
}

impl ExitCode {
    /// The exit code of a run of so many planned cells.
    pub fn of_run(summary: &Summary, cells_planned: usize) -> Self {
        let counts = &summary.counts;
        if counts.findings() > 0 {
            Self::Finding
        } else if summary.interrupted {
            Self::Interrupted
        } else if counts.total() != cells_planned {
            Self::Fault
        } else if counts.inconclusive > 0 || (counts.held == 0 && counts.not_applicable > 0) {
            Self::Inconclusive
        } else {
            Self::Held
        }
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}
