//! What a run has learnt that must never be shown.

use std::sync::{Arc, Mutex, PoisonError};

use suite::model::{Capture, CaptureSource};
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

/// Whether what is captured is probably a secret: by where it stands, or by its name.
pub(crate) fn is_secret(capture: &Capture) -> bool {
    let name = capture.name.to_ascii_lowercase();
    matches!(
        capture.source,
        CaptureSource::Cookie(_) | CaptureSource::Text(_)
    ) || SECRET_NAMES.iter().any(|part| name.contains(part))
}
