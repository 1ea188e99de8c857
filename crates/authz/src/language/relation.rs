//! What the readers of both languages of relation models share: the state of a reader, types of
//! parameters, conditions, and the checks of names that both have.

use std::collections::HashMap;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::condition::{Condition, Mistake, ParameterType, Parameters, TYPE_DEPTH_MAX};
use crate::model::relation::{
    At, DeclaredCondition, ObjectType, Rewrite, SubjectKind, SubjectType,
};
use crate::source::{Diagnostic, Diagnostics, Place, Source};

use super::scanner::{Scanner, Token};

/// The deepest nesting of a rewrite, of parentheses as of operators in a row.
pub(super) const DEPTH_MAX: usize = 64;

/// A reader of one text: what is wrong is told, and reading goes on with the next statement.
pub(super) struct Reader<'a, 'd> {
    pub(super) scanner: Scanner<'a>,
    pub(super) diagnostics: &'d mut Diagnostics,
}

/// The mistake has been told.
#[derive(Debug, Clone, Copy)]
pub(super) struct Told;

pub(super) type Read<T> = Result<T, Told>;

impl<'a> Reader<'a, '_> {
    pub(super) fn tell(&mut self, mistake: Diagnostic) -> Told {
        self.diagnostics.push(mistake);
        Told
    }

    /// A mistake at the next token.
    pub(super) fn unexpected(&mut self, expected: &str) -> Told {
        let place = self.scanner.place();
        let found = match self.scanner.peek() {
            Some(token) => format!("unexpected `{}`", token.text),
            None => "unexpected end of the model".to_owned(),
        };
        self.tell(Diagnostic::new(place, found).label(format!("expected {expected}")))
    }

    pub(super) fn expect(&mut self, sign: &str) -> Read<()> {
        if self.scanner.take(sign) {
            return Ok(());
        }
        Err(self.unexpected(&format!("`{sign}`")))
    }

    /// A word.
    pub(super) fn word(&mut self, what: &str) -> Read<Token<'a>> {
        if self.scanner.peek().is_some_and(|token| token.is_word)
            && let Some(token) = self.scanner.next()
        {
            return Ok(token);
        }
        Err(self.unexpected(what))
    }

    /// Goes on at the next line that begins with one of these words, or with a closing brace.
    pub(super) fn recover(&mut self, statements: &[&str]) {
        while let Some(token) = self.scanner.peek() {
            if token.starts_line && (statements.contains(&token.text) || token.text == "}") {
                return;
            }
            self.scanner.next();
        }
    }

    /// `string`, `list<map<int>>`.
    pub(super) fn parameter_type(&mut self, depth: usize) -> Read<ParameterType> {
        let word = self.word("the type of a parameter")?;
        if let Some(found) = ParameterType::simple(word.text) {
            return Ok(found);
        }
        if word.text != "list" && word.text != "map" {
            let message = format!("unknown type `{}`", word.text);
            let known = ParameterType::SIMPLE.into_iter().chain(["list", "map"]);
            let mistake = Diagnostic::new(word.place, message)
                .label("expected the type of a parameter")
                .nearest(word.text, known);
            return Err(self.tell(mistake));
        }
        if depth >= TYPE_DEPTH_MAX {
            let message = format!("a type nested more than {TYPE_DEPTH_MAX} deep");
            return Err(self.tell(Diagnostic::new(word.place, message)));
        }
        self.expect("<")?;
        let item = Box::new(self.parameter_type(depth + 1)?);
        self.expect(">")?;
        Ok(match word.text {
            "list" => ParameterType::List(item),
            _ => ParameterType::Map(item),
        })
    }

    /// `(name type, ...) { expression }`, or with a colon between name and type.
    pub(super) fn condition(&mut self, at: Place, colon: bool) -> Read<DeclaredCondition> {
        self.expect("(")?;
        let mut parameters = Parameters::default();
        while !self.scanner.is(")") {
            let name = self.word("the name of a parameter")?;
            if colon {
                self.expect(":")?;
            }
            let value_type = self.parameter_type(0)?;
            if !parameters.add(name.name(), value_type) {
                let message = format!("parameter `{}` is declared twice", name.text);
                self.diagnostics.push(Diagnostic::new(name.place, message));
            }
            if !self.scanner.take(",") {
                break;
            }
        }
        self.expect(")")?;
        self.expect("{")?;
        let Some((text, place)) = self.scanner.block() else {
            let mistake = Diagnostic::new(at, "a condition without an end");
            return Err(self.tell(mistake.label("expected a closing `}`")));
        };
        compile(text, &place, parameters, at, self.diagnostics).ok_or(Told)
    }
}

/// The condition that the text means. `place` is where the text stands.
pub(super) fn compile(
    text: &str,
    place: &Place,
    parameters: Parameters,
    at: Place,
    diagnostics: &mut Diagnostics,
) -> Option<DeclaredCondition> {
    match Condition::with_parameters(text, &parameters) {
        Ok(condition) => Some(DeclaredCondition {
            parameters,
            text: text.into(),
            condition,
            module: None,
            at: At(at),
        }),
        Err(mistakes) => {
            for mistake in mistakes {
                diagnostics.push(inside(mistake, text, place));
            }
            None
        }
    }
}

