//! The schema of a body as JSON Schema that stands alone.

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use super::reference::{Problem, look_up, target};
use super::{Document, Operation};

/// The most values that a schema may have, everything that it refers to included.
const VALUES_MAX: usize = 50_000;

impl Document {
    /// The JSON Schema (draft 2020-12) of what is sent as JSON with an operation, with all that
    /// it refers to; `None` where it takes no JSON.
    ///
    /// # Errors
    /// A reference that leads out of the document or nowhere, or a schema that is too large.
    pub fn body_schema(&self, operation: &Operation) -> Result<Option<Value>, Problem> {
        let body = operation.body.as_ref();
        let Some(schema) = body.and_then(|it| it.schema.as_ref()) else {
            return Ok(None);
        };
        let mut bundle = Bundle {
            document: self,
            seen: BTreeSet::new(),
            waiting: Vec::new(),
            values: 0,
        };
        let schema = bundle.copy(schema)?;
        let mut root = json!({ "allOf": [schema] });
        while let Some(to) = bundle.waiting.pop() {
            let value = bundle.copy(look_up(&self.tree, &to)?)?;
            put(&mut root, &to, value);
        }
        Ok(Some(root))
    }
}

struct Bundle<'d> {
    document: &'d Document,
    seen: BTreeSet<String>,
    waiting: Vec<String>,
    values: usize,
}

impl Bundle<'_> {
    /// A copy in which schemas of 3.0 are those of JSON Schema, and what only comes back need not
    /// be sent. What it refers to is kept for later.
    fn copy(&mut self, value: &Value) -> Result<Value, Problem> {
        self.values += 1;
        if self.values > VALUES_MAX {
            return Err(Problem::TooMuch);
        }
        match value {
            Value::Object(entries) => {
                if let Some(to) = target(value) {
                    look_up(&self.document.tree, to)?;
                    if self.seen.insert(to.to_owned()) {
                        self.waiting.push(to.to_owned());
                    }
                }
                let mut copy = Map::new();
                for (key, inner) in entries {
                    if is_no_schema(key, inner) {
                        continue;
                    }
                    copy.insert(key.clone(), self.copy(inner)?);
                }
                without_read_only(&mut copy);
                if self.document.is_3_0 {
                    as_2020_12(&mut copy);
                }
                Ok(Value::Object(copy))
            }
            Value::Array(items) => items.iter().map(|item| self.copy(item)).collect(),
            other => Ok(other.clone()),
        }
    }
}

/// What is data, or means nothing to a validator. A property may have the same name; then it has
/// a schema.
fn is_no_schema(key: &str, value: &Value) -> bool {
    let words = [
        "example",
        "examples",
        "discriminator",
        "xml",
        "externalDocs",
    ];
    words.contains(&key) && value.get("type").is_none() && value.get("$ref").is_none()
}

/// Puts a value where a reference looks for it.
fn put(root: &mut Value, to: &str, value: Value) {
    let pointer = to.trim_start_matches('#').trim_start_matches('/');
    let pointer = percent_encoding::percent_decode_str(pointer).decode_utf8_lossy();
    let keys: Vec<String> = pointer
        .split('/')
        .map(|key| key.replace("~1", "/").replace("~0", "~"))
        .collect();
    let mut at = root;
    for key in keys {
        if !at.is_object() {
            *at = json!({});
        }
        let Value::Object(entries) = at else {
            return;
        };
        at = entries.entry(key).or_insert_with(|| json!({}));
    }
    // A part of it may be there already, because something refers into it.
    match (at, value) {
        (Value::Object(there), Value::Object(new)) => there.extend(new),
        (at, value) => *at = value,
    }
}

/// `readOnly` properties come back and are not sent (OpenAPI 3.0.4, section 4.7.24.1).
fn without_read_only(schema: &mut Map<String, Value>) {
    let Some(Value::Object(properties)) = schema.get("properties") else {
        return;
    };
    let is_read_only = |name: &Value| {
        let property = name.as_str().and_then(|name| properties.get(name));
        property.is_some_and(|it| it.get("readOnly") == Some(&Value::Bool(true)))
    };
    let Some(Value::Array(required)) = schema.get("required") else {
        return;
    };
    let kept: Vec<Value> = required
        .iter()
        .filter(|name| !is_read_only(name))
        .cloned()
        .collect();
    schema.insert("required".to_owned(), Value::Array(kept));
}

/// What 3.0 says otherwise than JSON Schema: `nullable`, and limits that are exclusive.
fn as_2020_12(schema: &mut Map<String, Value>) {
    if schema.get("nullable") == Some(&Value::Bool(true)) {
        schema.remove("nullable");
        if let Some(kind) = schema.get("type").filter(|it| it.is_string()).cloned() {
            schema.insert("type".to_owned(), json!([kind, "null"]));
        }
        if let Some(Value::Array(values)) = schema.get_mut("enum")
            && !values.contains(&Value::Null)
        {
            values.push(Value::Null);
        }
    }
    for (exclusive, limit) in [
        ("exclusiveMinimum", "minimum"),
        ("exclusiveMaximum", "maximum"),
    ] {
        match schema.get(exclusive) {
            Some(Value::Bool(true)) => match schema.remove(limit) {
                Some(value) => drop(schema.insert(exclusive.to_owned(), value)),
                None => drop(schema.remove(exclusive)),
            },
            Some(Value::Bool(false)) => drop(schema.remove(exclusive)),
            _ => {}
        }
    }
}
