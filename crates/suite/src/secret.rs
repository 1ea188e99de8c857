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
    let mut forms = vec![secret.to_owned()];
    for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
        forms.push(engine.encode(secret));
    }
    forms.extend(json_forms(secret));
    forms.extend(url_forms(secret));
    forms
}

/// What writers of JSON make of a text: some escape `/`, some what HTML could misread, some all
/// that is not ASCII.
fn json_forms(secret: &str) -> impl Iterator<Item = String> {
    let json = serde_json::Value::from(secret).to_string();
    let json = json.strip_prefix('"').unwrap_or(&json);
    let json = json.strip_suffix('"').unwrap_or(json).to_owned();
    (0..8)
        .map(move |kind| {
            let (slash, html, ascii) = (kind & 1 > 0, kind & 2 > 0, kind & 4 > 0);
            let mut form = String::with_capacity(json.len());
            for c in json.chars() {
                match c {
                    '/' if slash => form.push_str("\\/"),
                    '&' | '<' | '>' | '\'' if html => escape(c, &mut form),
                    _ if ascii && !c.is_ascii() => escape(c, &mut form),
                    _ => form.push(c),
                }
            }
            form
        })
        .chain([dot_net(secret)])
}

/// What `System.Text.Json` makes of a text: large digits, and `"` and `+` escaped too.
fn dot_net(secret: &str) -> String {
    let mut form = String::new();
    for c in secret.chars() {
        match c {
            '\\' => form.push_str(r"\\"),
            '"' | '&' | '<' | '>' | '\'' | '+' | '`' => {
                form.push_str(&format!("\\u{:04X}", u32::from(c)))
            }
            _ if c.is_ascii() => form.push(c),
            _ => c
                .encode_utf16(&mut [0; 2])
                .iter()
                .for_each(|unit| form.push_str(&format!("\\u{unit:04X}"))),
        }
    }
    form
}

/// `\u00e9` (RFC 8259, section 7)
fn escape(c: char, form: &mut String) {
    for unit in c.encode_utf16(&mut [0; 2]) {
        form.push_str(&format!("\\u{unit:04x}"));
    }
}

/// What stands unencoded beside letters and digits: nothing; the unreserved characters (RFC
/// 3986); those and `/`; those of JavaScript's `encodeURIComponent`; those of forms (WHATWG URL).
const URL_KEPT: [&[u8]; 5] = [b"", b"-._~", b"-._~/", b"-._~!*'()", b"*-._"];

/// The text percent-encoded in the ways that are in use, with large and small digits, and with
/// `+` for a space as in forms.
fn url_forms(secret: &str) -> impl Iterator<Item = String> {
    URL_KEPT.into_iter().flat_map(move |kept| {
        let encoded = |lower: bool| -> String {
            let bytes = secret.bytes().map(|byte| match byte {
                _ if byte.is_ascii_alphanumeric() || kept.contains(&byte) => {
                    char::from(byte).to_string()
                }
                _ if lower => format!("%{byte:02x}"),
                _ => format!("%{byte:02X}"),
            });
            bytes.collect()
        };
        [encoded(false), encoded(true)]
            .into_iter()
            .flat_map(|form| [form.replace("%20", "+"), form])
    })
}
