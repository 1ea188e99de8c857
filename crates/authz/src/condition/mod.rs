//! The condition language: CEL, the Common Expression Language.
//!
//! The standard is the language definition of github.com/google/cel-spec (doc/langdef.md). Text
//! becomes tokens, a syntax tree and then, checked against the types of the policy, an expression
//! in which every name is a slot. Ours beyond the standard: references to objects as values that
//! are compared with references only, `within`, and `flag`. Stricter than the standard: the items of a
//! list are of one type, as are the keys and the values of a map, and the two sides of `:`.
//! Left out: bytes, messages, `type`.

mod about;
mod absence;
mod address;
mod arithmetic;
mod atoms;
mod branches;
mod check;
mod context;
mod convert;
mod evaluate;
mod failure;
mod functions;
mod lexer;
mod mistake;
mod parser;
mod partial;
mod predicate;
mod print;
mod program;
mod proposition;
mod question;
mod syntax;
mod text;
mod time;
mod typed;
mod types;
mod value;
mod variants;

#[cfg(test)]
mod tests;

pub use atoms::{Atom, ClockPart, Variable, atoms, clock_in_zone};
pub use value::{Key, Value};
pub use variants::{Variant, variants};

pub(crate) use branches::{Branches, Came};
pub(crate) use check::{Flags, Scope};
pub use context::{ParameterType, Parameters};
pub(crate) use context::{TYPE_DEPTH_MAX, untyped};
pub(crate) use evaluate::Evaluation;
pub use failure::Failure;
pub(crate) use mistake::Mistake;
pub use predicate::Predicate;
pub(crate) use print::string;
pub use proposition::{Leaf, Order, Proposition, Size, proposition};
pub use question::{Question, Truth};
pub(crate) use time::timestamp;

use crate::facts::Request;
use crate::model::ActionKind;

use about::About;
use check::Checker;
use program::Expression;
use typed::Typed;
use types::Type;

/// The most steps that one evaluation takes; a step is an expression, an item that is compared,
/// or some hundred bytes of text.
pub const STEPS_MAX: u32 = 10_000;

/// A condition, checked for one type of resource and ready to be evaluated.
#[derive(Debug, Clone)]
pub(crate) struct Condition {
    expression: Expression,
    /// The shorter way to the same, where there is one.
    typed: Option<Typed>,
}

impl From<Expression> for Condition {
    fn from(expression: Expression) -> Self {
        let typed = Typed::new(&expression);
        Self { expression, typed }
    }
}

impl Condition {
    /// Reads and checks a condition.
    ///
    /// # Errors
    /// What is wrong with it: the first mistake of syntax, or all mistakes of names and types.
    pub(crate) fn new(text: &str, scope: Scope<'_>) -> Result<Self, Vec<Mistake>> {
        let tree = parser::parse(text).map_err(|mistake| vec![mistake])?;
        Self::of_tree(&tree, Checker::new(scope))
    }

    /// The condition that a syntax tree, or a part of one, means by itself.
    fn of_tree(tree: &syntax::Node, mut checker: Checker<'_>) -> Result<Self, Vec<Mistake>> {
        let expression = checker.condition(tree);
        if !checker.mistakes.is_empty() {
            return Err(checker.mistakes);
        }
        Ok(expression.into())
    }

    /// Reads and checks a condition over declared parameters.
    ///
    /// # Errors
    /// What is wrong with it: the first mistake of syntax, or all mistakes of names and types.
    pub(crate) fn with_parameters(
        text: &str,
        parameters: &Parameters,
    ) -> Result<Self, Vec<Mistake>> {
        let tree = parser::parse(text).map_err(|mistake| vec![mistake])?;
        Self::of_tree(&tree, Checker::over(parameters))
    }

    /// What is left of the condition once everything but the resource is known. It is true, false
    /// and without a value for the same resources, but where the limit of steps ends it.
    pub(crate) fn residual(&self, request: &Request<'_>, kind: ActionKind) -> Self {
        partial::residual(&self.expression, About::Request { request, kind }).into()
    }

    /// Whether it comes to the same for every resource, and to what.
    pub(crate) fn settled(&self) -> Option<bool> {
        match self.expression {
            Expression::Constant(Value::Bool(value)) => Some(value),
            _ => None,
        }
    }

    /// The condition as text, in the language's own words.
    pub(crate) fn text(&self) -> String {
        print::text(&self.expression)
    }

    /// Whether it is `&&`, `||` or `?:` of others.
    pub(crate) fn is_joined(&self) -> bool {
        matches!(
            self.expression,
            Expression::And(_) | Expression::Or(_) | Expression::Conditional(_)
        )
    }

    /// Whether it could hold where there is no session. Told from its form: one that cannot never
    /// does, and one that could may still not.
    pub(crate) fn may_hold_without_session(&self) -> bool {
        absence::may_be(&self.expression, true)
    }

    /// A condition that never holds.
    pub(crate) fn never() -> Self {
        Expression::Constant(Value::Bool(false)).into()
    }

    /// A condition that has no value for any request.
    pub(crate) fn without_value() -> Self {
        Expression::Parameter(0, Type::Bool).into()
    }

    /// Whether the condition holds for these values of its parameters, as far as they are known.
    ///
    /// # Errors
    /// [`Failure::Unknown`] where it depends on a parameter without a value.
    pub(crate) fn holds_for(
        &self,
        parameters: &Parameters,
        values: &[Option<Value>],
    ) -> Result<bool, Failure> {
        let about = About::Parameters { parameters, values };
        match self.typed(about) {
            Some((holds, _)) => Ok(holds),
            None => evaluate::holds(&self.expression, about).result,
        }
    }

    /// Whether the condition holds for a request whose action is of this kind, or why that
    /// cannot be said.
    pub(crate) fn holds(&self, request: &Request<'_>, kind: ActionKind) -> Evaluation<bool> {
        let about = About::Request { request, kind };
        match self.typed(about) {
            Some((holds, read_now)) => Evaluation {
                result: Ok(holds),
                read_now,
            },
            None => evaluate::holds(&self.expression, about),
        }
    }

    /// What the typed form says, and whether the instant of the request was looked at.
    fn typed(&self, about: About<'_>) -> Option<(bool, bool)> {
        self.typed.as_ref()?.holds(about)
    }
}
