//! References (`$ref`) inside of a document.

use std::fmt;

use serde_json::Value;

/// How many references in a row are followed.
const STEPS_MAX: usize = 32;

/// Why a reference leads nowhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// It leads into another file.
    Remote(String),
    /// There is nothing.
    Nowhere(String),
    /// It leads to another, and so on.
    Endless(String),
    /// All that it leads to is too much.
    TooMuch,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Remote(to) => write!(f, "`$ref: {to}` leads into another file"),
            Self::Nowhere(to) => write!(f, "`$ref: {to}` leads nowhere"),
            Self::Endless(to) => write!(f, "`$ref: {to}` leads on more than {STEPS_MAX} times"),
            Self::TooMuch => f.write_str("the schema is too large"),
        }
    }
}

impl Problem {
    /// What to do about it.
    pub fn help(&self) -> Option<&'static str> {
        let is_remote = matches!(self, Self::Remote(_));
        is_remote.then_some("bundle the document into one file; OpenAPI tools do that")
    }
}

/// What a reference names, if the value is one.
pub(super) fn target(value: &Value) -> Option<&str> {
    value.get("$ref")?.as_str()
}

/// The value behind a `#/...` reference.
pub(super) fn look_up<'v>(root: &'v Value, to: &str) -> Result<&'v Value, Problem> {
    let Some(pointer) = to.strip_prefix('#') else {
        return Err(Problem::Remote(to.to_owned()));
    };
    let pointer = percent_encoding::percent_decode_str(pointer).decode_utf8_lossy();
    let found = root.pointer(&pointer);
    found.ok_or_else(|| Problem::Nowhere(to.to_owned()))
}

/// The value itself, or what its references lead to.
pub(super) fn resolve<'v>(root: &'v Value, value: &'v Value) -> Result<&'v Value, Problem> {
    let mut value = value;
    for _ in 0..STEPS_MAX {
        let Some(to) = target(value) else {
            return Ok(value);
        };
        value = look_up(root, to)?;
    }
    let to = target(value).unwrap_or_default();
    Err(Problem::Endless(to.to_owned()))
}
