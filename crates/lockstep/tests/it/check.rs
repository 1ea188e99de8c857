//! `lockstep check`: answers, accounts of them as golden files, and mistakes.

use serde_json::Value;
use testkit::Project;

use crate::support::{lockstep, run};

const POLICY: &str = r#"version: 1
types:
  user: {}
  document:
    actions: { create: collection, read: instance, update: instance }
    attributes: { tenant: tenant, locked: { type: bool, default: false } }
roles:
  member: { can: { document: [create] } }
  auditor: { across_tenants: true, can: { document: [read] } }
tenants: { conceal: true }
relations: model.fga
related: { document: { read: viewer, update: editor } }
rules:
  - name: locked
    deny: { document: [update] }
    when: resource.locked
scopes: { "write:data": { document: ["*"] } }
shares: { may_grant: { document: [read] } }
"#;

/// A folder belongs to an organization, and its viewers may be the members of one: but nobody has
/// said so of this folder.
const MODEL: &str = r"model
  schema 1.1

type user

type organization
  relations
    define member: [user]

type folder
  relations
    define organization: [organization]
    define owner: [user]
    define viewer: [user, organization#member] or owner

type document
  relations
    define parent: [folder]
    define editor: [user, user with in_region] or owner from parent
    define viewer: [user] or editor or viewer from parent

condition in_region(region: string) {
  region == 'eu'
}
";

const FACTS: &str = r#"subjects:
  user:alice: { roles: { acme: [member] } }
  user:bob: { roles: { acme: [member] } }
  user:gina: { roles: { globex: [member] } }
  user:otto: { roles: [auditor] }
  user:both: { roles: { acme: [member], globex: [member] } }
resources:
  document:plan: { attributes: { tenant: acme } }
  document:memo: { attributes: { tenant: acme, locked: true } }
relationships:
  - organization:acme#member@user:bob
  - folder:eng#organization@organization:acme
  - folder:eng#owner@user:alice
  - document:plan#parent@folder:eng
  - document:memo#editor@user:bob
  - document:plan#editor@user:gina[in_region]
shares:
  - { resource: "document:plan", with: globex, permission: read, until: 2027-01-01T00:00:00Z }
"#;

fn project() -> Project {
    Project::new([
        ("policy/policy.yaml", POLICY),
        ("policy/model.fga", MODEL),
        ("policy/facts.yaml", FACTS),
    ])
}

fn write(project: &Project, name: &str, text: &str) {
    project.write(name, text.as_bytes());
}

/// What is printed, below the command, and the exit code.
fn told(project: &Project, arguments: &str) -> String {
    let mut all = vec!["check"];
    all.extend(arguments.split(' '));
    if !arguments.contains("--at") {
        all.extend(["--at", "2026-11-22T12:00:00Z"]);
    }
    let finished = lockstep(project.path(), &all).run();
    let code = finished.code.unwrap();
    let (out, err) = (&finished.stdout, &finished.stderr);
    format!("$ lockstep check {arguments}\n{out}{err}exit {code}\n\n")
}

#[test]
fn the_worked_case_says_no_and_shows_the_missing_link() {
    let project = project();
    let mut shown = told(&project, "user:bob read document:plan");
    shown += &told(&project, "user:bob read document:plan --explain");
    insta::assert_snapshot!(shown);
    // The change that is named is one.
    let missing = "  - folder:eng#viewer@organization:acme#member\n";
    write(
        &project,
        "policy/facts.yaml",
        &FACTS.replace("shares:\n", &format!("{missing}shares:\n")),
    );
    let shown = told(&project, "user:bob read document:plan --explain");
    insta::assert_snapshot!("worked_case_completed", shown);
}

#[test]
fn with_the_resource_unknown_the_answer_is_a_condition_over_it() {
    let project = project();
    let rules = "rules:
  - name: own-and-open
    permit: { document: [update] }
    when: subject == resource.owner && (resource.level + 1 < 3 || resource.name.startsWith('x'))
  - name: office
    deny: { document: [read, update] }
    when: resource.level > 5 && !within(now, '08:00', '18:00', 'UTC')
";
    let policy = POLICY.replace("rules:\n", rules).replace(
        "locked: {",
        "owner: user, level: int, name: string, locked: {",
    );
    write(&project, "policy/policy.yaml", &policy);
    let cases = [
        "user:bob read document:?",
        "user:bob update document:?",
        "user:bob update document:? --at 2026-11-22T19:00:00Z",
        "user:otto read document:? --tenant acme",
        "user:gina read document:?",
        "user:gina read document:? --at 2027-01-01T00:00:00Z",
        "user:alice create document:?",
        "user:alice update document:? --scopes profile",
        "nobody read document:?",
        "user:bob update document:? --json",
        "user:bob update document:? --explain",
        "user:bob updat document:?",
        "user:? read document:plan",
        "group:eng#member read document:plan",
        "user:bob read document:plan#viewer",
        "user:bob update documnt:?",
    ];
    let shown: String = cases.iter().map(|case| told(&project, case)).collect();
    insta::assert_snapshot!(shown);
}

#[test]
fn the_worked_case_is_drawn() {
    let project = project();
    let mut shown = told(&project, "user:bob read document:plan --draw dot");
    shown += &told(&project, "user:bob read document:plan --draw mermaid");
    insta::assert_snapshot!(shown);
}

#[test]
fn every_witness_of_a_denial_and_every_path_of_a_permit_is_told_on_request() {
    let project = project();
    write(
        &project,
        "policy/facts.yaml",
        &FACTS.replace(
            "shares:\n",
            "  - document:plan#viewer@user:alice\n  - document:poster#blocked@user:bob\nshares:\n",
        )
        .replace("resources:\n", "resources:\n  document:poster: { attributes: { tenant: acme } }\n"),
    );
    let model = MODEL.replace(
        "define viewer: [user] or editor or viewer from parent",
        "define blocked: [user]\n    define viewer: ([user] or editor or viewer from parent) but not blocked",
    );
    write(&project, "policy/model.fga", &model);
    let cases = [
        "user:bob read document:plan --all",
        "user:alice read document:plan --all",
        "user:alice read document:plan --all --draw mermaid",
        "user:bob update document:plan --all",
        "user:bob read document:poster --explain",
        "user:bob read document:poster --draw dot",
        "user:alice create document --all",
        "nobody create document --explain",
    ];
    let shown: String = cases.iter().map(|case| told(&project, case)).collect();
    insta::assert_snapshot!(shown);
}

#[test]
fn where_the_model_has_no_word_for_it_the_word_is_named() {
    let model = MODEL.replace("[user, organization#member] or owner", "[user] or owner");
    let project = project();
    write(&project, "policy/model.fga", &model);
    let shown = told(&project, "user:bob read document:plan --explain");
    insta::assert_snapshot!(shown);
    let model = model.replace(
        "[user] or owner",
        "[user] or owner or member from organization",
    );
    write(&project, "policy/model.fga", &model);
    assert!(
        told(&project, "user:bob read document:plan")
            .starts_with("$ lockstep check user:bob read document:plan\nallowed")
    );
}

#[test]
fn every_part_of_the_policy_is_told_with_its_place() {
    let project = project();
    let cases = [
        "user:alice read document:plan --explain",
        "user:alice create document --explain",
        "user:bob update document:memo --explain",
        "user:bob update document:memo --attributes {\"locked\":false} --explain",
        "user:gina read document:plan --explain",
        "user:gina read document:plan --context {\"region\":\"eu\"} --explain",
        "user:gina read document:plan --at 2027-01-01T00:00:00Z --explain",
        "user:gina read document:none --explain",
        "user:otto read document:memo --tenant globex --explain",
        "user:alice update document:plan --scopes read:data,profile --explain",
        "user:alice update document:plan --scopes write:data",
        "user:nobody-knows update document:memo --explain",
        "nobody read document:plan --explain",
    ];
    let shown: String = cases.iter().map(|case| told(&project, case)).collect();
    insta::assert_snapshot!(shown);
}

#[test]
fn the_account_is_printed_as_json() {
    let project = project();
    insta::assert_snapshot!(told(&project, "user:bob read document:plan --json"));
}

/// The schema, with nothing allowed beyond what it describes.
fn strict(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.contains_key("properties") {
                members.insert("additionalProperties".to_owned(), Value::Bool(false));
            }
            members.values_mut().for_each(strict);
        }
        Value::Array(items) => items.iter_mut().for_each(strict),
        _ => {}
    }
}

