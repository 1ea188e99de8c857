//! Reads the text of a document, YAML or JSON.

use std::collections::BTreeMap;

use authz::source::yaml::{self, Entry, Node};
use authz::source::{Diagnostic, Diagnostics, Place, Source};
use serde_json::Value;

use super::reference::resolve;
use super::{Document, Operation, Parameter, Pattern, Problem, RequestBody, Scheme, SchemeKind};
use crate::file::names::{child, entries};

/// The largest document that is read, in bytes.
pub const DOCUMENT_BYTES_MAX: usize = 16 << 20;
/// The most operations that a document may have.
pub const OPERATIONS_MAX: usize = 10_000;
/// The most values that a document may have.
const NODES_MAX: usize = 1_000_000;

/// The methods that a path may have (OpenAPI 3.1.1, section 4.8.9).
const METHODS: [&str; 8] = [
    "get", "put", "post", "delete", "options", "head", "patch", "trace",
];

/// Reads a document.
///
/// # Errors
/// What is wrong with the parts that are needed, or a document that is too large.
pub fn read_document(source: &Source) -> Result<Document, Vec<Diagnostic>> {
    let mut diagnostics = Diagnostics::default();
    let source = as_yaml(source);
    let Some(root) = yaml::read_within(&source, NODES_MAX, &mut diagnostics) else {
        return diagnostics.into_result(None);
    };
    let tree = root.to_json();
    let Some(is_3_0) = version(&root, &tree, &mut diagnostics) else {
        return diagnostics.into_result(None);
    };
    let mut reading = Reading {
        tree: &tree,
        diagnostics,
        operations: Vec::new(),
    };
    reading.paths(&root);
    reading.servers(&root);
    let Reading {
        diagnostics,
        mut operations,
        ..
    } = reading;
    forget_shared_ids(&mut operations);
    let title = tree.pointer("/info/title").and_then(Value::as_str);
    let document = Document {
        title: title.unwrap_or_default().to_owned(),
        server_paths: server_paths(&tree),
        operations,
        schemes: schemes(&tree),
        is_3_0,
        tree,
    };
    diagnostics.into_result(Some(document))
}

/// JSON is YAML but for two things: tabs between values, and characters written as two
/// surrogates. Both are replaced by something as long, so that places stay true.
fn as_yaml(source: &Source) -> Source {
    let text = source.text();
    if !text.trim_start().starts_with('{') || !(text.contains('\t') || text.contains("\\u")) {
        return source.clone();
    }
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['\t', '\\']) {
        let (before, tail) = rest.split_at(at);
        out.push_str(before);
        let surrogate = |tail: &str| {
            let digits = tail.strip_prefix("\\u")?.get(..4)?;
            let code = u32::from_str_radix(digits, 16).ok()?;
            (0xd800..0xe000).contains(&code).then_some(6)
        };
        let (replacement, length) = match surrogate(tail) {
            Some(length) => ("\\ufffd", length),
            None if tail.starts_with('\t') => (" ", 1),
            // What is escaped is no escape.
            None => {
                let length = tail.chars().take(2).map(char::len_utf8).sum();
                (tail.get(..length).unwrap_or(tail), length)
            }
        };
        out.push_str(replacement);
        rest = tail.get(length..).unwrap_or_default();
    }
    out.push_str(rest);
    Source::new(source.name(), &out)
}

/// Whether it is a 3.0; `None` where it is nothing that can be read.
fn version(root: &Node, tree: &Value, diagnostics: &mut Diagnostics) -> Option<bool> {
    root.map(diagnostics)?;
    let place = |key: &str| child(root, key).map_or(&root.place, |it| &it.place);
    let version = tree.get("openapi").map(crate::template::plain);
    let mistake = match version.as_deref() {
        Some(text) if text == "3.0" || text.starts_with("3.0.") => return Some(true),
        Some(text) if text == "3.1" || text.starts_with("3.1.") => return Some(false),
        Some(text) => {
            let message = format!("OpenAPI `{text}` is not read");
            Diagnostic::new(place("openapi").clone(), message).label("expected 3.0 or 3.1")
        }
        None if tree.get("swagger").is_some() => {
            let message = "Swagger 2.0 is not read";
            Diagnostic::new(place("swagger").clone(), message)
                .label("expected OpenAPI 3.0 or 3.1")
                .help("OpenAPI tools convert it")
        }
        None => Diagnostic::new(root.place.clone(), "not an OpenAPI document")
            .label("key `openapi` is missing"),
    };
    diagnostics.push(mistake);
    None
}

struct Reading<'t> {
    tree: &'t Value,
    diagnostics: Diagnostics,
    operations: Vec<Operation>,
}

