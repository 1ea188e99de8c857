//! The JSON Schema says of the structure what the reader says.

use std::collections::BTreeSet;

use authz::source::yaml;
use authz::source::{Diagnostic, Diagnostics, Source};
use proptest::prelude::*;
use serde_json::{Value, json};
use suite::file::SUITE_SCHEMA;

use crate::file::{VALID, mistakes};

fn schema() -> Value {
    serde_json::from_str(SUITE_SCHEMA).unwrap()
}

fn json_of(text: &str) -> Value {
    let source = Source::new("valid.yaml", text);
    let node = yaml::read(&source, &mut Diagnostics::default()).unwrap();
    node.to_json()
}

#[test]
fn is_a_schema() {
    jsonschema::draft202012::meta::validate(&schema()).unwrap();
}

#[test]
fn accepts_what_the_reader_accepts() {
    let validator = jsonschema::draft202012::new(&schema()).unwrap();
    for (name, text) in VALID {
        let errors: Vec<String> = validator
            .iter_errors(&json_of(text))
            .map(|error| format!("{error} at {}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{name}: {errors:#?}");
    }
}

/// Every place of a schema that has properties, with their keys, must be met by some valid file.
#[test]
fn every_key_is_used() {
    let mut schema = schema();
    let mut wanted = BTreeSet::new();
    mark(&mut schema, "", &mut wanted);
    let mut used = BTreeSet::new();
    for (_, text) in VALID {
        let file = json_of(text);
        used.extend(keys_used(&schema, &schema, &file));
    }
    let unused: Vec<_> = wanted.difference(&used).collect();
    assert!(unused.is_empty(), "no valid file uses {unused:#?}");
}

/// Gives every schema with properties a name, and lists its keys.
fn mark(schema: &mut Value, path: &str, wanted: &mut BTreeSet<String>) {
    let Value::Object(entries) = schema else {
        return;
    };
    // `false` forbids a key; a schema without `type` only adds to another.
    if let (Some(Value::Object(properties)), true) =
        (entries.get("properties"), entries.contains_key("type"))
    {
        let keys = properties.iter().filter(|(_, it)| **it != json!(false));
        wanted.extend(keys.map(|(key, _)| format!("{path} {key}")));
        entries.insert("mark".to_owned(), json!(path));
    }
    for (key, inner) in entries.iter_mut() {
        match inner {
            Value::Array(items) => items
                .iter_mut()
                .enumerate()
                .for_each(|(index, item)| mark(item, &format!("{path}/{key}/{index}"), wanted)),
            inner => mark(inner, &format!("{path}/{key}"), wanted),
        }
    }
}

/// The marked keys that a value uses, found by walking schema and value side by side.
fn keys_used(root: &Value, schema: &Value, value: &Value) -> Vec<String> {
    let mut used = Vec::new();
    if let Some(reference) = schema["$ref"].as_str() {
        let target = root.pointer(reference.trim_start_matches('#')).unwrap();
        used.extend(keys_used(root, target, value));
    }
    for keyword in ["allOf", "anyOf"] {
        for branch in schema[keyword].as_array().into_iter().flatten() {
            used.extend(keys_used(root, branch, value));
        }
    }
    for item in value.as_array().into_iter().flatten() {
        used.extend(keys_used(root, &schema["items"], item));
    }
    for (key, item) in value.as_object().into_iter().flatten() {
        match &schema["properties"][key] {
            Value::Null => used.extend(keys_used(root, &schema["additionalProperties"], item)),
            property => {
                if let Some(mark) = schema["mark"].as_str() {
                    used.push(format!("{mark} {key}"));
                }
                used.extend(keys_used(root, property, item));
            }
        }
    }
    used
}

/// A change of the structure of a file.
#[derive(Debug, Clone)]
enum Change {
    /// A key that is not known where names are not the user's own.
    AddKey(&'static str),
    /// A value of another kind, or a word that is not one of those known.
    Replace(Value),
    /// A key or item less.
    Remove,
    /// A key of the schema where it may or may not belong.
    Give(&'static str, Value),
}

fn change() -> impl Strategy<Value = Change> {
    let value = prop_oneof![
        Just(json!(null)),
        Just(json!(true)),
        Just(json!(7)),
        Just(json!(99)),
        Just(json!(-1.5)),
        Just(json!("word")),
        Just(json!("unchanged")),
        Just(json!("$.path")),
        Just(json!("/path")),
        Just(json!([])),
        Just(json!(["word"])),
        Just(json!({})),
        Just(json!({ "matches": "x" })),
        Just(json!({ "matches": 3 })),
        Just(json!({ "matches": "(x)" })),
        Just(json!({ "cookie": "sid" })),
        Just(json!({ "header": "a b" })),
        Just(json!("kept")),
        Just(json!("none")),
        Just(json!("absent")),
        Just(json!("5s")),
        Just(json!({ "garbage": true })),
        Just(json!({ "claims": { "role": "admin" } })),
        Just(json!({ "equals": [] })),
        Just(json!({ "added": 1 })),
        Just(json!({ "added": -1 })),
        Just(json!({ "$.path": "absent" })),
        Just(json!({ "Authorization": "x" })),
    ];
    let key = prop::sample::select(vec![
        "on",
        "as",
        "GET",
        "POST",
        "json",
        "form",
        "body",
        "headers",
        "status",
        "effect",
        "shows",
        "items",
        "of",
        "total",
        "malformed",
        "by",
        "flows",
        "answer",
        "id",
        "remove",
        "create",
        "token",
        "capture",
        "bearer",
        "basic",
        "query",
        "who",
        "only",
        "roles",
        "permission",
        "expect",
        "control",
        "denies",
        "rate",
        "ignore",
        "log",
        "on_denial",
        "forbidden",
        "name",
        "owner",
        "session",
        "steps",
        "csrf",
        "refresh",
        "host",
        "like",
        "then",
        "mint",
        "wait",
        "signature",
        "algorithm",
        "claims",
        "garbage",
        "csrf",
        "operation",
        "path",
        "openapi",
        "until",
        "postgres",
        "select",
        "usage",
        "values",
        "columns",
        "arguments",
        "on_conflict",
        "copy",
        "rows",
        "login",
    ]);
    prop_oneof![
        Just(Change::AddKey("surprise")),
        Just(Change::AddKey("not a name")),
        value.clone().prop_map(Change::Replace),
        Just(Change::Remove),
        (key, value).prop_map(|(key, value)| Change::Give(key, value)),
    ]
}

/// Changes the file at one of its places; `at` chooses.
fn changed(file: &Value, at: usize, change: &Change) -> Option<Value> {
    let mut file = file.clone();
    let mut paths = Vec::new();
    pointers(&file, String::new(), &mut paths);
    let path = paths.get(at % paths.len())?.clone();
    let place = file.pointer_mut(&path)?;
    match change {
        Change::Replace(value) => *place = value.clone(),
        Change::AddKey(key) => {
            let _ = place.as_object_mut()?.insert((*key).to_owned(), json!("x"));
        }
        Change::Give(key, value) => {
            let _ = place
                .as_object_mut()?
                .insert((*key).to_owned(), value.clone());
        }
        Change::Remove => {
            let (parent, key) = path.rsplit_once('/')?;
            let key = key.replace("~1", "/").replace("~0", "~");
            match file.pointer_mut(parent)? {
                Value::Object(entries) => drop(entries.shift_remove(&key)?),
                Value::Array(items) => drop(items.remove(key.parse().ok()?)),
                _ => return None,
            }
        }
    }
    Some(file)
}

fn pointers(value: &Value, path: String, found: &mut Vec<String>) {
    let escaped = |key: &str| key.replace('~', "~0").replace('/', "~1");
    match value {
        Value::Object(entries) => {
            for (key, item) in entries {
                pointers(item, format!("{path}/{}", escaped(key)), found);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                pointers(item, format!("{path}/{index}"), found);
            }
        }
        _ => {}
    }
    found.push(path);
}

/// Mistakes that are about names, or about what a text says: of those a JSON Schema knows
/// nothing.
fn is_of_names(mistake: &Diagnostic) -> bool {
    const STARTS: [&str; 37] = [
        "there is nothing to take away",
        "this caller cannot",
        "unknown capture",
        "unknown target",
        "unknown actor",
        "unknown caller",
        "unknown session",
        "unknown view",
        "unknown action",
        "unknown owner",
        "unknown role",
        "unknown type",
        "unknown variable",
        "nothing uses",
        "the policy has no",
        "to the policy",
        "there is no schema file",
        "there is no document",
        "unknown operation",
        "unknown parameter",
        "nothing fills",
        "several targets have",
        "no target says",
        "not a JSON Schema",
        "the table",
        "actor `",
        "owner `",
        "view `",
        "every actor is",
        "the place of",
        "expected the word `action`",
        "attributes without",
        "attribute `",
        "unknown attribute",
        "not the address of",
        "a row of `",
        "rows are decided on",
    ];
    // What stands in an environment is partial: it is read when it is laid over the rest.
    const PARTS: [&str; 31] = [
        "(with `--env",
        "does not begin with `http",
        "is neither a target nor a key",
        "is not a host",
        "is no form of no",
        "has no value for",
        "nothing to view",
        "not tried on a single one",
        "is tried on a single one",
        "owns no",
        "is not a reference",
        "is not declared",
        "no column for",
        "an item is decided on",
        "the call has no target",
        "is absent for everyone",
        "does not take this body",
        "needs a body",
        "has no document of",
        "is not a relationship",
        "is a relationship, and",
        "is not a subject",
        "a relationship of",
        "has no relation",
        "takes no `",
        "is not an id",
        "is not one object",
        "names in PostgreSQL have",
        "a name is empty",
        "on a table that has no `rows`",
        "is a database: no call",
    ];
    let message = mistake.message.as_str();
    let label = mistake.label.as_deref().unwrap_or_default();
    // That a JSONPath begins with `$` is all that the schema knows of it.
    if label.starts_with("not understood from here on") {
        return true;
    }
    STARTS.iter().any(|start| message.starts_with(start))
        || PARTS.iter().any(|part| message.contains(part))
}

fn check_agreement(file: &Value) -> Result<(), TestCaseError> {
    let validator = jsonschema::draft202012::new(&schema()).unwrap();
    let text = serde_json::to_string_pretty(file).unwrap();
    let found = mistakes(&text);
    let structural: Vec<&Diagnostic> = found.iter().filter(|it| !is_of_names(it)).collect();
    let refused: Vec<String> = validator
        .iter_errors(file)
        .map(|error| format!("{error} at {}", error.instance_path()))
        .collect();
    // What stands under a name that means nothing is told as that, whatever it is; so is a call
    // of nobody knows whom.
    let nameless = [
        "nothing uses",
        "is neither a target nor a key",
        "unknown caller",
    ];
    if found
        .iter()
        .any(|it| nameless.iter().any(|part| it.message.contains(part)))
    {
        return Ok(());
    }
    prop_assert_eq!(
        refused.is_empty(),
        structural.is_empty(),
        "schema: {:#?}\nreader: {:#?}",
        refused,
        found
    );
    Ok(())
}

proptest! {
    #![proptest_config(config(200))]

    #[test]
    fn agrees_with_the_reader(file in 0..VALID.len(), at in 0usize..10_000, change in change()) {
        let original = json_of(VALID[file].1);
        if let Some(file) = changed(&original, at, &change) {
            check_agreement(&file)?;
        }
    }
}

/// The same cases in every run; `PROPTEST_CASES` makes them more.
pub(crate) fn config(cases: u32) -> ProptestConfig {
    let raised = option_env("PROPTEST_CASES").and_then(|text| text.parse().ok());
    let cases = raised.unwrap_or(cases);
    ProptestConfig {
        cases,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(2026),
        ..ProptestConfig::default()
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long to test is not part of what is tested"
)]
fn option_env(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

fn documents() -> Vec<Source> {
    let accounts = include_str!("../../../../suites/demo/openapi/accounts.json");
    let posts = include_str!("../../../../suites/demo/openapi/posts.json");
    vec![
        Source::new("openapi/accounts.json", accounts),
        Source::new("openapi/posts.json", posts),
    ]
}

/// The suite that users see first is one that editors accept, and that reads.
#[test]
fn the_suites_that_users_have() {
    let demo = [
        include_str!("../../../../suites/demo/lockstep.yaml"),
        include_str!("../../../../suites/demo/policy/policy.yaml"),
    ];
    let kinto = [
        include_str!("../../../../suites/kinto/lockstep.yaml"),
        include_str!("../../../../suites/kinto/policy/policy.yaml"),
    ];
    let pocketbase = [
        include_str!("../../../../suites/pocketbase/lockstep.yaml"),
        include_str!("../../../../suites/pocketbase/policy/policy.yaml"),
    ];
    let validator = jsonschema::draft202012::new(&schema()).unwrap();
    for [text, policy] in [demo, kinto, pocketbase] {
        assert!(validator.is_valid(&json_of(text)), "{text}");
        let mut files = crate::file::Files::new(text);
        files.policy = vec![Source::new("policy.yaml", policy)];
        files.documents = documents();
        if let Err(mistakes) = files.read(false) {
            panic!("{}", files.render(&mistakes));
        }
    }
}
