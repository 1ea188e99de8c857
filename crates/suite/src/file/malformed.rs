//! `malformed:` — the body that a call is tried with too, and that must be refused.

use authz::source::Diagnostic;
use authz::source::yaml::{Entry, Node, Value};

use super::Reader;
use super::names::entries;
use super::template::Scope;
use crate::model::{Body, Call, Malformed};
use crate::template::{JsonTemplate, Template};

impl Reader<'_> {
    /// The malformed body of a call: what `entry` says, else what the suite says of all JSON
    /// bodies. `call` is `None` where it is broken itself.
    pub(super) fn malformed(
        &mut self,
        entry: Option<&Entry>,
        call: Option<&Call>,
        is_absent: bool,
        scope: &Scope<'_>,
    ) -> Option<Option<Malformed>> {
        let call = call?;
        let Some(entry) = entry else {
            let is_tried = self.malformed_by_default && !is_absent && can_be_cut(&call.body);
            return Some(is_tried.then_some(Malformed::CutOff));
        };
        match &entry.value.value {
            Value::Map(_) => self.other_body(&entry.value, call, scope).map(Some),
            _ => self.cut_off(entry, call),
        }
    }

    fn cut_off(&mut self, entry: &Entry, call: &Call) -> Option<Option<Malformed>> {
        let Some(wanted) = entry.value.to_json().as_bool() else {
            let expected = "`true`, `false` or another body, as in `{ json: {} }`";
            self.diagnostics.push(entry.value.mismatch(expected));
            return None;
        };
        if wanted && !can_be_cut(&call.body) {
            self.diagnostics.push(
                Diagnostic::new(
                    entry.place.clone(),
                    "`malformed: true` of a call without a JSON object or list",
                )
                .label("there is nothing to cut off")
                .help("for another body say which is malformed, as in `malformed: { body: x }`"),
            );
            return None;
        }
        Some(wanted.then_some(Malformed::CutOff))
    }

    fn other_body(&mut self, node: &Node, call: &Call, scope: &Scope<'_>) -> Option<Malformed> {
        let mut fields = node.fields(&mut self.diagnostics)?;
        let body = self.body(&mut fields, scope);
        fields.finish(&mut self.diagnostics);
        let mut other = call.clone();
        let (message, label) = match (&call.body, body?) {
            (Body::Empty, _) => (
                "`malformed` of a call without a body",
                "there is nothing that could be malformed",
            ),
            // Whatever stands there has been told already.
            (_, Body::Empty) if entries(Some(node)).next().is_some() => return None,
            (_, Body::Empty) => (
                "`malformed` without a body",
                "expected one of `json`, `form` and `body`",
            ),
            (_, body) => {
                keep_content_type(&mut other, &body);
                other.body = body;
                return Some(Malformed::Call(Box::new(other)));
            }
        };
        self.diagnostics
            .push(Diagnostic::new(node.place.clone(), message).label(label));
        None
    }
}

/// Whether every proper beginning of the body is no JSON.
fn can_be_cut(body: &Body) -> bool {
    matches!(
        body,
        Body::Json(JsonTemplate::Map(_) | JsonTemplate::List(_))
    )
}

/// A text in place of JSON is still called JSON: its content is what is wrong, not its type.
fn keep_content_type(call: &mut Call, body: &Body) {
    let is_set = |(name, _): &(String, Template)| name.eq_ignore_ascii_case("content-type");
    if let (Body::Json(_), Body::Text(_)) = (&call.body, body)
        && !call.headers.iter().any(is_set)
    {
        let json = Template::literal("application/json", call.place.clone());
        call.headers.push(("content-type".to_owned(), json));
    }
}
