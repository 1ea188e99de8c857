//! `lockstep matrix`: the table of a policy, written into a file or held against it.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use authz::source::Source;
use authz_analysis::matrix::{self, Difference};
use authz_analysis::policy_tests;

use super::print;
use crate::arguments::Matrix;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::load::{bytes, load_policy, name, policy_folder};
use crate::replace::replace;

pub(super) fn execute(command: &Matrix) -> Result<ExitCode, Failure> {
    let policy = load_policy(command.policy.as_deref(), &[])?.policy;
    let table = matrix::of(&policy);
    let text = table.to_text();
    if command.print {
        return print(&text);
    }
    let file = match &command.file {
        Some(file) => file.clone(),
        None => beside(&policy_folder(command.policy.as_deref())),
    };
    let shown = name(&file);
    if command.write {
        replace(&file, text.as_bytes())?;
        return print(&format!("written: {shown}\n"));
    }
    let source = source(&file).map_err(|why| {
        Failure::usage(format!(
            "the matrix `{shown}` cannot be read: {why}\nhelp: `lockstep matrix --write` makes it"
        ))
    })?;
    if table.is_in(source.text()) {
        return print(&format!("{shown} says what the policy does\n"));
    }
    print(&told(&shown, &matrix::differences(source.text(), &table)))?;
    Ok(ExitCode::Finding)
}

fn source(path: &Path) -> Result<Source, String> {
    let bytes = bytes(path).map_err(|error| error.to_string())?;
    Source::from_bytes(&name(path), &bytes).map_err(|broken| broken.1.message.clone())
}

/// The file that the tests in the folder name, or the one that has the name by default.
fn beside(folder: &Path) -> PathBuf {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut tests: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    tests.retain(|path| path.to_string_lossy().ends_with(".test.yaml"));
    tests.sort();
    let sources = tests.iter().filter_map(|path| source(path).ok());
    let mut named = sources.filter_map(|source| policy_tests::matrix_of(&source));
    folder.join(named.next().unwrap_or_else(|| "policy.matrix".to_owned()))
}

/// Each cell that differs, with what it was and what it is.
fn told(file: &str, differences: &[Difference]) -> String {
    let mut text = format!("{file} does not say what the policy does:\n");
    let cells = differences
        .iter()
        .map(|it| format!("{} of {}", it.row, it.role));
    let cells: Vec<String> = cells.collect();
    let width = cells.iter().map(|cell| cell.chars().count()).max();
    let width = width.unwrap_or(0);
    for (cell, it) in cells.iter().zip(differences) {
        let of = |side: &Option<String>| side.clone().unwrap_or_else(|| "nothing".to_owned());
        let (before, after) = (of(&it.before), of(&it.after));
        let told = format!("  {cell:width$}  {before} -> {after}");
        let _ = writeln!(text, "{}", report::clean(&told));
    }
    if differences.is_empty() {
        text.push_str("  no cell differs, but the text does\n");
    }
    text.push_str("if that is meant: lockstep matrix --write\n");
    text
}
