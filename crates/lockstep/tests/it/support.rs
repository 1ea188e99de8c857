//! What the tests have in common: running the binary, reading its report, and the sample system on its own.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use demo::{Demo, Fault};
use serde_json::Value;
use testkit::binary::Invocation;
use testkit::{Binary, Finished, Project};

/// The binary under test.
pub(crate) fn lockstep(folder: &Path, arguments: &[&str]) -> Invocation {
    Binary::new(env!("CARGO_BIN_EXE_lockstep")).command(folder, arguments.iter().copied())
}

/// Runs the binary in an empty folder, with an empty environment.
pub(crate) fn run(arguments: &[&str]) -> Finished {
    let project = Project::empty();
    lockstep(project.path(), arguments).run()
}

/// Tests the suite `lockstep.yaml` of a project, and reads the report.
pub(crate) fn test(project: &Project, variables: &[(&str, &str)], arguments: &[&str]) -> Report {
    let mut all = vec!["test", "--report", "json=-"];
    all.extend(arguments);
    let finished = lockstep(project.path(), &all)
        .envs(variables.iter().copied())
        .run();
    Report::of(&finished)
}

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The suite of the sample system, as users have it.
pub(crate) fn demo_suite() -> String {
    let path = root().join("suites/demo/lockstep.yaml");
    path.to_str().unwrap().to_owned()
}

/// The sample system, running inside of the test.
pub(crate) struct Sample {
    demo: Demo,
    /// Runs the system, and stops it when it goes.
    _runtime: tokio::runtime::Runtime,
}

impl Sample {
    pub(crate) fn start(faults: &[Fault]) -> Self {
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let demo = runtime.block_on(demo::start(faults)).unwrap();
        Self {
            demo,
            _runtime: runtime,
        }
    }

    pub(crate) fn accounts_url(&self) -> String {
        self.demo.accounts_url()
    }

    pub(crate) fn posts_url(&self) -> String {
        self.demo.posts_url()
    }

    /// The environment of its suite.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        self.demo.variables()
    }

    /// Tests it with its suite, where it is or at other addresses.
    pub(crate) fn test(&self, arguments: &[&str], addresses: &[(&str, &str)]) -> Report {
        let suite = demo_suite();
        let mut all = vec!["test", "--suite", &suite, "--report", "json=-"];
        all.extend(arguments);
        let project = Project::empty();
        let finished = lockstep(project.path(), &all)
            .envs(self.variables())
            .envs(addresses.iter().copied())
            .run();
        Report::of(&finished)
    }
}

/// A cell of a report.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    pub(crate) verdict: String,
    /// `allow`, `absent`, `?`, or the kind of denial.
    pub(crate) expected: String,
    /// Everything that the report says of it.
    pub(crate) json: Value,
}

/// A report as JSON, on standard output, with how the run ended.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) code: Option<i32>,
    pub(crate) json: Value,
    pub(crate) cells: BTreeMap<String, Cell>,
    /// The report for people, for messages.
    pub(crate) told: String,
}

/// A set of cells by name.
pub(crate) type Names = BTreeSet<String>;

impl Report {
    /// Reads the report of a run with `--report json=-`. Whatever the test is about, it must be sound: valid under its
    /// schema, alone on standard output, and in agreement with itself and with the exit code.
    pub(crate) fn of(finished: &Finished) -> Self {
        let told = format!("exit {:?}\n{}", finished.code, finished.stderr);
        assert!(!told.contains("panicked"), "it panicked: {told}");
        let json: Value = serde_json::from_str(&finished.stdout).unwrap_or_else(|error| {
            let told = finished.told();
            panic!("standard output is not one JSON document: {error}: {told}")
        });
        let errors: Vec<String> = report_schema()
            .iter_errors(&json)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(
            errors.is_empty(),
            "the report breaks its schema: {errors:?}"
        );
        let mut cells = BTreeMap::new();
        for cell in json["cells"].as_array().unwrap() {
            let name = cell["cell"].as_str().unwrap().to_owned();
            let twice = cells.insert(name, Cell::of(cell));
            assert!(twice.is_none(), "told twice: {cell}");
        }
        let report = Self {
            code: finished.code,
            cells,
            told,
            json,
        };
        report.check_sums();
        report
    }

    fn check_sums(&self) {
        let summary = &self.json["summary"];
        let kinds = summary["counts"].as_object().unwrap();
        for (kind, count) in kinds {
            let found = self.with(kind).len();
            assert_eq!(count, found, "the count of `{kind}`: {}", self.told);
        }
        let listed: Names = strings(&self.json["findings"]).collect();
        assert_eq!(listed, self.findings().into_keys().collect());
        let apart = self.with("held").is_empty() && !self.with("not-applicable").is_empty();
        let interrupted = summary["interrupted"] == true;
        if !interrupted {
            assert_eq!(self.json["planned"], self.cells.len(), "{}", self.told);
        }
        let added = summary["drift"]["added"].as_u64().unwrap_or(0);
        let expected = match (self.findings().len(), interrupted) {
            _ if added > 0 || !self.disagreements().is_empty() => 1,
            (1.., _) => 1,
            (0, true) => 130,
            (0, false) if self.with("inconclusive").is_empty() && !apart => 0,
            (0, false) => 3,
        };
        assert_eq!(self.code, Some(expected), "{}", self.told);
    }

