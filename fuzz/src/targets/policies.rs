//! `policy.yaml`, `facts.yaml`, and conditions.

use std::sync::LazyLock;

use authz::source::Source;
use authz::{Facts, Outcome, Policy, Request, SubjectFacts, no_context, read_facts, read_policy};
use serde_json::{Map, json};

use super::{now, source, told};

/// The policy that facts are facts of, with its relation model.
pub(super) const SHARED: [(&str, &str); 3] = [
    (
        "policy.yaml",
        include_str!("../../../crates/authz-analysis/tests/it/corpus/shared/policy.yaml"),
    ),
    (
        "model.fga",
        include_str!("../../../crates/authz-analysis/tests/it/corpus/shared/model.fga"),
    ),
    (
        "facts.yaml",
        include_str!("../../../crates/authz-analysis/tests/it/corpus/shared/facts.yaml"),
    ),
];

static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    let [policy, model, _] = SHARED;
    read_policy(&[policy, model].map(|(name, text)| Source::new(name, text))).unwrap()
});

pub(crate) fn policy(bytes: &[u8]) {
    let Some(policy) = source("policy.yaml", bytes) else {
        return;
    };
    let sources = [policy, Source::new("model.fga", SHARED[1].1)];
    if let Some(policy) = told(read_policy(&sources), &sources) {
        ask_everything(&policy, Facts::none());
    }
}

pub(crate) fn facts(bytes: &[u8]) {
    let Some(facts) = source("facts.yaml", bytes) else {
        return;
    };
    let sources = [facts];
    if let Some(facts) = told(read_facts(&POLICY, &sources), &sources) {
        ask_everything(&POLICY, &facts);
    }
}

/// Decides every action of every type for somebody of whom nothing is known but a name.
fn ask_everything(policy: &Policy, facts: &Facts) {
    let subject = SubjectFacts {
        reference: Some("user:alice".to_owned()),
        signed_in: true,
        tenant: Some("acme".to_owned()),
        ..SubjectFacts::default()
    };
    let Ok(subject) = policy.subject(subject) else {
        return;
    };
    for type_name in policy.type_names() {
        let Ok(resource) = policy.resource(type_name, Some("plan"), &Map::new()) else {
            continue;
        };
        for action in policy.action_names(type_name) {
            let _decision = policy.decide(&Request {
                subject: &subject,
                action,
                resource: &resource,
                now: now(),
                facts,
                context: no_context(),
            });
        }
    }
}

const TYPES: &str = r#"
version: 1
types:
  user: { attributes: { department: string, level: int, mentor: user } }
  post:
    actions: { read: instance }
    attributes:
      { owner: user, tenant: tenant, title: string, words: int, rating: double, public: bool, created: timestamp, missing: string }
"#;

/// A condition that the checker lets through is evaluated, and comes to an end.
pub(crate) fn condition(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let rule = json!({ "name": "x", "permit": { "post": ["*"] }, "when": text });
    let sources = [Source::new(
        "policy.yaml",
        &format!("{TYPES}rules: [{rule}]\n"),
    )];
    let Some(policy) = told(read_policy(&sources), &sources) else {
        return;
    };
    let known = json!({ "department": "news", "level": 3, "mentor": "user:oscar" });
    let subject = SubjectFacts {
        reference: Some("user:vera".to_owned()),
        signed_in: true,
        tenant: Some("acme".to_owned()),
        attributes: known.as_object().unwrap().clone(),
        ..SubjectFacts::default()
    };
    let known = json!({
        "owner": "user:vera", "tenant": "acme", "title": "Grüße, Welt", "words": 120,
        "rating": 4.5, "public": true, "created": "2026-11-22T13:30:05.25Z",
    });
    let resource = policy.resource("post", Some("7"), known.as_object().unwrap());
    let decision = policy.decide(&Request {
        subject: &policy.subject(subject).unwrap(),
        action: "read",
        resource: &resource.unwrap(),
        now: now(),
        facts: Facts::none(),
        context: no_context(),
    });
    let permits = decision.outcome == Outcome::Permit;
    assert!(!permits || text.trim() != "false");
}
