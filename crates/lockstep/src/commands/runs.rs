//! `lockstep runs`: what was recorded, told again and compared.

use std::io::{self, Write as _};

use report::comparison::{Changes, Disagreement, verdicts};
use report::json::document;
use report::terminal::{RunLine, changes_text, disagreement_text, runs_table};

use super::{print, sources};
use crate::arguments::{RunsCommand, RunsCompare, RunsList, RunsShow};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::history::{self, Past};
use crate::run;
use crate::terminal::{Colour, stdout_style};

/// Over how many runs a verdict is watched for changing back and forth.
const FLAPPING_RUNS: usize = 10;

pub(super) fn execute(command: RunsCommand, colour: Colour) -> Result<ExitCode, Failure> {
    match command {
        RunsCommand::List(command) => list(&command, colour),
        RunsCommand::Show(command) => show(&command, colour),
        RunsCommand::Compare(command) => compare(&command, colour),
    }
}

fn list(command: &RunsList, colour: Colour) -> Result<ExitCode, Failure> {
    let runs = history::all()?;
    let lines: Vec<RunLine<'_>> = runs.iter().map(line).collect();
    if command.json {
        return print_written(|out| document("lockstep-runs", "runs", &lines, out));
    }
    if lines.is_empty() {
        return print("no run is recorded in this folder\n");
    }
    print(&runs_table(&lines, stdout_style(colour, false)))
}

fn line(past: &Past) -> RunLine<'_> {
    RunLine {
        run: &past.run,
        summary: past.summary.as_ref(),
        exit_code: past.exit_code().map(|code| code as u8),
    }
}

fn show(command: &RunsShow, colour: Colour) -> Result<ExitCode, Failure> {
    let recorded = history::named(command.run.as_deref())?.read()?;
    let mut reports = run::reports(&command.reporting, colour, sources().as_deref())?;
    recorded.tell(&mut reports)?;
    Ok(ExitCode::Held)
}

fn compare(command: &RunsCompare, colour: Colour) -> Result<ExitCode, Failure> {
    match command.env.as_slice() {
        [first, second] => compare_environments(first, second, command.json, colour),
        _ => compare_runs(&command.runs, command.json, colour),
    }
}

fn compare_runs(names: &[String], as_json: bool, colour: Colour) -> Result<ExitCode, Failure> {
    let all = history::all()?;
    let (first, second) = match names {
        [first, second] => (history::named(Some(first))?, history::named(Some(second))?),
        [first] => {
            let first = history::named(Some(first))?;
            let is_later = |past: &Past| past.run.run > first.run.run;
            let second = newest(&all, |past| is_later(past) && is_comparable(past, &first));
            let second = second.ok_or_else(|| nothing_beside(&first, "later"))?;
            let second = history::named(Some(&second.run.run))?;
            (first, second)
        }
        _ => {
            let second = history::named(None)?;
            let is_earlier = |past: &Past| past.run.run < second.run.run;
            let first = newest(&all, |past| {
                is_earlier(past) && is_comparable(past, &second)
            });
            let first = first.ok_or_else(|| nothing_beside(&second, "earlier"))?;
            (history::named(Some(&first.run.run))?, second)
        }
    };
    let history = last_runs(&all, &second)?;
    let changes = Changes::between(&first.read()?, &second.read()?, &history);
    if as_json {
        return print_written(|out| document("lockstep-changes", "changes", &changes, out));
    }
    print(&changes_text(&changes, stdout_style(colour, false)))
}

/// The same suite in the same environment, and the same cells of it.
fn is_comparable(past: &Past, other: &Past) -> bool {
    past.is_like(other) && past.run.environment == other.run.environment
}

fn newest(all: &[Past], is_it: impl Fn(&Past) -> bool) -> Option<&Past> {
    all.iter().find(|past| is_it(past))
}

fn nothing_beside(past: &Past, when: &str) -> Failure {
    let name = &past.run.run;
    Failure::Usage(format!(
        "there is no {when} run like `{name}`: of the same suite, environment and choice of cells\nhelp: `lockstep runs list` shows all; `lockstep runs compare A B` compares any two"
    ))
}

/// The verdicts of the last runs up to one, of the suite as it stood then; the oldest first.
fn last_runs(all: &[Past], until: &Past) -> Result<Vec<report::comparison::Verdicts>, Failure> {
    let is_it = |past: &&Past| {
        is_comparable(past, until)
            && past.run.digest == until.run.digest
            && past.run.run <= until.run.run
    };
    let mut last: Vec<&Past> = all.iter().filter(is_it).take(FLAPPING_RUNS).collect();
    last.reverse();
    last.into_iter()
        .map(|past| past.read().map(|recorded| verdicts(&recorded)))
        .collect()
}

fn compare_environments(
    first: &str,
    second: &str,
    as_json: bool,
    colour: Colour,
) -> Result<ExitCode, Failure> {
    let all = history::all()?;
    let in_it = |name: &str| -> Result<Vec<&Past>, Failure> {
        let is_it = |past: &&Past| past.run.environment.as_deref() == Some(name);
        let found: Vec<&Past> = all.iter().filter(is_it).collect();
        match found.is_empty() {
            true => Err(no_run_in(name, &all)),
            false => Ok(found),
        }
    };
    let (of_first, of_second) = (in_it(first)?, in_it(second)?);
    let Some((a, b)) = pair(&of_first, &of_second) else {
        return Err(Failure::Usage(format!(
            "no run in `{first}` has tried the same cells of the same suite as one in `{second}`"
        )));
    };
    if let Some(part) = a.part() {
        let _ = writeln!(
            io::stderr(),
            "note: no whole runs in both can be compared; these tried a part only: {part}"
        );
    }
    let found = Disagreement::between(&a.read()?, &b.read()?);
    if as_json {
        print_written(|out| document("lockstep-disagreement", "disagreement", &found, out))?;
    } else {
        print(&disagreement_text(&found, stdout_style(colour, false)))?;
    }
    Ok(match (found.drift.is_empty(), found.is_in_doubt()) {
        (false, _) => ExitCode::Finding,
        (true, true) => ExitCode::Inconclusive,
        (true, false) => ExitCode::Held,
    })
}

/// The runs of two environments to compare. `lockstep test CELL` in one of them says nothing of
/// the rest: runs of a part only where no whole ones are alike. Of several pairs that whose older
/// run is the newest. O(runs of one x runs of the other).
fn pair<'a>(of_first: &[&'a Past], of_second: &[&'a Past]) -> Option<(&'a Past, &'a Past)> {
    let newest_like = |a: &'a Past| {
        let b = of_second.iter().find(|b| a.is_like(b))?;
        Some((a, *b))
    };
    let pairs = of_first.iter().filter_map(|a| newest_like(a));
    pairs.max_by_key(|(a, b)| {
        let older = a.run.run.as_str().min(&b.run.run);
        (a.part().is_none(), older, &a.run.run)
    })
}

fn no_run_in(name: &str, all: &[Past]) -> Failure {
    let known = all
        .iter()
        .filter_map(|past| past.run.environment.as_deref());
    let help = match authz::source::nearest(name, known) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("`lockstep test --env {name}` records one"),
    };
    Failure::Usage(format!(
        "no run is recorded in the environment `{name}`\nhelp: {help}"
    ))
}

/// Prints what is written.
fn print_written(write: impl FnOnce(&mut Vec<u8>) -> io::Result<()>) -> Result<ExitCode, Failure> {
    let mut out = Vec::new();
    write(&mut out)?;
    print(&String::from_utf8_lossy(&out))
}
