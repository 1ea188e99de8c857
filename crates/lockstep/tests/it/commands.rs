//! What the commands beside `test` do: `plan`, `repeat`, `token` and `demo`; and `test` with patterns.

use std::fs;

use insta::assert_snapshot;
use serde_json::Value;
use testkit::Project;

use crate::house::{house, project};
use crate::support::{Report, Sample, demo_suite, lockstep, names, schema};

#[test]
fn a_plan_sends_nothing_and_needs_no_credentials() {
    let house = house();
    let project = project();
    let plan = lockstep(project.path(), &["plan"])
        .env("HOUSE_URL", &house.url())
        .run();
    assert_eq!(
        (plan.code, plan.stderr.as_str()),
        (Some(0), ""),
        "{}",
        plan.told()
    );
    assert_snapshot!("plan", plan.stdout);
    let verbose = lockstep(project.path(), &["plan", "--verbose"]).run();
    assert_snapshot!("plan_verbose", verbose.stdout);
    assert_eq!(house.connections(), 0);
    assert_eq!(project.files_under("").len(), 1, "nothing was written");
}

#[test]
fn a_plan_as_json_is_valid_and_says_the_same() {
    let suite = demo_suite();
    let project = Project::empty();
    let plan = lockstep(project.path(), &["plan", "--json", "--suite", &suite]).run();
    assert_eq!(
        (plan.code, plan.stderr.as_str()),
        (Some(0), ""),
        "{}",
        plan.told()
    );
    let json: Value = serde_json::from_str(&plan.stdout).unwrap();
    let errors: Vec<String> = schema("plan")
        .iter_errors(&json)
        .map(|error| error.to_string())
        .collect();
    assert_eq!(errors, Vec::<String>::new());
    let planned: Vec<&Value> = json["cells"].as_array().unwrap().iter().collect();
    let matrix = lockstep(project.path(), &["plan", "--suite", &suite])
        .run()
        .stdout;
    assert!(
        matrix.contains(&format!("{} cells:", planned.len())),
        "{matrix}"
    );
    // What a run tries is what the plan says, with the same expectations.
    let report = Sample::start(&[]).test(&[], &[]);
    assert_eq!(report.cells.len(), planned.len());
    for cell in planned {
        let tried = &report.cells[cell["cell"].as_str().unwrap()].json;
        assert_eq!(tried["expected"], cell["expected"]);
    }
}

#[test]
fn a_pattern_tries_its_cells_and_what_they_need() {
    let sample = Sample::start(&[]);
    let report = sample.test(&["viewer/post.update/*"], &[]);
    assert_eq!(report.code, Some(0), "{}", report.told);
    let asked_for = names(["viewer/post.update/editor", "viewer/post.update/outsider"]);
    assert!(asked_for.is_subset(&report.with("held")));
    let others: Vec<_> = report
        .cells
        .keys()
        .filter(|cell| !asked_for.contains(*cell))
        .collect();
    // Controls do the same; and sessions of all who call.
    for cell in &others {
        let needed = cell.contains("/post.update/") || cell.ends_with("/session.open");
        assert!(needed, "{cell}");
    }
    let controls = report
        .cells
        .values()
        .filter_map(|cell| cell.json["control"]["cell"].as_str());
    for control in controls {
        assert!(report.cells.contains_key(control), "{control}");
    }
    assert!(others.len() < 12, "{others:?}");
    // Whole names, several patterns, and a star anywhere.
    for patterns in [
        &["viewer/post.read/editor"][..],
        &["*/debug.open", "editor/*"],
        &["*"],
    ] {
        let report = sample.test(patterns, &[]);
        assert_eq!(report.code, Some(0), "{patterns:?}: {}", report.told);
    }
}

#[test]
fn a_pattern_without_a_cell_is_a_mistake() {
    let house = house();
    let project = project();
    let commands: [&[&str]; 4] = [
        &["test", "viewer/door.open"],
        &["plan", "porter/door.opn"],
        &["repeat", "porter/door.opn"],
        &["repeat", "porter/*"],
    ];
    let mut told = String::new();
    for arguments in commands {
        let finished = lockstep(project.path(), arguments)
            .env("HOUSE_URL", &house.url())
            .env("PORTER_KEY", "porter-key")
            .run();
        assert_eq!(finished.code, Some(2), "{arguments:?}: {}", finished.told());
        assert_eq!(finished.stdout, "");
        told += &format!("$ lockstep {}\n{}\n", arguments.join(" "), finished.stderr);
    }
    assert_snapshot!("no_such_cell", told);
    assert_eq!(house.connections(), 0);
}

#[test]
fn a_token_works_in_other_tools() {
    let sample = Sample::start(&[]);
    let suite = demo_suite();
    let project = Project::empty();
    let token = |actor: &str| {
        lockstep(project.path(), &["token", actor, "--suite", &suite])
            .envs(sample.variables())
            .run()
    };
    let editor = token("editor");
    assert_eq!(
        (editor.code, editor.stderr.as_str()),
        (Some(0), ""),
        "{}",
        editor.told()
    );
    assert_eq!(editor.stdout.lines().count(), 1);
    let bearer = format!("Bearer {}", editor.stdout.trim_end());
    let me = testkit::proxy::call(
        &sample.accounts_url(),
        "GET",
        "/me",
        &[("Authorization", &bearer)],
    )
    .unwrap();
    assert_eq!(
        (me.status, &me.body_json()["id"]),
        (200, &Value::from("vera"))
    );
    // Those who only prepare have one too; a visitor has none.
    assert_eq!(token("root").code, Some(0));
    let visitor = token("anonymous");
    assert_eq!(visitor.code, Some(3));
    assert_eq!(
        (visitor.stdout.as_str(), visitor.stderr.as_str()),
        ("", "error: a visitor has no credential\n")
    );
    let nobody = token("edtor");
    assert_eq!(nobody.code, Some(2));
    assert_eq!(
        nobody.stderr,
        "error: there is no actor `edtor`\nhelp: did you mean `editor`?\n"
    );
}

