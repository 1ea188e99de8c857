//! Which values of attributes are offered to who is denied by a condition. Golden.

use std::fmt::Write as _;

use authz::{SubjectFacts, no_context};
use authz_analysis::witness::{Question, explain};
use serde_json::{Map, Value as Json, json};

/// A condition of the rule that alone permits, and what is known of the subject and the resource.
const CASES: [(&str, &str, &str); 16] = [
    ("resource.status == 'published'", "{}", "{}"),
    (
        "resource.status == 'published'",
        "{}",
        r#"{"status":"draft"}"#,
    ),
    ("resource.status in ['open', 'published']", "{}", "{}"),
    ("resource.status != 'draft'", "{}", r#"{"status":"draft"}"#),
    (
        "resource.status == 'published' && resource.region == 'eu'",
        "{}",
        "{}",
    ),
    ("resource.status.startsWith('pub')", "{}", "{}"),
    ("subject.age >= 18", "{}", "{}"),
    ("subject.age > resource.level", "{}", r#"{"level":7}"#),
    ("subject.score > 0.5", r#"{"score":0.25}"#, "{}"),
    (
        "resource.opens <= now",
        "{}",
        r#"{"opens":"2027-01-01T00:00:00Z"}"#,
    ),
    (
        "resource.opens <= timestamp('2020-01-01T00:00:00Z')",
        "{}",
        "{}",
    ),
    (
        "subject.region == resource.region",
        "{}",
        r#"{"region":"eu"}"#,
    ),
    ("subject.region == resource.region", "{}", "{}"),
    ("resource.owner == subject", "{}", "{}"),
    ("resource.owner != subject", "{}", r#"{"owner":"user:ann"}"#),
    (
        "resource.status == 'published' && claims.org == 'x'",
        "{}",
        "{}",
    ),
];

fn object(text: &str) -> Map<String, Json> {
    serde_json::from_str(text).unwrap()
}

#[test]
fn what_conditions_compare_with_is_offered() {
    let mut shown = String::new();
    for (when, subject, resource) in CASES {
        let policy = crate::diffs::policy(&json!({
            "version": 1,
            "types": {
                "user": { "attributes": { "age": "int", "score": "double", "region": "string" } },
                "post": {
                    "actions": { "read": "instance" },
                    "attributes": {
                        "status": "string", "region": "string", "level": "int", "owner": "user", "opens": "timestamp",
                    },
                },
            },
            "roles": { "never": {} },
            "rules": [{ "name": "r", "permit": { "post": ["read"] }, "when": when }],
        }).to_string());
        let question = Question {
            policy: &policy,
            facts: authz::Facts::none(),
            subject: SubjectFacts {
                reference: Some("user:ann".to_owned()),
                signed_in: true,
                attributes: object(subject),
                ..SubjectFacts::default()
            },
            action: "read",
            type_name: "post",
            id: Some("p"),
            attributes: object(resource),
            now: crate::conformance::now(),
            context: no_context(),
        };
        let why = explain(&question, false).unwrap();
        let _ = writeln!(shown, "{when} with {subject} and {resource}");
        for witness in &why.witnesses {
            let facts: Vec<String> = witness.facts.iter().map(ToString::to_string).collect();
            let _ = writeln!(shown, "  + {}", facts.join(" + "));
        }
        let _ = writeln!(shown, "  complete: {}", why.is_complete);
    }
    insta::assert_snapshot!(shown);
}
