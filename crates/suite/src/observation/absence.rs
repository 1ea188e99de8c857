//! How a target answers for something that does not exist, and whether another answer can be
//! told from that.

use std::hash::{DefaultHasher, Hasher as _};

use serde_json::Value;

use super::Answer;

/// An id of the same form as `id` that nothing has: digits become other digits, letters other
/// letters, everything else and what fixes the version of a UUID (RFC 9562) stays.
///
/// A whole number becomes a large one, because small ones are handed out in order.
pub fn absent_id(id: &Value) -> Value {
    if id.is_i64() || id.is_u64() {
        return large_number(&id.to_string()).into();
    }
    let text = crate::template::plain(id);
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) && text.len() < 16 {
        return large_number(&text).to_string().into();
    }
    let uuid = is_uuid(&text);
    let mut state = hash(&text);
    let other: String = text
        .chars()
        .enumerate()
        .map(|(at, c)| {
            state = hash(&(state, at));
            if uuid && matches!(at, 14 | 19) {
                c
            } else {
                other_char(c, state, &text)
            }
        })
        .collect();
    other.into()
}

/// Between 1,900,000,000 and 2,100,000,000: above what is in use, below what overflows 32 bits.
fn large_number(id: &str) -> u64 {
    1_900_000_000 + hash(&id) % 200_000_000
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
        '0'..='9' => b"123456789",
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
pub fn unknown_sibling(url: &str) -> String {
    let (path, query) = match url.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (url, None),
    };
    let parent = path.rsplit_once('/').map_or(path, |(parent, _)| parent);
    let mut sibling = format!("{parent}/unknown-{:08x}", hash(&path) & 0xffff_ffff);
    if let Some(query) = query {
        sibling.push('?');
        sibling.push_str(query);
    }
    sibling
}

/// In what an answer differs from the answer for something that does not exist: in status,
/// names of headers, type of content or form of the body. `None` if the two cannot be told
/// apart. `ids` are the texts that stand in one of the two because they were asked for.
pub fn differs_from_absent(answer: &Answer, absent: &Answer, ids: &[String]) -> Option<String> {
    if answer.status != absent.status {
        return Some(format!("where what does not exist gets {}", absent.status));
    }
    if let Some(name) = odd_header(answer, absent) {
        return Some(format!("header `{name}` tells them apart"));
    }
    let same = match (answer.json(), absent.json()) {
        (Some(a), Some(b)) => same_form(a, b, ids),
        (None, None) => neutral(&answer.text(), ids) == neutral(&absent.text(), ids),
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

fn odd_header<'a>(answer: &'a Answer, absent: &'a Answer) -> Option<&'a str> {
    let only_in = |a: &'a Answer, b: &Answer| {
        a.headers
            .iter()
            .map(|(name, _)| name.as_str())
            .find(|name| !VOLATILE.contains(name) && b.header(name).is_none())
    };
    if answer.header("content-type") != absent.header("content-type") {
        return Some("content-type");
    }
    only_in(answer, absent).or_else(|| only_in(absent, answer))
}

/// The same keys and kinds of value, and the same texts but for ids and numbers in them.
fn same_form(a: &Value, b: &Value, ids: &[String]) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(key, a)| b.get(key).is_some_and(|b| same_form(a, b, ids)))
        }
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_form(a, b, ids))
        }
        (Value::String(a), Value::String(b)) => neutral(a, ids) == neutral(b, ids),
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
