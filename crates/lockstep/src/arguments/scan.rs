//! The arguments of `lockstep scan`.

use clap::{Args, ValueEnum};

/// `lockstep scan`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 nothing found; 1 at least one finding; 2 a mistake on the command line; 3 nothing found, but something could not be judged, or the database not be entered.\n\nAn exception is a line in the remark on an object, with a reason:\n  COMMENT ON TABLE app.countries IS 'lockstep: allow row-security-missing: the same for everybody';\n\nExample: lockstep scan postgres://auditor@db.example.com/shop --schema app"
)]
pub(crate) struct Scan {
    /// The address of the database: postgres://USER:PASSWORD@HOST:PORT/DATABASE. As a superuser or a
    /// member of the roles, more can be confirmed; to find, any role that can connect will do.
    #[arg(value_name = "URL", env = "DATABASE_URL", hide_env_values = true)]
    pub(crate) url: String,
    /// Only this schema. May be given several times; by default all but those of the system.
    #[arg(long = "schema", value_name = "SCHEMA")]
    pub(crate) schemas: Vec<String>,
    /// A role as which applications log in. May be given several times; by default every role that
    /// can log in and is no superuser.
    #[arg(long = "role", value_name = "ROLE")]
    pub(crate) roles: Vec<String>,
    /// Finds grants of what has never happened, too. Only as good as the time that statistics cover.
    #[arg(long)]
    pub(crate) unused: bool,
    /// Reads the catalogues alone. Otherwise rows are asked for as the roles, and whatever functions
    /// policies call are called, in a transaction that may only read.
    #[arg(long)]
    pub(crate) no_probe: bool,
    /// The form of the report.
    #[arg(long, value_enum, default_value_t = ScanFormat::Text, value_name = "FORMAT")]
    pub(crate) format: ScanFormat,
}

/// The form of the report of a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ScanFormat {
    /// For people.
    Text,
    /// One JSON document.
    Json,
    /// SARIF 2.1.0; findings lie at objects of the database, not in files.
    Sarif,
}
