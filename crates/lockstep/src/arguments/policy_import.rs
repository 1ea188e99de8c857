//! `lockstep policy import`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// `lockstep policy import`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 all of it was imported; 2 a mistake in the files, nothing was written; 3 something did not map: it is told with its place, and what to do instead.\n\nExample: lockstep policy import --from casbin model.conf policy.csv --to policy"
)]
pub(crate) struct PolicyImport {
    /// Casbin: `model.conf` and `policy.csv`. OpenFGA: a model (`*.fga`, `fga.mod`, JSON) and tuples
    /// (YAML, JSON, CSV), or a store file. SpiceDB: a schema (`*.zed`) and relationships one a line,
    /// or a validation file.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,
    /// The system that they are of.
    #[arg(long, value_enum, value_name = "SYSTEM")]
    pub(crate) from: From,
    /// The folder of the policy.
    #[arg(long, value_name = "FOLDER", default_value = "policy")]
    pub(crate) to: PathBuf,
    /// Prints what would be written, and writes nothing.
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Replaces files that are there.
    #[arg(long, conflicts_with = "dry_run")]
    pub(crate) force: bool,
}

/// The systems that can be imported from.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum From {
    /// Casbin.
    Casbin,
    /// OpenFGA.
    Openfga,
    /// SpiceDB.
    Spicedb,
}
