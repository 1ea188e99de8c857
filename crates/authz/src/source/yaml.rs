//! YAML as a tree in which every node knows its place.
//!
//! The events come from `saphyr-parser`; what is ours is the tree: places in bytes, scalars
//! typed by the core schema of YAML 1.2 (so `no` and `on` are strings), bounded depth and size
//! (aliases are expanded and counted), and duplicate keys as mistakes. Readers walk the tree
//! and report all mistakes at once.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::{Diagnostic, Diagnostics, Place, Source, one_of};

/// The deepest nesting that is read.
pub const DEPTH_MAX: usize = 64;
/// The most nodes that are read, each use of an alias counted in full.
pub const NODES_MAX: usize = 200_000;

/// A value and its place.
#[derive(Debug, Clone)]
pub struct Node {
    /// Where the value stands.
    pub place: Place,
    /// The value.
    pub value: Value,
}

/// A YAML value.
#[derive(Debug, Clone)]
pub enum Value {
    /// A scalar, as it was written.
    Scalar(Scalar),
    /// A sequence.
    List(Vec<Node>),
    /// A mapping, in the order of the file.
    Map(Vec<Entry>),
}

/// A scalar before it is given a type.
#[derive(Debug, Clone)]
pub struct Scalar {
    /// The text after unquoting and unfolding.
    pub text: String,
    /// Whether it was written without quotes, so that it may be a number, a boolean or null.
    pub plain: bool,
    /// Whether it is a literal block (`|`), whose lines are lines of the file.
    pub literal: bool,
}

/// A key of a mapping with its value.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub place: Place,
    /// The value.
    pub value: Node,
}

/// Reads one YAML document. An empty text is an empty mapping.
///
/// # Errors
/// Text that is not YAML, keys given twice, more than one document, or more than [`DEPTH_MAX`]
/// or [`NODES_MAX`] allow.
pub fn read(source: &Source, diagnostics: &mut Diagnostics) -> Option<Node> {
    read_within(source, NODES_MAX, diagnostics)
}

/// As [`read`], with another limit on the nodes: for files that programs write.
///
/// # Errors
/// As for [`read`].
pub fn read_within(
    source: &Source,
    nodes_max: usize,
    diagnostics: &mut Diagnostics,
) -> Option<Node> {
    let mut builder = Builder::new(source, nodes_max);
    match builder.document() {
        Ok(node) => {
            builder
                .duplicates
                .into_iter()
                .for_each(|mistake| diagnostics.push(mistake));
            Some(node)
        }
        Err(mistake) => {
            diagnostics.push(*mistake);
            None
        }
    }
}

type Built<T> = Result<T, Box<Diagnostic>>;

struct Builder<'a> {
    source: &'a Source,
    parser: Parser<'a, saphyr_parser::StrInput<'a>>,
    /// The byte at which each character starts; empty for ASCII, where they are the same.
    char_starts: Vec<usize>,
    anchors: HashMap<usize, Anchored>,
    nodes: usize,
    nodes_max: usize,
    duplicates: Vec<Diagnostic>,
}

/// What an alias stands for.
#[derive(Clone)]
struct Anchored {
    node: Node,
    /// How many nodes it has.
    size: usize,
    /// How many levels it has below its own.
    height: usize,
}

impl<'a> Builder<'a> {
    fn new(source: &'a Source, nodes_max: usize) -> Self {
        let text = source.text();
        let char_starts = if text.is_ascii() {
            Vec::new()
        } else {
            text.char_indices().map(|(at, _)| at).collect()
        };
        Self {
            source,
            parser: Parser::new_from_str(text),
            char_starts,
            anchors: HashMap::new(),
            nodes: 0,
            nodes_max,
            duplicates: Vec::new(),
        }
    }

