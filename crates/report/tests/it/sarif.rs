//! The SARIF report, against the schema of OASIS.

use std::collections::BTreeSet;

use report::sarif::{LintFinding, LintRule, SarifReporter, lints};
use serde_json::{Value, json};
use suite::event::{CellRecord, Event};
use suite::verdict::Verdict;

use crate::given;
use crate::hostile::{EVIL, spoilt_cell};

const SCHEMA: &str = include_str!("../data/sarif/sarif-schema-2.1.0.json");

fn text(events: &[Event]) -> String {
    let mut out = Vec::new();
    given::told(events, &mut out, SarifReporter::new);
    String::from_utf8(out).unwrap()
}

fn log(events: &[Event]) -> Value {
    serde_json::from_str(&text(events)).unwrap()
}

fn results(log: &Value) -> &Vec<Value> {
    log["runs"][0]["results"].as_array().unwrap()
}

pub(crate) fn validator() -> jsonschema::Validator {
    let mut schema: Value = serde_json::from_str(SCHEMA).unwrap();
    // As published, the pattern of language codes has a bracket too many, and is no regular
    // expression. No language is written.
    for holder in ["run", "toolComponent"] {
        let language = &mut schema["definitions"][holder]["properties"]["language"];
        language.as_object_mut().unwrap().remove("pattern").unwrap();
    }
    jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap()
}

fn whole_run() -> Vec<Event> {
    let mut events = given::run(given::each_verdict());
    events.insert(1, given::note("a \"note\""));
    events
}

#[test]
fn a_run_with_each_verdict() {
    insta::assert_snapshot!(text(&whole_run()));
}

#[test]
fn it_is_valid() {
    let hostile = given::run(Verdict::ALL.map(|verdict| spoilt_cell(verdict, EVIL)));
    let runs = [
        whole_run(),
        given::run([]),
        whole_run()[..3].to_vec(),
        hostile,
    ];
    let validator = validator();
    for events in runs {
        let log = log(&events);
        let errors: Vec<String> = validator
            .iter_errors(&log)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert_eq!(errors, Vec::<String>::new());
    }
}

#[test]
fn the_schema_refuses_what_is_not_sarif() {
    let good = log(&whole_run());
    let broken = [
        ("/version", json!("2.0.0")),
        ("/runs/0/columnKind", json!("bytes")),
        ("/runs/0/results/0/level", json!("fatal")),
        ("/runs/0/results/0/message", json!({})),
        (
            "/runs/0/results/0/locations/0/physicalLocation/region/startLine",
            json!(0),
        ),
        (
            "/runs/0/results/0/locations/0/physicalLocation/artifactLocation/uri",
            json!("a b"),
        ),
        (
            "/runs/0/results/0/partialFingerprints/cellAndVerdict~1v1",
            json!(1),
        ),
        ("/runs/0/tool/driver/rules/0/helpText", json!("x")),
    ];
    let validator = validator();
    for (pointer, value) in broken {
        let mut bad = good.clone();
        match bad.pointer_mut(pointer) {
            Some(place) => *place = value,
            None => bad["runs"][0]["tool"]["driver"]["rules"][0]["helpText"] = value,
        }
        assert!(!validator.is_valid(&bad), "{pointer}");
    }
}

#[test]
fn every_cell_that_did_not_hold_is_a_result_under_its_rule() {
    let log = log(&whole_run());
    let rules = log["runs"][0]["tool"]["driver"]["rules"]
        .as_array()
        .unwrap();
    let mut expected: Vec<CellRecord> = given::each_verdict();
    expected.retain(|cell| cell.verdict != Verdict::Held);
    expected.sort_by(|a, b| a.cell.cmp(&b.cell));
    assert_eq!(results(&log).len(), expected.len());
    for (result, cell) in results(&log).iter().zip(&expected) {
        assert_eq!(result["properties"]["cell"], cell.cell.as_str());
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        assert_eq!(result["ruleId"], cell.verdict.word().replace(' ', "-"));
        let level = if cell.verdict.is_finding() {
            "error"
        } else {
            "warning"
        };
        assert_eq!(result["level"], level);
    }
}

