//! The arguments of `lockstep scan`.

use clap::{Args, ValueEnum};

/// `lockstep scan`.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 nothing found; 1 at least one finding; 2 a mistake on the command line; 3 nothing found, but something could not be judged, or the database not be entered.\n\nAn exception is a line in the remark on an object, with a reason:\n  COMMENT ON TABLE app.countries IS 'lockstep: allow row-security-missing: the same for everybody';\n\nExample: lockstep scan postgres://auditor@db.example.com/shop --schema app"
)]
pub(crate) struct Scan {
    /// The address of the database: postgres://USER:PASSWORD@HOST:PORT/DATABASE. Any role that can
    /// connect will do. Entered as a role of the application, the scan also asks for its rows.
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
    /// Confirms nothing: reads the catalogues once and asks nothing as other roles.
    #[arg(long)]
    pub(crate) no_probe: bool,
    /// Asks for rows as all roles that the one in the address can take, which confirms more and finds
    /// what fails inside of functions. A risk: policies and views call functions, and these can undo
    /// SET ROLE and do whatever the role in the address may. As a superuser, whoever made them can
    /// then run programs on the server. Only for databases whose every function you trust.
    #[arg(long, conflicts_with = "no_probe")]
    pub(crate) probe_rows: bool,
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
