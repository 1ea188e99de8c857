//! Layers that disagree, in every report.

use report::comparison::Changes;
use report::json::JsonReporter;
use report::terminal::{Style, changes_text};
use report::{Recorded, merge};
use serde_json::Value;
use suite::event::{CellRecord, Event, ExpectedRecord, RowRecord};
use suite::layers::Layers;
use suite::plan::Shard;
use suite::verdict::{Access, Verdict};

use crate::drift::{log, page, terminal, xml};
use crate::given::{self, PLAIN};
use crate::hostile::EVIL;
use crate::{junit, sarif};

/// A cell of an action at one of its layers.
fn cell(
    name: &str,
    target: &str,
    verdict: Verdict,
    expected: ExpectedRecord,
    observed: &str,
) -> CellRecord {
    let full = format!("{name}/{target}");
    CellRecord {
        cell: full,
        target: target.to_owned(),
        ..given::cell(name, verdict, expected, observed)
    }
}

fn deny() -> ExpectedRecord {
    let reason = "role `viewer` may not delete post";
    given::expected("deny", Some("forbidden"), reason)
}

fn rows_decided() -> ExpectedRecord {
    let mut rows = given::expected("rows", None, "the policy decides on each post");
    rows.place = Some(given::place("lockstep.yaml", 17));
    rows
}

/// The API denies and the database allows, then the other way round, then what nobody expects.
fn cells() -> Vec<CellRecord> {
    let held = |name, observed| {
        let mut cell = cell(name, "api", Verdict::Held, deny(), observed);
        cell.access = Access::Denied;
        cell
    };
    let observed = |target, access| {
        let nothing = given::expected("?", None, "nothing is expected of it");
        let name = "editor/post.export/editor";
        let mut cell = cell(name, target, Verdict::Inconclusive, nothing, "204");
        cell.access = access;
        cell
    };
    let of_rows = |name, verdict, observed, rows: &[(&str, bool, Access)]| {
        let mut cell = cell(name, "db", verdict, rows_decided(), observed);
        cell.place = given::place("lockstep.yaml", 66);
        let rows = rows.iter().map(|&(owner, permitted, access)| RowRecord {
            owner: Some(owner.to_owned()),
            key: format!("post-of-{owner}"),
            permitted,
            access,
        });
        cell.rows = rows.collect();
        cell
    };
    let allow = given::expected("allow", None, "role `admin` grants post.delete");
    let own = "admin/post.delete/editor";
    vec![
        held("viewer/post.delete/editor", "403, nothing has changed"),
        held("viewer/post.delete/oscar", "404, nothing has changed"),
        of_rows(
            "viewer/post.delete",
            Verdict::Escalation,
            "reaches 3 of 5 rows",
            &[
                ("editor", false, Access::Allowed),
                ("oscar", false, Access::Denied),
            ],
        ),
        cell(own, "api", Verdict::Held, allow, "204"),
        of_rows(
            "admin/post.delete",
            Verdict::Lockout,
            "reaches 0 of 5 rows",
            &[("editor", true, Access::Denied)],
        ),
        observed("api", Access::Allowed),
        observed("db", Access::Denied),
    ]
}

/// A whole run of these cells, with where their layers disagree.
pub(crate) fn run(cells: Vec<CellRecord>) -> Vec<Event> {
    let mut layers = Layers::default();
    let events = given::run(cells).into_iter();
    events.flat_map(|event| layers.follow(event)).collect()
}

/// A run in which layers disagree in each way.
pub(crate) fn each_way() -> Vec<Event> {
    run(cells())
}

fn document(events: &[Event]) -> Vec<u8> {
    let mut out = Vec::new();
    given::told(events, &mut out, JsonReporter::new);
    out
}

#[test]
fn at_a_terminal_it_stands_below_the_finding() {
    let style = Style {
        width: 120,
        ..PLAIN
    };
    insta::assert_snapshot!(terminal(&each_way(), style));
}

#[test]
fn at_a_narrow_terminal() {
    let style = Style { width: 60, ..PLAIN };
    insta::assert_snapshot!(terminal(&each_way(), style));
}

/// One finding has one block, on however many resources its layers disagree.
#[test]
fn alike_ones_are_named_with_the_first() {
    let mut cells = cells();
    cells[2].rows[1].access = Access::Allowed;
    let told = terminal(&run(cells), PLAIN);
    assert_eq!(told.matches("LAYERS").count(), 3, "{told}");
    let also = "  also      viewer/post.delete/oscar\n";
    assert!(told.contains(also), "{told}");
    assert!(
        told.contains("layers: 4 rules compared, 4 disagree."),
        "{told}"
    );
}

#[test]
fn in_junit_it_fails() {
    let told = xml(&each_way());
    assert_eq!(junit::faults(&told), Vec::<String>::new());
    let (_, layers) = told.split_once("<testsuite name=\"layers\"").unwrap();
    insta::assert_snapshot!(layers);
}

