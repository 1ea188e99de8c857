//! The schema that Kinto makes in PostgreSQL: what a scan finds is what its README has judged, one by one.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use testkit::postgres::{Database, PASSWORD};
use testkit::{Python, python};

use crate::support::{root, run};

/// A rule and an object.
type Found = BTreeSet<(String, String)>;

/// The rows of the table in the README that are about a role.
fn judged(role: &str) -> Found {
    let readme = fs::read_to_string(root().join("suites/postgres/README.md")).unwrap();
    let start = format!("| `{role}` |");
    let rows = readme.lines().filter(|line| line.starts_with(&start));
    let rows = rows.map(|line| {
        let columns: Vec<&str> = line
            .split('|')
            .map(|it| it.trim().trim_matches('`'))
            .collect();
        (columns[2].to_owned(), columns[3].to_owned())
    });
    rows.collect()
}

/// What a scan finds, with the role by the name that it has in the README.
fn found(database: &Database, role: &str) -> Found {
    let name = database.role_name(role);
    let finished = run(&["scan", &database.url(), "--role", &name, "--format", "json"]);
    assert_eq!(finished.code, Some(1), "{}", finished.told());
    let report: Value = serde_json::from_str(&finished.stdout).unwrap();
    let findings = report["findings"].as_array().unwrap();
    let text = |finding: &Value, key: &str| finding[key].as_str().unwrap().replace(&name, role);
    let findings = findings
        .iter()
        .map(|it| (text(it, "rule"), text(it, "object")));
    findings.collect()
}

#[test]
fn what_is_found_in_the_schema_of_kinto_is_judged_one_by_one() {
    let suite = root().join("suites/postgres");
    let kept = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let python = Python::with(&suite.join("requirements.txt"), kept);
    let python = python.unwrap_or_else(|why| panic!("{why}"));
    let database = Database::new();
    let owner = database.role("kinto", "");
    let app = database.role("kinto_app", "");
    database.execute(&format!("GRANT CREATE ON SCHEMA public TO {owner}"));
    let url = database
        .url_as(&owner)
        .replace("postgres://", "postgresql://");
    assert!(url.contains(PASSWORD));
    let mut migrate = Command::new(python.program("kinto"));
    migrate
        .args(["migrate", "--ini"])
        .arg(suite.join("kinto.ini"));
    for part in ["STORAGE", "PERMISSION", "CACHE"] {
        migrate.env(format!("KINTO_{part}_URL"), &url);
    }
    python::run(&mut migrate).unwrap_or_else(|why| panic!("{why}"));
    assert_eq!(found(&database, "kinto"), judged("kinto"));
    let rights = "SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public";
    database.execute(&format!("GRANT {rights} TO {app}"));
    assert_eq!(found(&database, "kinto_app"), judged("kinto_app"));
    assert_eq!(judged("kinto_app").len(), 6);
}
