//! What the views showed before and after a call, and so what the call did.

use std::sync::Arc;

use serde_json::Value;
use serde_json_path::JsonPath;

use super::Answer;
use super::assertion::{check, equal};
use crate::model::{Assertion, Effect, EffectKind, Matcher, View, ViewEffect};
use crate::template::Scope;
use crate::verdict::EffectSeen;

/// One view, looked at.
#[derive(Debug)]
pub enum Sight {
    /// It showed something: a yes, or (after a call, say, that changed a password) a refusal.
    Shown(Arc<Answer>),
    /// It answered as for something that is not there.
    Gone,
    /// It could not be read: why.
    Unreadable(String),
}

/// One view before and after a call.
#[derive(Debug)]
pub struct Look<'a> {
    /// Index into the resource's views.
    pub index: usize,
    /// The view.
    pub view: &'a View,
    /// Before the call.
    pub before: Sight,
    /// After it.
    pub after: Sight,
}

/// What a call did, by the views of its resource. The words say what was seen, for reports.
pub fn effect_seen(
    declared: Option<&Effect>,
    looks: &[Look<'_>],
    scope: &dyn Scope,
) -> (EffectSeen, Option<String>) {
    // What grows with every call tells of an effect only where that is declared.
    let tells = |look: &&Look<'_>| {
        !look.view.log || declared.is_some_and(|effect| effect.names(look.index))
    };
    let looks: Vec<&Look<'_>> = looks.iter().filter(tells).collect();
    if looks.is_empty() {
        return (EffectSeen::NotLooked, None);
    }
    if let Some(why) = looks.iter().copied().find_map(unreadable) {
        return (EffectSeen::Unknown, Some(why));
    }
    let change = looks.iter().copied().find_map(change);
    match declared.map(|effect| &effect.kind) {
        None | Some(EffectKind::Created) => match change {
            Some(change) => (EffectSeen::Undeclared, Some(change)),
            None => (EffectSeen::Untouched, None),
        },
        Some(EffectKind::Views(effects)) => compare_declared(effects, &looks, change, scope),
    }
}

