//! What must hold of an answer: JSONPaths, matchers, JSON Schemas.

use authz::source::yaml::{Entry, Node, Value};
use authz::source::{Diagnostic, Place};
use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind;
use regex::Regex;
use serde_json_path::JsonPath;

use super::Reader;
use super::inside::Text;
use super::template::Scope;
use crate::model::{Assertion, Matcher, Schema};

/// The longest JSONPath that is read, in bytes.
const PATH_BYTES_MAX: usize = 500;
/// The most filters in a JSONPath: the time that its parser takes doubles with each that stands
/// inside of another.
const PATH_FILTERS_MAX: usize = 4;
/// The most opening brackets in a JSONPath.
const PATH_BRACKETS_MAX: usize = 40;
/// The most that a call can be said to add.
const ADDED_MAX: u64 = 1_000;

impl Reader<'_> {
    /// `{ PATH: MATCHER }`.
    pub(super) fn assertions(
        &mut self,
        node: &Node,
        scope: &Scope<'_>,
        may_be_unchanged: bool,
    ) -> Option<Vec<Assertion>> {
        let entries = node.map(&mut self.diagnostics)?;
        let assertions: Vec<_> = entries
            .iter()
            .map(|entry| {
                let path = self.path_of(Text::of_key(entry));
                let matcher = self.matcher(&entry.value, scope, may_be_unchanged);
                Some(Assertion {
                    path: path?,
                    matcher: matcher?,
                    place: entry.place.clone(),
                })
            })
            .collect();
        super::complete(assertions)
    }

    /// `{ HEADER: MATCHER }`, by lowercase name.
    pub(super) fn header_matchers(&mut self, node: &Node) -> Option<Vec<(String, Matcher)>> {
        let entries = node.map(&mut self.diagnostics)?;
        let matchers: Vec<_> = entries
            .iter()
            .map(|entry| {
                let named = self.header_name(entry);
                let matcher = self.header_matcher(&entry.value);
                named?;
                Some((entry.key.to_ascii_lowercase(), matcher?))
            })
            .collect();
        super::complete(matchers)
    }

    fn header_matcher(&mut self, node: &Node) -> Option<Matcher> {
        let value = match keyword(node) {
            Some(("equals", value)) => value,
            Some(_) => return self.matcher(node, &Scope::default(), false),
            None => node,
        };
        if matches!(value.value, Value::Scalar(_)) && !value.is_null() {
            return self.matcher(node, &Scope::default(), false);
        }
        let expected = "text, `absent` or `{ matches: \"...\" }`";
        self.diagnostics.push(value.mismatch(expected));
        None
    }

    fn matcher(
        &mut self,
        node: &Node,
        scope: &Scope<'_>,
        may_be_unchanged: bool,
    ) -> Option<Matcher> {
        match keyword(node) {
            Some(("matches", pattern)) => return self.regex(pattern).map(Matcher::Matches),
            Some(("added", count)) if may_be_unchanged => return self.added(count),
            Some(("added", _)) => {
                self.only_afterwards(node, "added");
                return None;
            }
            Some((_, value)) => return self.json(value, scope).map(Matcher::Equals),
            None => {}
        }
        match super::names::text(node) {
            Some("absent") => Some(Matcher::Absent),
            Some("unchanged") if may_be_unchanged => Some(Matcher::Unchanged),
            Some("unchanged") => {
                self.only_afterwards(node, "unchanged");
                None
            }
            _ => self.json(node, scope).map(Matcher::Equals),
        }
    }

    /// A matcher that compares with what was there before the call.
    fn only_afterwards(&mut self, node: &Node, word: &str) {
        let message = format!("`{word}` is known only in `effect` and `on_denial`");
        let itself = match word {
            "added" => "for the value itself write `{ equals: { added: ... } }`",
            _ => "for the text itself write `{ equals: unchanged }`",
        };
        self.diagnostics
            .push(Diagnostic::new(node.place.clone(), message).help(itself));
    }

    fn added(&mut self, node: &Node) -> Option<Matcher> {
        let count = node.integer(0, ADDED_MAX, &mut self.diagnostics)?;
        usize::try_from(count).ok().map(Matcher::Added)
    }

    pub(super) fn regex(&mut self, node: &Node) -> Option<Regex> {
        let pattern = node.text(&mut self.diagnostics)?;
        match Regex::new(pattern) {
            Ok(regex) => Some(regex),
            Err(error) => {
                // The error draws the pattern again; its last line says what is wrong.
                let error = error.to_string();
                let reason = error.lines().last().unwrap_or_default();
                let reason = reason.strip_prefix("error: ").unwrap_or(reason);
                let message = format!("not a regular expression: {reason}");
                self.diagnostics
                    .push(Diagnostic::new(node.place.clone(), message));
                None
            }
        }
    }

    /// A JSONPath (RFC 9535).
    pub(super) fn path(&mut self, node: &Node) -> Option<JsonPath> {
        node.text(&mut self.diagnostics)?;
        self.path_of(Text::of_scalar(node)?)
    }

    fn path_of(&mut self, text: Text<'_>) -> Option<JsonPath> {
        let path = text.text;
        let count = |marks: &[char]| path.matches(marks).count();
        let place = text.place.clone();
        let mistake = if !path.starts_with('$') {
            let mistake = Diagnostic::new(place, format!("`{path}` is not a JSONPath"))
                .label("expected a path such as `$.status`");
            with_dollar(mistake, path)
        } else if path.len() > PATH_BYTES_MAX
            || count(&['?']) > PATH_FILTERS_MAX
            || count(&['[', '(']) > PATH_BRACKETS_MAX
        {
            Diagnostic::new(place, "this JSONPath is too complex").label(format!(
                "at most {PATH_BYTES_MAX} bytes, {PATH_FILTERS_MAX} filters and \
                 {PATH_BRACKETS_MAX} brackets are read"
            ))
        } else {
            match JsonPath::parse(path) {
                Ok(path) => return Some(path),
                Err(error) => {
                    let at = (0..=error.position().min(path.len()))
                        .rev()
                        .find(|&at| path.is_char_boundary(at))
                        .unwrap_or(0);
                    let place = text.place_of(self.inputs.suite, at..path.len());
                    Diagnostic::new(place, format!("`{path}` is not a JSONPath"))
                        .label("not understood from here on (RFC 9535)")
                }
            }
        };
        self.diagnostics.push(mistake);
        None
    }

    /// A JSON Schema: written here, or the path of a file that has been loaded.
    pub(super) fn schema(&mut self, node: &Node) -> Option<Schema> {
        let place = node.place.clone();
        let schema = match &node.value {
            Value::Map(_) => node.to_json(),
            _ => self.schema_file(node)?,
        };
        let built = jsonschema::options()
            .with_draft(jsonschema::Draft::Draft202012)
            .build(&schema);
        match built {
            Ok(validator) => Some(Schema { validator, place }),
            Err(error) => {
                self.diagnostics.push(not_a_schema(&error, place));
                None
            }
        }
    }

    fn schema_file(&mut self, node: &Node) -> Option<serde_json::Value> {
        let Some(path) = super::names::text(node) else {
            let expected = "a JSON Schema or the path of a file that holds one";
            self.diagnostics.push(node.mismatch(expected));
            return None;
        };
        let name = beside(self.inputs.suite.name(), path);
        let mut schemas = self.inputs.schemas.iter();
        let Some(source) = schemas.find(|it| it.name() == name || it.name() == path) else {
            let message = format!("there is no schema file `{path}`");
            self.diagnostics
                .push(Diagnostic::new(node.place.clone(), message));
            return None;
        };
        match serde_json::from_str(source.text()) {
            Ok(schema) => Some(schema),
            Err(error) => {
                let start = line_start(source.text(), error.line());
                let at = start + error.column().saturating_sub(1);
                // The reason without "at line 1 column 2", which the place says.
                let reason = error.to_string();
                let reason = reason.split(" at line ").next().unwrap_or_default();
                let message = format!("not valid JSON: {reason}");
                self.diagnostics
                    .push(Diagnostic::new(source.place(at..at + 1), message));
                None
            }
        }
    }
}

