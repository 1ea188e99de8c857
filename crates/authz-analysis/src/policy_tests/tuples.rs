//! OpenFGA's tuples: in YAML, in JSON, and as lines of CSV.

use authz::relationships::StoredCondition;
use authz::source::yaml::{self, Node};
use authz::source::{Diagnostic, Diagnostics, Place, Source};
use authz::{Reference, RelationModel, Relationship, SubjectReference};
use serde_json::{Map, Value as Json};

/// The tuples of a list, checked against the model.
pub(super) fn of_list(
    node: &Node,
    model: &RelationModel,
    diagnostics: &mut Diagnostics,
) -> Vec<Relationship> {
    let mut facts = Vec::new();
    if node.is_null() {
        return facts;
    }
    for item in node.list(diagnostics).into_iter().flatten() {
        facts.extend(of_item(item, model, diagnostics).map(|(fact, _)| fact));
    }
    facts
}

/// One tuple, checked against the model, with its place.
pub(crate) fn of_item(
    item: &Node,
    model: &RelationModel,
    diagnostics: &mut Diagnostics,
) -> Option<(Relationship, Place)> {
    let fact = tuple(item, diagnostics)?;
    check(&fact, model, &item.place, diagnostics).then(|| (fact, item.place.clone()))
}

/// The tuples of a file: CSV by its name, else YAML, of which JSON is a part.
pub(super) fn of_file(
    source: &Source,
    model: &RelationModel,
    diagnostics: &mut Diagnostics,
) -> Vec<Relationship> {
    if source.name().ends_with(".csv") {
        let facts = of_csv(source, model, diagnostics);
        return facts.into_iter().map(|(fact, _)| fact).collect();
    }
    let Some(root) = yaml::read(source, diagnostics) else {
        return Vec::new();
    };
    of_list(&root, model, diagnostics)
}

fn check(
    fact: &Relationship,
    model: &RelationModel,
    place: &Place,
    diagnostics: &mut Diagnostics,
) -> bool {
    let checked = fact.check(model);
    if let Err(error) = &checked {
        let mut mistake = Diagnostic::new(place.clone(), error.message.clone());
        mistake.help.clone_from(&error.help);
        diagnostics.push(mistake);
    }
    checked.is_ok()
}

fn tuple(node: &Node, diagnostics: &mut Diagnostics) -> Option<Relationship> {
    let mut fields = node.fields(diagnostics)?;
    let user = fields.required("user", diagnostics);
    let relation = fields.required("relation", diagnostics);
    let object = fields.required("object", diagnostics);
    let condition = fields.optional("condition").filter(|node| !node.is_null());
    fields.optional("timestamp");
    fields.finish(diagnostics);
    let subject = user.and_then(|node| subject(node, diagnostics));
    let object = object.and_then(|node| reference(node, diagnostics));
    let relation = relation?.text(diagnostics)?;
    let mut fact = Relationship::new(object?, relation, subject?);
    if let Some(node) = condition {
        fact.condition = Some(stored_condition(node, diagnostics)?);
    }
    Some(fact)
}

fn stored_condition(node: &Node, diagnostics: &mut Diagnostics) -> Option<StoredCondition> {
    let mut fields = node.fields(diagnostics)?;
    let name = fields.required("name", diagnostics);
    let context = fields.optional("context");
    fields.finish(diagnostics);
    Some(StoredCondition {
        name: name?.text(diagnostics)?.into(),
        context: self::context(context, diagnostics)?,
    })
}

/// A context; none is an empty one.
pub(super) fn context(
    node: Option<&Node>,
    diagnostics: &mut Diagnostics,
) -> Option<Map<String, Json>> {
    match node.map(|node| (node, node.to_json())) {
        None | Some((_, Json::Null)) => Some(Map::new()),
        Some((_, Json::Object(context))) => Some(context),
        Some((node, _)) => {
            diagnostics.push(node.mismatch("a mapping"));
            None
        }
    }
}

/// `user:ann`, `user:*`, `group:eng#member`.
pub(super) fn subject(node: &Node, diagnostics: &mut Diagnostics) -> Option<SubjectReference> {
    let text = node.text(diagnostics)?;
    let found = text.parse();
    let told = |error: String| diagnostics.push(Diagnostic::new(node.place.clone(), error));
    found.map_err(told).ok()
}

/// `document:1`.
pub(super) fn reference(node: &Node, diagnostics: &mut Diagnostics) -> Option<Reference> {
    let text = node.text(diagnostics)?;
    let found: Result<SubjectReference, String> = text.parse();
    match found {
        Ok(found) if found.relation.is_none() => Some(found.object),
        _ => {
            let message = format!("`{text}` is not an object such as `document:1`");
            diagnostics.push(Diagnostic::new(node.place.clone(), message));
            None
        }
    }
}

/// The columns of a CSV file of tuples, as OpenFGA's command line has them.
const COLUMNS: [&str; 8] = [
    "user_type",
    "user_id",
    "user_relation",
    "relation",
    "object_type",
    "object_id",
    "condition_name",
    "condition_context",
];

/// The tuples of a CSV file, checked against the model, with their places.
pub(crate) fn of_csv(
    source: &Source,
    model: &RelationModel,
    diagnostics: &mut Diagnostics,
) -> Vec<(Relationship, Place)> {
    let mut facts = Vec::new();
    let mut at = 0;
    let mut header: Option<Vec<String>> = None;
    let file = source.place(0..0).file;
    for (number, line) in source.text().split_inclusive('\n').enumerate() {
        let place = Place {
            file: file.clone(),
            span: at..at + line.trim_end().len(),
            line: number + 1,
            column: 1,
        };
        at += line.len();
        if line.trim().is_empty() {
            continue;
        }
        let cells = cells(line.trim_end_matches(['\n', '\r']));
        let Some(header) = &header else {
            header = Some(cells);
            continue;
        };
        let cell = |name: &str| {
            let index = header.iter().position(|column| column.trim() == name)?;
            let found = cells.get(index).map(|cell| cell.trim().to_owned());
            found.filter(|cell| !cell.is_empty())
        };
        match fact_of(cell) {
            Some(fact) if check(&fact, model, &place, diagnostics) => facts.push((fact, place)),
            Some(_) => {}
            None => {
                let mistake = Diagnostic::new(place, "this is not a tuple");
                diagnostics.push(mistake.label(format!("expected {}", COLUMNS.join(","))));
            }
        }
    }
    facts
}

fn fact_of(cell: impl Fn(&str) -> Option<String>) -> Option<Relationship> {
    let object = Reference::new(&cell("object_type")?, &cell("object_id")?);
    let subject = SubjectReference {
        object: Reference::new(&cell("user_type")?, &cell("user_id")?),
        relation: cell("user_relation").map(Into::into),
    };
    let mut fact = Relationship::new(object, &cell("relation")?, subject);
    if let Some(name) = cell("condition_name") {
        let context = match cell("condition_context") {
            None => Map::new(),
            Some(json) => serde_json::from_str(&json).ok()?,
        };
        fact.condition = Some(StoredCondition {
            name: name.into(),
            context,
        });
    }
    Some(fact)
}

/// The cells of one line (RFC 4180), quotes taken away.
pub(crate) fn cells(line: &str) -> Vec<String> {
    let mut cells = vec![String::new()];
    let mut quoted = false;
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        let Some(cell) = cells.last_mut() else { break };
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                cell.push('"');
            }
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            c => cell.push(c),
        }
    }
    cells
}
