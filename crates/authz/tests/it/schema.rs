//! The JSON Schema and the reader: what one accepts, the other does.

use std::collections::BTreeSet;

use authz::POLICY_SCHEMA;
use authz::language::check_structure;
use authz::source::{Diagnostics, Source, yaml};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Map, Value, json};

const VALID: [&str; 3] = [
    include_str!("policies/publishing.yaml"),
    include_str!("policies/joined/policy.yaml"),
    include_str!("policies/small.yaml"),
];

fn schema() -> Value {
    serde_json::from_str(POLICY_SCHEMA).unwrap()
}

/// The text as the schema sees it, if it is YAML.
fn as_json(text: &str) -> Option<Value> {
    let mut diagnostics = Diagnostics::default();
    let source = Source::new("policy.yaml", text);
    let node = yaml::read(&source, &mut diagnostics)?;
    diagnostics.is_empty().then(|| node.to_json())
}

/// What the reader and the schema say of a text that is YAML.
fn both(text: &str, schema: &jsonschema::Validator) -> (bool, bool) {
    let reader = check_structure(&Source::new("policy.yaml", text)).is_ok();
    (reader, schema.is_valid(&as_json(text).unwrap()))
}

#[test]
fn the_schema_is_one_and_describes_every_key() {
    let schema = schema();
    assert!(jsonschema::meta::is_valid(&schema));
    let mut undescribed = Vec::new();
    walk(&schema, &mut |name, property| {
        let referred = property["$ref"].as_str().map(|it| resolve(&schema, it));
        let described = referred.unwrap_or(property)["description"].is_string();
        if !described && !property["description"].is_string() {
            undescribed.push(name.to_owned());
        }
    });
    assert_eq!(undescribed, Vec::<String>::new());
}

#[test]
fn every_golden_mistake_is_one_for_both_or_for_neither() {
    let schema = jsonschema::validator_for(&schema()).unwrap();
    let cases = crate::errors::cases();
    let texts = cases.iter().map(|(_, text)| text.as_str()).chain(VALID);
    for text in texts.filter(|text| as_json(text).is_some()) {
        let (reader, schema) = both(text, &schema);
        assert_eq!(reader, schema, "{text}");
    }
}

