//! What is said of mistaken policies: every file of `errors/` with its golden text.

use authz::read_policy;
use authz::source::{Source, render};

/// The mistaken policies, by name.
#[expect(clippy::disallowed_methods, reason = "the cases are files")]
pub(crate) fn cases() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/errors");
    let paths = std::fs::read_dir(folder).unwrap();
    let paths = paths.map(|entry| entry.unwrap().path());
    let mut cases: Vec<(String, String)> = paths
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    cases.sort();
    cases
}

#[test]
fn every_mistaken_policy_is_told_as_its_golden_file_says() {
    let cases = cases();
    assert!(cases.len() >= 28, "{} cases", cases.len());
    for (name, text) in cases {
        let sources = [Source::new("policy.yaml", &text)];
        let mistakes = read_policy(&sources).map(drop).unwrap_err();
        insta::assert_snapshot!(name, render(&mistakes, &sources, false), &text);
    }
}

#[test]
fn a_name_declared_in_two_files_is_a_mistake_and_all_files_are_told_of() {
    let sources = [
        Source::new(
            "a.yaml",
            "version: 1\ntenants: {}\ntypes: { post: {} }\nroles: { viewer: {} }\n",
        ),
        Source::new(
            "b.yaml",
            "version: 1\ntenants: {}\ntypes: { post: {} }\nroles: { viewer: {}, editor: { includes: [vewer] } }\n",
        ),
        Source::new("c.yaml", "roles: {}\n"),
    ];
    let mistakes = read_policy(&sources).map(drop).unwrap_err();
    insta::assert_snapshot!(render(&mistakes, &sources, false));
}
