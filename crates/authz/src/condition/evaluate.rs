//! The evaluator. Every expression costs a step; what cannot be evaluated is a failure, which
//! `&&`, `||`, `all` and `exists` absorb where the other side decides (CEL language definition,
//! section "Logical Operators").

mod calls;
mod comparison;
mod macros;

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;

use super::about::About;
use super::failure::Failure;
use super::program::Expression;
use super::syntax::Operator;
use super::value::{Key, Value};
use super::{STEPS_MAX, arithmetic, convert};

/// What came of an expression.
#[derive(Debug)]
pub(crate) struct Evaluation<T> {
    pub(crate) result: Result<T, Failure>,
    /// Whether the instant of the request was looked at: if it was not, the result is the same
    /// at any other.
    pub(crate) read_now: bool,
}

/// Whether a checked condition holds.
pub(super) fn holds(condition: &Expression, about: About<'_>) -> Evaluation<bool> {
    let mut evaluator = Evaluator::new(about, STEPS_MAX);
    Evaluation {
        result: evaluator.bool(condition),
        read_now: evaluator.read_now,
    }
}

/// The value of a checked expression.
pub(super) fn evaluate(expression: &Expression, about: About<'_>) -> Evaluation<Value> {
    let mut evaluator = Evaluator::new(about, STEPS_MAX);
    Evaluation {
        result: evaluator.evaluate(expression),
        read_now: evaluator.read_now,
    }
}

type Evaluated<T = Value> = Result<T, Failure>;

/// Text that counts as one step, in bytes.
pub(super) const BYTES_A_STEP: usize = 128;

/// A value that stands somewhere already, or one that was made. Names and constants are looked at
/// where they are, so that comparing them copies nothing.
enum Held<'a> {
    Standing(&'a Value),
    Made(Value),
}

impl Held<'_> {
    fn into_value(self) -> Value {
        match self {
            Self::Standing(value) => value.clone(),
            Self::Made(value) => value,
        }
    }
}

impl Deref for Held<'_> {
    type Target = Value;

    fn deref(&self) -> &Value {
        match self {
            Self::Standing(value) => value,
            Self::Made(value) => value,
        }
    }
}

pub(super) struct Evaluator<'a> {
    about: About<'a>,
    locals: Vec<Value>,
    /// How many steps are left.
    pub(super) steps: u32,
    pub(super) read_now: bool,
}

impl<'a> Evaluator<'a> {
    /// One that may take so many steps.
    pub(super) fn new(about: About<'a>, steps: u32) -> Self {
        Self {
            about,
            locals: Vec::new(),
            steps,
            read_now: false,
        }
    }

