//! What differs on the facts that are given: whoever and whatever they name, wherever.

use authz::source::Source;
use authz::{Facts, Policy, read_facts, read_policy};
use authz_analysis::diff::{Change, Limits, Side, diff, text};

use crate::conformance::now;

const MODEL: &str = "\
model
  schema 1.1
type user
type folder
  relations
    define viewer: [user]
type doc
  relations
    define parent: [folder]
    define editor: [user] or viewer from parent
";

const POLICY: &str = "
version: 1
types:
  user: {}
  folder: {}
  doc:
    actions: { edit: instance, sign: instance }
    attributes: { tenant: tenant }
tenants: {}
roles: { boss: { can: { doc: [sign] } }, clerk: { can: {} } }
claims: { doc: { sign: { mfa: true } } }
relations: model.fga
related: { doc: { edit: editor } }
";

fn policy() -> Policy {
    let sources = [
        Source::new("policy.yaml", POLICY),
        Source::new("model.fga", MODEL),
    ];
    read_policy(&sources).unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
}

fn facts(policy: &Policy, text: &str) -> Facts {
    let read = read_facts(policy, &[Source::new("facts.yaml", text)]);
    read.unwrap_or_else(|mistakes| panic!("{mistakes:#?}"))
}

/// What the difference of the facts says, a line each: change, who, action, resource.
fn differences(old: &str, new: &str) -> Vec<String> {
    let sides = [old, new].map(|text| {
        let policy = policy();
        let facts = facts(&policy, text);
        (policy, facts)
    });
    let [old, new] = sides
        .each_ref()
        .map(|(policy, facts)| Side { policy, facts });
    let found = diff(old, new, now(), Limits::default());
    assert!(found.bounds.is_empty(), "{}", text(&found));
    let lines = found.lines.iter().map(|line| {
        assert_ne!(line.old.answer, line.new.answer);
        let (change, who) = (line.change, line.example.subject.as_deref());
        let widening = if change == Change::Widening { "+" } else { "-" };
        let action = line.actions.join(" ");
        let what = line.example.resource_name();
        format!("{widening} {} {action} {what}", who.unwrap_or_default())
    });
    lines.collect()
}

const NOBODY_IS_LISTED: &str = "resources: { \"doc:1\": { attributes: { tenant: acme } } }\n";

#[test]
fn who_is_named_by_relationships_alone_counts() {
    let direct = format!("{NOBODY_IS_LISTED}relationships: [\"doc:1#editor@user:b\"]\n");
    let added = ["+ user:b edit doc:1"];
    assert_eq!(differences(NOBODY_IS_LISTED, &direct), added);
    let removed = ["- user:b edit doc:1"];
    assert_eq!(differences(&direct, NOBODY_IS_LISTED), removed);
    let parts = ["\"doc:1#parent@folder:a\"", "\"folder:a#viewer@user:c\""];
    let [half, whole] = [&parts[..1], &parts].map(|parts| {
        let parts = parts.join(", ");
        format!("{NOBODY_IS_LISTED}relationships: [{parts}]\n")
    });
    assert!(differences(NOBODY_IS_LISTED, &half).is_empty());
    assert_eq!(differences(&half, &whole), ["+ user:c edit doc:1"]);
}

#[test]
fn a_change_of_roles_counts_where_the_credential_has_the_claims() {
    let with = |role: &str| {
        format!("subjects: {{ \"user:a\": {{ roles: {{ acme: [{role}] }} }} }}\n{NOBODY_IS_LISTED}")
    };
    let (clerk, boss) = (with("clerk"), with("boss"));
    assert_eq!(differences(&clerk, &boss), ["+ user:a sign doc:1"]);
    assert_eq!(differences(&boss, &clerk), ["- user:a sign doc:1"]);
}
