//! Our own files, which always run: all forms of all formats, and how each of them fails.

use std::fs;
use std::path::{Path, PathBuf};

use authz_analysis::policy_tests;

use crate::conformance::{files, flip_all, run};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/corpus")
}

fn is_tests(path: &Path) -> bool {
    let name = path.file_name().unwrap().to_str().unwrap();
    name.ends_with(".fga.yaml") || name.ends_with(".test.yaml") || name == "library.yaml"
}

#[test]
fn our_files_hold() {
    let mut count = 0;
    for path in files(&folder()).iter().filter(|path| is_tests(path)) {
        let text = fs::read_to_string(path).unwrap();
        let report = run(path, &text).unwrap_or_else(|mistakes| panic!("{mistakes}"));
        assert_eq!(
            report.failed().count(),
            0,
            "{}",
            policy_tests::render(&report)
        );
        count += report.assertions.len();
    }
    assert_eq!(count, 79);
}

#[test]
fn every_assertion_of_our_files_can_fail() {
    let files = files(&folder());
    let files = files.iter().filter(|path| is_tests(path));
    let flipped: usize = files.map(|path| flip_all(path)).sum();
    assert!(flipped > 40, "{flipped}");
}

/// Reads a changed file of the corpus; the name of the folder is left out of what is shown.
fn changed(name: &str, from: &str, to: &str) -> String {
    let path = folder().join(name);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{from}");
    let shown = match run(&path, &text.replace(from, to)) {
        Ok(report) => policy_tests::render(&report),
        Err(mistakes) => mistakes,
    };
    shown.replace(&format!("{}/", folder().display()), "")
}

#[test]
fn failures_are_told_with_what_was_expected_and_what_was_found() {
    let shown = [
        changed("press.fga.yaml", "can_edit: true", "can_edit: false"),
        changed(
            "press.fga.yaml",
            "          - user:ann\n              - user:eve",
            "          - user:ann\n              - user:mia",
        ),
        changed("press.fga.yaml", "context: { hour: 9 }", "context: {}"),
        changed("library.yaml", "{user:dan[...], user:eve}", "{user:eve}"),
        changed(
            "library.yaml",
            "    - \"[user:cid] is <branch:west#librarian>\"\n",
            "",
        ),
        changed(
            "library.yaml",
            "[user:ann] is <branch:city#librarian>\"\n  book",
            "[user:ann] is <branch:east#librarian>\"\n  book",
        ),
        changed(
            "library.yaml",
            "assertFalse:\n",
            "assertFalse:\n    - \"branch:east#enter@user:somebody\"\n",
        ),
        changed(
            "policy/policy.test.yaml",
            "deny: [delete]",
            "deny: [update]",
        ),
    ];
    insta::assert_snapshot!("failures", shown.join("\n"));
}

#[test]
fn broken_files_are_told_at_their_places() {
    let shown = [
        changed(
            "press.fga.yaml",
            "define can_edit: author and can_view",
            "define can_edit: author and can_vew",
        ),
        changed(
            "press.fga.yaml",
            "{ user: folder:root, relation: parent, object: folder:news }",
            "{ user: article:1, relation: folder, object: folder:news }",
        ),
        changed("press.fga.yaml", "banned: false", "baned: false"),
        changed("press.fga.yaml", "check:", "chek:"),
        changed("press.fga.yaml", "from: 8, to: 18", "from: eight, to: 18"),
        changed("wiki.fga.yaml", "wiki/tuples.csv", "wiki/none.csv"),
        changed(
            "library.yaml",
            "permission enter = visitor - barred",
            "permission enter = visitor - bared",
        ),
        changed(
            "library.yaml",
            "branch:east#parent@branch:city",
            "branch:east#parent@user:ann",
        ),
        changed(
            "library.yaml",
            "user:kid#see_loans@user:bob",
            "user:kid#see_lones@user:bob",
        ),
        changed(
            "library.yaml",
            "with {\"day\": 6}'\n    - 'branch:east",
            "with {day: 6}'\n    - 'branch:east",
        ),
        changed("library.yaml", "[user:bob] is <", "[user:bob] as <"),
        changed("policy/policy.test.yaml", "deny: [delete]", "deny: [delte]"),
        changed(
            "policy/policy.test.yaml",
            "roles: [editor], resource: { post: { owner: \"user:oscar\", tenant: acme } } }\n    allow",
            "roles: [edtor], resource: { post: { owner: \"user:oscar\", tenant: acme } } }\n    allow",
        ),
    ];
    let shown = shown.map(|it| it.replace("No such file or directory (os error 2)", "..."));
    insta::assert_snapshot!("broken", shown.join("\n"));
}

#[test]
fn the_report_for_ci() {
    let path = folder().join("policy/policy.test.yaml");
    let text = fs::read_to_string(&path)
        .unwrap()
        .replace("deny: [create]", "allow: [create]");
    let report = run(&path, &text.replace("an owner", "an \"owner\" & <co>")).unwrap();
    let xml = policy_tests::junit([("policy.test.yaml", &report)]);
    let xml = xml.replace(&format!("{}/", folder().display()), "");
    insta::assert_snapshot!("junit", xml);
}
