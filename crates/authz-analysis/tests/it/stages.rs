//! The format of OpenFGA's own tests: stages, each with a model, tuples that are added, and
//! assertions about checks and lists, some of which expect an error.

use std::collections::BTreeSet;
use std::sync::Arc;

use authz::language::openfga;
use authz::relationships::StoredCondition;
use authz::resolution::{Answer, Circumstances, Engine, SubjectFilter};
use authz::source::yaml::{self, Node};
use authz::source::{Diagnostics, Source, render};
use authz::{Relationship, Store, SubjectReference};
use serde_json::{Map, Value as Json};

use crate::conformance::now;

/// How many assertions there are, and the failed ones; `flip` turns one of them into its contrary.
pub(crate) fn run(text: &str) -> Result<(usize, String), String> {
    let (count, failed) = run_flipped(text, usize::MAX);
    Ok((count, failed.into_iter().map(|it| it.1).collect()))
}

pub(crate) fn flip_all(text: &str) -> usize {
    let (count, failed) = run_flipped(text, usize::MAX);
    assert!(failed.is_empty());
    for flipped in 0..count {
        let (_, failed) = run_flipped(text, flipped);
        let numbers: Vec<usize> = failed.iter().map(|it| it.0).collect();
        assert_eq!(numbers, [flipped]);
    }
    count
}

fn run_flipped(text: &str, flipped: usize) -> (usize, Vec<(usize, String)>) {
    let source = Source::new("stages.yaml", text);
    let mut diagnostics = Diagnostics::default();
    let root = yaml::read(&source, &mut diagnostics).unwrap();
    let mut run = Run {
        count: 0,
        flipped,
        failed: Vec::new(),
    };
    for test in list(&root, "tests") {
        let mut store = Store::new();
        let name = string(test, "name");
        for stage in list(test, "stages") {
            run.stage(&name, stage, &mut store);
        }
    }
    (run.count, run.failed)
}

struct Run {
    count: usize,
    flipped: usize,
    failed: Vec<(usize, String)>,
}

impl Run {
    fn stage(&mut self, name: &str, stage: &Node, store: &mut Store) {
        let text = string(stage, "model");
        let source = Source::new(name, &text);
        let model = openfga::read(&source)
            .unwrap_or_else(|mistakes| panic!("{}", render(&mistakes, &[source], false)));
        for node in list(stage, "tuples") {
            store.write(&tuple(node));
        }
        let engine = Engine::new(Arc::new(model), store.snapshot());
        for node in list(stage, "checkAssertions") {
            let asked = get(node, "tuple").unwrap();
            let engine = with_contextual(&engine, store, node);
            let context = context(node);
            let circumstances = Circumstances {
                context: &context,
                now: now(),
            };
            let fact = tuple(asked);
            let answer = engine
                .check(&fact.object, &fact.relation, &fact.subject, circumstances)
                .unwrap();
            let found = match answer {
                Answer::Yes => "true".to_owned(),
                Answer::No => "false".to_owned(),
                Answer::Conditional(_) | Answer::Failed(_) => "error".to_owned(),
            };
            let expected = match get(node, "errorCode") {
                Some(_) => "error".to_owned(),
                None => string(node, "expectation"),
            };
            self.compare(name, node, &expected, &found);
        }
        for node in list(stage, "listObjectsAssertions") {
            let request = get(node, "request").unwrap();
            let engine = with_contextual(&engine, store, node);
            let context = context(node);
            let circumstances = Circumstances {
                context: &context,
                now: now(),
            };
            let subject: SubjectReference = string(request, "user").parse().unwrap();
            let (type_name, relation) = (string(request, "type"), string(request, "relation"));
            let page = (None, 1_000);
            let found = engine
                .list_objects(&type_name, &relation, &subject, circumstances, page)
                .unwrap();
            let error =
                !found.failed.is_empty() || found.items.iter().any(|it| !it.missing.is_empty());
            let names = found.items.iter().map(|it| it.object.to_string()).collect();
            self.compare_lists(name, node, error, names);
        }
        for node in list(stage, "listUsersAssertions") {
            let request = get(node, "request").unwrap();
            let engine = with_contextual(&engine, store, node);
            let context = context(node);
            let circumstances = Circumstances {
                context: &context,
                now: now(),
            };
            let object: SubjectReference = string(request, "object").parse().unwrap();
            let relation = string(request, "relation");
            let mut names = BTreeSet::new();
            let mut error = false;
            for filter in list(request, "filters") {
                let filter = filter.to_json().as_str().unwrap().to_owned();
                let (type_name, of) = match filter.split_once('#') {
                    Some((type_name, relation)) => (type_name, Some(relation)),
                    None => (filter.as_str(), None),
                };
                let filter = SubjectFilter {
                    type_name,
                    relation: of,
                };
                let page = (None, 1_000);
                let found = engine
                    .list_subjects(&object.object, &relation, filter, circumstances, page)
                    .unwrap();
                error |=
                    !found.failed.is_empty() || found.items.iter().any(|it| !it.missing.is_empty());
                names.extend(found.items.iter().map(|it| it.subject.to_string()));
            }
            self.compare_lists(name, node, error, names);
        }
    }

