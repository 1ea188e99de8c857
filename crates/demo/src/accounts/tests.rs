//! The OpenAPI document and the router list the same paths.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{OPENAPI, routes};

#[test]
fn the_document_lists_exactly_the_paths() {
    let document: Value = serde_json::from_str(OPENAPI).unwrap();
    let documented: BTreeSet<&str> = document["paths"]
        .as_object()
        .unwrap()
        .keys()
        .map(String::as_str)
        .collect();
    let routed: BTreeSet<&str> = routes().into_iter().map(|(path, _)| path).collect();
    assert_eq!(documented, routed);
}
