//! The joined decision on `policies/joined`: credentials, tenants with shares, roles, relations,
//! rules and flags together. Matrices as golden files, with the reason of each cell.

use authz::language::print_policy;
use authz::source::{Source, render};
use authz::{
    Credential, Decision, Denial, Facts, Outcome, Policy, Reference, Request, Resource, Subject,
    SubjectFacts, no_context, read_facts, read_policy,
};
use serde_json::{Map, Value, json};

pub(crate) const POLICY: &str = include_str!("policies/joined/policy.yaml");
pub(crate) const MODEL: &str = include_str!("policies/joined/model.fga");
pub(crate) const FACTS: &str = include_str!("policies/joined/facts.yaml");

pub(crate) fn policy(text: &str) -> Policy {
    let sources = [
        Source::new("policy/policy.yaml", text),
        Source::new("policy/model.fga", MODEL),
    ];
    match read_policy(&sources) {
        Ok(policy) => policy,
        Err(mistakes) => panic!("{}", render(&mistakes, &sources, false)),
    }
}

pub(crate) fn facts(policy: &Policy, text: &str) -> Facts {
    let sources = [Source::new("policy/facts.yaml", text)];
    match read_facts(policy, &sources) {
        Ok(facts) => facts,
        Err(mistakes) => panic!("{}", render(&mistakes, &sources, false)),
    }
}

/// What is wrong with these facts.
fn mistakes(policy: &Policy, text: &str) -> String {
    let sources = [Source::new("facts.yaml", text)];
    let mistakes = read_facts(policy, &sources).map(drop).unwrap_err();
    render(&mistakes, &sources, false)
}

/// A signed-in subject as the facts know it.
fn subject(policy: &Policy, facts: &Facts, name: &str, tenant: &str) -> Subject {
    with_credential(policy, facts, (name, tenant), Credential::default())
}

fn with_credential(
    policy: &Policy,
    facts: &Facts,
    (name, tenant): (&str, &str),
    credential: Credential,
) -> Subject {
    let given = SubjectFacts {
        reference: Some(format!("user:{name}")),
        signed_in: true,
        tenant: Some(tenant.to_owned()),
        credential,
        ..SubjectFacts::default()
    };
    policy.subject(facts.complete(given)).unwrap()
}

fn document(policy: &Policy, facts: &Facts, id: &str) -> Resource {
    let attributes = facts.attributes_of(&Reference::new("document", id));
    let attributes = attributes.unwrap_or(no_context());
    policy.resource("document", Some(id), attributes).unwrap()
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
    let place = &decision.reason.place;
    let place = place.as_ref().map_or("-".to_owned(), ToString::to_string);
    let outcome = format!("{outcome}{clock}");
    format!("{outcome:9} {}  [{place}]", decision.reason.text)
}

/// A line for each subject, action and document.
fn table(policy: &Policy, facts: &Facts, now: &str, context: &Map<String, Value>) -> String {
    let mut table = String::new();
    for (name, tenant) in [
        ("alice", "acme"),
        ("bob", "acme"),
        ("bob", "globex"),
        ("gina", "globex"),
        ("tess", "acme"),
        ("otto", "globex"),
    ] {
        let subject = subject(policy, facts, name, tenant);
        for (action, ids) in [
            ("create", &["-"][..]),
            ("read", &["plan", "memo", "wall", "none"]),
            ("update", &["plan", "memo", "wall"]),
        ] {
            for &id in ids {
                let resource = match id {
                    "-" => policy.resource("document", None, no_context()).unwrap(),
                    id => document(policy, facts, id),
                };
                let decision = policy.decide(&Request {
                    subject: &subject,
                    action,
                    resource: &resource,
                    now: now.parse().unwrap(),
                    facts,
                    context,
                });
                let who = format!("{name} of {tenant}");
                let shown = short(&decision);
                table.push_str(&format!("{who:16} {action:6} {id:5} {shown}\n"));
            }
        }
    }
    table
}

#[test]
fn roles_relations_shares_and_rules_decide_together() {
    let policy = policy(POLICY);
    let facts = facts(&policy, FACTS);
    insta::assert_snapshot!(table(&policy, &facts, "2026-11-22T12:00:00Z", no_context()));
}

#[test]
fn a_share_and_a_relationship_end_at_their_instants() {
    let policy = policy(POLICY);
    let facts = facts(&policy, FACTS);
    let last = table(&policy, &facts, "2026-12-31T23:59:59.999Z", no_context());
    let first = table(&policy, &facts, "2027-01-01T00:00:00Z", no_context());
    let changed: Vec<String> = last
        .lines()
        .zip(first.lines())
        .filter(|(before, after)| before != after)
        .map(|(before, after)| format!("{before}\n  then {after}\n"))
        .collect();
    insta::assert_snapshot!(changed.concat());
}

