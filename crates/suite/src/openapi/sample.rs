//! Bodies made up from what a document says of them, and where its answers hold what.

use std::cell::Cell;

use serde_json::{Map, Value, json};

use super::reference::resolve;
use super::{Document, Operation};

/// How deep a made-up value is nested.
const DEPTH_MAX: usize = 6;
/// The most values that are made up for one body.
const VALUES_MAX: usize = 500;
/// The most parts of schemas that are joined for one body, which may name one another many times.
const PARTS_MAX: usize = 500;
/// A text shorter than this may not hold `{{ unique }}`, which becomes some twenty characters.
const UNIQUE_CHARS_MAX: u64 = 24;
/// Properties that usually hold free text, which a view shows again.
const FREE_TEXTS: [&str; 12] = [
    "title",
    "name",
    "subject",
    "summary",
    "label",
    "text",
    "content",
    "body",
    "message",
    "description",
    "comment",
    "bio",
];
/// The roles with the least power, as systems usually call them.
const SMALL_ROLES: [&str; 8] = [
    "viewer", "reader", "guest", "member", "user", "basic", "customer", "student",
];

/// A body that was made up.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// It, with `{{ unique }}` in its texts.
    pub json: Value,
    /// Whether it holds `{{ unique }}`, so that what is made of it can be known again.
    pub is_unique: bool,
}

impl Document {
    /// A body for an operation that takes JSON: its required parts, and something unique.
    pub fn sample_body(&self, operation: &Operation) -> Option<Sampling> {
        let body = operation.body.as_ref()?;
        let schema = body.schema.as_ref()?;
        let mut sampler = Sampler::new(&self.tree);
        let mut value = sampler.value(schema, "", 0);
        if let Some(example) = body.example.as_ref().filter(|it| it.is_object()) {
            value = harmless(example.clone());
        }
        let schema = sampler.merged(schema, 0);
        let is_unique = holds_unique(&value) || sampler.mark(&mut value, &schema);
        Some(Sampling {
            json: value,
            is_unique,
        })
    }

    /// A value for a parameter, as it stands in a query.
    pub fn sample_parameter(&self, schema: &Value) -> String {
        let mut sampler = Sampler::new(&self.tree);
        crate::template::plain(&sampler.value(schema, "", 0))
    }

    /// The JSONPath of the first of these properties in the JSON that an operation answers with,
    /// at its top or one level below.
    pub fn answer_path(&self, operation: &Operation, names: &[&str]) -> Option<String> {
        let sampler = Sampler::new(&self.tree);
        let top = sampler.merged(operation.answer.as_ref()?, 0);
        let properties = top.get("properties")?.as_object()?;
        if let Some(name) = names.iter().find(|name| properties.contains_key(**name)) {
            return Some(json_path(&[name]));
        }
        properties.iter().find_map(|(outer, inner)| {
            let inner = sampler.merged(inner, 0);
            let inner = inner.get("properties")?.as_object()?;
            let name = names.iter().find(|name| inner.contains_key(**name))?;
            Some(json_path(&[outer, name]))
        })
    }

    /// The names of the properties of the JSON that is sent with an operation.
    pub fn body_properties(&self, operation: &Operation) -> Vec<String> {
        let schema = operation.body.as_ref().and_then(|it| it.schema.as_ref());
        let sampler = Sampler::new(&self.tree);
        let schema = schema.map(|it| sampler.merged(it, 0)).unwrap_or_default();
        let properties = schema.get("properties").and_then(Value::as_object);
        properties
            .into_iter()
            .flatten()
            .map(|(name, _)| name.clone())
            .collect()
    }

    /// The JSONPath of the items of a listing, and of the ids in it, if its answer is one.
    pub fn items_path(&self, operation: &Operation, ids: &[&str]) -> Option<String> {
        let sampler = Sampler::new(&self.tree);
        let id_of = |list: &Value| {
            let items = sampler.merged(list.get("items")?, 0);
            let properties = items.get("properties")?.as_object()?;
            ids.iter().find(|id| properties.contains_key(**id)).copied()
        };
        let top = sampler.merged(operation.answer.as_ref()?, 0);
        if let Some(id) = id_of(&top) {
            return Some(format!("$[*]{}", step(id)));
        }
        let properties = top.get("properties")?.as_object()?;
        properties.iter().find_map(|(name, inner)| {
            let id = id_of(&sampler.merged(inner, 0))?;
            Some(format!("${}[*]{}", step(name), step(id)))
        })
    }
}

/// `$.access_token`, with brackets where a name needs them (RFC 9535, section 2.5.1).
fn json_path(names: &[&str]) -> String {
    let steps = names.iter().map(|name| step(name));
    format!("${}", steps.collect::<String>())
}

