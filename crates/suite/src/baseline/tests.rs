//! The file, the comparison of runs with it, and what is accepted.

use authz::source::{Place, Source, render};

use super::{Acceptance, Baseline, Comparison};
use crate::event::{CellRecord, Change, Counts, Drift, Event, ExpectedRecord, RunStarted, Summary};
use crate::verdict::{Access, Verdict};

fn place(file: &str, line: usize) -> Place {
    Place {
        file: file.into(),
        span: 0..0,
        line,
        column: 1,
    }
}

fn read(text: &str) -> Baseline {
    Baseline::parse(&Source::new("lockstep.baseline", text)).unwrap()
}

/// A cell, and what the system did: `allowed`, `denied`, `escalation`, `lockout`, `unsure`,
/// `?allowed`, `?denied` or `?unknown`.
fn cell(name: &str, what: &str) -> CellRecord {
    let mut parts = name.split('/').map(str::to_owned);
    let (expected, verdict, access) = match what {
        "allowed" => ("allow", Verdict::Held, Access::Allowed),
        "denied" => ("deny", Verdict::Held, Access::Denied),
        "escalation" => ("deny", Verdict::Escalation, Access::Allowed),
        "lockout" => ("allow", Verdict::Lockout, Access::Denied),
        "unsure" => ("allow", Verdict::Inconclusive, Access::Unknown),
        "side effect" => ("deny", Verdict::SideEffect, Access::Unknown),
        "?allowed" => ("?", Verdict::Inconclusive, Access::Allowed),
        "?denied" => ("?", Verdict::Inconclusive, Access::Denied),
        "?unknown" => ("?", Verdict::Inconclusive, Access::Unknown),
        other => panic!("{other}"),
    };
    CellRecord {
        cell: name.to_owned(),
        actor: parts.next().unwrap(),
        action: parts.next().unwrap(),
        owner: parts.next(),
        caller: None,
        situation: None,
        target: "posts".to_owned(),
        verdict,
        access,
        expected: ExpectedRecord {
            what: expected.to_owned(),
            denial: None,
            reason: "role `viewer`".to_owned(),
            place: Some(place("policy.yaml", 12)),
        },
        observed: "404".to_owned(),
        because: None,
        place: place("lockstep.yaml", 3),
        control: None,
        effect_seen: None,
        curl: None,
        rows: Vec::new(),
        exchanges: Vec::new(),
        duration_ms: 1,
    }
}

fn run(cells: &[(&str, &str)], patterns: &[&str], interrupted: bool) -> Vec<Event> {
    let started = RunStarted {
        run: "20261122T101500.000Z-1".to_owned(),
        suite: "lockstep.yaml".to_owned(),
        started: "2026-11-22T10:15:00Z".to_owned(),
        cells: cells.len() + usize::from(interrupted),
        patterns: patterns.iter().map(|&pattern| pattern.to_owned()).collect(),
        shard: None,
        cells_of_all: None,
        digest: String::new(),
        environment: None,
        read_only: false,
        targets: Vec::new(),
        actors: Vec::new(),
    };
    let mut events = vec![Event::RunStarted(started)];
    let mut counts = Counts::default();
    for (name, what) in cells {
        let record = cell(name, what);
        counts.add(record.verdict);
        events.push(Event::CellJudged(Box::new(record)));
    }
    events.push(Event::RunFinished(Summary {
        counts,
        interrupted,
        ..Summary::default()
    }));
    events
}

fn drifts(baseline: &str, events: Vec<Event>) -> (Vec<Drift>, Summary) {
    let mut comparison = Comparison::new(read(baseline));
    let told: Vec<Event> = events
        .into_iter()
        .flat_map(|event| comparison.follow(event))
        .collect();
    let drifts = told.iter().filter_map(|event| match event {
        Event::Drift(drift) => Some(drift.clone()),
        _ => None,
    });
    let Some(Event::RunFinished(summary)) = told.last() else {
        panic!("the end is not the last: {told:?}");
    };
    (drifts.collect(), summary.clone())
}

fn lines(baseline: &str, events: Vec<Event>) -> Vec<String> {
    let (drifts, _) = drifts(baseline, events);
    drifts.iter().map(Drift::line).collect()
}

fn acceptance(events: Vec<Event>) -> Acceptance {
    let mut acceptance = Acceptance::default();
    events.iter().for_each(|event| acceptance.take(event));
    acceptance
}

const COMMENTED: &str = "\
# our grants

# asked for by the editors
allow viewer/post.read/editor   # until May
  allow\teditor/post.update/editor

# that is all
";

#[test]
fn a_baseline_is_sorted_and_keeps_its_comments() {
    let baseline = read(COMMENTED);
    let written = baseline.to_string();
    assert_eq!(
        written,
        "\
# our grants

allow editor/post.update/editor
# asked for by the editors
allow viewer/post.read/editor  # until May
# that is all
"
    );
    assert_eq!(read(&written).to_string(), written);
    assert_eq!(read(&written.replace('\n', "\r\n")).to_string(), written);
    assert!(baseline.has("editor/post.update/editor"));
    assert_eq!(baseline.cells().count(), 2);
    assert_eq!(read("").to_string(), "");
}

