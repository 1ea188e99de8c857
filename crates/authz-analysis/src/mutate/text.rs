//! Small changes of YAML texts, made where things stand, so that the rest of the file stays as it
//! was written.

use std::ops::Range;

use authz::source::Source;
use authz::source::yaml::{Entry, Node, Value};

/// A change: what stands in these bytes, and what is to stand there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Splice {
    pub(super) span: Range<usize>,
    pub(super) with: String,
}

impl Splice {
    pub(super) fn new(span: Range<usize>, with: impl Into<String>) -> Self {
        Self {
            span,
            with: with.into(),
        }
    }

    /// The text with the change; none if it does not lie within.
    pub(super) fn apply(&self, text: &str) -> Option<String> {
        let (before, after) = (text.get(..self.span.start)?, text.get(self.span.end..)?);
        // White space behind a value is no part of it.
        let replaced = text
            .get(self.span.clone())
            .filter(|_| !self.with.is_empty());
        let space = replaced.and_then(|it| it.get(it.trim_end().len()..));
        Some(format!(
            "{before}{}{}{after}",
            self.with,
            space.unwrap_or_default()
        ))
    }
}

/// The entry of a mapping under a key.
pub(super) fn entry<'a>(node: &'a Node, key: &str) -> Option<&'a Entry> {
    entries(node).iter().find(|entry| entry.key == key)
}

/// The entries of a mapping; none of anything else.
pub(super) fn entries(node: &Node) -> &[Entry] {
    match &node.value {
        Value::Map(entries) => entries,
        _ => &[],
    }
}

/// The items of a list; none of anything else.
pub(super) fn items(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        _ => &[],
    }
}

/// The text of a scalar.
pub(super) fn scalar(node: &Node) -> Option<&str> {
    match &node.value {
        Value::Scalar(scalar) => Some(&scalar.text),
        _ => None,
    }
}

/// Without the item of this number.
pub(super) fn without_item(list: &Node, at: usize) -> Option<Splice> {
    let spans = items(list).iter().map(|it| it.place.span.clone());
    without(list, &spans.collect::<Vec<_>>(), at, "[]")
}

/// Without the entry of this number.
pub(super) fn without_entry(map: &Node, at: usize) -> Option<Splice> {
    let spans = entries(map).iter();
    let spans = spans.map(|it| it.place.span.start..it.value.place.span.end);
    without(map, &spans.collect::<Vec<_>>(), at, "{}")
}

/// Without one of several: up to the next one, or from the end of the one before.
fn without(all: &Node, spans: &[Range<usize>], at: usize, empty: &str) -> Option<Splice> {
    let this = spans.get(at)?;
    let next = spans.get(at + 1);
    let before = at.checked_sub(1).and_then(|it| spans.get(it));
    Some(match (before, next) {
        (_, Some(next)) => Splice::new(this.start..next.start, ""),
        (Some(before), None) => Splice::new(before.end..this.end, ""),
        (None, None) => Splice::new(all.place.span.clone(), empty),
    })
}

/// With one more item at the end.
pub(super) fn with_item(source: &Source, list: &Node, item: &str) -> Option<Splice> {
    let text = source.text();
    let Some(last) = items(list).last() else {
        return Some(Splice::new(list.place.span.clone(), format!("[{item}]")));
    };
    let end = last.place.span.end;
    if text.get(list.place.span.clone())?.starts_with('[') {
        return Some(Splice::new(end..end, format!(", {item}")));
    }
    let start = last.place.span.start;
    let line = text.get(..start)?.rfind('\n').map_or(0, |it| it + 1);
    let lead = text.get(line..start)?;
    let is_lead = lead.trim() == "-";
    is_lead.then(|| Splice::new(end..end, format!("\n{lead}{item}")))
}

/// With one more entry at the beginning.
pub(super) fn with_entry(source: &Source, map: &Node, said: &str) -> Option<Splice> {
    let text = source.text();
    let start = map.place.span.start;
    let Some(first) = entries(map).first() else {
        return Some(Splice::new(map.place.span.clone(), format!("{{ {said} }}")));
    };
    if text.get(start..)?.starts_with('{') {
        return Some(Splice::new(start + 1..start + 1, format!(" {said},")));
    }
    let at = first.place.span.start;
    let line = text.get(..at)?.rfind('\n').map_or(0, |it| it + 1);
    let indent = " ".repeat(text.get(line..at)?.chars().count());
    Some(Splice::new(at..at, format!("{said}\n{indent}")))
}

/// With another text for a scalar, in quotes unless it stands in a block.
pub(super) fn with_text(source: &Source, scalar: &Node, text: &str) -> Option<Splice> {
    let Value::Scalar(found) = &scalar.value else {
        return None;
    };
    let span = scalar.place.span.clone();
    let written = source.text().get(span.clone())?;
    let is_block = !found.plain && !written.starts_with(['"', '\'', '>', '|']);
    Some(match is_block {
        true => Splice::new(span, text),
        false => Splice::new(span, serde_json::Value::from(text).to_string()),
    })
}
