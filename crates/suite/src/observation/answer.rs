//! An answer, and whether it is a yes, a no or neither.

use std::borrow::Cow;
use std::sync::OnceLock;

use authz::Denial;
use serde_json::Value;

use super::assertion::holds_all;
use crate::model::{AnswerAssertions, DENIALS, Denies, Form, Matcher};
use crate::template::{Scope, plain};
use crate::verdict::Received;

/// An answer of a target.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The headers, names in lower case, in order.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
    json: OnceLock<Option<Value>>,
}

impl Answer {
    /// An answer.
    pub fn new(status: u16, headers: Vec<(String, String)>, body: Vec<u8>) -> Self {
        Self {
            status,
            headers,
            body,
            json: OnceLock::new(),
        }
    }

    /// The body as JSON, if it is JSON. Parsed once.
    pub fn json(&self) -> Option<&Value> {
        self.json
            .get_or_init(|| serde_json::from_slice(&self.body).ok())
            .as_ref()
    }

    /// The body as text.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The first header of a name in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(header, _)| header == name)
            .map(|(_, value)| value.as_str())
    }

    /// Whether the answer holds this text, in its body or in a header, as it is or as JSON
    /// escapes it.
    pub fn holds(&self, text: &str) -> bool {
        if text.is_empty() {
            return false;
        }
        let escaped = Value::from(text).to_string();
        let escaped = escaped.trim_matches('"');
        let body = self.text();
        body.contains(text)
            || (escaped != text && body.contains(escaped))
            || self.headers.iter().any(|(_, value)| value.contains(text))
    }
}

/// Whether an answer is a yes, a no or neither.
///
/// A form of no that says more than a status comes before the statuses of success, because a
/// system may say no with a 200. Where a system says several kinds of no in one form, it has said
/// the `expected` one; else that it is not there, which counts for the least.
pub fn received(
    answer: &Answer,
    assertions: &AnswerAssertions,
    denies: &Denies,
    expected: Option<Denial>,
    scope: &dyn Scope,
) -> Received {
    let kinds = denials(answer, denies, scope);
    let preferred = [expected, Some(Denial::Concealed)].into_iter().flatten();
    let denial = preferred.into_iter().find(|kind| kinds.contains(kind));
    if let Some(denial) = denial.or(kinds.first().copied()) {
        return Received::Denied(denial);
    }
    let success = if assertions.status.is_empty() {
        (200..300).contains(&answer.status)
    } else {
        assertions.status.contains(&answer.status)
    };
    match answer.status {
        _ if success => Received::Success,
        400..500 => Received::OtherRefusal,
        500..600 => Received::ServerError,
        _ => Received::Other,
    }
}

/// Statuses of a refusal that speak of something else than the body: the method, the time, the
/// connection, or too many requests.
const NOT_OF_THE_BODY: [u16; 5] = [405, 408, 421, 425, 429];

/// What an answer to a malformed body is. Another 4xx says that the input is bad. Where whoever
/// may is `allowed`, so does a form of no with a 4xx that is not one of the usual statuses: a
/// system that answers 400 to everything tells bad input and no right apart for nobody. That
/// there is no session is said of the session, and never of the body.
pub fn received_of_malformed(received: Received, status: u16, allowed: bool) -> Received {
    match received {
        Received::OtherRefusal if !NOT_OF_THE_BODY.contains(&status) => Received::BadInput,
        Received::Denied(denial)
            if allowed
                && denial != Denial::Unauthenticated
                && matches!(status, 400 | 402 | 405..500) =>
        {
            Received::BadInput
        }
        other => other,
    }
}

/// The first kind of denial that an answer may be, if it is one. O(forms).
pub fn denial(answer: &Answer, denies: &Denies, scope: &dyn Scope) -> Option<Denial> {
    denials(answer, denies, scope).first().copied()
}

/// The kinds of denial that an answer may be; none if it is no denial. O(forms).
pub fn denials(answer: &Answer, denies: &Denies, scope: &dyn Scope) -> Vec<Denial> {
    let is_kind = |&denial: &Denial| {
        let mut forms = denies.forms(denial).iter();
        forms.any(|form| is_form(answer, form, scope))
    };
    DENIALS.into_iter().filter(is_kind).collect()
}

fn is_form(answer: &Answer, form: &Form, scope: &dyn Scope) -> bool {
    answer.status == form.status
        && form.headers.iter().all(|(name, matcher)| {
            let value = answer.header(name);
            match matcher {
                Matcher::Absent | Matcher::Unchanged | Matcher::Added(_) => value.is_none(),
                Matcher::Matches(regex) => value.is_some_and(|value| regex.is_match(value)),
                Matcher::Equals(expected) => expected
                    .fill(scope)
                    .is_ok_and(|expected| value == Some(plain(&expected).as_str())),
            }
        })
        && (form.json.is_empty() || holds_all(&form.json, answer.json(), None, scope))
}
