//! `lockstep report merge`: the parts of a run are the run.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use testkit::{Answer, Finished, Project, Request, Server};

use crate::support::{Report, Sample, demo_suite, lockstep};

/// Tests each of some parts of the sample system into a file of its own.
fn parts(sample: &Sample, project: &Project, count: usize) -> Vec<String> {
    let suite = demo_suite();
    let test = |number: usize| {
        let (shard, file) = (format!("{number}/{count}"), format!("{number}.json"));
        let report = format!("json={file}");
        let arguments = [
            "test", "--suite", &suite, "--shard", &shard, "--report", &report,
        ];
        let finished = lockstep(project.path(), &arguments)
            .envs(sample.variables())
            .run();
        assert!(matches!(finished.code, Some(0 | 1)), "{}", finished.told());
        file
    };
    (1..=count).map(test).collect()
}

fn merge(project: &Project, files: &[String], more: &[&str]) -> Finished {
    let mut arguments = vec!["report", "merge"];
    arguments.extend(files.iter().map(String::as_str));
    arguments.extend(more);
    lockstep(project.path(), &arguments).run()
}

/// The sample system with its planted faults: the same counts and the same cells, whether one
/// machine tries it or eight.
#[test]
fn eight_parts_are_one_run() {
    let sample = Sample::start(&demo::Fault::ALL);
    let whole = sample.test(&[], &[]);
    let project = Project::empty();
    let mut files = parts(&sample, &project, 8);
    // In any order.
    files.reverse();
    let merged = Report::of(&merge(&project, &files, &["--report", "json=-"]));
    assert_eq!(merged.verdicts(), whole.verdicts());
    assert_eq!(merged.code, whole.code);
    for key in ["planned", "suite", "digest", "actors", "targets"] {
        assert_eq!(merged.json[key], whole.json[key], "{key}");
    }
    let summary = |report: &Report| {
        let summary = &report.json["summary"];
        json!([
            summary["counts"],
            summary["effects_unseen"],
            summary["interrupted"]
        ])
    };
    assert_eq!(summary(&merged), summary(&whole));
    let expected = |report: &Report| -> BTreeMap<String, Value> {
        let cells = report.cells.iter();
        cells
            .map(|(name, cell)| (name.clone(), cell.json["expected"].clone()))
            .collect()
    };
    assert_eq!(expected(&merged), expected(&whole));
    assert_eq!(merged.json.get("shard"), None);

    let forms = ["junit=m.xml", "sarif=m.sarif", "md=m.md"];
    let more: Vec<&str> = forms.iter().flat_map(|form| ["--report", form]).collect();
    let told = merge(&project, &files, &more);
    assert_eq!(told.code, Some(1), "{}", told.told());
    for finding in whole.findings().keys() {
        assert!(told.stdout.contains(finding.as_str()), "{finding}");
        assert!(
            project.read("m.xml").contains(finding.as_str()),
            "{finding}"
        );
        assert!(
            project.read("m.sarif").contains(finding.as_str()),
            "{finding}"
        );
        assert!(project.read("m.md").contains(finding.as_str()), "{finding}");
    }
}

/// What was recorded is as good as a report.
#[test]
fn records_are_merged_too() {
    let sample = Sample::start(&[]);
    let project = Project::empty();
    parts(&sample, &project, 2);
    let records = project.files_under(".lockstep/runs");
    let records = records.iter().map(|path| path.to_str().unwrap().to_owned());
    let merged = merge(
        &project,
        &records.collect::<Vec<_>>(),
        &["--report", "json=-"],
    );
    let merged = Report::of(&merged);
    assert_eq!(merged.code, Some(0), "{}", merged.told);
}

const SUITE: &str = r#"
version: 1
targets: { hall: { http: "${HALL_URL}" } }
actors: { visitor: {}, guest: {} }
actions:
  hall: { enter: { hall: { GET: /hall } }, climb: { hall: { GET: /roof } }, dance: { hall: { GET: /floor } } }
expect: |
  action      visitor  guest
  hall.enter  allow    allow
  hall.climb  allow    allow
  hall.dance  allow    allow
"#;

/// A project with the reports `1.json` and `2.json` of the parts of its run, of which all holds.
fn two_parts() -> Project {
    let server = Server::start(|_: &Request| Answer::json(200, &json!({})));
    let project = Project::new([("lockstep.yaml", SUITE)]);
    for part in ["1", "2"] {
        let report = format!("json={part}.json");
        let arguments = ["test", "--shard", &format!("{part}/2"), "--report", &report];
        let finished = lockstep(project.path(), &arguments)
            .env("HALL_URL", &server.url())
            .run();
        assert_eq!(finished.code, Some(0), "{}", finished.told());
    }
    project
}