/// A mistake in a text that begins at `place`.
fn inside(mistake: Mistake, text: &str, place: &Place) -> Diagnostic {
    let before = text.get(..mistake.span.start).unwrap_or(text);
    let lines = before.matches('\n').count();
    let last = before.rsplit('\n').next().unwrap_or_default();
    let column = last.chars().count() + if lines == 0 { place.column } else { 1 };
    let start = place.span.start;
    Diagnostic {
        place: Place {
            file: Arc::clone(&place.file),
            span: start + mistake.span.start..start + mistake.span.end,
            line: place.line + lines,
            column,
        },
        message: mistake.message,
        label: mistake.label,
        help: mistake.help,
    }
}

/// Adds a declaration; a second one of the same name is told and left out.
pub(super) fn declare<T>(
    what: &str,
    declared: &mut IndexMap<Arc<str>, T>,
    (name, place): (Arc<str>, &Place),
    value: T,
    at: fn(&T) -> &At,
    diagnostics: &mut Diagnostics,
) {
    if let Some(first) = declared.get(&name) {
        let message = format!("{what} `{name}` is declared twice");
        let label = format!("first declared at {}", at(first).0);
        diagnostics.push(Diagnostic::new(place.clone(), message).label(label));
        return;
    }
    declared.insert(name, value);
}

/// The names that types of subjects and conditions use, looked up.
pub(super) struct Names<'a> {
    pub(super) types: &'a IndexMap<Arc<str>, ObjectType>,
    pub(super) conditions: &'a IndexMap<Arc<str>, DeclaredCondition>,
    /// Whether some declaration could not be read: what is not known may be declared there.
    pub(super) is_partial: bool,
}

impl Names<'_> {
    /// Tells of types, relations and conditions of a type of subjects that are not declared.
    pub(super) fn check_subject(&self, subject: &SubjectType, diagnostics: &mut Diagnostics) {
        let place = &subject.at.0;
        match self.types.get(&subject.type_name) {
            None => {
                let known = self.types.keys().map(|name| &**name);
                let message = format!("unknown type `{}`", subject.type_name);
                self.unknown(message, &subject.type_name, known, place, diagnostics);
            }
            Some(found) => {
                if let SubjectKind::Userset(relation) = &subject.kind
                    && !found.relations.contains_key(relation)
                {
                    let message = format!("`{}` has no relation `{relation}`", subject.type_name);
                    let known = found.relations.keys().map(|name| &**name);
                    self.unknown(message, relation, known, place, diagnostics);
                }
            }
        }
        if let Some(condition) = &subject.condition
            && !self.conditions.contains_key(condition)
        {
            let known = self.conditions.keys().map(|name| &**name);
            let message = format!("unknown condition `{condition}`");
            self.unknown(message, condition, known, place, diagnostics);
        }
    }

    pub(super) fn unknown<'n>(
        &self,
        message: String,
        name: &str,
        known: impl Iterator<Item = &'n str>,
        place: &Place,
        diagnostics: &mut Diagnostics,
    ) {
        if !self.is_partial {
            diagnostics.push(Diagnostic::new(place.clone(), message).nearest(name, known));
        }
    }
}

/// Tells of relations of one type that follow from themselves without any fact in between.
pub(super) fn check_loops(type_name: &str, found: &ObjectType, diagnostics: &mut Diagnostics) {
    let mut state: HashMap<&str, bool> = HashMap::new();
    for start in found.relations.keys() {
        // Depth first without recursion: a chain of relations may be as long as the file.
        let mut open: Vec<(&str, Vec<&str>)> = Vec::new();
        if !state.contains_key(&**start) {
            state.insert(start, false);
            open.push((start, computed(found, start)));
        }
        while let Some((name, rest)) = open.last_mut() {
            let name = *name;
            let Some(next) = rest.pop() else {
                state.insert(name, true);
                open.pop();
                continue;
            };
            match state.get(next) {
                Some(true) => {}
                Some(false) => {
                    if let Some(relation) = found.relations.get(next) {
                        let message = format!("`{next}` of `{type_name}` follows from itself");
                        let mistake = Diagnostic::new(relation.at.0.clone(), message);
                        let label = format!("through `{name}`, without a fact in between");
                        diagnostics.push(mistake.label(label));
                    }
                }
                None => {
                    state.insert(next, false);
                    open.push((next, computed(found, next)));
                }
            }
        }
    }
}

/// The relations that one names on the same object.
fn computed<'a>(found: &'a ObjectType, name: &str) -> Vec<&'a str> {
    let mut names: Vec<&str> = Vec::new();
    if let Some(relation) = found.relations.get(name) {
        relation.rewrite.walk(&mut |part| {
            if let Rewrite::Computed(name, _) = part
                && found.relations.contains_key(name)
            {
                names.push(name);
            }
        });
    }
    names
}

/// The whole text of a source.
pub(super) fn whole(source: &Source) -> std::ops::Range<usize> {
    0..source.text().len()
}
