//! From checked expressions to their typed form.

use std::sync::Arc;

use crate::condition::STEPS_MAX;
use crate::condition::about::About;
use crate::condition::context::Parameters;
use crate::condition::evaluate::{BYTES_A_STEP, Evaluator};
use crate::condition::functions::Function;
use crate::condition::program::Expression;
use crate::condition::syntax::Operator;
use crate::condition::types::Type;
use crate::condition::value::Value;

use super::{
    Comparison, Computed, Instant, Number, Numeric, Object, Slot, Span, Test, Text, Typed,
};

/// The longest text that the typed form looks at, in bytes: the steps that text takes are known
/// beforehand only where its length is bounded.
pub(super) const TEXT_MAX: usize = 1024;

/// The steps that a text takes, at most.
const TEXT_STEPS: u32 = (TEXT_MAX / BYTES_A_STEP) as u32;

/// The typed form of an expression, by its type.
enum Operand {
    Test(Test),
    Int(Number<i64>),
    Uint(Number<u64>),
    Double(Number<f64>),
    Text(Text),
    Instant(Instant),
    Span(Span),
    Object(Object),
}

impl Typed {
    /// The typed form of a checked condition; none if it would be no shorter way.
    pub(in crate::condition) fn new(condition: &Expression) -> Option<Self> {
        let mut compiler = Compiler { steps: 0 };
        let test = compiler.test(condition);
        let steps = compiler.steps;
        let is_shorter = steps < STEPS_MAX && !matches!(test, Test::Other(_));
        is_shorter.then_some(Self { test, steps })
    }
}

struct Compiler {
    /// At least what the evaluator takes for all that was given a typed form.
    steps: u32,
}

impl Compiler {
    fn charge(&mut self, steps: u32) {
        self.steps = self.steps.saturating_add(steps);
    }

    /// What has to be true or false, with a typed form or without.
    fn test(&mut self, expression: &Expression) -> Test {
        let before = self.steps;
        if let Some(Operand::Test(test)) = self.operand(expression) {
            return test;
        }
        self.steps = before;
        Test::Other(Box::new(expression.clone()))
    }

    fn tests(&mut self, expressions: &[Expression]) -> Vec<Test> {
        expressions.iter().map(|it| self.test(it)).collect()
    }

    fn operand(&mut self, expression: &Expression) -> Option<Operand> {
        self.charge(1);
        Some(match expression {
            Expression::Constant(value) => return constant(value),
            Expression::Parameter(slot, found) => return slot_of(Slot::Parameter(*slot), found),
            Expression::ResourceAttribute(attribute) => {
                return slot_of(Slot::Resource(attribute.slot), &attribute.found);
            }
            Expression::SubjectAttribute(attribute) => {
                return slot_of(Slot::Subject(Arc::clone(attribute)), &attribute.found);
            }
            Expression::Subject => Operand::Object(Object::Subject),
            Expression::Resource => Operand::Object(Object::Resource),
            Expression::Action => Operand::Text(Text::Action),
            Expression::Tenant => Operand::Text(Text::Tenant),
            Expression::Now => Operand::Instant(Instant::Now),
            Expression::Negate(inner) => self.negated(inner)?,
            Expression::Binary(operator, left, right) if !operator.compares() => {
                self.arithmetic(*operator, left, right)?
            }
            Expression::Call(Function::ToTimestamp | Function::ToDuration, _) => {
                return self.known(expression);
            }
            other => Operand::Test(self.typed_test(other)?),
        })
    }

