//! Secrets never leave in a report: not as they are, and not in base64, URL or JSON form.

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

/// What stands where a secret stood.
pub const MASK: &str = "***";

/// The shortest text that is taken for a secret, in bytes: masking shorter ones would blot out
/// half of every report and protect nothing.
pub const SECRET_BYTES_MIN: usize = 4;

/// Replaces secrets in texts. Cheap to ask, dear to change: O(total length of the secrets) for
/// each change.
#[derive(Debug, Default, Clone)]
pub struct Masker {
    forms: Vec<String>,
    automaton: Option<AhoCorasick>,
}

impl Masker {
    /// A masker of these secrets.
    pub fn new(secrets: impl IntoIterator<Item = String>) -> Self {
        let mut masker = Self::default();
        masker.add(secrets);
        masker
    }

    /// Masks these too from now on.
    pub fn add(&mut self, secrets: impl IntoIterator<Item = String>) {
        let known = self.forms.len();
        for secret in secrets {
            self.forms.extend(forms(&secret));
        }
        if self.forms.len() == known {
            return;
        }
        self.forms.sort();
        self.forms.dedup();
        // A set of plain texts far below the automaton's limits always builds; if ever it did
        // not, everything is masked rather than anything shown.
        self.automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&self.forms)
            .ok();
    }

    /// The text with every secret replaced by [`MASK`]. O(length of the text).
    pub fn mask(&self, text: &str) -> String {
        match &self.automaton {
            Some(automaton) => {
                let mut masked = String::with_capacity(text.len());
                automaton.replace_all_with(text, &mut masked, |_, _, out| {
                    out.push_str(MASK);
                    true
                });
                masked
            }
            None if self.forms.is_empty() => text.to_owned(),
            None => MASK.to_owned(),
        }
    }
}

/// The forms in which a secret may turn up.
fn forms(secret: &str) -> Vec<String> {
    if secret.len() < SECRET_BYTES_MIN {
        return Vec::new();
    }
    let bytes = secret.as_bytes();
    let json = serde_json::Value::from(secret).to_string();
    let url = percent_encoding::utf8_percent_encode(secret, percent_encoding::NON_ALPHANUMERIC);
    let mut forms = vec![
        secret.to_owned(),
        json.trim_matches('"').to_owned(),
        url.to_string(),
        crate::template::url_component(secret),
    ];
    for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
        forms.push(engine.encode(bytes));
    }
    forms
}
