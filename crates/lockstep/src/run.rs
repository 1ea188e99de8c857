//! Runs a loaded suite, tells every report, and says how it ended. What `test`, `demo` and
//! `repeat` have in common.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;

use anyhow::Context as _;
use report::Reporter;
use report::json::JsonReporter;
use report::junit::JunitReporter;
use report::markdown::MarkdownReporter;
use report::sarif::SarifReporter;
use report::terminal::TerminalReporter;
use runner::{Bounds, Head, Options, Stop};
use suite::event::{Event, Summary};
use suite::plan::Plan;

use crate::arguments::{ReportForm, ReportTo, Reporting, Sending};
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
    let names: Vec<String> = (0..plan.cells.len())
        .map(|cell| plan.name(&loaded.suite, cell))
        .collect();
    let plan = plan.select(&loaded.suite, patterns);
    if plan.cells.is_empty() {
        return Err(Failure::Usage(no_such_cell(patterns, &names)));
    }
    Ok(plan)
}

fn no_such_cell(patterns: &[String], names: &[String]) -> String {
    let wanted = authz::source::one_of(patterns.iter().map(String::as_str));
    let names = names.iter().map(String::as_str);
    let near = patterns
        .first()
        .and_then(|pattern| authz::source::nearest(pattern, names));
    let help = match near {
        Some(near) => format!("did you mean `{near}`?"),
        None => "`lockstep plan` shows the cells".to_owned(),
    };
    format!("no cell is named {wanted}\nhelp: {help}")
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
    }
}

/// The reports that the command line asks for. Where one takes standard output, the report for
/// people goes to standard error. `sources` is where the files of the suite can be seen, for
/// links.
///
/// # Errors
/// A file that cannot be made, or two reports for one place.
pub(crate) fn reports(
    reporting: &Reporting,
    colour: Colour,
    sources: Option<&str>,
) -> Result<Reports, Failure> {
    check_places(&reporting.reports)?;
    let takes_stdout = reporting.reports.iter().any(|to| to.file.is_none());
    let people: Box<dyn Reporter + Send> = if takes_stdout {
        let style = stderr_style(colour, reporting.verbose);
        Box::new(TerminalReporter::new(io::stderr(), style))
    } else {
        let style = stdout_style(colour, reporting.verbose);
        Box::new(TerminalReporter::new(io::stdout(), style))
    };
    let mut reports = vec![people];
    for to in &reporting.reports {
        reports.push(report(to, sources)?);
    }
    Ok(reports)
}

fn check_places(reports: &[ReportTo]) -> Result<(), Failure> {
    let mut rest = reports;
    while let Some((to, others)) = rest.split_first() {
        let is_taken = others.iter().any(|other| other.file == to.file);
        match &to.file {
            None if is_taken => {
                return Err(Failure::usage("only one report can go to standard output"));
            }
            Some(path) if is_taken => {
                let path = path.display();
                let message = format!("only one report can go to `{path}`");
                return Err(Failure::Usage(message));
            }
            _ => rest = others,
        }
    }
    Ok(())
}

fn report(to: &ReportTo, sources: Option<&str>) -> Result<Box<dyn Reporter + Send>, Failure> {
    let out = BufWriter::new(open(to)?);
    Ok(match to.form {
        ReportForm::Json => Box::new(JsonReporter::new(out)),
        ReportForm::Junit => Box::new(JunitReporter::new(out)),
        ReportForm::Sarif => Box::new(SarifReporter::new(out)),
        ReportForm::Markdown => {
            Box::new(MarkdownReporter::new(out).sources(sources.unwrap_or_default()))
        }
    })
}

fn open(to: &ReportTo) -> Result<Box<dyn Write + Send>, Failure> {
    let Some(path) = &to.file else {
        return Ok(Box::new(io::stdout()));
    };
    let file = File::create(path).map_err(|error| {
        let path = path.display();
        Failure::usage(format!("the report `{path}` cannot be written: {error}"))
    })?;
    Ok(Box::new(file))
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
/// A report that cannot be written.
pub(crate) async fn run(
    loaded: Loaded,
    plan: Plan,
    head: Head,
    options: Options,
    mut reports: Reports,
) -> Result<Summary, Failure> {
    let stop = options.stop.clone();
    let interrupt = tokio::spawn(async move {
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
    });
    let mut written = Ok(());
    let mut emit = |event: Event| {
        let told = reports.event(&event);
        if written.is_ok() {
            written = told;
        }
    };
    let suite = Arc::new(loaded.suite);
    let summary = runner::run(suite, Arc::new(plan), head, options, &mut emit).await;
    interrupt.abort();
    match written {
        // Whoever reads the report has seen enough: `lockstep test | head`.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(anyhow::Error::new(error)
            .context("a report cannot be written")
            .into()),
        _ => Ok(summary),
    }
}
