//! Declared conditions (OpenFGA) and caveats (SpiceDB): the types of their parameters, and how the
//! JSON of a context becomes values of those types.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use indexmap::IndexMap;
use serde_json::{Map, Value as Json};

use super::types::Type;
use super::value::{Key, Value};
use super::{address, time};

/// The deepest nesting of a type: `list<list<int>>` has two levels.
pub(crate) const TYPE_DEPTH_MAX: usize = 8;

/// The type of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParameterType {
    /// `any`: whatever JSON can say.
    Any,
    /// `bool`.
    Bool,
    /// `string`.
    String,
    /// `int`: 64 bits with sign.
    Int,
    /// `uint`: 64 bits without sign.
    Uint,
    /// `double`: a finite number of IEEE 754 binary64.
    Double,
    /// `duration`: text such as `1h30m`.
    Duration,
    /// `timestamp`: text of RFC 3339.
    Timestamp,
    /// `ipaddress`: text such as `192.168.0.1`.
    Address,
    /// `list<T>`.
    List(Box<ParameterType>),
    /// `map<T>`: the keys are strings.
    Map(Box<ParameterType>),
}

/// Parameters by their names, in the order of the declaration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Parameters(IndexMap<Arc<str>, ParameterType>);

/// Why the JSON of a context is not a value of its parameter's type.
pub(crate) type Typing<T> = Result<T, String>;

impl ParameterType {
    /// The names of the types without parts.
    pub(crate) const SIMPLE: [&str; 9] = [
        "any",
        "bool",
        "string",
        "int",
        "uint",
        "double",
        "duration",
        "timestamp",
        "ipaddress",
    ];

    /// The type without parts of this name.
    pub(crate) fn simple(name: &str) -> Option<Self> {
        Some(match name {
            "any" => Self::Any,
            "bool" => Self::Bool,
            "string" => Self::String,
            "int" => Self::Int,
            "uint" => Self::Uint,
            "double" => Self::Double,
            "duration" => Self::Duration,
            "timestamp" => Self::Timestamp,
            "ipaddress" => Self::Address,
            _ => return None,
        })
    }

    pub(super) fn to_type(&self) -> Type {
        match self {
            Self::Any => Type::Dyn,
            Self::Bool => Type::Bool,
            Self::String => Type::String,
            Self::Int => Type::Int,
            Self::Uint => Type::Uint,
            Self::Double => Type::Double,
            Self::Duration => Type::Duration,
            Self::Timestamp => Type::Timestamp,
            Self::Address => Type::Address,
            Self::List(item) => Type::List(Box::new(item.to_type())),
            Self::Map(item) => Type::Map(Box::new(Type::String), Box::new(item.to_type())),
        }
    }

    /// The value that JSON writes as `json`. Numbers may stand in strings, as both dialects have
    /// it, because not every JSON library keeps 64 bits.
    ///
    /// # Errors
    /// What was expected instead.
    pub(crate) fn value(&self, json: &Json) -> Typing<Value> {
        let value = match (self, json) {
            (Self::Any, json) => Some(untyped(json)),
            (Self::Bool, Json::Bool(value)) => Some(Value::Bool(*value)),
            (Self::String, Json::String(text)) => Some(Value::String(text.as_str().into())),
            (Self::Int, json) => whole(json)
                .and_then(|it| i64::try_from(it).ok())
                .map(Value::Int),
            (Self::Uint, json) => whole(json)
                .and_then(|it| u64::try_from(it).ok())
                .map(Value::Uint),
            (Self::Double, json) => double(json).map(Value::Double),
            (Self::Duration, Json::String(text)) => time::duration(text).ok().map(Value::Duration),
            (Self::Timestamp, Json::String(text)) => {
                time::timestamp(text).ok().map(Value::Timestamp)
            }
            (Self::Address, Json::String(text)) => address::parse(text).ok().map(Value::Address),
            (Self::List(item), Json::Array(items)) => {
                let items = items.iter().map(|json| item.value(json));
                Some(Value::List(items.collect::<Typing<_>>()?))
            }
            (Self::Map(item), Json::Object(entries)) => {
                let entries = entries.iter().map(|(key, json)| {
                    let key = Key::String(key.as_str().into());
                    item.value(json).map(|value| (key, value))
                });
                Some(Value::Map(Arc::new(entries.collect::<Typing<_>>()?)))
            }
            _ => None,
        };
        value.ok_or_else(|| format!("expected {self}, found `{json}`"))
    }
}

