//! The tracked files: how long the Rust files are, and that none names a folder of one machine.

use crate::breach::Breach;
use crate::house::File;

#[cfg(test)]
mod tests;

/// Lines from which a Rust file is worth splitting by concern.
const LINES_WARNED: usize = 600;
/// Lines that no Rust file may exceed.
const LINES_MAX: usize = 1_000;

/// Folders that exist on the machine of whoever wrote the file, and on no other. In two parts, or
/// this file would break its own rule.
const LOCAL: &[&str] = &[concat!("/ro", "ot/"), concat!("/wo", "rk/")];

pub(crate) fn check(files: &[File]) -> Vec<Breach> {
    let mut breaches: Vec<_> = files.iter().filter_map(check_length).collect();
    breaches.extend(files.iter().flat_map(check_words));
    breaches
}

fn check_length(file: &File) -> Option<Breach> {
    let lines = file.text.lines().count();
    if !file.path.ends_with(".rs") || lines <= LINES_WARNED {
        return None;
    }
    let message = format!("{lines} lines: split it by concern (at most {LINES_MAX})");
    match lines > LINES_MAX {
        true => Some(Breach::error(&file.path, message)),
        false => Some(Breach::warning(&file.path, message)),
    }
}

fn check_words(file: &File) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for (number, line) in (1..).zip(file.text.lines()) {
        for folder in LOCAL.iter().filter(|folder| names(line, folder)) {
            let message = format!("`{folder}` is a folder of one machine");
            breaches.push(Breach::error(format!("{}:{number}", file.path), message));
        }
    }
    breaches
}

/// Whether a line holds the folder as the beginning of a path, and not amid another path.
fn names(line: &str, folder: &str) -> bool {
    line.match_indices(folder).any(|(at, _)| {
        let before = line.get(..at).and_then(|before| before.chars().next_back());
        !before.is_some_and(|letter| letter.is_alphanumeric() || "._-}".contains(letter))
    })
}
