//! `environments:` — what is laid over a suite.

use suite::model::Suite;

use crate::file::{Files, VALID, outline};

fn files(text: &str, chosen: &'static str) -> Files {
    let mut files = Files::new(text);
    files.chosen = Some(chosen);
    files
}

fn read(chosen: &'static str) -> Suite {
    let files = files(VALID[4].1, chosen);
    match files.read(true) {
        Ok(suite) => suite,
        Err(mistakes) => panic!("{}", files.render(&mistakes)),
    }
}

/// The broken suite of `errors/environments.yaml`, read in `chosen`.
fn told(text: &str, chosen: &'static str) -> String {
    let files = files(text, chosen);
    files.render(&files.read(true).map(drop).unwrap_err())
}

#[test]
fn staging() {
    let suite = read("staging");
    assert_eq!(suite.environment.as_deref(), Some("staging"));
    assert!(!suite.read_only);
    insta::assert_snapshot!(outline(&suite));
}

#[test]
fn production() {
    let suite = read("production");
    assert!(suite.read_only);
    insta::assert_snapshot!(outline(&suite));
}

#[test]
fn an_environment_that_is_not_there() {
    insta::assert_snapshot!(told(VALID[4].1, "stagin"));
    let none = told(VALID[0].1, "staging");
    assert!(none.contains("unknown environment `staging`"), "{none}");
}

#[test]
fn the_mistakes_of_every_environment_are_told_whichever_is_chosen() {
    let text = include_str!("errors/environments.yaml");
    insta::assert_snapshot!(told(text, "staging"));
}

/// Only what is used of the chosen environment needs its variables.
#[test]
fn variables() {
    for (chosen, unset, needed) in [
        ("staging", "STAGING_URL", true),
        ("staging", "API_URL", false),
        ("staging", "PRODUCTION_URL", false),
        ("production", "STAGING_EDITOR_PASSWORD", false),
        ("production", "EDITOR_PASSWORD", true),
    ] {
        let text = VALID[4].1.replace(&format!("${{{unset}}}"), "${UNSET}");
        let refused = files(&text, chosen).read(true).is_err();
        assert_eq!(refused, needed, "{chosen} without {unset}");
    }
}
