//! How a target answers for something that does not exist, and whether another answer can be
//! told from that.

use std::hash::{DefaultHasher, Hasher as _};

use serde_json::Value;

use super::Answer;

/// An id of the same form as `id` that nothing has: digits become other digits, letters other
/// letters; everything else stays, and so do a prefix such as `post_` and what fixes the version
/// of a UUID (RFC 9562). `None` if no other one can be made. `salt` makes several.
///
/// A whole number becomes a large one, because small ones are handed out in order.
pub fn absent_id(id: &Value, salt: u8) -> Option<Value> {
    let text = crate::template::plain(id);
    let all_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let other: Value = if id.is_i64() || id.is_u64() {
        large_number(&text, salt).into()
    } else if all_digits && text.len() < 10 {
        large_number(&text, salt).to_string().into()
    } else {
        scrambled(&text, all_digits, salt).into()
    };
    (other != *id).then_some(other)
}

/// Between 1,900,000,000 and 2,100,000,000: above what is in use, below what overflows 32 bits.
fn large_number(id: &str, salt: u8) -> u64 {
    1_900_000_000 + hash(&(id, salt)) % 200_000_000
}

fn scrambled(text: &str, all_digits: bool, salt: u8) -> String {
    let uuid = is_uuid(text);
    let prefix = match text.rfind(['_', ':', '-', '.']) {
        Some(at) if !uuid && at + 1 < text.len() => at + 1,
        _ => usize::from(all_digits),
    };
    let mut state = hash(&(text, salt));
    text.char_indices()
        .map(|(at, c)| {
            state = hash(&(state, at));
            if at < prefix || (uuid && matches!(at, 14 | 19)) {
                c
            } else {
                other_char(c, state, text)
            }
        })
        .collect()
}

fn hash(value: &impl std::hash::Hash) -> u64 {
    // `DefaultHasher::new` is keyed with zeros: the same in every process.
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.chars().enumerate().all(|(at, c)| match at {
            8 | 13 | 18 | 23 => c == '-',
            _ => c.is_ascii_hexdigit(),
        })
}

/// Another character of the same kind: hexadecimal where the whole id is, so that it stays one.
fn other_char(c: char, random: u64, id: &str) -> char {
    let hexadecimal = id.chars().all(|c| c.is_ascii_hexdigit() || c == '-');
    let set: &[u8] = match c {
        // Small ones, so that a number does not outgrow its type.
        '0'..='9' => b"1234",
        'a'..='f' if hexadecimal => b"abcdef",
        'A'..='F' if hexadecimal => b"ABCDEF",
        'a'..='z' => b"abcdefghijkmnpqrstuvwxyz",
        'A'..='Z' => b"ABCDEFGHJKLMNPQRSTUVWXYZ",
        _ => return c,
    };
    let at = usize::try_from(random % set.len() as u64).unwrap_or(0);
    set.get(at).map_or(c, |&byte| char::from(byte))
}

/// An address beside `url` that nothing stands at: its last segment replaced, the query kept.
/// `salt` makes several.
pub fn unknown_sibling(url: &str, salt: u8) -> String {
    let (path, query) = match url.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (url, None),
    };
    let parent = path.rsplit_once('/').map_or(path, |(parent, _)| parent);
    let mut sibling = format!("{parent}/unknown-{:08x}", hash(&(path, salt)) & 0xffff_ffff);
    if let Some(query) = query {
        sibling.push('?');
        sibling.push_str(query);
    }
    sibling
}

/// How closely two answers are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Closeness {
    /// Status, headers and the form and texts of the body.
    Strict,
    /// Status, names of headers, and the form of the body: where even two answers for what does
    /// not exist differ in more.
    Loose,
}

/// In what an answer differs from the answer for something that does not exist. `None` if the
/// two cannot be told apart. `ids` are the texts that stand in one of the two because they were
/// asked for.
pub fn differs_from_absent(
    answer: &Answer,
    absent: &Answer,
    ids: &[String],
    closeness: Closeness,
) -> Option<String> {
    if answer.status != absent.status {
        return Some(format!("where what does not exist gets {}", absent.status));
    }
    if let Some(name) = odd_header(answer, absent, ids, closeness) {
        return Some(format!("header `{name}` tells them apart"));
    }
    let same = match (answer.json(), absent.json()) {
        (Some(a), Some(b)) => same_form(a, b, ids, closeness),
        (None, None) => {
            closeness == Closeness::Loose
                || neutral(&answer.text(), ids) == neutral(&absent.text(), ids)
        }
        _ => false,
    };
    (!same).then(|| "the body has another form".to_owned())
}

/// Headers that differ from answer to answer without telling anything.
const VOLATILE: [&str; 6] = [
    "age",
    "connection",
    "content-length",
    "date",
    "keep-alive",
    "transfer-encoding",
];

fn odd_header<'a>(
    answer: &'a Answer,
    absent: &'a Answer,
    ids: &[String],
    closeness: Closeness,
) -> Option<&'a str> {
    let differs = |value: &str, other: Option<&str>| match other {
        None => true,
        Some(other) => closeness == Closeness::Strict && neutral(value, ids) != neutral(other, ids),
    };
    let odd = |a: &'a Answer, b: &Answer| {
        let mut headers = a.headers.iter();
        headers
            .find(|(name, value)| {
                !VOLATILE.contains(&name.as_str()) && differs(value, b.header(name))
            })
            .map(|(name, _)| name.as_str())
    };
    odd(answer, absent).or_else(|| odd(absent, answer))
}

/// The same keys and kinds of value; compared strictly, also the same texts, but for ids and
/// words with a digit in them.
fn same_form(a: &Value, b: &Value, ids: &[String], closeness: Closeness) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| same_form(a, b, ids, closeness)))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len()
                && a.iter()
                    .zip(b)
                    .all(|(a, b)| same_form(a, b, ids, closeness))
        }
        (Value::String(a), Value::String(b)) => {
            closeness == Closeness::Loose || neutral(a, ids) == neutral(b, ids)
        }
        (Value::Number(_), Value::Number(_)) => true,
        _ => a == b,
    }
}

/// A text without what differs from request to request: the ids asked for, and words with a
/// digit in them (times, request ids).
fn neutral(text: &str, ids: &[String]) -> String {
    let mut text = text.to_owned();
    for id in ids.iter().filter(|id| !id.is_empty()) {
        text = text.replace(id.as_str(), "#");
    }
    text.split_inclusive(|c: char| !c.is_alphanumeric() && c != '-')
        .map(|word| {
            if word.chars().any(|c| c.is_ascii_digit()) {
                let end = word.chars().last().filter(|c| !c.is_alphanumeric());
                format!("#{}", end.map(String::from).unwrap_or_default())
            } else {
                word.to_owned()
            }
        })
        .collect()
}