#[test]
fn the_context_of_a_request_settles_conditional_relationships() {
    let policy = policy(POLICY);
    let facts = facts(&policy, FACTS);
    let bob = subject(&policy, &facts, "bob", "globex");
    let wall = document(&policy, &facts, "wall");
    let of = |context: Value| {
        let decision = policy.decide(&Request {
            subject: &bob,
            action: "update",
            resource: &wall,
            now: jiff::Timestamp::UNIX_EPOCH,
            facts: &facts,
            context: context.as_object().unwrap(),
        });
        serde_json::to_value(decision).unwrap()
    };
    assert_eq!(of(json!({ "region": "eu" }))["outcome"], "permit");
    assert_eq!(
        of(json!({ "region": "us" }))["outcome"],
        json!({ "deny": "forbidden" })
    );
    let unknown = of(json!({}));
    assert_eq!(unknown["outcome"], "indeterminate");
    assert_eq!(
        unknown["reason"]["missing"],
        json!(["region"]),
        "{unknown:#}"
    );
    assert_eq!(of(json!({ "region": 7 }))["outcome"], "indeterminate");
}

#[test]
fn credentials_limit_whatever_their_holder_may_do() {
    let policy = policy(POLICY);
    let facts = facts(&policy, FACTS);
    let plan = document(&policy, &facts, "plan");
    let scopes = |names: &[&str]| Credential {
        scopes: Some(names.iter().map(|&name| name.into()).collect()),
        ..Credential::default()
    };
    let claims = |claims: Value| Credential {
        claims: claims.as_object().unwrap().clone(),
        ..Credential::default()
    };
    let at = |text: &str| Some(text.parse().unwrap());
    let cases = [
        ("no scopes at all", Credential::default()),
        ("scope read:data", scopes(&["read:data"])),
        ("scope write:data", scopes(&["write:data"])),
        ("an unknown scope", scopes(&["admin"])),
        ("an unknown one beside", scopes(&["admin", "read:data"])),
        ("an empty list of scopes", scopes(&[])),
        ("claim mfa", claims(json!({ "mfa": true }))),
        ("claim mfa as text", claims(json!({ "mfa": "true" }))),
        (
            "claim mfa in a list",
            claims(json!({ "mfa": ["otp", true] })),
        ),
        (
            "of its own organization",
            claims(json!({ "mfa": true, "org": "acme" })),
        ),
        (
            "of another organization",
            claims(json!({ "mfa": true, "org": "globex" })),
        ),
        (
            "revoked",
            Credential {
                revoked: true,
                ..Credential::default()
            },
        ),
        (
            "expiring",
            Credential {
                valid_until: at("2026-11-22T12:00:01Z"),
                ..Credential::default()
            },
        ),
        (
            "expired",
            Credential {
                valid_until: at("2026-11-22T12:00:00Z"),
                ..Credential::default()
            },
        ),
        (
            "just valid",
            Credential {
                valid_from: at("2026-11-22T12:00:00Z"),
                ..Credential::default()
            },
        ),
        (
            "not yet valid",
            Credential {
                valid_from: at("2026-11-22T12:00:01Z"),
                ..Credential::default()
            },
        ),
    ];
    let mut table = String::new();
    for (name, credential) in cases {
        let alice = with_credential(&policy, &facts, ("alice", "acme"), credential);
        for action in ["read", "update", "delete"] {
            let decision = policy.decide(&Request {
                subject: &alice,
                action,
                resource: &plan,
                now: "2026-11-22T12:00:00Z".parse().unwrap(),
                facts: &facts,
                context: no_context(),
            });
            table.push_str(&format!("{name:24} {action:6} {}\n", short(&decision)));
        }
    }
    insta::assert_snapshot!(table);
}

