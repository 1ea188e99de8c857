//! Lint, coverage, difference and mutants of a policy of 200 rules and 10,000 facts, in seconds of
//! one thread.

use anyhow::{Context as _, ensure};
use authz::source::{Diagnostic, Source, render};
use authz::{Facts, Policy, read_facts, read_policy};
use authz_analysis::coverage::Coverage;
use authz_analysis::diff::{Limits, Side, diff};
use authz_analysis::lint::{Inputs, lint};
use authz_analysis::mutate::{Judge, Oracles, TestFile, Verdict, candidates};
use authz_analysis::policy_tests;
use jiff::Timestamp;

use crate::firm::Firm;
use crate::measure::{Report, nanoseconds};

/// The most that lint, difference and coverage may each take, in seconds.
const SECONDS_MAX: f64 = 2.0;
/// The most that all mutants may take, in seconds.
const SECONDS_OF_MUTANTS_MAX: f64 = 60.0;

/// Measures and prints.
///
/// # Errors
/// The files that are made up are not read.
pub(crate) fn run() -> anyhow::Result<usize> {
    let now: Timestamp = "2026-11-23T12:00:00Z".parse()?;
    let firm = Firm::new(now)?;
    let mut report = Report::default();
    let sources = firm.policy();
    let policy = told(read_policy(&sources), &sources)?;
    let facts_sources = [firm.facts()];
    let facts = told(read_facts(&policy, &facts_sources), &facts_sources)?;
    let mut found = 0;
    let seconds = seconds(|| {
        let inputs = Inputs {
            policy: &policy,
            sources: &sources,
            facts: &facts,
            facts_sources: &facts_sources,
        };
        found = lint(&inputs).map_or(0, |it| it.findings.len());
    });
    Report::note("findings of lint", &found.to_string());
    report.at_most("lint, seconds", seconds, SECONDS_MAX);
    coverage(&firm, now, &mut report)?;
    difference(&firm, &policy, &facts, now, &mut report)?;
    mutants(&firm, &policy, now, &mut report);
    Ok(report.missed())
}

fn coverage(firm: &Firm, now: Timestamp, report: &mut Report) -> anyhow::Result<()> {
    let mut coverage = Coverage::default();
    let file = tests(firm);
    let load = &mut |name: &str| {
        let found = file.files.iter().find(|it| it.0 == name);
        found
            .map(|it| it.1.clone())
            .ok_or_else(|| "no such file".to_owned())
    };
    let mut failed = None;
    let seconds = seconds(|| {
        let ran = policy_tests::run_noting(&file.source, load, now, Some(&mut coverage));
        failed = ran.ok().map(|it| it.failed().count());
    });
    ensure!(
        failed == Some(0),
        "the tests of the policy do not hold: {failed:?}"
    );
    let percent = coverage.total().percent().unwrap_or_default();
    Report::note("parts that the tests exercise", &format!("{percent} %"));
    report.at_most("coverage, seconds", seconds, SECONDS_MAX);
    Ok(())
}

fn difference(
    firm: &Firm,
    old: &Policy,
    facts: &Facts,
    now: Timestamp,
    report: &mut Report,
) -> anyhow::Result<()> {
    let sources = firm.changed();
    let new = told(read_policy(&sources), &sources)?;
    let facts_sources = [firm.facts()];
    let of_new = told(read_facts(&new, &facts_sources), &facts_sources)?;
    let old = Side { policy: old, facts };
    let new = Side {
        policy: &new,
        facts: &of_new,
    };
    let mut lines = 0;
    let seconds = seconds(|| {
        lines = diff(old, new, now, Limits::default()).lines.len();
    });
    ensure!(lines > 0, "there is no difference");
    Report::note("lines of the difference", &lines.to_string());
    report.at_most("diff, seconds", seconds, SECONDS_MAX);
    Ok(())
}

fn mutants(firm: &Firm, policy: &Policy, now: Timestamp, report: &mut Report) {
    let sources = firm.policy();
    let tests = [tests(firm)];
    let mut counts = [0_usize; 4];
    let seconds = seconds(|| {
        let oracles = Oracles {
            rows: &|_, _| Vec::new(),
            tests: &tests,
            cells: &|_| Vec::new(),
            now,
        };
        let judge = Judge::new(policy, &sources, oracles);
        for mutant in candidates(policy, &sources)
            .iter()
            .filter_map(|it| it.mutant())
        {
            let [killed, survived, unknown, equivalent] = &mut counts;
            *match judge.judge(&mutant).verdict {
                Verdict::Killed => killed,
                Verdict::Survived => survived,
                // Without a suite there are no rows.
                Verdict::Unknown | Verdict::Rows => unknown,
                Verdict::Equivalent => equivalent,
            } += 1;
        }
    });
    let [killed, survived, unknown, equivalent] = counts;
    Report::note(
        "mutants",
        &format!(
            "{killed} killed, {survived} survived, {unknown} unknown, {equivalent} equivalent"
        ),
    );
    report.at_most("mutate, seconds", seconds, SECONDS_OF_MUTANTS_MAX);
}

fn tests(firm: &Firm) -> TestFile {
    let named = firm.policy().into_iter().chain([firm.facts()]);
    TestFile {
        source: firm.tests(),
        files: named.map(|it| (it.name().to_owned(), it)).collect(),
    }
}

fn seconds(work: impl FnOnce()) -> f64 {
    nanoseconds(1, work) / 1e9
}

/// What was read.
///
/// # Errors
/// All that is wrong, as users are told.
pub(crate) fn told<T>(read: Result<T, Vec<Diagnostic>>, sources: &[Source]) -> anyhow::Result<T> {
    read.map_err(|mistakes| render(&mistakes, sources, false))
        .ok()
        .context("a file that was made up is not read")
}
