//! `lockstep policy test`.

use std::path::Path;

use testkit::Project;

use crate::support::lockstep;

const STORE: &str = "\
model_file: ./model.fga
tests:
  - name: reading
    tuples:
      - { user: user:ann, relation: viewer, object: doc:1 }
    check:
      - user: user:ann
        object: doc:1
        assertions:
          viewer: true
";
const MODEL: &str =
    "model\n  schema 1.1\ntype user\ntype doc\n  relations\n    define viewer: [user]\n";

#[test]
fn tests_of_policies_are_found_run_and_told() {
    let project = Project::new([("policy/doc.fga.yaml", STORE), ("policy/model.fga", MODEL)]);
    let finished = lockstep(project.path(), &["policy", "test"]).run();
    assert_eq!(
        (finished.code, &*finished.stdout),
        (Some(0), "1 held, 0 failed\n")
    );

    project.write(
        "policy/doc.fga.yaml",
        STORE.replace("viewer: true", "viewer: false").as_bytes(),
    );
    let arguments = [
        "policy",
        "test",
        "policy/doc.fga.yaml",
        "--junit",
        "out.xml",
    ];
    let finished = lockstep(project.path(), &arguments).run();
    assert_eq!(finished.code, Some(1));
    insta::assert_snapshot!("policy_test_failed", finished.stdout);
    assert!(project.read("out.xml").contains("failures=\"1\""));
}

#[test]
fn a_broken_file_is_a_mistake_whatever_else_fails() {
    let failing = STORE.replace("viewer: true", "viewer: false");
    let broken = MODEL.replace("[user]", "[usr]");
    let project = Project::new([
        ("a.fga.yaml", &*failing),
        ("model.fga", MODEL),
        ("policy/b.fga.yaml", STORE),
        ("policy/model.fga", &*broken),
    ]);
    let finished = lockstep(project.path(), &["policy", "test"]).run();
    assert_eq!(finished.code, Some(2));
    assert!(
        finished.stderr.contains("policy/model.fga:6"),
        "{}",
        finished.stderr
    );
    assert!(
        finished.stderr.contains("did you mean `user`?"),
        "{}",
        finished.stderr
    );
    assert!(
        finished.stdout.contains("FAILED a.fga.yaml:10"),
        "{}",
        finished.stdout
    );
}

#[test]
fn a_file_outside_of_the_folder_is_refused_and_nothing_to_run_is_a_mistake() {
    let outside = STORE.replace("./model.fga", "../model.fga");
    let project = Project::new([("policy/a.fga.yaml", &*outside), ("model.fga", MODEL)]);
    let finished = lockstep(project.path(), &["policy", "test"]).run();
    assert_eq!(finished.code, Some(2));
    assert!(
        finished.stderr.contains("outside of the folder"),
        "{}",
        finished.stderr
    );
    let finished = lockstep(Project::empty().path(), &["policy", "test"]).run();
    assert_eq!(finished.code, Some(2));
    assert!(
        finished.stderr.contains("name the files of tests"),
        "{}",
        finished.stderr
    );
}

#[test]
fn the_tests_of_a_folder_are_those_in_it_and_below_and_none_are_a_mistake() {
    let failing = STORE.replace("viewer: true", "viewer: false");
    let project = Project::new([
        ("rules/a.fga.yaml", STORE),
        ("rules/model.fga", MODEL),
        ("rules/deep/er/b.fga.yaml", STORE),
        ("rules/deep/er/model.fga", MODEL),
        ("rules/.hidden/c.fga.yaml", &*failing),
        ("rules/.hidden/model.fga", MODEL),
        ("rules/deep/notes.yaml", "not: tests"),
        ("empty/readme.md", ""),
    ]);
    let told = |arguments: &[&str]| {
        let finished = lockstep(project.path(), &[&["policy", "test"], arguments].concat()).run();
        (finished.code.unwrap(), finished.stdout, finished.stderr)
    };
    let two = (0, "2 held, 0 failed\n".to_owned(), String::new());
    assert_eq!(told(&["rules"]), two);
    // Named twice, a file is run once.
    assert_eq!(told(&["rules/deep", "rules"]), two);
    assert_eq!(told(&["rules/.hidden"]).0, 1);
    let (code, _, mistake) = told(&["rules", "empty"]);
    assert!(
        code == 2 && mistake.contains("in `empty` or its folders"),
        "{mistake}"
    );
    assert_eq!(told(&[]).0, 2);
    // Without a name: where the suite has its policy.
    project.write("lockstep.yaml", b"version: 1\npolicy: rules/\n");
    project.write("rules/policy.yaml", b"version: 1\n");
    assert_eq!(told(&[]), two);
    project.write("policy/deep/d.fga.yaml", STORE.as_bytes());
    project.write("policy/deep/model.fga", MODEL.as_bytes());
    assert_eq!(told(&[]).1, "3 held, 0 failed\n");
}

#[test]
fn the_patterns_of_this_repository_hold() {
    let patterns = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../suites/patterns");
    let folders = std::fs::read_dir(&patterns).unwrap();
    let files = folders.map(|it| it.unwrap().path().join("policy.test.yaml"));
    let mut files: Vec<String> = files
        .filter(|it| it.is_file())
        .map(|it| it.display().to_string())
        .collect();
    files.sort();
    assert!(files.len() >= 10, "{files:?}");
    let arguments = ["policy", "test"].into_iter();
    let arguments: Vec<&str> = arguments.chain(files.iter().map(String::as_str)).collect();
    let finished = lockstep(&patterns, &arguments).run();
    assert_eq!(
        finished.code,
        Some(0),
        "{}{}",
        finished.stdout,
        finished.stderr
    );
    assert!(
        finished.stdout.ends_with(" held, 0 failed\n"),
        "{}",
        finished.stdout
    );
}

#[test]
fn the_missing_link_of_the_worked_case_is_shown_as_its_readme_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../suites/patterns/folder-sharing");
    let question = ["check", "user:bob", "view", "document:roadmap", "--explain"];
    let finished = lockstep(&folder, &question).run();
    let link = "folder:plans#viewer@organization:acme#member";
    assert_eq!(finished.code, Some(1), "{}", finished.told());
    assert!(
        finished.stdout.contains(&format!("+ {link}\n")),
        "{}",
        finished.told()
    );
    let readme = std::fs::read_to_string(folder.join("README.md")).unwrap();
    assert!(readme.contains(link) && readme.contains(&question.join(" ")));
}
