//! `cargo xtask fuzz`: builds the fuzz targets and runs them under libFuzzer, as many at once as there
//! are cores, each for the same time.
//!
//! The stable toolchain of the workspace does it, since what libFuzzer needs of rustc are stable
//! options, and since a workspace without `unsafe` needs no sanitizer. Beside it, libFuzzer needs a
//! compiler for C++. Where that is missing nothing is run and nothing is passed over: it fails.

use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};

use crate::house;

#[cfg(test)]
mod tests;

const SECONDS: u64 = 60;

/// A single input that takes longer is a finding: a watchdog, far above what any may take.
const INPUT_SECONDS_MAX: u64 = 25;
const MEMORY_MB_MAX: u64 = 1_024;
const INPUT_BYTES_MAX: usize = 8_192;

/// How much of a failed target's log is shown.
const LINES_SHOWN: usize = 30;

/// What was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Order {
    /// Names of targets; none for all.
    targets: Vec<String>,
    /// How long each target runs.
    seconds: u64,
    /// The seed of the random choices; 0 for another one each time.
    seed: u32,
}

impl Order {
    /// From the words behind `fuzz`.
    ///
    /// # Errors
    /// An option that there is not, or that has no number.
    pub(crate) fn parse(words: &[String]) -> Result<Self> {
        let mut order = Self {
            targets: Vec::new(),
            seconds: SECONDS,
            seed: 0,
        };
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let mut number = || -> Result<u32> {
                let number = words
                    .next()
                    .with_context(|| format!("`{word}` needs a number"))?;
                number.parse().with_context(|| format!("`{word} {number}`"))
            };
            match word.as_str() {
                "--seconds" => order.seconds = number()?.into(),
                "--seed" => order.seed = number()?,
                option if option.starts_with('-') => bail!("there is no option `{option}`"),
                target => order.targets.push(target.to_owned()),
            }
        }
        // libFuzzer takes 0 for "without end".
        if order.seconds == 0 {
            bail!("`--seconds` is at least 1");
        }
        Ok(order)
    }
}

/// Runs the targets; a failure of one does not end the others.
///
/// # Errors
/// The targets cannot be built or started, or there is none of a name.
pub(crate) fn fuzz(order: &Order) -> Result<ExitCode> {
    check_compiler()?;
    let (root, target) = house::folders()?;
    build(&root)?;
    let folder = Folder { target };
    let mut waiting = chosen(targets(&folder.binary())?, &order.targets)?;
    fill_corpora(&waiting, &folder, &root)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!(
        "{} targets, {} s each, {cores} at once",
        waiting.len(),
        order.seconds
    );
    let mut running: Vec<Running> = Vec::new();
    let mut failed = 0;
    while !(waiting.is_empty() && running.is_empty()) {
        while running.len() < cores
            && let Some(target) = waiting.pop_front()
        {
            running.push(Running::start(&target.name, &folder, order)?);
        }
        std::thread::sleep(Duration::from_millis(50));
        let mut still = Vec::new();
        for mut one in running {
            match one.child.try_wait()? {
                None => still.push(one),
                Some(status) => failed += usize::from(!one.tell(status.success(), &folder)?),
            }
        }
        running = still;
    }
    println!("fuzz: {failed} targets failed");
    Ok(match failed {
        0 => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    })
}

/// The one that the `cc` crate would call.
fn check_compiler() -> Result<()> {
    let name = std::env::var("CXX").unwrap_or_else(|_| "c++".to_owned());
    let mut command = Command::new(&name);
    command.arg("--version").stdout(Stdio::null());
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        _ => bail!(
            "no C++ compiler: `{name}` does not run, and libFuzzer is C++. \
             Install one (Debian: apt-get install g++), or name it in `CXX`"
        ),
    }
}

/// Where everything of the targets is.
struct Folder {
    /// Cargo's own.
    target: PathBuf,
}

impl Folder {
    fn binary(&self) -> PathBuf {
        self.target.join("debug/fuzz")
    }

    /// What has been found worth keeping, from run to run.
    fn corpus(&self, target: &str) -> PathBuf {
        self.target.join("fuzz/corpus").join(target)
    }

    fn log(&self, target: &str) -> PathBuf {
        self.target.join("fuzz").join(format!("{target}.log"))
    }

    /// The inputs that failed are put here, each name with the target's before it.
    fn failures(&self) -> PathBuf {
        self.target.join("fuzz/failures")
    }
}

/// Only our own crates are instrumented, so all others are taken as they were built for the tests.
fn build(root: &Path) -> Result<()> {
    let words = [
        "build",
        "-q",
        "--locked",
        "-p",
        "fuzz",
        "--features",
        "engine",
    ];
    let status = Command::new(house::cargo())
        .args(words)
        .current_dir(root)
        .env("RUSTC_WORKSPACE_WRAPPER", root.join("fuzz/instrument"))
        .status()
        .context("cargo")?;
    if !status.success() {
        bail!("the fuzz targets cannot be built");
    }
    Ok(())
}

/// A target, and parts of the paths of files to begin with.
struct Target {
    name: String,
    seeds: Vec<String>,
}

