//! The evaluator. Every expression costs a step; what cannot be evaluated is a failure, which
//! `&&`, `||`, `all` and `exists` absorb where the other side decides (CEL language definition,
//! section "Logical Operators").

mod calls;
mod macros;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::Arc;

use crate::facts::{Reference, Request, Subject};
use crate::model::ActionKind;

use super::context::Parameters;
use super::program::{Expression, ResourceAttribute, SubjectAttribute};
use super::syntax::Operator;
use super::value::{Key, Value};
use super::{STEPS_MAX, arithmetic, convert};

/// Why a condition has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It asks about something that the request is not about: the subject, where there is no
    /// session, or an instance, where the action is one on the collection.
    Absent,
    /// It depends on parameters of the condition that have no value; their names, sorted.
    Unknown(BTreeSet<Arc<str>>),
    /// Anything else, as a fragment for people.
    Error(String),
}

impl From<String> for Failure {
    fn from(error: String) -> Self {
        Self::Error(error)
    }
}

impl Failure {
    /// Of two failures the one that counts: a condition about what is absent says nothing,
    /// whatever else is wrong with it; and what is not known yet may make up for an error (CEL
    /// language definition, section "Partial Evaluation").
    fn or(self, other: Option<Self>) -> Self {
        match (self, other) {
            (Self::Unknown(mut names), Some(Self::Unknown(others))) => {
                names.extend(others);
                Self::Unknown(names)
            }
            (Self::Error(_), Some(Self::Unknown(names))) => Self::Unknown(names),
            (_, Some(Self::Absent)) | (Self::Absent, _) => Self::Absent,
            (failure, _) => failure,
        }
    }
}

/// What came of an expression.
#[derive(Debug)]
pub(crate) struct Evaluation<T> {
    pub(crate) result: Result<T, Failure>,
    /// Whether the instant of the request was looked at: if it was not, the result is the same
    /// at any other.
    pub(crate) read_now: bool,
}

/// Whether a checked condition holds.
pub(super) fn holds(
    condition: &Expression,
    request: &Request<'_>,
    kind: ActionKind,
) -> Evaluation<bool> {
    let mut evaluator = Evaluator::new(About::Request { request, kind });
    Evaluation {
        result: evaluator.bool(condition),
        read_now: evaluator.read_now,
    }
}

/// Whether a checked condition holds for these values of its parameters.
///
/// # Errors
/// Why that cannot be said.
pub(super) fn holds_for(
    condition: &Expression,
    parameters: &Parameters,
    values: &[Option<Value>],
) -> Result<bool, Failure> {
    Evaluator::new(About::Parameters { parameters, values }).bool(condition)
}

/// The value of a checked expression.
pub(super) fn evaluate(
    expression: &Expression,
    request: &Request<'_>,
    kind: ActionKind,
) -> Evaluation<Value> {
    let mut evaluator = Evaluator::new(About::Request { request, kind });
    Evaluation {
        result: evaluator.evaluate(expression),
        read_now: evaluator.read_now,
    }
}

type Evaluated<T = Value> = Result<T, Failure>;

/// Text that counts as one step, in bytes.
const BYTES_A_STEP: usize = 128;

/// What the condition is about.
#[derive(Clone, Copy)]
enum About<'a> {
    Request {
        request: &'a Request<'a>,
        /// Of the action of the request.
        kind: ActionKind,
    },
    Parameters {
        parameters: &'a Parameters,
        values: &'a [Option<Value>],
    },
}

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

struct Evaluator<'a> {
    about: About<'a>,
    locals: Vec<Value>,
    /// How many steps are left.
    steps: u32,
    read_now: bool,
}

impl<'a> Evaluator<'a> {
    fn new(about: About<'a>) -> Self {
        Self {
            about,
            locals: Vec::new(),
            steps: STEPS_MAX,
            read_now: false,
        }
    }

