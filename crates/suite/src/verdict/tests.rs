//! The judge's whole truth table, and what must be true of all of it.

use authz::Denial;

use super::{
    Access, Control, EffectSeen, Judgement, Observation, Opening, Received, Shown, Trace, Verdict,
    access, judge, judge_opening, succeeded,
};
use crate::model::Expected;

const EXPECTED: [(&str, Expected); 7] = [
    ("allow", Expected::Allow),
    (
        "deny as unauthenticated",
        Expected::Deny(Denial::Unauthenticated),
    ),
    ("deny as forbidden", Expected::Deny(Denial::Forbidden)),
    ("deny as concealed", Expected::Deny(Denial::Concealed)),
    ("absent", Expected::Absent),
    ("reject", Expected::Reject),
    ("?", Expected::Observe),
];

const RECEIVED: [(&str, Received); 9] = [
    ("success", Received::Success),
    ("unauthenticated", Received::Denied(Denial::Unauthenticated)),
    ("forbidden", Received::Denied(Denial::Forbidden)),
    ("concealed", Received::Denied(Denial::Concealed)),
    ("another 4xx", Received::OtherRefusal),
    ("bad input", Received::BadInput),
    ("5xx", Received::ServerError),
    ("something else", Received::Other),
    ("nothing", Received::Nothing),
];

const EFFECTS: [(&str, EffectSeen); 8] = [
    ("not looked", EffectSeen::NotLooked),
    ("unchanged", EffectSeen::Unchanged),
    ("untouched", EffectSeen::Untouched),
    ("declared", EffectSeen::Declared),
    ("undeclared", EffectSeen::Undeclared),
    ("forbidden", EffectSeen::Forbidden),
    ("otherwise", EffectSeen::Otherwise),
    ("unknown", EffectSeen::Unknown),
];

const CONTROLS: [(&str, Control); 3] = [
    ("succeeded", Control::Succeeded),
    ("failed", Control::Failed),
    ("missing", Control::Missing),
];

/// What an answer may show beside a canary, as differences from the first.
const VARIANTS: [(&str, Shown); 5] = [
    ("", PLAIN),
    (
        "but the body is not that of the action",
        Shown {
            body: false,
            ..PLAIN
        },
    ),
    (
        "but something is there that must be absent",
        Shown {
            secret: true,
            ..PLAIN
        },
    ),
    (
        "but it differs from what does not exist",
        Shown {
            like_absent: Some(false),
            ..PLAIN
        },
    ),
    (
        "but what does not exist could not be asked for",
        Shown {
            like_absent: None,
            ..PLAIN
        },
    ),
];

/// What a denial may leave behind beside what it owes.
const TRACES: [(&str, Trace); 3] = [
    ("but it left no record, and owes one", Trace::Missing),
    ("but whether it left a record is not known", Trace::Unknown),
    ("and it left the record that it owes", Trace::Left),
];

const PLAIN: Shown = Shown {
    canary: false,
    body: true,
    secret: false,
    like_absent: Some(true),
};

#[test]
fn truth_table() {
    let mut out = String::new();
    for (expected_word, expected) in EXPECTED {
        for (received_word, received) in RECEIVED {
            for canary in [false, true] {
                let holds = if canary {
                    ", with the resource's own text"
                } else {
                    ""
                };
                out += &format!("expected {expected_word}, received {received_word}{holds}\n");
                let plain = Shown { canary, ..PLAIN };
                let told = |trace| table(expected, received, plain, trace);
                let plain = told(Trace::NotOwed);
                out += &plain;
                for (variant, shown) in VARIANTS.into_iter().skip(1) {
                    let shown = Shown { canary, ..shown };
                    let table = table(expected, received, shown, Trace::NotOwed);
                    if table != plain {
                        out += &format!("{variant}\n{table}");
                    }
                }
                for (words, trace) in TRACES {
                    let table = told(trace);
                    if table != plain {
                        out += &format!("{words}\n{table}");
                    }
                }
                out += "\n";
            }
        }
    }
    insta::assert_snapshot!(out);
}

/// Rows: what was seen of the effect; columns: what became of the control. A table in which
/// all is one is one line.
fn table(expected: Expected, received: Received, shown: Shown, trace: Trace) -> String {
    let verdict = |effect, control| {
        let seen = Observation {
            received,
            shown,
            effect,
            control,
            trace,
        };
        judge(expected, &seen).verdict.word()
    };
    let first = verdict(EFFECTS[0].1, CONTROLS[0].1);
    let all_one = EFFECTS.iter().all(|(_, effect)| {
        CONTROLS
            .iter()
            .all(|(_, control)| verdict(*effect, *control) == first)
    });
    if all_one {
        return format!("    always: {first}\n");
    }
    let mut out = format!("    {:<12}", "effect");
    for (word, _) in CONTROLS {
        out += &format!("  {:<13}", format!("ctl {word}"));
    }
    out = out.trim_end().to_owned() + "\n";
    for (word, effect) in EFFECTS {
        let mut row = format!("    {word:<12}");
        for (_, control) in CONTROLS {
            row += &format!("  {:<13}", verdict(effect, control));
        }
        out += row.trim_end();
        out += "\n";
    }
    out
}

/// Every observation there is.
fn observations() -> impl Iterator<Item = Observation> {
    let shown = [false, true]
        .into_iter()
        .flat_map(|canary| VARIANTS.map(|(_, shown)| Shown { canary, ..shown }));
    let traces = [Trace::NotOwed, Trace::Left, Trace::Missing, Trace::Unknown];
    shown.flat_map(move |shown| {
        RECEIVED.into_iter().flat_map(move |(_, received)| {
            EFFECTS.into_iter().flat_map(move |(_, effect)| {
                CONTROLS.into_iter().flat_map(move |(_, control)| {
                    traces.map(|trace| Observation {
                        received,
                        shown,
                        effect,
                        control,
                        trace,
                    })
                })
            })
        })
    })
}