    /// The value of an expression, where it stands if it stands somewhere.
    fn held(&mut self, expression: &'a Expression) -> Evaluated<Held<'a>> {
        match expression {
            Expression::Constant(_)
            | Expression::Claims
            | Expression::SubjectAttribute(_)
            | Expression::ResourceAttribute(_)
            | Expression::Parameter(..) => {
                self.charge(1)?;
                let standing = self.about.standing(expression);
                self.known(standing, expression).map(Held::Standing)
            }
            Expression::Field(object, key) => {
                self.charge(1)?;
                self.field(object, key)
            }
            other => self.evaluate(other).map(Held::Made),
        }
    }

    /// What a name stands for, or why it stands for nothing.
    fn known<T>(&self, found: Option<T>, name: &Expression) -> Evaluated<T> {
        found.ok_or_else(|| self.about.lacks(name))
    }

    /// The value of an expression.
    pub(super) fn evaluate(&mut self, expression: &'a Expression) -> Evaluated {
        self.charge(1)?;
        match expression {
            Expression::Constant(_)
            | Expression::Claims
            | Expression::SubjectAttribute(_)
            | Expression::ResourceAttribute(_)
            | Expression::Parameter(..) => {
                self.known(self.about.standing(expression).cloned(), expression)
            }
            Expression::Now => {
                self.read_now = true;
                self.known(self.about.made(expression), expression)
            }
            Expression::Subject
            | Expression::Resource
            | Expression::Action
            | Expression::Tenant
            | Expression::Flag(_)
            | Expression::HasSubjectAttribute(_)
            | Expression::HasResourceAttribute(_) => {
                self.known(self.about.made(expression), expression)
            }
            Expression::Local(index) => self.local(*index),
            Expression::Field(object, key) => self.field(object, key).map(Held::into_value),
            Expression::HasField(object, field) => {
                let object = self.held(object)?;
                Ok(Value::Bool(field_of(&object, field)?.is_some()))
            }
            Expression::Index(object, index) => self.index(object, index),
            Expression::List(items) => self.list(items),
            Expression::Map(entries) => self.map(entries),
            Expression::Not(inner) => self.bool(inner).map(|it| Value::Bool(!it)),
            Expression::Negate(inner) => Ok(arithmetic::negate(&self.evaluate(inner)?)?),
            Expression::Binary(operator, left, right) if operator.compares() => {
                self.compare(*operator, left, right).map(Value::Bool)
            }
            Expression::Binary(operator, left, right) => {
                let (left, right) = self.both(left, right)?;
                self.arithmetic(*operator, &left, &right)
            }
            Expression::And(operands) => self.any(operands, false).map(Value::Bool),
            Expression::Or(operands) => self.any(operands, true).map(Value::Bool),
            Expression::Conditional(parts) => self.conditional(parts),
            Expression::Call(function, arguments) => self.call(*function, arguments),
            Expression::Matches(text, pattern) => {
                let text = self.held(text)?;
                self.charge_text(&text)?;
                Ok(Value::Bool(pattern.is_match(string(&text)?)))
            }
            Expression::Macro(found) => self.expand(found),
        }
    }

    #[inline]
    fn charge(&mut self, steps: usize) -> Evaluated<()> {
        let steps = u32::try_from(steps).unwrap_or(u32::MAX);
        self.steps = self.steps.saturating_sub(steps);
        if self.steps == 0 {
            return Err(too_long());
        }
        Ok(())
    }

    fn charge_text(&mut self, value: &Value) -> Evaluated<()> {
        let bytes = value.as_str().map_or(0, str::len);
        self.charge(bytes / BYTES_A_STEP)
    }

    /// The value of an expression that has to be true or false.
    pub(super) fn bool(&mut self, expression: &'a Expression) -> Evaluated<bool> {
        match expression {
            Expression::Binary(operator, left, right) if operator.compares() => {
                self.charge(1)?;
                self.compare(*operator, left, right)
            }
            Expression::And(operands) => {
                self.charge(1)?;
                self.any(operands, false)
            }
            Expression::Or(operands) => {
                self.charge(1)?;
                self.any(operands, true)
            }
            Expression::Not(inner) => {
                self.charge(1)?;
                Ok(!self.bool(inner)?)
            }
            other => boolean(&*self.held(other)?),
        }
    }

    fn local(&self, index: usize) -> Evaluated {
        let found = self.locals.get(index).cloned();
        found.ok_or_else(|| Failure::error("a variable without a value"))
    }

    fn field(&mut self, object: &'a Expression, key: &Key) -> Evaluated<Held<'a>> {
        let found = match self.held(object)? {
            Held::Standing(object) => field_of(object, key)?.map(Held::Standing),
            Held::Made(object) => field_of(&object, key)?.cloned().map(Held::Made),
        };
        found.ok_or_else(|| {
            let value = key.to_value();
            let field = value.as_str().unwrap_or_default();
            Failure::error(&format!("the map has no key `{field}`"))
        })
    }

    fn index(&mut self, object: &'a Expression, index: &'a Expression) -> Evaluated {
        let (object, index) = self.both(object, index)?;
        let found = match &*object {
            Value::List(items) => whole(&index).and_then(|at| items.get(at)).cloned(),
            Value::Map(entries) => key(&index).and_then(|key| entries.get(&key)).cloned(),
            other => return Err(Failure::error(&format!("a {} has no items", other.kind()))),
        };
        found.ok_or_else(|| Failure::error(&format!("the {} has no such item", object.kind())))
    }

    fn list(&mut self, items: &'a [Expression]) -> Evaluated {
        Ok(Value::List(self.each(items)?.into()))
    }

    /// The value of each expression; of their failures the one that counts, and the names of all
    /// that is unknown.
    fn each(&mut self, expressions: &'a [Expression]) -> Evaluated<Vec<Value>> {
        let mut failure = None;
        let mut values = Vec::with_capacity(expressions.len());
        for expression in expressions {
            match self.evaluate(expression) {
                Ok(value) => values.push(value),
                Err(new) => failure = Some(new.or(failure.take())),
            }
        }
        failure.map_or(Ok(values), Err)
    }

    fn map(&mut self, entries: &'a [(Expression, Expression)]) -> Evaluated {
        let mut map = BTreeMap::new();
        for (key_expression, value) in entries {
            let (key_value, value) = self.both(key_expression, value)?;
            let Some(key) = key_value.to_key() else {
                let message = format!("a {} is not the key of a map", key_value.kind());
                return Err(Failure::error(&message));
            };
            if map.insert(key, value.into_value()).is_some() {
                return Err(Failure::error("a key is given twice"));
            }
        }
        Ok(Value::Map(Arc::new(map)))
    }

    /// Whether any operand is `wanted`; a failure counts only if none is.
    fn any(&mut self, operands: &'a [Expression], wanted: bool) -> Evaluated<bool> {
        let mut failure = None;
        for operand in operands {
            match self.bool(operand) {
                Ok(value) if value == wanted => return Ok(wanted),
                Ok(_) => {}
                Err(new) => failure = Some(new.or(failure.take())),
            }
        }
        failure.map_or(Ok(!wanted), Err)
    }

    fn conditional(&mut self, [condition, yes, no]: &'a [Expression; 3]) -> Evaluated {
        let branch = if self.bool(condition)? { yes } else { no };
        self.evaluate(branch)
    }

    /// Both operands; of two failures the one that counts, whichever side it is on.
    fn both(
        &mut self,
        left: &'a Expression,
        right: &'a Expression,
    ) -> Evaluated<(Held<'a>, Held<'a>)> {
        let left = self.held(left);
        let right = self.held(right);
        match (left, right) {
            (Ok(left), Ok(right)) => Ok((left, right)),
            (Err(failure), Ok(_)) | (Ok(_), Err(failure)) => Err(failure),
            (Err(failure), Err(other)) => Err(failure.or(Some(other))),
        }
    }

    fn arithmetic(&mut self, operator: Operator, left: &Value, right: &Value) -> Evaluated {
        for value in [left, right] {
            self.charge_text(value)?;
            if let Value::List(items) = value {
                self.charge(items.len())?;
            }
        }
        Ok(arithmetic::apply(operator, left, right)?)
    }
}

fn boolean(value: &Value) -> Evaluated<bool> {
    match value {
        Value::Bool(value) => Ok(*value),
        other => Err(Failure::error(&format!(
            "expected bool, found {}",
            other.kind()
        ))),
    }
}

fn string(value: &Value) -> Evaluated<&str> {
    let found = value.as_str();
    found.ok_or_else(|| Failure::error(&format!("expected string, found {}", value.kind())))
}

/// The value at a key of a map.
fn field_of<'v>(object: &'v Value, key: &Key) -> Evaluated<Option<&'v Value>> {
    match object {
        Value::Map(entries) => Ok(entries.get(key)),
        other => Err(Failure::error(&format!(
            "a {} has no attributes",
            other.kind()
        ))),
    }
}

/// The key that a value is equal to; a double is equal to a whole number.
fn key(value: &Value) -> Option<Key> {
    match value {
        Value::Double(_) => whole_key(value),
        other => other.to_key(),
    }
}

fn whole_key(value: &Value) -> Option<Key> {
    let candidates = [convert::to_int(value), convert::to_uint(value)];
    let mut equal = candidates.into_iter().flatten().filter(|it| it == value);
    equal.find_map(|it| it.to_key())
}

/// The position in a list that a value names.
fn whole(value: &Value) -> Option<usize> {
    match key(value)? {
        Key::Int(value) => usize::try_from(value).ok(),
        Key::Uint(value) => usize::try_from(value).ok(),
        _ => None,
    }
}

#[cold]
fn too_long() -> Failure {
    Failure::Error(format!("the condition takes more than {STEPS_MAX} steps"))
}