fn step(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if starts_well && name.chars().all(plain) {
        format!(".{name}")
    } else {
        let escaped = name.replace('\\', "\\\\").replace('\'', "\\'");
        format!("['{escaped}']")
    }
}

struct Sampler<'d> {
    tree: &'d Value,
    /// How many values have been made up.
    values: usize,
    /// How many parts of schemas have been joined.
    parts: Cell<usize>,
}

impl<'d> Sampler<'d> {
    fn new(tree: &'d Value) -> Self {
        Self {
            tree,
            values: 0,
            parts: Cell::new(0),
        }
    }

    /// A schema with its reference followed and its `allOf` joined; of alternatives the first.
    /// Parts behind the first [`PARTS_MAX`] are left out.
    fn merged(&self, schema: &Value, depth: usize) -> Value {
        let schema = resolve(self.tree, schema).unwrap_or(&Value::Null);
        let Some(entries) = schema.as_object() else {
            return json!({});
        };
        let mut merged = entries.clone();
        if depth >= DEPTH_MAX {
            return Value::Object(merged);
        }
        let list = |key: &str| entries.get(key).and_then(Value::as_array);
        let parts = list("allOf").into_iter().flatten();
        let alternative = list("oneOf").or_else(|| list("anyOf"));
        let alternative = alternative.into_iter().flatten();
        let alternative = alternative
            .filter(|it| it.get("type") != Some(&json!("null")))
            .take(1);
        for part in parts.chain(alternative) {
            if self.parts.get() >= PARTS_MAX {
                break;
            }
            self.parts.set(self.parts.get() + 1);
            if let Value::Object(part) = self.merged(part, depth + 1) {
                join(&mut merged, part);
            }
        }
        Value::Object(merged)
    }

    /// A value of a schema, for the property of this name.
    fn value(&mut self, schema: &Value, name: &str, depth: usize) -> Value {
        self.values += 1;
        if depth > DEPTH_MAX || self.values > VALUES_MAX {
            return Value::Null;
        }
        let schema = self.merged(schema, 0);
        let given = |key: &str| schema.get(key).cloned();
        let first = |key: &str| schema.get(key)?.as_array()?.first().cloned();
        if let Some(value) = given("const") {
            return harmless(value);
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return harmless(one_of_few(values));
        }
        let example = given("example").or_else(|| first("examples"));
        if let Some(value) = example.or_else(|| given("default")) {
            return harmless(value);
        }
        match kind(&schema) {
            "object" => self.object(&schema, depth),
            "array" => self.array(&schema, name, depth),
            "integer" | "number" => number(&schema),
            "boolean" => json!(false),
            "null" => Value::Null,
            _ => json!(text(&schema, name)),
        }
    }

    fn object(&mut self, schema: &Value, depth: usize) -> Value {
        let properties = schema.get("properties").and_then(Value::as_object);
        let required = schema.get("required").and_then(Value::as_array);
        let names = required.into_iter().flatten().filter_map(Value::as_str);
        let mut object = Map::new();
        for name in names {
            let property = properties.and_then(|it| it.get(name));
            let read_only = property.and_then(|it| it.get("readOnly"));
            if read_only != Some(&Value::Bool(true)) {
                let value = self.value(property.unwrap_or(&Value::Null), name, depth + 1);
                object.insert(name.to_owned(), value);
            }
        }
        Value::Object(object)
    }

    fn array(&mut self, schema: &Value, name: &str, depth: usize) -> Value {
        let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0);
        let item = schema.get("items").cloned().unwrap_or_default();
        let items = (0..least.min(8)).map(|_| self.value(&item, name, depth + 1));
        Value::Array(items.collect())
    }

    /// Puts `{{ unique }}` into the first free text of a body, or adds one that is optional.
    fn mark(&mut self, value: &mut Value, schema: &Value) -> bool {
        let Some(object) = value.as_object_mut() else {
            return false;
        };
        let properties = schema.get("properties").and_then(Value::as_object);
        let Some(properties) = properties else {
            return false;
        };
        let free = |name: &str| {
            let schema = properties.get(name).map(|it| self.merged(it, 0));
            schema.is_some_and(|it| is_free_text(&it))
        };
        let usual = FREE_TEXTS.iter().copied().filter(|name| free(name));
        let mut usual = usual.collect::<Vec<_>>();
        let given = object
            .keys()
            .filter(|name| free(name))
            .cloned()
            .collect::<Vec<_>>();
        usual.sort_by_key(|name| !object.contains_key(*name));
        let name = usual
            .into_iter()
            .map(str::to_owned)
            .chain(given)
            .find(|name| !is_secret(name));
        match name {
            Some(name) => {
                object.insert(name, json!("canary {{ unique }}"));
                true
            }
            None => false,
        }
    }
}

