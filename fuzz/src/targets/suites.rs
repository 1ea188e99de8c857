//! Suite files, the table and the templates in them, and OpenAPI documents.

use authz::source::Source;
use serde_json::{Map, json};
use suite::file::{Inputs, SUITE_SCHEMA, read_suite, references};
use suite::openapi::read_document;
use suite::plan::Plan;
use suite::token::Jwt;

use super::{now, source, told};

const POLICY: &str = include_str!("../../../crates/suite/tests/it/valid/policy.yaml");
const MODEL: &str = include_str!("../../../crates/suite/tests/it/valid/model.fga");
const FACTS: &str = include_str!("../../../crates/suite/tests/it/valid/facts.yaml");
const POSTS: &str = include_str!("../../../crates/suite/tests/it/valid/openapi/posts.yaml");
const SMALLEST: &str = include_str!("../../../crates/suite/tests/it/valid/smallest.yaml");

pub(crate) fn suite(bytes: &[u8]) {
    if let Some(source) = source("tests/lockstep.yaml", bytes) {
        read(&source);
    }
}

/// Reads a suite beside a policy, facts, a schema and a document; and plans what could be read.
fn read(suite: &Source) {
    let named = references(suite);
    let policy = [
        Source::new("policy.yaml", POLICY),
        Source::new("model.fga", MODEL),
    ];
    let facts = [Source::new("policy/facts.yaml", FACTS)];
    let schemas = [Source::new("tests/schemas/post.json", SUITE_SCHEMA)];
    let documents = [Source::new("tests/posts.yaml", POSTS)];
    let inputs = Inputs {
        suite,
        policy: if named.policy.is_some() { &policy } else { &[] },
        facts: if named.facts.is_empty() { &[] } else { &facts },
        schemas: &schemas,
        documents: &documents,
        chosen: None,
        environment: &environment,
        unset_is_mistake: true,
    };
    let sources = [&policy[..], &facts, &schemas, &documents].concat();
    let sources = [sources, vec![suite.clone()]].concat();
    if let Some(suite) = told(read_suite(&inputs), &sources) {
        told(Plan::new(&suite, now()), &sources);
    }
}

fn environment(name: &str) -> Option<String> {
    match name {
        "UNSET" => None,
        name if name.ends_with("_URL") => Some("http://127.0.0.1:8080/".to_owned()),
        name => Some(format!("secret-{name}")),
    }
}

/// The smallest suite with this table instead of its own.
pub(crate) fn table(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let (before, _) = SMALLEST.split_once("expect:").unwrap();
    let lines = text.lines().map(|line| format!("  {line}\n"));
    let table: String = lines.collect();
    read(&Source::new(
        "tests/lockstep.yaml",
        &format!("{before}expect: |\n{table}"),
    ));
}

/// A text with `{{ }}` and `${ }` at every kind of place that takes one.
pub(crate) fn template(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let read_it = json!({ "GET": text, "headers": { "x-a": text } });
    let update = json!({ "POST": format!("/{text}"), "json": { "title": text, text: [text] } });
    let actions = json!({ "post": { "read": { "api": read_it }, "update": { "api": update } } });
    let (before, _) = SMALLEST.split_once("actions:").unwrap();
    let (_, table) = SMALLEST.split_once("expect:").unwrap();
    read(&Source::new(
        "tests/lockstep.yaml",
        &format!("{before}actions: {actions}\nexpect:{table}"),
    ));
}

/// A document, and all that is asked of its operations.
pub(crate) fn openapi(bytes: &[u8]) {
    let Some(source) = source("openapi.yaml", bytes) else {
        return;
    };
    let Some(document) = told(read_document(&source), &[source]) else {
        return;
    };
    for operation in &document.operations {
        let found = document.operation(&operation.request());
        assert!(
            found.is_some() || operation.id.is_some(),
            "{}",
            operation.request()
        );
        drop(document.body_schema(operation));
        drop(document.sample_body(operation));
        drop(document.answer_path(operation, &["id"]));
        drop(document.items_path(operation, &["id"]));
        drop(document.body_properties(operation));
        for parameter in &operation.required_parameters {
            document.sample_parameter(&parameter.schema);
        }
    }
}

/// A token that is taken apart is put together again to the byte.
pub(crate) fn token(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Some(token) = Jwt::parse(text) {
        let again = format!("{}.{}", token.signing_input(), token.signature());
        assert_eq!(again, text);
        assert!(Jwt::parse(&token.unsigned(&Map::new())).is_some());
    }
}
