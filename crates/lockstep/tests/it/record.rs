//! `.lockstep/`: the record of every run, private and out of version control.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use serde_json::{Value, json};
use testkit::{Answer, Project, Request, Server};

use crate::support::{lockstep, strings};

const SUITE: &str = r#"
version: 1
targets: { hall: { http: "${HALL_URL}" } }
actors: { visitor: {} }
actions: { hall: { enter: { hall: { GET: /hall } }, climb: { hall: { GET: /roof } } } }
expect: |
  action      visitor
  hall.enter  allow
  hall.climb  allow
"#;

/// A hall in which nobody may climb.
fn hall() -> Server {
    Server::start(|request: &Request| match request.path() {
        "/hall" => Answer::json(200, &json!({})),
        _ => Answer::json(403, &json!({ "lines": "one\ntwo\u{2028}three" })),
    })
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

fn events(project: &Project) -> Vec<Vec<Value>> {
    let files = project.files_under(".lockstep/runs");
    let read = |file: &std::path::PathBuf| {
        let text = fs::read_to_string(file).unwrap();
        assert!(text.ends_with('\n'), "the last line is whole");
        let lines = text.lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let logs = files.iter().filter(|file| file.ends_with("events.jsonl"));
    logs.map(read).collect()
}

#[test]
fn a_run_is_recorded_one_event_a_line() {
    let server = hall();
    let project = Project::new([("lockstep.yaml", SUITE)]);
    let finished = lockstep(project.path(), &["test", "--report", "json=r.json"])
        .env("HALL_URL", &server.url())
        .run();
    assert_eq!(finished.code, Some(1), "{}", finished.told());
    let runs = events(&project);
    let [events] = runs.as_slice() else {
        panic!("not one run: {runs:?}");
    };
    let kinds: Vec<&str> = events
        .iter()
        .map(|event| event["event"].as_str().unwrap())
        .collect();
    assert_eq!(
        kinds,
        ["run-started", "cell-judged", "cell-judged", "run-finished"]
    );
    // The record and the report say the same.
    let report: Value = serde_json::from_str(&project.read("r.json")).unwrap();
    let by_name = |mut cells: Vec<Value>| {
        cells.sort_by_key(|cell| cell["cell"].to_string());
        cells
    };
    let recorded = events[1..3].iter().map(|event| {
        let mut event = event.clone();
        event.as_object_mut().unwrap().remove("event");
        event
    });
    let reported = report["cells"].as_array().unwrap().clone();
    assert_eq!(by_name(recorded.collect()), by_name(reported));
    assert_eq!(events[0]["run"], report["run"]);
    let folder = project
        .path()
        .join(".lockstep/runs")
        .join(report["run"].as_str().unwrap());
    assert!(folder.join("events.jsonl").is_file());
}

#[test]
fn the_record_is_private_and_ignored() {
    let server = hall();
    let project = Project::new([("lockstep.yaml", SUITE)]);
    let test = || {
        let finished = lockstep(project.path(), &["test"])
            .env("HALL_URL", &server.url())
            .run();
        assert_eq!(finished.code, Some(1), "{}", finished.told());
    };
    test();
    let folder = project.path().join(".lockstep");
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(project.read(".lockstep/.gitignore"), "*\n");
    for file in project.files_under(".lockstep/runs") {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
        assert_eq!(mode(file.parent().unwrap()), 0o700);
    }
    // What somebody wrote there stays, and each run has a folder of its own.
    project.write(".lockstep/.gitignore", b"*\n!keep\n");
    test();
    assert_eq!(project.read(".lockstep/.gitignore"), "*\n!keep\n");
    assert_eq!(events(&project).len(), 2);
}

#[test]
fn a_run_need_not_be_recorded() {
    let server = hall();
    let project = Project::new([("lockstep.yaml", SUITE)]);
    lockstep(project.path(), &["test", "--no-record"])
        .env("HALL_URL", &server.url())
        .run();
    lockstep(project.path(), &["repeat", "visitor/hall.enter"])
        .env("HALL_URL", &server.url())
        .run();
    lockstep(project.path(), &["demo", "--no-open"]).run();
    assert!(!project.path().join(".lockstep").exists());
}

/// Where the record cannot be kept, the run does not begin: that is Lockstep's own fault, not a verdict.
#[test]
fn a_record_that_cannot_be_kept_is_no_verdict() {
    let server = hall();
    let project = Project::new([("lockstep.yaml", SUITE), (".lockstep", "a file")]);
    let finished = lockstep(project.path(), &["test"])
        .env("HALL_URL", &server.url())
        .run();
    assert_eq!(finished.code, Some(70), "{}", finished.told());
    assert!(finished.stderr.contains(".lockstep"), "{}", finished.stderr);
    assert_eq!(server.connections(), 0);
}

/// A disk that is full, a reader that goes away: a report that is not whole is no success.
#[test]
fn a_report_that_cannot_be_written_is_no_success() {
    let server = Server::start(|_: &Request| Answer::json(200, &json!({})));
    let project = Project::new([("lockstep.yaml", SUITE)]);
    let finished = lockstep(project.path(), &["test", "--report", "json=/dev/full"])
        .env("HALL_URL", &server.url())
        .run();
    assert_eq!(finished.code, Some(70), "{}", finished.told());
    assert!(
        finished.stderr.contains("cannot be written"),
        "{}",
        finished.stderr
    );
}

/// The names of runs are in the order of time, and none is given twice.
#[test]
fn runs_have_names_of_their_own() {
    let server = hall();
    let project = Project::new([("lockstep.yaml", SUITE)]);
    let mut told = Vec::new();
    for _ in 0..3 {
        let finished = lockstep(project.path(), &["test", "--report", "json=-"])
            .env("HALL_URL", &server.url())
            .run();
        let report: Value = serde_json::from_str(&finished.stdout).unwrap();
        told.push(report["run"].as_str().unwrap().to_owned());
        assert_eq!(strings(&report["actors"]).collect::<Vec<_>>(), ["visitor"]);
    }
    let mut distinct = told.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!(distinct.len(), 3);
    // To the second: what follows tells apart what began in the same one.
    let times: Vec<&str> = told.iter().filter_map(|name| name.get(..16)).collect();
    assert!(times.is_sorted(), "{told:?}");
}