fn not_a_schema(error: &ValidationError<'_>, place: Place) -> Diagnostic {
    let at = error.instance_path().to_string();
    match error.kind() {
        ValidationErrorKind::Referencing(_) => Diagnostic::new(
            place,
            "the JSON Schema refers to something that is not in it",
        )
        .help("every `$ref` must name a part of the same schema, as in `#/$defs/post`"),
        _ if at.is_empty() => Diagnostic::new(place, format!("not a JSON Schema: {error}")),
        _ => Diagnostic::new(place, format!("not a JSON Schema: at `{at}`, {error}")),
    }
}

/// `{ matches: ... }`, `{ equals: ... }` and `{ added: ... }`, which say how to compare.
fn keyword(node: &Node) -> Option<(&str, &Node)> {
    match &node.value {
        Value::Map(entries) => match entries.as_slice() {
            [Entry { key, value, .. }]
                if ["matches", "equals", "added"].contains(&key.as_str()) =>
            {
                Some((key, value))
            }
            _ => None,
        },
        _ => None,
    }
}

fn with_dollar(mistake: Diagnostic, path: &str) -> Diagnostic {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '.';
    if path.is_empty() || !path.chars().all(plain) {
        return mistake;
    }
    let meant = format!("$.{}", path.trim_start_matches('.'));
    mistake.help(format!("did you mean `{meant}`?"))
}

/// The name of a file as seen from the folder of another.
pub(super) fn beside(name: &str, path: &str) -> String {
    let path = path.strip_prefix("./").unwrap_or(path);
    match name.rsplit_once('/') {
        Some((folder, _)) => format!("{folder}/{path}"),
        None => path.to_owned(),
    }
}

/// The byte at which a line, counted from 1, begins.
fn line_start(text: &str, line: usize) -> usize {
    let lines = text.split_inclusive('\n');
    lines.take(line.saturating_sub(1)).map(str::len).sum()
}
