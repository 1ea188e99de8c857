//! Runs a loaded suite, tells every report, and says how it ended. What `test`, `demo` and
//! `repeat` have in common.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use report::Reporter;
use report::json::JsonReporter;
use report::terminal::TerminalReporter;
use runner::journal::{Journal, LeftBehind};
use runner::{Bounds, Head, Options, Stop};
use suite::event::{Event, Summary};
use suite::model::Suite;
use suite::plan::Plan;

use crate::arguments::{ReportTo, Reporting, Sending};
use crate::failure::Failure;
use crate::load::Loaded;
use crate::record;
use crate::terminal::{Colour, stderr_style, stdout_style};

/// The reports of a run.
pub(crate) type Reports = Vec<Box<dyn Reporter + Send>>;

/// The plan of a suite now, or the part that the patterns name.
///
/// # Errors
/// Mistakes that only the plan shows, or patterns that name nothing.
pub(crate) fn plan(loaded: &Loaded, patterns: &[String]) -> Result<Plan, Failure> {
    let plan = Plan::new(&loaded.suite, jiff::Timestamp::now());
    let plan = plan.map_err(|mistakes| Failure::Mistakes {
        mistakes,
        sources: loaded.sources.clone(),
    })?;
    for pattern in patterns {
        if !plan.has_cell(&loaded.suite, pattern) {
            let names = (0..plan.cells.len()).map(|cell| plan.name(&loaded.suite, cell));
            return Err(Failure::Usage(no_such_cell(pattern, names)));
        }
    }
    if plan.cells.is_empty() {
        return Err(Failure::usage(
            "the suite has no cell: nothing says what is expected",
        ));
    }
    Ok(plan.select(&loaded.suite, patterns))
}

fn no_such_cell(pattern: &str, names: impl Iterator<Item = String>) -> String {
    let names: Vec<String> = names.collect();
    let near = authz::source::nearest(pattern, names.iter().map(String::as_str));
    let help = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`lockstep plan` shows the cells".to_owned(),
    };
    format!("no cell is named `{pattern}`\nhelp: {help}")
}

/// The options of a run as the command line gives them.
pub(crate) fn options(sending: &Sending, every_exchange: bool) -> Options {
    Options {
        concurrency: usize::from(sending.concurrency),
        rate: sending.rate,
        bounds: Bounds {
            timeout: sending.timeout,
            body_bytes_max: sending.body_limit as usize * 1024,
        },
        every_exchange,
        stop: Stop::default(),
        journal: None,
    }
}

/// The reports that the command line asks for. Where one takes standard output, the report for
/// people goes to standard error.
///
/// # Errors
/// A file that cannot be made, or two reports for one place.
pub(crate) fn reports(reporting: &Reporting, colour: Colour) -> Result<Reports, Failure> {
    let on_stdout = reporting.reports.iter().filter(|to| to.file.is_none());
    let mut reports: Reports = match on_stdout.count() {
        0 => vec![Box::new(TerminalReporter::new(
            io::stdout(),
            stdout_style(colour, reporting.verbose),
        ))],
        1 => vec![Box::new(TerminalReporter::new(
            io::stderr(),
            stderr_style(colour, reporting.verbose),
        ))],
        _ => return Err(Failure::usage("only one report can go to standard output")),
    };
    for to in &reporting.reports {
        reports.push(json_report(to)?);
    }
    Ok(reports)
}

fn json_report(to: &ReportTo) -> Result<Box<dyn Reporter + Send>, Failure> {
    Ok(match &to.file {
        None => Box::new(JsonReporter::new(BufWriter::new(io::stdout()))),
        Some(path) => {
            let file = File::create(path).map_err(|error| {
                let path = path.display();
                Failure::usage(format!("the report `{path}` cannot be written: {error}"))
            })?;
            Box::new(JsonReporter::new(BufWriter::new(file)))
        }
    })
}

/// Adds the record of the run under `.lockstep/`.
///
/// # Errors
/// It cannot be written.
pub(crate) fn add_record(reports: &mut Reports, head: &Head) -> Result<(), Failure> {
    let log = record::open(&head.run).context("the run cannot be recorded under `.lockstep/`")?;
    reports.push(Box::new(log));
    Ok(())
}

/// Runs a plan. The first Ctrl-C stops it in good order, the second at once.
///
/// # Errors
/// A report that cannot be written, unless there is a finding: that is not to be lost.
pub(crate) async fn run(
    suite: Arc<Suite>,
    plan: Plan,
    head: Head,
    options: Options,
    mut reports: Reports,
) -> Result<Summary, Failure> {
    let interrupt = tokio::spawn(stop_on_interrupt(options.stop.clone()));
    let mut written = Ok(());
    let mut emit = |event: Event| {
        let told = reports.event(&event);
        if written.is_ok() {
            written = told;
        }
    };
    let summary = runner::run(suite, Arc::new(plan), head, options, &mut emit).await;
    interrupt.abort();
    let error = match written {
        // Whoever reads the report has seen enough: `lockstep test | head`.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => error,
        _ => return Ok(summary),
    };
    let failure = Failure::from(anyhow::Error::new(error).context("a report cannot be written"));
    if summary.counts.findings() > 0 {
        let _ = io::stderr().write_all(failure.render(false).as_bytes());
        return Ok(summary);
    }
    Err(failure)
}

async fn stop_on_interrupt(stop: Stop) {
    while tokio::signal::ctrl_c().await.is_ok() {
        if stop.is_set() {
            std::process::exit(i32::from(crate::ExitCode::Interrupted as u8));
        }
        let _ = writeln!(
            io::stderr(),
            "stopping: what has begun is finished and put back; again to stop at once"
        );
        stop.set();
    }
}

/// Opens the journal of a run.
///
/// # Errors
/// It cannot be made.
pub(crate) fn journal(head: &Head) -> Result<(Journal, PathBuf), Failure> {
    let context = "the journal cannot be made under `.lockstep/`";
    let path = record::journal(&head.run).context(context)?;
    let journal = Journal::create(&path).context(context)?;
    Ok((journal, path))
}

/// Cleans up behind a run by its journal: how much was put back, and what could not be.
///
/// # Errors
/// The journal cannot be read or written.
pub(crate) async fn clean_up(
    suite: Arc<Suite>,
    journal: &Path,
    options: &Options,
) -> Result<(usize, Vec<String>), Failure> {
    let context = || format!("the journal `{}`", journal.display());
    let left = LeftBehind::open(journal).with_context(context)?;
    let Some(mut left) = left else {
        return Ok((0, Vec::new()));
    };
    let pending = left.pending.len();
    let failures = runner::clean_up(suite, &mut left, options)
        .await
        .with_context(context)?;
    left.close().with_context(context)?;
    Ok((pending - failures.len(), failures))
}
