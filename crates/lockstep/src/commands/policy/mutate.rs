//! `lockstep policy mutate`: which mistakes in a policy nobody would notice.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Sender};
use std::thread;

use authz::source::{Diagnostic, Source};
use authz::{Facts, Policy, read_policy};
use authz_analysis::mutate::{self, Candidate, Judge, Judged, Mutant, Oracles, TestFile};
use authz_analysis::policy_tests;
use jiff::Timestamp;
use serde_json::json;
use suite::model::{self, ActorIndex, Expected};
use suite::plan::{Plan, Trial};

use super::which::found;
use super::{named_by_tests, read};
use crate::arguments::PolicyMutate;
use crate::commands::{environment, print};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::load::{self, Files, Loaded, load_policy};

/// The suite, where none is named.
const SUITE: &str = "lockstep.yaml";

pub(super) fn execute(command: &PolicyMutate) -> Result<ExitCode, Failure> {
    let now = command.at.unwrap_or_else(Timestamp::now);
    let suite = suite(command)
        .map(|path| Suite::open(&path, now))
        .transpose()?;
    let sources = match &suite {
        Some(suite) => suite.files.policy().to_vec(),
        None => load_policy(command.policy.as_deref(), &[])?.sources,
    };
    let policy = read_policy(&sources).map_err(|mistakes| Failure::Mistakes {
        mistakes,
        sources: sources.clone(),
    })?;
    let tests = tests(command, &sources, now)?;
    if tests.is_empty() && suite.is_none() {
        return Err(Failure::usage(
            "there are no tests and no suite that could notice anything\nhelp: name files of tests, or a suite with `--suite FILE`",
        ));
    }
    let cells = |mutant: &Mutant| {
        let suite = suite.as_ref();
        suite.map_or(Vec::new(), |it| it.noticed_by(mutant))
    };
    let oracles = Oracles {
        tests: &tests,
        cells: &cells,
        rows: &|type_name, action| {
            let suite = suite.as_ref();
            suite.map_or(Vec::new(), |it| it.by_rows(type_name, action))
        },
        now,
    };
    let judge = Judge::new(&policy, &sources, oracles);
    let judged = judged(&judge, &mutate::candidates(&policy, &sources));
    let score = mutate::score(&judged);
    let text = match command.json {
        true => {
            let told = json!({ "percent": score.percent(), "score": score, "mutants": judged });
            format!("{}\n", serde_json::to_string_pretty(&told)?)
        }
        false => super::clean_lines(&mutate::render(&judged)),
    };
    print(&text)?;
    Ok(match score.percent() >= usize::from(command.min_killed) {
        true => ExitCode::Held,
        false => ExitCode::Finding,
    })
}

/// The suite that is named, or that is there.
fn suite(command: &PolicyMutate) -> Option<PathBuf> {
    let here = Path::new(SUITE).is_file() && command.policy.is_none();
    command.suite.clone().or_else(|| here.then(|| SUITE.into()))
}

/// What becomes of each change that makes a policy, in their order; as many at once as there are
/// cores.
fn judged(judge: &Judge<'_>, candidates: &[Candidate<'_>]) -> Vec<Judged> {
    let next = AtomicUsize::new(0);
    let (send, receive) = mpsc::channel();
    let work = |send: Sender<(usize, Option<Judged>)>| {
        while let Some((at, it)) = taken(&next, candidates) {
            let judged = it.mutant().map(|mutant| judge.judge(&mutant));
            // Who receives is gone only if this process is ending.
            let _ = send.send((at, judged));
        }
    };
    let mut judged = BTreeMap::new();
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            let send = send.clone();
            scope.spawn(|| work(send));
        }
        drop(send);
        let mut progress = progress(candidates.len());
        for (through, (at, found)) in receive.iter().enumerate() {
            judged.extend(found.map(|it| (at, it)));
            progress(through + 1);
        }
    });
    judged.into_values().collect()
}

/// The next one that nobody has taken.
fn taken<'c, T>(next: &AtomicUsize, all: &'c [T]) -> Option<(usize, &'c T)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    Some((at, all.get(at)?))
}

