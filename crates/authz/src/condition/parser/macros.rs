//! Macros look like calls and are not: their arguments are read, not evaluated.

use std::ops::Range;

use crate::condition::mistake::Mistake;
use crate::condition::syntax::{Kind, Macro, MacroKind, Node, Word};

use super::{Parsed, node};

/// `has(object.field)`.
pub(super) fn has(arguments: Vec<Node>, span: Range<usize>) -> Parsed {
    let mut arguments = arguments.into_iter();
    match (arguments.next().map(|it| it.kind), arguments.next()) {
        (Some(Kind::Select(object, field)), None) => node(Kind::Has(object, field), span),
        _ => Err(Mistake::new(span, "`has` takes one attribute")
            .label("expected something such as has(resource.owner)")),
    }
}

/// A call as the macro that it is.
pub(super) fn expand(
    kind: MacroKind,
    range: Node,
    function: &Word,
    arguments: Vec<Node>,
) -> Result<Macro, Mistake> {
    let name = &function.text;
    let count = arguments.len();
    let mut arguments = arguments.into_iter();
    let variable = match arguments.next() {
        Some(Node {
            kind: Kind::Name(text),
            span,
            ..
        }) => Some(Word { text, span }),
        _ => None,
    };
    let last = arguments.next_back();
    let filter = arguments.next();
    let wanted = count == 2 || (count == 3 && kind == MacroKind::Map);
    match (variable, last) {
        (Some(variable), Some(body)) if wanted => Ok(Macro {
            kind,
            range,
            variable,
            filter,
            body,
        }),
        _ => Err(Mistake::new(
            function.span.clone(),
            format!("`{name}` takes a name and an expression"),
        )
        .label(format!("expected something such as .{name}(x, x > 1)"))),
    }
}
