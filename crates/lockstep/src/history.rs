//! The runs that were recorded under `.lockstep/runs`, read back.
//!
//! A record that somebody damaged, or that another version wrote, is told and passed over.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use report::Recorded;
use report::record::events;
use suite::event::{Event, RunStarted, Summary};

use crate::exit_code::ExitCode;
use crate::failure::Failure;
use crate::record;

/// How many runs are kept of each suite in each environment: of whole ones, of those that may
/// change nothing, and of those of a part.
const RUNS_KEPT: usize = 50;
/// The largest record or report that is read, in bytes.
const BYTES_MAX: u64 = 512 << 20;
/// How much of the end of a record is read to find its last line.
const END_BYTES_MAX: u64 = 64 << 10;

/// A recorded run: how it began, and how it ended.
#[derive(Debug)]
pub(crate) struct Past {
    /// Its folder.
    pub(crate) folder: PathBuf,
    /// How it began.
    pub(crate) run: RunStarted,
    /// How it ended; none where it was killed, or goes on.
    pub(crate) summary: Option<Summary>,
}

impl Past {
    /// The exit code of the run; none where it did not come to its end.
    pub(crate) fn exit_code(&self) -> Option<ExitCode> {
        let summary = self.summary.as_ref()?;
        Some(ExitCode::of_run(summary, self.run.cells))
    }

    /// The whole record.
    ///
    /// # Errors
    /// It cannot be read, or is not one.
    pub(crate) fn read(&self) -> Result<Recorded, Failure> {
        let path = self.folder.join(record::EVENTS);
        read(&path).map_err(|error| unreadable(&path, &error))
    }

    /// Which part of the suite was tried, as a person reads it: its patterns and its shard. `None`:
    /// all of it, though where nothing may be changed some cells were not applicable.
    pub(crate) fn part(&self) -> Option<String> {
        let patterns = self.run.patterns.iter();
        let patterns = patterns.map(|pattern| format!("`{}`", harmless(pattern)));
        let shard = self.run.shard.map(|shard| format!("shard {shard}"));
        let parts: Vec<String> = patterns.chain(shard).collect();
        (!parts.is_empty()).then(|| parts.join(", "))
    }

    /// Whether both tried the same cells, in the same way.
    pub(crate) fn is_like(&self, other: &Self) -> bool {
        let key = |run: &RunStarted| {
            let shard = run.shard.map(|shard| shard.to_string());
            (
                run.suite.clone(),
                run.patterns.clone(),
                shard,
                run.read_only,
            )
        };
        key(&self.run) == key(&other.run)
    }
}

/// All recorded runs, the newest first. What cannot be read is told on standard error.
///
/// # Errors
/// The folder cannot be read.
pub(crate) fn all() -> Result<Vec<Past>, Failure> {
    let mut found = Vec::new();
    for folder in folders()? {
        match outline(&folder) {
            Ok(past) => found.push(past),
            Err(error) => {
                let (folder, error) = (folder.display(), harmless(&error));
                let _ = writeln!(
                    io::stderr(),
                    "note: `{folder}` is passed over, because it is no record of a run: {error}"
                );
            }
        }
    }
    found.sort_by(|a, b| b.run.run.cmp(&a.run.run));
    Ok(found)
}

/// The run whose name begins so; without a name, the newest.
///
/// # Errors
/// There is none, or there are several.
pub(crate) fn named(name: Option<&str>) -> Result<Past, Failure> {
    let runs = all()?;
    let Some(name) = name else {
        return runs.into_iter().next().ok_or_else(no_run);
    };
    let is_it = |past: &&Past| past.run.run.starts_with(name);
    let names: Vec<&str> = runs.iter().filter(is_it).map(|it| &*it.run.run).collect();
    match names.as_slice() {
        [] => Err(Failure::Usage(format!(
            "no recorded run is named `{name}`\nhelp: `lockstep runs list` shows them"
        ))),
        [_] => runs
            .into_iter()
            .find(|past| past.run.run.starts_with(name))
            .ok_or_else(no_run),
        [first, .., last] => Err(Failure::Usage(format!(
            "{} runs have names that begin with `{name}`, from `{last}` to `{first}`",
            names.len()
        ))),
    }
}

