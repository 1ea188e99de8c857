//! Places inside of a scalar: where in the file a part of its text stands.

use std::ops::Range;

use crate::source::yaml::{Node, Value};
use crate::source::{Place, Source};

/// The text of a scalar.
pub(crate) fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar(scalar) => Some(&scalar.text),
        _ => None,
    }
}

/// Where the bytes `part` of the text of a scalar stand in its source; none for a scalar in
/// quotes that has several lines.
pub(crate) fn place(node: &Node, source: &Source, part: Range<usize>) -> Option<Place> {
    let written = source.text().get(node.place.span.clone())?;
    let text = text(node)?;
    let starts = match written.bytes().next() {
        Some(b'"' | b'\'') if written.contains('\n') => return None,
        Some(quote @ (b'"' | b'\'')) => quoted(written, quote),
        _ => unquoted(written, text)?,
    };
    // The map is right only if it maps all of the text.
    if starts.len() != text.len() + 1 {
        return None;
    }
    let offset = node.place.span.start;
    let start = offset + starts.get(part.start)?;
    let end = offset + starts.get(part.end)?;
    Some(source.place(start..end.max(start)))
}

/// For each byte of the text, and its end, where in the written scalar it comes from: the same
/// byte, with more or less white space before it, because YAML folds lines and takes indentation
/// away. None if the two do not fit together.
fn unquoted(written: &str, text: &str) -> Option<Vec<usize>> {
    let written = written.as_bytes();
    let is_space = |at: usize| written.get(at).is_some_and(u8::is_ascii_whitespace);
    let mut starts = Vec::with_capacity(text.len() + 1);
    let mut at = 0;
    for byte in text.bytes() {
        if byte.is_ascii_whitespace() {
            starts.push(at);
            at += usize::from(is_space(at));
            continue;
        }
        while is_space(at) {
            at += 1;
        }
        if written.get(at) != Some(&byte) {
            return None;
        }
        starts.push(at);
        at += 1;
    }
    starts.push(at);
    Some(starts)
}

/// The same for a scalar in quotes, of one line.
fn quoted(written: &str, quote: u8) -> Vec<usize> {
    let mut starts = Vec::with_capacity(written.len());
    let mut at = 1;
    while let Some(rest) = written.get(at..) {
        let bytes = rest.as_bytes();
        let (read, made) = match (quote, bytes) {
            (b'\'', [b'\'', b'\'', ..]) => (2, 1),
            (b'"', [b'\\', escape, ..]) => escape_lengths(*escape, rest),
            (_, [first, ..]) if *first == quote => break,
            (_, []) => break,
            _ => (1, 1),
        };
        // Bytes of one character follow one another; those of an escape stand at its start.
        starts.extend(std::iter::repeat_n(at, made));
        at += read;
        if read == 1 {
            let more = (at..written.len()).take_while(|&at| !written.is_char_boundary(at));
            let count = more.count();
            starts.extend(at..at + count);
            at += count;
        }
    }
    starts.push(at);
    starts
}

/// How many bytes an escape of a double-quoted scalar is written in, and how many it makes
/// (YAML 1.2.2, section 5.7).
fn escape_lengths(escape: u8, text: &str) -> (usize, usize) {
    let digits = match escape {
        b'x' => 2,
        b'u' => 4,
        b'U' => 8,
        b'N' | b'_' => return (2, 2),
        b'L' | b'P' => return (2, 3),
        _ => return (2, 1),
    };
    let code = text.get(2..2 + digits);
    let code = code.and_then(|code| u32::from_str_radix(code, 16).ok());
    let made = code.and_then(char::from_u32).map_or(1, char::len_utf8);
    (2 + digits, made)
}
