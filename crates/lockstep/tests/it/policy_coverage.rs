//! `lockstep policy test --coverage` and `--min-coverage`.

use serde_json::Value as Json;
use testkit::Project;

use crate::support::lockstep;

const POLICY: &str = "\
version: 1
types:
  user: {}
  post: { actions: { read: instance, edit: instance } }
roles:
  viewer: { can: { post: [read] } }
  editor: { includes: [viewer], can: { post: [edit] } }
";
const TESTS: &str = "\
tests:
  - name: a viewer reads
    given: { subject: \"user:vic\", roles: [viewer], resource: post }
    allow: [read]
    deny: [edit]
";

fn project() -> Project {
    Project::new([
        ("policy/policy.yaml", POLICY),
        ("policy/policy.test.yaml", TESTS),
    ])
}

#[test]
fn what_no_test_exercises_is_told_with_its_place() {
    let finished = lockstep(project().path(), &["policy", "test", "--coverage"]).run();
    assert_eq!(finished.code, Some(0), "{}", finished.told());
    insta::assert_snapshot!("policy_coverage", finished.stdout);
    let arguments = ["policy", "test", "--coverage=source"];
    let finished = lockstep(project().path(), &arguments).run();
    insta::assert_snapshot!("policy_coverage_source", finished.stdout);
}

#[test]
fn as_json_it_alone_goes_to_standard_output() {
    let arguments = ["policy", "test", "--coverage=json"];
    let finished = lockstep(project().path(), &arguments).run();
    let found: Json = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(found["percent"], 50);
    assert_eq!(found["total"]["parts"], 4);
    assert_eq!(finished.stderr, "2 held, 0 failed\n");
}

#[test]
fn too_little_coverage_is_a_finding_and_enough_is_none() {
    let arguments = ["policy", "test", "--min-coverage", "51"];
    let finished = lockstep(project().path(), &arguments).run();
    assert_eq!(finished.code, Some(1), "{}", finished.told());
    assert_eq!(finished.stderr, "coverage is 50 %, less than 51 %\n");
    let arguments = ["policy", "test", "--min-coverage", "50"];
    let finished = lockstep(project().path(), &arguments).run();
    assert_eq!(finished.code, Some(0), "{}", finished.told());
    let arguments = ["policy", "test", "--min-coverage", "101"];
    let finished = lockstep(project().path(), &arguments).run();
    assert_eq!(finished.code, Some(2), "{}", finished.told());
}

#[test]
fn a_broken_file_is_a_mistake_whatever_is_covered() {
    let project = project();
    project.write("policy/other.test.yaml", b"tests: nothing\n");
    let arguments = ["policy", "test", "--coverage", "--min-coverage", "100"];
    let finished = lockstep(project.path(), &arguments).run();
    assert_eq!(finished.code, Some(2), "{}", finished.told());
    assert!(!finished.stdout.contains("coverage"), "{}", finished.told());
}
