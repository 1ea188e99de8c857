//! What is read from valid suites.

use authz::source::{Source, render};
use suite::file::{Inputs, read_suite, references};
use suite::model::Suite;

/// The environment of the tests: every variable ends in its own value.
pub(crate) fn environment(name: &str) -> Option<String> {
    match name {
        "UNSET" => None,
        "SHORT" => Some("abc".to_owned()),
        "EMPTY" => Some(String::new()),
        "TWO_LINES" => Some("first\nsecond".to_owned()),
        "API_URL" | "ACCOUNTS_URL" => Some("http://127.0.0.1:8080/".to_owned()),
        name => Some(format!("secret-{}", name.to_lowercase())),
    }
}

fn read(text: &str, unset_is_mistake: bool) -> Result<Suite, String> {
    let suite = Source::new("tests/lockstep.yaml", text);
    let references = references(&suite);
    let policy = references
        .policy
        .map(|_| Source::new("policy.yaml", include_str!("valid/policy.yaml")));
    let policy: Vec<Source> = policy.into_iter().collect();
    let schemas = [Source::new(
        "tests/schemas/post.json",
        r#"{ "type": "object" }"#,
    )];
    let inputs = Inputs {
        suite: &suite,
        policy: &policy,
        schemas: &schemas,
        environment: &environment,
        unset_is_mistake,
    };
    read_suite(&inputs).map_err(|mistakes| {
        let sources: Vec<Source> = [&suite].into_iter().chain(&policy).cloned().collect();
        render(&mistakes, &sources, false)
    })
}

#[test]
fn smallest() {
    let suite = read(include_str!("valid/smallest.yaml"), true).unwrap();
    insta::assert_debug_snapshot!(suite.expect);
}

#[test]
fn whole() {
    let suite = match read(include_str!("valid/whole.yaml"), true) {
        Ok(suite) => suite,
        Err(mistakes) => panic!("{mistakes}"),
    };
    assert_eq!(suite.actions.len(), 10);
}
