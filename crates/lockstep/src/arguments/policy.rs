//! `lockstep policy diff` and `lockstep policy mutate`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `lockstep policy diff`.
#[derive(Debug, Args)]
#[command(
    after_help = "Every line is a request that both policies were asked; what could not be searched is told, and then nothing is called equal.\n\nExit codes: 0 compared; 1 with --fail-on, such a difference was found; 2 a mistake in the files or on the command line; 3 with --fail-on, none was found, but not everything was searched.\n\nExample: lockstep policy diff main:policy/ policy/ --fail-on widening"
)]
pub(crate) struct PolicyDiff {
    /// The policy before: a file, a folder, or one in a revision of git, such as main:policy/.
    #[arg(value_name = "OLD")]
    pub(crate) old: PathBuf,
    /// The policy after.
    #[arg(value_name = "NEW")]
    pub(crate) new: PathBuf,
    /// A file of facts for both; by default the `facts.yaml` beside each. May be given several
    /// times.
    #[arg(long, value_name = "FILE")]
    pub(crate) facts: Vec<PathBuf>,
    /// Exits with 1 if there is such a difference.
    #[arg(long, value_name = "WHICH", value_enum)]
    pub(crate) fail_on: Option<FailOn>,
    /// When, such as 2027-01-01T08:00:00Z; by default now. Times of day are tried on this day.
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<jiff::Timestamp>,
    /// Prints JSON.
    #[arg(long, conflicts_with = "markdown")]
    pub(crate) json: bool,
    /// Prints Markdown, for a pull request.
    #[arg(long)]
    pub(crate) markdown: bool,
}

/// Which differences count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOn {
    /// Something is allowed that was not.
    Widening,
    /// Anything is decided otherwise.
    Any,
}
