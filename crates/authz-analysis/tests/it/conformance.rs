//! Public files of OpenFGA and SpiceDB, which all have to hold. They are not ours and not here:
//! `LOCKSTEP_CONFORMANCE` names a folder of them.

use std::fs;
use std::path::{Path, PathBuf};

use authz::source::{Source, render};
use authz_analysis::policy_tests::{self, Report};
use jiff::Timestamp;

use crate::stages;

/// Every test file below a folder.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|it| it == "yaml") {
                files.push(path);
            }
        }
    }
    files.sort();
    files
}

pub(crate) fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

/// Runs a file with this text; the files that it names are read beside it.
pub(crate) fn run(path: &Path, text: &str) -> Result<Report, String> {
    let source = Source::new(&path.display().to_string(), text);
    let folder = path.parent().unwrap().to_owned();
    let load = &mut |name: &str| {
        let path = folder.join(name);
        let text = fs::read_to_string(&path).map_err(|error| error.to_string())?;
        Ok(Source::new(&path.display().to_string(), &text))
    };
    let report = policy_tests::run(&source, load, now());
    report.map_err(|broken| render(&broken.mistakes, &broken.sources, false))
}

fn is_staged(text: &str) -> bool {
    text.contains("\n    stages:")
}

#[test]
fn the_public_files_hold() {
    let Some(folder) = std::env::var_os("LOCKSTEP_CONFORMANCE") else {
        println!(
            "conformance: not run. Set LOCKSTEP_CONFORMANCE to a folder with copies of github.com/openfga/sample-stores, \
             of assets/tests of github.com/openfga/openfga, and of internal/services/integrationtesting/testconfigs of github.com/authzed/spicedb."
        );
        return;
    };
    let files = files(Path::new(&folder));
    assert!(!files.is_empty());
    let mut count = 0;
    let mut wrong = String::new();
    for path in &files {
        let text = fs::read_to_string(path).unwrap();
        let outcome = if is_staged(&text) {
            stages::run(&text)
        } else {
            run(path, &text).map(|report| {
                let failed = report.failed().count();
                let shown = if failed > 0 {
                    policy_tests::render(&report)
                } else {
                    String::new()
                };
                (report.assertions.len(), shown)
            })
        };
        match outcome {
            Ok((assertions, shown)) => {
                count += assertions;
                wrong.push_str(&shown);
            }
            Err(mistakes) => wrong.push_str(&mistakes),
        }
    }
    println!("conformance: {count} assertions in {} files", files.len());
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn every_assertion_of_the_public_files_can_fail() {
    if let Some(folder) = std::env::var_os("LOCKSTEP_CONFORMANCE") {
        let flipped: usize = files(Path::new(&folder))
            .iter()
            .map(|path| flip_all(path))
            .sum();
        println!("conformance: {flipped} flipped");
    }
}

/// Turns each assertion of a file into its contrary, one at a time; each time the run has to fail
/// and to name its line.
pub(crate) fn flip_all(path: &Path) -> usize {
    let text = fs::read_to_string(path).unwrap();
    if is_staged(&text) {
        return stages::flip_all(&text);
    }
    let mut count = 0;
    for (line, flipped) in flips(&text) {
        count += 1;
        let report = run(path, &flipped)
            .unwrap_or_else(|error| panic!("{}:{line}: {error}", path.display()));
        let mut places: Vec<usize> = report.failed().map(|it| it.place.line).collect();
        places.dedup();
        assert_eq!(places, [line], "{}:{line}\n{flipped}", path.display());
    }
    count
}

/// The texts that differ from this one in one assertion, with the line of that one.
fn flips(text: &str) -> Vec<(usize, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let with = |at: usize, line: String| {
        let mut changed: Vec<String> = lines.iter().map(|it| (*it).to_owned()).collect();
        changed[at] = line;
        (at + 1, changed.join("\n"))
    };
    let mut flips = Vec::new();
    let mut section = "";
    let mut list = "";
    for (at, line) in lines.iter().enumerate() {
        let word = line.trim();
        let key = word
            .split(':')
            .next()
            .unwrap()
            .trim_start_matches("- ")
            .trim();
        if ["check", "list_objects", "list_users"].contains(&key) {
            section = key;
        } else if [
            "tests",
            "tuples",
            "model",
            "validation",
            "schema",
            "relationships",
        ]
        .contains(&key)
        {
            section = "";
            list = "";
        }
        if ["assertTrue", "assertFalse", "assertCaveated"].contains(&key) {
            list = key;
            continue;
        }
        if section == "check" && (word.ends_with(": true") || word.ends_with(": false")) {
            let flipped = match word.ends_with("true") {
                true => line.replace(": true", ": false"),
                false => line.replace(": false", ": true"),
            };
            flips.push(with(at, flipped));
        }
        let is_item = word.starts_with("- ") && !word.contains(": ");
        if section.starts_with("list") && is_item {
            flips.push(with(at, line.trim_end().to_owned() + "-not"));
        }
        if !list.is_empty() && word.starts_with("- ") {
            flips.push(move_to_another_list(&lines, at, list));
        }
    }
    flips
}

/// An assertion of a validation file in a list of its own, of the contrary.
fn move_to_another_list(lines: &[&str], at: usize, list: &str) -> (usize, String) {
    let other = if list == "assertTrue" {
        "assertFalse"
    } else {
        "assertTrue"
    };
    let mut kept: Vec<&str> = lines.to_vec();
    let item = kept[at];
    kept[at] = "";
    let header = kept
        .iter()
        .position(|line| line.trim().starts_with(&format!("{other}:")));
    match header {
        Some(header) => {
            let empty = kept[header].trim_end().ends_with("[]");
            let replaced = kept[header].replace(" []", "");
            if empty {
                kept[header] = &replaced;
            }
            kept.insert(header + 1, item);
            (header + 2, kept.join("\n"))
        }
        None => {
            let assertions = kept
                .iter()
                .position(|line| line.starts_with("assertions:"))
                .unwrap();
            let header = format!("  {other}:");
            kept.insert(assertions + 1, &header);
            kept.insert(assertions + 2, item);
            (assertions + 3, kept.join("\n"))
        }
    }
}
