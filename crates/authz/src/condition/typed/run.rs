//! Evaluates the typed form. None means that it does not say, and that the evaluator has to.

use jiff::{SignedDuration, Timestamp};

use crate::condition::STEPS_MAX;
use crate::condition::about::About;
use crate::condition::evaluate::Evaluator;
use crate::condition::program::{Expression, SubjectAttribute};
use crate::condition::syntax::Operator;
use crate::condition::time;
use crate::condition::value::Value;
use crate::facts::Reference;

use super::compile::TEXT_MAX;
use super::{
    Comparison, Computed, Instant, Number, Numeric, Object, Slot, Span, Test, Text, Typed,
    reference,
};

impl Typed {
    /// Whether the condition holds, and whether the instant of the request was looked at, as the
    /// evaluator would say; none if only it can say that.
    #[inline]
    pub(in crate::condition) fn holds(&self, about: About<'_>) -> Option<(bool, bool)> {
        let (parameters, resource): (&[_], &[_]) = match about {
            About::Parameters { values, .. } => (values, &[]),
            About::Request { request, .. } => (&[], &request.resource.attributes),
        };
        let mut run = Run {
            about,
            parameters,
            resource,
            steps: STEPS_MAX - self.steps,
            read_now: false,
        };
        let holds = run.test(&self.test)?;
        Some((holds, run.read_now))
    }
}

struct Run<'a> {
    about: About<'a>,
    /// The values of the parameters, where the condition has such.
    parameters: &'a [Option<Value>],
    /// The attributes of the resource, where there is one.
    resource: &'a [Option<Value>],
    /// Left for what has no typed form.
    steps: u32,
    read_now: bool,
}

impl<'a> Run<'a> {
    fn test(&mut self, test: &'a Test) -> Option<bool> {
        Some(match test {
            Test::Int(it) => it.says(&self.number(&it.left)?, &self.number(&it.right)?),
            Test::Text(it) => it.says(self.text(&it.left)?, self.text(&it.right)?),
            Test::Slot(slot) => match self.slot(slot)? {
                Value::Bool(value) => *value,
                _ => return None,
            },
            Test::All(operands) => self.any(operands, false)?,
            Test::Any(operands) => self.any(operands, true)?,
            Test::TextIn(item, list) => {
                let item = self.text(item)?;
                list.iter().any(|other| **other == *item)
            }
            Test::Object(it) => it.says(self.object(&it.left)?, self.object(&it.right)?),
            rarer => return self.rarer(rarer),
        })
    }

    /// What [`Run::test`] leaves, so that it stays small enough to be quick for what is frequent.
    #[inline(never)]
    fn rarer(&mut self, test: &'a Test) -> Option<bool> {
        Some(match test {
            Test::Constant(value) => *value,
            Test::Has(slot) => self.has(slot)?,
            Test::Flag(flag) => flag.is_on(self.about.request()?.subject),
            Test::Not(inner) => !self.test(inner)?,
            Test::Choice(parts) => {
                let [condition, yes, no] = &**parts;
                let branch = if self.test(condition)? { yes } else { no };
                self.test(branch)?
            }
            Test::Bool(it) => it.says(&self.test(&it.left)?, &self.test(&it.right)?),
            Test::Uint(it) => it.says(&self.number(&it.left)?, &self.number(&it.right)?),
            Test::Double(it) => it.says(&self.number(&it.left)?, &self.number(&it.right)?),
            Test::Instant(it) => it.says(&self.instant(&it.left)?, &self.instant(&it.right)?),
            Test::Span(it) => it.says(&self.span(&it.left)?, &self.span(&it.right)?),
            Test::IntIn(item, list) => {
                let item = self.number(item)?;
                list.contains(&item)
            }
            Test::Contains(a, b) => self.text(a)?.contains(self.text(b)?),
            Test::StartsWith(a, b) => self.text(a)?.starts_with(self.text(b)?),
            Test::EndsWith(a, b) => self.text(a)?.ends_with(self.text(b)?),
            Test::Matches(text, pattern) => pattern.is_match(self.text(text)?),
            Test::Other(expression) => self.other(expression)?,
            Test::Int(_)
            | Test::Text(_)
            | Test::Slot(_)
            | Test::All(_)
            | Test::Any(_)
            | Test::TextIn(..)
            | Test::Object(_) => return None,
        })
    }

