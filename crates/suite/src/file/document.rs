//! `openapi:` of targets, and `operation:` of actions: what a suite takes from the documents of
//! its systems.
//!
//! A call that names an operation becomes one with a method and a path before anything else is
//! read, so that nothing else need know of it.

use std::sync::Arc;

use authz::source::yaml::{Entry, Fields, Node, Scalar, Value};
use authz::source::{Diagnostic, Diagnostics};
use jsonschema::error::ValidationErrorKind;

use super::call::METHODS;
use super::inside::Text;
use super::names::{ACTION_KEYS, child, entries, text};
use super::template::{Piece, pieces};
use super::{Inputs, Reader};
use crate::model::{Body, Call, Schema};
use crate::openapi::{CallPath, Document, Operation, read_document};
use crate::template::{JsonTemplate, Part, Variable};

/// The documents of a suite, each read once, whatever its environments say of them.
#[derive(Default)]
pub(super) struct Library(Vec<(String, Option<Arc<Document>>)>);

impl Library {
    /// Reads the documents that any of the trees names, and that were handed in.
    pub(super) fn read<'n>(
        trees: impl Iterator<Item = &'n Node>,
        inputs: &Inputs<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let mut library = Self::default();
        let targets = trees.flat_map(|root| entries(child(root, "targets")));
        for path in targets.filter_map(|it| child(&it.value, "openapi").and_then(text)) {
            let name = super::matcher::beside(inputs.suite.name(), path);
            let mut sources = inputs.documents.iter();
            let source = sources.find(|it| it.name() == name || it.name() == path);
            if let (Some(source), None) = (source, library.get(path)) {
                let document = match read_document(source) {
                    Ok(document) => Some(Arc::new(document)),
                    Err(mistakes) => {
                        mistakes.into_iter().for_each(|it| diagnostics.push(it));
                        None
                    }
                };
                library.0.push((path.to_owned(), document));
            }
        }
        library
    }

    /// The document of a path as it is written; `Some(None)` where it cannot be read.
    fn get(&self, path: &str) -> Option<Option<Arc<Document>>> {
        let found = self.0.iter().find(|(name, _)| name == path);
        found.map(|(_, document)| document.clone())
    }
}

/// The documents of the targets that have one.
#[derive(Default)]
pub(super) struct Documents {
    targets: Vec<TargetDocument>,
}

/// The document of a target.
struct TargetDocument {
    target: String,
    /// The address, with `${NAME}` where a variable is not set.
    base: String,
    /// None where it cannot be read, which is told.
    document: Option<Arc<Document>>,
}

impl Documents {
    /// The documents that the targets name.
    pub(super) fn of_targets(
        root: &Node,
        library: &Library,
        inputs: &Inputs<'_>,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let mut targets = Vec::new();
        for target in entries(child(root, "targets")) {
            let Some(node) = child(&target.value, "openapi") else {
                continue;
            };
            let Some(path) = text(node) else {
                continue;
            };
            let document = library.get(path).unwrap_or_else(|| {
                let message = format!("there is no document `{path}`");
                diagnostics.push(Diagnostic::new(node.place.clone(), message));
                None
            });
            let base = child(&target.value, "http").and_then(text);
            targets.push(TargetDocument {
                target: target.key.clone(),
                base: base.map(|it| address(it, inputs)).unwrap_or_default(),
                document,
            });
        }
        Self { targets }
    }

    /// Whether no target has one.
    pub(super) fn is_empty(&self) -> bool {
        self.targets.is_empty()
    }

    /// The document of a target; `Some(None)` where it cannot be read.
    pub(super) fn of(&self, target: &str) -> Option<Option<Arc<Document>>> {
        let found = self.targets.iter().find(|it| it.target == target);
        found.map(|it| it.document.clone())
    }

    /// Gives every call of an action that names an operation its method and its path.
    pub(super) fn expanded(&self, root: &Node, diagnostics: &mut Diagnostics) -> Node {
        let mut root = root.clone();
        let types = children(&mut root).filter(|it| it.key == "actions");
        for of_type in types.flat_map(|it| children(&mut it.value)) {
            let type_name = of_type.key.clone();
            for action in children(&mut of_type.value) {
                let layers = children(&mut action.value);
                for layer in layers.filter(|it| !ACTION_KEYS.contains(&it.key.as_str())) {
                    if let Some(line) = self.method_line(layer, &type_name, diagnostics)
                        && let Value::Map(keys) = &mut layer.value.value
                    {
                        keys.push(line);
                    }
                }
            }
        }
        root
    }

