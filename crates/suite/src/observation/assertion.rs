//! What must hold of a body.

use authz::source::Place;
use serde_json::Value;

use super::Answer;
use crate::model::{AnswerAssertions, Assertion, Matcher};
use crate::template::{Scope, plain};
use crate::verdict::Shown;

/// An assertion that does not hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// Where it is written.
    pub place: Place,
    /// What was found instead, whole: it may hold a secret, and what is cut cannot be masked.
    pub found: String,
    /// Whether something is there that must be absent.
    pub secret: bool,
}

/// Whether every assertion holds.
pub fn holds_all(
    assertions: &[Assertion],
    json: Option<&Value>,
    before: Option<&Value>,
    scope: &dyn Scope,
) -> bool {
    assertions
        .iter()
        .all(|assertion| check(assertion, json, before, scope).is_none())
}

/// Checks one assertion; `before` is the body before the call, for `unchanged` and `added`.
pub fn check(
    assertion: &Assertion,
    json: Option<&Value>,
    before: Option<&Value>,
    scope: &dyn Scope,
) -> Option<Failure> {
    let query = |json: Option<&'_ Value>| -> Vec<Value> {
        json.map(|json| {
            assertion
                .path
                .query(json)
                .all()
                .into_iter()
                .cloned()
                .collect()
        })
        .unwrap_or_default()
    };
    let nodes = query(json);
    let holds = match &assertion.matcher {
        Matcher::Absent => nodes.is_empty(),
        Matcher::Unchanged => nodes == query(before),
        Matcher::Added(count) => nodes.len() == query(before).len() + count,
        Matcher::Equals(expected) => match expected.fill(scope) {
            Ok(expected) => all(&nodes, |node| equal(node, &expected)),
            Err(unresolved) => return Some(failure(assertion, unresolved.to_string())),
        },
        Matcher::Matches(regex) => all(&nodes, |node| regex.is_match(&plain(node))),
    };
    let found = || match assertion.matcher {
        Matcher::Added(_) => {
            let (path, before) = (&assertion.path, query(before).len());
            format!(
                "`{path}` is there {} times, and was {before} times",
                nodes.len()
            )
        }
        _ => found(assertion, json, &nodes),
    };
    (!holds).then(|| failure(assertion, found()))
}

fn failure(assertion: &Assertion, found: String) -> Failure {
    Failure {
        place: assertion.place.clone(),
        found,
        secret: matches!(assertion.matcher, Matcher::Absent),
    }
}

fn all(nodes: &[Value], holds: impl Fn(&Value) -> bool) -> bool {
    !nodes.is_empty() && nodes.iter().all(holds)
}

fn found(assertion: &Assertion, json: Option<&Value>, nodes: &[Value]) -> String {
    let path = &assertion.path;
    match (json, nodes) {
        (None, _) => "the body is not JSON".to_owned(),
        (_, []) => format!("`{path}` is not there"),
        (_, [node]) => format!("`{path}` is {}", node),
        (_, nodes) => format!("`{path}` is there {} times", nodes.len()),
    }
}

/// Equality of JSON values in which 1 and 1.0 are the same number.
pub(super) fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| equal(a, b)))
        }
        _ => a == b,
    }
}

/// What an answer shows, by the assertions of the action alone; the failures are for reports.
pub fn check_answer(
    assertions: &AnswerAssertions,
    answer: &Answer,
    scope: &dyn Scope,
) -> (Shown, Vec<Failure>) {
    let mut failures: Vec<Failure> = assertions
        .json
        .iter()
        .filter_map(|assertion| check(assertion, answer.json(), None, scope))
        .collect();
    if let Some(schema) = &assertions.schema {
        failures.extend(check_schema(schema, answer.json()));
    }
    let shown = Shown {
        canary: false,
        body: failures.iter().all(|failure| failure.secret),
        secret: failures.iter().any(|failure| failure.secret),
        like_absent: None,
    };
    (shown, failures)
}

fn check_schema(schema: &crate::model::Schema, json: Option<&Value>) -> Option<Failure> {
    let found = match json {
        None => "the body is not JSON".to_owned(),
        Some(json) => schema
            .validator
            .iter_errors(json)
            .next()
            .map(|error| format!("the schema says: {error} at `{}`", error.instance_path()))?,
    };
    Some(Failure {
        place: schema.place.clone(),
        found,
        secret: false,
    })
}
