//! How the grants of a run differ from the baseline, in every report.

use report::json::JsonReporter;
use report::junit::JunitReporter;
use report::markdown::MarkdownReporter;
use report::sarif::SarifReporter;
use report::terminal::{Style, TerminalReporter};
use serde_json::{Value, json};
use suite::event::{Change, Event};

use crate::given::{self, PLAIN};
use crate::hostile::EVIL;
use crate::{junit, sarif};

pub(crate) fn terminal(events: &[Event], style: Style) -> String {
    let mut out = Vec::new();
    given::told(events, &mut out, |out| TerminalReporter::new(out, style));
    String::from_utf8(out).unwrap()
}

pub(crate) fn xml(events: &[Event]) -> String {
    let mut out = Vec::new();
    given::told(events, &mut out, JunitReporter::new);
    String::from_utf8(out).unwrap()
}

pub(crate) fn log(events: &[Event]) -> Value {
    let mut out = Vec::new();
    given::told(events, &mut out, SarifReporter::new);
    serde_json::from_slice(&out).unwrap()
}

pub(crate) fn page(events: &[Event]) -> String {
    let mut out = Vec::new();
    given::told(events, &mut out, MarkdownReporter::new);
    String::from_utf8(out).unwrap()
}

fn document(events: &[Event]) -> Value {
    let mut out = Vec::new();
    given::told(events, &mut out, JsonReporter::new);
    serde_json::from_slice(&out).unwrap()
}

/// A run in which everything held, and that differs from the baseline.
fn drifted() -> Vec<Event> {
    given::run_with_drift([given::each_verdict().remove(0)], given::drifts())
}

/// The same, where nothing new was granted.
fn only_gone() -> Vec<Event> {
    let gone = given::drifts().into_iter().skip(1);
    given::run_with_drift([given::each_verdict().remove(0)], gone)
}

#[test]
fn at_a_terminal() {
    insta::assert_snapshot!(terminal(&drifted(), PLAIN));
}

#[test]
fn at_a_narrow_terminal_in_colour() {
    let style = Style {
        colour: true,
        width: 60,
        ..PLAIN
    };
    let told = terminal(&drifted(), style);
    insta::assert_snapshot!(told.replace('\u{1b}', "ESC"));
}

#[test]
fn the_numbers_are_told_in_a_sentence() {
    let told = |kinds: &[Change]| {
        let drift = |&change| given::drift(change, "a/b.c", "why", given::place("f", 1));
        let events = given::run_with_drift([given::escalation()], kinds.iter().map(drift));
        let told = terminal(
            &events,
            Style {
                width: 200,
                ..PLAIN
            },
        );
        let last = told.lines().last().unwrap().to_owned();
        last.split("inconclusive.  ").nth(1).unwrap().to_owned()
    };
    use Change::{Added, Denied, Vanished};
    let cases: [(&[Change], &str); 6] = [
        (&[], "312"),
        (&[Added], "1 grant is not in the baseline.  312"),
        (&[Added, Added], "2 grants are not in the baseline.  312"),
        (&[Denied], "1 grant of the baseline is gone.  312"),
        (
            &[Denied, Vanished],
            "2 grants of the baseline are gone.  312",
        ),
        (
            &[Added, Denied, Vanished],
            "1 grant is not in the baseline, 2 of it are gone.  312",
        ),
    ];
    for (kinds, expected) in cases {
        let told = told(kinds);
        assert!(told.starts_with(expected), "{told}");
    }
}

#[test]
fn in_junit_a_new_grant_fails() {
    let told = xml(&drifted());
    assert_eq!(junit::faults(&told), Vec::<String>::new());
    assert!(told.contains("tests=\"4\" failures=\"1\" errors=\"0\""));
    insta::assert_snapshot!(told);
}

#[test]
fn in_sarif_it_is_a_result_with_its_place() {
    let log = log(&drifted());
    let errors: Vec<String> = sarif::validator()
        .iter_errors(&log)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert_eq!(errors, Vec::<String>::new());
    let results = log["runs"][0]["results"].as_array().unwrap();
    let rules = log["runs"][0]["tool"]["driver"]["rules"]
        .as_array()
        .unwrap();
    for result in results {
        let rule = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[rule]["id"], "drift");
    }
    let levels: Vec<&Value> = results.iter().map(|result| &result["level"]).collect();
    assert_eq!(levels, ["error", "note", "note"]);
    insta::assert_snapshot!(serde_json::to_string_pretty(results).unwrap());
}

#[test]
fn in_json_it_stands_beside_the_findings() {
    let told = document(&drifted());
    assert_eq!(told["findings"], json!([]));
    assert_eq!(told["drift"].as_array().unwrap().len(), 3);
    let counts = json!({ "added": 1, "denied": 1, "vanished": 1 });
    assert_eq!(told["summary"]["drift"], counts);
    let without = document(&given::run([given::escalation()]));
    assert_eq!(without.get("drift"), None);
    assert_eq!(without["summary"].get("drift"), None);
}

#[test]
fn in_markdown_a_new_grant_is_the_headline() {
    let told = page(&drifted());
    let headline = "## Lockstep: 1 grant is not in the baseline\n";
    assert!(told.starts_with(headline), "{told}");
    insta::assert_snapshot!(told);
    let gone = page(&only_gone());
    assert!(gone.starts_with("## Lockstep: the cell held\n"), "{gone}");
    assert!(
        gone.contains("\n- allow editor/post.publish/editor\n"),
        "{gone}"
    );
}

#[test]
fn nothing_of_others_steers_or_breaks_a_report() {
    let evil = format!("{EVIL}]]>\u{1b}[31m\u{9b}");
    let drift = |change| given::drift(change, &evil, &evil, given::place(&evil, 1));
    let drifts = [Change::Added, Change::Denied, Change::Vanished].map(drift);
    let events = given::run_with_drift([given::escalation()], drifts);
    let steers = |text: &str| text.contains(|c: char| c.is_control() && c != '\n');
    assert!(!steers(&terminal(&events, PLAIN)));
    assert!(!steers(&page(&events)));
    let xml = xml(&events);
    assert!(!steers(&xml));
    assert_eq!(junit::faults(&xml), Vec::<String>::new());
    let log = log(&events);
    assert!(sarif::validator().is_valid(&log));
}

#[test]
fn what_is_kept_is_bounded_and_counted() {
    let drifts = (0..1_500).map(|index| {
        let cell = format!("viewer/post.read/{index:04}");
        given::drift(Change::Added, &cell, "why", given::place("f", 1))
    });
    let events = given::run_with_drift([given::escalation()], drifts);
    let told = terminal(&events, PLAIN);
    assert!(told.contains("  and 500 more lines\n"), "{told}");
    assert!(told.contains("1,500 grants are not in the baseline"));
    assert_eq!(document(&events)["drift"].as_array().unwrap().len(), 1_500);
}
