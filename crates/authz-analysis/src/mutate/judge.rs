//! Whether a mutant is noticed: by tests of the policy, by the plan of a suite, or by nobody; and
//! then, whether there is anything to notice.

use std::collections::BTreeSet;

use authz::source::{Place, Source};
use authz::{Facts, Likeness, Policy};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::suggestion::suggestion;
use super::{Mutant, Operator};
use crate::diff::{Limits, Line, Side, diff};
use crate::policy_tests::{self, Broken, Prepared, Report};

/// What became of a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Somebody notices it.
    Killed,
    /// Nobody notices it, and it decides something otherwise.
    Survived,
    /// No test notices it, and it changes what a suite decides row by row: only a run, which sees
    /// the rows, can tell.
    Rows,
    /// Nobody notices it, and no difference was found, but not everything could be searched.
    Unknown,
    /// It decides everything as before: there is nothing to notice.
    Equivalent,
}

/// A mutant with what became of it.
#[derive(Debug, Clone, Serialize)]
pub struct Judged {
    /// What kind of mistake it is.
    pub operator: Operator,
    /// What was done.
    pub what: String,
    /// Where.
    pub place: Place,
    /// The lines that changed, as they were.
    pub before: Vec<String>,
    /// The same as they are.
    pub after: Vec<String>,
    /// What became of it.
    pub verdict: Verdict,
    /// The tests of the policy that notice it.
    pub tests: Vec<String>,
    /// The cells of the suite of which it expects something else.
    pub cells: Vec<String>,
    /// A request that it decides otherwise, if nobody noticed it.
    #[serde(serialize_with = "as_text")]
    pub example: Option<Line>,
    /// The test, or the cell, that would notice it.
    pub suggestion: Option<String>,
    /// Why it is not known whether it is equivalent, or whether it is noticed.
    pub bounds: Vec<String>,
}

fn as_text<S: Serializer>(line: &Option<Line>, serializer: S) -> Result<S::Ok, S::Error> {
    line.as_ref()
        .map(|line| &line.example)
        .serialize(serializer)
}

/// A file of tests, and the files that it may name.
#[derive(Debug, Clone)]
pub struct TestFile {
    /// The file.
    pub source: Source,
    /// What it names, by the name that [`policy_tests::Load`] is asked for.
    pub files: Vec<(String, Source)>,
}

/// Who could notice a mutant.
pub struct Oracles<'a> {
    /// Tests of the policy.
    pub tests: &'a [TestFile],
    /// The cells of which the plan of a suite expects something else with a mutant.
    pub cells: &'a (dyn Fn(&Mutant) -> Vec<String> + Sync),
    /// The cells of that suite whose expectation for an action of a type follows from rows, which
    /// only a run sees.
    pub rows: &'a (dyn Fn(&str, &str) -> Vec<String> + Sync),
    /// When tests and requests are judged.
    pub now: Timestamp,
}

/// Judges the mutants of one policy, with what is the same for all of them done once.
pub struct Judge<'a> {
    policy: &'a Policy,
    oracles: Oracles<'a>,
    /// The files of tests, those that are for this policy and of our own form prepared.
    tests: Vec<(&'a TestFile, Option<Prepared<'a>>)>,
    /// What does not hold without any mutant.
    failing: BTreeSet<String>,
}

impl<'a> Judge<'a> {
    /// One for the mutants of the policy that was read from these sources. Runs all tests.
    pub fn new(policy: &'a Policy, sources: &[Source], oracles: Oracles<'a>) -> Self {
        let tests = oracles.tests.iter().map(|file| {
            let load = &mut |name: &str| file.load(name, &[]);
            let prepared = Prepared::new(&file.source, load, (policy, sources));
            (file, prepared)
        });
        let failing = oracles.tests.iter();
        let failing = failing.flat_map(|file| file.failures(&[], oracles.now));
        Self {
            policy,
            tests: tests.collect(),
            failing: failing.collect(),
            oracles,
        }
    }