    fn typed_test(&mut self, expression: &Expression) -> Option<Test> {
        Some(match expression {
            Expression::HasResourceAttribute(attribute) => {
                Test::Has(Slot::Resource(attribute.slot))
            }
            Expression::HasSubjectAttribute(attribute) => {
                Test::Has(Slot::Subject(Arc::clone(attribute)))
            }
            Expression::Flag(flag) => Test::Flag(Arc::clone(flag)),
            Expression::Not(inner) => Test::Not(Box::new(self.test(inner))),
            Expression::And(operands) => Test::All(self.tests(operands)),
            Expression::Or(operands) => Test::Any(self.tests(operands)),
            Expression::Conditional(parts) => {
                let [condition, yes, no] = &**parts;
                let condition = self.test(condition);
                let (Operand::Test(yes), Operand::Test(no)) =
                    (self.operand(yes)?, self.operand(no)?)
                else {
                    return None;
                };
                Test::Choice(Box::new([condition, yes, no]))
            }
            Expression::Binary(Operator::In, item, list) => self.member(item, list)?,
            Expression::Binary(operator, left, right) => self.comparison(*operator, left, right)?,
            Expression::Call(function, arguments) => self.call(*function, arguments)?,
            Expression::Matches(text, pattern) => Test::Matches(self.text(text)?, pattern.clone()),
            _ => return None,
        })
    }

    fn text(&mut self, expression: &Expression) -> Option<Text> {
        self.charge(TEXT_STEPS);
        match self.operand(expression)? {
            Operand::Text(text) => Some(text),
            _ => None,
        }
    }

    fn comparison(
        &mut self,
        operator: Operator,
        left: &Expression,
        right: &Expression,
    ) -> Option<Test> {
        self.charge(1 + TEXT_STEPS);
        let is_order = !matches!(operator, Operator::Equal | Operator::NotEqual);
        Some(match (self.operand(left)?, self.operand(right)?) {
            (Operand::Test(left), Operand::Test(right)) => {
                Test::Bool(Box::new(compared(operator, left, right)))
            }
            (Operand::Int(left), Operand::Int(right)) => Test::Int(compared(operator, left, right)),
            (Operand::Uint(left), Operand::Uint(right)) => {
                Test::Uint(compared(operator, left, right))
            }
            (Operand::Double(left), Operand::Double(right)) => {
                Test::Double(compared(operator, left, right))
            }
            (Operand::Text(left), Operand::Text(right)) => {
                Test::Text(compared(operator, left, right))
            }
            (Operand::Instant(left), Operand::Instant(right)) => {
                Test::Instant(compared(operator, left, right))
            }
            (Operand::Span(left), Operand::Span(right)) => {
                Test::Span(compared(operator, left, right))
            }
            (Operand::Object(left), Operand::Object(right)) if !is_order => {
                Test::Object(compared(operator, left, right))
            }
            _ => return None,
        })
    }

    /// Membership in a list that is known beforehand.
    fn member(&mut self, item: &Expression, list: &Expression) -> Option<Test> {
        let Expression::Constant(Value::List(items)) = list else {
            return None;
        };
        let count = u32::try_from(items.len()).unwrap_or(u32::MAX);
        self.charge(count.saturating_mul(1 + TEXT_STEPS).saturating_add(1));
        match self.operand(item)? {
            Operand::Int(item) => {
                let items: Option<_> = items.iter().map(i64::of).collect();
                Some(Test::IntIn(item, items?))
            }
            Operand::Text(item) => {
                let items: Option<_> = items.iter().map(short_text).collect();
                Some(Test::TextIn(item, items?))
            }
            _ => None,
        }
    }

    fn call(&mut self, function: Function, arguments: &[Expression]) -> Option<Test> {
        let [a, b] = arguments else {
            return None;
        };
        Some(match function {
            Function::Contains => Test::Contains(self.text(a)?, self.text(b)?),
            Function::StartsWith => Test::StartsWith(self.text(a)?, self.text(b)?),
            Function::EndsWith => Test::EndsWith(self.text(a)?, self.text(b)?),
            _ => return None,
        })
    }

    /// A call of which everything is known beforehand.
    fn known(&mut self, call: &Expression) -> Option<Operand> {
        let nothing = Parameters::default();
        let about = About::Parameters {
            parameters: &nothing,
            values: &[],
        };
        let mut evaluator = Evaluator::new(about, STEPS_MAX);
        let value = evaluator.evaluate(call).ok()?;
        self.charge(STEPS_MAX - evaluator.steps);
        constant(&value)
    }

