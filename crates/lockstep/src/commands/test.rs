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
    let head = Head::new(&name(path), loaded.digest()).of_part(&command.cells, command.shard);
    let mut reports = run::reports(&command.reporting, colour, sources().as_deref())?;
    let options = run::options(&command.sending, false);
    if !command.no_record {
        run::add_record(&mut reports, &head)?;
    }
    let suite = Arc::new(loaded.suite);
    let ended = run::run_and_clean_up(suite, plan, head, options, baseline, reports, surface).await;
    if !command.no_record
        && let Err(failure) = history::forget_oldest()
    {
        let why = failure.render(false);
        let _ = write!(io::stderr(), "old runs could not be removed: {why}");
    }
    let code = ended?;
    if is_first && !command.no_record && code == ExitCode::Held {
        let _ = writeln!(
            io::stderr(),
            "help: `lockstep baseline accept` writes down what was allowed; from then on, a new grant fails the run"
        );
    }
    Ok(code)
}