/// Nothing has been recorded here.
pub(crate) fn no_run() -> Failure {
    Failure::usage(
        "no run is recorded in this folder, under `.lockstep/runs`\nhelp: `lockstep test` records one",
    )
}

/// A run from a file that somebody names: a log, the folder of one, or a JSON report.
///
/// # Errors
/// It cannot be read, or is neither.
pub(crate) fn of_file(path: &Path) -> Result<Recorded, Failure> {
    let path = match path.is_dir() {
        true => path.join(record::EVENTS),
        false => path.to_owned(),
    };
    read(&path).map_err(|error| unreadable(&path, &error))
}

fn unreadable(path: &Path, error: &io::Error) -> Failure {
    let (path, error) = (path.display(), harmless(error));
    Failure::usage(format!("`{path}` cannot be read as a run: {error}"))
}

/// What is wrong with a file may quote it, and it may be somebody else's.
fn harmless(text: impl ToString) -> String {
    let shown = |c: char| if c.is_control() { '?' } else { c };
    text.to_string().chars().map(shown).collect()
}

fn read(path: &Path) -> io::Result<Recorded> {
    let file = File::open(path)?;
    if file.metadata()?.len() > BYTES_MAX {
        let message = format!("it is larger than {} MiB", BYTES_MAX >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    let mut reader = BufReader::new(file.take(BYTES_MAX));
    if is_log(reader.fill_buf()?) {
        return Recorded::of_log(reader);
    }
    let mut report = Vec::new();
    reader.read_to_end(&mut report)?;
    Recorded::of_report(&report)
}

/// A log has a whole object in its first line, a report only the beginning of one.
fn is_log(start: &[u8]) -> bool {
    start.starts_with(b"{\"event\"")
}

/// How a run began and ended, without what is between.
fn outline(folder: &Path) -> io::Result<Past> {
    let mut file = File::open(folder.join(record::EVENTS))?;
    let size = file.metadata()?.len();
    let first = events(BufReader::new((&mut file).take(BYTES_MAX))).next();
    let Some(Event::RunStarted(run)) = first.transpose()? else {
        let message = "it does not begin with the start of a run";
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    };
    if folder.file_name().is_none_or(|name| *name != *run.run) {
        let message = "its folder has another name than its run";
        return Err(io::Error::new(io::ErrorKind::InvalidData, message));
    }
    file.seek(SeekFrom::Start(size.saturating_sub(END_BYTES_MAX)))?;
    let mut end = Vec::new();
    file.take(END_BYTES_MAX).read_to_end(&mut end)?;
    Ok(Past {
        folder: folder.to_owned(),
        run,
        summary: last(&end),
    })
}

/// The end of a run, if it is the last line.
fn last(end: &[u8]) -> Option<Summary> {
    let whole = end.strip_suffix(b"\n")?;
    let line = whole.rsplit(|&byte| byte == b'\n').next()?;
    let line = [line, b"\n"].concat();
    match events(line.as_slice()).next()?.ok()? {
        Event::RunFinished(summary) => Some(summary),
        _ => None,
    }
}

/// The folders of runs. A link is none: what it points to is not ours.
fn folders() -> Result<Vec<PathBuf>, Failure> {
    let entries = match fs::read_dir(record::runs()) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut folders = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            folders.push(entry.path());
        }
    }
    folders.sort();
    Ok(folders)
}

/// Removes the oldest runs, but for [`RUNS_KEPT`] of each kind of each suite in each environment:
/// many runs of single cells leave the whole ones. What is no record of a run is left alone.
///
/// # Errors
/// A record cannot be removed.
pub(crate) fn forget_oldest() -> Result<(), Failure> {
    let mut kept: BTreeMap<_, usize> = BTreeMap::new();
    let folders = folders()?;
    if folders.len() <= RUNS_KEPT {
        return Ok(());
    }
    for folder in folders.iter().rev() {
        let Ok(past) = outline(folder) else {
            continue;
        };
        let is_part = past.part().is_some();
        let kind = (is_part, past.run.read_only);
        let key = (past.run.suite, past.run.environment, kind);
        let number = kept.entry(key).or_default();
        *number += 1;
        if *number > RUNS_KEPT {
            match fs::remove_dir_all(folder) {
                // Another run that ended was faster.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                removed => removed?,
            }
        }
    }
    Ok(())
}
