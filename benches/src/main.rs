//! Benchmarks: ratios measured in one run, against a floor or a peer. Never assertions in tests.
//!
//! What each of them compares, and what it has come to, stands in `benches/README.md`.

mod analysis;
mod bombs;
mod conditions;
mod database;
mod decisions;
mod firm;
mod grants;
mod listing;
mod measure;
mod mixed;
mod peers;
mod relationships;
mod subject;
mod world;

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

/// How many calls are under way at once, on every side.
const CONCURRENCY: usize = 16;
/// How often each side is measured; the sides take turns, and the median counts.
const ROUNDS: usize = 5;
const CELLS: usize = 5_000;
const CELLS_OF_MEMORY: usize = 100_000;

fn main() -> anyhow::Result<()> {
    let missed = match std::env::args().nth(1).as_deref() {
        Some("probes") => probes(&subject::serve()?).map(|()| 0),
        Some("mixed") => mixed::run(),
        Some("database") => database::run(),
        Some("memory") => memory(&subject::serve()?).map(|()| 0),
        Some("relationships") => relationships::run(),
        Some("listing") => listing::run(),
        Some("conditions") => conditions::run(),
        Some("decisions") => decisions::run(),
        Some("analysis") => analysis::run(),
        Some("bombs") => bombs::run(std::env::args().nth(2).as_deref()),
        _ => bail!(
            "expected `probes`, `mixed`, `database`, `memory`, `relationships`, `listing`, `conditions`, `decisions`, `analysis` or `bombs`"
        ),
    }?;
    if missed > 0 {
        bail!("{missed} goals missed");
    }
    Ok(())
}

fn probes(base: &str) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let (mut ours, mut floor) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        floor.push(timed(|| runtime.block_on(peers::bare_loop(base, CELLS)))?);
        ours.push(timed(|| runtime.block_on(peers::suite(base, CELLS)))?);
    }
    let (ours, floor) = (median(ours), median(floor));
    println!("{CELLS} cells of one call, {CONCURRENCY} at once, median of {ROUNDS} rounds");
    line("bare loop of the same client", floor);
    line("lockstep, recording and JSON report on", ours);
    println!(
        "ratio to the bare loop: {:.2}",
        floor.as_secs_f64() / ours.as_secs_f64()
    );
    match peers::hurl(base, CELLS)? {
        Some(hurl) => {
            line("hurl --test --parallel", hurl);
            println!(
                "ratio to hurl: {:.2}",
                hurl.as_secs_f64() / ours.as_secs_f64()
            );
        }
        None => println!("hurl: not installed, not compared"),
    }
    Ok(())
}

fn memory(base: &str) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new()?;
    let time = timed(|| runtime.block_on(peers::suite(base, CELLS_OF_MEMORY)))?;
    line("lockstep, recording and JSON report on", time);
    println!(
        "{CELLS_OF_MEMORY} cells, server in the same process: peak {}",
        peak_memory()?
    );
    Ok(())
}

/// The most memory that this process has had, as the kernel says it: a number of kB.
fn peak_memory() -> anyhow::Result<String> {
    let status = std::fs::read_to_string("/proc/self/status")
        .context("peak memory is read from /proc, which only Linux has")?;
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.context("no VmHWM in /proc/self/status")?;
    Ok(peak.trim().to_owned())
}

fn timed(work: impl FnOnce() -> anyhow::Result<()>) -> anyhow::Result<Duration> {
    let started = Instant::now();
    work()?;
    Ok(started.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn line(what: &str, time: Duration) {
    println!("{what:<40} {:>8.0} ms", time.as_secs_f64() * 1_000.0);
}