    fn method_line(
        &self,
        layer: &Entry,
        type_name: &str,
        diagnostics: &mut Diagnostics,
    ) -> Option<Entry> {
        let node = child(&layer.value, "operation")?;
        let name = text(node)?;
        if entries(Some(&layer.value)).any(|it| METHODS.contains(&it.key.as_str())) {
            return None;
        }
        let Some(of_target) = self.targets.iter().find(|it| it.target == layer.key) else {
            let message = format!("target `{}` has no document of its operations", layer.key);
            let help = "give the target `openapi`, the path of its OpenAPI document";
            diagnostics.push(Diagnostic::new(node.place.clone(), message).help(help));
            return None;
        };
        let document = of_target.document.as_ref()?;
        let Some(operation) = find(document, name) else {
            diagnostics.push(unknown_operation(node, name, document));
            return None;
        };
        let given = child(&layer.value, "path");
        let path = filled(operation, given, node, type_name, diagnostics)?;
        let prefixes = document.prefixes(&of_target.base);
        let prefix = prefixes.last().copied().unwrap_or_default();
        Some(Entry {
            key: operation.method.clone(),
            place: node.place.clone(),
            value: Node {
                place: node.place.clone(),
                value: Value::Scalar(Scalar {
                    text: format!("{prefix}{path}"),
                    plain: false,
                    literal: false,
                }),
            },
        })
    }
}

/// An address with what the environment says of it.
fn address(text: &str, inputs: &Inputs<'_>) -> String {
    let Ok(pieces) = pieces(text) else {
        return text.to_owned();
    };
    let filled = pieces.into_iter().map(|(piece, _)| match piece {
        Piece::Plain(plain) => plain,
        Piece::Environment(name) => {
            (inputs.environment)(name).unwrap_or_else(|| format!("${{{name}}}"))
        }
        Piece::Variable(name) => name.to_owned(),
    });
    filled.collect::<String>().trim_end_matches('/').to_owned()
}

fn children(node: &mut Node) -> impl Iterator<Item = &mut Entry> {
    let entries = match &mut node.value {
        Value::Map(entries) => entries.as_mut_slice(),
        _ => &mut [],
    };
    entries.iter_mut()
}

fn find<'d>(document: &'d Document, name: &str) -> Option<&'d Operation> {
    document.operations.get(document.operation(name)?)
}

/// Whether an entry is a method that somebody wrote, and not what the operation became.
fn is_written_method(entry: &Entry, operation: &Entry) -> bool {
    METHODS.contains(&entry.key.as_str()) && entry.place != operation.value.place
}

/// "unknown operation `getPots`".
pub(super) fn unknown_operation(node: &Node, name: &str, document: &Document) -> Diagnostic {
    let names: Vec<String> = document.operations.iter().map(Operation::name).collect();
    let message = format!("unknown operation `{name}`");
    Diagnostic::new(node.place.clone(), message)
        .label("expected an `operationId` of the document, or `METHOD /path` where it has none")
        .nearest(name, names.iter().map(String::as_str))
}

