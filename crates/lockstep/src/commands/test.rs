//! `lockstep test`: runs a suite.

use std::io::{self, Write as _};
use std::sync::Arc;

use runner::Head;

use super::{environment, sources};
use crate::arguments::Test;
use crate::baseline;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::load::{load, name};
use crate::terminal::Colour;
use crate::{history, run};

pub(super) async fn execute(command: Test, colour: Colour) -> Result<ExitCode, Failure> {
    let path = &command.suite.suite;
    let mut loaded = load(&command.suite, &environment, true)?;
    loaded.suite.read_only |= command.read_only;
    let baseline = baseline::load(&baseline::path(path))?;
    let is_first = baseline.is_none() && command.cells.is_empty() && command.shard.is_none();
    let plan = run::plan(&loaded, &command.cells, command.shard)?;
    let surface = run::surface(&loaded, &command.cells, command.shard)?;
    let planned = plan.cells.len();
    let head = Head::new(&name(path), loaded.digest()).of_part(&command.cells, command.shard);
    let mut reports = run::reports(&command.reporting, colour, sources().as_deref())?;
    let mut options = run::options(&command.sending, false);
    let suite = Arc::new(loaded.suite);
    if command.no_record {
        let summary = run::run(suite, plan, head, options, baseline, reports, surface).await?;
        return Ok(ExitCode::of_run(&summary, planned));
    }
    run::add_record(&mut reports, &head)?;
    let (journal, path) = run::journal(&head, &suite)?;
    options.journal = Some(journal.clone());
    let run = run::run(
        Arc::clone(&suite),
        plan,
        head,
        options.clone(),
        baseline,
        reports,
        surface,
    );
    let summary = run.await;
    journal.close();
    // What an answer that never came may have made is looked for here.
    options.journal = None;
    let cleaned = run::clean_up(suite, &path, &options).await;
    for why in cleaned.iter().flat_map(|cleaned| &cleaned.failures) {
        let _ = writeln!(
            io::stderr(),
            "left behind: {why}\nhelp: `lockstep cleanup` tries again"
        );
    }
    if let Err(failure) = history::forget_oldest() {
        let why = failure.render(false);
        let _ = write!(io::stderr(), "old runs could not be removed: {why}");
    }
    let code = ExitCode::of_run(&summary?, planned);
    if let Err(failure) = cleaned {
        // A finding is not to be lost to what came after it.
        if code != ExitCode::Finding {
            return Err(failure);
        }
        let _ = io::stderr().write_all(failure.render(false).as_bytes());
    }
    if is_first && code == ExitCode::Held {
        let _ = writeln!(
            io::stderr(),
            "help: `lockstep baseline accept` writes down what was allowed; from then on, a new grant fails the run"
        );
    }
    Ok(code)
}