#[test]
fn a_new_baseline_reads_back() {
    let before = Baseline::empty("lockstep.baseline");
    let after = acceptance(run(
        &[("b/c.d", "allowed"), ("a/c.d/b", "allowed")],
        &[],
        false,
    ))
    .applied_to(&before, false);
    let text = after.to_string();
    assert!(text.ends_with("\n\nallow a/c.d/b\nallow b/c.d\n"), "{text}");
    assert_eq!(read(&text).to_string(), text);
}

#[test]
fn mistakes() {
    let text = "\
alow viewer/post.read/editor
+ allow viewer/post.read/editor
allow
allow viewer
  allow a/land.read/editor and more
allow viewer/post.read/editor # one
allow viewer/post.read/editor # two
allow viewer/session.open
- allow viewer/post.read/editor
allow //
viewer/post.read/editor
";
    let source = Source::new("lockstep.baseline", text);
    let mistakes = Baseline::parse(&source).unwrap_err();
    insta::assert_snapshot!(render(&mistakes, &[source], false));
}

#[test]
fn a_grant_outside_the_baseline_is_told_with_its_place() {
    let cells = [
        ("viewer/post.read/editor", "allowed"),
        ("viewer/post.delete/editor", "allowed"),
        ("editor/post.read/editor", "escalation"),
        ("editor/post.list", "?allowed"),
        ("editor/post.drop", "denied"),
        ("editor/post.hide", "side effect"),
        ("viewer/session.open", "allowed"),
    ];
    let (drifts, summary) = drifts("allow viewer/post.read/editor\n", run(&cells, &[], false));
    let told: Vec<String> = drifts
        .iter()
        .map(|drift| format!("{}  {}  {}", drift.line(), drift.place, drift.reason))
        .collect();
    assert_eq!(
        told,
        [
            "+ allow editor/post.list  lockstep.yaml:3  nothing is expected of it",
            "+ allow editor/post.read/editor  lockstep.yaml:3  escalation: 404",
            "+ allow viewer/post.delete/editor  policy.yaml:12  role `viewer`",
        ]
    );
    assert!(summary.fails());
    assert_eq!(summary.grants_added(), 3);
}

#[test]
fn a_grant_that_is_gone_is_told_and_does_not_fail() {
    let baseline = "allow a/p.denied\nallow a/p.gone\nallow a/p.unsure\nallow a/p.kept\n";
    let cells = [
        ("a/p.denied", "denied"),
        ("a/p.unsure", "unsure"),
        ("a/p.kept", "allowed"),
    ];
    let (drifts, summary) = drifts(baseline, run(&cells, &[], false));
    let told: Vec<(Change, usize)> = drifts
        .iter()
        .map(|drift| (drift.change, drift.place.line))
        .collect();
    assert_eq!(told, [(Change::Denied, 1), (Change::Vanished, 2)]);
    assert!(!summary.fails());
    // What was not tried has not vanished.
    let part = lines(baseline, run(&cells, &["a/*"], false));
    assert_eq!(part, ["- allow a/p.denied"]);
    let interrupted = lines(baseline, run(&cells, &[], true));
    assert_eq!(interrupted, ["- allow a/p.denied"]);
}

#[test]
fn what_a_run_must_be_to_be_accepted() {
    let objections = |events| acceptance(events).objections();
    let good = [
        ("a/p.one", "allowed"),
        ("a/p.two", "denied"),
        ("a/p.three", "?allowed"),
    ];
    assert_eq!(objections(run(&good, &[], false)), Vec::<String>::new());
    let bad = [
        ("a/p.one", "escalation"),
        ("a/p.two", "lockout"),
        ("a/p.three", "unsure"),
        ("a/p.four", "?unknown"),
    ];
    assert_eq!(
        objections(run(&bad, &["a/*"], true)),
        [
            "the run was interrupted: 4 of 5 cells were judged",
            "the run was of a part only: `a/*`",
            "inconclusive: a/p.four",
            "inconclusive: a/p.three",
            "escalation: a/p.one",
            "lockout: a/p.two",
        ]
    );
    let mut killed = run(&good, &[], false);
    killed.pop();
    assert_eq!(
        objections(killed),
        ["the run was interrupted: 3 of 3 cells were judged"]
    );
    let many: Vec<String> = (0..25).map(|n| format!("a/p.n{n}")).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "unsure")).collect();
    let told = objections(run(&many, &[], false));
    assert_eq!(told.len(), 21);
    assert_eq!(told.last().unwrap(), "and 5 more");
    assert!(!objections(Vec::new()).is_empty());
}

#[test]
fn what_is_accepted() {
    let before = read("allow a/p.kept\nallow a/p.denied\nallow a/p.unsure\nallow a/p.untried\n");
    let cells = [
        ("a/p.kept", "allowed"),
        ("a/p.denied", "denied"),
        ("a/p.unsure", "unsure"),
        ("a/p.new", "allowed"),
        ("a/p.harm", "escalation"),
        ("a/session.open", "allowed"),
    ];
    let acceptance = acceptance(run(&cells, &[], false));
    let accepted = |as_part| {
        let after = acceptance.applied_to(&before, as_part);
        after.cells().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(
        accepted(true),
        [
            "a/p.harm",
            "a/p.kept",
            "a/p.new",
            "a/p.unsure",
            "a/p.untried"
        ]
    );
    assert_eq!(
        accepted(false),
        ["a/p.harm", "a/p.kept", "a/p.new", "a/p.unsure"]
    );
    assert_eq!(acceptance.escalations().collect::<Vec<_>>(), ["a/p.harm"]);
}