impl<'t> Reading<'t> {
    fn paths(&mut self, root: &Node) {
        let Some(paths) = child(root, "paths") else {
            // A 3.1 may have none; a system without operations has nothing to be tried.
            return;
        };
        let Some(paths) = paths.map(&mut self.diagnostics) else {
            return;
        };
        let tree = self.tree;
        let values = tree.get("paths");
        for entry in paths.iter().filter(|it| !it.key.starts_with("x-")) {
            let Some(item) = values.and_then(|it| it.get(&entry.key)) else {
                continue;
            };
            if !entry.key.starts_with('/') {
                let message = format!("the path `{}` does not begin with `/`", entry.key);
                self.diagnostics
                    .push(Diagnostic::new(entry.place.clone(), message));
                continue;
            }
            self.path(entry, item);
            if self.operations.len() > OPERATIONS_MAX {
                let message = format!("more than {OPERATIONS_MAX} operations");
                self.diagnostics
                    .push(Diagnostic::new(entry.place.clone(), message).label("no more are read"));
                return;
            }
        }
    }

    /// The path of a server becomes part of calls as they stand in a suite: it must not ask for
    /// variables, which may be secrets.
    fn servers(&mut self, root: &Node) {
        let Some(entry) = entries(Some(root)).find(|it| it.key == "servers") else {
            return;
        };
        for path in server_paths(self.tree) {
            if path.contains("${") || path.contains("{{") {
                let message = format!("the path `{path}` of a server holds a variable of a suite");
                let mistake = Diagnostic::new(entry.place.clone(), message)
                    .label("`${` and `{{` are not taken from a document")
                    .help("write the path itself, or `/` and leave it to the target's address");
                self.diagnostics.push(mistake);
            }
        }
    }

    fn path(&mut self, entry: &Entry, item: &'t Value) {
        let Some(item) = self.resolved(item, &entry.value.place) else {
            return;
        };
        if !item.is_object() {
            self.diagnostics.push(entry.value.mismatch("a mapping"));
            return;
        }
        let pattern = Pattern::of(&entry.key);
        for method in METHODS {
            let Some(operation) = item.get(method) else {
                continue;
            };
            let written = entries(Some(&entry.value)).find(|it| it.key == method);
            let place = written.map_or(&entry.place, |it| &it.place);
            if !operation.is_object() {
                let message = "expected an operation, a mapping";
                self.diagnostics
                    .push(Diagnostic::new(place.clone(), message));
                continue;
            }
            let shared = item.get("parameters");
            let operation = self.operation(method, &entry.key, &pattern, operation, shared, place);
            self.operations.push(operation);
        }
    }

    fn operation(
        &mut self,
        method: &str,
        path: &str,
        pattern: &Pattern,
        operation: &'t Value,
        shared: Option<&'t Value>,
        place: &Place,
    ) -> Operation {
        let text = |key: &str| {
            let text = operation.get(key).and_then(Value::as_str);
            text.map(str::to_owned)
        };
        let security = operation.get("security");
        Operation {
            id: text("operationId").filter(|id| !id.is_empty()),
            method: method.to_ascii_uppercase(),
            path: path.to_owned(),
            pattern: pattern.clone(),
            required_parameters: self.parameters(shared, operation.get("parameters"), place),
            body: operation
                .get("requestBody")
                .and_then(|it| self.body(it, place)),
            answer: self.answer(operation.get("responses"), place),
            security: needed(security.or_else(|| self.tree.get("security"))),
            deprecated: operation.get("deprecated") == Some(&Value::Bool(true)),
            summary: text("summary"),
            place: place.clone(),
        }
    }

    /// What an operation says is over what its path says, by name and location.
    fn parameters(
        &mut self,
        shared: Option<&'t Value>,
        own: Option<&'t Value>,
        place: &Place,
    ) -> Vec<Parameter> {
        let mut found: BTreeMap<(String, String), &'t Value> = BTreeMap::new();
        let listed = [shared, own].into_iter().flatten();
        for parameter in listed.filter_map(Value::as_array).flatten() {
            let Some(parameter) = self.resolved(parameter, place) else {
                continue;
            };
            let text = |key: &str| parameter.get(key).and_then(Value::as_str);
            if let (Some(location), Some(name)) = (text("in"), text("name")) {
                found.insert((location.to_owned(), name.to_owned()), parameter);
            }
        }
        let needed = found.into_iter().filter(|((location, _), parameter)| {
            location != "path" && parameter.get("required") == Some(&Value::Bool(true))
        });
        let parameter = |((location, name), parameter): ((String, String), &Value)| Parameter {
            location,
            name,
            schema: parameter.get("schema").cloned().unwrap_or_default(),
        };
        needed.map(parameter).collect()
    }

    fn body(&mut self, body: &'t Value, place: &Place) -> Option<RequestBody> {
        let body = self.resolved(body, place)?;
        let content = body.get("content").and_then(Value::as_object);
        let json = content.and_then(json_of);
        let schema = json.map(|it| it.get("schema").cloned().unwrap_or(Value::Bool(true)));
        Some(RequestBody {
            required: body.get("required") == Some(&Value::Bool(true)),
            schema,
            example: json.and_then(|it| self.example(it)),
            media: content
                .into_iter()
                .flatten()
                .map(|(key, _)| key.clone())
                .collect(),
        })
    }

    /// `example`, or the first of `examples`.
    fn example(&self, media: &'t Value) -> Option<Value> {
        let first = || {
            let examples = media.get("examples")?.as_object()?;
            let first = resolve(self.tree, examples.values().next()?).ok()?;
            first.get("value")
        };
        media.get("example").or_else(first).cloned()
    }

