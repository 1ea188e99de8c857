//! What a system did with a cell, whatever was expected of it.

use serde::{Deserialize, Serialize};

use super::judge::happened;
use super::{EffectSeen, Observation, Received, Verdict, succeeded};
use crate::model::Expected;

/// What the system did with a cell, as far as it is established.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Access {
    /// It let the actor do it.
    Allowed,
    /// It refused, or did nothing.
    Denied,
    /// That is not established, or it is neither: refused in words, and done.
    #[default]
    Unknown,
}

/// What the system did with a cell that was judged so.
///
/// A refusal is as established as the verdict is. Where nothing is expected there is no control
/// beside which a refusal would count: there it stands for what was answered, and no more.
pub fn access(expected: Expected, seen: &Observation, verdict: Verdict) -> Access {
    match verdict {
        Verdict::Held if expected == Expected::Allow => Access::Allowed,
        // It says yes to what it should have refused, and nothing was seen to happen.
        Verdict::WrongDenial if seen.received == Received::Success => Access::Unknown,
        Verdict::Held | Verdict::WrongDenial => Access::Denied,
        Verdict::Escalation => Access::Allowed,
        Verdict::Leak if expected == Expected::Allow => Access::Allowed,
        Verdict::Leak | Verdict::Lockout => refused(seen),
        Verdict::Inconclusive if expected == Expected::Observe => observed(seen),
        Verdict::SideEffect | Verdict::Inconclusive | Verdict::NotApplicable => Access::Unknown,
    }
}

fn refused(seen: &Observation) -> Access {
    match (seen.received, seen.effect) {
        (Received::Denied(_), _) | (Received::Success, EffectSeen::Unchanged) => Access::Denied,
        _ => Access::Unknown,
    }
}

fn observed(seen: &Observation) -> Access {
    match seen.received {
        Received::Success if happened(seen.effect) || succeeded(seen) => Access::Allowed,
        Received::Denied(_) if seen.effect == EffectSeen::Unknown || happened(seen.effect) => {
            Access::Unknown
        }
        Received::Denied(_) => Access::Denied,
        _ => Access::Unknown,
    }
}
