//! `lockstep policy`: what it does; and `policy test`, which loads files of tests and what they
//! name, runs them, tells what failed and what they do not exercise.

mod diff;
mod mutate;
mod which;

use std::fs;
use std::io::{self, IsTerminal as _, Write as _};
use std::path::{Component, Path, PathBuf};

use authz::source::Source;
use authz_analysis::coverage::{self, Coverage};
use authz_analysis::policy_tests::{self, Broken, Report};

use super::print;
use crate::arguments::{CoverageForm, Policy, PolicyCommand, PolicyTest};
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::load::{bytes, name};
use crate::terminal::{self, Colour};

pub(super) fn execute(command: &Policy, colour: Colour) -> Result<ExitCode, Failure> {
    match &command.command {
        PolicyCommand::Test(command) => test(command, colour),
        PolicyCommand::Diff(command) => diff::execute(command),
        PolicyCommand::Mutate(command) => mutate::execute(command),
        PolicyCommand::Import(command) => super::policy_import::execute(command),
    }
}

fn test(command: &PolicyTest, colour: Colour) -> Result<ExitCode, Failure> {
    let files = which::files(&command.files)?;
    let mut reports: Vec<(String, Report)> = Vec::new();
    let mut is_broken = false;
    let is_noted = command.coverage.is_some() || command.min_coverage.is_some();
    let mut coverage = is_noted.then(Coverage::default);
    for path in &files {
        match run(path, coverage.as_mut())? {
            Ok(report) => reports.push((name(path), report)),
            Err(broken) => {
                is_broken = true;
                let colour = terminal::colour(colour, io::stderr().is_terminal());
                let text = authz::source::render(&broken.mistakes, &broken.sources, colour);
                io::stderr().write_all(text.as_bytes())?;
            }
        }
    }
    if let Some(path) = &command.junit {
        let reports = reports.iter().map(|(name, report)| (name.as_str(), report));
        fs::write(path, policy_tests::junit(reports))?;
    }
    let report = joined(reports);
    let text = policy_tests::render(&report);
    if command.coverage == Some(CoverageForm::Json) {
        io::stderr().write_all(text.as_bytes())?;
    } else {
        print(&text)?;
    }
    let is_enough = match coverage.filter(|_| !is_broken) {
        Some(coverage) => tell(&coverage, command)?,
        None => true,
    };
    Ok(if is_broken {
        ExitCode::Mistake
    } else if report.failed().next().is_some() || !is_enough {
        ExitCode::Finding
    } else {
        ExitCode::Held
    })
}

/// Tells the coverage in the form that is asked for; whether it is enough.
fn tell(coverage: &Coverage, command: &PolicyTest) -> Result<bool, Failure> {
    match command.coverage {
        Some(CoverageForm::Text) => print_lines(&coverage::render(coverage))?,
        Some(CoverageForm::Source) => print_lines(&coverage::marked(coverage))?,
        Some(CoverageForm::Json) => {
            let text = serde_json::to_string_pretty(&coverage::as_json(coverage))?;
            print(&format!("{text}\n"))?;
        }
        None => {}
    }
    let least = command.min_coverage.unwrap_or(0);
    let is_enough = coverage.total().reaches(least);
    if !is_enough {
        let found = coverage.total().percent().unwrap_or(0);
        writeln!(io::stderr(), "coverage is {found} %, less than {least} %")?;
    }
    Ok(is_enough)
}

/// Prints a part below another one, each line without what steers a terminal.
fn print_lines(text: &str) -> Result<(), Failure> {
    let lines = text.lines().map(|line| report::clean(line) + "\n");
    print(&format!("\n{}", lines.collect::<String>())).map(drop)
}

/// All assertions of all files.
fn joined(reports: Vec<(String, Report)>) -> Report {
    let assertions = reports
        .into_iter()
        .flat_map(|(_, report)| report.assertions);
    Report {
        assertions: assertions.collect(),
    }
}

/// Runs one file.
fn run(path: &Path, coverage: Option<&mut Coverage>) -> Result<Result<Report, Broken>, Failure> {
    let source = match read(path) {
        Ok(source) => source,
        Err(why) => {
            let message = format!("the tests `{}` cannot be read: {why}", path.display());
            return Err(Failure::usage(message));
        }
    };
    let load = &mut |name: &str| named_by_tests(path, name);
    let now = jiff::Timestamp::now();
    Ok(policy_tests::run_noting(&source, load, now, coverage))
}

/// A file that a file of tests names.
fn named_by_tests(tests: &Path, name: &str) -> Result<Source, String> {
    let relative = Path::new(name);
    if !is_inside(relative) {
        return Err("it is outside of the folder of the tests".to_owned());
    }
    let normal = relative
        .components()
        .filter(|it| matches!(it, Component::Normal(_)));
    let folder = tests.parent().unwrap_or(Path::new(""));
    read(&folder.join(normal.collect::<PathBuf>()))
}

/// Whether a relative path stays in the folder that it starts from.
fn is_inside(path: &Path) -> bool {
    let mut components = path.components();
    components.all(|it| matches!(it, Component::Normal(_) | Component::CurDir))
}

/// Reads a text file.
///
/// # Errors
/// Why that is not possible, as a fragment for people.
pub(super) fn read(path: &Path) -> Result<Source, String> {
    let bytes = bytes(path).map_err(|error| error.to_string())?;
    Source::from_bytes(&name(path), &bytes).map_err(|broken| broken.1.message.clone())
}

/// The lines, each clean.
fn clean_lines(text: &str) -> String {
    text.lines()
        .map(|line| report::clean(line) + "\n")
        .collect()
}
