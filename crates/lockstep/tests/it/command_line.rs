//! The command line: its manual, its mistakes, and what each command prints.

use std::fs;

use insta::assert_snapshot;
use serde_json::{Value, json};
use testkit::{Answer, Project, Request, Server};

use crate::support::{Report, Sample, demo_suite, lockstep, names, run, schema};

/// Every command that the manual lists.
fn commands() -> Vec<String> {
    let manual = run(&["--help"]).stdout;
    let (_, commands) = manual.split_once("Commands:\n").unwrap();
    let commands = commands.split("\n\n").next().unwrap().lines();
    commands
        .filter_map(|line| line.split_whitespace().next())
        .filter(|command| *command != "help")
        .map(str::to_owned)
        .collect()
}

/// A suite in which a door opens to the porter's key alone.
const SUITE: &str = r#"
version: 1
targets: { house: { http: "${HOUSE_URL}" } }
sessions: { key: { header: { X-Key: "${PORTER_KEY}" } } }
actors: { visitor: {}, porter: { session: key } }
resources: { room: { on: house, owners: [porter], create: { POST: /rooms, id: $.id }, views: { state: { GET: "/rooms/{{ room.id }}" } } } }
actions:
  door:
    open: { house: { GET: /door } }
  room:
    enter: { house: { GET: "/rooms/{{ room.id }}" } }
    paint: { house: { POST: "/rooms/{{ room.id }}", json: { colour: "{{ unique }}" }, effect: { state: { $.painted: true } } } }
expect: |
  action                visitor  porter
  door.open             401      allow
  room.enter of porter  401      allow
  room.paint of porter  401      allow
"#;

fn house() -> Server {
    let painted = std::sync::Mutex::new(std::collections::BTreeSet::new());
    Server::start(move |request: &Request| {
        if request.header("x-key") != Some("porter-key") {
            return Answer::json(401, &json!({ "error": "no key" }));
        }
        let mut painted = painted.lock().unwrap();
        let made = painted.len();
        match (request.method.as_str(), request.segments().as_slice()) {
            (_, ["door"]) => Answer::json(200, &json!({ "open": true })),
            ("POST", ["rooms"]) => {
                painted.insert(format!("room {made}"));
                Answer::json(201, &json!({ "id": made }))
            }
            ("POST", [_, id]) => {
                painted.insert((*id).to_owned());
                Answer::empty(204)
            }
            (_, [_, id]) => Answer::json(200, &json!({ "painted": painted.contains(*id) })),
            _ => Answer::empty(404),
        }
    })
}

fn project() -> Project {
    Project::new([("lockstep.yaml", SUITE)])
}

#[test]
fn the_manual() {
    let manual = run(&["--help"]);
    assert_eq!(manual.code, Some(0));
    assert_snapshot!("help", manual.stdout);
    assert_snapshot!("help_short", run(&["-h"]).stdout);
    for command in commands() {
        let manual = run(&[&command, "--help"]);
        assert_eq!(
            (manual.code, manual.stderr.as_str()),
            (Some(0), ""),
            "{command}"
        );
        assert_snapshot!(format!("help_{command}"), manual.stdout);
    }
}

#[test]
fn the_version() {
    let version = run(&["--version"]);
    assert_eq!(version.code, Some(0));
    assert_eq!(
        version.stdout,
        concat!("lockstep ", env!("CARGO_PKG_VERSION"), "\n")
    );
}

#[test]
fn mistakes_on_the_command_line() {
    let mistakes: [&[&str]; 22] = [
        &[],
        &["tset"],
        &["test", "--colour", "always"],
        &["test", "--concurrency", "0"],
        &["test", "--concurrency", "1025"],
        &["test", "--concurrency", "many"],
        &["test", "--rate", "0"],
        &["test", "--timeout", "10"],
        &["test", "--timeout", "0s"],
        &["test", "--timeout", "2h"],
        &["test", "--timeout", "99999999999999999999s"],
        &["test", "--timeout", "1é"],
        &["test", "--body-limit", "0"],
        &["test", "--report", "xml=out.xml"],
        &["test", "--report", "json"],
        &["test", "--report", "json="],
        &["demo", "--fault", "no-such-fault"],
        &["demo", "--fixed", "--fault", "debug-route"],
        &["demo", "--write", "x", "--serve"],
        &["repeat"],
        &["schema", "xml"],
        &["completions", "tcsh"],
    ];
    for arguments in mistakes {
        let finished = run(arguments);
        assert_eq!(finished.code, Some(2), "{arguments:?}: {}", finished.told());
        assert_eq!(finished.stdout, "", "{arguments:?}");
        assert!(!finished.stderr.is_empty(), "{arguments:?}");
    }
}

