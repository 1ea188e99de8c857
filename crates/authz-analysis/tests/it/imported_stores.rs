//! Stores of OpenFGA and SpiceDB, imported: what they assert has to be decided so by the policy that
//! comes out.

use std::fs;
use std::path::Path;

use authz::source::yaml::{self, Node, Value};
use authz::source::{Diagnostics, Source};
use authz::{Facts, Outcome, Policy, Request, SubjectFacts, no_context, read_facts, read_policy};
use authz_analysis::import::{File, Origin, import};
use serde_json::{Map, Value as Json};

use crate::conformance::{files, now};

struct Imported {
    policy: Policy,
    facts: Facts,
}

/// Imports a file, with those that it names beside it; none if something did not map.
fn imported(path: &Path, origin: Origin) -> Option<Imported> {
    let source = Source::new(
        &path.display().to_string(),
        &fs::read_to_string(path).unwrap(),
    );
    let load = &mut |name: &str| {
        let path = path.parent().unwrap().join(name);
        let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
        Ok(Source::new(&path.display().to_string(), &text))
    };
    let import = import(origin, &[source], load).unwrap_or_else(|broken| panic!("{broken:?}"));
    if !import.lost.is_empty() {
        return None;
    }
    let of = |file: &File| Source::new(&file.path, &file.text);
    let (facts, policy): (Vec<&File>, Vec<&File>) = import
        .files
        .iter()
        .partition(|file| file.path == "facts.yaml");
    let policy: Vec<Source> = policy.into_iter().map(of).collect();
    let facts: Vec<Source> = facts.into_iter().map(of).collect();
    let policy = read_policy(&policy).unwrap();
    let facts = read_facts(&policy, &facts).unwrap();
    Some(Imported { policy, facts })
}

impl Imported {
    fn decide(
        &self,
        user: &str,
        relation: &str,
        object: &str,
        context: &Map<String, Json>,
    ) -> Outcome {
        let subject = self.facts.complete(SubjectFacts {
            reference: Some(renamed(user)),
            signed_in: true,
            ..SubjectFacts::default()
        });
        let object = renamed(object);
        let (type_name, id) = object.split_once(':').unwrap();
        let request = Request {
            subject: &self.policy.subject(subject).unwrap(),
            action: relation,
            resource: &self
                .policy
                .resource(type_name, Some(id), &Map::new())
                .unwrap(),
            now: now(),
            facts: &self.facts,
            context,
        };
        self.policy.decide(&request).outcome
    }
}

/// A type behind a prefix has another name here: `acme/user` is `acme_user`.
fn renamed(reference: &str) -> String {
    let (type_name, id) = reference.split_once(':').unwrap();
    format!("{}:{id}", type_name.replace('/', "_"))
}

/// A policy asks of single subjects alone.
fn is_single(user: &str) -> bool {
    !user.contains('#') && !user.ends_with(":*")
}

fn find<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    match &node.value {
        Value::Map(entries) => Some(&entries.iter().find(|entry| entry.key == key)?.value),
        _ => None,
    }
}

fn items(node: Option<&Node>) -> &[Node] {
    match node.map(|node| &node.value) {
        Some(Value::List(items)) => items,
        _ => &[],
    }
}

fn text(node: &Node) -> String {
    node.text(&mut Diagnostics::default()).unwrap().to_owned()
}

/// One of `user` and `users`.
fn texts(node: &Node, key: &str) -> Vec<String> {
    let one = find(node, key).map(text);
    one.into_iter()
        .chain(items(find(node, &format!("{key}s"))).iter().map(text))
        .collect()
}

fn object(node: Option<&Node>) -> Map<String, Json> {
    match node.map(Node::to_json) {
        Some(Json::Object(context)) => context,
        _ => no_context().clone(),
    }
}

/// How many checks of a store are decided as it asserts.
fn checks(path: &Path, root: &Node) -> usize {
    let Some(imported) = imported(path, Origin::OpenFga) else {
        return 0;
    };
    let mut count = 0;
    for test in items(find(root, "tests")) {
        let adds = ["tuples", "tuple_file", "tuple_files"];
        if adds.iter().any(|key| find(test, key).is_some()) {
            continue;
        }
        for check in items(find(test, "check")) {
            let context = object(find(check, "context"));
            let Json::Object(assertions) = find(check, "assertions").unwrap().to_json() else {
                continue;
            };
            for user in texts(check, "user").iter().filter(|user| is_single(user)) {
                for object in texts(check, "object") {
                    for (relation, expected) in &assertions {
                        let found = imported.decide(user, relation, &object, &context);
                        let is_permit = found == Outcome::Permit;
                        let told = format!("{} {user} {relation} {object}", path.display());
                        assert_eq!(Some(is_permit), expected.as_bool(), "{told}");
                        count += 1;
                    }
                }
            }
        }
    }
    count
}

/// The same for the assertions of a validation file.
fn assertions(path: &Path, root: &Node) -> usize {
    let Some(imported) = imported(path, Origin::SpiceDb) else {
        return 0;
    };
    let mut count = 0;
    for (key, expected) in [
        ("assertTrue", "permit"),
        ("assertFalse", "deny"),
        ("assertCaveated", "unknown"),
    ] {
        let list = find(root, "assertions").and_then(|node| find(node, key));
        for item in items(list) {
            let text = text(item);
            let (fact, context) = text.split_once(" with ").unwrap_or((&text, "{}"));
            let (object, rest) = fact.trim().split_once('#').unwrap();
            let (relation, user) = rest.split_once('@').unwrap();
            let user = user.trim_end_matches("#...");
            if !is_single(user) {
                continue;
            }
            let context = serde_json::from_str(context).unwrap();
            let found = match imported.decide(user, relation, object, &context) {
                Outcome::Permit => "permit",
                Outcome::Deny(_) => "deny",
                Outcome::Indeterminate => "unknown",
            };
            assert_eq!(found, expected, "{} {text}", path.display());
            count += 1;
        }
    }
    count
}

/// All assertions of all stores below a folder that map as a whole.
fn all(folder: &Path) -> usize {
    let mut count = 0;
    for path in files(folder) {
        let text = fs::read_to_string(&path).unwrap();
        let source = Source::new(&path.display().to_string(), &text);
        let root = yaml::read(&source, &mut Diagnostics::default()).unwrap();
        if find(&root, "schema").is_some() {
            count += assertions(&path, &root);
        } else if find(&root, "model").or(find(&root, "model_file")).is_some() {
            count += checks(&path, &root);
        }
    }
    count
}

#[test]
fn our_stores_assert_what_the_imported_policies_decide() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/corpus");
    assert_eq!(all(&folder), 33);
}

#[test]
fn public_stores_assert_what_the_imported_policies_decide() {
    if let Some(folder) = std::env::var_os("LOCKSTEP_CONFORMANCE") {
        let count = all(Path::new(&folder));
        println!("import: {count} assertions of public stores");
        assert!(count > 0);
    }
}