#[test]
fn in_sarif_it_is_a_result_with_both_places() {
    let log = log(&each_way());
    assert!(sarif::validator().is_valid(&log));
    let run = &log["runs"][0];
    let results: Vec<&Value> = run["results"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|result| result["ruleId"] == "layers")
        .collect();
    let index = usize::try_from(results[0]["ruleIndex"].as_u64().unwrap()).unwrap();
    let rule = &run["tool"]["driver"]["rules"][index];
    assert_eq!(rule["id"], "layers");
    insta::assert_snapshot!(serde_json::to_string_pretty(&results).unwrap());
}

#[test]
fn in_markdown_it_is_in_the_headline() {
    insta::assert_snapshot!(page(&each_way()));
}

#[test]
fn in_json_and_read_back() {
    let events = each_way();
    let report = document(&events);
    let json: Value = serde_json::from_slice(&report).unwrap();
    let recorded = Recorded::of_report(&report).unwrap();
    assert_eq!(recorded.disagreements.len(), 3);
    assert_eq!(json["disagreements"].as_array().unwrap().len(), 3);
    let mut again = Vec::new();
    recorded.tell(&mut JsonReporter::new(&mut again)).unwrap();
    assert_eq!(report, again);
    // A report whose summary says otherwise is none.
    let mut fewer = json.clone();
    fewer["disagreements"].as_array_mut().unwrap().pop();
    let fewer = serde_json::to_vec(&fewer).unwrap();
    Recorded::of_report(&fewer).unwrap_err();
    // Where all layers agree, that is said of those that were compared, and of no other.
    let alike: Vec<CellRecord> = cells().into_iter().take(2).collect();
    let json: Value = serde_json::from_slice(&document(&run(alike))).unwrap();
    assert_eq!(json.get("disagreements"), None);
    assert_eq!(json["summary"].get("layers"), None);
}

fn recorded(events: &[Event]) -> Recorded {
    Recorded::of_report(&document(events)).unwrap()
}

/// One part has seen the API, another one the database.
#[test]
fn parts_are_compared_where_they_are_merged() {
    let parts = (1..=4).map(|number| {
        let shard: Shard = format!("{number}/4").parse().unwrap();
        let own = cells().into_iter().filter(|cell| shard.has(&cell.cell));
        let mut events = run(own.collect());
        let Event::RunStarted(start) = &mut events[0] else {
            panic!("a run starts");
        };
        start.shard = Some(shard);
        start.cells_of_all = Some(cells().len());
        (format!("{number}.json"), recorded(&events))
    });
    let parts: Vec<_> = parts.collect();
    let seen: usize = parts.iter().map(|(_, part)| part.disagreements.len()).sum();
    let whole = recorded(&each_way());
    assert!(
        seen < whole.disagreements.len(),
        "no part saw one side only"
    );
    let merged = merge(parts).unwrap();
    assert_eq!(merged.disagreements, whole.disagreements);
    assert_eq!(merged.end().layers, whole.end().layers);
}

#[test]
fn two_runs_are_compared() {
    let (before, after) = (
        recorded(&run(cells()[..3].to_vec())),
        recorded(&run(cells()[3..].to_vec())),
    );
    let changes = Changes::between(&before, &after, &[]);
    let names = |of: &[suite::event::Disagreement]| -> Vec<String> {
        of.iter().map(|it| it.name.clone()).collect()
    };
    assert_eq!(names(&changes.rejoined), ["viewer/post.delete/editor"]);
    assert_eq!(
        names(&changes.parted),
        ["admin/post.delete/editor", "editor/post.export/editor"]
    );
    let text = changes_text(&changes, PLAIN);
    let (_, text) = text.split_once("layers disagree now").unwrap();
    insta::assert_snapshot!(text);
}

#[test]
fn nothing_of_others_steers_or_breaks_a_report() {
    let evil = format!("{EVIL}]]>\u{1b}[31m\u{9b}");
    let mut events = each_way();
    for event in &mut events {
        if let Event::Disagreement(it) = event {
            for text in [
                &mut it.name,
                &mut it.actor,
                &mut it.action,
                &mut it.expected.reason,
            ] {
                text.push_str(&evil);
            }
            for side in it.allows.iter_mut().chain(&mut it.denies) {
                for text in [&mut side.cell, &mut side.target, &mut side.observed] {
                    text.push_str(&evil);
                }
            }
        }
    }
    let steers = |text: &str| text.contains(|c: char| c.is_control() && c != '\n');
    assert!(!steers(&terminal(&events, PLAIN)));
    assert!(!steers(&page(&events)));
    let xml = xml(&events);
    assert!(!steers(&xml));
    assert_eq!(junit::faults(&xml), Vec::<String>::new());
    assert!(sarif::validator().is_valid(&log(&events)));
}