    /// The JSON of the first answer of success that has one.
    fn answer(&mut self, responses: Option<&'t Value>, place: &Place) -> Option<Value> {
        let responses = responses?.as_object()?;
        let successes = responses
            .iter()
            .filter(|(status, _)| status.starts_with('2'));
        for (_, response) in successes {
            let response = self.resolved(response, place)?;
            let content = response.get("content").and_then(Value::as_object);
            if let Some(json) = content.and_then(json_of) {
                return json.get("schema").cloned();
            }
        }
        None
    }

    fn resolved(&mut self, value: &'t Value, place: &Place) -> Option<&'t Value> {
        match resolve(self.tree, value) {
            Ok(value) => Some(value),
            Err(problem) => {
                self.diagnostics.push(mistake(&problem, place));
                None
            }
        }
    }
}

/// A reference that leads nowhere, as a mistake.
pub(crate) fn mistake(problem: &Problem, place: &Place) -> Diagnostic {
    let mistake = Diagnostic::new(place.clone(), problem.to_string());
    match problem.help() {
        Some(help) => mistake.help(help),
        None => mistake,
    }
}

/// What is sent or answered as JSON: `application/json`, with parameters or not, or `+json`.
fn json_of(content: &serde_json::Map<String, Value>) -> Option<&Value> {
    let is_json = |media: &str| {
        let kind = media.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/json") || kind.ends_with("+json") || kind == "*/*"
    };
    let mut all = content.iter();
    let found = all.find(|(media, _)| is_json(media));
    found.map(|(_, value)| value)
}

/// The schemes of the first alternative, unless one of them needs none.
fn needed(security: Option<&Value>) -> Vec<String> {
    let alternatives = security.and_then(Value::as_array);
    let objects = alternatives
        .into_iter()
        .flatten()
        .filter_map(Value::as_object);
    let mut first: Option<Vec<String>> = None;
    for alternative in objects {
        if alternative.is_empty() {
            return Vec::new();
        }
        first.get_or_insert_with(|| alternative.keys().cloned().collect());
    }
    first.unwrap_or_default()
}

/// An id that two operations have names neither.
fn forget_shared_ids(operations: &mut [Operation]) {
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for id in operations.iter().filter_map(|it| it.id.clone()) {
        *times.entry(id).or_default() += 1;
    }
    for operation in operations {
        let is_shared = |id: &String| times.get(id).is_some_and(|&times| times > 1);
        if operation.id.as_ref().is_some_and(is_shared) {
            operation.id = None;
        }
    }
}

/// The paths of the servers' addresses, with the defaults of their variables.
fn server_paths(tree: &Value) -> Vec<String> {
    let servers = tree.get("servers").and_then(Value::as_array);
    let paths = servers.into_iter().flatten().filter_map(|server| {
        let mut url = server.get("url")?.as_str()?.to_owned();
        let variables = server.get("variables").and_then(Value::as_object);
        for (name, variable) in variables.into_iter().flatten() {
            let default = variable.get("default").map(crate::template::plain);
            url = url.replace(&format!("{{{name}}}"), &default.unwrap_or_default());
        }
        Some(path_of_url(&url))
    });
    let mut paths: Vec<String> = paths.collect();
    if paths.is_empty() {
        paths.push(String::new());
    }
    paths
}

/// The path of an address or of a reference to one, in the form of [`Document::server_paths`].
pub(super) fn path_of_url(url: &str) -> String {
    let path = match url.split_once("://") {
        Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or(""),
        None => url,
    };
    let path = path.split(['?', '#']).next().unwrap_or_default();
    let path = path.trim_matches('/').trim_start_matches("./");
    if path.is_empty() || path == "." {
        String::new()
    } else {
        format!("/{path}")
    }
}

fn schemes(tree: &Value) -> Vec<Scheme> {
    let schemes = tree.pointer("/components/securitySchemes");
    let schemes = schemes.and_then(Value::as_object);
    let scheme = |(name, value): (&String, &Value)| Scheme {
        name: name.clone(),
        kind: resolve(tree, value).map_or(SchemeKind::Other, scheme_kind),
    };
    schemes.into_iter().flatten().map(scheme).collect()
}

fn scheme_kind(scheme: &Value) -> SchemeKind {
    let text = |key: &str| scheme.get(key).and_then(Value::as_str).unwrap_or_default();
    let name = || text("name").to_owned();
    let http = text("scheme").to_ascii_lowercase();
    match (text("type"), http.as_str(), text("in")) {
        ("http", "basic", _) => SchemeKind::Basic,
        ("http", "bearer", _) | ("oauth2" | "openIdConnect", ..) => SchemeKind::Bearer,
        ("apiKey", _, "header") => SchemeKind::Header(name()),
        ("apiKey", _, "query") => SchemeKind::Query(name()),
        ("apiKey", _, "cookie") => SchemeKind::Cookie(name()),
        _ => SchemeKind::Other,
    }
}