    /// What becomes of a mutant.
    pub fn judge(&self, mutant: &Mutant) -> Judged {
        let likeness = Likeness::of(self.policy, &mutant.policy);
        let failures = self.tests.iter();
        let failures: BTreeSet<String> = failures
            .flat_map(|(file, prepared)| {
                let prepared = prepared.as_ref();
                let again = prepared.and_then(|it| self.again(file, it, mutant, &likeness));
                again.unwrap_or_else(|| file.failures(&mutant.sources, self.oracles.now))
            })
            .collect();
        let tests = failures.difference(&self.failing).cloned();
        let mut judged = Judged {
            operator: mutant.operator,
            what: mutant.what.clone(),
            place: mutant.place.clone(),
            before: mutant.before.clone(),
            after: mutant.after.clone(),
            verdict: Verdict::Killed,
            tests: tests.collect(),
            cells: (self.oracles.cells)(mutant),
            example: None,
            suggestion: None,
            bounds: Vec::new(),
        };
        if judged.tests.is_empty() && judged.cells.is_empty() {
            unnoticed(self.policy, mutant, &self.oracles, &mut judged);
        }
        judged
    }

    /// What does not hold among the prepared tests that can tell the mutant from the policy.
    fn again(
        &self,
        file: &TestFile,
        prepared: &Prepared<'_>,
        mutant: &Mutant,
        likeness: &Likeness<'_>,
    ) -> Option<Vec<String>> {
        let load = &mut |name: &str| file.load(name, &mutant.sources);
        let ran = prepared.run(&mutant.policy, likeness, load, self.oracles.now)?;
        Some(file.failed(ran))
    }
}

impl TestFile {
    /// A file that it names; what is changed stands in for the file of the same name.
    fn load(&self, name: &str, changed: &[Source]) -> Result<Source, String> {
        let mut files = self.files.iter();
        let (_, source) = files
            .find(|(named, _)| named == name)
            .ok_or("there is no such file")?;
        let changed = changed.iter().find(|it| it.name() == source.name());
        Ok(changed.unwrap_or(source).clone())
    }

    /// What does not hold, with these files changed.
    fn failures(&self, changed: &[Source], now: Timestamp) -> Vec<String> {
        let load = &mut |name: &str| self.load(name, changed);
        self.failed(policy_tests::run(&self.source, load, now))
    }

    /// What does not hold, by `test: subject`.
    fn failed(&self, ran: Result<Report, Broken>) -> Vec<String> {
        let Ok(report) = ran else {
            return vec![format!("{}: it cannot be run", self.source.name())];
        };
        let named = report.failed().map(|it| match &it.test {
            Some(test) => format!("{test}: {}", it.subject),
            None => format!("{}: {}", it.place, it.subject),
        });
        named.collect()
    }
}

/// "`a`, `b` and 3 more cells are decided row by row: only a run can tell"
fn by_rows(cells: &BTreeSet<String>) -> String {
    let named: Vec<String> = cells.iter().take(2).map(|it| format!("`{it}`")).collect();
    let more = match cells.len().saturating_sub(named.len()) {
        0 => String::new(),
        more => format!(" and {more} more cells"),
    };
    let verb = if cells.len() == 1 { "is" } else { "are" };
    let named = named.join(", ");
    format!("{named}{more} {verb} decided row by row: only a run can tell")
}

/// What nobody notices is equivalent, if that is proven; otherwise what would notice it is told.
fn unnoticed(policy: &Policy, mutant: &Mutant, oracles: &Oracles<'_>, judged: &mut Judged) {
    let side = |policy| Side {
        policy,
        facts: Facts::none(),
    };
    let found = diff(
        side(policy),
        side(&mutant.policy),
        oracles.now,
        Limits::default(),
    );
    let rows = found.lines.iter().flat_map(|line| {
        let actions = line.actions.iter();
        actions.flat_map(|action| (oracles.rows)(&line.type_name, action))
    });
    let rows: BTreeSet<String> = rows.collect();
    judged.verdict = match (found.lines.is_empty(), found.bounds.is_empty()) {
        (false, _) if !rows.is_empty() => Verdict::Rows,
        (false, _) => Verdict::Survived,
        (true, true) => Verdict::Equivalent,
        (true, false) => Verdict::Unknown,
    };
    judged.bounds = match judged.verdict {
        Verdict::Unknown => found.bounds,
        Verdict::Rows => vec![by_rows(&rows)],
        _ => Vec::new(),
    };
    // Only what is allowed by one of the two can be told apart by a test.
    let mut lines = found.lines;
    lines.sort_by_key(|line| line.example.subject.is_none() && line.example.signed_in);
    lines.sort_by_key(|line| line.change);
    judged.example = lines.into_iter().next();
    judged.suggestion = judged.example.as_ref().map(suggestion);
}
