//! `lockstep lint`.

use std::path::PathBuf;

use clap::Args;

/// `lockstep lint`.
#[derive(Debug, Args)]
#[command(
    after_help = "A comment allows one, on its line or above it, and needs a reason:\n  # lockstep: allow wildcard-grant the house has one administrator\n\nExit codes: 0 nothing was found; 1 something was; 2 a mistake in the files.\n\nExample: lockstep lint policy --sarif lint.sarif"
)]
pub(crate) struct Lint {
    /// The policy: a file or a folder [default: `policy/`, or else `policy.yaml`].
    #[arg(value_name = "POLICY")]
    pub(crate) policy: Option<PathBuf>,
    /// Facts: subjects with their roles, and relationships [default: `facts.yaml` beside the policy].
    #[arg(long, value_name = "FILE")]
    pub(crate) facts: Vec<PathBuf>,
    /// Prints the findings as JSON.
    #[arg(long)]
    pub(crate) json: bool,
    /// Writes a report as SARIF, for code scanning, too.
    #[arg(long, value_name = "FILE")]
    pub(crate) sarif: Option<PathBuf>,
    /// Prints what there is to be found, a line for each, and looks at nothing.
    #[arg(long)]
    pub(crate) list: bool,
}
