//! What a denial leaves behind, and logs as views.

use authz::Denial;
use serde_json::{Value, json};

use super::{Nothing, assertion, declared, equals, refused, shown, view};
use crate::model::{Assertion, Effect, Matcher, Owed, View};
use crate::observation::{Look, Sight, effect_seen, received_of_malformed, trace_seen};
use crate::verdict::{EffectSeen, Received, Trace};

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

/// Of several views each must show something new.
#[test]
fn a_record_that_was_there_before_is_not_left() {
    let last = || assertion("$.items[-1:].outcome", equals(json!("denied")));
    let owed = Owed {
        denial: Denial::Forbidden,
        views: vec![(0, vec![last()]), (1, vec![last()])],
    };
    let looks = |first: Sight| {
        let mut looks = log(first, records(&["denied"]));
        let second = log(records(&[]), records(&["denied"])).pop().unwrap();
        looks.push(Look { index: 1, ..second });
        looks
    };
    let trace = |first: Sight| trace_seen(Some(&owed), &looks(first), &Nothing).0;
    assert_eq!(trace(records(&[])), Trace::Left);
    assert_eq!(trace(records(&["denied"])), Trace::Missing);
}

/// A redirect to the login and a 401 speak of the session, not of the body.
#[test]
fn what_says_that_the_body_is_bad() {
    let cases = [
        (Received::OtherRefusal, 422, true, Received::BadInput),
        (Received::OtherRefusal, 429, true, Received::OtherRefusal),
        (
            Received::Denied(Denial::Forbidden),
            400,
            true,
            Received::BadInput,
        ),
        (
            Received::Denied(Denial::Forbidden),
            400,
            false,
            Received::Denied(Denial::Forbidden),
        ),
        (
            Received::Denied(Denial::Forbidden),
            403,
            true,
            Received::Denied(Denial::Forbidden),
        ),
        (
            Received::Denied(Denial::Forbidden),
            200,
            true,
            Received::Denied(Denial::Forbidden),
        ),
        (
            Received::Denied(Denial::Unauthenticated),
            302,
            true,
            Received::Denied(Denial::Unauthenticated),
        ),
        (
            Received::Denied(Denial::Unauthenticated),
            400,
            true,
            Received::Denied(Denial::Unauthenticated),
        ),
    ];
    for (received, status, allowed, expected) in cases {
        let found = received_of_malformed(received, status, allowed);
        assert_eq!(found, expected, "{received:?} {status} {allowed}");
    }
}