    /// Whether any operand is `wanted`.
    fn any(&mut self, operands: &'a [Test], wanted: bool) -> Option<bool> {
        for operand in operands {
            if self.test(operand)? == wanted {
                return Some(wanted);
            }
        }
        Some(!wanted)
    }

    fn other(&mut self, expression: &'a Expression) -> Option<bool> {
        let mut evaluator = Evaluator::new(self.about, self.steps);
        let result = evaluator.bool(expression);
        self.steps = evaluator.steps;
        self.read_now |= evaluator.read_now;
        result.ok()
    }

    #[inline]
    fn slot(&self, slot: &Slot) -> Option<&'a Value> {
        match slot {
            Slot::Parameter(slot) => self.parameters.get(*slot)?.as_ref(),
            Slot::Resource(slot) => self.resource.get(*slot)?.as_ref(),
            Slot::Subject(attribute) => self.of_subject(attribute),
        }
    }

    #[inline(never)]
    fn of_subject(&self, attribute: &SubjectAttribute) -> Option<&'a Value> {
        self.about.of_subject(attribute)
    }

    fn has(&self, slot: &Slot) -> Option<bool> {
        if matches!(slot, Slot::Subject(_)) {
            self.about.subject()?;
        }
        self.about.request()?;
        Some(self.slot(slot).is_some())
    }

    #[inline(always)]
    fn number<T: Numeric>(&self, number: &Number<T>) -> Option<T> {
        match number {
            Number::Slot(slot) => T::of(self.slot(slot)?),
            Number::Constant(value) => Some(*value),
            Number::Computed(computed) => self.computed(computed),
        }
    }

    /// Not woven into what uses it, so that a comparison of names and constants stays short.
    #[inline(never)]
    fn computed<T: Numeric>(&self, computed: &Computed<T>) -> Option<T> {
        match computed {
            Computed::Combined(operator, [left, right]) => {
                T::combined(*operator, self.number(left)?, self.number(right)?)
            }
            Computed::Negated(inner) => self.number(inner)?.negated(),
        }
    }

    #[inline]
    fn text(&self, text: &'a Text) -> Option<&'a str> {
        let found = match text {
            Text::Constant(value) => return Some(value),
            Text::Slot(slot) => self.slot(slot)?.as_str()?,
            Text::Action => self.about.request()?.action,
            Text::Tenant => self.about.tenant()?,
        };
        (found.len() <= TEXT_MAX).then_some(found)
    }

    fn instant(&mut self, instant: &Instant) -> Option<Timestamp> {
        match instant {
            Instant::Constant(value) => Some(*value),
            Instant::Slot(slot) => match self.slot(slot)? {
                Value::Timestamp(value) => Some(*value),
                _ => None,
            },
            Instant::Now => {
                self.read_now = true;
                Some(self.about.request()?.now)
            }
            Instant::Moved(operator, operands) => {
                let (at, by) = &**operands;
                time::moved(*operator, self.instant(at)?, self.span(by)?)
            }
        }
    }

    fn span(&mut self, span: &Span) -> Option<SignedDuration> {
        match span {
            Span::Constant(value) => Some(*value),
            Span::Slot(slot) => match self.slot(slot)? {
                Value::Duration(value) => Some(*value),
                _ => None,
            },
            Span::Between(operands) => {
                let [a, b] = &**operands;
                time::between(self.instant(a)?, self.instant(b)?)
            }
            Span::Combined(operator, operands) => {
                let [a, b] = &**operands;
                time::combined(*operator, self.span(a)?, self.span(b)?)
            }
        }
    }

    fn object(&self, object: &Object) -> Option<&'a Reference> {
        match object {
            Object::Subject => self.about.subject(),
            Object::Resource => self.about.resource(),
            Object::Slot(slot) => reference(self.slot(slot)?),
        }
    }
}

impl<T> Comparison<T> {
    /// What it says of the values of its operands. Nothing is less, equal or greater than NaN.
    #[inline]
    fn says<V: PartialOrd + ?Sized>(&self, left: &V, right: &V) -> bool {
        match self.operator {
            Operator::Equal => left == right,
            Operator::NotEqual => left != right,
            Operator::Less => left < right,
            Operator::LessOrEqual => left <= right,
            Operator::Greater => left > right,
            _ => left >= right,
        }
    }
}
