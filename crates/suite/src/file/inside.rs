//! Places inside of scalars: a caret under one word of a text, not under the whole of it.

use std::ops::Range;

use authz::source::yaml::{Entry, Node, Value};
use authz::source::{Place, Source};

/// A text of the file: a scalar or a key.
#[derive(Clone, Copy)]
pub(super) struct Text<'a> {
    /// What it says, unquoted.
    pub(super) text: &'a str,
    /// Where it stands.
    pub(super) place: &'a Place,
    literal: bool,
}

/// Where one line of a text begins in the file.
#[derive(Clone, Copy)]
struct Start {
    byte: usize,
    line: usize,
    column: usize,
}

impl<'a> Text<'a> {
    /// The text of a scalar, whatever its type.
    pub(super) fn of_scalar(node: &'a Node) -> Option<Self> {
        match &node.value {
            Value::Scalar(scalar) => Some(Self {
                text: &scalar.text,
                place: &node.place,
                literal: scalar.literal,
            }),
            _ => None,
        }
    }

    /// The text of a key.
    pub(super) fn of_key(entry: &'a Entry) -> Self {
        Self {
            text: &entry.key,
            place: &entry.place,
            literal: false,
        }
    }

    /// Whether the text is a literal block (`|`).
    pub(super) fn is_literal(&self) -> bool {
        self.literal
    }

    /// The place of a range of bytes of the text; the whole text, where escapes or folding
    /// hide it.
    pub(super) fn place_of(&self, source: &Source, range: Range<usize>) -> Place {
        self.exact(source, range)
            .unwrap_or_else(|| self.place.clone())
    }

    fn exact(&self, source: &Source, range: Range<usize>) -> Option<Place> {
        if self.literal {
            let before = self.text.get(..range.start)?;
            let index = before.matches('\n').count();
            let start = before.rfind('\n').map_or(0, |at| at + 1);
            let lines = Lines::of(source, self);
            return Some(lines.place_of(index, range.start - start..range.end - start));
        }
        let span = &self.place.span;
        let raw = source.text().get(span.clone())?;
        let at = span.start + raw.find(self.text)?;
        Some(source.place(at + range.start..at + range.end))
    }
}

/// The lines of a text and where each stands in the file.
pub(super) struct Lines<'a> {
    text: Text<'a>,
    starts: Vec<(&'a str, Option<Start>)>,
}

impl<'a> Lines<'a> {
    /// O(length of the file), once for all lines.
    pub(super) fn of(source: &Source, text: &Text<'a>) -> Self {
        let starts = starts(source, text).unwrap_or_default();
        let lines = text.text.lines().enumerate();
        let starts = lines
            .map(|(index, line)| (line, starts.get(index).copied()))
            .collect();
        Self {
            text: *text,
            starts,
        }
    }

    /// The lines themselves.
    pub(super) fn texts(&self) -> impl Iterator<Item = &'a str> {
        self.starts.iter().map(|&(line, _)| line)
    }

    /// The place of a range of bytes of one line.
    pub(super) fn place_of(&self, index: usize, range: Range<usize>) -> Place {
        let Some(&(line, Some(start))) = self.starts.get(index) else {
            return self.text.place.clone();
        };
        let before = line.get(..range.start).unwrap_or(line);
        Place {
            file: self.text.place.file.clone(),
            span: start.byte + range.start..start.byte + range.end,
            line: start.line,
            column: start.column + before.chars().count(),
        }
    }
}

/// The lines of a literal block are lines of the file behind their indentation. The parser's
/// span begins at the first line that is not empty.
fn starts(source: &Source, text: &Text<'_>) -> Option<Vec<Start>> {
    if !text.literal {
        return None;
    }
    let leading = text.text.bytes().take_while(|&byte| byte == b'\n').count();
    let first = text.place.line.checked_sub(leading + 1)?;
    let mut byte = 0;
    let mut found = Vec::new();
    let mut wanted = text.text.lines();
    for (index, with_end) in source.text().split_inclusive('\n').enumerate() {
        if index >= first {
            let Some(line) = wanted.next() else {
                break;
            };
            let raw = with_end.trim_end_matches(['\n', '\r']);
            let indent = raw.strip_suffix(line)?;
            found.push(Start {
                byte: byte + indent.len(),
                line: index + 1,
                column: indent.chars().count() + 1,
            });
        }
        byte += with_end.len();
    }
    Some(found)
}