    fn document(&mut self) -> Built<Node> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd => {}
                _ if root.is_some() => {
                    let place = self.place(span);
                    return Err(Box::new(
                        Diagnostic::new(place, "a second document in one file")
                            .label("only one is read"),
                    ));
                }
                event => root = Some(self.node(event, span, 0)?),
            }
        }
        Ok(root.unwrap_or_else(|| Node {
            place: self.source.place(0..0),
            value: Value::Map(Vec::new()),
        }))
    }

    fn next(&mut self) -> Built<(Event<'a>, Span)> {
        match self.parser.next_event() {
            None => Ok((Event::StreamEnd, Span::default())),
            Some(Ok(pair)) => Ok(pair),
            Some(Err(error)) => {
                let at = self.byte(error.marker().index());
                let place = self.source.place(at..at + 1);
                let message = format!("not valid YAML: {}", error.info());
                Err(Box::new(Diagnostic::new(place, message)))
            }
        }
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Built<Node> {
        let place = self.place(span);
        self.count(1, depth, &place)?;
        let before = self.nodes;
        let (anchor, node) = match event {
            Event::Alias(anchor) => return self.alias(anchor, place, depth),
            Event::Scalar(text, style, anchor, _) => {
                let scalar = Scalar {
                    text: text.into_owned(),
                    plain: style == ScalarStyle::Plain,
                    literal: style == ScalarStyle::Literal,
                };
                let value = Value::Scalar(scalar);
                let place = self.without_trailing_space(place);
                (anchor, Node { place, value })
            }
            Event::SequenceStart(anchor, _) => (anchor, self.list(place, depth)?),
            Event::MappingStart(anchor, _) => (anchor, self.map(place, depth)?),
            _ => return Err(Box::new(Diagnostic::new(place, "expected a value"))),
        };
        if anchor > 0 {
            let anchored = Anchored {
                node: node.clone(),
                size: self.nodes - before + 1,
                height: height(&node),
            };
            self.anchors.insert(anchor, anchored);
        }
        Ok(node)
    }

    fn alias(&mut self, anchor: usize, place: Place, depth: usize) -> Built<Node> {
        let Some(anchored) = self.anchors.get(&anchor) else {
            return Err(Box::new(
                Diagnostic::new(place, "an alias inside of what it names")
                    .label("this would never end"),
            ));
        };
        let Anchored { node, size, height } = anchored.clone();
        self.count(size, depth + height, &place)?;
        Ok(node)
    }

    fn count(&mut self, nodes: usize, depth: usize, place: &Place) -> Built<()> {
        self.nodes += nodes;
        let message = if depth > DEPTH_MAX {
            format!("nested more than {DEPTH_MAX} deep")
        } else if self.nodes > self.nodes_max {
            format!("more than {} values, aliases counted", self.nodes_max)
        } else {
            return Ok(());
        };
        Err(Box::new(Diagnostic::new(place.clone(), message)))
    }

    fn list(&mut self, start: Place, depth: usize) -> Built<Node> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                let place = self.until(start, span, items.last().map(|item: &Node| &item.place));
                let value = Value::List(items);
                return Ok(Node { place, value });
            }
            items.push(self.node(event, span, depth + 1)?);
        }
    }

    fn map(&mut self, start: Place, depth: usize) -> Built<Node> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut seen: HashMap<String, Place> = HashMap::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                let last = entries.last().map(|entry| &entry.value.place);
                let place = self.until(start, span, last);
                let value = Value::Map(entries);
                return Ok(Node { place, value });
            }
            let key = self.node(event, span, depth + 1)?;
            let Value::Scalar(scalar) = key.value else {
                return Err(Box::new(
                    Diagnostic::new(key.place, "a key that is not a word").label("expected text"),
                ));
            };
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            match seen.get(&scalar.text) {
                Some(first) => self.duplicates.push(
                    Diagnostic::new(key.place, format!("key `{}` is given twice", scalar.text))
                        .label(format!("first given in line {}", first.line)),
                ),
                None => {
                    seen.insert(scalar.text.clone(), key.place.clone());
                    entries.push(Entry {
                        key: scalar.text,
                        place: key.place,
                        value,
                    });
                }
            }
        }
    }

    /// From `start` to the end of the collection; the end event of a block collection lies
    /// behind the white space that follows it, so its last item is the better end there.
    fn until(&self, start: Place, end: Span, last: Option<&Place>) -> Place {
        let flow = end.start != end.end;
        let end = match last {
            Some(last) if !flow => last.span.end,
            _ if flow => self.byte(end.end.index()),
            _ => start.span.end,
        };
        Place {
            span: start.span.start..end.max(start.span.start),
            ..start
        }
    }

    /// The parser counts the white space behind a scalar in quotes as part of it.
    fn without_trailing_space(&self, place: Place) -> Place {
        let written = self.source.text().get(place.span.clone());
        let length = written.map_or(0, |written| written.trim_end().len());
        Place {
            span: place.span.start..place.span.start + length,
            ..place
        }
    }

    fn byte(&self, index: usize) -> usize {
        if self.char_starts.is_empty() {
            return index.min(self.source.text().len());
        }
        let end = self.source.text().len();
        self.char_starts.get(index).copied().unwrap_or(end)
    }

    fn place(&self, span: Span) -> Place {
        Place {
            file: Arc::clone(&self.source.name),
            span: self.byte(span.start.index())..self.byte(span.end.index()),
            line: span.start.line(),
            column: span.start.col() + 1,
        }
    }
}

