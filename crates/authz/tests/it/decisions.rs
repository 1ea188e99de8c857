//! Decisions on the policy of `policies/publishing.yaml`: one matrix of outcomes as a golden
//! file, with the reason of each below it.

use authz::source::{Source, render};
use authz::{
    Decision, Denial, Facts, Outcome, Policy, Request, Resource, Subject, SubjectFacts, no_context,
    read_policy,
};
use serde_json::{Value, json};

pub(crate) const PUBLISHING: &str = include_str!("policies/publishing.yaml");

pub(crate) fn policy(text: &str) -> Policy {
    let sources = [Source::new("policy.yaml", text)];
    match read_policy(&sources) {
        Ok(policy) => policy,
        Err(mistakes) => panic!("{}", render(&mistakes, &sources, false)),
    }
}

/// A signed-in subject, `user:NAME`.
fn member(policy: &Policy, name: &str, tenant: &str, roles: &[&str], attributes: Value) -> Subject {
    let facts = SubjectFacts {
        reference: Some(format!("user:{name}")),
        signed_in: true,
        tenant: Some(tenant.to_owned()),
        roles: roles.iter().map(|&role| role.to_owned()).collect(),
        attributes: attributes.as_object().unwrap().clone(),
        ..SubjectFacts::default()
    };
    policy.subject(facts).unwrap()
}

fn subjects(policy: &Policy) -> Vec<(&'static str, Subject)> {
    let news = || json!({ "department": "news" });
    let facts = |signed_in| SubjectFacts {
        signed_in,
        tenant: signed_in.then(|| "acme".to_owned()),
        ..SubjectFacts::default()
    };
    vec![
        ("anonymous", policy.subject(facts(false)).unwrap()),
        ("unnamed", policy.subject(facts(true)).unwrap()),
        ("viewer", member(policy, "vic", "acme", &["viewer"], news())),
        (
            "editor",
            member(policy, "vera", "acme", &["editor"], news()),
        ),
        (
            "undescribed",
            member(policy, "una", "acme", &["viewer"], json!({})),
        ),
        (
            "pr",
            member(policy, "paul", "acme", &[], json!({ "department": "pr" })),
        ),
        (
            "suspended",
            member(
                policy,
                "sue",
                "acme",
                &["admin"],
                json!({ "suspended": true }),
            ),
        ),
        ("admin", member(policy, "ada", "acme", &["admin"], news())),
        (
            "outsider",
            member(policy, "oscar", "globex", &["editor"], news()),
        ),
        (
            "support",
            member(policy, "sam", "globex", &["support"], news()),
        ),
        (
            "operator",
            member(policy, "olga", "globex", &["operator"], news()),
        ),
    ]
}

fn resources(policy: &Policy) -> Vec<(&'static str, &'static str, Resource)> {
    let post = |attributes: Value| {
        let attributes = attributes.as_object().unwrap();
        policy.resource("post", Some("7"), attributes).unwrap()
    };
    let acme = || post(json!({ "owner": "user:vera", "tenant": "acme" }));
    let all = policy
        .resource("post", None, &serde_json::Map::new())
        .unwrap();
    let globex = post(json!({ "owner": "user:oscar", "tenant": "globex" }));
    let closed = json!({ "owner": "user:vera", "tenant": "acme", "classification": "restricted" });
    let comment = json!({ "owner": "user:vic", "post": "post:7" });
    let comment = comment.as_object().unwrap();
    vec![
        ("all", "list", all.clone()),
        ("all", "create", all),
        ("acme's, vera's", "read", acme()),
        ("acme's, vera's", "update", acme()),
        ("acme's, vera's", "delete", acme()),
        (
            "acme's, ownerless",
            "update",
            post(json!({ "tenant": "acme" })),
        ),
        ("globex's, oscar's", "read", globex.clone()),
        ("globex's, oscar's", "update", globex),
        ("restricted", "read", post(closed)),
        ("nobody's", "read", post(json!({}))),
        (
            "vic's",
            "read",
            policy.resource("comment", Some("1"), comment).unwrap(),
        ),
        (
            "vic's",
            "delete",
            policy.resource("comment", Some("1"), comment).unwrap(),
        ),
        (
            "vic's",
            "hide",
            policy.resource("comment", Some("1"), comment).unwrap(),
        ),
    ]
}

fn short(decision: &Decision) -> String {
    let outcome = match decision.outcome {
        Outcome::Permit => "permit",
        Outcome::Deny(Denial::Unauthenticated) => "unauth",
        Outcome::Deny(Denial::Forbidden) => "forbid",
        Outcome::Deny(Denial::Concealed) => "conceal",
        Outcome::Indeterminate => "indet",
    };
    let clock = if decision.depends_on_time { "~" } else { "" };
    format!("{outcome}{clock}")
}

