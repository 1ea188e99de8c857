//! Systems that nobody here wrote, installed from PyPI and tested over loopback with the suites that users have. They
//! hold when they are set up well; each mistake in setting them up is found where the table in the suite's README says.

mod kinto;
mod kinto_schema;
mod pocketbase;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use testkit::{Project, Python, Service, python};

use crate::support::{Report, lockstep, root};

/// The environment of a suite.
type Variables = [(String, String)];
/// A running server, or why it does not run.
type Started = Result<Service, String>;

/// A system with its suite.
struct System {
    /// The folder under `suites`.
    name: &'static str,
    /// The variable with its address.
    url: &'static str,
    /// The actors that have a password.
    people: &'static [&'static str],
    /// Starts it, with the files that it keeps in a folder and the environment of its suite.
    start: fn(&System, &Python, &Path, &Variables) -> Started,
}

/// A row of the table in a README.
struct Variant {
    name: String,
    /// Cells that are findings, each with its verdict.
    findings: BTreeMap<String, String>,
    /// How many cells are inconclusive because of them.
    unsure: usize,
}

impl System {
    fn folder(&self) -> PathBuf {
        root().join("suites").join(self.name)
    }

    fn python(&self) -> Python {
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR"));
        let requirements = self.folder().join("requirements.txt");
        Python::with(&requirements, kept).unwrap_or_else(|why| panic!("{why}"))
    }

    fn passwords(&self) -> Vec<(String, String)> {
        let people = self.people.iter();
        people
            .map(|name| {
                let variable = format!("{}_PASSWORD", name.to_uppercase());
                (variable, format!("the passphrase of {name}"))
            })
            .collect()
    }

    /// Starts the system, makes the mistake of a variant if one is named, and tests it.
    fn test(&self, variant: Option<&str>) -> Report {
        let python = self.python();
        let project = Project::empty();
        let mut variables = self.passwords();
        let started = (self.start)(self, &python, project.path(), &variables);
        let service = started.unwrap_or_else(|why| panic!("{why}"));
        variables.push((self.url.to_owned(), service.url()));
        let mut prepare = self.prepare(&python);
        prepare.args(variant).envs(variables.iter().cloned());
        python::run(&mut prepare).unwrap_or_else(|why| panic!("{why}\n{}", service.log()));
        let suite = self.folder().join("lockstep.yaml");
        let suite = suite.to_str().unwrap();
        let finished = lockstep(
            project.path(),
            &["test", "--suite", suite, "--report", "json=-"],
        )
        .envs(variables)
        .run();
        Report::of(&finished)
    }

    fn prepare(&self, python: &Python) -> Command {
        let mut prepare = Command::new(python.program("python"));
        prepare.arg(self.folder().join("prepare.py"));
        prepare
    }

    fn log(&self, folder: &Path) -> PathBuf {
        let run = folder.file_name().unwrap().to_str().unwrap();
        let kept = Path::new(env!("CARGO_TARGET_TMPDIR"));
        kept.join("logs").join(format!("{}{run}", self.name))
    }

    /// The table of its README.
    fn table(&self) -> Vec<Variant> {
        let text = fs::read_to_string(self.folder().join("README.md")).unwrap();
        let lines = text
            .lines()
            .skip_while(|line| !line.starts_with("| variant |"));
        let rows = lines.filter(|line| line.starts_with("| `"));
        let rows: Vec<Variant> = rows.map(row).collect();
        assert!(rows.len() >= 3, "the table has {} rows", rows.len());
        rows
    }

    /// A server that is set up well holds, leaves nothing behind, and is tried where the mistakes would show.
    fn holds(&self) {
        let report = self.test(None);
        assert_eq!(report.code, Some(0), "{}", report.told);
        assert_eq!(report.notes(), Vec::<String>::new());
        let held = report.with("held");
        assert_eq!(held.len(), report.cells.len());
        for variant in self.table() {
            let missing: Vec<_> = variant.findings.keys().collect();
            let missing: Vec<_> = missing
                .iter()
                .filter(|cell| !held.contains(**cell))
                .collect();
            assert!(missing.is_empty(), "{}: {missing:?}", variant.name);
        }
    }

    /// Each mistake is found where the table says, and nothing else is.
    fn is_found_out(&self) {
        for variant in self.table() {
            let report = self.test(Some(&variant.name));
            let name = &variant.name;
            assert_eq!(
                report.findings(),
                variant.findings,
                "{name}: {}",
                report.told
            );
            assert_eq!(report.code, Some(1), "{name}");
            let unsure = report.with("inconclusive");
            assert_eq!(unsure.len(), variant.unsure, "{name}: {unsure:?}");
        }
    }

    /// The table has a row for each mistake that can be made, and no other.
    fn is_told_whole(&self) {
        let python = self.python();
        let listed = python::run(self.prepare(&python).arg("--list")).unwrap();
        let listed = String::from_utf8(listed.stdout).unwrap();
        let listed: Vec<&str> = listed.lines().collect();
        let table = self.table();
        let table: Vec<&str> = table.iter().map(|variant| variant.name.as_str()).collect();
        assert_eq!(listed, table);
    }
}

/// `| variant | mistake | verdict: cells; verdict: cells | inconclusive |`, names and cells in backticks.
fn row(line: &str) -> Variant {
    let columns: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [name, _, found, unsure] = columns[..] else {
        panic!("not a row of four columns: {line}");
    };
    let mut findings = BTreeMap::new();
    for part in found.split(';') {
        let (verdict, cells) = part.split_once(':').unwrap();
        let verdict = verdict.trim().replace(' ', "-");
        let cells = cells.split_whitespace();
        findings.extend(cells.map(|cell| (cell.trim_matches('`').to_owned(), verdict.clone())));
    }
    Variant {
        name: name.trim_matches('`').to_owned(),
        findings,
        unsure: unsure.parse().unwrap(),
    }
}

#[test]
fn a_server_is_gone_with_its_children_when_it_is_dropped() {
    let project = Project::empty();
    let log = project.path().join("log");
    let start = "python3 -m http.server $0 --bind 127.0.0.1 & wait";
    let service = Service::start(&log, "/", |port| {
        ["/bin/sh", "-c", start, &port.to_string()]
            .map(str::to_owned)
            .to_vec()
    })
    .unwrap();
    let port: u16 = service.url().rsplit(':').next().unwrap().parse().unwrap();
    assert!(testkit::service::answers(port, "/"));
    drop(service);
    assert!(!testkit::service::answers(port, "/"));
}

#[test]
fn packages_that_cannot_be_had_are_a_failure_and_not_passed_over() {
    let hash = "0".repeat(64);
    let requirements = format!(
        "--index-url http://127.0.0.1:9/simple\nno-such-package-anywhere==1.0 --hash=sha256:{hash}\n"
    );
    let project = Project::new([("requirements.txt", requirements.as_str())]);
    let why = Python::with(&project.path().join("requirements.txt"), project.path()).unwrap_err();
    assert!(why.contains("cannot be installed from PyPI"), "{why}");
    assert!(why.contains("no-such-package-anywhere"), "{why}");
}