/// How many levels a node has below its own.
fn height(node: &Node) -> usize {
    let below = |children: &mut dyn Iterator<Item = &Node>| children.map(height).max();
    let below = match &node.value {
        Value::Scalar(_) => None,
        Value::List(items) => below(&mut items.iter()),
        Value::Map(entries) => below(&mut entries.iter().map(|entry| &entry.value)),
    };
    below.map_or(0, |below| below + 1)
}

impl Scalar {
    /// The scalar as JSON, by the core schema of YAML 1.2.2, section 10.3.2 (without octal and
    /// hexadecimal numbers, which stay strings, as do `014` and `1_000`).
    pub fn to_json(&self) -> serde_json::Value {
        if !self.plain {
            return self.text.clone().into();
        }
        match self.text.as_str() {
            "" | "~" | "null" | "Null" | "NULL" => serde_json::Value::Null,
            "true" | "True" | "TRUE" => true.into(),
            "false" | "False" | "FALSE" => false.into(),
            text => number(text).unwrap_or_else(|| text.into()),
        }
    }
}

/// A number as JSON writes one; anything else that looks like a number is left alone, because
/// `014` is more often a telephone prefix than twelve or fourteen.
fn number(text: &str) -> Option<serde_json::Value> {
    let first = text.strip_prefix('-').unwrap_or(text).bytes().next()?;
    if !first.is_ascii_digit() {
        return None;
    }
    let value: serde_json::Value = serde_json::from_str(text).ok()?;
    value.is_number().then_some(value)
}

