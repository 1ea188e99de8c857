//! What the documents promise: the paths of the architecture exist, the changelog awaits the next change.

use crate::breach::Breach;
use crate::house::{File, House};

#[cfg(test)]
mod tests;

const ARCHITECTURE: &str = "ARCHITECTURE.md";
const CHANGELOG: &str = "CHANGELOG.md";

pub(crate) fn check(house: &House) -> Vec<Breach> {
    let mut breaches = match house.text(ARCHITECTURE) {
        Some(text) => check_paths(text, &house.files),
        None => vec![Breach::error(ARCHITECTURE, "no tracked file is there")],
    };
    breaches.extend(check_changelog(house.text(CHANGELOG)));
    breaches
}

fn check_paths(text: &str, files: &[File]) -> Vec<Breach> {
    paths(text)
        .filter(|(_, path)| !exists(path, files))
        .map(|(line, path)| {
            let message = format!("`{path}` is named, but no tracked file is there");
            Breach::error(format!("{ARCHITECTURE}:{line}"), message)
        })
        .collect()
}

/// Every word in backticks with a slash in it, with its line; fenced blocks are left out.
fn paths(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut fenced = false;
    (1..)
        .zip(text.lines())
        .filter_map(move |(number, line)| {
            let fence = line.trim_start().starts_with("```");
            fenced ^= fence;
            (!fenced && !fence).then_some((number, line))
        })
        .flat_map(|(number, line)| {
            let words = line.split('`').skip(1).step_by(2);
            words
                .filter(|word| is_path(word))
                .map(move |word| (number, word))
        })
}

fn is_path(word: &str) -> bool {
    word.contains('/') && !word.contains("://") && !word.contains(char::is_whitespace)
}

fn exists(path: &str, files: &[File]) -> bool {
    let path = path.trim_end_matches('/');
    files.iter().any(|file| {
        let rest = file.path.strip_prefix(path);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

fn check_changelog(text: Option<&str>) -> Option<Breach> {
    let Some(text) = text else {
        return Some(Breach::error(CHANGELOG, "no tracked file is there"));
    };
    match text
        .lines()
        .any(|line| line.trim_end() == "## [Unreleased]")
    {
        true => None,
        false => Some(Breach::error(
            CHANGELOG,
            "there is no section `## [Unreleased]`",
        )),
    }
}
