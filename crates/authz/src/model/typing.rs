//! Declared types: what conditions may read of an object, and what may be done to it.

use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::condition::{self, Value};
use crate::facts::Reference;
use crate::source::nearest;

/// A declared type of object.
#[derive(Debug, Clone)]
pub(crate) struct Type {
    pub(crate) name: Arc<str>,
    /// The index of an attribute is its slot.
    pub(crate) attributes: IndexMap<Arc<str>, Attribute>,
    pub(crate) actions: IndexMap<Arc<str>, Action>,
    /// The slot of the attribute that says whose the object is.
    pub(crate) tenant_slot: Option<usize>,
}

/// Something that conditions may read of an object.
#[derive(Debug, Clone)]
pub(crate) struct Attribute {
    pub(crate) value_type: AttributeType,
    pub(crate) default: Option<Value>,
}

/// What values an attribute has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AttributeType {
    String,
    Int,
    Double,
    Bool,
    Timestamp,
    Tenant,
    /// The reference to an object of the type of this name.
    Reference(Arc<str>),
}

/// Something that may be done to an object or a collection of them.
#[derive(Debug, Clone)]
pub(crate) struct Action {
    pub(crate) kind: ActionKind,
    /// Counted over the actions of all types.
    pub(crate) number: usize,
}

/// Whether an action is one on all objects of a type or on a single one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionKind {
    /// On the type as a whole: create, list.
    Collection,
    /// On one object: read, update.
    Instance,
}

impl AttributeType {
    /// The names of the types that are not declared by the user.
    pub(crate) const BUILT_IN: [&str; 6] =
        ["string", "int", "double", "bool", "timestamp", "tenant"];

    /// The type that is not declared by the user, by its name.
    pub(crate) fn built_in(name: &str) -> Option<Self> {
        Some(match name {
            "string" => Self::String,
            "int" => Self::Int,
            "double" => Self::Double,
            "bool" => Self::Bool,
            "timestamp" => Self::Timestamp,
            "tenant" => Self::Tenant,
            _ => return None,
        })
    }

    /// The name of the type, as policies write it.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::String => "string",
            Self::Int => "int",
            Self::Double => "double",
            Self::Bool => "bool",
            Self::Timestamp => "timestamp",
            Self::Tenant => "tenant",
            Self::Reference(name) => name,
        }
    }

    /// The value that JSON writes as `json`.
    ///
    /// # Errors
    /// What was expected instead.
    pub(crate) fn value(&self, json: &Json) -> Result<Value, String> {
        let value = match (self, json) {
            (Self::String, Json::String(text)) => Some(Value::String(text.as_str().into())),
            (Self::Tenant, Json::String(text)) if !text.is_empty() => {
                Some(Value::String(text.as_str().into()))
            }
            (Self::Int, Json::Number(number)) => number.as_i64().map(Value::Int),
            (Self::Double, Json::Number(number)) => number.as_f64().map(Value::Double),
            (Self::Bool, Json::Bool(value)) => Some(Value::Bool(*value)),
            (Self::Timestamp, Json::String(text)) => {
                condition::timestamp(text).ok().map(Value::Timestamp)
            }
            (Self::Reference(name), Json::String(text)) => reference(name, text),
            _ => None,
        };
        value.ok_or_else(|| format!("expected {self}, found `{json}`"))
    }

    /// The JSON of a value of this type that stands in a column of a database.
    pub(crate) fn of_column(&self, column: &Json) -> Json {
        let text = match column {
            Json::String(text) => text.clone(),
            Json::Number(number) => number.to_string(),
            other => return other.clone(),
        };
        match self {
            Self::String | Self::Tenant => Json::String(text),
            Self::Reference(name) if reference(name, &text).is_none() => {
                Json::String(format!("{name}:{text}"))
            }
            Self::Reference(_) => Json::String(text),
            _ => column.clone(),
        }
    }
}

fn reference(type_name: &str, text: &str) -> Option<Value> {
    let reference: Reference = text.parse().ok()?;
    (reference.type_name() == type_name).then_some(Value::Reference(reference))
}

impl fmt::Display for AttributeType {
    /// What is expected, for messages: "a string".
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::String => f.write_str("a string"),
            Self::Int => f.write_str("a whole number of 64 bits"),
            Self::Double => f.write_str("a number"),
            Self::Bool => f.write_str("`true` or `false`"),
            Self::Timestamp => f.write_str("a time such as \"2027-01-01T00:00:00Z\""),
            Self::Tenant => f.write_str("the name of a tenant"),
            Self::Reference(name) => write!(f, "a reference such as \"{name}:1\""),
        }
    }
}

impl Type {
    /// The attributes of one object by their slots, with the defaults of those left out.
    ///
    /// # Errors
    /// An attribute that is not declared, or whose value is of the wrong type.
    pub(crate) fn attribute_values(
        &self,
        given: &Map<String, Json>,
    ) -> Result<Vec<Option<Value>>, String> {
        let defaults = self.attributes.values();
        let mut values: Vec<Option<Value>> = defaults.map(|it| it.default.clone()).collect();
        for (name, json) in given {
            let Some((slot, _, attribute)) = self.attributes.get_full(name.as_str()) else {
                return Err(self.unknown_attribute(name));
            };
            let value = attribute.value_type.value(json);
            let value =
                value.map_err(|error| format!("attribute `{name}` of `{}`: {error}", self.name))?;
            if let Some(place) = values.get_mut(slot) {
                *place = Some(value);
            }
        }
        Ok(values)
    }

    fn unknown_attribute(&self, name: &str) -> String {
        let message = format!("attribute `{name}` is not declared for `{}`", self.name);
        match nearest(name, self.attributes.keys().map(|name| &**name)) {
            Some(meant) => format!("{message}; did you mean `{meant}`?"),
            None => message,
        }
    }
}
