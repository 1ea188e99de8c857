//! Conditions against tables: `expression => type: value`, `!! mistake` where the checker refuses
//! it, or `error: ...` where it has no value.

mod garbage;
mod oracle;
mod typed;

use serde_json::json;

use crate::facts::{Facts, Request, no_context};
use crate::model::ActionKind;
use crate::source::Source;
use crate::{Policy, SubjectFacts, read_policy};

use super::about::About;
use super::check::{Checker, Flags, Scope};
use super::evaluate::evaluate;
use super::failure::Failure;
use super::parser;
use super::typed::Typed;
use super::value::{Key, Value};

const POLICY: &str = r#"
version: 1
flags:
  beta: { users: ["user:vera"] }
types:
  user: { attributes: { department: string, level: int, mentor: user, nickname: string, mixed: int } }
  team: { attributes: { mixed: string } }
  post:
    actions: { read: instance }
    attributes:
      { owner: user, author: user, team: team, tenant: tenant, title: string, words: int, rating: double,
        public: bool, created: timestamp, missing: string, classification: { type: string, default: normal } }
"#;

pub(super) fn policy() -> Policy {
    read_policy(&[Source::new("policy.yaml", POLICY)]).unwrap()
}

/// Conditions on a post.
fn scope(policy: &Policy) -> Scope<'_> {
    Scope {
        types: &policy.types,
        resource: policy.types.get("post").unwrap(),
        is_partial: false,
        flags: Flags {
            declared: &policy.flags,
            is_partial: false,
        },
    }
}

/// Evaluates on `post:7` of `user:vera`, who asks, at a Sunday afternoon in winter.
pub(super) fn outcome(policy: &Policy, text: &str) -> String {
    let tree = match parser::parse(text) {
        Ok(tree) => tree,
        Err(mistake) => return format!("!! {}", mistake.message),
    };
    let mut checker = Checker::new(scope(policy));
    let (expression, found) = checker.check(&tree);
    if !checker.mistakes.is_empty() {
        let messages = checker.mistakes.iter().map(|it| it.message.as_str());
        return format!("!! {}", messages.collect::<Vec<_>>().join("; "));
    }
    let attributes = json!({ "department": "news", "level": 3, "mentor": "user:oscar" });
    let subject = SubjectFacts {
        reference: Some("user:vera".to_owned()),
        signed_in: true,
        tenant: Some("acme".to_owned()),
        attributes: attributes.as_object().unwrap().clone(),
        ..SubjectFacts::default()
    };
    let attributes = json!({
        "owner": "user:vera", "author": "user:oscar", "team": "team:vera", "tenant": "acme",
        "title": "Grüße, Welt", "words": 120, "rating": 4.5, "public": true,
        "created": "2026-11-22T13:30:05.25Z",
    });
    let attributes = attributes.as_object().unwrap();
    let request = Request {
        subject: &policy.subject(subject).unwrap(),
        action: "read",
        resource: &policy.resource("post", Some("7"), attributes).unwrap(),
        now: "2026-11-22T13:30:05.25Z".parse().unwrap(),
        facts: Facts::none(),
        context: no_context(),
    };
    let about = About::Request {
        request: &request,
        kind: ActionKind::Instance,
    };
    let evaluated = evaluate(&expression, about);
    let typed = Typed::new(&expression).and_then(|typed| typed.holds(about));
    if let (Some((holds, _)), result) = (typed, &evaluated.result) {
        let agrees = matches!(result, Ok(Value::Bool(value)) if *value == holds);
        assert!(agrees, "{text}: the typed form says {holds}");
    }
    match evaluated.result {
        Ok(value) => format!("{found}: {}", show(&value)),
        Err(Failure::Error(error)) => format!("error: {error}"),
        Err(Failure::Absent) => "error: absent".to_owned(),
        Err(Failure::Unknown(names)) => format!("unknown: {names:?}"),
    }
}

