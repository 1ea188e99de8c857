//! A plan as one JSON document.

use std::io::{self, Write};

use suite::plan::PlannedCell;
use suite::surface::Surface;

use super::members::Members;

/// The version of the form of a plan. It changes when a reader of the old one would be misled.
const PLAN_VERSION: u32 = 1;

/// The JSON Schema (draft 2020-12) of the plan.
pub const PLAN_SCHEMA: &str = include_str!("../../schema/plan.schema.json");

/// Writes a plan as it comes, in the form of [`PLAN_SCHEMA`]; no cell is kept. It makes many
/// small writes: give it a writer that buffers.
///
/// # Errors
/// Those of `out`.
pub fn plan_json(
    cells: impl IntoIterator<Item = PlannedCell>,
    surface: Option<&Surface>,
    out: impl Write,
) -> io::Result<()> {
    let mut members = Members::new(out);
    members.open()?;
    members.member("format", "lockstep-plan")?;
    members.member("version", &PLAN_VERSION)?;
    members.open_list("cells")?;
    for cell in cells {
        members.item(&cell)?;
    }
    members.close_list()?;
    if let Some(surface) = surface {
        members.member("surface", &surface.counts)?;
        members.member("operations", &surface.records)?;
    }
    members.close()
}
