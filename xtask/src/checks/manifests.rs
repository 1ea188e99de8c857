//! Each crate's own manifest: workspace lints, and a reason beside every dependency.

use crate::breach::Breach;
use crate::house::Crate;

#[cfg(test)]
mod tests;

pub(crate) fn check(crates: &[Crate]) -> Vec<Breach> {
    let ours: Vec<&str> = crates.iter().map(|krate| krate.name.as_str()).collect();
    crates
        .iter()
        .flat_map(|krate| {
            let place = format!("{}/Cargo.toml", krate.folder);
            let mut breaches = check_reasons(&place, &krate.manifest, &ours);
            breaches.extend(check_lints(&place, &krate.manifest));
            breaches
        })
        .collect()
}

fn check_lints(place: &str, manifest: &str) -> Option<Breach> {
    let table: toml::Table = match toml::from_str(manifest) {
        Ok(table) => table,
        Err(error) => return Some(Breach::error(place, error.message())),
    };
    let inherited = table.get("lints").and_then(|lints| lints.get("workspace"));
    match inherited.and_then(toml::Value::as_bool) {
        Some(true) => None,
        _ => Some(Breach::error(
            place,
            "the lints of the workspace are not inherited",
        )),
    }
}

/// Reads lines and not the table, since the reasons are comments.
fn check_reasons(place: &str, manifest: &str, ours: &[&str]) -> Vec<Breach> {
    let mut breaches = Vec::new();
    let mut in_dependencies = false;
    let mut reason_above = false;
    for (number, line) in (1..).zip(manifest.lines().map(str::trim)) {
        if line.starts_with('[') {
            in_dependencies = line.ends_with("dependencies]");
        } else if in_dependencies && let Some(name) = name_of(line) {
            let place = format!("{place}:{number}");
            if !line.contains("workspace = true") {
                let message =
                    format!("`{name}` is not taken from the dependencies of the workspace");
                breaches.push(Breach::error(&place, message));
            }
            if !ours.contains(&name) && !reason_above && !has_reason(line) {
                let message = format!("`{name}` has no reason: a comment on the line or above it");
                breaches.push(Breach::error(&place, message));
            }
        }
        reason_above = is_reason(line);
    }
    breaches
}

/// The dependency that a line declares; none for comments, blanks and the rest of a long list.
fn name_of(line: &str) -> Option<&str> {
    let (key, _) = line.split_once('=')?;
    let name = key.split('.').next()?.trim();
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-' || letter == '_';
    (!name.is_empty() && name.chars().all(plain)).then_some(name)
}

fn has_reason(line: &str) -> bool {
    line.find('#')
        .is_some_and(|at| line.get(at..).is_some_and(is_reason))
}

fn is_reason(comment: &str) -> bool {
    let words = comment.strip_prefix('#');
    words.is_some_and(|words| words.chars().any(char::is_alphabetic))
}
