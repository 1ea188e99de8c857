//! Suites made up from documents: a beginning for people to complete.

pub(crate) mod names;
mod whole;
mod yaml;

pub use names::slug;
pub use whole::{Draft, Given, draft};

use serde_json::Value;

use crate::model::Suite;
use crate::openapi::{Document, Operation};
use names::Kind;

/// An action for an operation, ready to be pasted into a suite.
pub(crate) fn action(
    suite: &Suite,
    target: &str,
    document: &Document,
    kinds: &[Kind],
    operation: &Operation,
) -> String {
    let named = names::named(operation, kinds);
    let is_declared = suite
        .resources
        .iter()
        .any(|it| *it.type_name == *named.type_name);
    let taken = |name: &str| {
        let mut all = suite.actions.iter();
        all.any(|it| *it.type_name == *named.type_name && *it.name == *name)
    };
    let numbered = (2..).map(|number| format!("{}-{number}", named.action));
    let mut free = std::iter::once(named.action.clone()).chain(numbered);
    let name = free.find(|it| !taken(it)).unwrap_or_default();
    let call = call(document, operation, is_declared);
    format!(
        "actions:\n  {}:\n    {}: {{ {}: {call} }}\n",
        yaml::text(&named.type_name),
        yaml::text(&name),
        yaml::text(target),
    )
}

/// The call of an operation. The one parameter of its path is the id of the resource, if there
/// is one; what nobody knows is left to be said.
fn call(document: &Document, operation: &Operation, has_resource: bool) -> String {
    let mut keys = vec![format!("operation: {}", yaml::text(&operation.name()))];
    let parameters = operation.pattern.parameters();
    if !(parameters.is_empty() || has_resource && parameters.len() == 1) {
        let path = parameters
            .iter()
            .map(|name| ((*name).to_owned(), Value::from("...")));
        keys.push(format!(
            "path: {}",
            yaml::flow(&Value::Object(path.collect()))
        ));
    }
    if let Some(body) = document.sample_body(operation) {
        keys.push(format!("json: {}", yaml::flow(&body.json)));
    }
    format!("{{ {} }}", keys.join(", "))
}