#[test]
fn the_schema_describes_all_that_is_printed() {
    let printed = run(&["schema", "check"]).stdout;
    let mut schema: Value = serde_json::from_str(&printed).unwrap();
    strict(&mut schema);
    let schema = jsonschema::draft202012::new(&schema).unwrap();
    let project = project();
    let cases = [
        "user:bob read document:plan --json",
        "user:bob read document:plan --json --all",
        "user:alice read document:plan --json --all",
        "user:alice create document --json --all",
        "user:bob update document:memo --json",
        "user:gina read document:plan --json",
        "user:gina read document:plan --json --all --context {\"region\":\"eu\"}",
        "user:gina update document:plan --json",
        "user:gina read document:none --json",
        "user:otto read document:memo --tenant globex --json --all",
        "user:alice update document:plan --scopes profile --json",
        "nobody read document:plan --json",
    ];
    for case in cases {
        let shown = told(&project, case);
        let (_, json) = shown.split_once('\n').unwrap();
        let (json, _) = json.rsplit_once("exit").unwrap();
        let json: Value = serde_json::from_str(json).unwrap();
        let wrong: Vec<String> = schema.iter_errors(&json).map(|it| it.to_string()).collect();
        assert!(wrong.is_empty(), "{case}: {wrong:#?}");
    }
}

#[test]
fn mistakes_are_told_and_nothing_is_answered() {
    let project = project();
    let cases = [
        "user:bob raed document:plan",
        "usr:bob read document:plan",
        "bob read document:plan",
        "user:bob read docment:plan",
        "user:both read document:plan",
        "user:bob read document:plan --attributes {\"lockd\":true}",
        "user:bob read document:plan --context [1]",
        "user:bob read document:plan --policy elsewhere",
        "user:bob read document:plan --facts elsewhere.yaml",
    ];
    let mut shown: String = cases.iter().map(|case| told(&project, case)).collect();
    write(
        &project,
        "policy/facts.yaml",
        "relationships: [ \"user:alice#viewer@document:plan\" ]\n",
    );
    write(
        &project,
        "policy/policy.yaml",
        &POLICY.replace("model.fga", "../model.fga"),
    );
    shown += &told(&project, "user:bob read document:plan");
    write(&project, "policy/policy.yaml", POLICY);
    shown += &told(&project, "user:bob read document:plan");
    insta::assert_snapshot!(shown);
}
