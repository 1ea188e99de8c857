//! Rewrites in the JSON form: the message `Userset`.

use crate::model::relation::{At, Rewrite};
use crate::source::yaml::{Entry, Node};
use crate::source::{Diagnostic, Diagnostics, one_of};

const KINDS: [&str; 6] = [
    "this",
    "computedUserset",
    "tupleToUserset",
    "union",
    "intersection",
    "difference",
];

/// The rewrite that an object with one key is. How deep it may be nested is the reader's of YAML
/// to say.
pub(super) fn read(node: &Node, diagnostics: &mut Diagnostics) -> Option<Rewrite> {
    let entries = node.map(diagnostics)?;
    let [entry] = entries else {
        let message = "a rewrite is an object with one key";
        let mistake = Diagnostic::new(node.place.clone(), message);
        diagnostics.push(mistake.label(format!("expected {}", one_of(KINDS))));
        return None;
    };
    match entry.key.as_str() {
        "this" => Some(Rewrite::Direct),
        "computedUserset" | "computed_userset" => {
            let name = relation_of(&entry.value, diagnostics)?;
            Some(Rewrite::Computed(name.into(), At(entry.place.clone())))
        }
        "tupleToUserset" | "tuple_to_userset" => arrow(entry, diagnostics),
        "union" => joined(entry, Rewrite::Union, diagnostics),
        "intersection" => joined(entry, Rewrite::Intersection, diagnostics),
        "difference" => {
            let mut fields = entry.value.fields(diagnostics)?;
            let base = fields.required("base", diagnostics);
            let subtract = fields.required("subtract", diagnostics);
            fields.finish(diagnostics);
            let base = read(base?, diagnostics);
            let subtract = read(subtract?, diagnostics);
            Some(Rewrite::Exclusion(Box::new(base?), Box::new(subtract?)))
        }
        other => {
            let mistake = Diagnostic::new(entry.place.clone(), format!("unknown key `{other}`"));
            diagnostics.push(mistake.nearest(other, KINDS));
            None
        }
    }
}

/// `{"child": [...]}`; a single child is itself.
fn joined(
    entry: &Entry,
    join: fn(Vec<Rewrite>) -> Rewrite,
    diagnostics: &mut Diagnostics,
) -> Option<Rewrite> {
    let mut fields = entry.value.fields(diagnostics)?;
    let children = fields.required("child", diagnostics);
    fields.finish(diagnostics);
    let children = children?.list(diagnostics)?;
    let mut parts = Vec::new();
    for child in children {
        parts.extend(read(child, diagnostics));
    }
    if children.is_empty() {
        diagnostics.push(Diagnostic::new(entry.place.clone(), "nothing to join"));
    }
    match parts.len() {
        0 => None,
        1 => parts.pop(),
        _ => Some(join(parts)),
    }
}

fn arrow(entry: &Entry, diagnostics: &mut Diagnostics) -> Option<Rewrite> {
    let mut fields = entry.value.fields(diagnostics)?;
    let tupleset = fields.required("tupleset", diagnostics);
    let computed = match fields.optional("computed_userset") {
        Some(found) => Some(found),
        None => fields.required("computedUserset", diagnostics),
    };
    fields.finish(diagnostics);
    let tupleset = relation_of(tupleset?, diagnostics);
    let computed = relation_of(computed?, diagnostics);
    Some(Rewrite::Arrow {
        tupleset: tupleset?.into(),
        computed: computed?.into(),
        all: false,
        at: At(entry.place.clone()),
    })
}

/// The relation of an `ObjectRelation`; its object is always left empty.
fn relation_of<'a>(node: &'a Node, diagnostics: &mut Diagnostics) -> Option<&'a str> {
    let mut fields = node.fields(diagnostics)?;
    fields.optional("object");
    let relation = fields.required("relation", diagnostics);
    fields.finish(diagnostics);
    relation?.text(diagnostics)
}
