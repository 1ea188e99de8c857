//! One module a command.

mod baseline;
mod check;
mod ci;
mod cleanup;
mod demo;
mod init;
mod lint;
mod matrix;
mod plan;
mod policy;
mod policy_import;
mod repeat;
mod report_merge;
mod roles;
mod runs;
mod scan;
mod test;
mod token;

use std::io::{self, Write};
use std::path::Path;

use clap::CommandFactory as _;

use crate::arguments::{
    Arguments, BaselineCommand, Command, Completions, Format, ReportCommand, RolesCommand, Schema,
};
use crate::exit_code::ExitCode;
use crate::failure::Failure;

/// Does what the command line says.
///
/// # Errors
/// Why it ends early.
pub(crate) async fn execute(arguments: Arguments) -> Result<ExitCode, Failure> {
    let colour = arguments.color;
    match arguments.command {
        Command::Demo(command) => demo::execute(command, colour).await,
        Command::Init(command) => init::execute(&command).await,
        Command::Plan(command) => plan::execute(&command, colour),
        Command::Check(command) => check::execute(&command),
        Command::Lint(command) => lint::execute(&command),
        Command::Matrix(command) => matrix::execute(&command),
        Command::Policy(command) => policy::execute(&command, colour),
        Command::Test(command) => test::execute(command, colour).await,
        Command::Repeat(command) => repeat::execute(command, colour).await,
        Command::Cleanup(command) => cleanup::execute(command).await,
        Command::Baseline(command) => match command.command {
            BaselineCommand::Accept(command) => baseline::accept(&command),
            BaselineCommand::Diff(command) => baseline::diff(&command, colour),
        },
        Command::Token(command) => token::execute(command).await,
        Command::Runs(command) => runs::execute(command.command, colour),
        Command::Report(command) => match command.command {
            ReportCommand::Merge(command) => report_merge::execute(&command, colour),
        },
        Command::Roles(command) => match command.command {
            RolesCommand::Diff(command) => roles::diff(&command).await,
        },
        Command::Scan(command) => scan::execute(&command).await,
        Command::Ci(command) => ci::execute(&command),
        Command::Schema(Schema { format }) => print(schema(format)),
        Command::Completions(Completions { shell }) => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "lockstep", &mut script);
            print(&String::from_utf8_lossy(&script))
        }
    }
}

/// Where the commit under test can be seen, as GitHub Actions and GitLab CI/CD tell their jobs.
fn sources() -> Option<String> {
    let github = || {
        let server = environment("GITHUB_SERVER_URL")?;
        let repository = environment("GITHUB_REPOSITORY")?;
        let commit = environment("GITHUB_SHA")?;
        Some(format!("{server}/{repository}/blob/{commit}"))
    };
    let gitlab = || {
        let project = environment("CI_PROJECT_URL")?;
        let commit = environment("CI_COMMIT_SHA")?;
        Some(format!("{project}/-/blob/{commit}"))
    };
    github().or_else(gitlab)
}

fn schema(format: Format) -> &'static str {
    match format {
        Format::Suite => suite::file::SUITE_SCHEMA,
        Format::Policy => authz::POLICY_SCHEMA,
        Format::Report => report::json::REPORT_SCHEMA,
        Format::Drift => report::json::DRIFT_SCHEMA,
        Format::Check => check::CHECK_SCHEMA,
        Format::Plan => report::json::PLAN_SCHEMA,
        Format::Scan => scan::SCAN_SCHEMA,
        Format::Roles => roles::ROLES_SCHEMA,
    }
}

/// Prints to standard output. That nobody reads to the end is no fault.
fn print(text: &str) -> Result<ExitCode, Failure> {
    match io::stdout().write_all(text.as_bytes()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::Held),
    }
}

/// Writes a report to a file.
fn write(path: &Path, text: &str) -> Result<(), Failure> {
    std::fs::write(path, text).map_err(|error| {
        let path = path.display();
        Failure::usage(format!("the report `{path}` cannot be written: {error}"))
    })
}

/// The value of an environment variable.
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
