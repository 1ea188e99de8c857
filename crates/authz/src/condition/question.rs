//! One question of a condition, asked by itself, and how what several come to is joined.

use std::ops::Not;

use crate::facts::Request;
use crate::model::{ActionKind, Policy};

use super::{Condition, Evaluation, Failure, Flags, Scope};

/// What a condition of a rule, or a question in it, comes to. `&&`, `||` and `!` join it as the
/// evaluator does (CEL language definition, section "Logical Operators").
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Truth {
    /// It holds.
    True,
    /// It does not.
    False,
    /// It asks about something that the request is not about; see [`Failure::Absent`].
    Absent,
    /// It has no value.
    Error,
}

impl Truth {
    /// Of a value.
    pub fn of(value: bool) -> Self {
        if value { Self::True } else { Self::False }
    }

    /// What either comes to.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        let either = |wanted: Self| self == wanted || other == wanted;
        let order = [Self::True, Self::Absent, Self::Error];
        let found = order.into_iter().find(|it| either(*it));
        found.unwrap_or(Self::False)
    }

    /// What both come to.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        !(!self).or(!other)
    }
}

impl Not for Truth {
    type Output = Self;

    /// The contrary, where there is one.
    fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            other => other,
        }
    }
}

/// A question that conditions on one type of resource may ask.
#[derive(Debug, Clone)]
pub struct Question(Condition);

impl Policy {
    /// A question of the conditions on a type; none of an unknown type, or a text that is none.
    pub fn question(&self, type_name: &str, text: &str) -> Option<Question> {
        let scope = Scope {
            types: &self.types,
            resource: self.types.get(type_name)?,
            is_partial: false,
            flags: Flags {
                declared: &self.flags,
                is_partial: false,
            },
        };
        Condition::new(text, scope).ok().map(Question)
    }
}

impl Question {
    /// What it comes to in a request whose action is of this kind.
    pub fn comes_to(&self, request: &Request<'_>, kind: ActionKind) -> Truth {
        let Evaluation { result, .. } = self.0.holds(request, kind);
        match result {
            Ok(value) => Truth::of(value),
            Err(Failure::Absent) => Truth::Absent,
            Err(_) => Truth::Error,
        }
    }
}
