//! How a session is opened and kept: the steps of a login, what they capture, the refresh of a
//! token, and CSRF tokens.

use authz::source::Diagnostic;
use authz::source::yaml::{Entry, Fields, Node, Value};

use super::Reader;
use super::actor::settle;
use super::call::{CallRules, DefaultTarget};
use super::names::Stage;
use super::template::Scope;
use crate::model::{Caller, Capture, CaptureSource, Csrf, CsrfPlace, CsrfSource, Step};

/// Names under which an actor is known already.
const CAPTURES_RESERVED: [&str; 3] = ["name", "subject", "tenant"];
/// Where a value can stand in an answer, apart from its JSON.
const SOURCES: [&str; 3] = ["header", "cookie", "matches"];

impl Reader<'_> {
    /// The calls of `steps`, or the one call of a login that stands beside the other keys.
    pub(super) fn login(
        &mut self,
        fields: &mut Fields<'_>,
        entry: &Entry,
        target: DefaultTarget,
    ) -> Option<Vec<Step>> {
        let Some(steps) = fields.optional("steps") else {
            let scope = self.session_scope(&entry.key, Stage::LoggingIn(0), false);
            let step = self.step(fields, &entry.value, target, scope)?;
            return Some(vec![step]);
        };
        let mut read = Vec::new();
        for (index, node) in steps.list(&mut self.diagnostics)?.iter().enumerate() {
            let scope = self.session_scope(&entry.key, Stage::LoggingIn(index), false);
            read.push(self.step_alone(node, target, scope));
        }
        if read.is_empty() {
            self.diagnostics
                .push(Diagnostic::new(steps.place.clone(), "no step is given"));
            return None;
        }
        super::complete(read)
    }

    /// `refresh`: knows everything that the login has captured.
    pub(super) fn refresh(
        &mut self,
        node: &Node,
        session: &str,
        target: DefaultTarget,
    ) -> Option<Step> {
        let scope = self.session_scope(session, Stage::LoggedIn, true);
        let step = self.step_alone(node, target, scope)?;
        if step.token.is_none() {
            let message = "a refresh without `token`";
            self.diagnostics.push(
                Diagnostic::new(node.place.clone(), message)
                    .label("where the answer has the new token"),
            );
        }
        Some(step)
    }

    fn step_alone(&mut self, node: &Node, target: DefaultTarget, scope: Scope<'_>) -> Option<Step> {
        let mut fields = node.fields(&mut self.diagnostics)?;
        let step = self.step(&mut fields, node, target, scope);
        fields.finish(&mut self.diagnostics);
        step
    }

    fn step(
        &mut self,
        fields: &mut Fields<'_>,
        node: &Node,
        target: DefaultTarget,
        scope: Scope<'_>,
    ) -> Option<Step> {
        let rules = CallRules {
            target,
            caller: Caller::Nobody,
            may_say_as: false,
            owners: &[],
            scope: Scope {
                totp: true,
                ..scope
            },
        };
        let call = self.call(fields, node, &rules);
        let status = fields.optional("status");
        let status = status.map(|it| self.statuses(it));
        let token = fields.entry("token");
        let token = token.map(|it| self.capture(it));
        let captures = fields.optional("capture");
        let captures =
            captures.map(|it| self.captures(it, &CAPTURES_RESERVED, "every actor has it already"));
        Some(Step {
            call: call?,
            status: settle(status)?.unwrap_or_default(),
            token: settle(token)?,
            captures: settle(captures)?.unwrap_or_default(),
        })
    }

    /// What to remember of an answer.
    pub(super) fn captures(
        &mut self,
        node: &Node,
        reserved: &[&str],
        meaning: &str,
    ) -> Option<Vec<Capture>> {
        let captures = self.all(node, |reader, entry| {
            reader.check_not_reserved(entry, reserved, meaning);
            reader.capture(entry)
        })?;
        super::complete(captures)
    }

    fn capture(&mut self, entry: &Entry) -> Option<Capture> {
        Some(Capture {
            name: entry.key.clone(),
            source: self.capture_source(&entry.value)?,
            place: entry.place.clone(),
        })
    }

    /// A JSONPath, or `{ header: NAME }`, `{ cookie: NAME }` or `{ matches: PATTERN }`.
    pub(super) fn capture_source(&mut self, node: &Node) -> Option<CaptureSource> {
        let Value::Map(entries) = &node.value else {
            return self.path(node).map(CaptureSource::Json);
        };
        let source = match entries.as_slice() {
            [only] if SOURCES.contains(&only.key.as_str()) => only,
            [only] => {
                let place = &only.place;
                let mistake = super::unknown(place, "source of a value", &only.key, &SOURCES);
                self.diagnostics.push(mistake);
                return None;
            }
            _ => {
                let message = "expected one source of the value";
                self.diagnostics.push(
                    Diagnostic::new(node.place.clone(), message)
                        .label("a JSONPath, or one of `header`, `cookie` and `matches`"),
                );
                return None;
            }
        };
        match source.key.as_str() {
            "header" => {
                let name = self.token_text(&source.value, "header")?;
                Some(CaptureSource::Header(name.to_ascii_lowercase()))
            }
            "cookie" => self
                .token_text(&source.value, "cookie")
                .map(CaptureSource::Cookie),
            _ => self.with_group(&source.value).map(CaptureSource::Text),
        }
    }

    fn with_group(&mut self, node: &Node) -> Option<regex::Regex> {
        let regex = self.regex(node)?;
        if regex.captures_len() == 2 {
            return Some(regex);
        }
        let message = "expected a regular expression with one group";
        self.diagnostics.push(
            Diagnostic::new(node.place.clone(), message).label("what stands in `( )` is the value"),
        );
        None
    }

    /// The name of a header or cookie: both are tokens (RFC 9110, section 5.6.2; RFC 6265,
    /// section 4.1.1).
    fn token_text(&mut self, node: &Node, what: &str) -> Option<String> {
        let name = node.text(&mut self.diagnostics)?;
        if super::call::is_token(name) {
            return Some(name.to_owned());
        }
        let message = format!("`{name}` is not the name of a {what}");
        self.diagnostics
            .push(Diagnostic::new(node.place.clone(), message));
        None
    }

    /// `csrf: { cookie: NAME | capture: NAME, header: NAME | form: FIELD }`.
    pub(super) fn csrf(&mut self, node: &Node, captured: &[&str]) -> Option<Csrf> {
        let mut fields = node.fields(&mut self.diagnostics)?;
        let cookie = fields.optional("cookie");
        let capture = fields.optional("capture");
        let header = fields.optional("header");
        let form = fields.optional("form");
        fields.finish(&mut self.diagnostics);
        let source = match (cookie, capture) {
            (Some(cookie), None) => self.token_text(cookie, "cookie").map(CsrfSource::Cookie),
            (None, Some(capture)) => self.captured(capture, captured).map(CsrfSource::Capture),
            _ => self.one_of_two(node, "`cookie` and `capture`", "where the value comes from"),
        };
        let place = match (header, form) {
            (Some(header), None) => self.token_text(header, "header").map(CsrfPlace::Header),
            (None, Some(form)) => {
                let field = form.text(&mut self.diagnostics);
                field.map(|field| CsrfPlace::Field(field.to_owned()))
            }
            _ => self.one_of_two(node, "`header` and `form`", "how the value is sent"),
        };
        Some(Csrf {
            source: source?,
            place: place?,
        })
    }

    fn captured(&mut self, node: &Node, known: &[&str]) -> Option<String> {
        let name = node.text(&mut self.diagnostics)?;
        if known.contains(&name) {
            return Some(name.to_owned());
        }
        let mistake = super::unknown(&node.place, "capture", name, known);
        self.diagnostics.push(mistake);
        None
    }

    fn one_of_two<T>(&mut self, node: &Node, words: &str, label: &str) -> Option<T> {
        let message = format!("expected exactly one of {words}");
        self.diagnostics
            .push(Diagnostic::new(node.place.clone(), message).label(label));
        None
    }
}
