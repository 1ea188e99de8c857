//! Runs a loaded suite, tells every report, and says how it ended. What `test`, `demo` and
//! `repeat` have in common.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use report::Reporter;
use report::json::JsonReporter;
use report::junit::JunitReporter;
use report::markdown::MarkdownReporter;
use report::sarif::SarifReporter;
use report::terminal::TerminalReporter;
use runner::journal::{Journal, LeftBehind};
use runner::{Bounds, Head, Options, Stop};
use suite::baseline::{Baseline, Comparison};
use suite::event::{Event, Summary};
use suite::layers::Layers;
use suite::model::Suite;
use suite::plan::{Plan, Shard, makes_something};
use suite::surface::Surface;

use crate::arguments::{ReportForm, ReportTo, Reporting, Sending};
use crate::exit_code::ExitCode;
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
pub(crate) fn plan(
    loaded: &Loaded,
    patterns: &[String],
    shard: Option<Shard>,
) -> Result<Plan, Failure> {
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
    let plan = match loaded.suite.read_only {
        true => plan.read_only(&loaded.suite),
        false => plan,
    };
    let plan = plan.select(&loaded.suite, patterns);
    if let Some(why) = plan.nothing_left() {
        return Err(Failure::Usage(format!(
            "read-only, nothing is left to try, because a call that changes something is never sent: {why}"
        )));
    }
    Ok(match shard {
        Some(shard) => plan.shard(&loaded.suite, shard),
        None => plan,
    })
}

/// How much of the documents of the targets the whole suite tries. Of chosen cells it is not
/// asked, and of several parts the first tells it.
///
/// # Errors
/// Mistakes that only the plan shows.
pub(crate) fn surface(
    loaded: &Loaded,
    patterns: &[String],
    shard: Option<Shard>,
) -> Result<Option<Surface>, Failure> {
    let has_document = loaded.suite.targets.iter().any(|it| it.openapi.is_some());
    let is_whole = patterns.is_empty() && shard.is_none_or(Shard::is_first);
    if !has_document || !is_whole {
        return Ok(None);
    }
    let now = jiff::Timestamp::now();
    let plan = Plan::new(&loaded.suite, now).map_err(|mistakes| Failure::Mistakes {
        mistakes,
        sources: loaded.sources.clone(),
    })?;
    let today = now.to_zoned(jiff::tz::TimeZone::UTC).date();
    Ok(suite::surface::surface(&loaded.suite, &plan, today))
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

/// Runs a plan, and compares it with the baseline where there is one. The first Ctrl-C stops it
/// in good order, the second at once.
///
/// # Errors
/// A report that cannot be written, unless there is a finding: that is not to be lost.
pub(crate) async fn run(
    suite: Arc<Suite>,
    plan: Plan,
    head: Head,
    options: Options,
    baseline: Option<Baseline>,
    mut reports: Reports,
    surface: Option<Surface>,
) -> Result<Summary, Failure> {
    let mut comparison = baseline.map(Comparison::new);
    let mut layers = Layers::default();
    let mut summary = Summary::default();
    let interrupt = tokio::spawn(stop_on_interrupt(options.stop.clone()));
    let mut written = Ok(());
    let counts = surface.as_ref().map(|it| it.counts);
    let mut untried = surface.map(|it| it.records).unwrap_or_default();
    let mut emit = |mut event: Event| {
        let mut events = Vec::new();
        if let Event::RunFinished(end) = &mut event {
            end.surface = counts;
            events.extend(untried.drain(..).map(Event::Surface));
        }
        match &mut comparison {
            Some(comparison) => events.extend(comparison.follow(event)),
            None => events.push(event),
        }
        for event in events.into_iter().flat_map(|event| layers.follow(event)) {
            let told = reports.event(&event);
            if written.is_ok() {
                written = told;
            }
            if let Event::RunFinished(end) = event {
                summary = end;
            }
        }
    };
    runner::run(suite, Arc::new(plan), head, options, &mut emit).await;
    interrupt.abort();
    let error = match written {
        // Whoever reads the report has seen enough: `lockstep test | head`.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => error,
        _ => return Ok(summary),
    };
    let failure = Failure::from(anyhow::Error::new(error).context("a report cannot be written"));
    if summary.fails() {
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

/// Runs a plan with a journal of what it makes, then puts back what the run itself could not.
///
/// # Errors
/// The journal cannot be made, or the run or its journal fails where there is no finding: that is
/// not to be lost.
pub(crate) async fn run_and_clean_up(
    suite: Arc<Suite>,
    plan: Plan,
    head: Head,
    mut options: Options,
    baseline: Option<Baseline>,
    reports: Reports,
    surface: Option<Surface>,
) -> Result<ExitCode, Failure> {
    let planned = plan.cells.len();
    let journal = journal(&head, &suite)?;
    options.journal = journal.as_ref().map(|(journal, _)| journal.clone());
    let running = run(
        Arc::clone(&suite),
        plan,
        head,
        options.clone(),
        baseline,
        reports,
        surface,
    );
    let summary = running.await;
    // What an answer that never came may have made is looked for here.
    options.journal = None;
    let cleaned = match journal {
        Some((journal, path)) => {
            journal.close();
            clean_up(suite, &path, &options).await
        }
        None => Ok(CleanedUp::default()),
    };
    for why in cleaned.iter().flat_map(|cleaned| &cleaned.failures) {
        let _ = writeln!(
            io::stderr(),
            "left behind: {why}\nhelp: `lockstep cleanup` tries again"
        );
    }
    let code = ExitCode::of_run(&summary?, planned);
    if let Err(failure) = cleaned {
        // A finding is not to be lost to what came after it.
        if code != ExitCode::Finding {
            return Err(failure);
        }
        let _ = io::stderr().write_all(failure.render(false).as_bytes());
    }
    Ok(code)
}

/// Opens the journal of a run that may make something.
///
/// # Errors
/// It cannot be made.
pub(crate) fn journal(head: &Head, suite: &Suite) -> Result<Option<(Journal, PathBuf)>, Failure> {
    if !makes_something(suite) {
        return Ok(None);
    }
    let context = "the journal cannot be made under `.lockstep/`";
    let path = record::journal(&head.run).context(context)?;
    let journal = Journal::create(&path, runner::addresses(suite)).context(context)?;
    Ok(Some((journal, path)))
}

/// What became of what a run had left behind.
#[derive(Debug, Default)]
pub(crate) struct CleanedUp {
    /// How much was put back.
    pub(crate) put_back: usize,
    /// How much stays in the journal.
    pub(crate) left: usize,
    /// Why; one reason may stand for many.
    pub(crate) failures: Vec<String>,
}

/// Cleans up behind a run by its journal.
///
/// # Errors
/// The journal cannot be read or written.
pub(crate) async fn clean_up(
    suite: Arc<Suite>,
    journal: &Path,
    options: &Options,
) -> Result<CleanedUp, Failure> {
    let context = || format!("the journal `{}`", journal.display());
    let left = LeftBehind::open(journal).with_context(context)?;
    let Some(mut left) = left else {
        return Ok(CleanedUp::default());
    };
    let pending = left.pending.len();
    let failures = runner::clean_up(suite, &mut left, options)
        .await
        .with_context(context)?;
    let still = left.pending.len();
    left.close().with_context(context)?;
    Ok(CleanedUp {
        put_back: pending - still,
        left: still,
        failures,
    })
}