/// What one schema says joins what another says; lists of properties are joined too.
fn join(merged: &mut Map<String, Value>, part: Map<String, Value>) {
    for (key, value) in part {
        match (merged.get_mut(&key), value) {
            (Some(Value::Object(there)), Value::Object(new)) => {
                for (name, value) in new {
                    there.entry(name).or_insert(value);
                }
            }
            (Some(Value::Array(there)), Value::Array(new)) if key == "required" => {
                there.extend(new);
            }
            (Some(_), _) => {}
            (None, value) => drop(merged.insert(key, value)),
        }
    }
}

/// The type of a schema's values; of several the first that is not `null`.
fn kind(schema: &Value) -> &str {
    let written = match schema.get("type") {
        Some(Value::Array(kinds)) => {
            let mut kinds = kinds.iter().filter_map(Value::as_str);
            kinds.find(|it| *it != "null")
        }
        Some(kind) => kind.as_str(),
        None => None,
    };
    written.unwrap_or_else(|| match schema {
        _ if schema.get("properties").is_some() => "object",
        _ if schema.get("items").is_some() => "array",
        _ => "string",
    })
}

/// Of the values of an enumeration the one with the least power, if they are roles.
fn one_of_few(values: &[Value]) -> Value {
    let small = |it: &&Value| it.as_str().is_some_and(|it| SMALL_ROLES.contains(&it));
    let chosen = values.iter().find(small).or_else(|| values.first());
    chosen.cloned().unwrap_or_default()
}

fn number(schema: &Value) -> Value {
    let given = |key: &str| schema.get(key).filter(|it| it.is_number()).cloned();
    let above = given("exclusiveMinimum").and_then(|it| it.as_i64());
    let above = above.map(|it| json!(it.saturating_add(1)));
    above.or_else(|| given("minimum")).unwrap_or(json!(1))
}

fn text(schema: &Value, name: &str) -> String {
    let name = name.to_ascii_lowercase();
    let word = |key: &str| schema.get(key).and_then(Value::as_str);
    match word("format").unwrap_or_default() {
        "email" => return "{{ unique }}@example.test".to_owned(),
        "date" => return "2030-01-01".to_owned(),
        "date-time" => return "2030-01-01T00:00:00Z".to_owned(),
        "uuid" => return "00000000-0000-4000-8000-000000000000".to_owned(),
        "uri" | "url" => return "https://example.test/".to_owned(),
        _ => {}
    }
    if name.contains("password") {
        "made-For-4-test".to_owned()
    } else if name.contains("email") || name == "mail" {
        "{{ unique }}@example.test".to_owned()
    } else if is_free_text(schema) && (name == "username" || name == "slug" || name == "key") {
        "{{ unique }}".to_owned()
    } else if is_free_text(schema) && FREE_TEXTS.contains(&name.as_str()) {
        "canary {{ unique }}".to_owned()
    } else {
        let least = schema.get("minLength").and_then(Value::as_u64).unwrap_or(0);
        let most = schema
            .get("maxLength")
            .and_then(Value::as_u64)
            .unwrap_or(64);
        let length = least.clamp(4, 64).min(most.max(1));
        "text"
            .chars()
            .cycle()
            .take(usize::try_from(length).unwrap_or(4))
            .collect()
    }
}

/// Whether a text may be any that is long enough for `{{ unique }}`.
fn is_free_text(schema: &Value) -> bool {
    let most = schema.get("maxLength").and_then(Value::as_u64);
    let narrows = ["enum", "const", "format", "pattern"];
    kind(schema) == "string"
        && most.is_none_or(|most| most >= UNIQUE_CHARS_MAX)
        && !narrows.iter().any(|key| schema.get(key).is_some())
}

/// A value of a document without variables: what somebody else wrote must not ask for secrets.
fn harmless(value: Value) -> Value {
    match value {
        Value::String(text) => {
            let mut text = text.replace("${", "$ {");
            // Of three braces two are left next to one another.
            while text.contains("{{") {
                text = text.replace("{{", "{ {");
            }
            Value::String(text)
        }
        Value::Array(items) => items.into_iter().map(harmless).collect(),
        Value::Object(entries) => {
            let entries = entries.into_iter();
            Value::Object(entries.map(|(key, item)| (key, harmless(item))).collect())
        }
        other => other,
    }
}

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["password", "secret", "token"]
        .iter()
        .any(|word| name.contains(word))
}

fn holds_unique(value: &Value) -> bool {
    match value {
        Value::String(text) => text.contains("{{ unique }}"),
        Value::Array(items) => items.iter().any(holds_unique),
        Value::Object(entries) => entries.values().any(holds_unique),
        _ => false,
    }
}
