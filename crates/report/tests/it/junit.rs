//! The JUnit report, against the schema of Jenkins.

use report::Reporter as _;
use report::junit::JunitReporter;
use suite::event::Event;
use suite::verdict::Verdict;
use xsd_schema::SchemaSetBuilder;
use xsd_schema::validation::{
    CollectingValidationSink, SchemaValidator, ValidationFlags, drive_quick_xml,
};

use crate::given;
use crate::hostile::{EVIL, spoilt_cell};

const SCHEMA: &str = include_str!("../data/junit/junit-10.xsd");

fn text(events: &[Event]) -> String {
    let mut out = Vec::new();
    given::told(events, &mut out, JunitReporter::new);
    String::from_utf8(out).unwrap()
}

fn whole_run() -> Vec<Event> {
    let mut events = given::run(given::each_verdict());
    events.insert(1, given::note("a \"note\""));
    events
}

/// What the schema has against a document; also whatever is not well-formed (XML 1.0).
pub(crate) fn faults(xml: &str) -> Vec<String> {
    let schema = SchemaSetBuilder::new()
        .add_source(SCHEMA, "junit-10.xsd")
        .unwrap()
        .compile()
        .unwrap()
        .into_schema_set();
    let (mut errors, mut warnings) = (Vec::new(), Vec::new());
    let validator = SchemaValidator::new(&schema, ValidationFlags::default());
    let mut run = validator.start_run(CollectingValidationSink {
        errors: &mut errors,
        warnings: &mut warnings,
    });
    let driven = drive_quick_xml(xml.as_bytes(), &mut run, &schema);
    drop(run);
    let mut faults: Vec<String> = errors.iter().map(ToString::to_string).collect();
    faults.extend(driven.err().map(|error| error.to_string()));
    faults
}

#[test]
fn a_run_with_each_verdict() {
    insta::assert_snapshot!(text(&whole_run()));
}

#[test]
fn an_interrupted_run_is_not_green() {
    let cells: Vec<Event> = given::each_verdict()
        .into_iter()
        .take(1)
        .map(given::judged)
        .collect();
    let mut events = vec![given::started(87)];
    events.extend(cells);
    events.push(given::finished(&events, true));
    let told = text(&events);
    insta::assert_snapshot!(told);
    // Without its end, the same but for the time that it took.
    assert_eq!(text(&events[..2]), told.replacen(" time=\"1.420\"", "", 1));
}

#[test]
fn it_is_valid() {
    let mut hostile = given::run(Verdict::ALL.map(|verdict| {
        let spoil = format!("{EVIL}]]> <script>&amp;\u{fffe}\u{ffff}\u{0}\u{b}\"'");
        spoilt_cell(verdict, &spoil)
    }));
    let Event::RunStarted(run) = &mut hostile[0] else {
        panic!()
    };
    run.suite.push_str(EVIL);
    run.started = format!("{EVIL}{EVIL}");
    let runs = [
        whole_run(),
        given::run([]),
        whole_run()[..3].to_vec(),
        hostile,
    ];
    for events in runs {
        let told = text(&events);
        assert_eq!(faults(&told), Vec::<String>::new(), "{told}");
    }
}

#[test]
fn the_schema_refuses_what_is_not_a_report() {
    let good = text(&whole_run());
    let broken = [
        ("<testsuites name", "<testsuites skipped=\"0\" name"),
        ("<testcase name", "<testcase file=\"a\" name"),
        ("time=\"0.012\"", "time=\"12 ms\""),
        ("<failure", "<properties/><failure"),
        ("</testsuites>", ""),
        ("expected", "exp\u{1}ected"),
        ("<testsuite name=\"viewer\"", "<testsuite"),
    ];
    for (from, to) in broken {
        assert!(good.contains(from), "{from}");
        let bad = good.replace(from, to);
        assert_ne!(faults(&bad), Vec::<String>::new(), "{from}");
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
fn what_is_kept_is_bounded_and_every_cell_is_told() {
    let cells = (0..20_000).map(|index| {
        let mut cell = given::escalation();
        cell.cell = format!("viewer/post.update/{index}");
        cell.curl = Some("x".repeat(5_000));
        cell
    });
    let told = text(&given::run(cells));
    assert_eq!(told.matches("<failure ").count(), 20_000);
    assert_eq!(
        told.matches("details of the first 10,000 only").count(),
        10_000
    );
    assert_eq!(told.matches("xxx").count(), 0, "a command too long to read");
    assert!(told.contains("tests=\"20000\" failures=\"20000\" errors=\"0\""));
}

#[test]
fn events_outside_of_a_run_are_refused() {
    let events = given::run([given::escalation()]);
    let mut out = Vec::new();
    let mut reporter = JunitReporter::new(&mut out);
    reporter.event(&events[1]).unwrap_err();
    for event in &events {
        reporter.event(event).unwrap();
    }
    reporter.event(&events[0]).unwrap_err();
    drop(reporter);
    assert_eq!(String::from_utf8(out).unwrap(), text(&events));
}