    fn compare_lists(&mut self, name: &str, node: &Node, error: bool, found: BTreeSet<String>) {
        let expected: BTreeSet<String> = list(node, "expectation")
            .iter()
            .map(|it| it.to_json().as_str().unwrap().to_owned())
            .collect();
        let expected = match get(node, "errorCode") {
            Some(_) => "error".to_owned(),
            None => format!("{expected:?}"),
        };
        let found = if error {
            "error".to_owned()
        } else {
            format!("{found:?}")
        };
        self.compare(name, node, &expected, &found);
    }

    fn compare(&mut self, name: &str, node: &Node, expected: &str, found: &str) {
        let expected = match self.count == self.flipped {
            true => format!("not {expected}"),
            false => expected.to_owned(),
        };
        if expected != found {
            let line = format!(
                "{name}:{}: expected {expected}, found {found}\n",
                node.place.line
            );
            self.failed.push((self.count, line));
        }
        self.count += 1;
    }
}

fn with_contextual(engine: &Engine, store: &Store, node: &Node) -> Engine {
    let mut store = store.clone();
    for node in list(node, "contextualTuples") {
        store.write(&tuple(node));
    }
    engine.with_snapshot(store.snapshot())
}

fn get<'a>(node: &'a Node, key: &str) -> Option<&'a Node> {
    let yaml::Value::Map(entries) = &node.value else {
        return None;
    };
    entries
        .iter()
        .find(|entry| entry.key == key)
        .map(|entry| &entry.value)
}

fn list<'a>(node: &'a Node, key: &str) -> &'a [Node] {
    match get(node, key).map(|node| &node.value) {
        Some(yaml::Value::List(items)) => items,
        _ => &[],
    }
}

fn string(node: &Node, key: &str) -> String {
    match &get(node, key)
        .unwrap_or_else(|| panic!("{key} at {}", node.place))
        .value
    {
        yaml::Value::Scalar(scalar) => scalar.text.clone(),
        _ => panic!("{key} at {}", node.place),
    }
}

fn context(node: &Node) -> Map<String, Json> {
    match get(node, "context").map(Node::to_json) {
        Some(Json::Object(context)) => context,
        _ => Map::new(),
    }
}

fn tuple(node: &Node) -> Relationship {
    let object: SubjectReference = string(node, "object").parse().unwrap();
    let subject = string(node, "user").parse().unwrap();
    let mut fact = Relationship::new(object.object, &string(node, "relation"), subject);
    if let Some(condition) = get(node, "condition") {
        fact.condition = Some(StoredCondition {
            name: string(condition, "name").into(),
            context: context(condition),
        });
    }
    fact
}
