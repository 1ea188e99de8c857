//! What could run away, each bomb in a process of its own: how long it takes to end with its limit,
//! reading included, and how much memory at most.

use std::process::Command;

use anyhow::{Context as _, ensure};

use crate::measure::{Report, nanoseconds};

#[expect(
    clippy::unwrap_used,
    reason = "the bombs are those of a test: what cannot go on has failed"
)]
#[path = "../../crates/authz/tests/it/bombs.rs"]
mod tests;

/// How long one may take, in seconds of its thread.
const SECONDS_MAX: f64 = 1.0;
/// How much memory the process may have had at most, in MB.
const MEGABYTES_MAX: f64 = 200.0;

/// Measures and prints; with the name of a bomb, that one, for the process that asks.
///
/// # Errors
/// A bomb does not end as it should, or nothing tells the memory.
pub(crate) fn run(only: Option<&str>) -> anyhow::Result<usize> {
    if let Some(name) = only {
        let bomb = tests::BOMBS.iter().find(|it| it.0 == name);
        let (_, bomb) = bomb.context("no such bomb")?;
        println!("{} {}", nanoseconds(1, bomb) / 1e9, peak()?);
        return Ok(0);
    }
    let mut report = Report::default();
    for (name, _) in tests::BOMBS {
        let mut alone = Command::new(std::env::current_exe()?);
        let output = alone.args(["bombs", name]).output()?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{name}: {said}");
        let said = String::from_utf8(output.stdout)?;
        let (seconds, megabytes) = said.trim().split_once(' ').context("two numbers")?;
        report.at_most(&format!("{name}, seconds"), seconds.parse()?, SECONDS_MAX);
        report.at_most(&format!("{name}, MB"), megabytes.parse()?, MEGABYTES_MAX);
    }
    Ok(report.missed())
}

/// The most memory that this process has had, in MB.
fn peak() -> anyhow::Result<f64> {
    let status = crate::peak_memory()?;
    let kilobytes = status.split_whitespace().next().context("no number")?;
    Ok(kilobytes.parse::<f64>()? / 1_000.0)
}
