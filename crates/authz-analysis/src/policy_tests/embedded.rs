//! Models and other text inside of YAML.

use std::ops::Range;

use authz::source::yaml::{Node, Value};
use authz::source::{Diagnostic, Source};

/// Reads a text that a scalar of `source` holds, so that places are those of the file wherever
/// that is possible: everywhere but in quotes.
pub(crate) fn read<T>(
    source: &Source,
    node: &Node,
    read: impl Fn(&Source, Range<usize>) -> Result<T, Vec<Diagnostic>>,
) -> Result<T, Vec<Diagnostic>> {
    let Value::Scalar(scalar) = &node.value else {
        return Err(vec![node.mismatch("text")]);
    };
    let span = node.place.span.clone();
    let written = source.text().get(span.clone()).unwrap_or_default();
    if !written.starts_with(['"', '\'']) {
        return read(source, span);
    }
    let inner = Source::new(source.name(), &scalar.text);
    let whole = 0..scalar.text.len();
    read(&inner, whole).map_err(|mistakes| {
        let placed = |mistake: Diagnostic| Diagnostic {
            place: node.place.clone(),
            ..mistake
        };
        mistakes.into_iter().map(placed).collect()
    })
}