fn files(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

/// A file of the project, changed.
fn change(project: &Project, from: &str, to: &str, change: impl FnOnce(&mut Value)) {
    let mut report: Value = serde_json::from_str(&project.read(from)).unwrap();
    change(&mut report);
    project.write(to, report.to_string().as_bytes());
}

#[test]
fn what_are_not_the_parts_of_one_run_is_refused() {
    let project = two_parts();
    let good = merge(&project, &files(&["1.json", "2.json"]), &[]);
    assert_eq!(good.code, Some(0), "{}", good.told());
    change(&project, "2.json", "suite.json", |it| {
        it["suite"] = json!("other.yaml")
    });
    change(&project, "2.json", "files.json", |it| {
        it["digest"] = json!("0")
    });
    change(&project, "2.json", "staging.json", |it| {
        it["environment"] = json!("staging")
    });
    change(&project, "2.json", "baseline.json", |it| {
        it["summary"]["drift"] = json!({ "added": 0, "denied": 0, "vanished": 0 });
    });
    change(&project, "2.json", "three.json", |it| {
        it["shard"] = json!("2/3")
    });
    change(&project, "2.json", "nothing.json", |it| {
        it["shard"] = json!("0/0")
    });
    change(&project, "2.json", "version.json", |it| {
        it["version"] = json!(99)
    });
    change(&project, "2.json", "whole.json", |it| {
        it.as_object_mut().unwrap().remove("shard");
    });
    change(&project, "2.json", "twice.json", |it| {
        let cell = it["cells"][0].clone();
        it["cells"].as_array_mut().unwrap().push(cell);
        it["planned"] = json!(it["planned"].as_u64().unwrap() + 1);
        it["summary"]["counts"]["held"] = it["planned"].clone();
    });
    change(&project, "2.json", "sums.json", |it| {
        it["summary"]["counts"]["held"] = json!(77)
    });
    change(&project, "2.json", "fewer.json", |it| {
        it["cells"].as_array_mut().unwrap().pop();
        let held = it["summary"]["counts"]["held"].as_u64().unwrap();
        it["summary"]["counts"]["held"] = json!(held - 1);
    });
    project.write("garbage.json", b"\xff{");
    for (names, why) in [
        (&["1.json"][..], "missing: part 2/2"),
        (
            &["1.json", "2.json", "1.json"],
            "`1.json` and `1.json` are both of part 1/2",
        ),
        (&["1.json", "suite.json"], "differ in: suite"),
        (
            &["1.json", "files.json"],
            "differ in: state of the suite's files",
        ),
        (&["1.json", "baseline.json"], "differ in: baseline"),
        (&["1.json", "staging.json"], "differ in: environment"),
        (
            &["1.json", "three.json"],
            "the files are parts of 2 and of 3",
        ),
        (
            &["1.json", "whole.json"],
            "`whole.json` is of a whole run, and not of a part",
        ),
        (&["1.json", "twice.json"], "`twice.json` tells the cell"),
        (&["1.json", "fewer.json"], "and was not interrupted"),
        (
            &["1.json", "sums.json"],
            "its summary does not count what its cells say",
        ),
        (
            &["1.json", "nothing.json"],
            "`nothing.json` cannot be read as a run",
        ),
        (&["1.json", "version.json"], "it has the form of version 99"),
        (
            &["1.json", "garbage.json"],
            "`garbage.json` cannot be read as a run",
        ),
        (
            &["1.json", "not-there.json"],
            "`not-there.json` cannot be read as a run",
        ),
        (
            &["1.json", "lockstep.yaml"],
            "`lockstep.yaml` cannot be read as a run",
        ),
    ] {
        let refused = merge(&project, &files(names), &["--report", "json=out.json"]);
        assert_eq!(refused.code, Some(2), "{names:?}: {}", refused.told());
        assert!(refused.stderr.contains(why), "{why}: {}", refused.stderr);
        assert!(!project.path().join("out.json").exists(), "{names:?}");
    }
}

/// One machine that saw worse, or stopped, is not outvoted.
#[test]
fn no_part_is_greener_together_than_alone() {
    let project = two_parts();
    let finding = |it: &mut Value| {
        it["cells"][0]["verdict"] = json!("lockout");
        let held = it["summary"]["counts"]["held"].as_u64().unwrap();
        it["summary"]["counts"]["held"] = json!(held - 1);
        it["summary"]["counts"]["lockout"] = json!(1);
    };
    change(&project, "2.json", "finding.json", finding);
    // The same finding in a cell that falls to the other part.
    change(&project, "2.json", "other.json", |it| {
        let first: Value = serde_json::from_str(&project.read("1.json")).unwrap();
        let planned = it["planned"].as_u64().unwrap() + 1;
        it["cells"]
            .as_array_mut()
            .unwrap()
            .insert(0, first["cells"][0].clone());
        it["planned"] = json!(planned);
        it["summary"]["counts"]["held"] = json!(planned);
        finding(it);
    });
    change(&project, "2.json", "stopped.json", |it| {
        it["cells"].as_array_mut().unwrap().pop();
        let held = it["summary"]["counts"]["held"].as_u64().unwrap();
        it["summary"]["counts"]["held"] = json!(held - 1);
        it["summary"]["interrupted"] = json!(true);
    });
    for (file, code) in [
        ("finding.json", 1),
        ("other.json", 1),
        ("stopped.json", 130),
    ] {
        let merged = merge(&project, &files(&["1.json", file]), &["--report", "json=-"]);
        assert_eq!(merged.code, Some(code), "{file}: {}", merged.told());
    }
    let merged = merge(&project, &files(&["1.json", "other.json"]), &[]);
    assert!(
        merged.stdout.contains("the worse counts"),
        "{}",
        merged.stdout
    );
}

const FLOWS: &str = r#"
version: 1
targets: { hall: { http: "${HALL_URL}" } }
actors: { visitor: {}, guest: {} }
actions:
  hall: { enter: { hall: { GET: /hall } }, climb: { hall: { GET: /roof } } }
expect: |
  action      visitor  guest
  hall.enter  allow    allow
  hall.climb  allow    allow
flows:
  tour:
    on: hall
    by: [visitor, guest]
    steps:
      begin: { POST: /tours, json: { name: "{{ unique }}" }, capture: { id: $.id } }
      look: { GET: "/tours/{{ flow.id }}" }
      end: { POST: "/tours/{{ flow.id }}/end" }
"#;

/// Steps of a flow stay together, whichever part it falls to, and a finding in one stays a finding.
#[test]
fn no_step_of_a_flow_is_lost() {
    for end in [200, 403] {
        let server = Server::start(move |request: &Request| match request.path() {
            path if path.ends_with("/end") => Answer::json(end, &json!({})),
            _ => Answer::json(200, &json!({ "id": "t7" })),
        });
        let project = Project::new([("lockstep.yaml", FLOWS)]);
        let run = |arguments: &[&str]| {
            lockstep(project.path(), arguments)
                .env("HALL_URL", &server.url())
                .run()
        };
        let whole = Report::of(&run(&["test", "--report", "json=-"]));
        assert_eq!(whole.cells.len(), 10, "{}", whole.told);
        let part = |part: &str| {
            let report = format!("json={part}.json");
            run(&["test", "--shard", &format!("{part}/3"), "--report", &report]);
            format!("{part}.json")
        };
        let parts = ["1", "2", "3"].map(part);
        let merged = Report::of(&merge(&project, &parts, &["--report", "json=-"]));
        assert_eq!(merged.verdicts(), whole.verdicts());
        assert_eq!(merged.code, whole.code);
        assert_eq!(whole.findings().len(), if end == 200 { 0 } else { 2 });
    }
}

/// A cell that only others tell: of a part that was interrupted it counts, of a whole one it is a mistake.
#[test]
fn a_cell_that_is_missing_in_its_own_part_is_not_passed_over() {
    let project = two_parts();
    let first: Value = serde_json::from_str(&project.read("1.json")).unwrap();
    let name = first["cells"][0]["cell"].as_str().unwrap().to_owned();
    change(&project, "2.json", "found.json", |it| {
        let mut cell = first["cells"][0].clone();
        cell["verdict"] = json!("escalation");
        let held = it["planned"].clone();
        it["cells"].as_array_mut().unwrap().push(cell);
        it["planned"] = json!(held.as_u64().unwrap() + 1);
        it["summary"]["counts"]["held"] = held;
        it["summary"]["counts"]["escalation"] = json!(1);
    });
    let without = |it: &mut Value, interrupted: bool| {
        it["cells"].as_array_mut().unwrap().remove(0);
        let left = it["cells"].as_array().unwrap().len();
        it["summary"]["counts"]["held"] = json!(left);
        it["summary"]["interrupted"] = json!(interrupted);
        if !interrupted {
            it["planned"] = json!(left);
        }
    };
    change(&project, "1.json", "whole.json", |it| without(it, false));
    change(&project, "1.json", "stopped.json", |it| without(it, true));
    for (others, why) in [
        (
            "found.json",
            format!("`whole.json` does not tell the cell `{name}`"),
        ),
        ("2.json", "together they tell 5 of 6 cells".to_owned()),
    ] {
        let refused = merge(&project, &files(&["whole.json", others]), &[]);
        assert_eq!(refused.code, Some(2), "{}", refused.told());
        assert!(refused.stderr.contains(&why), "{why}: {}", refused.told());
    }
    let merged = merge(&project, &files(&["stopped.json", "found.json"]), &[]);
    assert_eq!(merged.code, Some(1), "{}", merged.told());
}

/// A report of a whole run takes other forms.
#[test]
fn a_single_whole_run_stays_what_it_is() {
    let sample = Sample::start(&[]);
    let suite = demo_suite();
    let project = Project::empty();
    let arguments = ["test", "--suite", &suite, "--report", "json=whole.json"];
    let tested = lockstep(project.path(), &arguments)
        .envs(sample.variables())
        .run();
    let merged = merge(
        &project,
        &files(&["whole.json"]),
        &["--report", "json=again.json"],
    );
    assert_eq!(merged.code, Some(0), "{}", merged.told());
    assert_eq!(merged.stdout, tested.stdout);
    assert_eq!(project.read("again.json"), project.read("whole.json"));
}
