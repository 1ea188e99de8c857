//! Lints: for each a file that it finds something in, and one that comes near and is right
//! (`lint/NAME.found.case` and `lint/NAME.near.case`), and comments that allow.

use std::fs;
use std::path::{Path, PathBuf};

use authz::source::{Source, render};
use authz::{Facts, read_facts, read_policy};
use authz_analysis::lint::{self, Inputs, Lint, Report};

/// The files of a case: each begins with a line `--- NAME`.
fn files(path: &Path) -> Vec<Source> {
    let text = fs::read_to_string(path).unwrap();
    let parts = text.split("--- ").skip(1);
    let files = parts.map(|part| {
        let (name, text) = part.split_once('\n').unwrap();
        Source::new(name, text)
    });
    files.collect()
}

fn look(files: Vec<Source>) -> Result<Report, String> {
    let (facts, policy): (Vec<Source>, Vec<Source>) =
        files.into_iter().partition(|it| it.name() == "facts.yaml");
    let all: Vec<Source> = policy.iter().chain(&facts).cloned().collect();
    let told = |mistakes: Vec<_>| render(&mistakes, &all, false);
    let sources = policy;
    let policy = read_policy(&sources).map_err(told)?;
    let known: Facts = read_facts(&policy, &facts).map_err(told)?;
    let inputs = Inputs {
        policy: &policy,
        sources: &sources,
        facts: &known,
        facts_sources: &facts,
    };
    lint::lint(&inputs).map_err(told)
}

fn cases() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/lint")
}

/// The cases of this ending by their names, each with what came of it.
fn each(ending: &str) -> Vec<(String, Report)> {
    let entries = fs::read_dir(cases()).unwrap().map(|it| it.unwrap().path());
    let mut named: Vec<(String, PathBuf)> = entries
        .filter_map(|path| {
            let name = path.file_name()?.to_str()?.strip_suffix(ending)?.to_owned();
            Some((name, path))
        })
        .collect();
    named.sort();
    let looked = named.into_iter().map(|(name, path)| {
        let report = look(files(&path)).unwrap_or_else(|told| panic!("{name}: {told}"));
        (name, report)
    });
    looked.collect()
}

#[test]
fn every_lint_finds_what_its_case_shows_and_tells_it_so() {
    let mut told = String::new();
    let cases = each(".found.case");
    for lint in Lint::ALL {
        let of_lint = |(name, _): &&(String, Report)| name.starts_with(lint.name());
        let mut cases = cases.iter().filter(of_lint).peekable();
        assert!(cases.peek().is_some(), "{} has no case", lint.name());
        for (name, report) in cases {
            assert!(!report.findings.is_empty(), "{name}");
            let others = report.findings.iter().filter(|it| it.lint != lint);
            assert_eq!(others.count(), 0, "{name}: {report:#?}");
            told += &format!("== {name}\n{}\n", lint::render(report));
        }
    }
    insta::assert_snapshot!("lints", told);
}

#[test]
fn what_comes_near_is_right() {
    let cases = each(".near.case");
    assert!(cases.len() >= Lint::ALL.len(), "{}", cases.len());
    for (name, report) in cases {
        assert!(report.findings.is_empty(), "{name}: {report:#?}");
    }
}

const POLICY: &str = "version: 1\ntypes:\n  user: {}\n  post: { actions: { read: instance } }\nroles:\n  admin: { can: { post: [\"*\"] } }";

fn allowed(comment: &str) -> Result<Report, String> {
    look(vec![Source::new(
        "policy.yaml",
        &format!("{POLICY}  {comment}\n"),
    )])
}

#[test]
fn an_allowance_needs_a_reason_and_a_lint() {
    let report = allowed("# lockstep: allow wildcard-grant one admin has all").unwrap();
    assert_eq!((report.findings.len(), report.allowed.len()), (0, 1));
    assert_eq!(report.allowed[0].1, "one admin has all");
    let mistakes = [
        "# lockstep: allow wildcard-grant",
        "# lockstep: allow wildcard-grnt because",
    ];
    let told = mistakes.map(|it| allowed(it).unwrap_err());
    insta::assert_snapshot!("lint_mistakes", told.join("\n"));
}

#[test]
fn what_is_no_comment_allows_nothing() {
    let name = "rules:\n  - name: \"x#lockstep: allow wildcard-grant why\"\n    deny: { post: [read] }\n    when: subject == subject";
    let report = look(vec![Source::new(
        "policy.yaml",
        &format!("{POLICY}\n{name}\n"),
    )])
    .unwrap();
    assert!(report.allowed.is_empty(), "{report:#?}");
}
