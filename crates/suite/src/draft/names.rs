//! What the operations of a document are called in a suite: `post.read` for `GET /posts/{id}`.

use std::collections::{BTreeMap, BTreeSet};

use crate::openapi::{Document, Operation, OperationIndex};

/// Words at the beginning of a path that say nothing.
const PREFIXES: [&str; 3] = ["api", "rest", "public"];
/// Names that a type cannot have, because they say who calls.
const RESERVED: [&str; 4] = ["actor", "actors", "owner", "session"];

/// A type of resource: a path with a parameter at its end, and the collection before it.
#[derive(Debug, Clone)]
pub(crate) struct Kind {
    /// Its name.
    pub(crate) type_name: String,
    /// The path of the collection, its parameters without their names.
    collection: String,
    /// The operation that makes one.
    pub(crate) create: Option<OperationIndex>,
    /// The operation that shows one.
    pub(crate) read: Option<OperationIndex>,
    /// The operation that takes one away.
    pub(crate) remove: Option<OperationIndex>,
}

/// What an operation is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Named {
    /// The type.
    pub(crate) type_name: String,
    /// The action.
    pub(crate) action: String,
    /// The type of resource whose id the path holds, by index.
    pub(crate) kind: Option<usize>,
}

/// The types of resource of a document, in its order.
pub(crate) fn kinds(document: &Document) -> Vec<Kind> {
    let mut kinds: Vec<Kind> = Vec::new();
    let numbered = document.operations.iter().enumerate();
    let known: BTreeMap<(&str, String), OperationIndex> = numbered
        .map(|(index, it)| ((it.method.as_str(), plain(it)), index))
        .collect();
    let mut collections = BTreeSet::new();
    let mut names = BTreeSet::new();
    for operation in &document.operations {
        let path = plain(operation);
        let Some(collection) = path.strip_suffix("/{}") else {
            continue;
        };
        let last = collection.rsplit('/').next().unwrap_or_default();
        let ends_with_word = !last.is_empty() && !last.contains("{}");
        if !ends_with_word || !collections.insert(collection.to_owned()) {
            continue;
        }
        let find = |method, path: &str| known.get(&(method, path.to_owned())).copied();
        let type_name = free_name(collection, &names);
        names.insert(type_name.clone());
        kinds.push(Kind {
            type_name,
            collection: collection.to_owned(),
            create: find("POST", collection),
            read: find("GET", &path),
            remove: find("DELETE", &path),
        });
    }
    kinds
}

impl Kind {
    /// Whether the collection stands below something else, whose id its path holds.
    pub(crate) fn is_nested(&self) -> bool {
        self.collection.contains("{}")
    }
}

/// What an operation is called.
pub(crate) fn named(operation: &Operation, kinds: &[Kind]) -> Named {
    let path = plain(operation);
    let numbered = kinds.iter().enumerate();
    let above = numbered
        .filter_map(|(index, kind)| Some((index, kind, path.strip_prefix(&kind.collection)?)))
        .filter(|(_, _, rest)| rest.is_empty() || rest.starts_with("/{}"))
        .max_by_key(|(_, kind, _)| kind.collection.len());
    let method = operation.method.as_str();
    let Some((index, kind, rest)) = above else {
        return alone(method, &path);
    };
    let rest = rest.trim_start_matches("/{}");
    let (action, kind_index) = if path == kind.collection {
        (of_collection(method).to_owned(), None)
    } else {
        (with_rest(of_one(method), method, rest), Some(index))
    };
    Named {
        type_name: kind.type_name.clone(),
        action,
        kind: kind_index,
    }
}

/// An operation of no type of resource: the first word of its path names the type.
fn alone(method: &str, path: &str) -> Named {
    let words = words(path);
    let (first, rest) = match words.split_first() {
        Some((first, rest)) => (first.as_str(), rest.join("/")),
        None => ("root", String::new()),
    };
    let action = if method == "POST" && rest.is_empty() {
        "send".to_owned()
    } else {
        with_rest(of_one(method), method, &rest)
    };
    Named {
        type_name: usable(first),
        action,
        kind: None,
    }
}

