//! `lockstep demo`: the sample system, started inside this process on free loopback ports and
//! tested like any other, through its suite. The suite is not told which faults are planted.

use std::fs;
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context as _;
use authz::source::Source;
use demo::Fault;
use runner::Head;

use super::print;
use crate::arguments::Demo;
use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::load::{Files, read};
use crate::run;
use crate::terminal::Colour;

/// The suite's path in the project, under which reports name it.
const SUITE: &str = "suites/demo/lockstep.yaml";
const SUITE_TEXT: &str = include_str!("../../../../suites/demo/lockstep.yaml");
/// The policy's path in the project.
const POLICY: &str = "suites/demo/policy/policy.yaml";
const POLICY_TEXT: &str = include_str!("../../../../suites/demo/policy/policy.yaml");
/// The documents of its services: path in the project, path beside the suite, and text.
const DOCUMENTS: [(&str, &str, &str); 2] = [
    (
        "suites/demo/openapi/accounts.json",
        "openapi/accounts.json",
        include_str!("../../../../suites/demo/openapi/accounts.json"),
    ),
    (
        "suites/demo/openapi/posts.json",
        "openapi/posts.json",
        include_str!("../../../../suites/demo/openapi/posts.json"),
    ),
];

/// The system is gone when the report is read.
const REPEATING: &str =
    "\n`lockstep demo --serve` leaves the system running and tells how to repeat these.\n";

pub(super) async fn execute(command: Demo, colour: Colour) -> Result<ExitCode, Failure> {
    if command.list {
        return list();
    }
    if let Some(folder) = &command.write {
        return write(folder);
    }
    let system = demo::start(&planted(&command))
        .await
        .context("the sample system cannot be started")?;
    let variables = system.variables();
    let code = test(&command, colour, &variables).await?;
    if command.serve {
        serve(&variables).await?;
    } else if code == ExitCode::Finding {
        // Whoever does not read on does not need it.
        let _ = io::stderr().write_all(REPEATING.as_bytes());
    }
    system.stop().await;
    Ok(code)
}

async fn test(
    command: &Demo,
    colour: Colour,
    variables: &[(&'static str, String)],
) -> Result<ExitCode, Failure> {
    let environment = |name: &str| {
        let found = variables.iter().find(|(variable, _)| *variable == name);
        found.map(|(_, value)| value.clone())
    };
    let files = Files::embedded(
        Source::new(SUITE, SUITE_TEXT),
        Source::new(POLICY, POLICY_TEXT),
        DOCUMENTS
            .map(|(path, _, text)| Source::new(path, text))
            .to_vec(),
    );
    let loaded = read(files, None, &environment, true)?;
    let plan = run::plan(&loaded, &[], None)?;
    let surface = run::surface(&loaded, &[], None)?;
    let planned = plan.cells.len();
    let reports = run::reports(&command.reporting, colour, None)?;
    let options = run::options(&command.sending, false);
    let head = Head::new(SUITE, loaded.digest());
    let suite = Arc::new(loaded.suite);
    let summary = run::run(suite, plan, head, options, None, reports, surface).await?;
    Ok(ExitCode::of_run(&summary, planned))
}

/// All faults, unless the command line names some or none.
fn planted(command: &Demo) -> Vec<Fault> {
    match (command.fixed, command.faults.as_slice()) {
        (true, _) => Vec::new(),
        (false, []) => Fault::ALL.to_vec(),
        (false, names) => names
            .iter()
            .filter_map(|name| Fault::from_name(name))
            .collect(),
    }
}

fn list() -> Result<ExitCode, Failure> {
    let width = Fault::ALL.iter().map(|fault| fault.name().len()).max();
    let width = width.unwrap_or(0);
    let lines = Fault::ALL
        .iter()
        .map(|fault| format!("{:width$}  {}\n", fault.name(), fault.summary()));
    print(&lines.collect::<String>())
}

/// Writes the suite and the policy; overwrites nothing.
fn write(folder: &Path) -> Result<ExitCode, Failure> {
    let mut files = vec![
        ("lockstep.yaml", SUITE_TEXT),
        ("policy/policy.yaml", POLICY_TEXT),
    ];
    files.extend(DOCUMENTS.map(|(_, name, text)| (name, text)));
    let paths = files.into_iter();
    let paths: Vec<_> = paths
        .map(|(name, text)| (folder.join(name), text))
        .collect();
    if let Some((path, _)) = paths.iter().find(|(path, _)| path.exists()) {
        let message = format!("`{}` is there already; nothing was written", path.display());
        return Err(Failure::Usage(message));
    }
    for (path, text) in &paths {
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).with_context(|| format!("`{}`", parent.display()))?;
        fs::write(path, text).with_context(|| format!("`{}`", path.display()))?;
        print(&format!("{}\n", path.display()))?;
    }
    Ok(ExitCode::Held)
}

/// Leaves the system running until Ctrl-C.
async fn serve(variables: &[(&'static str, String)]) -> Result<(), Failure> {
    let mut text = String::from("\nThe system is still running. In another terminal:\n\n");
    for (name, value) in variables {
        text.push_str(&format!("  export {name}='{value}'\n"));
    }
    text.push_str("  lockstep demo --write demo && cd demo && lockstep test\n\nCtrl-C ends it.\n");
    io::stderr().write_all(text.as_bytes())?;
    tokio::signal::ctrl_c().await?;
    Ok(())
}