#[test]
fn the_matrix_of_the_publishing_policy() {
    let policy = policy(PUBLISHING);
    let subjects = subjects(&policy);
    let (mut matrix, mut reasons) = (format!("{:34}", ""), String::new());
    for (name, _) in &subjects {
        matrix.push_str(&format!("{name:12}"));
    }
    for (which, action, resource) in resources(&policy) {
        let row = format!("{}.{action} of {which}", resource.type_name());
        matrix.push_str(&format!("\n{row:34}"));
        reasons.push_str(&format!("\n\n{row}"));
        for (name, subject) in &subjects {
            let decision = policy.decide(&Request {
                subject,
                action,
                resource: &resource,
                now: "2026-11-22T18:30:00Z".parse().unwrap(),
                facts: Facts::none(),
                context: no_context(),
            });
            matrix.push_str(&format!("{:12}", short(&decision)));
            let place = decision.reason.place.map(|place| place.line.to_string());
            let line = place.unwrap_or_else(|| "-".to_owned());
            reasons.push_str(&format!(
                "\n  {name:12} {line:>3}  {}",
                decision.reason.text
            ));
        }
    }
    let trimmed: Vec<&str> = matrix.lines().map(str::trim_end).collect();
    insta::assert_snapshot!(format!("{}{reasons}", trimmed.join("\n")));
}

#[test]
fn a_decision_is_printed_as_json() {
    let policy = policy(PUBLISHING);
    let admin = member(&policy, "ada", "acme", &["admin"], json!({}));
    let attributes = json!({ "owner": "user:vera", "tenant": "acme" });
    let attributes = attributes.as_object().unwrap();
    let mut printed = Vec::new();
    for (subject, action) in [(&admin, "update"), (&admin, "raed")] {
        let decision = policy.decide(&Request {
            subject,
            action,
            resource: &policy.resource("post", Some("7"), attributes).unwrap(),
            now: jiff::Timestamp::UNIX_EPOCH,
            facts: Facts::none(),
            context: no_context(),
        });
        printed.push(serde_json::to_value(&decision).unwrap());
    }
    let expected = json!([
        {
            "outcome": "permit",
            "reason": {
                "kind": "role", "role": "editor", "via": "admin",
                "place": { "file": "policy.yaml", "line": 16, "column": 3 },
                "text": "role `editor` (included in `admin`) may update post",
            },
            "depends_on_time": false,
        },
        {
            "outcome": "indeterminate",
            "reason": {
                "kind": "indeterminate", "rule": null, "place": null,
                "text": "`post` has no action `raed`",
            },
            "depends_on_time": false,
        },
    ]);
    assert_eq!(Value::Array(printed), expected);
    assert_eq!(
        serde_json::to_value(Outcome::Deny(Denial::Concealed)).unwrap(),
        json!({ "deny": "concealed" })
    );
}

#[test]
fn without_tenants_in_the_file_there_is_no_gate_and_without_conceal_no_hiding() {
    let outcomes = |text: &str| {
        let policy = policy(text);
        let subject = member(&policy, "oscar", "globex", &["editor"], json!({}));
        let attributes = json!({ "owner": "user:vera", "tenant": "acme" });
        let resource = policy.resource("post", Some("7"), attributes.as_object().unwrap());
        let decision = policy.decide(&Request {
            subject: &subject,
            action: "update",
            resource: &resource.unwrap(),
            now: jiff::Timestamp::UNIX_EPOCH,
            facts: Facts::none(),
            context: no_context(),
        });
        (policy.conceals(), decision.outcome)
    };
    let concealed = "tenants: { conceal: true }";
    let forbidden = PUBLISHING.replace(concealed, "tenants: {}");
    let open = PUBLISHING.replace(concealed, "");
    assert_eq!(
        outcomes(PUBLISHING),
        (true, Outcome::Deny(Denial::Concealed))
    );
    assert_eq!(
        outcomes(&forbidden),
        (false, Outcome::Deny(Denial::Forbidden))
    );
    assert_eq!(outcomes(&open), (false, Outcome::Permit));
}

