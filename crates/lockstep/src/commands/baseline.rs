//! `lockstep baseline`: what earlier runs were seen to allow, accepted by somebody.

use std::fs::File;
use std::io::{self, BufReader, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use suite::baseline::{Acceptance, Baseline, Comparison};
use suite::event::{Drift, Event, Summary};

use super::print;
use crate::arguments::{Accept, Diff};
use crate::baseline;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::load::name;
use crate::record;
use crate::terminal::{Colour, stdout_style};

/// The most lines of a change that are shown.
const LINES_MAX: usize = 200;

/// Makes the latest run the baseline.
pub(super) fn accept(command: &Accept) -> Result<ExitCode, Failure> {
    let path = baseline::path(&command.suite.suite);
    let before = baseline::load(&path)?;
    let run = Recorded::latest(&command.suite.suite)?;
    let objections = run.seen.objections();
    if !objections.is_empty() && !command.partial {
        return Ok(refuse(&run, &objections));
    }
    let is_new = before.is_none();
    let before = before.unwrap_or_else(|| Baseline::empty(&name(&path)));
    let after = run.seen.applied_to(&before, command.partial);
    let changes = changes(&before, &after);
    if is_new || !changes.is_empty() {
        baseline::write(&path, &after)?;
    }
    if command.partial {
        for cell in run.seen.escalations() {
            let _ = writeln!(io::stderr(), "accepted although it is a finding: {cell}");
        }
    }
    print(&told(&changes, &after, &path, &run))
}

fn refuse(run: &Recorded, objections: &[String]) -> ExitCode {
    let mut text = format!("error: {} cannot be the baseline\n", run.name());
    for objection in objections {
        text.push_str(&format!("  {objection}\n"));
    }
    text.push_str(
        "help: `lockstep test` again when that is mended; with `--partial`, what this run did establish is accepted\n",
    );
    let _ = io::stderr().write_all(text.as_bytes());
    if run.seen.has_findings() {
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

fn told(changes: &[String], after: &Baseline, path: &Path, run: &Recorded) -> String {
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
        run.name()
    ));
    text
}

/// Shows how the latest run differs from the baseline.
pub(super) fn diff(command: &Diff, colour: Colour) -> Result<ExitCode, Failure> {
    let path = baseline::path(&command.suite.suite);
    let baseline = baseline::load(&path)?;
    if baseline.is_none() {
        let path = name(&path);
        let _ = writeln!(
            io::stderr(),
            "note: there is no `{path}`: nothing is accepted"
        );
    }
    let baseline = baseline.unwrap_or_else(|| Baseline::empty(&name(&path)));
    let run = Recorded::latest(&command.suite.suite)?;
    let (drifts, summary) = run.compared_with(baseline)?;
    if command.json {
        let mut json = Vec::new();
        report::json::drift_json(run.run_name(), &drifts, &mut json)?;
        print(&String::from_utf8_lossy(&json))?;
    } else {
        let style = stdout_style(colour, false);
        let lines = report::terminal::drift_lines(&drifts, style);
        let how = if drifts.is_empty() {
            "is as"
        } else {
            "differs from"
        };
        let head = format!("{} {how} `{}`\n", run.name(), name(&path));
        print(&(head + &lines))?;
    }
    for gap in run.seen.gaps() {
        let _ = writeln!(io::stderr(), "note: {gap}");
    }
    Ok(if summary.grants_added() > 0 {
        ExitCode::Finding
    } else if run.seen.is_unsure() {
        ExitCode::Inconclusive
    } else {
        ExitCode::Held
    })
}

/// A run as it was recorded.
struct Recorded {
    log: PathBuf,
    seen: Acceptance,
}

impl Recorded {
    /// The latest run of a suite that is recorded here.
    fn latest(suite: &Path) -> Result<Self, Failure> {
        let context = "the records under `.lockstep/` cannot be read";
        let mut others = Vec::new();
        for log in record::logs().context(context)? {
            match is_of(&log, suite) {
                Ok(None) => return Self::read(log),
                Ok(Some(other)) if others.contains(&other) => {}
                Ok(Some(other)) => others.push(other),
                Err(why) => {
                    let log = log.display();
                    let _ = writeln!(io::stderr(), "note: `{log}` is passed over: {why}");
                }
            }
        }
        let suite = name(suite);
        let mut message = format!("no run of `{suite}` is recorded under `.lockstep/`");
        for other in others {
            message.push_str(&format!("; there are runs of `{other}`"));
        }
        message.push_str(&format!(
            "\nhelp: `lockstep test --suite {suite}` records one"
        ));
        Err(Failure::Usage(message))
    }

    fn read(log: PathBuf) -> Result<Self, Failure> {
        let mut seen = Acceptance::default();
        for event in events(&log)? {
            match event {
                Ok(event) => seen.take(&event),
                // A run that was killed while it wrote. Without its end, it counts as interrupted.
                Err(error) => {
                    let log = log.display();
                    let _ = writeln!(io::stderr(), "note: `{log}`: {error}");
                }
            }
        }
        Ok(Self { log, seen })
    }

    /// How it differs from a baseline.
    fn compared_with(&self, baseline: Baseline) -> Result<(Vec<Drift>, Summary), Failure> {
        let mut comparison = Comparison::new(baseline);
        let mut drifts = Vec::new();
        let mut end = None;
        // How it differed from an earlier baseline is no matter, and its end may be missing.
        let recorded = events(&self.log)?.filter_map(Result::ok);
        let recorded = recorded.filter(|event| !matches!(event, Event::Drift(_)));
        let cut = Event::RunFinished(Summary {
            interrupted: true,
            ..Summary::default()
        });
        for event in recorded.chain([cut]) {
            if end.is_some() {
                break;
            }
            for event in comparison.follow(event) {
                match event {
                    Event::Drift(drift) => drifts.push(drift),
                    Event::RunFinished(summary) => end = Some(summary),
                    _ => {}
                }
            }
        }
        Ok((drifts, end.unwrap_or_default()))
    }

    /// What users know it by.
    fn name(&self) -> String {
        let suite = self.seen.run().map_or("", |run| &run.suite);
        format!("run {} of `{suite}`", self.run_name())
    }

    fn run_name(&self) -> &str {
        self.seen.run().map_or("", |run| &run.run)
    }
}

/// `None` if a log is of a run of this suite, else of which it is.
fn is_of(log: &Path, suite: &Path) -> io::Result<Option<String>> {
    let head = events(log)?.next();
    match head {
        Some(Ok(Event::RunStarted(run))) => {
            let same = std::path::absolute(&run.suite)? == std::path::absolute(suite)?;
            Ok((!same).then_some(run.suite))
        }
        Some(Err(error)) => Err(error),
        Some(Ok(_)) | None => Err(io::Error::other("it does not begin with a run's head")),
    }
}

fn events(log: &Path) -> io::Result<impl Iterator<Item = io::Result<Event>>> {
    Ok(report::record::events(BufReader::new(File::open(log)?)))
}