    /// The value of an expression, where it stands if it stands somewhere.
    fn held(&mut self, expression: &'a Expression) -> Evaluated<Held<'a>> {
        let standing = match expression {
            Expression::Constant(value) => {
                self.charge(1)?;
                value
            }
            Expression::SubjectAttribute(attribute) => {
                self.charge(1)?;
                self.subject_attribute(attribute)?
            }
            Expression::ResourceAttribute(attribute) => {
                self.charge(1)?;
                self.resource_attribute(attribute)?
            }
            Expression::Parameter(slot) => {
                self.charge(1)?;
                self.parameter(*slot)?
            }
            Expression::Field(object, key) => {
                self.charge(1)?;
                return self.field(object, key);
            }
            other => return self.evaluate(other).map(Held::Made),
        };
        Ok(Held::Standing(standing))
    }

    fn evaluate(&mut self, expression: &'a Expression) -> Evaluated {
        self.charge(1)?;
        match expression {
            Expression::Constant(value) => Ok(value.clone()),
            Expression::Subject => self.subject().cloned().map(Value::Reference),
            Expression::Resource => self.resource(),
            Expression::Action => Ok(Value::String(self.request()?.action.into())),
            Expression::Tenant => self.tenant(),
            Expression::Claims => Ok(self.session()?.claims.clone()),
            Expression::Flag(flag) => Ok(Value::Bool(flag.is_on(self.request()?.subject))),
            Expression::Now => {
                self.read_now = true;
                Ok(Value::Timestamp(self.request()?.now))
            }
            Expression::SubjectAttribute(attribute) => self.subject_attribute(attribute).cloned(),
            Expression::ResourceAttribute(attribute) => self.resource_attribute(attribute).cloned(),
            Expression::Parameter(slot) => self.parameter(*slot).cloned(),
            Expression::HasSubjectAttribute(attribute) => {
                let found = self.find_of_subject(attribute)?.is_some();
                Ok(Value::Bool(found))
            }
            Expression::HasResourceAttribute(attribute) => {
                let found = self.request()?.resource.attributes.get(attribute.slot);
                Ok(Value::Bool(found.is_some_and(Option::is_some)))
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

    fn bool(&mut self, expression: &'a Expression) -> Evaluated<bool> {
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

    /// The request, if the condition is about one: the checker lets no other name it.
    fn request(&self) -> Evaluated<&'a Request<'a>> {
        match self.about {
            About::Request { request, .. } => Ok(request),
            About::Parameters { .. } => Err(error("there is no request")),
        }
    }

    fn parameter(&self, slot: usize) -> Evaluated<&'a Value> {
        let About::Parameters { parameters, values } = self.about else {
            return Err(error("there are no parameters"));
        };
        let found = values.get(slot).and_then(Option::as_ref);
        found.ok_or_else(|| match parameters.name(slot) {
            Some(name) => Failure::Unknown(BTreeSet::from([Arc::clone(name)])),
            None => error("there is no such parameter"),
        })
    }

    /// Who asks, if there is a session.
    fn session(&self) -> Evaluated<&'a Subject> {
        let subject = self.request()?.subject;
        if subject.signed_in {
            Ok(subject)
        } else {
            Err(Failure::Absent)
        }
    }

    fn subject(&self) -> Evaluated<&Reference> {
        let reference = self.session()?.reference.as_ref();
        reference.ok_or_else(|| error("it is not known who the subject is"))
    }

    fn resource(&self) -> Evaluated {
        let resource = self.request()?.resource;
        let reference = resource.reference.clone().map(Value::Reference);
        reference.ok_or_else(|| {
            self.of_instance(error(&format!("the {} has no id", resource.type_name)))
        })
    }

    /// A failure to know something of the resource.
    fn of_instance(&self, failure: Failure) -> Failure {
        match self.about {
            About::Request {
                kind: ActionKind::Collection,
                ..
            } => Failure::Absent,
            _ => failure,
        }
    }

    fn tenant(&self) -> Evaluated {
        let tenant = self.session()?.tenant.clone().map(Value::String);
        tenant.ok_or_else(|| error("the subject has no tenant"))
    }

    fn subject_attribute(&self, attribute: &SubjectAttribute) -> Evaluated<&'a Value> {
        let found = self.find_of_subject(attribute)?;
        found.ok_or_else(|| {
            missing(
                &attribute.name,
                self.session().ok().and_then(Subject::reference),
            )
        })
    }

    fn find_of_subject(&self, attribute: &SubjectAttribute) -> Evaluated<Option<&'a Value>> {
        self.subject()?;
        let subject = self.session()?;
        let slot = subject.type_index.and_then(|it| attribute.slots.get(it));
        let slot = slot.copied().flatten();
        let value = slot.and_then(|slot| subject.attributes.get(slot));
        Ok(value.and_then(Option::as_ref))
    }

    fn resource_attribute(&self, attribute: &ResourceAttribute) -> Evaluated<&'a Value> {
        let resource = self.request()?.resource;
        let found = resource.attributes.get(attribute.slot);
        let found = found.and_then(Option::as_ref);
        found.ok_or_else(|| {
            self.of_instance(match &resource.reference {
                Some(reference) => missing(&attribute.name, Some(reference)),
                None => error(&format!(
                    "attribute `{}` of the {} is missing",
                    attribute.name, resource.type_name
                )),
            })
        })
    }

    fn local(&self, index: usize) -> Evaluated {
        let found = self.locals.get(index).cloned();
        found.ok_or_else(|| error("a variable without a value"))
    }