    fn negated(&mut self, inner: &Expression) -> Option<Operand> {
        Some(match self.operand(inner)? {
            Operand::Int(inner) => Operand::Int(negated(inner)),
            Operand::Double(inner) => Operand::Double(negated(inner)),
            _ => return None,
        })
    }

    fn arithmetic(
        &mut self,
        operator: Operator,
        left: &Expression,
        right: &Expression,
    ) -> Option<Operand> {
        use Operator::{Add, Subtract};
        Some(
            match (operator, self.operand(left)?, self.operand(right)?) {
                (_, Operand::Int(a), Operand::Int(b)) => Operand::Int(combined(operator, a, b)),
                (_, Operand::Uint(a), Operand::Uint(b)) => Operand::Uint(combined(operator, a, b)),
                (_, Operand::Double(a), Operand::Double(b)) => {
                    Operand::Double(combined(operator, a, b))
                }
                (Add, Operand::Instant(at), Operand::Span(by))
                | (Add, Operand::Span(by), Operand::Instant(at))
                | (Subtract, Operand::Instant(at), Operand::Span(by)) => {
                    Operand::Instant(Instant::Moved(operator, Box::new((at, by))))
                }
                (Subtract, Operand::Instant(a), Operand::Instant(b)) => {
                    Operand::Span(Span::Between(Box::new([a, b])))
                }
                (Add | Subtract, Operand::Span(a), Operand::Span(b)) => {
                    Operand::Span(Span::Combined(operator, Box::new([a, b])))
                }
                _ => return None,
            },
        )
    }
}

fn compared<T>(operator: Operator, left: T, right: T) -> Comparison<T> {
    Comparison {
        operator,
        left,
        right,
    }
}

/// An operation, done at once where both operands are known.
fn combined<T: Numeric>(operator: Operator, left: Number<T>, right: Number<T>) -> Number<T> {
    let known = match (&left, &right) {
        (Number::Constant(a), Number::Constant(b)) => T::combined(operator, *a, *b),
        _ => None,
    };
    known.map_or_else(
        || Number::Computed(Box::new(Computed::Combined(operator, [left, right]))),
        Number::Constant,
    )
}

fn negated<T: Numeric>(inner: Number<T>) -> Number<T> {
    let known = match &inner {
        Number::Constant(value) => value.negated(),
        _ => None,
    };
    known.map_or_else(
        || Number::Computed(Box::new(Computed::Negated(inner))),
        Number::Constant,
    )
}

fn constant(value: &Value) -> Option<Operand> {
    Some(match value {
        Value::Bool(value) => Operand::Test(Test::Constant(*value)),
        Value::Int(value) => Operand::Int(Number::Constant(*value)),
        Value::Uint(value) => Operand::Uint(Number::Constant(*value)),
        Value::Double(value) => Operand::Double(Number::Constant(*value)),
        Value::String(_) => Operand::Text(Text::Constant(short_text(value)?)),
        Value::Timestamp(value) => Operand::Instant(Instant::Constant(*value)),
        Value::Duration(value) => Operand::Span(Span::Constant(*value)),
        Value::Null | Value::List(_) | Value::Map(_) | Value::Reference(_) | Value::Address(_) => {
            return None;
        }
    })
}

fn short_text(value: &Value) -> Option<Arc<str>> {
    match value {
        Value::String(text) if text.len() <= TEXT_MAX => Some(Arc::clone(text)),
        _ => None,
    }
}

fn slot_of(slot: Slot, found: &Type) -> Option<Operand> {
    Some(match found {
        Type::Bool => Operand::Test(Test::Slot(slot)),
        Type::Int => Operand::Int(Number::Slot(slot)),
        Type::Uint => Operand::Uint(Number::Slot(slot)),
        Type::Double => Operand::Double(Number::Slot(slot)),
        Type::String => Operand::Text(Text::Slot(slot)),
        Type::Timestamp => Operand::Instant(Instant::Slot(slot)),
        Type::Duration => Operand::Span(Span::Slot(slot)),
        Type::Reference(_) => Operand::Object(Object::Slot(slot)),
        Type::Dyn | Type::Null | Type::List(_) | Type::Map(..) | Type::Address => return None,
    })
}
