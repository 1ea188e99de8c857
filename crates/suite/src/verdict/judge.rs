//! The judge.
//!
//! A status alone proves nothing. A denial is a form of no, with nothing of the resource in the
//! answer, without effect, beside a control that succeeded. Positive evidence of harm (the
//! resource's own text in a refusal, a change that can be seen) needs no control.

use authz::Denial;
use serde::Serialize;

use super::Verdict;
use crate::model::Expected;

/// What the target answered, as far as it matters here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Received {
    /// A status that the action declares for success.
    Success,
    /// One of the target's forms of no.
    Denied(Denial),
    /// Another 4xx: 400, 405, 409, 422, 429, ... Not a denial.
    OtherRefusal,
    /// To a malformed body: a 4xx that says so.
    BadInput,
    /// 5xx.
    ServerError,
    /// A redirect that is not declared as a form of no, or another status that means neither.
    Other,
    /// No whole answer: refused, cut off, too slow, too large; or the session was dead.
    Nothing,
}

/// What the answer shows of the resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shown {
    /// The resource's own unique text stands in the answer.
    pub canary: bool,
    /// The body is that of the action: every declared assertion on it holds.
    pub body: bool,
    /// Something that the action declares absent is there.
    pub secret: bool,
    /// For a concealed or absent cell: it answers as for something that does not exist. `None`: that could not be found out.
    pub like_absent: Option<bool>,
}

/// What the views showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EffectSeen {
    /// There was nothing to look for or to look at: the action only reads, or no view could show
    /// an effect.
    NotLooked,
    /// Everything is as before, although the action declares an effect.
    Unchanged,
    /// Everything is as before, and what the action declares was so before.
    Untouched,
    /// What the action declares has happened.
    Declared,
    /// Something has happened, and the action does not declare what it does.
    Undeclared,
    /// Something else has happened, that the action declares must not (`unchanged`).
    Forbidden,
    /// Something else has happened than the action declares.
    Otherwise,
    /// A view could not be read.
    Unknown,
}

/// The same call by someone who may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Control {
    /// It succeeded in this run.
    Succeeded,
    /// It did not.
    Failed,
    /// There is none.
    Missing,
}

/// What a denial left behind where it must: a record in an audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Trace {
    /// The action declares nothing of the kind.
    NotOwed,
    /// It is there.
    Left,
    /// It is not.
    Missing,
    /// A view could not be read.
    Unknown,
}

/// All that the judge looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Observation {
    /// What the target answered.
    pub received: Received,
    /// What the answer shows.
    pub shown: Shown,
    /// What happened.
    pub effect: EffectSeen,
    /// For an allowed cell: another allowed cell of the same action. For a denied one: the same
    /// call by someone who may. For an absent one: an allowed cell of the same target.
    pub control: Control,
    /// For a denied cell: what it left behind.
    pub trace: Trace,
}

/// A verdict with its reason in words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Judgement {
    /// The verdict.
    pub verdict: Verdict,
    /// Why, as a fragment.
    pub because: &'static str,
}

/// Judges a cell.
pub fn judge(expected: Expected, seen: &Observation) -> Judgement {
    let (verdict, because) = match expected {
        Expected::Allow => judge_allow(seen),
        Expected::Deny(denial) => with_trace(judge_deny(denial, seen), seen.trace),
        Expected::Absent => judge_absent(seen),
        Expected::Reject => judge_reject(seen),
        Expected::Observe => (Verdict::Inconclusive, "observed only: nothing is expected"),
    };
    Judgement { verdict, because }
}

/// Whether a call that is allowed succeeded, so that it can be the control of a denial: it says
/// yes, and did what it declares, whatever else it did.
pub fn succeeded(seen: &Observation) -> bool {
    use EffectSeen::{Otherwise, Unchanged, Unknown};
    seen.received == Received::Success
        && seen.shown.body
        && !matches!(seen.effect, Unchanged | Otherwise | Unknown)
}

fn judge_allow(seen: &Observation) -> (Verdict, &'static str) {
    use Verdict::{Inconclusive, Lockout};
    match seen.received {
        Received::Success => judge_success(seen),
        // A wrong path answers 404 to everyone, so that 404 counts only if somebody gets through.
        Received::Denied(Denial::Concealed) if seen.control != Control::Succeeded => (
            Inconclusive,
            "nobody who may gets through: the path may be wrong",
        ),
        Received::Denied(_) => (Lockout, "refused, and should not be"),
        other => (Inconclusive, neither(other)),
    }
}

