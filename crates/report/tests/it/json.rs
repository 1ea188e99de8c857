//! The JSON report and the JSON plan, against their published schemas.

use std::collections::BTreeSet;

use report::Reporter as _;
use report::json::{DRIFT_SCHEMA, JsonReporter, PLAN_SCHEMA, REPORT_SCHEMA, drift_json, plan_json};
use serde_json::{Value, json};
use suite::event::{AnswerRecord, Event, FORMAT_VERSION, Gap};
use suite::surface::Surface;

use crate::{given, layers, plan};

fn text(events: &[Event]) -> String {
    let mut out = Vec::new();
    given::told(events, &mut out, JsonReporter::new);
    String::from_utf8(out).unwrap()
}

fn whole_run() -> Vec<Event> {
    let mut events = given::run(given::each_verdict());
    events.insert(1, given::note("a \"note\""));
    events
}

fn report(events: &[Event]) -> Value {
    serde_json::from_str(&text(events)).unwrap()
}

fn planned() -> Value {
    let mut out = Vec::new();
    plan_json(plan::cells(), None, &mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

fn drifted_alone() -> Value {
    let drifts = given::drifts().map(|event| match event {
        Event::Drift(drift) => drift,
        other => panic!("{other:?}"),
    });
    let mut out = Vec::new();
    drift_json("20261122T101500.000Z-1", &drifts, &mut out).unwrap();
    serde_json::from_slice(&out).unwrap()
}

#[test]
fn a_run_is_one_document() {
    let mut events = given::run([given::escalation(), given::each_verdict().remove(0)]);
    events.insert(2, given::note("a \"note\""));
    insta::assert_snapshot!(text(&events));
}

#[test]
fn a_plan_is_one_document() {
    let mut out = Vec::new();
    plan_json(plan::cells().into_iter().take(5), None, &mut out).unwrap();
    insta::assert_snapshot!(String::from_utf8(out).unwrap());
}

#[test]
fn nothing_in_it_is_still_a_document() {
    let empty = given::run([]);
    assert_valid(REPORT_SCHEMA, &report(&empty));
    let mut out = Vec::new();
    plan_json([], None, &mut out).unwrap();
    assert_valid(PLAN_SCHEMA, &serde_json::from_slice(&out).unwrap());
}

#[test]
fn an_interrupted_run_is_a_whole_document() {
    let events = [
        given::started(87),
        given::judged(given::escalation()),
        given::finished(&[given::judged(given::escalation())], true),
    ];
    let told = report(&events);
    assert_valid(REPORT_SCHEMA, &told);
    assert_eq!(told["summary"]["interrupted"], true);
    assert_eq!(told["summary"]["requests"], 312);

    // Without its end, only what the report counted itself is told.
    let dropped = report(&events[..2]);
    assert_valid(REPORT_SCHEMA, &dropped);
    assert_eq!(dropped["cells"].as_array().unwrap().len(), 1);
    assert_eq!(dropped["findings"], json!(["viewer/post.update/editor"]));
    assert_eq!(dropped["summary"]["interrupted"], true);
    assert_eq!(dropped["summary"]["counts"]["escalation"], 1);
    assert_eq!(dropped["summary"].get("requests"), None);
}

#[test]
fn events_outside_of_a_run_are_refused() {
    let events = given::run([given::escalation()]);
    let mut out = Vec::new();
    let mut reporter = JsonReporter::new(&mut out);
    reporter.event(&events[1]).unwrap_err();
    for event in &events {
        reporter.event(event).unwrap();
    }
    reporter.event(&events[0]).unwrap_err();
    reporter.event(&events[1]).unwrap_err();
    drop(reporter);
    assert_eq!(String::from_utf8(out).unwrap(), text(&events));
}

#[test]
fn the_schemas_describe_what_is_written_and_nothing_else() {
    let interrupted = report(&whole_run()[..3]);
    let mut part = whole_run();
    if let Event::RunStarted(run) = &mut part[0] {
        run.patterns = vec!["viewer/*".to_owned()];
        run.shard = Some("2/8".parse().unwrap());
        run.cells_of_all = Some(90);
        run.environment = Some("staging".to_owned());
    }
    for event in &mut part {
        if let Event::CellJudged(cell) = event {
            cell.situation = Some("body=malformed".to_owned());
            cell.caller = Some("editor".to_owned());
            let answer = AnswerRecord::Returned("3 rows".to_owned());
            cell.exchanges.push(given::exchange("probe", None, answer));
        }
    }
    let drifted = given::run_with_drift([], given::drifts());
    let documents = [
        &whole_run(),
        &part,
        &drifted,
        &given::run_with_surface(),
        &layers::each_way(),
    ]
    .map(|events| report(events));
    let documents = [documents.as_slice(), &[interrupted]].concat();
    assert_described(REPORT_SCHEMA, &documents);
    let surface = Surface {
        counts: given::surface_counts(),
        records: vec![given::untried(Gap::Undeclared)],
    };
    let mut out = Vec::new();
    plan_json(plan::cells(), Some(&surface), &mut out).unwrap();
    let with_surface = serde_json::from_slice(&out).unwrap();
    assert_described(PLAN_SCHEMA, &[planned(), with_surface]);
    assert_described(DRIFT_SCHEMA, &[drifted_alone()]);
}

#[test]
fn the_schemas_refuse_what_is_not_a_report() {
    let good = report(&whole_run());
    let broken = [
        ("/version", json!(FORMAT_VERSION + 1)),
        ("/format", json!("lockstep-plan")),
        ("/cells/0/verdict", json!("fine")),
        ("/cells/0/place/line", json!(0)),
        ("/cells/3/exchanges/0/answer", json!({})),
        ("/cells/3/exchanges/0/headers/0", json!(["name"])),
        ("/summary/counts/held", json!(-1)),
        ("/findings", json!([1])),
    ];
    for (pointer, value) in broken {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = value;
        assert!(!validator(REPORT_SCHEMA).is_valid(&bad), "{pointer}");
    }
}

#[test]
fn the_version_is_the_one_that_the_schema_names() {
    let schema: Value = serde_json::from_str(REPORT_SCHEMA).unwrap();
    assert_eq!(schema["properties"]["version"]["const"], FORMAT_VERSION);
}

fn validator(schema: &str) -> jsonschema::Validator {
    let schema = serde_json::from_str(schema).unwrap();
    jsonschema::meta::validate(&schema).unwrap();
    jsonschema::validator_for(&schema).unwrap()
}

fn assert_valid(schema: &str, document: &Value) {
    let errors: Vec<String> = validator(schema)
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert_eq!(errors, Vec::<String>::new());
}

/// The documents are valid, hold no member that the schema does not describe, and every property
/// of the schema occurs in one of them.
fn assert_described(schema: &str, documents: &[Value]) {
    let root: Value = serde_json::from_str(schema).unwrap();
    let mut seen = BTreeSet::new();
    for document in documents {
        assert_valid(schema, document);
        visit(&root, &root, document, "", &mut seen);
    }
    let mut declared = BTreeSet::new();
    declare(&root, &root, "", &mut declared);
    assert_eq!(seen, declared);
}

fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    match schema["$ref"].as_str() {
        Some(reference) => root.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

/// The paths of every property that `schema` declares, each with a description.
fn declare(root: &Value, schema: &Value, path: &str, declared: &mut BTreeSet<String>) {
    let schema = resolve(root, schema);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}/{name}");
        let described = property.get("description").is_some()
            || resolve(root, property).get("description").is_some();
        assert!(described, "{path} has no description");
        declare(root, property, &path, declared);
        declared.insert(path);
    }
    for one in schema["oneOf"].as_array().into_iter().flatten() {
        declare(root, one, path, declared);
    }
    if let Some(items) = schema.get("items") {
        declare(root, items, path, declared);
    }
}

/// The paths of every member of `document`, all of which `schema` must declare.
fn visit(root: &Value, schema: &Value, document: &Value, path: &str, seen: &mut BTreeSet<String>) {
    let schema = resolve(root, schema);
    match document {
        Value::Object(members) => {
            for (name, value) in members {
                let alternatives = schema["oneOf"].as_array().into_iter().flatten();
                let property = std::iter::once(schema)
                    .chain(alternatives)
                    .find_map(|schema| schema["properties"].get(name));
                let path = format!("{path}/{name}");
                let property = property.unwrap_or_else(|| panic!("{path} is not in the schema"));
                visit(root, property, value, &path, seen);
                seen.insert(path);
            }
        }
        Value::Array(items) => {
            for item in items {
                visit(root, &schema["items"], item, path, seen);
            }
        }
        _ => {}
    }
}
