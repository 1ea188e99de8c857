//! What a denial leaves behind, and logs as views.

use authz::Denial;
use serde_json::{Value, json};

use super::{Nothing, assertion, declared, equals, refused, shown, view};
use crate::model::{Assertion, Effect, Matcher, Owed, View};
use crate::observation::{Look, Sight, effect_seen, trace_seen};
use crate::verdict::{EffectSeen, Trace};

/// A log before and after a call.
fn log(before: Sight, after: Sight) -> Vec<Look<'static>> {
    let view: &'static View = Box::leak(Box::new(View {
        log: true,
        ..view(&[])
    }));
    vec![Look {
        index: 0,
        view,
        before,
        after,
    }]
}

fn records(outcomes: &[&str]) -> Sight {
    let records: Vec<Value> = outcomes.iter().map(|it| json!({ "outcome": it })).collect();
    shown(&json!({ "items": records }).to_string())
}

fn owed(assertions: Vec<Assertion>) -> Owed {
    Owed {
        denial: Denial::Forbidden,
        views: vec![(0, assertions)],
    }
}

const DENIED: &str = "$.items[?@.outcome == 'denied']";

#[test]
fn what_a_denial_leaves_behind() {
    let one_more = || owed(vec![assertion(DENIED, Matcher::Added(1))]);
    let last = || {
        owed(vec![assertion(
            "$.items[-1:].outcome",
            equals(json!("denied")),
        )])
    };
    let cases = [
        (
            "one",
            one_more(),
            records(&[]),
            records(&["denied"]),
            Trace::Left,
        ),
        (
            "one more",
            one_more(),
            records(&["denied"]),
            records(&["denied", "denied"]),
            Trace::Left,
        ),
        (
            "none",
            one_more(),
            records(&["denied"]),
            records(&["denied"]),
            Trace::Missing,
        ),
        (
            "two",
            one_more(),
            records(&[]),
            records(&["denied", "denied"]),
            Trace::Missing,
        ),
        (
            "another",
            one_more(),
            records(&[]),
            records(&["success"]),
            Trace::Missing,
        ),
        (
            "gone",
            one_more(),
            records(&[]),
            Sight::Gone,
            Trace::Missing,
        ),
        (
            "refused after",
            one_more(),
            records(&[]),
            refused(403),
            Trace::Missing,
        ),
        (
            "refused before",
            one_more(),
            refused(403),
            records(&["denied"]),
            Trace::Unknown,
        ),
        (
            "unread",
            one_more(),
            records(&[]),
            Sight::Unreadable("x".into()),
            Trace::Unknown,
        ),
        (
            "a new last one",
            last(),
            records(&["success"]),
            records(&["success", "denied"]),
            Trace::Left,
        ),
        (
            "an old last one",
            last(),
            records(&["denied"]),
            records(&["denied"]),
            Trace::Missing,
        ),
    ];
    for (name, owed, before, after, expected) in cases {
        let looks = log(before, after);
        let (trace, words) = trace_seen(Some(&owed), &looks, &Nothing);
        assert_eq!(trace, expected, "{name}: {words:?}");
    }
    assert_eq!(trace_seen(None, &[], &Nothing).0, Trace::NotOwed);
    assert_eq!(
        trace_seen(Some(&one_more()), &[], &Nothing).0,
        Trace::Unknown
    );
}

/// What grows with every call is an effect only where the action says so.
#[test]
fn a_log_is_no_effect() {
    let grown = || log(records(&[]), records(&["success"]));
    let seen = |effect: Option<Effect>, looks: Vec<Look<'_>>| {
        effect_seen(effect.as_ref(), &looks, &Nothing).0
    };
    assert_eq!(seen(None, grown()), EffectSeen::NotLooked);
    let record = || {
        declared(vec![
            assertion("$.items", Matcher::Added(0)),
            assertion("$.items[*]", Matcher::Added(1)),
        ])
    };
    assert_eq!(seen(record(), grown()), EffectSeen::Declared);
    let same = log(records(&["denied"]), records(&["denied"]));
    assert_eq!(seen(record(), same), EffectSeen::Unchanged);
}
