//! `lockstep runs`: what was recorded is listed, told again and compared.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};

use serde_json::{Value, json};
use testkit::{Answer, Finished, Project, Request, Server};

use crate::support::lockstep;

const SUITE: &str = r#"
version: 1
targets: { hall: { http: "${HALL_URL}" } }
actors: { visitor: {} }
actions: { hall: { enter: { hall: { GET: /hall } }, climb: { hall: { GET: /roof } } } }
expect: |
  action      visitor
  hall.enter  allow
  hall.climb  allow
environments:
  staging: { targets: { hall: { http: "${STAGING_URL}" } } }
  production: { targets: { hall: { http: "${PRODUCTION_URL}" } } }
"#;

/// A hall whose roof answers as the test says, and a project that tries it.
struct Hall {
    server: Server,
    roof: Arc<AtomicU16>,
}

impl Hall {
    fn start(status: u16) -> Self {
        let roof = Arc::new(AtomicU16::new(status));
        let answered = Arc::clone(&roof);
        let server = Server::start(move |request: &Request| match request.path() {
            "/hall" => Answer::json(200, &json!({})),
            _ => Answer::json(answered.load(Ordering::SeqCst), &json!({})),
        });
        Self { server, roof }
    }

    /// Tests it, its roof answering so.
    fn test(&self, project: &Project, status: u16, arguments: &[&str]) -> Finished {
        self.roof.store(status, Ordering::SeqCst);
        let mut all = vec!["test"];
        all.extend(arguments);
        let invocation = lockstep(project.path(), &all);
        let url = self.server.url();
        let names = ["HALL_URL", "STAGING_URL", "PRODUCTION_URL"];
        invocation.envs(names.map(|name| (name, &*url))).run()
    }
}

fn project() -> Project {
    Project::new([("lockstep.yaml", SUITE)])
}

fn runs(project: &Project, arguments: &[&str], code: i32) -> Finished {
    let mut all = vec!["runs"];
    all.extend(arguments);
    let finished = lockstep(project.path(), &all).run();
    assert_eq!(finished.code, Some(code), "{}", finished.told());
    finished
}

fn list(project: &Project) -> Vec<Value> {
    let listed: Value =
        serde_json::from_str(&runs(project, &["list", "--json"], 0).stdout).unwrap();
    assert_eq!(listed["format"], "lockstep-runs");
    listed["runs"].as_array().unwrap().clone()
}

fn names(project: &Project) -> Vec<String> {
    let runs = list(project);
    let name = |run: &Value| run["run"].as_str().unwrap().to_owned();
    runs.iter().map(name).collect()
}

/// A copy of the newest record under another name.
fn copy(project: &Project, name: &str) {
    let newest = &names(project)[0];
    let text = project.read(&format!(".lockstep/runs/{newest}/events.jsonl"));
    let text = text.replace(newest, name);
    project.write(
        &format!(".lockstep/runs/{name}/events.jsonl"),
        text.as_bytes(),
    );
}

