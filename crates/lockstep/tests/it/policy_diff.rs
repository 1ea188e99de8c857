//! `lockstep policy diff`.

use std::path::Path;
use std::process::Command;

use testkit::Project;

use crate::support::lockstep;

const OLD: &str = "\
version: 1
types:
  user: {}
  post:
    attributes: { owner: user }
    actions: { read: instance, delete: instance }
roles:
  viewer: { can: { post: [read] } }
  editor: { includes: [viewer] }
rules:
  - name: own-posts
    permit: { post: [delete] }
    when: resource.owner == subject
";
const FACTS: &str = "\
subjects:
  user:vic: { roles: [viewer] }
  user:vera: { roles: [editor] }
  user:nick: {}
resources:
  post:1: { attributes: { owner: user:vera } }
  post:2: { attributes: { owner: user:vera } }
";

fn project() -> Project {
    let new = OLD.replace("can: { post: [read] }", "can: { post: [delete] }");
    Project::new([
        ("old/policy.yaml", OLD),
        ("old/facts.yaml", FACTS),
        ("new/policy.yaml", &*new),
        ("new/facts.yaml", FACTS),
    ])
}

fn diff(project: &Project, arguments: &[&str]) -> (Option<i32>, String) {
    let all: Vec<&str> = ["policy", "diff"]
        .iter()
        .chain(arguments)
        .copied()
        .collect();
    let finished = lockstep(project.path(), &all).run();
    (finished.code, finished.stdout + &finished.stderr)
}

#[test]
fn what_is_allowed_now_comes_first_with_an_example_and_its_reach() {
    let project = project();
    let at = ["--at", "2026-11-23T12:00:00Z"];
    let (code, told) = diff(&project, &["old", "new", at[0], at[1]]);
    assert_eq!(code, Some(0));
    insta::assert_snapshot!("policy_diff", told);
    let (_, told) = diff(&project, &["old", "new", at[0], at[1], "--markdown"]);
    insta::assert_snapshot!("policy_diff_markdown", told);
    let (_, told) = diff(&project, &["old", "new", at[0], at[1], "--json"]);
    insta::assert_snapshot!("policy_diff_json", told);
}

#[test]
fn the_manual() {
    let (code, told) = diff(&Project::empty(), &["--help"]);
    assert_eq!(code, Some(0));
    insta::assert_snapshot!("help_policy_diff", told);
}

#[test]
fn the_exit_code_says_whether_the_difference_counts() {
    let project = project();
    let cases = [
        (&["old", "new", "--fail-on", "widening"][..], Some(1)),
        (&["new", "old", "--fail-on", "any"], Some(1)),
        (&["old", "old", "--fail-on", "any"], Some(0)),
        (&["old", "nowhere"], Some(2)),
        (&["old", "nowhere:policy"], Some(2)),
    ];
    for (arguments, expected) in cases {
        let (code, told) = diff(&project, arguments);
        assert_eq!(code, expected, "{arguments:?}: {told}");
    }
    let (_, told) = diff(&project, &["old", "old"]);
    assert_eq!(told, "no effective difference\n");
}

#[test]
fn what_cannot_be_enumerated_is_never_called_equal() {
    let project = project();
    let with = |when: &str| OLD.replace("resource.owner == subject", when);
    project.write("a.yaml", with("claims.a.startsWith(\"x\")").as_bytes());
    project.write("b.yaml", with("claims.a.endsWith(\"x\")").as_bytes());
    let (code, told) = diff(&project, &["a.yaml", "b.yaml", "--fail-on", "any"]);
    assert_eq!(code, Some(3), "{told}");
    assert!(told.contains("not everything was searched"), "{told}");
    let (code, told) = diff(&project, &["a.yaml", "b.yaml"]);
    assert_eq!(code, Some(0), "{told}");
}

fn git(folder: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .args(["-c", "user.name=t", "-c", "user.email=t@acme.test"])
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_policy_may_stand_in_a_revision() {
    let project = project();
    git(project.path(), &["init", "--quiet"]);
    git(project.path(), &["add", "old"]);
    git(project.path(), &["commit", "--quiet", "-m", "old"]);
    let (code, told) = diff(&project, &["HEAD:old/", "old", "--fail-on", "any"]);
    assert_eq!((code, &*told), (Some(0), "no effective difference\n"));
    let (code, told) = diff(&project, &["HEAD:old", "new", "--fail-on", "widening"]);
    assert_eq!(code, Some(1), "{told}");
    assert!(told.contains("HEAD:old/policy.yaml:8"), "{told}");
    let within = project.path().join("old");
    let arguments = ["policy", "diff", "HEAD:old/", ".", "--fail-on", "any"];
    let finished = lockstep(&within, &arguments).run();
    assert_eq!(finished.code, Some(0), "{}", finished.stderr);
    assert!(told.contains("1 subject"), "{told}");
}
