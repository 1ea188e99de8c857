//! The workflows are YAML, ask for no more than they need, and call the binary as it is.

use authz::source::{Diagnostics, Source, yaml};
use clap::Parser as _;
use serde_json::Value;

use super::*;
use crate::arguments::{Arguments, Command, ReportForm};

const SERVICES: [Service; 2] = [Service::Github, Service::Gitlab];

/// The workflow, read by the reader of suites, which is strict.
fn read(service: Service) -> Value {
    let (path, text) = workflow(service);
    let mut mistakes = Diagnostics::default();
    let node = yaml::read(&Source::new(path, text), &mut mistakes);
    assert_eq!(mistakes.into_sorted(), Vec::new(), "{path}");
    node.unwrap().to_json()
}

fn steps() -> Vec<Value> {
    let workflow = read(Service::Github);
    let steps = &workflow["jobs"]["permissions"]["steps"];
    steps.as_array().unwrap().clone()
}

/// The commands of a workflow, one a line.
fn commands(service: Service) -> Vec<String> {
    let workflow = read(service);
    let commands: Vec<Value> = match service {
        Service::Github => steps().iter().map(|step| step["run"].clone()).collect(),
        Service::Gitlab => workflow["lockstep"]["script"].as_array().unwrap().clone(),
    };
    let commands = commands.iter().filter_map(Value::as_str);
    commands.flat_map(str::lines).map(str::to_owned).collect()
}

#[test]
fn the_command_line_understands_its_own_workflows() {
    for service in SERVICES {
        let commands = commands(service);
        let calls: Vec<&String> = commands
            .iter()
            .filter(|command| command.starts_with("lockstep "))
            .collect();
        assert_eq!(calls.len(), 1, "{commands:?}");
        let arguments = Arguments::try_parse_from(calls[0].split_whitespace()).unwrap();
        let Command::Test(test) = arguments.command else {
            panic!("{calls:?}")
        };
        let reports = test.reporting.reports;
        let forms: Vec<ReportForm> = reports.iter().map(|to| to.form).collect();
        let expected = [ReportForm::Junit, ReportForm::Sarif, ReportForm::Markdown];
        assert_eq!(forms, expected);
        let (_, text) = workflow(service);
        for report in reports {
            let file = report.file.unwrap().display().to_string();
            assert!(text.matches(&file).count() > 1, "`{file}` is kept");
        }
    }
}

#[test]
fn nothing_hides_the_exit_code() {
    for service in SERVICES {
        for command in commands(service) {
            assert!(!command.contains("||"), "{command}");
        }
    }
    for step in steps() {
        let may_fail = step["continue-on-error"] == true;
        let is_upload = step["uses"]
            .as_str()
            .is_some_and(|uses| uses.contains("sarif"));
        assert_eq!(may_fail, is_upload, "{step}");
    }
    assert_eq!(read(Service::Gitlab)["lockstep"].get("allow_failure"), None);
}

#[test]
fn actions_are_pinned_and_permissions_are_few() {
    for step in steps() {
        let Some(uses) = step["uses"].as_str() else {
            continue;
        };
        let (_, version) = uses.split_once("@v").unwrap();
        assert!(version.bytes().all(|byte| byte.is_ascii_digit()), "{uses}");
    }
    let workflow = read(Service::Github);
    let permissions = |of: &Value| of["permissions"].to_string();
    assert_eq!(permissions(&workflow), r#"{"contents":"read"}"#);
    assert_eq!(
        permissions(&workflow["jobs"]["permissions"]),
        r#"{"contents":"read","security-events":"write"}"#
    );
}

#[test]
fn what_is_not_filled_in_fails() {
    for service in SERVICES {
        let (path, text) = workflow(service);
        assert!(text.contains("exit 1"), "{path}");
        assert!(text.matches("# FILL IN:").count() >= 3, "{path}");
    }
}

#[test]
fn nothing_is_overwritten() {
    let folder = std::env::temp_dir().join(format!("lockstep-ci-{}", std::process::id()));
    let path = folder.join("below/lockstep.yml");
    assert!(matches!(write(&path, "first"), Ok(ExitCode::Held)));
    let told = write(&path, "second").unwrap_err();
    assert!(told.render(false).contains("is there already"), "{told:?}");
    assert_eq!(told.exit_code(), ExitCode::Mistake);
    assert_eq!(fs::read_to_string(&path).unwrap(), "first");
    fs::remove_dir_all(folder).unwrap();
}