fn compare_declared(
    effects: &[(usize, ViewEffect)],
    looks: &[&Look<'_>],
    change: Option<String>,
    scope: &dyn Scope,
) -> (EffectSeen, Option<String>) {
    let pairs = || {
        effects.iter().filter_map(|(index, effect)| {
            let look = *looks.iter().find(|look| look.index == *index)?;
            Some((look, effect))
        })
    };
    if let Some(broken) = pairs().find_map(|(look, effect)| broken_promise(look, effect, scope)) {
        return (EffectSeen::Forbidden, Some(broken));
    }
    let missing = pairs().find_map(|(look, effect)| missing_in(&look.after, look, effect, scope));
    // What was so before and is so still did not happen, be it a promise that was kept.
    let was_so =
        || pairs().all(|(look, effect)| missing_in(&look.before, look, effect, scope).is_none());
    match (missing, change) {
        (None, None) if was_so() => (EffectSeen::Untouched, None),
        (None, change) => (EffectSeen::Declared, change),
        (Some(_), None) => (EffectSeen::Unchanged, None),
        (Some(missing), Some(change)) => (
            EffectSeen::Otherwise,
            Some(format!("{change}, but {missing}")),
        ),
    }
}

fn is_promise(assertion: &Assertion) -> bool {
    matches!(assertion.matcher, Matcher::Unchanged)
}

/// A place that is declared `unchanged` and has changed. What has gone has changed.
fn broken_promise(look: &Look<'_>, effect: &ViewEffect, scope: &dyn Scope) -> Option<String> {
    let ViewEffect::Json(assertions) = effect else {
        return None;
    };
    let failure = assertions
        .iter()
        .filter(|assertion| is_promise(assertion))
        .find_map(|assertion| check(assertion, json(&look.after), json(&look.before), scope))?;
    Some(format!(
        "view `{}`: {}, and must not have changed",
        look.view.name, failure.found
    ))
}

/// What is declared to happen and cannot be seen.
fn missing_in(
    sight: &Sight,
    look: &Look<'_>,
    effect: &ViewEffect,
    scope: &dyn Scope,
) -> Option<String> {
    match effect {
        ViewEffect::Gone => (!matches!(sight, Sight::Gone))
            .then(|| format!("view `{}` still shows it", look.view.name)),
        ViewEffect::Json(assertions) => assertions
            .iter()
            .filter(|assertion| !is_promise(assertion))
            .find_map(|assertion| check(assertion, json(sight), json(&look.before), scope))
            .map(|failure| format!("in view `{}` {}", look.view.name, failure.found)),
    }
}

pub(super) fn json(sight: &Sight) -> Option<&Value> {
    match sight {
        Sight::Shown(answer) => answer.json(),
        Sight::Gone | Sight::Unreadable(_) => None,
    }
}

pub(super) fn unreadable(look: &Look<'_>) -> Option<String> {
    let name = &look.view.name;
    match (&look.before, &look.after) {
        (Sight::Unreadable(why), _) => Some(format!("view `{name}` before the call: {why}")),
        (Sight::Shown(answer), _) if !is_yes(answer) => Some(format!(
            "view `{name}` before the call: answered {}",
            answer.status
        )),
        (Sight::Gone, _) => Some(format!("view `{name}` shows nothing even before the call")),
        (_, Sight::Unreadable(why)) => Some(format!("view `{name}` after the call: {why}")),
        _ => None,
    }
}

fn is_yes(answer: &Answer) -> bool {
    (200..300).contains(&answer.status)
}

fn change(look: &Look<'_>) -> Option<String> {
    let name = &look.view.name;
    if look.view.log {
        return None;
    }
    match (&look.before, &look.after) {
        (Sight::Shown(before), Sight::Shown(after)) => {
            (!same(before, after, &look.view.ignore)).then(|| format!("view `{name}` has changed"))
        }
        (Sight::Shown(_), Sight::Gone) => Some(format!("view `{name}` shows nothing any more")),
        _ => None,
    }
}

/// Whether two answers show the same, but for the places that change by themselves.
fn same(before: &Answer, after: &Answer, ignore: &[JsonPath]) -> bool {
    if before.status != after.status {
        return false;
    }
    match (before.json(), after.json()) {
        (Some(before), Some(after)) => equal(&without(before, ignore), &without(after, ignore)),
        _ => before.body == after.body,
    }
}

/// The JSON with every ignored place set to null.
fn without(json: &Value, ignore: &[JsonPath]) -> Value {
    let mut json = json.clone();
    for path in ignore {
        let places: Vec<String> = path
            .query_located(&json)
            .locations()
            .map(|place| place.to_json_pointer())
            .collect();
        for place in places {
            if let Some(value) = json.pointer_mut(&place) {
                *value = Value::Null;
            }
        }
    }
    json
}

/// Whether an answer shows what a view shows, but for the places that change by themselves.
///
/// # Errors
/// In what they differ, or why that cannot be told.
pub fn shows(answer: &Answer, view: &View, sight: &Sight) -> Result<(), String> {
    match sight {
        Sight::Shown(shown) if is_yes(shown) => match (answer.json(), shown.json()) {
            (Some(a), Some(b)) if equal(&without(a, &view.ignore), &without(b, &view.ignore)) => {
                Ok(())
            }
            (None, None) if answer.body == shown.body => Ok(()),
            _ => Err(format!("the answer does not show view `{}`", view.name)),
        },
        Sight::Shown(shown) => Err(format!("view `{}` answered {}", view.name, shown.status)),
        Sight::Gone => Err(format!("view `{}` shows nothing", view.name)),
        Sight::Unreadable(why) => Err(format!("view `{}`: {why}", view.name)),
    }
}

/// Whether something new with this unique text stands in a collection's views.
pub fn created(sights: &[(&View, Sight)], unique: &str) -> (EffectSeen, Option<String>) {
    if sights.is_empty() {
        return (EffectSeen::NotLooked, None);
    }
    for (view, sight) in sights {
        match sight {
            Sight::Shown(answer) if !is_yes(answer) => {
                let why = format!("view `{}` answered {}", view.name, answer.status);
                return (EffectSeen::Unknown, Some(why));
            }
            Sight::Shown(answer) if answer.holds(unique) => {
                return (
                    EffectSeen::Declared,
                    Some(format!("view `{}` shows what was made", view.name)),
                );
            }
            Sight::Unreadable(why) => {
                return (
                    EffectSeen::Unknown,
                    Some(format!("view `{}` after the call: {why}", view.name)),
                );
            }
            Sight::Gone => {
                let why = format!("view `{}` shows nothing at all", view.name);
                return (EffectSeen::Unknown, Some(why));
            }
            Sight::Shown(_) => {}
        }
    }
    (EffectSeen::Unchanged, None)
}
