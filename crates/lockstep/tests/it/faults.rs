//! The faults of the sample system: each is found where the table says, with the verdict that it says, and nothing
//! else is. The traps beside them are not.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use testkit::Project;

use crate::support::{Names, Report, lockstep, names, root, run, strings};

/// How often a run is repeated to see whether it always says the same.
const RUNS: usize = 20;

/// What the table says of a fault.
struct Fault {
    name: String,
    /// The verdict of each cell that does not hold.
    cells: BTreeMap<String, String>,
}

impl Fault {
    /// One that is there to be no finding.
    fn is_inconclusive(&self) -> bool {
        self.has("inconclusive")
    }

    fn has(&self, verdict: &str) -> bool {
        self.cells.values().any(|it| it == verdict)
    }

    fn findings(&self) -> BTreeMap<String, String> {
        let cells = self.cells.clone().into_iter();
        cells
            .filter(|(_, verdict)| verdict != "inconclusive")
            .collect()
    }

    fn names(&self) -> Names {
        self.cells.keys().cloned().collect()
    }
}

/// The table of faults in `crates/demo/FAULTS.md`; a fault has a row for each verdict.
fn table() -> Vec<Fault> {
    let text = fs::read_to_string(root().join("crates/demo/FAULTS.md")).unwrap();
    let mut faults: Vec<Fault> = Vec::new();
    for line in text.lines().filter(|line| line.starts_with("| `")) {
        let columns: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [name, _, verdict, cells] = columns[..] else {
            continue;
        };
        let name = name.trim_matches('`').to_owned();
        let verdict = verdict.replace(' ', "-");
        let cells = cells.split_whitespace();
        let cells = cells.map(|cell| (unquoted(cell), verdict.clone()));
        match faults.last_mut().filter(|fault| fault.name == name) {
            Some(fault) => fault.cells.extend(cells),
            None => faults.push(Fault {
                name,
                cells: cells.collect(),
            }),
        }
    }
    assert!(!faults.is_empty(), "the table has no rows");
    faults
}

fn unquoted(cell: &str) -> String {
    let inner = cell
        .strip_prefix('`')
        .and_then(|cell| cell.strip_suffix('`'));
    inner
        .unwrap_or_else(|| panic!("not a quoted cell: {cell}"))
        .to_owned()
}

/// Runs `lockstep demo` with these arguments.
fn demo(arguments: &[&str]) -> Report {
    let mut all = vec!["demo", "--no-open", "--report", "json=-"];
    all.extend(arguments);
    Report::of(&run(&all))
}

/// What counts only beside an administrator who gets in: their own cells, and those of actions that nobody else may do.
fn hangs_on_the_administrator(cell: &str) -> bool {
    cell.starts_with("admin/") || cell.contains("/user.") || cell.contains("/audit.")
}

#[test]
fn the_table_names_the_faults_that_can_be_planted() {
    let listed = run(&["demo", "--list"]);
    let listed: Vec<&str> = listed
        .stdout
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .collect();
    let table = table();
    let table: Vec<&str> = table.iter().map(|fault| fault.name.as_str()).collect();
    assert_eq!(listed, table);
}

#[test]
fn all_planted_are_found_and_nothing_else() {
    let report = demo(&[]);
    let mut expected = BTreeMap::new();
    for fault in table() {
        expected.extend(fault.findings());
    }
    let is_out = |cell: &String| cell.starts_with("admin/") && cell != "admin/session.open";
    expected.retain(|cell, _| !is_out(cell));
    assert_eq!(report.findings(), expected);
    assert_eq!(report.code, Some(1));
    let mut hanging: Names = report
        .cells
        .keys()
        .filter(|cell| hangs_on_the_administrator(cell) && !expected.contains_key(*cell))
        .cloned()
        .collect();
    for fault in table().into_iter().filter(Fault::is_inconclusive) {
        hanging.extend(fault.names());
    }
    assert_eq!(report.with("inconclusive"), hanging);
    assert!(report.duration_ms() > 0, "{}", report.told);
}

#[test]
fn each_planted_alone_is_found_where_the_table_says_and_nothing_else() {
    for fault in table() {
        let report = demo(&["--fault", &fault.name]);
        assert_eq!(report.findings(), fault.findings(), "{}", fault.name);
        let code = if fault.is_inconclusive() { 3 } else { 1 };
        assert_eq!(report.code, Some(code), "{}", fault.name);
        let unsure = report.with("inconclusive");
        match fault.name.as_str() {
            "locked-out-admin" => {
                assert!(!unsure.is_empty());
                assert!(unsure.iter().all(|cell| hangs_on_the_administrator(cell)));
            }
            _ if fault.is_inconclusive() => assert_eq!(unsure, fault.names()),
            name => assert_eq!(unsure, Names::new(), "{name}"),
        }
    }
}

