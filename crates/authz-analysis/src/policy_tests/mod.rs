//! Tests of policies: OpenFGA's store files (`*.fga.yaml`), SpiceDB's validation files, and our own
//! `*.test.yaml`. Which of them a file is, its keys say.
//!
//! A file is either broken, and then all that is wrong with it is told, or it is run, and then each
//! of its assertions held or failed at its place.

mod embedded;
mod junit;
mod membership;
mod policy;
mod show;
mod store;
pub(crate) mod tuples;
mod validation;

use authz::source::yaml::{self, Node, Value};
use authz::source::{Diagnostic, Diagnostics, Place, Source};
use jiff::Timestamp;

use crate::coverage::Coverage;
pub(crate) use embedded::read as embedded;

pub use junit::junit;
pub use policy::Prepared;
pub use show::render;
pub(crate) use store::told;
pub(crate) use validation::facts_of_text;

/// Loads a file that a test file names, by its path relative to the test file's folder.
pub type Load<'a> = dyn FnMut(&str) -> Result<Source, String> + 'a;

/// What came of one assertion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assertion {
    /// The test that it belongs to, if that has a name.
    pub test: Option<String>,
    /// What is asserted about: `user:ann can_edit document:1`.
    pub subject: String,
    /// Where it stands: the line that is wrong, if it failed.
    pub place: Place,
    /// What is wrong, a line for each difference: what was expected, and what was found. Empty if
    /// it held.
    pub differences: Vec<Difference>,
}

/// One thing that is otherwise than expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What was expected; none for something that was found and not expected.
    pub expected: Option<String>,
    /// What was found; none for something that was expected and not found.
    pub found: Option<String>,
}

/// What came of a file.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Its assertions, in the order of the file.
    pub assertions: Vec<Assertion>,
}

/// A file that cannot be run.
#[derive(Debug, Clone)]
pub struct Broken {
    /// All that is wrong.
    pub mistakes: Vec<Diagnostic>,
    /// The texts in which it is wrong.
    pub sources: Vec<Source>,
}

impl Assertion {
    /// Whether it held.
    pub fn held(&self) -> bool {
        self.differences.is_empty()
    }
}

impl Report {
    /// The assertions that failed.
    pub fn failed(&self) -> impl Iterator<Item = &Assertion> {
        self.assertions.iter().filter(|assertion| !assertion.held())
    }
}

/// What the readers of all kinds of files share.
struct Reading<'a, 'l> {
    source: &'a Source,
    load: &'a mut Load<'l>,
    now: Timestamp,
    diagnostics: Diagnostics,
    /// The files that were loaded.
    loaded: Vec<Source>,
    /// Where it is noted what the tests exercise, if anybody asks.
    coverage: Option<&'a mut Coverage>,
}

/// Runs the tests of a file, at the instant `now`.
///
/// # Errors
/// Every mistake of the file and of those that it names.
pub fn run(source: &Source, load: &mut Load<'_>, now: Timestamp) -> Result<Report, Broken> {
    run_noting(source, load, now, None)
}

/// The same, and what the tests exercise is noted in `coverage`.
///
/// # Errors
/// As for [`run`].
pub fn run_noting(
    source: &Source,
    load: &mut Load<'_>,
    now: Timestamp,
    coverage: Option<&mut Coverage>,
) -> Result<Report, Broken> {
    let mut reading = Reading::new(source, load, now, coverage);
    let report = reading.read();
    reading.finish(report)
}

/// The matrix that a file of our own tests names.
pub fn matrix_of(source: &Source) -> Option<String> {
    let root = yaml::read(source, &mut Diagnostics::default())?;
    let entries = root.map(&mut Diagnostics::default())?;
    let found = entries.iter().find(|entry| entry.key == "matrix");
    name_of(found.map(|entry| &entry.value))
}

impl<'a, 'l> Reading<'a, 'l> {
    fn new(
        source: &'a Source,
        load: &'a mut Load<'l>,
        now: Timestamp,
        coverage: Option<&'a mut Coverage>,
    ) -> Self {
        Self {
            source,
            load,
            now,
            diagnostics: Diagnostics::default(),
            loaded: Vec::new(),
            coverage,
        }
    }

    /// What was read, or all that is wrong.
    fn finish(self, report: Option<Report>) -> Result<Report, Broken> {
        let report = self.diagnostics.into_result(report);
        report.map_err(|mistakes| {
            let loaded = self.loaded.into_iter();
            let sources = [self.source.clone()].into_iter().chain(loaded).collect();
            Broken { mistakes, sources }
        })
    }

    fn read(&mut self) -> Option<Report> {
        let root = yaml::read(self.source, &mut self.diagnostics)?;
        let entries = root.map(&mut self.diagnostics)?;
        let has = |key: &str| entries.iter().any(|entry| entry.key == key);
        if has("schema") || has("schemaFile") {
            validation::run(self, &root)
        } else if has("model") || has("model_file") {
            store::run(self, &root)
        } else if has("tests") || has("matrix") {
            policy::run(self, &root)
        } else {
            let place = self.source.place(0..0);
            let mistake = Diagnostic::new(place, "this is not a file of tests");
            self.diagnostics.push(mistake.help(
                "a store file has `model` or `model_file`, a validation file `schema`, our own `tests`",
            ));
            None
        }
    }

    /// Loads a file that the node names.
    fn file(&mut self, path: &str, place: &Place) -> Option<Source> {
        match (self.load)(path) {
            Ok(source) => {
                self.loaded.push(source.clone());
                Some(source)
            }
            Err(why) => {
                let message = format!("`{path}` cannot be read: {why}");
                self.diagnostics
                    .push(Diagnostic::new(place.clone(), message));
                None
            }
        }
    }
}

/// The name of a test, under `name`.
fn name_of(node: Option<&Node>) -> Option<String> {
    match &node?.value {
        Value::Scalar(scalar) => Some(scalar.text.clone()),
        _ => None,
    }
}

impl Difference {
    fn between(expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            expected: Some(expected.into()),
            found: Some(found.into()),
        }
    }

    fn missing(expected: impl Into<String>) -> Self {
        Self {
            expected: Some(expected.into()),
            found: None,
        }
    }

    fn unexpected(found: impl Into<String>) -> Self {
        Self {
            expected: None,
            found: Some(found.into()),
        }
    }
}
