//! The pure crates do no I/O, read no clock and spawn nothing.
//!
//! Clippy holds this inside the code through each crate's own list of disallowed methods; here it is
//! held that the list is there and whole, and that no dependency brings a runtime or a socket along.

use std::collections::BTreeSet;

use crate::breach::Breach;
use crate::house::Crate;

#[cfg(test)]
mod tests;

/// A crate, and the lists that must stand in its clippy.toml.
struct Pure {
    name: &'static str,
    lists: &'static [(&'static str, &'static [&'static str])],
}

const PURE: &[Pure] = &[
    Pure {
        name: "authz",
        lists: &[("disallowed-methods", OUTSIDE)],
    },
    Pure {
        name: "authz-analysis",
        lists: &[("disallowed-methods", OUTSIDE)],
    },
    Pure {
        name: "suite",
        lists: &[
            ("disallowed-methods", OUTSIDE),
            ("disallowed-types", HASH_ORDERED),
        ],
    },
    // It writes to what it is handed, and asks the terminal for its size: no network is all that is held.
    Pure {
        name: "report",
        lists: &[],
    },
];

/// Every way to the outside that the standard library and our own dependencies offer in one call.
const OUTSIDE: &[&str] = &[
    "std::fs::read",
    "std::fs::read_dir",
    "std::fs::read_to_string",
    "std::fs::write",
    "std::fs::File::create",
    "std::fs::File::open",
    "std::env::args",
    "std::env::current_dir",
    "std::env::var",
    "std::env::var_os",
    "std::net::TcpListener::bind",
    "std::net::TcpStream::connect",
    "std::net::UdpSocket::bind",
    "std::process::Command::new",
    "std::thread::spawn",
    "std::time::Instant::now",
    "std::time::SystemTime::now",
    "jiff::Timestamp::now",
    "jiff::Zoned::now",
    "jiff::tz::TimeZone::system",
];

/// A plan is the same on every run, so nothing in it may follow the order of a hash.
const HASH_ORDERED: &[&str] = &["std::collections::HashMap", "std::collections::HashSet"];

const NEVER_IN_TREE: &[&str] = &["axum", "hyper", "mio", "rusqlite", "socket2", "tokio"];

/// Whether the tree of this crate has to be read.
pub(crate) fn looks_at(name: &str) -> bool {
    PURE.iter().any(|pure| pure.name == name)
}

pub(crate) fn check<'a>(crates: &[Crate], text: impl Fn(&str) -> Option<&'a str>) -> Vec<Breach> {
    let mut breaches = Vec::new();
    for krate in crates {
        let Some(pure) = PURE.iter().find(|pure| pure.name == krate.name) else {
            continue;
        };
        let place = format!("{}/clippy.toml", krate.folder);
        breaches.extend(check_lists(pure, &place, text(&place)));
        breaches.extend(check_tree(krate));
    }
    breaches
}

fn check_lists(pure: &Pure, place: &str, text: Option<&str>) -> Vec<Breach> {
    if pure.lists.is_empty() {
        return Vec::new();
    }
    let Some(text) = text else {
        let message = format!("`{}` is pure and says nowhere what it disallows", pure.name);
        return vec![Breach::error(place, message)];
    };
    let table: toml::Table = match toml::from_str(text) {
        Ok(table) => table,
        Err(error) => return vec![Breach::error(place, error.message())],
    };
    let mut breaches = Vec::new();
    for (key, paths) in pure.lists {
        let disallowed = paths_under(key, &table);
        for path in paths.iter().filter(|path| !disallowed.contains(*path)) {
            let message = format!("`{path}` is missing from `{key}`");
            breaches.push(Breach::error(place, message));
        }
    }
    breaches
}

/// The paths of one list, which stand alone or beside a reason.
fn paths_under<'a>(key: &str, table: &'a toml::Table) -> BTreeSet<&'a str> {
    let entries = table.get(key).and_then(toml::Value::as_array);
    entries
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.as_str().or_else(|| entry.get("path")?.as_str()))
        .collect()
}

fn check_tree(krate: &Crate) -> Vec<Breach> {
    let place = format!("{}/Cargo.toml", krate.folder);
    NEVER_IN_TREE
        .iter()
        .filter(|name| krate.tree.contains(**name))
        .map(|name| {
            let message = format!(
                "`{}` opens no socket and no database, but `{name}` is in its tree (`cargo tree -p {} -e normal -i {name}` shows how)",
                krate.name, krate.name
            );
            Breach::error(&place, message)
        })
        .collect()
}
