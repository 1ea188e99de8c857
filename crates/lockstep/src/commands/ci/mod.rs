//! `lockstep ci`: a workflow that runs the suite and keeps its reports.
//!
//! The workflows are files beside this one, so that they can be read and checked as what they are.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use anyhow::Context as _;

use super::print;
use crate::arguments::{Ci, Service};
use crate::exit_code::ExitCode;
use crate::failure::Failure;

#[cfg(test)]
mod tests;

const GITHUB: &str = include_str!("github.yml");
const GITLAB: &str = include_str!("gitlab.yml");

pub(super) fn execute(command: &Ci) -> Result<ExitCode, Failure> {
    let (path, text) = workflow(command.service);
    if command.write {
        write(Path::new(path), text)
    } else {
        print(text)
    }
}

/// Where a service looks for its workflow, and the workflow.
fn workflow(service: Service) -> (&'static str, &'static str) {
    match service {
        Service::Github => (".github/workflows/lockstep.yml", GITHUB),
        Service::Gitlab => (".gitlab-ci.yml", GITLAB),
    }
}

/// Writes the workflow; overwrites nothing.
fn write(path: &Path, text: &str) -> Result<ExitCode, Failure> {
    let shown = path.display();
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("`{}`", folder.display()))?;
    }
    match fs::File::create_new(path) {
        Ok(mut file) => file
            .write_all(text.as_bytes())
            .with_context(|| format!("`{shown}`"))?,
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            let message = format!(
                "`{shown}` is there already; nothing was written\nhelp: without `--write` it is printed, to be pasted"
            );
            return Err(Failure::Usage(message));
        }
        Err(error) => {
            return Err(anyhow::Error::new(error)
                .context(format!("`{shown}`"))
                .into());
        }
    }
    print(&format!("{shown}\n"))
}
