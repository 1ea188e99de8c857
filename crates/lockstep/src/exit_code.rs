//! What the exit code of `lockstep` says.

use suite::event::Summary;

/// The exit codes of `lockstep`. A stable interface: scripts and CI rely on them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Everything held.
    Held = 0,
    /// At least one finding, or a grant that is not in the baseline, whatever else happened.
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
        if summary.fails() {
            Self::Finding
        } else if summary.interrupted {
            Self::Interrupted
        } else if counts.total() != cells_planned {
            Self::Fault
        } else if counts.inconclusive > 0
            || summary.surface.is_some_and(|surface| surface.unfilled > 0)
            || (counts.held == 0 && counts.not_applicable > 0)
        {
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

#[cfg(test)]
mod tests {
    use suite::event::{Counts, Summary};

    use super::ExitCode;

    #[test]
    fn what_is_not_applicable_is_counted_apart_and_never_green_alone() {
        let code = |held, not_applicable| {
            let counts = Counts {
                held,
                not_applicable,
                ..Counts::default()
            };
            let summary = Summary {
                counts,
                ..Summary::default()
            };
            ExitCode::of_run(&summary, held + not_applicable)
        };
        assert_eq!(code(3, 2), ExitCode::Held);
        assert_eq!(code(0, 2), ExitCode::Inconclusive);
    }
}