/// Each constraint of the schema, broken alone or just kept: where, what is put there, and whether
/// both accept it.
const SINGLE: [(&str, &str, bool); 69] = [
    ("/version", "2", false),
    ("/version", "1.0", true),
    ("/version", "\"1\"", false),
    ("/types", "{}", true),
    ("/types", "null", false),
    ("/types/string", "{}", false),
    ("/types/tenant", "{}", false),
    ("/types/a b", "{}", false),
    ("/types/a-b_9", "{}", true),
    ("/types/9a", "{}", false),
    ("/types/", "{}", false),
    ("/types/é", "{}", false),
    ("/types/post", "null", false),
    ("/types/post/relations", "{}", false),
    ("/types/post/attributes/a-b", "\"string\"", false),
    ("/types/post/attributes/in", "\"string\"", false),
    ("/types/post/attributes/_in", "\"string\"", true),
    ("/types/post/attributes/a", "\"\"", true),
    ("/types/post/attributes/a", "7", false),
    ("/types/post/attributes/a", "{}", false),
    (
        "/types/post/attributes/a",
        "{ \"type\": \"int\", \"default\": 1 }",
        true,
    ),
    (
        "/types/post/attributes/a",
        "{ \"type\": \"int\", \"default\": [] }",
        false,
    ),
    (
        "/types/post/attributes/a",
        "{ \"type\": \"int\", \"default\": null }",
        false,
    ),
    (
        "/types/post/attributes/a",
        "{ \"type\": \"int\", \"defualt\": 1 }",
        false,
    ),
    ("/types/post/actions/a.b", "\"instance\"", false),
    ("/types/post/actions/a", "\"object\"", false),
    ("/roles/a.b", "{}", false),
    ("/roles/a", "{}", true),
    ("/roles/viewer/can", "null", false),
    ("/roles/viewer/can/post", "\"read\"", false),
    ("/roles/viewer/includes", "[1]", false),
    ("/roles/viewer/across_tenants", "\"yes\"", false),
    ("/tenants", "true", false),
    ("/tenants/conceal", "null", false),
    ("/combine", "\"last-applicable\"", false),
    ("/rules", "{}", false),
    ("/rules/0/name", "\"\"", false),
    ("/rules/0/name", "7", false),
    ("/rules/0/permit", "{}", false),
    ("/rules/1/deny", "{}", false),
    ("/rules/0/deny", "{ \"post\": [] }", false),
    ("/rules/0/when", "true", false),
    ("/rules/0/when", "\"(\"", true),
    ("/flagss", "{}", false),
    ("/flags", "{}", true),
    ("/flags/a", "true", true),
    ("/flags/a", "null", false),
    ("/flags/a", "\"on\"", false),
    ("/flags/a b", "true", false),
    ("/flags/a", "{}", true),
    ("/flags/a", "{ \"rollout\": 25.0 }", true),
    ("/flags/a", "{ \"rollout\": 25.5 }", false),
    ("/flags/a", "{ \"rollout\": 101 }", false),
    ("/flags/a", "{ \"rollout\": -1 }", false),
    ("/flags/a", "{ \"users\": \"user:a\" }", false),
    ("/flags/a", "{ \"default\": 1 }", false),
    ("/flags/a", "{ \"on\": true }", false),
    ("/relations", "\"model.fga\"", true),
    ("/relations", "[]", false),
    ("/related", "{ \"post\": { \"read\": \"viewer\" } }", true),
    (
        "/related",
        "{ \"post\": { \"read\": [\"viewer\"] } }",
        false,
    ),
    (
        "/scopes",
        "{ \"read:data\": { \"post\": [\"read\"] } }",
        true,
    ),
    ("/scopes", "{ \"read:data\": [\"post\"] }", false),
    (
        "/claims",
        "{ \"post\": { \"read\": { \"mfa\": true } } }",
        true,
    ),
    (
        "/claims",
        "{ \"post\": { \"read\": { \"mfa\": [] } } }",
        false,
    ),
    ("/claims", "{ \"post\": { \"read\": true } }", false),
    ("/shares", "{}", true),
    ("/shares", "{ \"may_grant\": [] }", false),
    ("/shares", "{ \"may\": {} }", false),
];

#[test]
fn every_constraint_of_the_schema_is_the_readers_too() {
    let schema = jsonschema::validator_for(&schema()).unwrap();
    for (pointer, value, accepted) in SINGLE {
        let (parent, key) = pointer.rsplit_once('/').unwrap();
        let mut policies = VALID.iter().map(|text| as_json(text).unwrap());
        let mut policy = policies.find(|it| it.pointer(parent).is_some()).unwrap();
        let value: Value = serde_json::from_str(value).unwrap();
        match policy.pointer_mut(parent).unwrap() {
            Value::Object(map) => drop(map.insert(key.to_owned(), value.clone())),
            other => panic!("{pointer}: {other}"),
        }
        let (reader, schema) = both(&policy.to_string(), &schema);
        assert_eq!((reader, schema), (accepted, accepted), "{pointer}: {value}");
    }
}

#[test]
fn every_key_of_the_schema_occurs_in_a_valid_policy() {
    let schema = schema();
    let mut missing = BTreeSet::new();
    walk(&schema, &mut |name, _| {
        missing.insert(name.to_owned());
    });
    assert!(missing.len() >= 15, "{missing:?}");
    for text in VALID {
        keys(&as_json(text).unwrap(), &mut |key| {
            missing.remove(key);
        });
    }
    assert_eq!(missing, BTreeSet::new());
}