#[test]
fn the_lines_of_a_flag_only_add_to_each_other() {
    let on = |lines: Value, reference: Option<&str>, roles: &[&str], tenant: Option<&str>| {
        let mut file = json!({
            "version": 1,
            "types": { "user": {}, "post": { "actions": { "create": "collection" } } },
            "roles": { "viewer": {}, "editor": { "includes": ["viewer"] }, "guest": {} },
            "flags": { "f": lines },
        });
        file["rules"] = json!([{ "name": "on", "permit": { "post": ["*"] }, "when": "flag('f')" }]);
        let policy = policy(&file.to_string());
        let subject = policy.subject(SubjectFacts {
            reference: reference.map(str::to_owned),
            signed_in: reference.is_some() || tenant.is_some(),
            tenant: tenant.map(str::to_owned),
            roles: roles.iter().map(|&role| role.to_owned()).collect(),
            ..SubjectFacts::default()
        });
        let decision = policy.decide(&Request {
            subject: &subject.unwrap(),
            action: "create",
            resource: &policy.resource("post", None, no_context()).unwrap(),
            now: jiff::Timestamp::UNIX_EPOCH,
            facts: Facts::none(),
            context: no_context(),
        });
        decision.outcome == Outcome::Permit
    };
    let vera = Some("user:vera");
    let cases = [
        (json!(true), None, &[][..], None, true),
        (json!(false), vera, &[], None, false),
        (json!({}), vera, &[], None, false),
        (json!({ "default": true }), None, &[], None, true),
        (json!({ "users": ["user:vera"] }), vera, &[], None, true),
        (
            json!({ "users": ["user:vera"], "rollout": 0 }),
            vera,
            &[],
            None,
            true,
        ),
        (json!({ "users": ["user:oscar"] }), vera, &[], None, false),
        (
            json!({ "roles": ["viewer"] }),
            vera,
            &["viewer"],
            None,
            true,
        ),
        (
            json!({ "roles": ["viewer"] }),
            vera,
            &["editor"],
            None,
            true,
        ),
        (
            json!({ "roles": ["viewer"] }),
            vera,
            &["guest"],
            None,
            false,
        ),
        (json!({ "roles": ["signed-in"] }), vera, &[], None, true),
        (json!({ "roles": ["signed-in"] }), None, &[], None, false),
        (json!({ "roles": ["anyone"] }), None, &[], None, true),
        (
            json!({ "tenants": ["acme"] }),
            vera,
            &[],
            Some("acme"),
            true,
        ),
        (
            json!({ "tenants": ["acme"] }),
            vera,
            &[],
            Some("globex"),
            false,
        ),
        (json!({ "rollout": 100 }), vera, &[], None, true),
        (json!({ "rollout": 100 }), None, &[], None, false),
        (
            json!({ "rollout": 99, "tenants": ["acme"] }),
            None,
            &[],
            Some("acme"),
            true,
        ),
    ];
    for (lines, reference, roles, tenant, expected) in cases {
        let found = on(lines.clone(), reference, roles, tenant);
        assert_eq!(
            found, expected,
            "{lines} {reference:?} {roles:?} {tenant:?}"
        );
    }
}

/// The policy, printed and read again.
fn again(policy: &Policy) -> (String, Policy) {
    let printed = print_policy(policy);
    let read = self::policy(&printed);
    (printed, read)
}

#[test]
fn a_printed_policy_is_the_same_policy() {
    let first = policy(POLICY);
    let (printed, second) = again(&first);
    let (twice, _) = again(&second);
    assert_eq!(printed, twice);
    insta::assert_snapshot!(printed);
    // It decides alike, with the same reasons, but for their places.
    let shown = |policy: &Policy| {
        let facts = facts(policy, FACTS);
        let table = table(policy, &facts, "2026-11-22T12:00:00Z", no_context());
        let lines = table
            .lines()
            .map(|line| line.split(" [").next().unwrap().to_owned());
        lines.collect::<Vec<_>>()
    };
    assert_eq!(shown(&first), shown(&second));
    for text in [
        crate::decisions::PUBLISHING,
        include_str!("policies/small.yaml"),
    ] {
        let (printed, read) = again(&policy(text));
        assert_eq!(printed, again(&read).0);
    }
}

#[test]
fn facts_that_the_policy_does_not_know_are_told_all_at_once() {
    let policy = policy(POLICY);
    insta::assert_snapshot!(mistakes(
        &policy,
        "\
subjects:
  user:vera: { roles: { acme: [edtor, signed-in] }, attributes: { department: 7 } }
  usr:vera: {}
  vera: { role: viewer }
  user:una: { roles: viewer }
resources:
  document:1: { attributes: { tennant: acme } }
  folder:1: {}
relationships:
  - user:alice#viewer@document:report
  - document:report#viewer
  - document:report#veiwer@user:alice
  - document:report#viewer@user:alice[expiration:tomorrow]
  - user:alice#member@organization:acme
shares:
  - { resource: document:1, with: globex, permission: update }
  - { resource: document:1, with: globex, permission: raed, until: soon }
  - { resource: folder:1, with: globex, permission: read }
  - { with: globex }
version: 2
relationship: []
"
    ));
}