/// Tells on a terminal how many mutants are through.
fn progress(all: usize) -> impl FnMut(usize) {
    let is_terminal = io::stderr().is_terminal();
    move |through| {
        if is_terminal {
            let end = if through == all { "\r\x1b[K" } else { "" };
            // A terminal that is gone is told nothing.
            let _ = write!(io::stderr(), "\r{through} of {all} mutants{end}");
        }
    }
}

/// The files of tests, each with all that it names.
fn tests(
    command: &PolicyMutate,
    sources: &[Source],
    now: Timestamp,
) -> Result<Vec<TestFile>, Failure> {
    let mut paths = command.files.clone();
    if paths.is_empty() {
        let beside = sources
            .iter()
            .filter_map(|it| Path::new(it.name()).parent());
        let mut folders: BTreeSet<PathBuf> = beside.map(Path::to_owned).collect();
        if command.suite.is_none() && command.policy.is_none() {
            folders.extend([PathBuf::new(), "policy".into()]);
        }
        paths = found(&folders.into_iter().collect::<Vec<_>>())?;
    }
    let mut tests = Vec::new();
    for path in &paths {
        let file = test_file(path, sources, now)?;
        let is_known = |it: &Source| sources.iter().any(|known| known.name() == it.name());
        let is_for_it = file.files.iter().any(|(_, it)| is_known(it));
        if is_for_it {
            tests.push(file);
        } else if !command.files.is_empty() {
            let path = path.display();
            return Err(Failure::usage(format!(
                "the tests `{path}` do not exercise this policy: they name none of its files\nhelp: a mutant is a change of these files, so tests of a copy cannot notice it"
            )));
        }
    }
    Ok(tests)
}

/// A file of tests. What it names of the policy is known by the same names as the policy's own
/// `sources`, however the two are spelled.
fn test_file(path: &Path, sources: &[Source], now: Timestamp) -> Result<TestFile, Failure> {
    let source = read(path).map_err(|why| {
        let path = path.display();
        Failure::usage(format!("the tests `{path}` cannot be read: {why}"))
    })?;
    let mut files = Vec::new();
    let load = &mut |name: &str| {
        let source = named_by_tests(path, name)?;
        let mut known = sources.iter();
        let known = known.find(|it| is_same_file(it.name(), source.name()));
        let source = known.unwrap_or(&source).clone();
        files.push((name.to_owned(), source.clone()));
        Ok(source)
    };
    let ran = policy_tests::run(&source, load, now);
    let report = ran.map_err(|broken| Failure::Mistakes {
        mistakes: broken.mistakes,
        sources: broken.sources,
    })?;
    let failed = report.failed().count();
    if failed > 0 {
        let path = path.display();
        let message = format!(
            "{path}: {failed} assertions fail without any mutant\nhelp: see `lockstep policy test`"
        );
        return Err(Failure::usage(message));
    }
    Ok(TestFile { source, files })
}

/// Whether two paths lead to one file.
fn is_same_file(a: &str, b: &str) -> bool {
    let real = |path: &str| fs::canonicalize(path).ok();
    a == b || real(a).is_some_and(|a| Some(a) == real(b))
}

/// A suite, and what its plan expects of each cell.
struct Suite {
    files: Files,
    now: Timestamp,
    cells: BTreeMap<String, Cell>,
    /// What it decides by.
    policy: Policy,
    facts: Facts,
    /// The suite as it was read, once for each that plans at a time.
    spare: Mutex<Vec<model::Suite>>,
}

/// A type and an action of the policy.
type Asked = (String, String);

/// What is expected of a cell.
struct Cell {
    expected: Expected,
    /// Whose items a listing shows, and whose it does not.
    items: Vec<(ActorIndex, bool)>,
    /// Whether a run would notice anything there: it is tried, and a denial has its control.
    counts: bool,
    /// What the policy is asked of each row, where it decides on rows.
    by_rows: Option<Asked>,
}

