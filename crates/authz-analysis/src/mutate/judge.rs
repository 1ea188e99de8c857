//! Whether a mutant is noticed: by tests of the policy, by the plan of a suite, or by nobody; and
//! then, whether there is anything to notice.

use std::collections::BTreeSet;

use authz::source::{Place, Source};
use authz::{Facts, Policy};
use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::suggestion::suggestion;
use super::{Mutant, Operator};
use crate::diff::{Limits, Line, Side, diff};
use crate::policy_tests;

/// What became of a mutant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Somebody notices it.
    Killed,
    /// Nobody notices it, and it decides something otherwise.
    Survived,
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
    /// Why it is not known whether it is equivalent.
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
    /// The cells of which the plan of a suite expects something else with these files of the policy.
    pub cells: &'a dyn Fn(&[Source]) -> Vec<String>,
    /// When tests and requests are judged.
    pub now: Timestamp,
}

impl Oracles<'_> {
    /// What does not hold, by `test: subject`; none where nothing can be run.
    fn failures(&self, changed: Option<&Mutant>) -> BTreeSet<String> {
        let each = self.tests.iter();
        each.flat_map(|file| failures(file, changed, self.now))
            .collect()
    }
}

fn failures(file: &TestFile, changed: Option<&Mutant>, now: Timestamp) -> Vec<String> {
    let load = &mut |name: &str| {
        let (_, source) = file
            .files
            .iter()
            .find(|(named, _)| named == name)
            .ok_or("there is no such file")?;
        let mutated = changed.and_then(|it| {
            let mut all = it.sources.iter();
            all.find(|it| it.name() == source.name())
        });
        Ok(mutated.unwrap_or(source).clone())
    };
    match policy_tests::run(&file.source, load, now) {
        Ok(report) => {
            let failed = report.failed();
            let named = failed.map(|it| match &it.test {
                Some(test) => format!("{test}: {}", it.subject),
                None => format!("{}: {}", it.place, it.subject),
            });
            named.collect()
        }
        Err(_) => vec![format!("{}: it cannot be run", file.source.name())],
    }
}

/// Judges the mutants of a policy, in their order; `progress` is told how many are through.
pub fn judge(
    policy: &Policy,
    mutants: &[Mutant],
    oracles: &Oracles<'_>,
    progress: &mut dyn FnMut(usize),
) -> Vec<Judged> {
    let failing = oracles.failures(None);
    let mut judged = Vec::new();
    for (at, mutant) in mutants.iter().enumerate() {
        judged.push(one(policy, mutant, oracles, &failing));
        progress(at + 1);
    }
    judged
}

fn one(
    policy: &Policy,
    mutant: &Mutant,
    oracles: &Oracles<'_>,
    failing: &BTreeSet<String>,
) -> Judged {
    let failures = oracles.failures(Some(mutant));
    let tests: Vec<String> = failures.difference(failing).cloned().collect();
    let mut judged = Judged {
        operator: mutant.operator,
        what: mutant.what.clone(),
        place: mutant.place.clone(),
        before: mutant.before.clone(),
        after: mutant.after.clone(),
        verdict: Verdict::Killed,
        tests,
        cells: (oracles.cells)(&mutant.sources),
        example: None,
        suggestion: None,
        bounds: Vec::new(),
    };
    if judged.tests.is_empty() && judged.cells.is_empty() {
        unnoticed(policy, mutant, oracles.now, &mut judged);
    }
    judged
}

/// What nobody notices is equivalent, if that is proven; otherwise what would notice it is told.
fn unnoticed(policy: &Policy, mutant: &Mutant, now: Timestamp, judged: &mut Judged) {
    let side = |policy| Side {
        policy,
        facts: Facts::none(),
    };
    let found = diff(side(policy), side(&mutant.policy), now, Limits::default());
    judged.verdict = match (found.lines.is_empty(), found.bounds.is_empty()) {
        (false, _) => Verdict::Survived,
        (true, true) => Verdict::Equivalent,
        (true, false) => Verdict::Unknown,
    };
    judged.bounds = match judged.verdict {
        Verdict::Unknown => found.bounds,
        _ => Vec::new(),
    };
    // Only what is allowed by one of the two can be told apart by a test.
    let mut lines = found.lines;
    lines.sort_by_key(|line| line.example.subject.is_none() && line.example.signed_in);
    lines.sort_by_key(|line| line.change);
    judged.example = lines.into_iter().next();
    judged.suggestion = judged.example.as_ref().map(suggestion);
}
