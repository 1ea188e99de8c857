//! Decisions on a small policy: request => outcome and reason.

use authz::source::Source;
use authz::{Policy, Request, SubjectFacts, read_policy};
use serde_json::json;

pub(crate) const POLICY: &str = r#"
version: 1
types:
  user: { attributes: { department: string, suspended: { type: bool, default: false } } }
  post:
    actions: { create: collection, list: collection, read: instance, update: instance, delete: instance }
    attributes: { owner: user, tenant: tenant }
roles:
  viewer: { can: { post: [list, read] } }
  editor: { includes: [viewer], can: { post: [create, update] } }
  admin: { includes: [editor], can: { post: [delete], user: ["*"] } }
  support: { across_tenants: true, can: { post: [read] } }
tenants: { conceal: true }
"#;

pub(crate) fn policy(text: &str) -> Policy {
    let sources = [Source::new("policy.yaml", text)];
    match read_policy(&sources) {
        Ok(policy) => policy,
        Err(mistakes) => panic!("{}", authz::source::render(&mistakes, &sources, false)),
    }
}

fn decide(policy: &Policy, roles: &[&str], tenant: &str, action: &str) -> String {
    let facts = SubjectFacts {
        reference: Some("user:vera".to_owned()),
        signed_in: true,
        tenant: Some(tenant.to_owned()),
        roles: roles.iter().map(|&role| role.to_owned()).collect(),
        ..SubjectFacts::default()
    };
    let subject = policy.subject(facts).unwrap();
    let attributes = json!({ "tenant": "acme", "owner": "user:oscar" });
    let resource = policy
        .resource("post", Some("7"), attributes.as_object().unwrap())
        .unwrap();
    let decision = policy.decide(&Request {
        subject: &subject,
        action,
        resource: &resource,
        now: jiff::Timestamp::UNIX_EPOCH,
    });
    format!("{:?}: {}", decision.outcome, decision.reason.text)
}

#[test]
fn roles_and_tenants() {
    let policy = policy(POLICY);
    let cases = [
        (
            "viewer",
            "acme",
            "update",
            "Deny(Forbidden): role `viewer` does not permit it, and no rule does",
        ),
        (
            "editor",
            "acme",
            "update",
            "Permit: role `editor` may update post",
        ),
        (
            "admin",
            "acme",
            "update",
            "Permit: role `editor` (included in `admin`) may update post",
        ),
        (
            "admin",
            "globex",
            "update",
            "Deny(Concealed): it is another tenant's, and nothing lets a subject of `globex` cross",
        ),
        (
            "support",
            "globex",
            "read",
            "Permit: role `support` may read post",
        ),
        (
            "support",
            "globex",
            "raed",
            "Indeterminate: `post` has no action `raed`",
        ),
    ];
    for (role, tenant, action, expected) in cases {
        assert_eq!(decide(&policy, &[role], tenant, action), expected);
    }
}