fn show(value: &Value) -> String {
    match value {
        Value::Address(value) => value.to_string(),
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => format!("{value}u"),
        Value::Double(value) => format!("{value:?}"),
        Value::String(value) => format!("{value:?}"),
        Value::Timestamp(value) => value.to_string(),
        Value::Duration(value) => super::time::duration_text(*value),
        Value::Reference(value) => value.to_string(),
        Value::List(items) => {
            let items: Vec<String> = items.iter().map(show).collect();
            format!("[{}]", items.join(", "))
        }
        Value::Map(entries) => {
            let entry = |(key, value): (&Key, &Value)| {
                format!("{}: {}", show(&key.to_value()), show(value))
            };
            let entries: Vec<String> = entries.iter().map(entry).collect();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

fn check(table: &str) {
    let policy = policy();
    let mut wrong = Vec::new();
    for line in table
        .lines()
        .filter(|line| !line.starts_with('#') && !line.is_empty())
    {
        let (text, expected) = line.rsplit_once(" => ").expect(line);
        let found = outcome(&policy, text.trim());
        if found != expected.trim() {
            wrong.push(format!(
                "{}\n  expected {expected}\n  found    {found}",
                text.trim()
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn literals_and_operators() {
    check(include_str!("tests/operators.txt"));
}

#[test]
fn functions_and_macros() {
    check(include_str!("tests/functions.txt"));
}

#[test]
fn times() {
    check(include_str!("tests/times.txt"));
}

#[test]
fn names_and_references() {
    check(include_str!("tests/names.txt"));
}

#[test]
fn mistakes() {
    check(include_str!("tests/mistakes.txt"));
}

#[test]
fn limits() {
    let policy = policy();
    let brackets = format!("{}1{}", "(".repeat(10_000), ")".repeat(10_000));
    assert!(outcome(&policy, &brackets).starts_with("!! the condition has 20001 bytes"));
    let deep = "!! the condition is nested more than 100 deep";
    for text in [
        format!("{}1{}", "(".repeat(1_000), ")".repeat(1_000)),
        format!("{}1{}", "[".repeat(1_000), "]".repeat(1_000)),
        "-".repeat(5_000) + "x",
        "!".repeat(5_000) + "x",
        "1+".repeat(1_000) + "1",
        "a".to_owned() + &".a".repeat(1_000),
        "true?1:".repeat(1_000) + "1",
    ] {
        assert_eq!(outcome(&policy, &text), deep, "{text:.20}");
    }
    let most = format!("{}1{}", "(".repeat(99), ")".repeat(99));
    assert_eq!(outcome(&policy, &most), "int: 1");
    let most = format!("{}1", "-".repeat(99));
    assert_eq!(outcome(&policy, &most), "int: -1");
    let most = format!("[1]{}", ".map(x, x)".repeat(98));
    assert_eq!(outcome(&policy, &most), "list(int): [1]");
    let long = "true && ".repeat(1_000) + "true";
    assert_eq!(outcome(&policy, &long), "bool: true");
}

#[test]
fn evaluation_is_bounded() {
    let policy = policy();
    let bounded = "error: the condition takes more than 10000 steps";
    let ten = "[1,2,3,4,5,6,7,8,9,10]";
    let nested = ["a", "b", "c", "d", "e", "f"]
        .iter()
        .fold("true".to_owned(), |body, name| {
            format!("{ten}.all({name}, {body})")
        });
    assert_eq!(outcome(&policy, &nested), bounded);
    assert_eq!(outcome(&policy, &format!("{nested} || true")), bounded);
    let doubled = "['0123456789012345']".to_owned() + &".map(x, x + x)".repeat(60) + " == []";
    assert_eq!(outcome(&policy, &doubled), bounded);
    let shared = "[1]".to_owned() + &".map(x, [x, x])".repeat(60);
    let shared = format!("{shared} == {shared}");
    assert_eq!(outcome(&policy, &shared), bounded);
}

#[test]
fn a_predicate_is_a_condition_by_itself() {
    let declared = |name: &str, value_type| (std::sync::Arc::from(name), value_type);
    let parameters = || {
        [
            declared("amount", super::ParameterType::Int),
            declared("role", super::ParameterType::String),
        ]
    };
    let text = "amount <= 10 && role in [\"buyer\", \"boss\"]";
    let predicate = super::Predicate::new(text, parameters()).unwrap();
    let role = |name: &str| Some(Value::String(name.into()));
    let holds = |amount, name: &str| predicate.holds(&[Some(Value::Int(amount)), role(name)]);
    assert_eq!(holds(10, "boss"), Ok(true));
    assert_eq!(holds(11, "boss"), Ok(false));
    assert_eq!(holds(10, "guest"), Ok(false));
    assert_eq!(predicate.holds(&[None, role("guest")]), Ok(false));
    let unknown = Failure::Unknown(["amount".into()].into());
    assert_eq!(predicate.holds(&[None, role("boss")]), Err(unknown));
    assert!(super::Predicate::new("amount <= limit", parameters()).is_err());
    let twice = parameters().into_iter().chain(parameters());
    assert!(super::Predicate::new("true", twice).is_err());
}
