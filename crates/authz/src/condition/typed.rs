//! Conditions in typed form: where the types are known beforehand, an expression becomes a tree
//! whose nodes compute with numbers, times and texts themselves. What has no typed form stays an
//! expression in the tree.
//!
//! The typed form knows only success. Whatever does not go as the types say, a missing value or
//! an overflow, has no result here, and the evaluator says from the beginning what the condition
//! means. So there is one semantics, and this is a shorter way to it.

mod compile;
mod run;

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use regex::Regex;

use crate::facts::Reference;
use crate::model::Flag;

use super::arithmetic;
use super::program::{Expression, SubjectAttribute};
use super::syntax::Operator;
use super::value::Value;

/// A condition in typed form.
#[derive(Debug, Clone)]
pub(super) struct Typed {
    test: Test,
    /// At least the steps that an evaluation takes, but for those of [`Test::Other`]; fewer than
    /// the limit, so that they need not be counted.
    steps: u32,
}

/// What is true or false.
#[derive(Debug, Clone)]
enum Test {
    Constant(bool),
    Slot(Slot),
    Has(Slot),
    Flag(Arc<Flag>),
    Not(Box<Test>),
    All(Vec<Test>),
    Any(Vec<Test>),
    Choice(Box<[Test; 3]>),
    Bool(Box<Comparison<Test>>),
    Int(Comparison<Number<i64>>),
    Uint(Comparison<Number<u64>>),
    Double(Comparison<Number<f64>>),
    Text(Comparison<Text>),
    Instant(Comparison<Instant>),
    Span(Comparison<Span>),
    /// Only equal or not: objects have no order.
    Object(Comparison<Object>),
    IntIn(Number<i64>, Vec<i64>),
    TextIn(Text, Vec<Arc<str>>),
    Contains(Text, Text),
    StartsWith(Text, Text),
    EndsWith(Text, Text),
    Matches(Text, Regex),
    /// What has no typed form.
    Other(Box<Expression>),
}

/// Where a value stands.
#[derive(Debug, Clone)]
enum Slot {
    Parameter(usize),
    Resource(usize),
    Subject(Arc<SubjectAttribute>),
}

/// One of the six comparisons of two operands of one type.
#[derive(Debug, Clone)]
struct Comparison<T> {
    operator: Operator,
    left: T,
    right: T,
}

/// What comes to a number.
#[derive(Debug, Clone)]
enum Number<T> {
    Constant(T),
    Slot(Slot),
    Computed(Box<Computed<T>>),
}

/// An operation on numbers.
#[derive(Debug, Clone)]
enum Computed<T> {
    Negated(Number<T>),
    Combined(Operator, [Number<T>; 2]),
}

/// What comes to a string.
#[derive(Debug, Clone)]
enum Text {
    Constant(Arc<str>),
    Slot(Slot),
    Action,
    Tenant,
}

/// What comes to a timestamp.
#[derive(Debug, Clone)]
enum Instant {
    Constant(Timestamp),
    Slot(Slot),
    Now,
    /// `+` or `-` a duration.
    Moved(Operator, Box<(Instant, Span)>),
}

/// What comes to a duration.
#[derive(Debug, Clone)]
enum Span {
    Constant(SignedDuration),
    Slot(Slot),
    Between(Box<[Instant; 2]>),
    Combined(Operator, Box<[Span; 2]>),
}

/// What comes to a reference.
#[derive(Debug, Clone)]
enum Object {
    Subject,
    Resource,
    Slot(Slot),
}

/// The types of numbers.
trait Numeric: Copy + PartialOrd {
    /// The number, if the value is one of this type.
    fn of(value: &Value) -> Option<Self>;
    /// What an arithmetic operator makes of two numbers; none where that is a mistake.
    fn combined(operator: Operator, left: Self, right: Self) -> Option<Self>;
    /// The number with the other sign; none where there is none.
    fn negated(self) -> Option<Self>;
}

impl Numeric for i64 {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Int(value) => Some(*value),
            _ => None,
        }
    }

    fn combined(operator: Operator, left: Self, right: Self) -> Option<Self> {
        arithmetic::int(operator, left, right).ok()
    }

    fn negated(self) -> Option<Self> {
        self.checked_neg()
    }
}

impl Numeric for u64 {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Uint(value) => Some(*value),
            _ => None,
        }
    }

    fn combined(operator: Operator, left: Self, right: Self) -> Option<Self> {
        arithmetic::uint(operator, left, right).ok()
    }

    fn negated(self) -> Option<Self> {
        None
    }
}

impl Numeric for f64 {
    fn of(value: &Value) -> Option<Self> {
        match value {
            Value::Double(value) => Some(*value),
            _ => None,
        }
    }

    fn combined(operator: Operator, left: Self, right: Self) -> Option<Self> {
        arithmetic::double(operator, left, right).ok()
    }

    fn negated(self) -> Option<Self> {
        Some(-self)
    }
}

/// The one reference that a value is.
fn reference(value: &Value) -> Option<&Reference> {
    match value {
        Value::Reference(value) => Some(value),
        _ => None,
    }
}
