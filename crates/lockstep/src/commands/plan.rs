//! `lockstep plan`: the matrix with what is expected of every cell. Sends nothing, so that it
//! needs no credentials either.

use std::io::BufWriter;

use suite::plan::{PlannedCell, actor_name, never_removed, probing_actors};

use super::{environment, print};
use crate::arguments::Plan;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::load::load;
use crate::run;
use crate::terminal::{Colour, stdout_style};

pub(super) fn execute(command: &Plan, colour: Colour) -> Result<ExitCode, Failure> {
    let mut loaded = load(&command.suite, &environment, false)?;
    loaded.suite.read_only |= command.read_only;
    let plan = run::plan(&loaded, &command.cells, command.shard)?;
    let surface = run::surface(&loaded, &command.cells, command.shard)?;
    let code = match &surface {
        Some(surface) if surface.counts.findings > 0 => ExitCode::Finding,
        _ => ExitCode::Held,
    };
    let cells = plan.records(&loaded.suite);
    if command.json {
        let mut out = BufWriter::new(Vec::new());
        report::json::plan_json(cells, surface.as_ref(), &mut out)?;
        let json = out.into_inner().map_err(|error| error.into_error())?;
        print(&String::from_utf8_lossy(&json))?;
        return Ok(code);
    }
    let cells: Vec<PlannedCell> = cells.collect();
    let actors: Vec<String> = probing_actors(&loaded.suite)
        .map(|actor| actor_name(&loaded.suite, actor).to_owned())
        .collect();
    let style = stdout_style(colour, command.verbose);
    let notes: Vec<String> = never_removed(&loaded.suite).into_iter().collect();
    let mut text = report::terminal::plan_matrix(&cells, &actors, &notes, style);
    if let Some(surface) = &surface {
        text += &format!("\n{}", report::terminal::surface(surface, style));
    }
    print(&text)?;
    Ok(code)
}
