//! `lockstep report merge`: the parts of a run that several machines shared, as one.

use super::sources;
use crate::arguments::ReportMerge;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::load::name;
use crate::terminal::Colour;
use crate::{history, run};

pub(super) fn execute(command: &ReportMerge, colour: Colour) -> Result<ExitCode, Failure> {
    let parts = command.files.iter();
    let parts = parts.map(|file| Ok((name(file), history::of_file(file)?)));
    let parts: Result<Vec<report::Part>, Failure> = parts.collect();
    let whole = report::merge(parts?)
        .map_err(|why| Failure::Usage(format!("these are not the parts of one run\n{why}")))?;
    let mut reports = run::reports(&command.reporting, colour, sources().as_deref())?;
    whole.tell(&mut reports)?;
    Ok(ExitCode::of_run(&whole.end(), whole.run.cells))
}