/// The path with a value for every parameter: what `path` says, and for one that it leaves out
/// the resource of the action.
fn filled(
    operation: &Operation,
    given: Option<&Node>,
    node: &Node,
    type_name: &str,
    diagnostics: &mut Diagnostics,
) -> Option<String> {
    let parameters = operation.pattern.parameters();
    for entry in entries(given) {
        if !parameters.contains(&entry.key.as_str()) {
            let mistake = super::unknown(&entry.place, "parameter", &entry.key, &parameters);
            diagnostics.push(mistake);
            return None;
        }
    }
    let is_left_out = |name: &&&str| !entries(given).any(|it| it.key == **name);
    let left_out: Vec<&str> = parameters.iter().filter(is_left_out).copied().collect();
    if left_out.len() > 1 {
        let names: Vec<String> = left_out.iter().map(|it| format!("`{{{it}}}`")).collect();
        let message = format!("nothing fills {} of the path", names.join(" and "));
        let help = format!(
            "say it, as in `path: {{ {}: \"{{{{ {type_name}.id }}}}\" }}`",
            left_out.first().copied().unwrap_or_default()
        );
        diagnostics.push(Diagnostic::new(node.place.clone(), message).help(help));
        return None;
    }
    Some(operation.pattern.fill(|name| {
        let mut given = entries(given).filter(|it| it.key == name);
        match given.next().and_then(|it| Text::of_scalar(&it.value)) {
            Some(text) => text.text.to_owned(),
            None => format!("{{{{ {type_name}.id }}}}"),
        }
    }))
}

impl Reader<'_> {
    /// `operation` and `path` of a call, if it names an operation. They became the call's method
    /// and path before it was read.
    pub(super) fn operation_keys(&mut self, fields: &mut Fields<'_>, node: &Node) {
        let operation = fields.entry("operation");
        let path = fields.entry("path");
        let Some(operation) = operation else {
            if let Some(path) = path {
                let message = "`path` without `operation`";
                self.diagnostics.push(
                    Diagnostic::new(path.place.clone(), message)
                        .label("it fills the path of an operation"),
                );
            }
            return;
        };
        operation.value.text(&mut self.diagnostics);
        for parameter in path
            .map(|it| it.value.map(&mut self.diagnostics))
            .into_iter()
            .flatten()
        {
            for given in parameter {
                let _ = self.scalar(&given.value);
            }
        }
        let written = entries(Some(node)).find(|it| is_written_method(it, operation));
        if let Some(method) = written {
            let message = format!("`{}` beside `operation`", method.key);
            self.diagnostics.push(
                Diagnostic::new(method.place.clone(), message)
                    .label("the operation says the method and the path"),
            );
        }
    }

    /// The schema of the JSON that the operation of a call takes. With `operation:` the body of
    /// the call is held against it; without, a test may send what it likes.
    pub(super) fn body_schema(&mut self, layer: &Entry, call: &Call) -> Option<Option<Schema>> {
        let Some(of_target) = self
            .documents
            .targets
            .iter()
            .find(|it| it.target == layer.key)
        else {
            return Some(None);
        };
        let Some(document) = of_target.document.clone() else {
            return Some(None);
        };
        let named = child(&layer.value, "operation");
        let path = CallPath::of(&call.path);
        let asked = document.asked_for(&call.method, &path, &of_target.base);
        let named_index = named.and_then(text).and_then(|it| document.operation(it));
        let index = named_index.or_else(|| asked.first().copied());
        let Some(operation) = index.and_then(|it| document.operations.get(it)) else {
            return Some(None);
        };
        let schema = match compiled(&document, operation) {
            Ok(schema) => schema,
            Err(why) => {
                if let Some(node) = named {
                    let message = format!(
                        "the body of `{}` cannot be checked: {why}",
                        operation.name()
                    );
                    let help = "without `operation`, write the method and the path";
                    self.diagnostics
                        .push(Diagnostic::new(node.place.clone(), message).help(help));
                    return None;
                }
                None
            }
        };
        if named.is_none() {
            return Some(schema);
        }
        self.check_body(layer, call, operation, schema.as_ref())?;
        Some(schema)
    }

    fn check_body(
        &mut self,
        layer: &Entry,
        call: &Call,
        operation: &Operation,
        schema: Option<&Schema>,
    ) -> Option<()> {
        let node = child(&layer.value, "operation")?;
        match (&call.body, schema) {
            (Body::Empty, _) if operation.body.as_ref().is_some_and(|it| it.required) => {
                let message = format!("`{}` needs a body", operation.name());
                let label = "say it with `json`, `form` or `body`";
                self.diagnostics
                    .push(Diagnostic::new(node.place.clone(), message).label(label));
                None
            }
            (Body::Json(json), Some(schema)) => {
                self.check_json(child(&layer.value, "json")?, json, operation, schema)
            }
            _ => Some(()),
        }
    }

    fn check_json(
        &mut self,
        node: &Node,
        json: &JsonTemplate,
        operation: &Operation,
        schema: &Schema,
    ) -> Option<()> {
        let value = stand_in(json);
        let mut fine = true;
        for error in schema.validator.iter_errors(&value) {
            let path = error.instance_path().to_string();
            if depends_on_variables(json, &path, error.kind()) {
                continue;
            }
            fine = false;
            let at = at(node, &path).unwrap_or(node);
            let message = format!("`{}` does not take this body: {error}", operation.name());
            self.diagnostics
                .push(Diagnostic::new(at.place.clone(), message));
        }
        fine.then_some(())
    }
}