#[test]
fn two_reports_on_standard_output_are_a_mistake() {
    let house = house();
    let finished = lockstep(
        project().path(),
        &["test", "--report", "json=-", "--report", "json=-"],
    )
    .env("HOUSE_URL", &house.url())
    .env("PORTER_KEY", "porter-key")
    .run();
    assert_eq!(finished.code, Some(2));
    assert_eq!(
        finished.stderr,
        "error: only one report can go to standard output\n"
    );
    assert_eq!(house.connections(), 0);
}

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
fn a_report_goes_to_a_file() {
    let house = house();
    let project = project();
    let finished = lockstep(
        project.path(),
        &[
            "test",
            "--report",
            "json=first.json",
            "--report",
            "json=second.json",
        ],
    )
    .env("HOUSE_URL", &house.url())
    .env("PORTER_KEY", "porter-key")
    .run();
    assert_eq!(finished.code, Some(0), "{}", finished.told());
    assert!(
        finished
            .stdout
            .contains("6 cells: 6 held, 0 findings, 0 inconclusive"),
        "{}",
        finished.stdout
    );
    assert_eq!(project.read("first.json"), project.read("second.json"));
    let as_if_printed = testkit::Finished {
        stdout: project.read("first.json"),
        ..finished
    };
    assert_eq!(Report::of(&as_if_printed).with("held").len(), 6);
    let nowhere = lockstep(
        project.path(),
        &["test", "--report", "json=no/such/folder.json"],
    )
    .env("HOUSE_URL", &house.url())
    .env("PORTER_KEY", "porter-key")
    .run();
    assert_eq!(nowhere.code, Some(2), "{}", nowhere.told());
    assert!(
        nowhere
            .stderr
            .contains("`no/such/folder.json` cannot be written"),
        "{}",
        nowhere.stderr
    );
}

#[test]
fn colour_is_only_where_it_is_wanted() {
    let coloured = |arguments: &[&str], no_color: &str| {
        let mut all = vec!["plan"];
        all.extend(arguments);
        let finished = lockstep(project().path(), &all)
            .env("NO_COLOR", no_color)
            .env("TERM", "xterm")
            .run();
        assert_eq!(finished.code, Some(0));
        finished.stdout.contains('\u{1b}')
    };
    // A pipe is no terminal.
    assert!(!coloured(&[], ""));
    assert!(coloured(&["--color", "always"], ""));
    // What is asked for on the command line counts more than what the environment wishes.
    assert!(coloured(&["--color", "always"], "1"));
    assert!(!coloured(&["--color", "never"], ""));
    assert!(!coloured(&["--color", "auto"], "1"));
}

#[test]
fn the_suite_is_where_the_environment_says() {
    let project = project();
    fs::rename(
        project.path().join("lockstep.yaml"),
        project.path().join("other.yaml"),
    )
    .unwrap();
    let missing = lockstep(project.path(), &["plan"]).run();
    assert_eq!(missing.code, Some(2));
    assert!(
        missing.stderr.contains("`lockstep.yaml` cannot be read"),
        "{}",
        missing.stderr
    );
    assert!(
        missing.stderr.contains("--suite FILE"),
        "{}",
        missing.stderr
    );
    let found = lockstep(project.path(), &["plan"])
        .env("LOCKSTEP_SUITE", "other.yaml")
        .run();
    assert_eq!(found.code, Some(0), "{}", found.told());
}

#[test]
fn the_demo_can_be_written_and_planned() {
    let project = Project::empty();
    let written = lockstep(project.path(), &["demo", "--write", "mine"]).run();
    assert_eq!(written.code, Some(0), "{}", written.told());
    assert_eq!(
        written.stdout,
        "mine/lockstep.yaml\nmine/policy/policy.yaml\n"
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
    assert_eq!(variables.len(), 8, "{told}");
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

#[test]
fn completions_name_every_command() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = run(&["completions", shell]);
        assert_eq!(
            (script.code, script.stderr.as_str()),
            (Some(0), ""),
            "{shell}"
        );
        for command in commands() {
            assert!(script.stdout.contains(&command), "{shell}: {command}");
        }
    }
    for shell in ["bash", "zsh", "fish"] {
        let values = run(&["completions", shell]).stdout;
        assert!(values.contains("title-in-403"), "{shell}: names of faults");
    }
}

#[test]
fn schemas_are_schemas() {
    for format in ["suite", "policy", "report", "plan"] {
        let printed = run(&["schema", format]);
        let json: Value = serde_json::from_str(&printed.stdout).unwrap();
        assert!(jsonschema::draft202012::meta::is_valid(&json), "{format}");
        assert_eq!(
            json["$schema"],
            "https://json-schema.org/draft/2020-12/schema"
        );
    }
}

/// Whoever reads the report may stop reading: `lockstep demo | head`.
#[test]
fn a_reader_that_goes_away_is_no_fault() {
    let binary = env!("CARGO_BIN_EXE_lockstep");
    let script =
        format!("{binary} demo --no-open --verbose 2>&1 | head -n 2; echo \"${{PIPESTATUS[0]}}\"");
    let output = std::process::Command::new("bash")
        .args(["-c", &script])
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(!told.contains("panicked"), "{told}");
    assert_eq!(told.lines().last(), Some("1"), "{told}");
}