#[test]
fn runs_are_listed_the_newest_first() {
    let (hall, project) = (Hall::start(200), project());
    assert!(runs(&project, &["list"], 0).stdout.contains("no run"));
    for (status, arguments, code) in [
        (200, &[][..], 0),
        (403, &["--env", "staging"][..], 1),
        (500, &["visitor/hall.climb"][..], 3),
    ] {
        let tested = hall.test(&project, status, arguments);
        assert_eq!(tested.code, Some(code), "{}", tested.told());
    }
    let listed = list(&project);
    let said = |key: &str| {
        listed
            .iter()
            .map(|run| run[key].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(said("exit_code"), [json!(3), json!(1), json!(0)]);
    assert_eq!(
        said("environment"),
        [json!(null), json!("staging"), json!(null)]
    );
    assert_eq!(said("cells"), [json!(1), json!(2), json!(2)]);
    let table = runs(&project, &["list"], 0).stdout;
    let words = |line: &str| {
        line.split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let lines: Vec<Vec<String>> = table.lines().map(words).collect();
    assert_eq!(
        lines[0][..7],
        [
            "run",
            "started",
            "environment",
            "cells",
            "findings",
            "inconclusive",
            "exit"
        ]
    );
    assert_eq!(lines[2][3..8], ["staging", "2", "1", "0", "1"], "{table}");
    assert!(
        lines[1]
            .join(" ")
            .ends_with("lockstep.yaml, visitor/hall.climb"),
        "{table}"
    );
}

#[test]
fn a_run_is_told_again_as_it_was() {
    let (hall, project) = (Hall::start(200), project());
    hall.test(&project, 200, &[]);
    let tested = hall.test(
        &project,
        403,
        &[
            "--report",
            "json=first.json",
            "--report",
            "sarif=first.sarif",
        ],
    );
    let shown = runs(
        &project,
        &[
            "show",
            "--report",
            "json=again.json",
            "--report",
            "sarif=again.sarif",
            "--report",
            "junit=again.xml",
            "--report",
            "md=again.md",
        ],
        0,
    );
    assert_eq!(shown.stdout, tested.stdout);
    for form in ["json", "sarif"] {
        let (first, again) = (format!("first.{form}"), format!("again.{form}"));
        assert_eq!(project.read(&first), project.read(&again), "{form}");
    }
    assert!(project.read("again.xml").contains("<failure"));
    assert!(project.read("again.md").contains("1 finding"));
    // Any run, by the beginning of its name.
    let names = names(&project);
    let shown = runs(&project, &["show", &names[1]], 0).stdout;
    assert!(shown.contains("2 held, 0 findings"), "{shown}");
    let twice = runs(&project, &["show", "20"], 2).stderr;
    assert!(
        twice.contains("2 runs have names that begin with `20`"),
        "{twice}"
    );
    let none = runs(&project, &["show", "yesterday"], 2).stderr;
    assert!(
        none.contains("no recorded run is named `yesterday`"),
        "{none}"
    );
}

#[test]
fn what_changed_appeared_and_vanished() {
    let (hall, project) = (Hall::start(200), project());
    runs(&project, &["compare"], 2);
    hall.test(&project, 200, &[]);
    let alone = runs(&project, &["compare"], 2).stderr;
    assert!(alone.contains("there is no earlier run like"), "{alone}");
    // Other cells, another environment: neither is what is compared.
    hall.test(&project, 200, &["visitor/hall.enter"]);
    hall.test(&project, 200, &["--env", "staging"]);
    let renamed = SUITE
        .replace("enter: {", "come-in: {")
        .replace("hall.enter ", "hall.come-in ");
    project.write("lockstep.yaml", renamed.as_bytes());
    hall.test(&project, 403, &[]);
    let told = runs(&project, &["compare"], 0).stdout;
    for part in [
        "the suite's files changed between them",
        "changed\n  visitor/hall.climb  allowed, held -> denied, lockout\n",
        "appeared\n  visitor/hall.come-in  allowed, held\n",
        "vanished\n  visitor/hall.enter  allowed, held\n",
        "1 changed, 1 appeared, 1 vanished, 0 flap; 0 as before.",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let names = names(&project);
    let told = runs(&project, &["compare", &names[3], &names[1], "--json"], 0).stdout;
    let json: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(json["changes"]["vanished"], json!([]), "{told}");
    assert_eq!(json["changes"]["appeared"], json!([]), "{told}");
    assert_eq!(json["changes"]["second"]["environment"], "staging");
}

#[test]
fn a_verdict_that_goes_back_and_forth_flaps_and_one_that_changed_does_not() {
    let (hall, project) = (Hall::start(200), project());
    for status in [200, 403] {
        hall.test(&project, status, &[]);
    }
    let told = runs(&project, &["compare"], 0).stdout;
    assert!(told.contains("0 flap;"), "{told}");
    hall.test(&project, 200, &[]);
    let told = runs(&project, &["compare"], 0).stdout;
    let flaps = "flapping over the last 3 runs\n  visitor/hall.climb  held, lockout, held\n";
    assert!(told.contains(flaps), "{told}");
    assert!(told.contains("1 flaps;"), "{told}");
    // Under another suite nothing has gone back and forth yet.
    project.write("lockstep.yaml", format!("{SUITE}# changed\n").as_bytes());
    hall.test(&project, 200, &[]);
    let told = runs(&project, &["compare"], 0).stdout;
    assert!(told.contains("0 flap;"), "{told}");
}

#[test]
fn two_environments_agree_drift_or_leave_doubt() {
    for (staging, production, code, said) in [
        (
            200,
            200,
            0,
            "0 cells differ, 0 in one only, 0 not established; 2 alike.",
        ),
        (403, 403, 0, "0 cells differ"),
        (
            200,
            403,
            1,
            "drift\n  visitor/hall.climb  staging: allowed, held; production: denied, lockout\n",
        ),
        (403, 200, 1, "1 cell differs"),
        (
            200,
            500,
            3,
            "not established\n  visitor/hall.climb  staging: allowed, held; production: inconclusive\n",
        ),
        (500, 500, 3, "1 not established; 1 alike"),
    ] {
        let (hall, project) = (Hall::start(200), project());
        hall.test(&project, staging, &["--env", "staging"]);
        hall.test(&project, production, &["--env", "production"]);
        // What else was tried meanwhile is not in the way.
        hall.test(
            &project,
            200,
            &["--env", "production", "visitor/hall.enter"],
        );
        let compared = runs(
            &project,
            &["compare", "--env", "staging", "production"],
            code,
        );
        assert!(
            compared.stdout.contains(said),
            "{said}: {}",
            compared.stdout
        );
    }
}

/// Runs of a part are compared only where there are no whole ones, and that is said.
#[test]
fn a_run_of_one_cell_does_not_hide_the_drift_of_whole_ones() {
    let (hall, project) = (Hall::start(200), project());
    let in_it = |name: &str, roof: u16, cells: &[&str]| {
        let mut arguments = vec!["--env", name];
        arguments.extend(cells);
        hall.test(&project, roof, &arguments);
    };
    let compare = |code| {
        runs(
            &project,
            &["compare", "--env", "staging", "production"],
            code,
        )
    };
    let one = ["visitor/hall.enter"];
    in_it("production", 200, &one);
    in_it("staging", 200, &one);
    let part = compare(0);
    assert!(part.stdout.contains("1 alike"), "{}", part.told());
    let said = "tried a part only: `visitor/hall.enter`";
    assert!(part.stderr.contains(said), "{}", part.told());
    in_it("staging", 200, &[]);
    in_it("production", 403, &[]);
    assert!(compare(1).stdout.contains("visitor/hall.climb"));
    in_it("staging", 200, &one);
    let whole = compare(1);
    assert!(whole.stdout.contains("1 cell differs"), "{}", whole.told());
    assert_eq!(whole.stderr, "");
}

/// Of several kinds of whole runs those are compared that are both new.
#[test]
fn old_runs_that_could_change_something_do_not_stand_for_new_ones_that_could_not() {
    let (hall, project) = (Hall::start(200), project());
    let both = |roof: [u16; 2], more: &[&str]| {
        for (name, roof) in ["staging", "production"].into_iter().zip(roof) {
            let mut arguments = vec!["--env", name];
            arguments.extend(more);
            hall.test(&project, roof, &arguments);
        }
    };
    let compare = |code| {
        runs(
            &project,
            &["compare", "--env", "staging", "production"],
            code,
        )
    };
    both([200, 200], &[]);
    both([200, 403], &["--read-only"]);
    compare(1);
    hall.test(&project, 200, &["--env", "staging"]);
    compare(1);
    both([200, 200], &[]);
    compare(0);
}

/// What was tried in neither is no agreement.
#[test]
fn cells_that_were_tried_nowhere_are_counted_apart() {
    let (hall, project) = (Hall::start(200), project());
    let suite = SUITE.replace("climb: { hall: { GET", "climb: { hall: { POST");
    project.write("lockstep.yaml", suite.as_bytes());
    for name in ["staging", "production"] {
        let tested = hall.test(&project, 200, &["--env", name, "--read-only"]);
        assert_eq!(tested.code, Some(0), "{}", tested.told());
    }
    let compare = ["compare", "--env", "staging", "production"];
    let told = runs(&project, &compare, 0).stdout;
    let said = "0 not established; 1 alike, 1 tried in neither.";
    assert!(told.contains(said), "{told}");
    let json = runs(&project, &[&compare[..], &["--json"]].concat(), 0).stdout;
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["disagreement"]["untried"], 1, "{json}");
}

#[test]
fn an_environment_without_a_run_is_no_agreement() {
    let (hall, project) = (Hall::start(200), project());
    hall.test(&project, 200, &["--env", "staging"]);
    let told = runs(&project, &["compare", "--env", "stagin", "production"], 2).stderr;
    assert!(
        told.contains("no run is recorded in the environment `stagin`"),
        "{told}"
    );
    assert!(told.contains("did you mean `staging`?"), "{told}");
    hall.test(
        &project,
        200,
        &["--env", "production", "visitor/hall.enter"],
    );
    let told = runs(&project, &["compare", "--env", "staging", "production"], 2).stderr;
    assert!(told.contains("has tried the same cells"), "{told}");
}

#[test]
fn a_damaged_or_foreign_record_is_told_and_passed_over() {
    let (hall, project) = (Hall::start(200), project());
    hall.test(&project, 200, &[]);
    let whole = names(&project).remove(0);
    let text = project.read(&format!(".lockstep/runs/{whole}/events.jsonl"));
    let first = text.lines().next().unwrap();
    let broken: [(&str, Vec<u8>); 6] = [
        ("empty", Vec::new()),
        ("garbage", vec![0xff, 0x00, b'\n']),
        (
            "no-start",
            text.split_once('\n').unwrap().1.as_bytes().to_vec(),
        ),
        ("another-name", text.as_bytes().to_vec()),
        ("cut", first.as_bytes()[..40].to_vec()),
        (
            "shard",
            first
                .replace("\"cells\"", "\"shard\":\"0/0\",\"cells\"")
                .into_bytes(),
        ),
    ];
    for (name, content) in &broken {
        project.write(&format!(".lockstep/runs/{name}/events.jsonl"), content);
    }
    project.write(".lockstep/runs/a-file", b"");
    fs::create_dir(project.path().join(".lockstep/runs/a-folder")).unwrap();
    let listed = runs(&project, &["list"], 0);
    for (name, _) in &broken {
        assert!(
            listed
                .stderr
                .contains(&format!("runs/{name}` is passed over")),
            "{}",
            listed.stderr
        );
        assert!(!listed.stdout.contains(name), "{}", listed.stdout);
    }
    assert!(listed.stdout.contains(&whole));
    runs(&project, &["show"], 0);
    // What is no record stays where it is, whoever put it there.
    hall.test(&project, 200, &[]);
    assert!(project.path().join(".lockstep/runs/a-folder").is_dir());
}

#[test]
fn a_run_that_was_killed_is_not_whole() {
    let (hall, project) = (Hall::start(200), project());
    hall.test(&project, 200, &[]);
    copy(&project, "20200101T000000.000Z-00000000");
    let name = ".lockstep/runs/20200101T000000.000Z-00000000/events.jsonl";
    let text = project.read(name);
    let lines: Vec<&str> = text.lines().collect();
    let cut = format!(
        "{}\n{}\n{}",
        lines[0],
        lines[1],
        lines[2].get(..30).unwrap()
    );
    project.write(name, cut.as_bytes());
    let table = runs(&project, &["list"], 0).stdout;
    assert!(table.contains("no end"), "{table}");
    let shown = runs(&project, &["show", "2020"], 0).stdout;
    assert!(shown.contains("interrupted after 1 of 2 cells"), "{shown}");
    let told = runs(&project, &["compare"], 0).stdout;
    assert!(
        told.contains("not whole: some cells were not judged"),
        "{told}"
    );
}

#[test]
fn the_last_fifty_runs_of_each_environment_are_kept() {
    let (hall, project) = (Hall::start(200), project());
    hall.test(&project, 200, &["--env", "staging"]);
    let staging = names(&project).remove(0);
    hall.test(&project, 200, &[]);
    for number in 0..55 {
        copy(&project, &format!("20200101T000000.0{number:02}Z-00000000"));
    }
    hall.test(&project, 200, &[]);
    let kept = names(&project);
    assert_eq!(kept.len(), 51, "{kept:?}");
    assert!(kept.contains(&staging), "{kept:?}");
    assert_eq!(kept.last().unwrap(), "20200101T000000.007Z-00000000");
}

/// Trying single cells again and again is no reason to forget what was tried whole.
#[test]
fn runs_of_a_part_do_not_push_out_whole_ones() {
    let (hall, project) = (Hall::start(200), project());
    hall.test(&project, 200, &[]);
    copy(&project, "20190101T000000.000Z-00000000");
    let whole = names(&project);
    hall.test(&project, 200, &["visitor/hall.enter"]);
    for number in 0..60 {
        copy(&project, &format!("20200101T000000.0{number:02}Z-00000000"));
    }
    hall.test(&project, 200, &["visitor/hall.climb"]);
    let kept = names(&project);
    assert_eq!(kept.len(), 52, "{kept:?}");
    assert!(whole.iter().all(|run| kept.contains(run)), "{kept:?}");
}
