//! What a run has learnt that must never be shown.

use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;
use suite::model::{Capture, CaptureSource};
use suite::observation::Answer;
use suite::secret::Masker;

/// Parts of names under which secrets are usually captured.
const SECRET_NAMES: [&str; 12] = [
    "token", "secret", "code", "csrf", "xsrf", "cookie", "session", "sid", "key", "nonce", "otp",
    "ticket",
];

/// The secrets that are known so far, and what masks them: made anew when it is first needed
/// after another one was learnt.
#[derive(Debug)]
pub(crate) struct Secrets(Mutex<Known>);

#[derive(Debug)]
struct Known {
    texts: Vec<String>,
    masker: Option<Arc<Masker>>,
}

impl Secrets {
    pub(crate) fn new(texts: Vec<String>) -> Self {
        Self(Mutex::new(Known {
            texts,
            masker: None,
        }))
    }

    /// What masks every secret that is known so far.
    pub(crate) fn masker(&self) -> Arc<Masker> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Known { texts, masker } = &mut *known;
        let made = || Arc::new(Masker::new(texts.iter().map(String::as_str)));
        Arc::clone(masker.get_or_insert_with(made))
    }

    /// Learns secrets; what is known already costs nothing.
    pub(crate) fn hide(&self, secrets: impl IntoIterator<Item = String>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for secret in secrets {
            if !known.texts.contains(&secret) {
                known.texts.push(secret);
                known.masker = None;
            }
        }
    }
}

/// The shortest text in the answer to a login that is taken for a secret by its name, in bytes:
/// a shorter one is a kind or a state, and masking it would blot out words.
const TOLD_BYTES_MIN: usize = 8;

/// What the answer to a login tells that is probably a secret, whether the suite reads it or not:
/// a report of a login that went wrong shows the whole answer.
pub(crate) fn told_by(answer: &Answer) -> Vec<String> {
    let mut told = Vec::new();
    if let Some(json) = answer.json() {
        gather(json, false, &mut told);
    }
    told
}

fn gather(json: &Value, is_named: bool, told: &mut Vec<String>) {
    match json {
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            gather(value, is_named || names_secret(name), told);
        }),
        Value::Array(items) => items.iter().for_each(|item| gather(item, is_named, told)),
        Value::String(text) if text.len() >= TOLD_BYTES_MIN && (is_named || is_jwt(text)) => {
            told.push(text.clone());
        }
        _ => {}
    }
}

/// A signed token (RFC 7515, section 7.1) is one whatever it is called.
fn is_jwt(text: &str) -> bool {
    text.starts_with("eyJ") && text.split('.').count() == 3
}

/// Whether a name is one under which secrets usually stand.
pub(super) fn names_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|part| name.contains(part))
}

/// Whether what is captured is probably a secret: by where it stands, or by its name.
pub(crate) fn is_secret(capture: &Capture) -> bool {
    matches!(
        capture.source,
        CaptureSource::Cookie(_) | CaptureSource::Text(_)
    ) || names_secret(&capture.name)
}