#[test]
fn the_order_of_the_verdicts_does_not_matter() {
    let mut reversed = given::each_verdict();
    reversed.reverse();
    assert_eq!(
        text(&given::run(reversed)),
        text(&given::run(given::each_verdict()))
    );
}

#[test]
fn a_fingerprint_is_of_the_cell_and_its_verdict_and_of_nothing_else() {
    let print = |cell: CellRecord| {
        let log = log(&given::run([cell]));
        results(&log)[0]["partialFingerprints"]["primaryLocationLineHash"].to_string()
    };
    let first = given::escalation();
    let moved = CellRecord {
        place: given::place("lockstep.yaml", 99),
        observed: "200".to_owned(),
        ..first.clone()
    };
    assert_eq!(print(first.clone()), print(moved));
    let mut prints: Vec<String> = given::each_verdict()
        .into_iter()
        .filter(|cell| cell.verdict != Verdict::Held)
        .map(print)
        .collect();
    let verdict = Verdict::Leak;
    prints.push(print(CellRecord { verdict, ..first }));
    assert_eq!(prints.iter().collect::<BTreeSet<_>>().len(), prints.len());
}

#[test]
fn results_are_bounded_and_the_findings_come_before_the_inconclusive() {
    let cells = (0..6_000).map(|index| {
        let verdict = if index % 3 == 0 {
            Verdict::Leak
        } else {
            Verdict::Inconclusive
        };
        CellRecord {
            cell: format!("viewer/post.update/{index:05}"),
            verdict,
            ..given::escalation()
        }
    });
    let log = log(&given::run(cells));
    let levels = |level: &str| {
        let results = results(&log).iter();
        results.filter(|result| result["level"] == level).count()
    };
    assert_eq!((levels("error"), levels("warning")), (2_000, 3_000));
    let told = log["runs"][0]["invocations"][0]["toolExecutionNotifications"].to_string();
    assert!(told.contains("1,000 more cells did not hold"), "{told}");
}

#[test]
fn an_interrupted_run_is_not_a_success() {
    let successful = |events: &[Event]| {
        let log = log(events);
        log["runs"][0]["invocations"][0]["executionSuccessful"].clone()
    };
    let events = whole_run();
    assert_eq!(successful(&events), true);
    assert_eq!(successful(&events[..4]), false);
    let interrupted = [given::started(87), given::finished(&[], true)];
    assert_eq!(successful(&interrupted), false);
}

#[test]
fn a_message_of_others_is_no_link() {
    let log = log(&given::run([spoilt_cell(
        Verdict::Leak,
        "[x](http://evil.test)",
    )]));
    let message = results(&log)[0]["message"]["text"].as_str().unwrap();
    assert!(message.contains("[x] (http"), "{message}");
    assert!(!message.contains("]("), "{message}");
}

#[test]
fn what_lints_found_is_valid_and_what_is_allowed_is_suppressed() {
    let rules = [LintRule {
        name: "wildcard-grant",
        summary: "a grant of every action",
        instead: "name the actions",
    }];
    let source = authz::source::Source::new("policy/a b.yaml", "first\nsecond");
    let place = source.place(6..8);
    let finding = |message, allowed| LintFinding {
        rule: 0,
        place: &place,
        message,
        allowed,
    };
    let evil = format!("[link](javascript:1) {EVIL}");
    let findings = [finding("found", None), finding(&evil, Some("a reason"))];
    let log: Value = serde_json::from_str(&lints(&rules, &findings).unwrap()).unwrap();
    let errors: Vec<String> = validator()
        .iter_errors(&log)
        .map(|it| it.to_string())
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    let results = results(&log);
    let region = &results[0]["locations"][0]["physicalLocation"]["region"];
    assert_eq!(region, &json!({ "startLine": 2, "startColumn": 1 }));
    assert_eq!(
        results[0]["message"]["text"],
        "found. Instead: name the actions."
    );
    assert_eq!(results[0].get("suppressions"), None);
    let suppressed = json!([{ "kind": "inSource", "justification": "a reason" }]);
    assert_eq!(results[1]["suppressions"], suppressed);
    assert!(!results[1].to_string().contains("](java"), "{}", results[1]);
}
