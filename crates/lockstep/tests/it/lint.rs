//! `lockstep lint`.

use std::path::Path;

use serde_json::Value as Json;
use testkit::Project;

use crate::support::lockstep;

const POLICY: &str = "\
version: 1
types:
  user: {}
  post: { actions: { read: instance, edit: instance } }
roles:
  reader: { can: { post: [read] } }
  admin: { can: { post: [\"*\"] } }
rules:
  - name: \"nobody \\e[31m reads\"
    deny: { post: [read] }
";

fn project(policy: &str) -> Project {
    Project::new([("policy/policy.yaml", policy)])
}

fn linted(project: &Project, arguments: &[&str]) -> testkit::Finished {
    let arguments: Vec<&str> = ["lint"].iter().chain(arguments).copied().collect();
    lockstep(project.path(), &arguments).run()
}

#[test]
fn findings_are_told_with_their_places_and_what_to_use_instead() {
    let finished = linted(&project(POLICY), &[]);
    assert_eq!(finished.code, Some(1), "{}", finished.told());
    insta::assert_snapshot!("lint", finished.stdout);
}

#[test]
fn a_clean_policy_is_clean() {
    let clean = POLICY.replace("[\"*\"]", "[edit]").replace(
        "deny: { post: [read] }",
        "permit: { post: [read] }\n    when: resource == subject",
    );
    let finished = linted(&project(&clean), &["policy/policy.yaml"]);
    assert_eq!(
        (finished.code, &*finished.stdout),
        (Some(0), "0 findings, 0 allowed\n")
    );
}

#[test]
fn as_json_and_as_sarif() {
    let allowed = POLICY.replace(
        "[\"*\"] } }",
        "[\"*\"] } }  # lockstep: allow wildcard-grant one admin",
    );
    let project = project(&allowed);
    let finished = linted(&project, &["--json", "--sarif", "lint.sarif"]);
    assert_eq!(finished.code, Some(1), "{}", finished.told());
    let found: Json = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(found["findings"][0]["lint"], "unreachable-permit");
    assert_eq!(found["findings"][0]["place"]["line"], 6);
    assert_eq!(found["allowed"][0]["reason"], "one admin");
    insta::assert_snapshot!(
        "lint_sarif",
        project
            .read("lint.sarif")
            .replace(env!("CARGO_PKG_VERSION"), "VERSION")
    );
}

#[test]
fn an_allowance_without_a_reason_is_a_mistake() {
    let policy = POLICY.replace(
        "[\"*\"] } }",
        "[\"*\"] } }  # lockstep: allow wildcard-grant",
    );
    let finished = linted(&project(&policy), &[]);
    assert_eq!((finished.code, &*finished.stdout), (Some(2), ""));
    assert!(
        finished.stderr.contains("policy/policy.yaml:7"),
        "{}",
        finished.stderr
    );
    let finished = linted(&project("version: 1\nroles: nothing\n"), &[]);
    assert_eq!(finished.code, Some(2), "{}", finished.told());
}

#[test]
fn all_lints_are_listed() {
    let finished = linted(&Project::empty(), &["--list"]);
    assert_eq!(finished.code, Some(0), "{}", finished.told());
    insta::assert_snapshot!("lint_list", finished.stdout);
}

#[test]
fn the_policies_of_this_repository_are_clean() {
    let suites = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../suites");
    let mut folders = vec![
        "demo/policy".into(),
        "kinto/policy".into(),
        "pocketbase/policy".into(),
    ];
    let patterns = std::fs::read_dir(suites.join("patterns")).unwrap();
    let patterns = patterns
        .map(|it| it.unwrap().path())
        .filter(|it| it.is_dir());
    folders.extend(patterns);
    let mut told = String::new();
    for folder in folders {
        let policy = suites
            .join(&folder)
            .join("policy.yaml")
            .display()
            .to_string();
        let finished = lockstep(&suites, &["lint", &policy]).run();
        if finished.code != Some(0) {
            told += &finished.told();
        }
    }
    assert_eq!(told, "");
}
