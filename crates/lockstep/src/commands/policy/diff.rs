//! `lockstep policy diff`: two policies, side by side in what they decide.

use std::path::Path;

use authz_analysis::diff::{self, Change, Diff, Limits, Side};
use jiff::Timestamp;

use crate::arguments::{FailOn, PolicyDiff};
use crate::commands::print;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::load::{Ruling, load_policy_of};
use crate::tree::Tree;

pub(super) fn execute(command: &PolicyDiff) -> Result<ExitCode, Failure> {
    let load = |path: &Path| load_policy_of(Tree::of(path), Some(path), &command.facts);
    let (old, new) = (load(&command.old)?, load(&command.new)?);
    let now = command.at.unwrap_or_else(Timestamp::now);
    let found = diff::diff(side(&old), side(&new), now, Limits::default());
    let text = if command.json {
        format!("{}\n", serde_json::to_string_pretty(&found)?)
    } else if command.markdown {
        diff::markdown(&found)
    } else {
        super::clean_lines(&diff::text(&found))
    };
    print(&text)?;
    Ok(exit_code(command, &found))
}

fn side(ruling: &Ruling) -> Side<'_> {
    Side {
        policy: &ruling.policy,
        facts: &ruling.facts,
    }
}

fn exit_code(command: &PolicyDiff, found: &Diff) -> ExitCode {
    let counts = match command.fail_on {
        None => return ExitCode::Held,
        Some(FailOn::Widening) => found.of(Change::Widening).next().is_some(),
        Some(FailOn::Any) => !found.lines.is_empty(),
    };
    match (counts, found.bounds.is_empty()) {
        (true, _) => ExitCode::Finding,
        (false, true) => ExitCode::Held,
        (false, false) => ExitCode::Inconclusive,
    }
}
