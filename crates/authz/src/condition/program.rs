//! A condition ready to be evaluated: every name is a slot, and every type has been checked.

use std::sync::Arc;

use regex::Regex;

use crate::model::Flag;

use super::functions::Function;
use super::syntax::{MacroKind, Operator};
use super::types::Type;
use super::value::{Key, Value};

/// An expression.
#[derive(Debug, Clone)]
pub(super) enum Expression {
    Constant(Value),
    /// The reference of the subject.
    Subject,
    /// The reference of the resource.
    Resource,
    Action,
    Tenant,
    /// The claims of the credential.
    Claims,
    /// Whether a feature flag is on for the subject.
    Flag(Arc<Flag>),
    Now,
    SubjectAttribute(Arc<SubjectAttribute>),
    ResourceAttribute(ResourceAttribute),
    /// A parameter of a declared condition, by its slot, and its declared type.
    Parameter(usize, Type),
    HasSubjectAttribute(Arc<SubjectAttribute>),
    HasResourceAttribute(ResourceAttribute),
    /// A variable of a macro, counted from the outermost.
    Local(usize),
    /// The value at a key of a map.
    Field(Box<Expression>, Key),
    /// Whether a map has a key.
    HasField(Box<Expression>, Key),
    Index(Box<Expression>, Box<Expression>),
    List(Vec<Expression>),
    Map(Vec<(Expression, Expression)>),
    Not(Box<Expression>),
    Negate(Box<Expression>),
    Binary(Operator, Box<Expression>, Box<Expression>),
    And(Vec<Expression>),
    Or(Vec<Expression>),
    Conditional(Box<[Expression; 3]>),
    Call(Function, Vec<Expression>),
    /// `matches` with a pattern known beforehand.
    Matches(Box<Expression>, Regex),
    Macro(Box<Macro>),
}

/// An attribute of the subject, whose type is known only with the request.
#[derive(Debug, Clone)]
pub(super) struct SubjectAttribute {
    pub(super) name: Arc<str>,
    /// By the index of the type: the slot of the attribute, if that type declares it.
    pub(super) slots: Vec<Option<usize>>,
    /// Its declared type.
    pub(super) found: Type,
}

/// An attribute of the resource.
#[derive(Debug, Clone)]
pub(super) struct ResourceAttribute {
    pub(super) name: Arc<str>,
    pub(super) slot: usize,
    /// Its declared type.
    pub(super) found: Type,
}

/// A macro; its variable is the next local.
#[derive(Debug, Clone)]
pub(super) struct Macro {
    pub(super) kind: MacroKind,
    pub(super) range: Expression,
    pub(super) filter: Option<Expression>,
    pub(super) body: Expression,
}
