//! The arguments of `lockstep matrix`.

use std::path::PathBuf;

use clap::Args;

/// `lockstep matrix`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 the file says what the policy does; 1 it says something else; 2 a mistake in the files, or there is no such file.\n\nWith `matrix: policy.matrix` in policy.test.yaml, `lockstep policy test` checks it too."
)]
pub(crate) struct Matrix {
    /// The file; by default the one that `matrix:` of a `*.test.yaml` beside the policy names, or
    /// else `policy.matrix` there.
    #[arg(value_name = "FILE")]
    pub(crate) file: Option<PathBuf>,
    /// Writes the file.
    #[arg(long)]
    pub(crate) write: bool,
    /// Prints the table and looks at no file.
    #[arg(long, conflicts_with_all = ["write", "file"])]
    pub(crate) print: bool,
    /// The policy, a file or a folder; by default `policy/`, or else `policy.yaml`.
    #[arg(long, value_name = "PATH")]
    pub(crate) policy: Option<PathBuf>,
}
