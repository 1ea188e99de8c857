//! Places inside of a scalar: where in the file a part of its text stands.

use std::ops::Range;

use crate::source::yaml::{Node, Value};
use crate::source::{Place, Source};

/// The text of a scalar.
pub(super) fn text(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar(scalar) => Some(&scalar.text),
        _ => None,
    }
}

/// Where the bytes `part` of the text of a scalar stand in its source; none where the scalar
/// has several lines, because YAML folds them.
pub(super) fn place(node: &Node, source: &Source, part: Range<usize>) -> Option<Place> {
    let written = source.text().get(node.place.span.clone())?;
    let written = written.trim_end();
    if written.contains('\n') {
        return None;
    }
    let starts = starts(written);
    let text_length = text(node)?.len();
    // The map is right if and only if it maps all of the text.
    if starts.len() != text_length + 1 {
        return None;
    }
    let offset = node.place.span.start;
    let start = offset + starts.get(part.start)?;
    let end = offset + starts.get(part.end)?;
    Some(source.place(start..end.max(start)))
}

/// For each byte of the text, and its end, where in the written scalar it comes from.
fn starts(written: &str) -> Vec<usize> {
    match written.bytes().next() {
        Some(quote @ (b'"' | b'\'')) => quoted(written, quote),
        _ => (0..=written.len()).collect(),
    }
}

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