fn every() -> impl Iterator<Item = (Expected, Observation, Judgement)> {
    EXPECTED.into_iter().flat_map(|(_, expected)| {
        observations().map(move |seen| (expected, seen, judge(expected, &seen)))
    })
}

#[test]
fn a_denial_never_holds_without_its_control() {
    for (expected, seen, judgement) in every() {
        if matches!(expected, Expected::Deny(_)) && judgement.verdict == Verdict::Held {
            assert_eq!(seen.control, Control::Succeeded, "{seen:?}");
            assert!(!seen.shown.canary, "{seen:?}");
        }
    }
}

#[test]
fn a_denial_never_holds_without_the_record_that_it_owes() {
    for (expected, seen, judgement) in every() {
        let wanting = matches!(seen.trace, Trace::Missing | Trace::Unknown);
        if matches!(expected, Expected::Deny(_)) && wanting {
            assert_ne!(judgement.verdict, Verdict::Held, "{seen:?}");
        }
    }
}

#[test]
fn what_is_neither_yes_nor_no_never_holds() {
    for (_, seen, judgement) in every() {
        let neither = matches!(
            seen.received,
            Received::OtherRefusal | Received::ServerError | Received::Other | Received::Nothing
        );
        // Something absent may answer anything, if an unknown path does the same: but only as
        // something that is not there.
        if neither {
            assert_ne!(judgement.verdict, Verdict::Held, "{seen:?}");
        }
    }
}

#[test]
fn bad_input_holds_only_for_whoever_may() {
    for (expected, seen, judgement) in every() {
        if seen.received == Received::BadInput && judgement.verdict == Verdict::Held {
            assert_eq!(expected, Expected::Reject, "{seen:?}");
        }
        if expected == Expected::Reject && judgement.verdict == Verdict::Held {
            assert_eq!(seen.received, Received::BadInput, "{seen:?}");
            assert_eq!(seen.control, Control::Succeeded, "{seen:?}");
        }
    }
}

#[test]
fn what_happened_never_holds_for_whoever_may_not() {
    use EffectSeen::{Declared, Forbidden, Otherwise, Undeclared};
    for (expected, seen, judgement) in every() {
        let happened = matches!(seen.effect, Declared | Undeclared | Forbidden | Otherwise);
        let may_not = matches!(expected, Expected::Deny(_) | Expected::Reject);
        if may_not && happened {
            assert!(judgement.verdict.is_finding(), "{seen:?}");
        }
    }
}

#[test]
fn nothing_expected_is_never_green() {
    for (expected, seen, judgement) in every() {
        if expected == Expected::Observe {
            assert_eq!(judgement.verdict, Verdict::Inconclusive, "{seen:?}");
        }
    }
}

#[test]
fn what_holds_when_allowed_can_be_a_control() {
    for (expected, seen, judgement) in every() {
        if expected == Expected::Allow && judgement.verdict == Verdict::Held {
            assert!(succeeded(&seen), "{seen:?}");
        }
    }
}

#[test]
fn what_the_system_did_follows_from_what_was_seen() {
    use EffectSeen::{Declared, Forbidden, Otherwise, Undeclared};
    for (expected, seen, judgement) in every() {
        let verdict = judgement.verdict;
        let happened = matches!(seen.effect, Declared | Undeclared | Forbidden | Otherwise);
        let case = format!("{expected:?} {seen:?} {verdict:?}");
        match access(expected, &seen, verdict) {
            Access::Allowed => assert_eq!(seen.received, Received::Success, "{case}"),
            Access::Denied if expected == Expected::Absent => {}
            Access::Denied => {
                let is_no = matches!(seen.received, Received::Denied(_) | Received::BadInput);
                let is_idle =
                    seen.received == Received::Success && seen.effect == EffectSeen::Unchanged;
                assert!(is_no || is_idle, "{case}");
                assert!(!happened || expected == Expected::Allow, "{case}");
            }
            Access::Unknown => assert_ne!(verdict, Verdict::Held, "{case}"),
        }
    }
}

#[test]
fn what_is_not_established_is_unknown_unless_it_is_only_observed() {
    for (expected, seen, judgement) in every() {
        let unsure = judgement.verdict == Verdict::Inconclusive;
        if unsure && expected != Expected::Observe {
            assert_eq!(access(expected, &seen, judgement.verdict), Access::Unknown);
        }
    }
    let known = observations()
        .filter(|seen| access(Expected::Observe, seen, Verdict::Inconclusive) == Access::Allowed);
    assert!(known.count() > 0);
}

#[test]
fn openings() {
    let cases = [
        (Opening::Opened, true, Verdict::Held),
        (Opening::Opened, false, Verdict::Held),
        (Opening::Refused, true, Verdict::Lockout),
        (Opening::Refused, false, Verdict::Inconclusive),
        (Opening::Failed, true, Verdict::Inconclusive),
        (Opening::Failed, false, Verdict::Inconclusive),
        (Opening::NotApplicable, true, Verdict::NotApplicable),
        (Opening::NotApplicable, false, Verdict::NotApplicable),
    ];
    for (opening, peer, verdict) in cases {
        assert_eq!(
            judge_opening(opening, peer).verdict,
            verdict,
            "{opening:?} {peer}"
        );
    }
}
