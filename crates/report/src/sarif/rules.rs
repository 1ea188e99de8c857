//! The rules of the SARIF report: one for each verdict but `held`, one for what differs from the
//! baseline, one for operations that are not tried, and one for layers that disagree.

use serde::Serialize;
use suite::event::Change;
use suite::verdict::Verdict;

/// The verdicts that results have, the gravest first.
const VERDICTS: [Verdict; 6] = [
    Verdict::Escalation,
    Verdict::SideEffect,
    Verdict::Leak,
    Verdict::Lockout,
    Verdict::WrongDenial,
    Verdict::Inconclusive,
];

/// What results have in common (reportingDescriptor, 3.49).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Rule {
    id: &'static str,
    name: &'static str,
    short_description: Text,
    full_description: Text,
    help: Text,
    default_configuration: Configuration,
    properties: Tags,
}

#[derive(Serialize)]
struct Text {
    text: &'static str,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct Tags {
    tags: [&'static str; 2],
}

/// Every rule, in the order of [`index`]; at [`DRIFT_INDEX`] the one of drifts.
pub(super) fn rules() -> Vec<Rule> {
    let verdicts = VERDICTS.into_iter();
    let verdicts = verdicts.map(|verdict| rule(id(verdict), level(verdict), words(verdict)));
    let drift = rule(DRIFT, drift_level(Change::Added), DRIFT_WORDS);
    let surface = rule(SURFACE, "error", SURFACE_WORDS);
    let layers = rule(LAYERS, "error", LAYERS_WORDS);
    verdicts.chain([drift, surface, layers]).collect()
}

/// The stable name of the rule of drifts.
pub(super) const DRIFT: &str = "drift";

/// Where the rule of drifts stands.
pub(super) const DRIFT_INDEX: usize = VERDICTS.len();

/// The stable name of the rule of operations that are not tried as they should be.
pub(super) const SURFACE: &str = "surface";

/// Where that rule stands.
pub(super) const SURFACE_INDEX: usize = DRIFT_INDEX + 1;

/// The stable name of the rule of layers that disagree.
pub(super) const LAYERS: &str = "layers";

/// Where that rule stands.
pub(super) const LAYERS_INDEX: usize = SURFACE_INDEX + 1;

const LAYERS_WORDS: Words = (
    "Layers",
    "One layer allows what another denies",
    "The same actor was allowed an action at one layer and denied it at another: a service over HTTP and the database below it, say. One of the two is wrong, and who comes by the weaker one is not held by the other.",
    "See in the message which layer is on the policy's side, and give the other one the same rule. The cells of both layers can be repeated with `lockstep repeat`.",
);

const SURFACE_WORDS: Words = (
    "Surface",
    "An operation that is not tried",
    "The OpenAPI document of a target names an operation that no cell tries and no exception excuses. Or its exception has ended, or is not needed.",
    "Paste the action that the report for people shows, and say what is expected of it; or except the operation under `surface`, with a reason and a date.",
);

const DRIFT_WORDS: Words = (
    "Drift",
    "Not as in the baseline",
    "The running system allows what nobody has accepted: the grant does not stand in the baseline. Or it does, and the system does not allow it any more.",
    "If the grant is meant, accept it with `lockstep baseline accept` and have the changed file reviewed. If not, take it out of the policy, or of the system.",
);

/// How a drift weighs: only a new grant fails the run.
pub(super) fn drift_level(change: Change) -> &'static str {
    match change {
        Change::Added => "error",
        Change::Denied | Change::Vanished => "note",
    }
}

/// Where the rule of a verdict stands.
pub(super) fn index(verdict: Verdict) -> usize {
    let at = VERDICTS.iter().position(|known| *known == verdict);
    at.unwrap_or(VERDICTS.len())
}

/// The stable name of the rule of a verdict.
pub(super) fn id(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Held => "held",
        Verdict::Escalation => "escalation",
        Verdict::SideEffect => "side-effect",
        Verdict::Leak => "leak",
        Verdict::Lockout => "lockout",
        Verdict::WrongDenial => "wrong-denial",
        Verdict::Inconclusive => "inconclusive",
        Verdict::NotApplicable => "not-applicable",
    }
}

/// How a result weighs. An inconclusive cell is no finding, and is not nothing.
pub(super) fn level(verdict: Verdict) -> &'static str {
    match verdict.is_finding() {
        true => "error",
        false => "warning",
    }
}

/// The rule of something that is looked at and may be meant.
pub(super) fn plain_rule(id: &'static str, words: Words) -> Rule {
    rule(id, "warning", words)
}

fn rule(id: &'static str, level: &'static str, (name, short, full, help): Words) -> Rule {
    Rule {
        id,
        name,
        short_description: Text { text: short },
        full_description: Text { text: full },
        help: Text { text: help },
        default_configuration: Configuration { level },
        properties: Tags {
            tags: ["security", "authorization"],
        },
    }
}

/// A rule's name, what it is in a line, what it means, and what to do.
pub(super) type Words = (&'static str, &'static str, &'static str, &'static str);

fn words(verdict: Verdict) -> Words {
    match verdict {
        Verdict::Escalation => (
            "Escalation",
            "Allowed, and should not be",
            "The running system let somebody do what neither the policy nor the suite grants.",
            "Repeat the cell with the command in the message and look at the answer. Then either the system lacks a check, which is to be added where the request is handled, or the grant is meant, and the policy or the table `expect` is to say so.",
        ),
        Verdict::SideEffect => (
            "SideEffect",
            "Denied, but it happened",
            "The answer was a denial, yet what was denied took place: a view shows the change.",
            "Look for a check that comes after the change, or a change outside of the transaction that the denial rolls back. Check before anything is written.",
        ),
        Verdict::Leak => (
            "Leak",
            "Denied, but the answer tells what it must not",
            "What somebody may not see stands in an answer, or can be told from it: a text of the resource, a count, or a denial that differs from the answer for what does not exist.",
            "Compare the two answers with `lockstep repeat`. Answer a concealed resource exactly as one that does not exist: status, headers and body.",
        ),
        Verdict::Lockout => (
            "Lockout",
            "Denied, and should not be",
            "Somebody was refused what the policy or the suite grants.",
            "Repeat the cell with the command in the message. Then either the system checks too much, or the grant is not meant, and the policy or the table `expect` is to say so.",
        ),
        Verdict::WrongDenial => (
            "WrongDenial",
            "Denied in the wrong way",
            "The call was refused, but not in the form that is declared for this kind of denial: 403 where 401 is due, say.",
            "Give the answer that the table `denies` of the target declares for this kind of denial, or declare the one that is given.",
        ),
        Verdict::Inconclusive | Verdict::NotApplicable | Verdict::Held => (
            "Inconclusive",
            "Nothing can be said",
            "The cell was tried and proves nothing: its control failed, its fixture could not be made, its session died, or the target did not answer.",
            "See the reason in the message. A denial counts only if the same call by somebody who may succeeds in the same run.",
        ),
    }
}