impl Node {
    /// What kind of value this is, as messages name it.
    pub fn kind(&self) -> &'static str {
        match &self.value {
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
            Value::Scalar(scalar) => match scalar.to_json() {
                serde_json::Value::Null => "nothing",
                serde_json::Value::Bool(_) => "a boolean",
                serde_json::Value::Number(_) => "a number",
                _ => "text",
            },
        }
    }

    /// Whether the value is left out (`key:` with nothing behind it, `~` or `null`).
    pub fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if scalar.to_json().is_null())
    }

    /// The whole tree as JSON.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Scalar(scalar) => scalar.to_json(),
            Value::List(items) => items.iter().map(Self::to_json).collect(),
            Value::Map(entries) => entries
                .iter()
                .map(|entry| (entry.key.clone(), entry.value.to_json()))
                .collect(),
        }
    }

    /// A mistake at this node: "expected X, found Y".
    pub fn mismatch(&self, expected: &str) -> Diagnostic {
        let message = format!("expected {expected}, found {}", self.kind());
        Diagnostic::new(self.place.clone(), message)
    }

    /// The text of a string. A number or boolean without quotes is not one.
    pub fn text(&self, diagnostics: &mut Diagnostics) -> Option<&str> {
        if let Value::Scalar(scalar) = &self.value
            && scalar.to_json().is_string()
        {
            return Some(&scalar.text);
        }
        let mut mistake = self.mismatch("text");
        if let Value::Scalar(scalar) = &self.value
            && !scalar.text.is_empty()
        {
            mistake = mistake.help(format!("in quotes it is text: \"{}\"", scalar.text));
        }
        diagnostics.push(mistake);
        None
    }

    /// `true` or `false`.
    pub fn boolean(&self, diagnostics: &mut Diagnostics) -> Option<bool> {
        let value = match &self.value {
            Value::Scalar(scalar) => scalar.to_json().as_bool(),
            _ => None,
        };
        if value.is_none() {
            diagnostics.push(self.mismatch("`true` or `false`"));
        }
        value
    }

    /// A whole number from `min` to `max`.
    pub fn integer(&self, min: u64, max: u64, diagnostics: &mut Diagnostics) -> Option<u64> {
        let value = match &self.value {
            Value::Scalar(scalar) => scalar.to_json().as_u64(),
            _ => None,
        };
        let value = value.filter(|value| (min..=max).contains(value));
        if value.is_none() {
            let expected = format!("a whole number from {min} to {max}");
            diagnostics.push(self.mismatch(&expected));
        }
        value
    }

    /// The items of a list.
    pub fn list(&self, diagnostics: &mut Diagnostics) -> Option<&[Node]> {
        if let Value::List(items) = &self.value {
            return Some(items);
        }
        diagnostics.push(self.mismatch("a list"));
        None
    }

    /// The entries of a mapping.
    pub fn map(&self, diagnostics: &mut Diagnostics) -> Option<&[Entry]> {
        if let Value::Map(entries) = &self.value {
            return Some(entries);
        }
        diagnostics.push(self.mismatch("a mapping"));
        None
    }

    /// The mapping as named fields, of which unknown ones are mistakes.
    pub fn fields(&self, diagnostics: &mut Diagnostics) -> Option<Fields<'_>> {
        let entries = self.map(diagnostics)?;
        Some(Fields {
            place: &self.place,
            entries,
            known: Vec::new(),
        })
    }
}

/// A mapping read field by field; what nobody asked for is a mistake.
#[derive(Debug)]
pub struct Fields<'a> {
    /// Where the mapping stands.
    pub place: &'a Place,
    entries: &'a [Entry],
    known: Vec<&'static str>,
}

impl<'a> Fields<'a> {
    /// The value of `key`, if it is given.
    pub fn optional(&mut self, key: &'static str) -> Option<&'a Node> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry of `key`, for its place too.
    pub fn entry(&mut self, key: &'static str) -> Option<&'a Entry> {
        self.known.push(key);
        self.entries.iter().find(|entry| entry.key == key)
    }

    /// The value of `key`; that it is left out is a mistake.
    pub fn required(
        &mut self,
        key: &'static str,
        diagnostics: &mut Diagnostics,
    ) -> Option<&'a Node> {
        let node = self.optional(key);
        if node.is_none() {
            let message = format!("key `{key}` is missing");
            diagnostics.push(Diagnostic::new(self.place.clone(), message));
        }
        node
    }

    /// The entries that no call has asked for so far: for mappings with some fixed keys and
    /// some names of the user's own. They count as known from here on.
    pub fn rest(self) -> impl Iterator<Item = &'a Entry> {
        let Self { entries, known, .. } = self;
        entries
            .iter()
            .filter(move |entry| !known.contains(&entry.key.as_str()))
    }

    /// Reports every key that no call has asked for.
    pub fn finish(self, diagnostics: &mut Diagnostics) {
        let known = self.known.clone();
        for entry in self.rest() {
            let message = format!("unknown key `{}`", entry.key);
            let expected = format!("expected {}", one_of(known.iter().copied()));
            diagnostics.push(
                Diagnostic::new(entry.place.clone(), message)
                    .label(expected)
                    .nearest(&entry.key, known.iter().copied()),
            );
        }
    }
}
