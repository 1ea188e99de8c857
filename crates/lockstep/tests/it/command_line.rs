//! The command line: its manual, its mistakes, and where reports go.

use std::fs;

use insta::assert_snapshot;
use serde_json::Value;

use crate::house::{house, project};
use crate::support::{Report, lockstep, run};

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
    for (command, inner) in [
        ("runs", "list"),
        ("runs", "show"),
        ("runs", "compare"),
        ("report", "merge"),
        ("roles", "diff"),
    ] {
        let manual = run(&[command, inner, "--help"]);
        assert_snapshot!(format!("help_{command}_{inner}"), manual.stdout);
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
    for format in ["suite", "policy", "report", "plan", "drift", "check"] {
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
