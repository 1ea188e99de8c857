//! The patterns under `suites/patterns`: the tests of each hold, and each mistake of its `mistakes.yaml`
//! makes exactly those assertions fail that are named there, or the files be refused.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use authz::source::{Diagnostics, Source, render, yaml};
use authz_analysis::policy_tests;
use serde_json::Value as Json;

use crate::conformance::now;

fn folders() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../suites/patterns");
    let entries = fs::read_dir(root).unwrap().map(|it| it.unwrap().path());
    let mut folders: Vec<PathBuf> = entries.filter(|it| it.is_dir()).collect();
    folders.sort();
    folders
}

/// The texts of a folder's files, by their names.
type Files = BTreeMap<String, String>;

fn read(folder: &Path) -> Files {
    let paths = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    let named = paths.map(|path| {
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        (name, fs::read_to_string(path).unwrap())
    });
    named.collect()
}

/// What fails, as `TEST: SUBJECT`, and how many assertions there are; or all mistakes in words.
fn run(files: &Files) -> Result<(Vec<String>, usize), String> {
    let source = Source::new("policy.test.yaml", &files["policy.test.yaml"]);
    let load = &mut |name: &str| {
        let text = files.get(name).ok_or("there is no such file")?;
        Ok(Source::new(name, text))
    };
    let report = policy_tests::run(&source, load, now());
    let report = report.map_err(|broken| render(&broken.mistakes, &broken.sources, false))?;
    let name = |it: &policy_tests::Assertion| {
        format!("{}: {}", it.test.as_deref().unwrap_or("-"), it.subject)
    };
    Ok((report.failed().map(name).collect(), report.assertions.len()))
}

fn mistakes(files: &Files) -> Vec<Json> {
    let source = Source::new("mistakes.yaml", &files["mistakes.yaml"]);
    let root = yaml::read(&source, &mut Diagnostics::default()).unwrap();
    root.to_json().as_array().unwrap().clone()
}

/// The files with the mistake in them; `also` is a second place of the same one.
fn with_mistake(files: &Files, mistake: &Json) -> Files {
    let mut files = files.clone();
    let name = mistake["file"].as_str().unwrap();
    for place in [Some(mistake), mistake.get("also")].into_iter().flatten() {
        let from = place["replace"].as_str().unwrap();
        let text = files.get_mut(name).unwrap();
        assert_eq!(text.matches(from).count(), 1, "{name}: {from}");
        *text = text.replace(from, place["with"].as_str().unwrap());
    }
    files
}

fn texts(list: &Json) -> Vec<&str> {
    let items = list.as_array().into_iter().flatten();
    items.map(|it| it.as_str().unwrap()).collect()
}

/// Whether a text names one of the tests that failed.
fn is_told(readme: &str, failed: &[String]) -> bool {
    let mut tests = failed.iter().filter_map(|it| it.rsplit_once(": "));
    tests.any(|(test, _)| readme.contains(test))
}

#[test]
fn the_tests_of_every_pattern_hold() {
    let mut count = 0;
    for folder in folders() {
        let (failed, assertions) = run(&read(&folder)).unwrap_or_else(|it| panic!("{it}"));
        assert!(failed.is_empty(), "{}: {failed:#?}", folder.display());
        count += assertions;
    }
    assert!(count > 100, "{count}");
}

#[test]
fn every_mistake_is_noticed_by_the_tests_that_are_named_for_it() {
    let mut wrong = String::new();
    for folder in folders() {
        let files = read(&folder);
        let readme = &files["README.md"];
        for mistake in mistakes(&files) {
            let name = format!("{}: {}", folder.display(), mistake["mistake"]);
            let found = run(&with_mistake(&files, &mistake));
            let objection = match (found, mistake.get("refused")) {
                (Ok((failed, _)), None) if failed != texts(&mistake["fails"]) => {
                    format!("these fail: {failed:#?}")
                }
                (Ok((failed, _)), None) if !is_told(readme, &failed) => {
                    format!("the README tells none of {failed:#?}")
                }
                (Err(told), Some(part)) if !told.contains(part.as_str().unwrap()) => told,
                (Err(told), None) => told,
                (Ok(_), Some(_)) => "not refused".to_owned(),
                (Ok(_), None) | (Err(_), Some(_)) => continue,
            };
            wrong.push_str(&format!("{name}\n{objection}\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
