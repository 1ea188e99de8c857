//! Business hours on the clock of Berlin, in winter, in summer and over the two changes; and
//! attributes that are missing on either side of a comparison. Golden tables.

use authz::{Facts, Outcome, Policy, Request, SubjectFacts, no_context};
use jiff::Zoned;
use serde_json::{Map, Value, json};

use crate::decisions::policy;

const POLICY: &str = include_str!("policies/hours.yaml");

fn decide(policy: &Policy, action: &str, of: (Value, Value), now: jiff::Timestamp) -> String {
    let attributes = |value: &Value| value.as_object().unwrap().clone();
    let subject = SubjectFacts {
        reference: Some("user:vera".to_owned()),
        signed_in: true,
        roles: vec!["clerk".to_owned()],
        attributes: attributes(&of.0),
        ..SubjectFacts::default()
    };
    let resource: Map<String, Value> = attributes(&of.1);
    let decision = policy.decide(&Request {
        subject: &policy.subject(subject).unwrap(),
        action,
        resource: &policy.resource("record", Some("1"), &resource).unwrap(),
        now,
        facts: Facts::none(),
        context: no_context(),
    });
    let outcome = match decision.outcome {
        Outcome::Permit => "permit",
        Outcome::Deny(_) => "deny",
        Outcome::Indeterminate => "indeterminate",
    };
    let clock = if decision.depends_on_time { "~" } else { "" };
    format!("{outcome}{clock}  ({})", decision.reason.text)
}

#[test]
fn business_hours_are_half_open_on_the_clock_of_the_zone() {
    let policy = policy(POLICY);
    let mut table = String::new();
    // Winter, summer, the night in which an hour is missing, and the one that has it twice.
    for day in ["2026-11-23", "2026-07-15", "2026-03-29", "2026-10-25"] {
        for time in [
            "03:00:00", "07:59:59", "08:00:00", "17:59:59", "18:00:00", "18:59:00",
        ] {
            let local: Zoned = format!("{day}T{time}[Europe/Berlin]").parse().unwrap();
            let now = local.timestamp();
            for classification in ["normal", "restricted"] {
                let record = json!({ "classification": classification });
                let answer = decide(&policy, "read", (json!({}), record), now);
                table.push_str(&format!(
                    "{day} {time} = {now}  {classification:10}  {answer}\n"
                ));
            }
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn an_instant_counts_and_not_what_the_clock_of_another_zone_shows() {
    let policy = policy(POLICY);
    let restricted = || (json!({}), json!({ "classification": "restricted" }));
    // 07:30 UTC is 08:30 in Berlin in winter, 09:30 in summer; 06:30 UTC is 07:30 and 08:30.
    let at = |text: &str| decide(&policy, "read", restricted(), text.parse().unwrap());
    assert!(at("2026-11-23T07:30:00Z").starts_with("permit"));
    assert!(at("2026-11-23T06:30:00Z").starts_with("deny"));
    assert!(at("2026-07-15T06:30:00Z").starts_with("permit"));
    assert!(at("2026-07-15T16:30:00Z").starts_with("deny"));
    assert!(at("2026-11-23T16:30:00Z").starts_with("permit"));
}

#[test]
fn a_missing_attribute_equals_nothing_on_either_side() {
    let policy = policy(POLICY);
    let news = || json!({ "department": "news" });
    let cases = [
        ("both the same", news(), news()),
        ("different", news(), json!({ "department": "pr" })),
        ("missing of the resource", news(), json!({})),
        ("missing of the subject", json!({}), news()),
        ("missing of both", json!({}), json!({})),
        (
            "empty of both",
            json!({ "department": "" }),
            json!({ "department": "" }),
        ),
    ];
    let mut table = String::new();
    for (name, subject, resource) in cases {
        let answer = decide(
            &policy,
            "update",
            (subject, resource),
            jiff::Timestamp::UNIX_EPOCH,
        );
        table.push_str(&format!("{name:24}  {answer}\n"));
    }
    insta::assert_snapshot!(table);
}