impl Suite {
    fn open(path: &Path, now: Timestamp) -> Result<Self, Failure> {
        let files = Files::open(path)?;
        if files.policy().is_empty() {
            return Err(Failure::usage(format!(
                "the suite `{}` names no policy\nhelp: name one with `--policy PATH`",
                path.display()
            )));
        }
        let loaded = loaded(&files)?;
        let suite = loaded.suite;
        let planned = cells(&suite, now);
        let cells = planned.map_err(|mistakes| Failure::Mistakes {
            mistakes,
            sources: loaded.sources,
        })?;
        let policy = suite.policy.clone();
        let policy = policy.ok_or_else(|| Failure::usage("the suite has no policy".to_owned()))?;
        Ok(Self {
            files,
            now,
            cells,
            policy,
            facts: suite.facts.clone(),
            spare: Mutex::new(vec![suite]),
        })
    }

    /// The cells of which something else is expected by a mutant, so that a system which behaves
    /// so has a finding there.
    fn noticed_by(&self, mutant: &Mutant) -> Vec<String> {
        let Some(mutated) = self.cells_with(mutant) else {
            return vec!["the suite cannot be read with it".to_owned()];
        };
        let differs = |(name, cell): (&String, &Cell)| {
            let other = mutated.get(name)?;
            let is_other = other.expected != cell.expected && other.expected != Expected::Observe;
            let shows_other = other.items != cell.items && other.expected == cell.expected;
            (cell.counts && (is_other || shows_other)).then(|| name.clone())
        };
        self.cells.iter().filter_map(differs).collect()
    }

    /// The cells for which the policy is asked this of each row.
    fn by_rows(&self, type_name: &str, action: &str) -> Vec<String> {
        let asked = Some((type_name.to_owned(), action.to_owned()));
        let cells = self.cells.iter().filter(|(_, it)| it.by_rows == asked);
        cells.map(|(name, _)| name.clone()).collect()
    }

    /// What the plan expects with another policy. Where that declares the same types and roles, the
    /// suite means the same, and need not be read again.
    fn cells_with(&self, mutant: &Mutant) -> Option<BTreeMap<String, Cell>> {
        let Some(facts) = self.facts.as_for(&self.policy, &mutant.policy) else {
            let read = loaded(&self.files.with_policy(&mutant.sources)).ok()?;
            return cells(&read.suite, self.now).ok();
        };
        let spare = self.spare.lock().ok()?.pop();
        let mut suite = match spare {
            Some(suite) => suite,
            None => loaded(&self.files).ok()?.suite,
        };
        suite.policy = Some(mutant.policy.clone());
        suite.facts = facts;
        let cells = cells(&suite, self.now);
        self.spare.lock().ok()?.push(suite);
        cells.ok()
    }
}

/// A suite without the table `expect`: it says what is right, and here it is asked what a policy
/// says.
fn loaded(files: &Files) -> Result<Loaded, Failure> {
    let mut loaded = load::read(files.clone(), None, &environment, false)?;
    loaded.suite.expect = None;
    Ok(loaded)
}

/// What the plan of a suite expects.
fn cells(suite: &model::Suite, now: Timestamp) -> Result<BTreeMap<String, Cell>, Vec<Diagnostic>> {
    let plan = Plan::new(suite, now)?;
    let named = plan.cells.iter().enumerate().map(|(at, cell)| {
        let expected = cell.expectation.expected;
        let has_control = match expected {
            Expected::Allow => true,
            Expected::Deny(_) => !cell.controls.is_empty(),
            Expected::Absent | Expected::Reject | Expected::Observe => false,
        };
        let cell = Cell {
            expected,
            items: cell.items.clone(),
            counts: has_control && cell.untried.is_none(),
            by_rows: asked_of_rows(suite, cell.trial),
        };
        (plan.name(suite, at), cell)
    });
    Ok(named.collect())
}

/// What the policy is asked of each row that the statement of a cell reaches.
fn asked_of_rows(suite: &model::Suite, trial: Trial) -> Option<Asked> {
    let Trial::Statement { action, .. } = trial else {
        return None;
    };
    let statement = trial.statement(suite)?;
    let rows = statement.rows_of(suite.databases.get(statement.database)?)?;
    let permission = &suite.actions.get(action)?.permission;
    Some((rows.type_name.to_string(), permission.to_string()))
}
