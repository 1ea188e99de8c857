//! What broken suites are told: each file of `errors/` beside its golden messages.

use authz::source::{Source, render};
use proptest::prelude::*;

use crate::file::{Files, VALID, mistakes};
use crate::schema::config;

/// The broken suites, by name.
#[expect(clippy::disallowed_methods, reason = "the cases are files")]
fn cases() -> Vec<(String, String)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/errors");
    let paths = std::fs::read_dir(folder).unwrap();
    let mut cases: Vec<(String, String)> = paths
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read_to_string(path).unwrap())
        })
        .collect();
    cases.sort();
    cases
}

#[test]
fn every_broken_suite_is_told_as_its_golden_file_says() {
    let cases = cases();
    assert!(cases.len() >= 35, "{} cases", cases.len());
    for (name, text) in cases {
        let files = Files::new(&text);
        let mistakes = files.read(true).map(drop).unwrap_err();
        insta::assert_snapshot!(format!("error_{name}"), files.render(&mistakes));
    }
}

#[test]
fn bytes_that_are_not_utf8() {
    let text = VALID[0].1.replace("/login", "/l\u{f6}gin");
    let bytes: Vec<u8> = text.chars().map(|c| u8::try_from(c).unwrap()).collect();
    let (source, mistake) = *Source::from_bytes("lockstep.yaml", &bytes).unwrap_err();
    insta::assert_snapshot!(render(&[mistake], &[source], false));
}

#[test]
fn a_policy_that_is_not_there() {
    let text = VALID[0]
        .1
        .replace("version: 1", "version: 1\npolicy: policy/");
    let mut files = Files::new(&text);
    files.policy.clear();
    let mistakes = files.read(true).map(drop).unwrap_err();
    insta::assert_snapshot!(files.render(&mistakes));
}

#[test]
fn mistakes_of_suite_and_policy_together() {
    let text = VALID[0]
        .1
        .replace("version: 1", "version: 1\npolicy: policy/");
    let mut files = Files::new(&text.replace("owners: [editor]", "owners: [edtor]"));
    let policy = "version: 1\nroles: { viewer: { includes: [nobody] } }\n";
    files.policy = vec![Source::new("policy.yaml", policy)];
    let mistakes = files.read(true).map(drop).unwrap_err();
    insta::assert_snapshot!(files.render(&mistakes));
}

#[test]
fn a_secret_is_not_told() {
    for (name, text) in cases() {
        for mistake in mistakes(&text) {
            let told = format!("{mistake:?}");
            assert!(
                !told.contains("secret-") && !told.contains("first\\n"),
                "{name}: {told}"
            );
        }
    }
}

proptest! {
    #![proptest_config(config(256))]

    #[test]
    fn any_text_is_read_or_refused(text in any::<String>()) {
        mistakes(&text);
    }

    #[test]
    fn any_change_of_bytes_is_read_or_refused(
        file in 0..VALID.len(),
        changes in prop::collection::vec((0usize..20_000, any::<u8>(), 0usize..4), 1..8),
    ) {
        let mut bytes = VALID[file].1.as_bytes().to_vec();
        for (at, byte, kind) in changes {
            let at = at % bytes.len();
            match kind {
                0 => bytes[at] = byte,
                1 => bytes.insert(at, byte),
                2 => drop(bytes.remove(at)),
                // Enough stays for every other change.
                _ => bytes.truncate(at.max(8)),
            }
        }
        if let Ok(source) = Source::from_bytes("lockstep.yaml", &bytes) {
            let files = Files::new(source.text());
            if let Err(found) = files.read(true) {
                prop_assert!(!found.is_empty(), "refused without a word");
                files.render(&found);
            }
        }
    }
}
