//! OpenAPI documents, versions 3.0 and 3.1: which operations a system says that it has.
//!
//! Only what Lockstep needs is read, and the rest is left alone: a document is somebody else's
//! file. What is needed and wrong is told with its place. A document is one text: references
//! into other files are told, not followed.

mod body;
mod path;
mod reading;
mod reference;
mod sample;

pub use path::{CallPath, Pattern};
pub use reading::{DOCUMENT_BYTES_MAX, OPERATIONS_MAX, read_document};
pub use reference::Problem;
pub use sample::Sampling;

use authz::source::Place;
use serde_json::Value;

/// What a system says of itself.
#[derive(Debug)]
pub struct Document {
    /// Its title.
    pub title: String,
    /// The paths of its servers' addresses: empty, or with a slash at the start and none at the
    /// end. At least one.
    pub server_paths: Vec<String>,
    /// Its operations, in the order of the document.
    pub operations: Vec<Operation>,
    /// How callers show who they are.
    pub schemes: Vec<Scheme>,
    /// Everything, for references and schemas.
    tree: Value,
    /// Whether schemas are those of 3.0, which are not quite JSON Schema.
    is_3_0: bool,
}

/// Index of an [`Operation`] in [`Document::operations`].
pub type OperationIndex = usize;

/// A method of a path.
#[derive(Debug)]
pub struct Operation {
    /// Its `operationId`, if it has one that no other operation has.
    pub id: Option<String>,
    /// The method, in capitals.
    pub method: String,
    /// The path as the document writes it: `/posts/{postId}`.
    pub path: String,
    /// The same path, for comparing.
    pub pattern: Pattern,
    /// Parameters outside of the path that must be given: where (`query`, `header` or `cookie`), name and schema.
    pub required_parameters: Vec<Parameter>,
    /// What is sent with it.
    pub body: Option<RequestBody>,
    /// The schema of what comes back as JSON when it succeeds, as the document has it.
    pub answer: Option<Value>,
    /// The names of the schemes of which all are needed, by the first alternative that needs
    /// any; empty for an operation that everyone may call without.
    pub security: Vec<String>,
    /// Whether it is on its way out; it is there all the same.
    pub deprecated: bool,
    /// What it is for.
    pub summary: Option<String>,
    /// Where it stands.
    pub place: Place,
}

/// A parameter that is not part of the path.
#[derive(Debug)]
pub struct Parameter {
    /// `query`, `header` or `cookie`.
    pub location: String,
    /// Its name.
    pub name: String,
    /// Its schema, as the document has it.
    pub schema: Value,
}

/// What is sent with an operation.
#[derive(Debug)]
pub struct RequestBody {
    /// Whether there must be one.
    pub required: bool,
    /// The schema of its JSON, as the document has it; none where it takes no JSON.
    pub schema: Option<Value>,
    /// An example of its JSON.
    pub example: Option<Value>,
    /// The media types that it takes.
    pub media: Vec<String>,
}

/// A way for callers to show who they are.
#[derive(Debug)]
pub struct Scheme {
    /// Its name in the document.
    pub name: String,
    /// What it is.
    pub kind: SchemeKind,
}

/// What a security scheme is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SchemeKind {
    /// HTTP basic.
    Basic,
    /// A bearer token, however it is come by.
    Bearer,
    /// A key in a header of this name.
    Header(String),
    /// A key in a query parameter of this name.
    Query(String),
    /// A cookie of this name.
    Cookie(String),
    /// Something else.
    Other,
}

impl Operation {
    /// Its name: the `operationId`, or `GET /path`.
    pub fn name(&self) -> String {
        self.id.clone().unwrap_or_else(|| self.request())
    }

    /// `GET /path`.
    pub fn request(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

impl Document {
    /// The operation of a name: its `operationId`, or `GET /path`.
    pub fn operation(&self, name: &str) -> Option<OperationIndex> {
        let by_id = |it: &Operation| it.id.as_deref() == Some(name);
        let by_request = |it: &Operation| it.request() == name;
        let found = self.operations.iter().position(by_id);
        found.or_else(|| self.operations.iter().position(by_request))
    }

    /// What stands before the document's paths in a call to a target with this address: nothing
    /// where the address ends with the path of one of the document's servers, else the path of
    /// the first. An address that is not known yet (`${NAME}`) may end with it or not.
    pub fn prefixes(&self, base: &str) -> Vec<&str> {
        let first = self.server_paths.first().map_or("", String::as_str);
        if base.contains("${") && !first.is_empty() {
            return vec!["", first];
        }
        let path_of_base = reading::path_of_url(base);
        let mut paths = self.server_paths.iter().filter(|path| !path.is_empty());
        let has_it_already = paths.any(|path| path_of_base.ends_with(path.as_str()));
        vec![if has_it_already { "" } else { first }]
    }

    /// The operations that a call asks for: those whose path fits it in the most words, and of
    /// these the one with words further to the left. Several only where the document itself has
    /// two of one form. O(operations).
    pub fn asked_for(&self, method: &str, path: &CallPath, base: &str) -> Vec<OperationIndex> {
        let mut best = Vec::new();
        let mut most = None;
        for prefix in self.prefixes(base) {
            let Some(path) = path.behind(prefix) else {
                continue;
            };
            for (index, operation) in self.operations.iter().enumerate() {
                if operation.method != method || !operation.pattern.fits(&path) {
                    continue;
                }
                let fit = Some(operation.pattern.exactness());
                if fit > most {
                    most.clone_from(&fit);
                    best.clear();
                }
                if fit == most {
                    best.push(index);
                }
            }
        }
        best
    }

    /// The scheme of a name.
    pub fn scheme(&self, name: &str) -> Option<&SchemeKind> {
        let scheme = self.schemes.iter().find(|it| it.name == name);
        scheme.map(|it| &it.kind)
    }
}
