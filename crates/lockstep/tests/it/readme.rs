//! The README does what it says: its suite gives its output, its set-up commands are there, its links lead somewhere,
//! and its table of commands is that of the binary.

use std::fs;

use demo::Fault;
use regex::Regex;
use testkit::Project;

use crate::support::{Sample, lockstep, root, run};

fn readme() -> String {
    fs::read_to_string(root().join("README.md")).unwrap()
}

/// The first fenced block in this language.
pub(crate) fn block(language: &str) -> String {
    blocks(language).remove(0)
}

/// The fenced blocks in this language.
fn blocks(language: &str) -> Vec<String> {
    let start = format!("```{language}\n");
    let text = readme();
    let blocks = text.split(&start).skip(1);
    blocks
        .map(|rest| rest.split_once("```").unwrap().0.to_owned())
        .collect()
}

/// What differs from run to run: ports, ids and times.
fn settled(text: &str) -> String {
    let patterns = [
        (r"127\.0\.0\.1:\d+", "127.0.0.1:PORT"),
        (r"[0-9a-f]{32}", "ID"),
        (r"in [\d.]+ m?s\.", "in TIME."),
    ];
    let mut text = text.to_owned();
    for (pattern, settled) in patterns {
        text = Regex::new(pattern)
            .unwrap()
            .replace_all(&text, settled)
            .into_owned();
    }
    text.trim().to_owned()
}

#[test]
fn its_suite_gives_its_output() {
    let sample = Sample::start(&[Fault::OpenPrivilegedVerb]);
    let project = Project::new([("lockstep.yaml", block("yaml").as_str())]);
    let finished = lockstep(project.path(), &["test"])
        .envs(sample.variables())
        .run();
    let console = block("console");
    let (command, output) = console.split_once('\n').unwrap();
    assert_eq!(command, "$ lockstep test");
    assert_eq!(settled(&finished.stdout), settled(output));
    assert_eq!(finished.code, Some(1));
}

#[test]
fn its_policy_is_one() {
    let sources = [authz::source::Source::new(
        "policy.yaml",
        &blocks("yaml")[1],
    )];
    let policy = authz::read_policy(&sources)
        .unwrap_or_else(|mistakes| panic!("{}", authz::source::render(&mistakes, &sources, false)));
    assert!(policy.has_role("editor"));
}

#[test]
fn its_set_up_commands_are_there() {
    let readme = readme();
    assert!(readme.contains("\n    cargo run -p lockstep -- demo\n"));
    assert!(readme.contains("\n    ./test\n"));
    let gate = fs::read_to_string(root().join(".ci/run")).unwrap();
    assert!(
        gate.contains("exec ./test"),
        "the gate calls the second command"
    );
}

#[test]
fn its_commands_are_those_of_the_binary() {
    let readme = readme();
    let used = readme
        .lines()
        .filter_map(|line| line.strip_prefix("    lockstep "));
    let used: Vec<&str> = used.filter_map(|line| line.split(' ').next()).collect();
    assert!(used.len() >= 6, "{used:?}");
    for command in used {
        let help = run(&[command, "--help"]);
        assert_eq!(help.code, Some(0), "lockstep {command}");
    }
}

#[test]
fn its_links_lead_somewhere() {
    let readme = readme();
    let links = Regex::new(r"\]\(([^)#]+)\)").unwrap();
    let mut count = 0;
    for link in links.captures_iter(&readme) {
        let target = &link[1];
        assert!(root().join(target).exists(), "{target}");
        count += 1;
    }
    assert!(count >= 5);
}
