//! The values that conditions compute with.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::facts::Reference;

/// A value of the condition language. Cloning one is cheap.
#[derive(Debug, Clone)]
pub enum Value {
    /// `null`.
    Null,
    /// `bool`.
    Bool(bool),
    /// `int`: 64 bits with sign.
    Int(i64),
    /// `uint`: 64 bits without sign.
    Uint(u64),
    /// `double`: IEEE 754 binary64.
    Double(f64),
    /// `string`, and the name of a tenant.
    String(Arc<str>),
    /// `google.protobuf.Timestamp`.
    Timestamp(Timestamp),
    /// `google.protobuf.Duration`.
    Duration(SignedDuration),
    /// `list`.
    List(Arc<[Value]>),
    /// `map`.
    Map(Arc<BTreeMap<Key, Value>>),
    /// The name of an object, which is ours and not CEL's.
    Reference(Reference),
    /// `ipaddress`, an extension of OpenFGA's and SpiceDB's.
    Address(IpAddr),
}

/// A key of a map. Numbers are equal as keys when they are equal as numbers (CEL language
/// definition, "Equality"), so an unsigned one that fits is kept as a signed one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// `bool`.
    Bool(bool),
    /// `int`, and every `uint` that fits.
    Int(i64),
    /// `uint` beyond the largest `int`.
    Uint(u64),
    /// `string`.
    String(Arc<str>),
}

impl Value {
    /// The value as the key of a map, if there is such a key.
    pub fn to_key(&self) -> Option<Key> {
        Some(match self {
            Self::Bool(value) => Key::Bool(*value),
            Self::Int(value) => Key::Int(*value),
            Self::Uint(value) => i64::try_from(*value).map_or(Key::Uint(*value), Key::Int),
            Self::String(value) => Key::String(Arc::clone(value)),
            _ => return None,
        })
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(value) => Some(value),
            _ => None,
        }
    }

    /// The kind of value, as messages name it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::String(_) => "string",
            Self::Timestamp(_) => "timestamp",
            Self::Duration(_) => "duration",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Reference(_) => "reference",
            Self::Address(_) => "ipaddress",
        }
    }

    /// How two values that have an order stand to each other. Numbers of different kinds are
    /// compared by their mathematical value; nothing else mixes, and NaN has no order.
    pub fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::String(a), Self::String(b)) => Some(a.cmp(b)),
            (Self::Timestamp(a), Self::Timestamp(b)) => Some(a.cmp(b)),
            (Self::Duration(a), Self::Duration(b)) => Some(a.cmp(b)),
            (Self::Int(a), Self::Int(b)) => Some(a.cmp(b)),
            (Self::Uint(a), Self::Uint(b)) => Some(a.cmp(b)),
            (Self::Double(a), Self::Double(b)) => a.partial_cmp(b),
            (Self::Double(a), b) => order_double(*a, b.whole()?),
            (a, Self::Double(b)) => order_double(*b, a.whole()?).map(Ordering::reverse),
            (a, b) => Some(a.whole()?.cmp(&b.whole()?)),
        }
    }

    fn whole(&self) -> Option<i128> {
        match self {
            Self::Int(value) => Some(i128::from(*value)),
            Self::Uint(value) => Some(i128::from(*value)),
            _ => None,
        }
    }
}

/// Compares without rounding: a whole number of 64 bits need not fit a double.
fn order_double(double: f64, whole: i128) -> Option<Ordering> {
    if double.is_nan() {
        return None;
    }
    // Saturates for infinities and everything out of range, which keeps the order.
    let floor = double.floor() as i128;
    let by_floor = floor.cmp(&whole);
    let has_fraction = double.is_finite() && double.fract() != 0.0;
    Some(match by_floor {
        Ordering::Equal if has_fraction => Ordering::Greater,
        other => other,
    })
}

impl Key {
    /// The key as a value.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Bool(value) => Value::Bool(*value),
            Self::Int(value) => Value::Int(*value),
            Self::Uint(value) => Value::Uint(*value),
            Self::String(value) => Value::String(Arc::clone(value)),
        }
    }
}

impl PartialEq for Value {
    /// Equality of CEL: values of different kinds differ, but for numbers of equal value.
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Reference(a), Self::Reference(b)) => a == b,
            (Self::Address(a), Self::Address(b)) => a == b,
            (Self::List(a), Self::List(b)) => a == b,
            (Self::Map(a), Self::Map(b)) => a == b,
            (a, b) => a.order(b) == Some(Ordering::Equal),
        }
    }
}