fn compiled(document: &Document, operation: &Operation) -> Result<Option<Schema>, String> {
    let schema = document.body_schema(operation);
    let Some(schema) = schema.map_err(|problem| problem.to_string())? else {
        return Ok(None);
    };
    let built = jsonschema::options()
        .with_draft(jsonschema::Draft::Draft202012)
        .build(&schema);
    let validator = built.map_err(|error| format!("its schema is none ({error})"))?;
    Ok(Some(Schema {
        validator,
        place: operation.place.clone(),
    }))
}

/// The body with something in place of what is known only when it is sent.
fn stand_in(json: &JsonTemplate) -> serde_json::Value {
    match json {
        JsonTemplate::Constant(value) => value.clone(),
        JsonTemplate::Text(template) => {
            let parts = template.parts.iter().map(|part| match part {
                Part::Text(text) => text.as_str(),
                Part::Variable(_) => "x",
            });
            serde_json::Value::String(parts.collect())
        }
        JsonTemplate::List(items) => items.iter().map(stand_in).collect(),
        JsonTemplate::Map(entries) => entries
            .iter()
            .map(|(key, item)| (key.clone(), stand_in(item)))
            .collect(),
    }
}

/// Whether a mistake may be gone once the variables below its place have their values. Which keys
/// there are, and how many, does not change.
fn depends_on_variables(json: &JsonTemplate, path: &str, kind: &ValidationErrorKind) -> bool {
    let Some(part) = part_at(json, path) else {
        return false;
    };
    match part {
        // A text around a variable, or a unique one, is a text; what it says is not known.
        JsonTemplate::Text(template) if template.variables().next().is_some() => {
            let is_text = !matches!(template.parts.as_slice(), [Part::Variable(variable)] if *variable != Variable::Unique);
            !(is_text && matches!(kind, ValidationErrorKind::Type { .. }))
        }
        JsonTemplate::Constant(_) | JsonTemplate::Text(_) => false,
        JsonTemplate::List(_) | JsonTemplate::Map(_) => {
            let about_its_form = matches!(
                kind,
                ValidationErrorKind::Type { .. }
                    | ValidationErrorKind::Required { .. }
                    | ValidationErrorKind::AdditionalProperties { .. }
                    | ValidationErrorKind::MinItems { .. }
                    | ValidationErrorKind::MaxItems { .. }
                    | ValidationErrorKind::MinProperties { .. }
                    | ValidationErrorKind::MaxProperties { .. }
            );
            let mut templates = part.templates().into_iter();
            !about_its_form && templates.any(|it| it.variables().next().is_some())
        }
    }
}

fn keys(path: &str) -> impl Iterator<Item = String> {
    let keys = path.split('/').skip(1);
    keys.map(|key| key.replace("~1", "/").replace("~0", "~"))
}

fn part_at<'j>(json: &'j JsonTemplate, path: &str) -> Option<&'j JsonTemplate> {
    keys(path).try_fold(json, |at, key| match at {
        JsonTemplate::Map(entries) => {
            let mut found = entries.iter().filter(|(name, _)| *name == key);
            found.next().map(|(_, item)| item)
        }
        JsonTemplate::List(items) => items.get(key.parse::<usize>().ok()?),
        _ => None,
    })
}

fn at<'n>(node: &'n Node, path: &str) -> Option<&'n Node> {
    keys(path).try_fold(node, |at, key| match &at.value {
        Value::Map(_) => child(at, &key),
        Value::List(items) => items.get(key.parse::<usize>().ok()?),
        Value::Scalar(_) => None,
    })
}