#[test]
fn two_hundred_mutated_policies_are_judged_alike() {
    let schema = jsonschema::validator_for(&schema()).unwrap();
    let mut runner = TestRunner::deterministic();
    let mutations = prop::collection::vec((any::<u32>(), any::<u32>(), any::<u32>()), 1..3);
    let strategy = (0..VALID.len(), mutations);
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..200 {
        let (index, mutations) = strategy.new_tree(&mut runner).unwrap().current();
        let mut policy = as_json(VALID[index]).unwrap();
        for (place, kind, choice) in mutations {
            mutate(&mut policy, place, kind, choice);
        }
        let text = policy.to_string();
        let (reader, schema) = both(&text, &schema);
        assert_eq!(reader, schema, "{policy:#}");
        if reader {
            accepted += 1;
        } else {
            refused += 1;
        }
    }
    assert!(accepted >= 20 && refused >= 100, "{accepted} {refused}");
}

/// Changes one value, chosen by `place`: takes it away, renames its key, puts another in its
/// stead or beside it.
fn mutate(policy: &mut Value, place: u32, kind: u32, choice: u32) {
    let mut pointers = vec![String::new()];
    collect(policy, String::new(), &mut pointers);
    let pointer = &pointers[place as usize % pointers.len()];
    let words = [
        "x", "type", "default", "name", "deny", "permit", "when", "read", "in", "string",
        "bad name", "",
    ];
    let word = words[choice as usize % words.len()];
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(1),
        json!(1.0),
        json!(2.5),
        json!("text"),
        json!(""),
        json!([]),
        json!({}),
        json!([1]),
        json!(["read"]),
        json!({ "post": ["read"] }),
        json!("instance"),
    ];
    let value = values[choice as usize % values.len()].clone();
    let (parent, key) = pointer.rsplit_once('/').unwrap_or(("", ""));
    match kind % 4 {
        0 => *policy.pointer_mut(pointer).unwrap() = value,
        1 => match policy.pointer_mut(pointer).unwrap() {
            Value::Object(map) => drop(map.insert(word.to_owned(), value)),
            Value::Array(items) => items.push(value),
            scalar => *scalar = value,
        },
        2 => match policy.pointer_mut(parent).unwrap() {
            Value::Object(map) => drop(map.shift_remove(key)),
            Value::Array(items) => drop(items.pop()),
            _ => {}
        },
        _ => rename(policy.pointer_mut(parent).unwrap(), key, word),
    }
}

fn rename(parent: &mut Value, key: &str, word: &str) {
    if let Value::Object(map) = parent {
        let renamed: Map<String, Value> = std::mem::take(map)
            .into_iter()
            .map(|(name, value)| {
                let name = if name == key { word.to_owned() } else { name };
                (name, value)
            })
            .collect();
        *map = renamed;
    }
}

fn collect(value: &Value, at: String, pointers: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(map) => map.iter().map(|(key, it)| (key.clone(), it)).collect(),
        Value::Array(items) => {
            let items = items.iter().enumerate();
            items.map(|(index, it)| (index.to_string(), it)).collect()
        }
        _ => Vec::new(),
    };
    for (key, child) in children {
        // Names that a pointer would have to escape do not occur in the valid policies.
        if !key.contains(['/', '~']) {
            let pointer = format!("{at}/{key}");
            pointers.push(pointer.clone());
            collect(child, pointer, pointers);
        }
    }
}

fn resolve<'a>(schema: &'a Value, reference: &str) -> &'a Value {
    schema.pointer(reference.trim_start_matches('#')).unwrap()
}

/// Calls `visit` for every property that the schema names.
fn walk<'a>(schema: &'a Value, visit: &mut impl FnMut(&'a str, &'a Value)) {
    match schema {
        Value::Object(map) => {
            for (key, value) in map {
                if key == "properties" {
                    for (name, property) in value.as_object().unwrap() {
                        visit(name, property);
                    }
                }
                walk(value, visit);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
        _ => {}
    }
}

fn keys(value: &Value, visit: &mut impl FnMut(&str)) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                visit(key);
                keys(value, visit);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| keys(item, visit)),
        _ => {}
    }
}