#[test]
fn facts_that_the_policy_does_not_know_are_mistakes() {
    let policy = policy(PUBLISHING);
    let subject = |reference: Option<&str>, roles: &[&str], attributes: Value| {
        let facts = SubjectFacts {
            reference: reference.map(str::to_owned),
            signed_in: true,
            roles: roles.iter().map(|&role| role.to_owned()).collect(),
            attributes: attributes.as_object().unwrap().clone(),
            ..SubjectFacts::default()
        };
        policy.subject(facts).map(drop).unwrap_err()
    };
    let resource = |name: &str, attributes: Value| {
        let attributes = attributes.as_object().unwrap();
        policy
            .resource(name, Some("7"), attributes)
            .map(drop)
            .unwrap_err()
    };
    let found = [
        subject(Some("user:a"), &[], json!({ "departmnt": "news" })),
        subject(Some("user:a"), &[], json!({ "suspended": "no" })),
        subject(Some("usr:a"), &[], json!({})),
        subject(Some("vera"), &[], json!({})),
        subject(Some("user:a"), &["edtor"], json!({})),
        subject(Some("user:a"), &["signed-in"], json!({})),
        subject(None, &[], json!({ "department": "news" })),
        resource("psot", json!({})),
        resource("post", json!({ "titel": "x" })),
        resource("post", json!({ "owner": "vera" })),
        resource("post", json!({ "owner": "post:7" })),
        resource("post", json!({ "tenant": 7 })),
    ];
    insta::assert_snapshot!(found.join("\n"));
}

#[test]
fn facts_of_another_policy_are_indeterminate() {
    let (one, other) = (policy(PUBLISHING), policy(PUBLISHING));
    let none = serde_json::Map::new();
    let subject = member(&one, "ada", "acme", &["admin"], json!({}));
    let decision = other.decide(&Request {
        subject: &subject,
        action: "create",
        resource: &other.resource("post", None, &none).unwrap(),
        now: jiff::Timestamp::UNIX_EPOCH,
        facts: Facts::none(),
        context: no_context(),
    });
    assert_eq!(decision.outcome, Outcome::Indeterminate);
}

#[test]
fn what_the_policy_declares_can_be_asked_for_spelling_help() {
    let policy = policy(PUBLISHING);
    let types: Vec<&str> = policy.type_names().collect();
    let roles: Vec<&str> = policy.role_names().collect();
    let actions: Vec<&str> = policy.action_names("comment").collect();
    let attributes: Vec<&str> = policy.attribute_names("post").collect();
    assert_eq!(types, ["user", "post", "comment"]);
    assert_eq!(roles[..4], ["anyone", "signed-in", "viewer", "editor"]);
    assert_eq!(actions, ["read", "delete"]);
    assert_eq!(attributes, ["owner", "tenant", "classification"]);
    assert_eq!(policy.action_names("nothing").count(), 0);
    assert_eq!(
        policy.action_kind("post", "list"),
        Some(authz::ActionKind::Collection)
    );
    assert_eq!(policy.action_kind("post", "raed"), None);
}

#[test]
fn each_algorithm_decides_in_its_own_way() {
    let text = |algorithm: &str| {
        format!(
            "version: 1\ncombine: {algorithm}\ntypes:\n  user: {{}}\n  post:\n    actions: {{ read: instance, update: instance }}\n    attributes: {{ locked: bool }}\nroles:\n  editor: {{ can: {{ post: [read] }} }}\nrules:\n  - {{ name: never, deny: {{ post: [read] }} }}\n  - {{ name: unlocked, permit: {{ post: [update] }}, when: '!resource.locked' }}\n"
        )
    };
    let mut table = String::new();
    for algorithm in [
        "deny-overrides",
        "permit-overrides",
        "first-applicable",
        "only-one-applicable",
    ] {
        let policy = read_policy(&[Source::new("policy.yaml", &text(algorithm))]).unwrap();
        let subject = policy
            .subject(SubjectFacts {
                reference: Some("user:vera".to_owned()),
                signed_in: true,
                roles: vec!["editor".to_owned()],
                ..SubjectFacts::default()
            })
            .unwrap();
        for (action, attributes) in [
            ("read", "{}"),
            ("update", "{\"locked\":false}"),
            ("update", "{\"locked\":true}"),
            ("update", "{}"),
        ] {
            let attributes = serde_json::from_str(attributes).unwrap();
            let resource = policy.resource("post", Some("1"), &attributes).unwrap();
            let now = "2027-01-01T00:00:00Z".parse().unwrap();
            let decision = policy.decide(&Request {
                subject: &subject,
                action,
                resource: &resource,
                now,
                facts: Facts::none(),
                context: no_context(),
            });
            table.push_str(&format!(
                "{algorithm:20} {action:7} {:?}: {}\n",
                decision.outcome, decision.reason.text
            ));
        }
    }
    insta::assert_snapshot!("algorithms", table);
}
