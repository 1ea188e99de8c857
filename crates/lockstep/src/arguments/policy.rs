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

/// `lockstep policy mutate`.
#[derive(Debug, Args)]
#[command(
    after_help = "A mutant is the policy with one mistake in it: a grant more or less, a rule gone, a condition turned, the gate between tenants lost. It is killed if a test of the policy fails, or the plan of the suite expects something else of a cell; nothing is sent. One that survives is told with the test or the cell that would kill it. One that decides everything as before is equivalent, and does not count; where that cannot be proven, it is unknown.\n\nExit codes: 0 enough were killed; 1 too few; 2 a mistake in the files or on the command line."
)]
pub(crate) struct PolicyMutate {
    /// The files of tests; without any, all `*.test.yaml` and `*.fga.yaml` here, under `policy/` and
    /// beside the policy.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// The policy, a file or a folder; by default that of the suite, or else `policy/` or
    /// `policy.yaml`.
    #[arg(long, value_name = "PATH")]
    pub(crate) policy: Option<PathBuf>,
    /// The suite whose plan may notice a mutant; by default `lockstep.yaml`, if it is there.
    #[arg(long, short, value_name = "FILE", conflicts_with = "policy")]
    pub(crate) suite: Option<PathBuf>,
    /// How many of a hundred mutants have to be killed.
    #[arg(long, value_name = "PERCENT", default_value_t = 100, value_parser = clap::value_parser!(u8).range(0..=100))]
    pub(crate) min_killed: u8,
    /// When tests and cells are judged, such as 2027-01-01T08:00:00Z; by default now.
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<jiff::Timestamp>,
    /// Prints JSON, with every mutant and who notices it.
    #[arg(long)]
    pub(crate) json: bool,
}