    fn field(&mut self, object: &'a Expression, key: &Key) -> Evaluated<Held<'a>> {
        let found = match self.held(object)? {
            Held::Standing(object) => field_of(object, key)?.map(Held::Standing),
            Held::Made(object) => field_of(&object, key)?.cloned().map(Held::Made),
        };
        found.ok_or_else(|| {
            let value = key.to_value();
            let field = value.as_str().unwrap_or_default();
            error(&format!("the map has no key `{field}`"))
        })
    }

    fn index(&mut self, object: &'a Expression, index: &'a Expression) -> Evaluated {
        let (object, index) = self.both(object, index)?;
        let found = match &*object {
            Value::List(items) => whole(&index).and_then(|at| items.get(at)).cloned(),
            Value::Map(entries) => key(&index).and_then(|key| entries.get(&key)).cloned(),
            other => return Err(error(&format!("a {} has no items", other.kind()))),
        };
        found.ok_or_else(|| error(&format!("the {} has no such item", object.kind())))
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
                return Err(error(&message));
            };
            if map.insert(key, value.into_value()).is_some() {
                return Err(error("a key is given twice"));
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

    /// What a comparison says.
    fn compare(
        &mut self,
        operator: Operator,
        left: &'a Expression,
        right: &'a Expression,
    ) -> Evaluated<bool> {
        if let (Expression::Action, Operator::Equal | Operator::NotEqual) = (left, operator) {
            let is_equal = self.is_action(right)?;
            return Ok(is_equal == (operator == Operator::Equal));
        }
        let (left, right) = self.both(left, right)?;
        match operator {
            Operator::Equal => self.equal(&left, &right),
            Operator::NotEqual => self.equal(&left, &right).map(|it| !it),
            Operator::In => self.contains(&left, &right),
            _ => Ok(order(operator, &left, &right)?),
        }
    }

    /// Whether the action has this name. It is no value yet, and need not become one.
    fn is_action(&mut self, name: &'a Expression) -> Evaluated<bool> {
        self.charge(1)?;
        let action = self.request()?.action;
        let name = self.held(name)?;
        self.charge(1 + action.len() / BYTES_A_STEP)?;
        Ok(name.as_str() == Some(action))
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

    /// Equality, each item a step: a list can hold one and the same list many times.
    fn equal(&mut self, left: &Value, right: &Value) -> Evaluated<bool> {
        self.charge(1)?;
        match (left, right) {
            (Value::List(a), Value::List(b)) => {
                let mut pairs = a.iter().zip(b.iter());
                Ok(a.len() == b.len() && self.all_equal(&mut pairs)?)
            }
            (Value::Map(a), Value::Map(b)) => {
                let keys = a.keys().eq(b.keys());
                let mut pairs = a.values().zip(b.values());
                Ok(keys && self.all_equal(&mut pairs)?)
            }
            (a, b) => {
                self.charge_text(a)?;
                Ok(a == b)
            }
        }
    }

    fn all_equal<'v>(
        &mut self,
        pairs: &mut dyn Iterator<Item = (&'v Value, &'v Value)>,
    ) -> Evaluated<bool> {
        for (a, b) in pairs {
            if !self.equal(a, b)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn contains(&mut self, item: &Value, collection: &Value) -> Evaluated<bool> {
        match collection {
            Value::List(items) => {
                for other in items.iter() {
                    if self.equal(item, other)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Value::Map(entries) => Ok(key(item).is_some_and(|key| entries.contains_key(&key))),
            other => Err(arithmetic::mismatch(Operator::In, item, other).into()),
        }
    }
}

fn order(operator: Operator, left: &Value, right: &Value) -> Result<bool, String> {
    let is_nan = |value: &Value| matches!(value, Value::Double(value) if value.is_nan());
    let Some(order) = left.order(right) else {
        // Nothing is less or greater than NaN; anything else without an order is a mistake.
        let unordered = is_nan(left) || is_nan(right);
        return if unordered {
            Ok(false)
        } else {
            Err(arithmetic::mismatch(operator, left, right))
        };
    };
    Ok(match operator {
        Operator::Less => order == Ordering::Less,
        Operator::LessOrEqual => order != Ordering::Greater,
        Operator::Greater => order == Ordering::Greater,
        _ => order != Ordering::Less,
    })
}

fn boolean(value: &Value) -> Evaluated<bool> {
    match value {
        Value::Bool(value) => Ok(*value),
        other => Err(error(&format!("expected bool, found {}", other.kind()))),
    }
}

fn string(value: &Value) -> Evaluated<&str> {
    let found = value.as_str();
    found.ok_or_else(|| error(&format!("expected string, found {}", value.kind())))
}

/// The value at a key of a map.
fn field_of<'v>(object: &'v Value, key: &Key) -> Evaluated<Option<&'v Value>> {
    match object {
        Value::Map(entries) => Ok(entries.get(key)),
        other => Err(error(&format!("a {} has no attributes", other.kind()))),
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

fn missing(attribute: &str, reference: Option<&Reference>) -> Failure {
    let of = reference.map_or_else(|| "the subject".to_owned(), |it| format!("`{it}`"));
    error(&format!("attribute `{attribute}` of {of} is missing"))
}

#[cold]
fn too_long() -> Failure {
    Failure::Error(format!("the condition takes more than {STEPS_MAX} steps"))
}

fn error(message: &str) -> Failure {
    Failure::Error(message.to_owned())
}
