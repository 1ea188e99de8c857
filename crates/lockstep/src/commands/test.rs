//! `lockstep test`: runs a suite.

use runner::Head;

use super::environment;
use crate::arguments::Test;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::load::load;
use crate::run;
use crate::terminal::Colour;

pub(super) async fn execute(command: Test, colour: Colour) -> Result<ExitCode, Failure> {
    let path = &command.suite.suite;
    let loaded = load(path, &environment, true)?;
    let plan = run::plan(&loaded, &command.cells)?;
    let planned = plan.cells.len();
    let head = Head::new(&path.to_string_lossy());
    let mut reports = run::reports(&command.reporting, colour, sources().as_deref())?;
    if !command.no_record {
        run::add_record(&mut reports, &head)?;
    }
    let options = run::options(&command.sending, false);
    let summary = run::run(loaded, plan, head, options, reports).await?;
    Ok(ExitCode::of_run(&summary, planned))
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
