//! Which of our crates may use which.
//!
//! A row names what a crate may use; what those may use it may use too. The rows of crates that are
//! still to come stand here from the start, so that they are held from their first day.

use std::collections::BTreeSet;

use crate::breach::Breach;
use crate::house::{Crate, Dependency, Kind};

#[cfg(test)]
mod tests;

const MAY_USE: &[(&str, &[&str])] = &[
    ("authz", &[]),
    ("authz-analysis", &["authz"]),
    ("authz-sql", &["authz"]),
    ("authz-store", &["authz"]),
    ("authz-wire", &[]),
    ("authz-server", &["authz-store", "authz-wire"]),
    ("enforce", &["authz", "authz-store"]),
    ("suite", &["authz"]),
    ("runner", &["suite", "authz-sql", "authz-wire"]),
    ("report", &["suite"]),
    (
        "lockstep",
        &[
            "authz-analysis",
            "authz-server",
            "enforce",
            "runner",
            "report",
            "demo",
        ],
    ),
    // A tester that shares its subject's code shares its faults.
    ("demo", &[]),
    ("testkit", &[]),
    ("xtask", &[]),
    (
        "benches",
        &[
            "authz-analysis",
            "authz-server",
            "enforce",
            "runner",
            "report",
        ],
    ),
    ("fuzz", &["authz-analysis", "authz-sql", "runner", "report"]),
];

/// For tests only: a dev-dependency, save in the benches, which are nothing but a test.
const TEST_ONLY: &str = "testkit";
const NOTHING_BUT_TEST: &str = "benches";

/// These use none of ours, not even in tests.
const ALONE: &[&str] = &["demo", "testkit", "xtask"];

pub(crate) fn check(crates: &[Crate]) -> Vec<Breach> {
    crates.iter().flat_map(check_crate).collect()
}

fn check_crate(krate: &Crate) -> Vec<Breach> {
    let place = format!("{}/Cargo.toml", krate.folder);
    let Some(allowed) = allowed(&krate.name) else {
        let message = format!(
            "`{}` has no row in the table of directions (xtask/src/checks/directions.rs)",
            krate.name
        );
        return vec![Breach::error(place, message)];
    };
    krate
        .ours
        .iter()
        .filter(|dependency| !is_allowed(krate, dependency, &allowed))
        .map(|dependency| Breach::error(&place, refusal(krate, dependency, &allowed)))
        .collect()
}

fn is_allowed(krate: &Crate, dependency: &Dependency, allowed: &BTreeSet<&str>) -> bool {
    if dependency.name == TEST_ONLY {
        let in_tests = dependency.kind == Kind::Dev || krate.name == NOTHING_BUT_TEST;
        return in_tests && !ALONE.contains(&krate.name.as_str());
    }
    allowed.contains(dependency.name.as_str())
}

fn refusal(krate: &Crate, dependency: &Dependency, allowed: &BTreeSet<&str>) -> String {
    if dependency.name == TEST_ONLY && !ALONE.contains(&krate.name.as_str()) {
        return format!("`{TEST_ONLY}` is a dev-dependency only");
    }
    let allowed: Vec<_> = allowed.iter().map(|name| format!("`{name}`")).collect();
    let may = match allowed.as_slice() {
        [] => "none of ours".to_owned(),
        names => names.join(", "),
    };
    format!(
        "`{}` must not use `{}`; it may use {may}",
        krate.name, dependency.name
    )
}

/// The row of a crate with all that follows from it; none for a crate without a row.
fn allowed(name: &str) -> Option<BTreeSet<&'static str>> {
    let mut reached = BTreeSet::new();
    let mut open = row(name)?.to_vec();
    while let Some(next) = open.pop() {
        if reached.insert(next) {
            open.extend(row(next).unwrap_or_default());
        }
    }
    Some(reached)
}

fn row(name: &str) -> Option<&'static [&'static str]> {
    let (_, row) = MAY_USE.iter().find(|(of, _)| *of == name)?;
    Some(row)
}