#[test]
fn the_fixed_system_holds() {
    let report = demo(&["--fixed"]);
    assert_eq!(report.code, Some(0), "{}", report.told);
    assert_eq!(report.with("held").len(), report.cells.len());
    assert_eq!(report.notes(), Vec::<String>::new());
    let actors: Vec<String> = strings(&report.json["actors"]).collect();
    assert_eq!(
        actors,
        [
            "anonymous",
            "admin",
            "editor",
            "deputy",
            "viewer",
            "outsider",
            "expired",
            "forged",
            "unsigned",
            "lured",
            "leaver"
        ]
    );
    // The faults' cells are there to hold: a cell that is not tried cannot be found.
    for fault in table() {
        let held = report.with("held");
        let missing: Vec<_> = fault
            .cells
            .keys()
            .filter(|cell| !held.contains(*cell))
            .collect();
        assert!(missing.is_empty(), "{}: {missing:?}", fault.name);
    }
}

/// A fault that is no longer planted takes exactly its own findings away, so that the tests above would miss it.
#[test]
fn a_fault_that_is_left_out_is_missed() {
    let table = table();
    let without_lockout = || {
        let findings = table.iter().filter(|fault| !fault.is_inconclusive());
        findings.filter(|fault| !fault.has("lockout"))
    };
    for left_out in without_lockout() {
        let planted = || without_lockout().filter(|fault| fault.name != left_out.name);
        let arguments: Vec<&str> = planted()
            .flat_map(|fault| ["--fault", &fault.name])
            .collect();
        let expected: BTreeMap<_, _> = planted().flat_map(Fault::findings).collect();
        assert_eq!(demo(&arguments).findings(), expected, "{}", left_out.name);
    }
}

#[test]
fn runs_with_all_planted_agree_with_one_another() {
    assert_runs_agree(&[]);
}

#[test]
fn runs_of_the_fixed_system_agree_with_one_another() {
    assert_runs_agree(&["--fixed"]);
}

fn assert_runs_agree(arguments: &[&str]) {
    let runs: BTreeSet<BTreeMap<String, String>> =
        (0..RUNS).map(|_| demo(arguments).verdicts()).collect();
    assert_eq!(runs.len(), 1, "{runs:#?}");
}

/// A status check takes these for an escalation: 204 to somebody who may not, and 200 where it was refused.
#[test]
fn traps_are_not_reported() {
    let silent_ignore = names([
        "deputy/draft.update/editor",
        "viewer/draft.update/editor",
        "deputy/profile.update/editor",
        "viewer/profile.update/editor",
    ]);
    let disguised_denial = names(["viewer/post.publish/editor"]);
    let planted_elsewhere = ["--fault", "debug-route", "--fault", "title-in-403"];
    for arguments in [&["--fixed"][..], &planted_elsewhere] {
        let held = demo(arguments).with("held");
        assert!(silent_ignore.is_subset(&held), "{arguments:?}");
        assert!(disguised_denial.is_subset(&held), "{arguments:?}");
    }
    let all = demo(&[]);
    let held = all.with("held");
    assert!(held.contains("viewer/draft.update/editor"));
    assert!(held.contains("deputy/draft.update/editor"));
    assert!(disguised_denial.is_subset(&held));
}

#[test]
fn the_terminal_tells_what_the_json_tells() {
    let project = Project::empty();
    let finished = lockstep(
        project.path(),
        &["demo", "--no-open", "--report", "json=r.json"],
    )
    .run();
    assert_eq!(finished.code, Some(1), "{}", finished.told());
    let json: serde_json::Value = serde_json::from_str(&project.read("r.json")).unwrap();
    for cell in strings(&json["findings"]) {
        let line = format!("  cell      {cell}\n");
        assert!(
            finished.stdout.contains(&line),
            "`{cell}` is not told: {}",
            finished.stdout
        );
    }
    let told = finished.stdout.matches("\n  cell      ").count();
    assert_eq!(told, json["findings"].as_array().unwrap().len());
    assert!(finished.stderr.contains("`lockstep demo --serve`"));
    assert_eq!(finished.stderr.lines().count(), 2, "{}", finished.stderr);
}