/// `read`, `read-bio`; what is posted is called by its path alone: `publish`.
fn with_rest(verb: &str, method: &str, rest: &str) -> String {
    let rest = slug(&words(rest).join("-"));
    match (method, rest.is_empty()) {
        (_, true) => verb.to_owned(),
        ("POST", false) => rest,
        (_, false) => format!("{verb}-{rest}"),
    }
}

fn of_collection(method: &str) -> &str {
    match method {
        "GET" => "list",
        "POST" => "create",
        "PUT" => "replace-all",
        "PATCH" => "update-all",
        "DELETE" => "delete-all",
        _ => of_one(method),
    }
}

fn of_one(method: &str) -> &str {
    match method {
        "GET" => "read",
        "POST" => "send",
        "PUT" => "update",
        "PATCH" => "patch",
        "DELETE" => "delete",
        "HEAD" => "look",
        _ => "ask",
    }
}

/// The path without the names of its parameters.
fn plain(operation: &Operation) -> String {
    operation.pattern.fill(|_| "{}".to_owned())
}

/// The segments of a path that say something.
fn words(path: &str) -> Vec<String> {
    let segments = path
        .split('/')
        .filter(|it| !it.is_empty() && !it.contains("{}"));
    let all: Vec<String> = segments.map(slug).filter(|it| !it.is_empty()).collect();
    let says_something = |word: &String| !is_prefix(word);
    let told: Vec<String> = all
        .iter()
        .filter(|it| says_something(it))
        .cloned()
        .collect();
    if told.is_empty() { all } else { told }
}

fn is_prefix(word: &str) -> bool {
    let version = word.strip_prefix('v').unwrap_or("x");
    let is_version = !version.is_empty() && version.chars().all(|c| c.is_ascii_digit());
    PREFIXES.contains(&word) || is_version
}

/// The name of the resources of a collection, with what stands above it where it is taken.
fn free_name(collection: &str, taken: &BTreeSet<String>) -> String {
    let is_free = |name: &String| !taken.contains(name);
    let mut words = words(collection);
    let mut name = words.pop().map(|it| singular(&it)).unwrap_or_default();
    while !is_free(&usable(&name))
        && let Some(above) = words.pop()
    {
        name = format!("{}-{name}", singular(&above));
    }
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let mut names = std::iter::once(name.clone())
        .chain(numbered)
        .map(|it| usable(&it));
    names.find(is_free).unwrap_or(name)
}

/// A name that a type can have.
fn usable(name: &str) -> String {
    match name {
        "" => "thing".to_owned(),
        name if RESERVED.contains(&name) => format!("{name}-resource"),
        name => name.to_owned(),
    }
}

/// Letters, digits and single dashes, in small letters: `userProfiles` is `user-profiles`.
pub fn slug(text: &str) -> String {
    let mut out = String::new();
    let mut was_small = false;
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            if c.is_ascii_uppercase() && was_small {
                out.push('-');
            }
            out.push(c.to_ascii_lowercase());
        } else if !out.is_empty() && !out.ends_with('-') {
            out.push('-');
        }
        was_small = c.is_ascii_lowercase() || c.is_ascii_digit();
    }
    out.trim_matches('-').to_owned()
}

fn singular(word: &str) -> String {
    let ends = |end: &str| word.strip_suffix(end);
    if let Some(stem) = ends("ies").filter(|it| it.len() > 1) {
        return format!("{stem}y");
    }
    if ["sses", "shes", "ches", "xes"]
        .iter()
        .any(|end| word.ends_with(end))
    {
        return ends("es").unwrap_or(word).to_owned();
    }
    let is_plural = word.len() > 2 && !["ss", "us", "is"].iter().any(|end| word.ends_with(end));
    match ends("s") {
        Some(stem) if is_plural => stem.to_owned(),
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{singular, slug};

    #[test]
    fn words_become_names() {
        let cases = [
            ("posts", "post"),
            ("categories", "category"),
            ("boxes", "box"),
            ("addresses", "address"),
            ("status", "status"),
            ("news", "new"),
            ("address", "address"),
        ];
        for (word, expected) in cases {
            assert_eq!(singular(word), expected, "{word}");
        }
        assert_eq!(slug("userProfiles"), "user-profiles");
        assert_eq!(slug("openapi.json"), "openapi-json");
        assert_eq!(slug("ÄÖ"), "");
    }
}
