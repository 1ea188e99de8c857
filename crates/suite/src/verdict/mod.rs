//! What an observation means: one pure function, whose whole truth table is a golden file.

mod access;
mod judge;
mod rows;
#[cfg(test)]
mod tests;

pub use access::{Access, access};
pub use judge::{
    Control, EffectSeen, Judgement, Observation, Opening, Received, Shown, Trace, judge,
    judge_opening, succeeded,
};
pub use rows::{Lack, RowSeen, RowsJudgement, RowsSeen, judge_rows, row_access};

use serde::{Deserialize, Serialize};

/// Whether a cell held, and if not, how it broke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// The system did what is expected.
    Held,
    /// Allowed, and should not be.
    Escalation,
    /// Denied, and should not be.
    Lockout,
    /// Denied, but the answer tells what it must not.
    Leak,
    /// Denied, but it happened.
    SideEffect,
    /// Denied in the wrong way.
    WrongDenial,
    /// Nothing can be said. Never green.
    Inconclusive,
    /// There is no such thing here: a forged JWT where tokens are none. Counted apart.
    NotApplicable,
}

impl Verdict {
    /// Every verdict.
    pub const ALL: [Self; 8] = [
        Self::Held,
        Self::Escalation,
        Self::Lockout,
        Self::Leak,
        Self::SideEffect,
        Self::WrongDenial,
        Self::Inconclusive,
        Self::NotApplicable,
    ];

    /// The word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Held => "held",
            Self::Escalation => "escalation",
            Self::Lockout => "lockout",
            Self::Leak => "leak",
            Self::SideEffect => "side effect",
            Self::WrongDenial => "wrong denial",
            Self::Inconclusive => "inconclusive",
            Self::NotApplicable => "not applicable",
        }
    }

    /// Whether this is a finding: something is wrong with the system or with its policy.
    pub fn is_finding(self) -> bool {
        !matches!(self, Self::Held | Self::Inconclusive | Self::NotApplicable)
    }
}
