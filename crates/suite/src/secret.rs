//! Secrets never leave in a report: not as they are, and not in base64, URL or JSON form.

use aho_corasick::{AhoCorasick, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

/// What stands where a secret stood.
pub const MASK: &str = "***";

/// The shortest text that is taken for a secret, in bytes: masking shorter ones would blot out
/// half of every report and protect nothing.
pub const SECRET_BYTES_MIN: usize = 4;

/// Replaces secrets in texts.
#[derive(Debug, Default)]
pub struct Masker {
    /// `None` where there is nothing to mask.
    automaton: Option<AhoCorasick>,
    /// The automaton could not be built: then everything is masked rather than anything shown.
    blind: bool,
}

impl Masker {
    /// A masker of these secrets. O(total length).
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a str>) -> Self {
        let mut forms: Vec<String> = secrets.into_iter().flat_map(forms).collect();
        if forms.is_empty() {
            return Self::default();
        }
        forms.sort();
        forms.dedup();
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .build(&forms)
            .ok();
        Self {
            blind: automaton.is_none(),
            automaton,
        }
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
            None if self.blind => MASK.to_owned(),
            None => text.to_owned(),
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
    let url = [url.to_string(), crate::template::url_component(secret)];
    let mut forms = vec![
        secret.to_owned(),
        json.trim_matches('"').to_owned(),
        json.trim_matches('"').replace('/', r"\/"),
        escaped(secret),
        secret.replace(' ', "+"),
    ];
    for form in url {
        forms.push(form.replace("%20", "+"));
        forms.push(lower_escapes(&form));
        forms.push(form);
    }
    for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
        forms.push(engine.encode(bytes));
    }
    forms
}

/// JSON in which everything but letters and digits is escaped, as some writers do.
fn escaped(text: &str) -> String {
    let mut units = [0; 2];
    text.chars()
        .map(|c| {
            if c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | '/' | '=') {
                return c.to_string();
            }
            c.encode_utf16(&mut units)
                .iter()
                .map(|unit| format!("\\u{unit:04X}"))
                .collect()
        })
        .collect()
}

/// `%2F` as `%2f`.
fn lower_escapes(url: &str) -> String {
    let mut parts = url.split('%');
    let first = parts.next().unwrap_or("").to_owned();
    parts.fold(first, |lower, part| {
        let (digits, rest) = part.split_at_checked(2).unwrap_or((part, ""));
        format!("{lower}%{}{rest}", digits.to_ascii_lowercase())
    })
}
