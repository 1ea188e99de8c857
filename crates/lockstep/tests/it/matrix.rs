//! `lockstep matrix`: written, held against the policy, and told where they differ.

use std::fs;
use std::path::Path;

use testkit::Project;

use crate::support::lockstep;

const POLICY: &str = "version: 1
types:
  user: {}
  post:
    actions: { list: collection, read: instance, delete: instance }
    attributes: { owner: user, tenant: tenant }
roles:
  viewer: { can: { post: [list, read] } }
  admin: { includes: [viewer], can: { post: [delete] } }
tenants: {}
rules:
  - name: own
    permit: { post: [delete] }
    when: resource.owner == subject
";

fn told(project: &Project, arguments: &str) -> String {
    let all: Vec<&str> = arguments.split(' ').collect();
    let finished = lockstep(project.path(), &all).run();
    let code = finished.code.unwrap();
    let (out, err) = (&finished.stdout, &finished.stderr);
    format!("$ lockstep {arguments}\n{out}{err}exit {code}\n\n")
}

#[test]
fn it_is_written_held_and_told_where_it_differs() {
    let project = Project::new([("policy/policy.yaml", POLICY)]);
    let mut shown = told(&project, "matrix");
    shown += &told(&project, "matrix --write");
    shown += &told(&project, "matrix");
    let changed = POLICY.replace(
        "can: { post: [list, read] }",
        "can: { post: [list, read, delete] }",
    );
    project.write("policy/policy.yaml", changed.as_bytes());
    shown += &told(&project, "matrix");
    shown += &told(&project, "matrix --print");
    project.write(
        "policy/policy.yaml",
        changed.replace("version", "vision").as_bytes(),
    );
    shown += &told(&project, "matrix --write");
    insta::assert_snapshot!(shown);
}

#[test]
fn it_is_where_the_tests_of_the_policy_say() {
    let project = Project::new([
        ("policy/policy.yaml", POLICY),
        (
            "policy/policy.test.yaml",
            "matrix: reviewed.txt\ntests: []\n",
        ),
    ]);
    assert!(told(&project, "matrix --write").contains("written: policy/reviewed.txt"));
    assert!(told(&project, "policy test").contains("1 held, 0 failed"));
    let changed = POLICY.replace("can: { post: [list, read] }", "can: { post: [list] }");
    project.write("policy/policy.yaml", changed.as_bytes());
    insta::assert_snapshot!(told(&project, "policy test"));
    assert!(told(&project, "matrix").ends_with("exit 1\n\n"));
}

/// The table of the demo's policy is a golden file, which `lockstep matrix` itself holds.
#[test]
fn the_demo_has_one() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let project = Project::new([("suites/.keep", "")]);
    for name in ["policy.yaml", "policy.matrix"] {
        let path = format!("suites/demo/policy/{name}");
        let text = fs::read(root.join(&path)).unwrap();
        project.write(&path, &text);
    }
    let shown = told(&project, "matrix --policy suites/demo/policy");
    assert!(shown.ends_with("exit 0\n\n"), "{shown}");
}
