//! `lockstep baseline`: what earlier runs were seen to allow, accepted by somebody.

use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::Path;

use report::terminal::drift_lines;
use report::{Recorded, Reporter};
use suite::baseline::{Acceptance, Baseline, Comparison};
use suite::event::{Drift, Event, RunStarted, Summary};

use super::print;
use crate::arguments::{Accept, Diff, SuiteFile};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::load::name;
use crate::terminal::{Colour, stdout_style};
use crate::{baseline, history};

/// The most lines of a change that are shown.
const LINES_MAX: usize = 200;

/// Makes the latest run the baseline.
pub(super) fn accept(command: &Accept) -> Result<ExitCode, Failure> {
    let path = baseline::path(&command.suite.suite);
    let before = baseline::load(&path)?;
    let is_new = before.is_none();
    let before = before.unwrap_or_else(|| Baseline::empty(&name(&path)));
    let recorded = latest(&command.suite)?;
    let seen = Seen::of(&recorded, before.clone())?.acceptance;
    if !command.partial && !seen.objections().is_empty() {
        return Ok(refuse(&recorded.run, &seen));
    }
    // The file serves all environments: one that lacks a cell says nothing of it.
    let as_part = command.partial || recorded.run.environment.is_some();
    let after = seen.applied_to(&before, as_part);
    let changes = changes(&before, &after);
    if is_new || !changes.is_empty() {
        baseline::write(&path, &after)?;
    }
    if command.partial {
        for cell in seen.escalations() {
            let _ = writeln!(io::stderr(), "accepted although it is a finding: {cell}");
        }
    }
    print(&told(&changes, &after, &path, &recorded.run))
}

fn refuse(run: &RunStarted, seen: &Acceptance) -> ExitCode {
    let mut text = format!("error: {} cannot be the baseline\n", title(run));
    for objection in seen.objections() {
        text.push_str(&format!("  {objection}\n"));
    }
    text.push_str(
        "help: `lockstep test` again when that is mended; with `--partial`, what this run did establish is accepted\n",
    );
    let _ = io::stderr().write_all(text.as_bytes());
    if seen.has_findings() {
        ExitCode::Finding
    } else {
        ExitCode::Inconclusive
    }
}

/// What is added, and what is taken out, as lines of a diff.
fn changes(before: &Baseline, after: &Baseline) -> Vec<String> {
    let added = after.cells().filter(|cell| !before.has(cell));
    let removed = before.cells().filter(|cell| !after.has(cell));
    let added = added.map(|cell| format!("+ allow {cell}"));
    let removed = removed.map(|cell| format!("- allow {cell}"));
    added.chain(removed).collect()
}

fn told(changes: &[String], after: &Baseline, path: &Path, run: &RunStarted) -> String {
    let shown = changes.iter().take(LINES_MAX);
    let mut text: String = shown.map(|line| format!("{line}\n")).collect();
    if changes.len() > LINES_MAX {
        text.push_str(&format!("and {} more\n", changes.len() - LINES_MAX));
    }
    let added = changes.iter().filter(|line| line.starts_with('+')).count();
    let removed = changes.len() - added;
    text.push_str(&format!(
        "{}: {added} added, {removed} taken out, {} in all; from {}\n",
        name(path),
        after.cells().count(),
        title(run)
    ));
    text
}

/// Shows how the latest run differs from the baseline.
pub(super) fn diff(command: &Diff, colour: Colour) -> Result<ExitCode, Failure> {
    let path = baseline::path(&command.suite.suite);
    let baseline = baseline::load(&path)?;
    let recorded = latest(&command.suite)?;
    if baseline.is_none() {
        let path = name(&path);
        let _ = writeln!(
            io::stderr(),
            "note: there is no `{path}`: nothing is accepted"
        );
    }
    let baseline = baseline.unwrap_or_else(|| Baseline::empty(&name(&path)));
    let seen = Seen::of(&recorded, baseline)?;
    if command.json {
        let mut json = Vec::new();
        report::json::drift_json(&recorded.run.run, &seen.drifts, &mut json)?;
        print(&String::from_utf8_lossy(&json))?;
    } else {
        let lines = drift_lines(&seen.drifts, stdout_style(colour, false));
        let how = match seen.drifts.is_empty() {
            true => "is as",
            false => "differs from",
        };
        let head = format!("{} {how} `{}`\n", title(&recorded.run), name(&path));
        print(&(head + &lines))?;
    }
    for gap in seen.acceptance.gaps() {
        let _ = writeln!(io::stderr(), "note: {gap}");
    }
    Ok(if seen.end.grants_added() > 0 {
        ExitCode::Finding
    } else if seen.acceptance.is_unsure() {
        ExitCode::Inconclusive
    } else {
        ExitCode::Held
    })
}

/// What a recorded run says of grants, and how it differs from the baseline.
struct Seen {
    acceptance: Acceptance,
    comparison: Comparison,
    drifts: Vec<Drift>,
    end: Summary,
}

impl Seen {
    fn of(recorded: &Recorded, baseline: Baseline) -> Result<Self, Failure> {
        let mut seen = Self {
            acceptance: Acceptance::default(),
            comparison: Comparison::new(baseline),
            drifts: Vec::new(),
            end: Summary::default(),
        };
        recorded.tell(&mut seen)?;
        Ok(seen)
    }
}

impl Reporter for Seen {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        // How it differed from an earlier baseline is no matter.
        if matches!(event, Event::Drift(_)) {
            return Ok(());
        }
        self.acceptance.take(event);
        for event in self.comparison.follow(event.clone()) {
            match event {
                Event::Drift(drift) => self.drifts.push(drift),
                Event::RunFinished(end) => self.end = end,
                _ => {}
            }
        }
        Ok(())
    }
}

/// The latest recorded run of a suite, in the environment that was chosen.
fn latest(chosen: &SuiteFile) -> Result<Recorded, Failure> {
    let suite = std::path::absolute(&chosen.suite)?;
    let mut others = BTreeSet::new();
    for past in history::all()? {
        let is_of_suite = std::path::absolute(&past.run.suite)? == suite;
        if is_of_suite && past.run.environment.as_deref() == chosen.environment() {
            return past.read();
        }
        others.insert(known_as(&past.run));
    }
    let suite = name(&chosen.suite);
    let wanted = match chosen.environment() {
        Some(environment) => format!("`{suite}` in the environment `{environment}`"),
        None => format!("`{suite}`"),
    };
    let others: Vec<String> = others.into_iter().collect();
    let others = match others.as_slice() {
        [] => String::new(),
        others => format!("; there are runs of {}", others.join(", ")),
    };
    Err(Failure::Usage(format!(
        "no run of {wanted} is recorded under `.lockstep/`{others}\nhelp: `lockstep test` records one"
    )))
}

fn known_as(run: &RunStarted) -> String {
    match &run.environment {
        Some(environment) => format!("`{}` in the environment `{environment}`", run.suite),
        None => format!("`{}`", run.suite),
    }
}

/// What users know a run by.
fn title(run: &RunStarted) -> String {
    format!("run {} of {}", run.run, known_as(run))
}
