//! How the grants of a run differ from the baseline, as one JSON document.

use std::io::{self, Write};

use suite::event::Drift;

use super::members::Members;

/// The version of the form. It changes when a reader of the old one would be misled.
const DRIFT_VERSION: u32 = 1;

/// The JSON Schema (draft 2020-12) of it.
pub const DRIFT_SCHEMA: &str = include_str!("../../schema/drift.schema.json");

/// Writes how the grants of a run differ from the baseline, in the form of [`DRIFT_SCHEMA`].
///
/// # Errors
/// Those of `out`.
pub fn drift_json(run: &str, drifts: &[Drift], out: impl Write) -> io::Result<()> {
    let mut members = Members::new(out);
    members.open()?;
    members.member("format", "lockstep-drift")?;
    members.member("version", &DRIFT_VERSION)?;
    members.member("run", run)?;
    members.open_list("drift")?;
    for drift in drifts {
        members.item(drift)?;
    }
    members.close_list()?;
    members.close()
}
