//! The static types of conditions.

use std::fmt;
use std::sync::Arc;

use crate::model::AttributeType;

use super::value::Value;

/// The type of an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    /// Known only when it is evaluated: elements of `[]`, and what `dyn` returns.
    Dyn,
    Null,
    Bool,
    Int,
    Uint,
    Double,
    String,
    Timestamp,
    Duration,
    List(Box<Type>),
    Map(Box<Type>, Box<Type>),
    /// The reference to an object of the named type; none if it may be any.
    Reference(Option<Arc<str>>),
    Address,
}

impl Type {
    /// The type of an attribute. The name of a tenant is a string.
    pub(super) fn of_attribute(attribute: &AttributeType) -> Self {
        match attribute {
            AttributeType::String | AttributeType::Tenant => Self::String,
            AttributeType::Int => Self::Int,
            AttributeType::Double => Self::Double,
            AttributeType::Bool => Self::Bool,
            AttributeType::Timestamp => Self::Timestamp,
            AttributeType::Reference(name) => Self::Reference(Some(Arc::clone(name))),
        }
    }

    /// The type of a literal.
    pub(super) fn of_literal(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(_) => Self::Bool,
            Value::Int(_) => Self::Int,
            Value::Uint(_) => Self::Uint,
            Value::Double(_) => Self::Double,
            Value::String(_) => Self::String,
            Value::Timestamp(_) => Self::Timestamp,
            Value::Duration(_) => Self::Duration,
            Value::Address(_) => Self::Address,
            Value::List(_) | Value::Map(_) | Value::Reference(_) => Self::Dyn,
        }
    }

    /// The type of what is of one or of the other: the more exact one; none if they do not agree.
    pub(super) fn join(&self, other: &Self) -> Option<Self> {
        Some(match (self, other) {
            (Self::Dyn, it) | (it, Self::Dyn) => it.clone(),
            (Self::List(a), Self::List(b)) => Self::List(Box::new(a.join(b)?)),
            (Self::Map(a, x), Self::Map(b, y)) => {
                Self::Map(Box::new(a.join(b)?), Box::new(x.join(y)?))
            }
            (Self::Reference(None), Self::Reference(_))
            | (Self::Reference(_), Self::Reference(None)) => Self::Reference(None),
            (a, b) if a == b => a.clone(),
            _ => return None,
        })
    }

    /// Whether a value of one type could be a value of the other.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        self.join(other).is_some()
    }

    /// Whether values of the type have an order.
    pub(super) fn is_ordered(&self) -> bool {
        !matches!(
            self,
            Self::Null | Self::List(_) | Self::Map(..) | Self::Reference(_) | Self::Address
        )
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self, Self::Int | Self::Uint | Self::Double)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Dyn => f.write_str("dyn"),
            Self::Null => f.write_str("null"),
            Self::Bool => f.write_str("bool"),
            Self::Int => f.write_str("int"),
            Self::Uint => f.write_str("uint"),
            Self::Double => f.write_str("double"),
            Self::String => f.write_str("string"),
            Self::Timestamp => f.write_str("timestamp"),
            Self::Duration => f.write_str("duration"),
            Self::Address => f.write_str("ipaddress"),
            Self::List(item) => write!(f, "list({item})"),
            Self::Map(key, value) => write!(f, "map({key}, {value})"),
            Self::Reference(None) => f.write_str("reference"),
            Self::Reference(Some(name)) => write!(f, "reference to {name}"),
        }
    }
}
