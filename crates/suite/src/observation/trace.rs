//! What a denied call left behind where it must: a record in an audit log.

use super::Look;
use super::assertion::check;
use super::effect::{json, unreadable};
use crate::model::{Assertion, Matcher, Owed};
use crate::template::Scope;
use crate::verdict::Trace;

/// Whether a denial left what it owes, in every view that is named, with what was seen instead, in words.
pub fn trace_seen(
    owed: Option<&Owed>,
    looks: &[Look<'_>],
    scope: &dyn Scope,
) -> (Trace, Option<String>) {
    let Some(owed) = owed else {
        return (Trace::NotOwed, None);
    };
    let mut is_new = true;
    for (index, assertions) in &owed.views {
        let Some(look) = looks.iter().find(|look| look.index == *index) else {
            return (Trace::Unknown, None);
        };
        if let Some(why) = unreadable(look) {
            return (Trace::Unknown, Some(why));
        }
        let (before, after) = (json(&look.before), json(&look.after));
        let failed = |json| {
            let mut failures = assertions.iter();
            failures.find_map(|it: &Assertion| check(it, json, before, scope))
        };
        if let Some(failure) = failed(after) {
            let words = format!("in view `{}` {}", look.view.name, failure.found);
            return (Trace::Missing, Some(words));
        }
        is_new &= failed(before).is_some() || assertions.iter().any(counts_what_is_new);
    }
    match is_new {
        true => (Trace::Left, None),
        false => {
            let words = "what the denial is to leave behind was there before".to_owned();
            (Trace::Missing, Some(words))
        }
    }
}

/// Whether something says by itself what is new.
fn counts_what_is_new(assertion: &Assertion) -> bool {
    matches!(assertion.matcher, Matcher::Added(_))
}