#[test]
fn repeat_shows_every_exchange() {
    let house = house();
    let finished = lockstep(project().path(), &["repeat", "porter/room.paint/porter"])
        .env("HOUSE_URL", &house.url())
        .env("PORTER_KEY", "porter-key")
        .run();
    assert_eq!(finished.code, Some(0), "{}", finished.told());
    let settled = finished.stdout.replace(&house.url(), "http://HOUSE");
    let settled = regex::Regex::new("lk[0-9a-f]{8}-[0-9]+")
        .unwrap()
        .replace_all(&settled, "lkUNIQUE")
        .into_owned();
    assert_snapshot!("repeat", settled);
    let shown = finished.stdout.matches("http://127.0.0.1").count();
    // The cell's own exchanges; the sessions and the controls that ran beside it are not shown.
    let purposes = [
        "create room",
        "view state before",
        "probe",
        "view state after",
    ];
    for (at, purpose) in purposes.iter().enumerate() {
        assert!(
            finished.stdout.contains(&format!("{}. {purpose}", at + 1)),
            "{}",
            finished.stdout
        );
    }
    assert!(shown >= purposes.len());
}

/// `curl` and `repeat` of a finding are what the user gets; the cell in `repeat` is one that exists.
#[test]
fn what_a_finding_says_to_repeat_can_be_repeated() {
    let sample = Sample::start(&[demo::Fault::OpenPrivilegedVerb]);
    let suite = demo_suite();
    let project = Project::empty();
    let finished = lockstep(project.path(), &["test", "--suite", &suite])
        .envs(sample.variables())
        .run();
    assert_eq!(finished.code, Some(1));
    let repeat = finished
        .stdout
        .lines()
        .find_map(|line| line.split_once("lockstep repeat "))
        .unwrap()
        .1;
    let again = lockstep(project.path(), &["repeat", repeat, "--suite", &suite])
        .envs(sample.variables())
        .run();
    assert_eq!(again.code, Some(1), "{}", again.told());
    assert!(
        again.stdout.contains("DELETE http://127.0.0.1"),
        "{}",
        again.stdout
    );
    assert!(
        again.stdout.to_lowercase().contains("escalation"),
        "{}",
        again.stdout
    );
}

#[test]
fn the_demo_can_be_written_and_planned() {
    let project = Project::empty();
    let written = lockstep(project.path(), &["demo", "--write", "mine"]).run();
    assert_eq!(written.code, Some(0), "{}", written.told());
    assert_eq!(
        written.stdout,
        "mine/lockstep.yaml\nmine/policy/policy.yaml\nmine/openapi/accounts.json\nmine/openapi/posts.json\n"
    );
    let mine = project.path().join("mine");
    let plan = lockstep(&mine, &["plan"]).run();
    assert_eq!(
        (plan.code, plan.stderr.as_str()),
        (Some(0), ""),
        "{}",
        plan.told()
    );
    assert_snapshot!("plan_of_the_demo", plan.stdout);
    // Nothing is written over.
    fs::write(mine.join("lockstep.yaml"), "mine").unwrap();
    let again = lockstep(project.path(), &["demo", "--write", "mine"]).run();
    assert_eq!(again.code, Some(2), "{}", again.told());
    assert_eq!(project.read("mine/lockstep.yaml"), "mine");
}

/// `--serve` leaves the system running until Ctrl-C, and says how to call it; what it says works.
#[test]
fn the_demo_can_be_left_running() {
    let project = Project::empty();
    let arguments = [
        "demo",
        "--serve",
        "--no-open",
        "--fixed",
        "--report",
        "json=r.json",
    ];
    let mut running = lockstep(project.path(), &arguments).start();
    assert!(running.says("Ctrl-C ends it"), "{}", running.stderr());
    let told = running.stderr();
    let variables: Vec<(String, String)> = told
        .lines()
        .filter_map(|line| line.trim().strip_prefix("export ")?.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.trim_matches('\'').to_owned()))
        .collect();
    assert_eq!(variables.len(), 9, "{told}");
    let other = Project::empty();
    lockstep(other.path(), &["demo", "--write", "."]).run();
    let test = lockstep(other.path(), &["test", "--report", "json=-"])
        .envs(variables.iter().map(|(n, v)| (n, v)))
        .run();
    assert_eq!(Report::of(&test).code, Some(0));
    running.interrupt();
    let finished = running.finish();
    assert_eq!(finished.code, Some(0), "{}", finished.told());
    let gone = lockstep(other.path(), &["test", "--report", "json=-"])
        .envs(variables.iter().map(|(n, v)| (n, v)))
        .run();
    assert_eq!(Report::of(&gone).code, Some(3));
}