fn judge_success(seen: &Observation) -> (Verdict, &'static str) {
    use Verdict::{Escalation, Held, Inconclusive, Leak, Lockout};
    match seen.effect {
        EffectSeen::Forbidden => (Escalation, "it changed what it must not change"),
        _ if seen.shown.secret => (Leak, "the answer holds what must be absent"),
        EffectSeen::Unknown => (Inconclusive, "a view could not be read"),
        _ if !seen.shown.body => (Lockout, "the answer is not that of the action"),
        EffectSeen::Unchanged => (Lockout, "it says yes, but nothing happened"),
        EffectSeen::Otherwise => (Lockout, "what happened is not what the action does"),
        EffectSeen::Declared
        | EffectSeen::Undeclared
        | EffectSeen::Untouched
        | EffectSeen::NotLooked => (Held, "allowed"),
    }
}

fn judge_deny(denial: Denial, seen: &Observation) -> (Verdict, &'static str) {
    match seen.received {
        Received::Denied(observed) => judge_denied(denial, observed, seen),
        Received::Success => judge_success_of_denied(seen),
        Received::BadInput => judge_bad_input(denial, seen),
        other => harm(seen).unwrap_or((Verdict::Inconclusive, neither(other))),
    }
}

/// A denial that is right in itself is so only with the record that it owes.
fn with_trace(judged: (Verdict, &'static str), trace: Trace) -> (Verdict, &'static str) {
    match (judged.0, trace) {
        (Verdict::Held, Trace::Missing) => (
            Verdict::WrongDenial,
            "denied, but without the record that it owes",
        ),
        (Verdict::Held, Trace::Unknown) => (Verdict::Inconclusive, "a view could not be read"),
        _ => judged,
    }
}

/// Harm that is plain whatever the answer was called.
fn harm(seen: &Observation) -> Option<(Verdict, &'static str)> {
    if happened(seen.effect) {
        Some((Verdict::SideEffect, "refused, but it happened"))
    } else if seen.shown.canary {
        Some((
            Verdict::Leak,
            "refused, but the answer holds the resource's own text",
        ))
    } else {
        None
    }
}

pub(super) fn happened(effect: EffectSeen) -> bool {
    use EffectSeen::{Declared, Forbidden, Otherwise, Undeclared};
    matches!(effect, Declared | Undeclared | Forbidden | Otherwise)
}

fn judge_denied(denial: Denial, observed: Denial, seen: &Observation) -> (Verdict, &'static str) {
    use Verdict::{Held, Inconclusive, Leak, WrongDenial};
    if let Some(found) = harm(seen) {
        return found;
    }
    if let Some(unsure) = unsure(seen) {
        return unsure;
    }
    match (denial, observed) {
        (Denial::Concealed, Denial::Forbidden) => {
            (Leak, "refused in a way that tells that it exists")
        }
        (Denial::Concealed, Denial::Concealed) => match seen.shown.like_absent {
            Some(true) => (Held, "concealed"),
            Some(false) => (Leak, "it answers otherwise for an id that does not exist"),
            None => (
                Inconclusive,
                "the answer for an id that does not exist could not be had",
            ),
        },
        (expected, observed) if expected == observed => (Held, "denied"),
        _ => (WrongDenial, "refused, but in the wrong way"),
    }
}

/// A malformed body of somebody who may not: a system that looks at the body first tells what
/// only those may learn who may.
fn judge_bad_input(denial: Denial, seen: &Observation) -> (Verdict, &'static str) {
    use Verdict::{Inconclusive, Leak, WrongDenial};
    if let Some(found) = harm(seen).or_else(|| unsure(seen)) {
        return found;
    }
    match (denial, seen.shown.like_absent) {
        (Denial::Concealed, Some(false)) => (
            Leak,
            "a malformed body is answered otherwise for an id that does not exist",
        ),
        (Denial::Concealed, None) => (
            Inconclusive,
            "the answer for an id that does not exist could not be had",
        ),
        _ => (
            WrongDenial,
            "the body is looked at before it is asked whether the actor may",
        ),
    }
}

/// A malformed body of somebody who may: a refusal that tells that the input is bad, and nothing
/// happens. A target that fails is no finding here, as nowhere: it has decided nothing.
fn judge_reject(seen: &Observation) -> (Verdict, &'static str) {
    use Verdict::{Escalation, Held, Inconclusive, SideEffect, WrongDenial};
    match seen.received {
        Received::Success if happened(seen.effect) => (
            Escalation,
            "a malformed body is taken, and something happens",
        ),
        Received::Success => (WrongDenial, "it says yes to a malformed body"),
        _ if happened(seen.effect) => (SideEffect, "refused, but it happened"),
        Received::BadInput => unsure(seen).unwrap_or((Held, "refused as bad input")),
        Received::Denied(_) => unsure(seen).unwrap_or((
            WrongDenial,
            "a malformed body is refused as if the actor might not",
        )),
        other => (Inconclusive, neither(other)),
    }
}

/// Why a denial does not count, if it does not.
fn unsure(seen: &Observation) -> Option<(Verdict, &'static str)> {
    let because = match (seen.effect, seen.control) {
        (EffectSeen::Unknown, _) => "a view could not be read",
        (_, Control::Failed) => "its control failed: a call that must succeed",
        (_, Control::Missing) => "it has no control: nothing in this suite must succeed beside it",
        _ => return None,
    };
    Some((Verdict::Inconclusive, because))
}

fn judge_success_of_denied(seen: &Observation) -> (Verdict, &'static str) {
    use Verdict::{Escalation, Held, Inconclusive};
    if seen.shown.canary || happened(seen.effect) {
        return (Escalation, "allowed, and should not be");
    }
    match seen.effect {
        EffectSeen::Unknown => (Inconclusive, "a view could not be read"),
        // It says yes and does nothing: whoever looks only at the status is misled.
        EffectSeen::Unchanged => {
            unsure(seen).unwrap_or((Held, "it says yes, but nothing happened"))
        }
        _ if !seen.shown.body => (
            Inconclusive,
            "it says yes, but the answer is not that of the action; if this is a way to say no, declare it under `denies`",
        ),
        _ => (Escalation, "allowed, and should not be"),
    }
}

fn judge_absent(seen: &Observation) -> (Verdict, &'static str) {
    use Verdict::{Escalation, Held, Inconclusive, Leak};
    match (seen.received, seen.shown.like_absent) {
        (Received::Nothing | Received::ServerError, _) => (Inconclusive, neither(seen.received)),
        (_, None) => (
            Inconclusive,
            "the answer for an unknown path could not be had",
        ),
        (Received::Denied(Denial::Concealed), Some(true)) => {
            unsure(seen).unwrap_or((Held, "absent"))
        }
        // A target that says yes, or no, to everything tells nothing about this path.
        (_, Some(true)) => (
            Inconclusive,
            "unknown paths are not answered as something that is not there",
        ),
        (Received::Success, Some(false)) => (Escalation, "it answers, and should not be there"),
        (_, Some(false)) => (
            Leak,
            "it answers otherwise than an unknown path: it is there",
        ),
    }
}

fn neither(received: Received) -> &'static str {
    match received {
        Received::OtherRefusal | Received::BadInput => {
            "this status is neither a yes nor one of the target's forms of no"
        }
        Received::ServerError => "the target failed",
        Received::Nothing => "there was no whole answer",
        Received::Other | Received::Success | Received::Denied(_) => {
            "this answer is neither a yes nor one of the target's forms of no"
        }
    }
}

/// How opening a session went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Opening {
    /// It is open.
    Opened,
    /// The target refused it.
    Refused,
    /// Something else went wrong.
    Failed,
    /// There is no such session: what is to be spoilt in it, it does not have.
    NotApplicable,
}

/// Judges the opening of a session; `peers` are the other actors with the same kind of session.
pub fn judge_opening(opening: Opening, some_peer_opened: bool) -> Judgement {
    let (verdict, because) = match (opening, some_peer_opened) {
        (Opening::Opened, _) => (Verdict::Held, "allowed"),
        (Opening::Refused, true) => (
            Verdict::Lockout,
            "refused, while others with the same kind of session get in",
        ),
        (Opening::Refused, false) => (
            Verdict::Inconclusive,
            "refused, and nobody with the same kind of session got in",
        ),
        (Opening::Failed, _) => (Verdict::Inconclusive, "the session could not be opened"),
        (Opening::NotApplicable, _) => (Verdict::NotApplicable, "there is no such session"),
    };
    Judgement { verdict, because }
}