fn targets(binary: &Path) -> Result<Vec<Target>> {
    let output = Command::new(binary).env("LOCKSTEP_FUZZ", "list").output();
    let output = output.with_context(|| binary.display().to_string())?;
    let listing = String::from_utf8(output.stdout)?;
    let targets = listing.lines().filter_map(|line| {
        let mut words = line.split_whitespace().map(str::to_owned);
        let name = words.next()?;
        let seeds = [format!("fuzz/seeds/{name}/")].into_iter().chain(words);
        Some(Target {
            seeds: seeds.collect(),
            name,
        })
    });
    Ok(targets.collect())
}

fn chosen(all: Vec<Target>, names: &[String]) -> Result<VecDeque<Target>> {
    let known: Vec<&str> = all.iter().map(|target| target.name.as_str()).collect();
    if let Some(unknown) = names.iter().find(|name| !known.contains(&name.as_str())) {
        bail!(
            "there is no target `{unknown}`; there are {}",
            known.join(", ")
        );
    }
    if known.is_empty() {
        bail!("there is no target at all");
    }
    let is_chosen = |target: &Target| names.is_empty() || names.contains(&target.name);
    Ok(all.into_iter().filter(is_chosen).collect())
}

/// Puts the files of the repository that a target begins with beside what earlier runs have found.
fn fill_corpora(targets: &VecDeque<Target>, folder: &Folder, root: &Path) -> Result<()> {
    let files = house::read_files(root)?;
    create(&folder.failures())?;
    for target in targets {
        let corpus = folder.corpus(&target.name);
        create(&corpus)?;
        let is_seed = |file: &&house::File| {
            let path = format!("/{}", file.path);
            target.seeds.iter().any(|part| path.contains(part))
        };
        for file in files.iter().filter(is_seed) {
            for (number, text) in (0..).zip(inputs(file)) {
                let name = format!("{}-{number}", file.path.replace('/', "-"));
                let path = corpus.join(name);
                std::fs::write(&path, text).with_context(|| path.display().to_string())?;
            }
        }
    }
    Ok(())
}

/// A file is one input; but of a table of tests each row is one, as far as its outcome.
fn inputs(file: &house::File) -> Vec<&str> {
    if !file.path.ends_with(".txt") {
        return vec![&file.text];
    }
    let rows = file.text.lines().filter_map(|row| row.split_once(" => "));
    rows.map(|(input, _)| input.trim()).collect()
}

fn create(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())
}

/// A target that runs.
struct Running {
    target: String,
    child: Child,
}

impl Running {
    fn start(target: &str, folder: &Folder, order: &Order) -> Result<Self> {
        let log = folder.log(target);
        let log = File::create(&log).with_context(|| log.display().to_string())?;
        let failures = folder.failures().join(format!("{target}-"));
        let child = Command::new(folder.binary())
            .arg(folder.corpus(target))
            .arg(format!("-max_total_time={}", order.seconds))
            .arg(format!("-timeout={INPUT_SECONDS_MAX}"))
            .arg(format!("-rss_limit_mb={MEMORY_MB_MAX}"))
            .arg(format!("-max_len={INPUT_BYTES_MAX}"))
            .arg(format!("-artifact_prefix={}", failures.display()))
            .arg(format!("-seed={}", order.seed))
            .arg("-print_final_stats=1")
            .env("LOCKSTEP_FUZZ", target)
            .env("RUST_BACKTRACE", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| folder.binary().display().to_string())?;
        let target = target.to_owned();
        Ok(Self { target, child })
    }

    /// Tells how it ended, and whether all is well: a target that ran no input has shown nothing.
    fn tell(&self, ended_well: bool, folder: &Folder) -> Result<bool> {
        let log = folder.log(&self.target);
        let text = std::fs::read(&log).with_context(|| log.display().to_string())?;
        let text = String::from_utf8_lossy(&text);
        let inputs = stat(&text, "number_of_executed_units");
        let held = ended_well && inputs > 0;
        println!(
            "{:<14} {:>9} inputs, {:>5} worth keeping, {:>5} MB: {}",
            self.target,
            inputs,
            stat(&text, "new_units_added"),
            stat(&text, "peak_rss_mb"),
            if held { "held" } else { "FAILED" },
        );
        if !held {
            telling(&text).for_each(|line| println!("  | {line}"));
            println!(
                "  the whole log: {}\n  once more: LOCKSTEP_FUZZ={} {} INPUT",
                log.display(),
                self.target,
                folder.binary().display()
            );
        }
        Ok(held)
    }
}

/// What it panicked about, or else the end of its log.
fn telling(log: &str) -> impl Iterator<Item = &str> {
    let count = log.lines().count();
    let panicked = log.lines().position(|line| line.contains("panicked at"));
    let from = panicked.unwrap_or(count.saturating_sub(LINES_SHOWN));
    log.lines().skip(from).take(LINES_SHOWN)
}

/// One of the numbers that libFuzzer prints at its end.
fn stat(log: &str, name: &str) -> u64 {
    let line = log.lines().rev().find_map(|line| {
        let line = line.strip_prefix("stat::")?.strip_prefix(name)?;
        line.strip_prefix(':')
    });
    line.and_then(|number| number.trim().parse().ok())
        .unwrap_or(0)
}
