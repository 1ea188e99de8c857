//! Text with places for values that are known only while a suite runs.
//!
//! `{{ post.id }}` is a variable, filled in at run time. `${NAME}` comes from the environment
//! and is filled in when the file is read, so it is part of the text here.

use std::fmt;
use std::sync::Arc;

use authz::source::Place;
use serde_json::Value;

use crate::model::ActorIndex;

/// Text with variables.
#[derive(Debug, Clone)]
pub struct Template {
    /// Text and variables in order.
    pub parts: Vec<Part>,
    /// Where the template stands.
    pub place: Place,
}

/// A part of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Text as it is.
    Text(String),
    /// A value known at run time.
    Variable(Variable),
}

/// What a variable names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Variable {
    /// `actor.FIELD`: of the actor who makes the call.
    Actor(String),
    /// `owner.FIELD`: of the actor to whom the resource belongs.
    Owner(String),
    /// `actors.NAME.FIELD`: of an actor that is named.
    Named {
        /// The actor.
        actor: ActorIndex,
        /// The name of the actor.
        name: Name,
        /// The field.
        field: String,
    },
    /// `TYPE.FIELD`: of the resource, `id` or what its `create` captured.
    Resource {
        /// The type of the resource.
        type_name: String,
        /// `id`, or a captured name.
        field: String,
    },
    /// `unique`: a text that occurs nowhere else, the same throughout one cell or fixture.
    Unique,
    /// `token`: what the login answered.
    Token,
    /// `totp`: the one-time password of the moment (RFC 6238), from `actor.totp_secret`.
    Totp,
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Actor(field) => write!(f, "actor.{field}"),
            Self::Owner(field) => write!(f, "owner.{field}"),
            Self::Named { name, field, .. } => write!(f, "actors.{name}.{field}"),
            Self::Resource { type_name, field } => write!(f, "{type_name}.{field}"),
            Self::Unique => f.write_str("unique"),
            Self::Token => f.write_str("token"),
            Self::Totp => f.write_str("totp"),
        }
    }
}

/// A JSON value whose texts are templates.
#[derive(Debug, Clone)]
pub enum JsonTemplate {
    /// A number, a boolean or null.
    Constant(Value),
    /// A text. One that is a single variable takes the variable's own type.
    Text(Template),
    /// An array.
    List(Vec<JsonTemplate>),
    /// An object, in the order of the file.
    Map(Vec<(String, JsonTemplate)>),
}

/// Where variables get their values.
pub trait Scope {
    /// The value of a variable, or `None` if it has none here.
    fn value(&self, variable: &Variable) -> Option<Value>;
}

/// A variable without a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unresolved(pub Variable);

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` has no value yet", self.0)
    }
}

/// How the value of a variable is written where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    Verbatim,
    /// As part of a path segment or query value (RFC 3986, section 2.1): a value is data and
    /// must not become structure. The written parts of a path stay exactly as written.
    UrlComponent,
}

impl Template {
    /// A template without variables.
    pub fn literal(text: &str, place: Place) -> Self {
        let parts = vec![Part::Text(text.to_owned())];
        Self { parts, place }
    }

    /// The variables in the order in which they stand.
    pub fn variables(&self) -> impl Iterator<Item = &Variable> {
        self.parts.iter().filter_map(|part| match part {
            Part::Variable(variable) => Some(variable),
            Part::Text(_) => None,
        })
    }

    /// The text with every variable filled in.
    ///
    /// # Errors
    /// The first variable that has no value.
    pub fn fill(&self, scope: &dyn Scope, encoding: Encoding) -> Result<String, Unresolved> {
        let mut out = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Variable(variable) => {
                    let text = plain(&lookup(scope, variable)?);
                    match encoding {
                        Encoding::Verbatim => out.push_str(&text),
                        Encoding::UrlComponent => out.push_str(&url_component(&text)),
                    }
                }
            }
        }
        Ok(out)
    }
}

/// Everything but the unreserved characters of RFC 3986, section 2.3.
const URL_COMPONENT: &percent_encoding::AsciiSet = &percent_encoding::NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

impl JsonTemplate {
    /// The JSON with every variable filled in.
    ///
    /// # Errors
    /// The first variable that has no value.
    pub fn fill(&self, scope: &dyn Scope) -> Result<Value, Unresolved> {
        match self {
            Self::Constant(value) => Ok(value.clone()),
            Self::Text(template) => match template.parts.as_slice() {
                [Part::Variable(variable)] => lookup(scope, variable),
                _ => template.fill(scope, Encoding::Verbatim).map(Value::String),
            },
            Self::List(items) => items.iter().map(|item| item.fill(scope)).collect(),
            Self::Map(entries) => entries
                .iter()
                .map(|(key, item)| Ok((key.clone(), item.fill(scope)?)))
                .collect(),
        }
    }

    /// The templates inside, in order.
    pub fn templates(&self) -> Vec<&Template> {
        match self {
            Self::Constant(_) => Vec::new(),
            Self::Text(template) => vec![template],
            Self::List(items) => items.iter().flat_map(Self::templates).collect(),
            Self::Map(entries) => entries
                .iter()
                .flat_map(|(_, item)| item.templates())
                .collect(),
        }
    }
}

/// A text as part of a path segment or query value (RFC 3986, section 2.1).
pub fn url_component(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, URL_COMPONENT).to_string()
}

/// A JSON value as text: a string without its quotes, anything else as JSON writes it.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn lookup(scope: &dyn Scope, variable: &Variable) -> Result<Value, Unresolved> {
    scope
        .value(variable)
        .ok_or_else(|| Unresolved(variable.clone()))
}

/// A name that many cells share.
pub type Name = Arc<str>;
