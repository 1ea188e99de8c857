//! A checked condition as text again, in the language's own words: what is left of one is shown to
//! people so. References stand as strings, since the language has no words for them.

use super::functions::{Function, signatures};
use super::program::{Expression, Macro};
use super::syntax::MacroKind;
use super::time::duration_text;
use super::value::{Key, Value};

/// The expression as text.
pub(super) fn text(expression: &Expression) -> String {
    Printer { locals: 0 }.text(expression)
}

/// A text as a literal.
pub(crate) fn string(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Inside of so many macros.
#[derive(Clone, Copy)]
struct Printer {
    locals: usize,
}

impl Printer {
    fn text(self, expression: &Expression) -> String {
        match expression {
            Expression::Constant(value) => value_text(value),
            Expression::Subject => "subject".to_owned(),
            Expression::Resource => "resource".to_owned(),
            Expression::Action => "action".to_owned(),
            Expression::Tenant => "tenant".to_owned(),
            Expression::Claims => "claims".to_owned(),
            Expression::Now => "now".to_owned(),
            Expression::Flag(flag) => format!("flag({})", string(&flag.name)),
            Expression::SubjectAttribute(it) => format!("subject.{}", it.name),
            Expression::ResourceAttribute(it) => format!("resource.{}", it.name),
            Expression::HasSubjectAttribute(it) => format!("has(subject.{})", it.name),
            Expression::HasResourceAttribute(it) => format!("has(resource.{})", it.name),
            Expression::Parameter(..) => "unknown".to_owned(),
            Expression::Local(index) => local(*index),
            Expression::Field(object, Key::String(name)) => format!("{}.{name}", self.part(object)),
            Expression::Field(object, key) => format!("{}[{}]", self.part(object), key_text(key)),
            Expression::HasField(object, key) => {
                format!("{} in {}", key_text(key), self.part(object))
            }
            Expression::Index(object, index) => {
                format!("{}[{}]", self.part(object), self.text(index))
            }
            Expression::List(items) => format!("[{}]", self.texts(items)),
            Expression::Map(entries) => {
                let entries = entries.iter();
                let entries =
                    entries.map(|(key, value)| format!("{}: {}", self.text(key), self.text(value)));
                format!("{{{}}}", joined(entries, ", "))
            }
            Expression::Not(inner) => format!("!{}", self.part(inner)),
            Expression::Negate(inner) => format!("-{}", self.part(inner)),
            Expression::Binary(operator, left, right) => {
                format!(
                    "{} {} {}",
                    self.part(left),
                    operator.sign(),
                    self.part(right)
                )
            }
            Expression::And(operands) => joined(operands.iter().map(|it| self.operand(it)), " && "),
            Expression::Or(operands) => joined(operands.iter().map(|it| self.operand(it)), " || "),
            Expression::Conditional(parts) => {
                joined_conditional(parts.each_ref().map(|it| self.part(it)))
            }
            Expression::Call(function, arguments) => self.call(*function, arguments),
            Expression::Matches(inner, pattern) => {
                format!("{}.matches({})", self.part(inner), string(pattern.as_str()))
            }
            Expression::Macro(it) => self.macro_text(it),
        }
    }

    fn texts(self, expressions: &[Expression]) -> String {
        joined(expressions.iter().map(|it| self.text(it)), ", ")
    }

    /// The expression as a part of another one.
    fn part(self, expression: &Expression) -> String {
        match expression {
            Expression::Binary(..)
            | Expression::And(_)
            | Expression::Or(_)
            | Expression::Conditional(_)
            | Expression::HasField(..) => format!("({})", self.text(expression)),
            _ => self.text(expression),
        }
    }

    /// The same between `&&` or `||`, where a comparison can do without parentheses.
    fn operand(self, expression: &Expression) -> String {
        match expression {
            Expression::Binary(operator, ..) if operator.compares() => self.text(expression),
            Expression::HasField(..) => self.text(expression),
            _ => self.part(expression),
        }
    }

    fn call(self, function: Function, arguments: &[Expression]) -> String {
        let fits = |parameters: usize| parameters == arguments.len();
        let mut found = signatures()
            .filter(|it| it.function == function && fits(it.parameters.len()))
            .map(|it| (it.name, it.is_method));
        match (found.next(), arguments.split_first()) {
            (Some((name, true)), Some((receiver, rest))) => {
                format!("{}.{name}({})", self.part(receiver), self.texts(rest))
            }
            (found, _) => {
                let name = found.map_or("unknown", |(name, _)| name);
                format!("{name}({})", self.texts(arguments))
            }
        }
    }

    fn macro_text(self, it: &Macro) -> String {
        let name = match it.kind {
            MacroKind::All => "all",
            MacroKind::Exists => "exists",
            MacroKind::ExistsOne => "exists_one",
            MacroKind::Filter => "filter",
            MacroKind::Map => "map",
        };
        let inside = Self {
            locals: self.locals + 1,
        };
        let parts = it.filter.iter().chain([&it.body]);
        let parts = parts.map(|part| inside.text(part));
        let inner = joined(std::iter::once(local(self.locals)).chain(parts), ", ");
        format!("{}.{name}({inner})", self.part(&it.range))
    }
}

fn joined(parts: impl Iterator<Item = String>, by: &str) -> String {
    parts.collect::<Vec<_>>().join(by)
}

fn joined_conditional([condition, yes, no]: [String; 3]) -> String {
    format!("{condition} ? {yes} : {no}")
}

/// The names of variables are gone: they are called by their depth.
fn local(index: usize) -> String {
    format!("x{index}")
}

fn key_text(key: &Key) -> String {
    value_text(&key.to_value())
}

fn value_text(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Uint(value) => format!("{value}u"),
        Value::Double(value) => format!("{value:?}"),
        Value::String(value) => string(value),
        Value::Timestamp(value) => format!("timestamp({})", string(&value.to_string())),
        Value::Duration(value) => format!("duration({})", string(&duration_text(*value))),
        Value::Reference(value) => string(&value.to_string()),
        Value::Address(value) => format!("ipaddress({})", string(&value.to_string())),
        Value::List(items) => format!("[{}]", joined(items.iter().map(value_text), ", ")),
        Value::Map(entries) => {
            let entries = entries.iter();
            let entries =
                entries.map(|(key, value)| format!("{}: {}", key_text(key), value_text(value)));
            format!("{{{}}}", joined(entries, ", "))
        }
    }
}