impl fmt::Display for ParameterType {
    /// As both languages write it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Any => "any",
            Self::Bool => "bool",
            Self::String => "string",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Double => "double",
            Self::Duration => "duration",
            Self::Timestamp => "timestamp",
            Self::Address => "ipaddress",
            Self::List(item) => return write!(f, "list<{item}>"),
            Self::Map(item) => return write!(f, "map<{item}>"),
        })
    }
}

impl Parameters {
    /// Adds a parameter, unless there is one of this name.
    #[must_use]
    pub(crate) fn add(&mut self, name: Arc<str>, value_type: ParameterType) -> bool {
        self.0.insert(name, value_type).is_none()
    }

    /// The parameters with their types.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ParameterType)> {
        self.0
            .iter()
            .map(|(name, value_type)| (&**name, value_type))
    }

    pub(super) fn find(&self, name: &str) -> Option<(usize, &ParameterType)> {
        let (slot, _, value_type) = self.0.get_full(name)?;
        Some((slot, value_type))
    }

    pub(super) fn name(&self, slot: usize) -> Option<&Arc<str>> {
        self.0.get_index(slot).map(|(name, _)| name)
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(|name| &**name)
    }

    /// The names of the parameters that have no value.
    pub(crate) fn without_value(&self, values: &[Option<Value>]) -> Vec<Arc<str>> {
        let slots = self.0.keys().zip(values);
        let missing = slots.filter(|(_, value)| value.is_none());
        missing.map(|(name, _)| Arc::clone(name)).collect()
    }

    /// The value of each parameter: what was stored wins over what came with the request.
    ///
    /// # Errors
    /// A value of the wrong type, with the name of its parameter.
    pub(crate) fn values(
        &self,
        stored: Option<&Map<String, Json>>,
        given: &Map<String, Json>,
    ) -> Typing<Vec<Option<Value>>> {
        let of = |(name, value_type): (&Arc<str>, &ParameterType)| {
            let stored = stored.and_then(|stored| stored.get(&**name));
            let Some(json) = stored.or_else(|| given.get(&**name)) else {
                return Ok(None);
            };
            let value = value_type.value(json);
            value
                .map(Some)
                .map_err(|error| format!("parameter `{name}`: {error}"))
        };
        self.0.iter().map(of).collect()
    }
}

/// The value that JSON says, whatever its type.
pub(crate) fn untyped(json: &Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) => number.as_i64().map_or_else(
            || Value::Double(number.as_f64().unwrap_or(f64::NAN)),
            Value::Int,
        ),
        Json::String(text) => Value::String(text.as_str().into()),
        Json::Array(items) => Value::List(items.iter().map(untyped).collect()),
        Json::Object(entries) => {
            let entries = entries
                .iter()
                .map(|(key, json)| (Key::String(key.as_str().into()), untyped(json)));
            Value::Map(Arc::new(entries.collect::<BTreeMap<_, _>>()))
        }
    }
}

/// A whole number, however JSON or a string writes it.
fn whole(json: &Json) -> Option<i128> {
    match json {
        Json::String(text) => text.parse().ok(),
        Json::Number(number) => {
            let whole = number.as_i64().map(i128::from);
            whole
                .or_else(|| number.as_u64().map(i128::from))
                .or_else(|| {
                    let double = number.as_f64()?;
                    let exact = double.fract() == 0.0 && double.abs() < 2_f64.powi(64);
                    exact.then_some(double as i128)
                })
        }
        _ => None,
    }
}

fn double(json: &Json) -> Option<f64> {
    let found = match json {
        Json::String(text) => text.parse().ok()?,
        Json::Number(number) => number.as_f64()?,
        _ => return None,
    };
    Some(found).filter(|found: &f64| found.is_finite())
}