    /// The cells with this verdict.
    pub(crate) fn with(&self, verdict: &str) -> Names {
        self.matching(|cell| cell.verdict == verdict)
    }

    /// The cells that are findings, each with its verdict.
    pub(crate) fn findings(&self) -> BTreeMap<String, String> {
        let cells = self.cells.iter();
        cells
            .filter(|(_, cell)| {
                !["held", "inconclusive", "not-applicable"].contains(&cell.verdict.as_str())
            })
            .map(|(name, cell)| (name.clone(), cell.verdict.clone()))
            .collect()
    }

    /// The cells of which something is true.
    pub(crate) fn matching(&self, holds: impl Fn(&Cell) -> bool) -> Names {
        let cells = self.cells.iter().filter(|(_, cell)| holds(cell));
        cells.map(|(name, _)| name.clone()).collect()
    }

    /// Every verdict, by cell.
    pub(crate) fn verdicts(&self) -> BTreeMap<String, String> {
        let cells = self.cells.iter();
        cells
            .map(|(name, cell)| (name.clone(), cell.verdict.clone()))
            .collect()
    }

    /// The verdict of one cell.
    pub(crate) fn verdict(&self, cell: &str) -> &str {
        match self.cells.get(cell) {
            Some(cell) => &cell.verdict,
            None => panic!("there is no cell `{cell}`: {}", self.told),
        }
    }

    /// What was observed in a cell, and why its verdict is what it is.
    pub(crate) fn words(&self, cell: &str) -> String {
        let Some(cell) = self.cells.get(cell) else {
            panic!("there is no cell `{cell}`: {}", self.told);
        };
        let text = |key: &str| cell.json[key].as_str().unwrap_or_default().to_owned();
        format!("{}; {}", text("observed"), text("because"))
    }

    /// Where layers disagree: how, which is the weaker one, and the name of the rule.
    pub(crate) fn disagreements(&self) -> BTreeSet<(String, String, String)> {
        let all = self.json.get("disagreements");
        let all = all.and_then(Value::as_array).into_iter().flatten();
        let told = all.map(|it| {
            let text = |key: &str| it[key].as_str().unwrap().to_owned();
            let weaker: Vec<String> = strings(&it["weaker"]).collect();
            (text("clash"), weaker.join(" "), text("name"))
        });
        told.collect()
    }

    pub(crate) fn notes(&self) -> Vec<String> {
        strings(&self.json["notes"]).collect()
    }

    pub(crate) fn duration_ms(&self) -> u64 {
        self.json["summary"]["duration_ms"].as_u64().unwrap()
    }

    pub(crate) fn requests(&self) -> u64 {
        self.json["summary"]["requests"].as_u64().unwrap()
    }
}

impl Cell {
    fn of(json: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let expected = &json["expected"];
        let denial = expected.get("denial");
        Self {
            verdict: text(&json["verdict"]),
            expected: text(denial.unwrap_or(&expected["what"])),
            json: json.clone(),
        }
    }
}

/// Names of cells, written for a test.
pub(crate) fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> Names {
    names.into_iter().map(str::to_owned).collect()
}

/// The texts of a JSON list.
pub(crate) fn strings(list: &Value) -> impl Iterator<Item = String> {
    let list = list.as_array().unwrap().iter();
    list.map(|item| item.as_str().unwrap().to_owned())
}

/// The schema that `lockstep schema` prints of a format.
pub(crate) fn schema(format: &str) -> jsonschema::Validator {
    let printed = run(&["schema", format]);
    assert_eq!(printed.code, Some(0), "{}", printed.told());
    let schema = serde_json::from_str(&printed.stdout).unwrap();
    jsonschema::draft202012::new(&schema).unwrap()
}

/// The schema describes a document: it is valid, and each of its members is known there, and wanted.
pub(crate) fn assert_described(format: &str, document: &Value) {
    let schema = schema(format);
    let errors: Vec<String> = schema
        .iter_errors(document)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert!(errors.is_empty(), "{errors:?}");
    let printed = run(&["schema", format]);
    let printed: Value = serde_json::from_str(&printed.stdout).unwrap();
    for member in document.as_object().unwrap().keys() {
        assert!(printed["properties"].get(member).is_some(), "{member}");
        let mut without = document.clone();
        without.as_object_mut().unwrap().remove(member);
        assert!(!schema.is_valid(&without), "{member} is not wanted");
    }
    let lists = document.as_object().unwrap().values();
    let items = lists.filter_map(Value::as_array).flatten();
    let objects: Vec<&Value> = items.filter(|it| it.is_object()).collect();
    for member in objects.iter().flat_map(|it| it.as_object().unwrap().keys()) {
        let mut defined = printed["$defs"].as_object().unwrap().values();
        let knows = defined.any(|it| it["properties"].get(member).is_some());
        assert!(knows, "{member} is not described");
    }
}

fn report_schema() -> &'static jsonschema::Validator {
    static SCHEMA: OnceLock<jsonschema::Validator> = OnceLock::new();
    SCHEMA.get_or_init(|| schema("report"))
}
