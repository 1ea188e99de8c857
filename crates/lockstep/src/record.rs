//! `.lockstep/`: what Lockstep keeps of its runs. Private, and out of version control.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use report::record::EventLog;

/// The folder, in the working directory.
const FOLDER: &str = ".lockstep";
/// The file of a run, in its folder.
pub(crate) const EVENTS: &str = "events.jsonl";

/// Where the runs are kept, each in a folder of its name.
pub(crate) fn runs() -> PathBuf {
    Path::new(FOLDER).join("runs")
}

/// Opens the log of a run: `.lockstep/runs/RUN/events.jsonl`.
///
/// # Errors
/// The folder or the file cannot be made.
pub(crate) fn open(run: &str) -> io::Result<EventLog<io::BufWriter<File>>> {
    let folder = create_folder("runs")?.join(run);
    create_private(&folder)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(folder.join(EVENTS))?;
    Ok(EventLog::new(io::BufWriter::new(file)))
}

/// Where the journal of a run stands: `.lockstep/journal/RUN.jsonl`.
///
/// # Errors
/// The folder cannot be made.
pub(crate) fn journal(run: &str) -> io::Result<PathBuf> {
    Ok(create_folder("journal")?.join(format!("{run}.jsonl")))
}

/// The journals that are there, the oldest first.
///
/// # Errors
/// The folder cannot be read.
pub(crate) fn journals() -> io::Result<Vec<PathBuf>> {
    let folder = Path::new(FOLDER).join("journal");
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "jsonl")
        {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

/// A folder under `.lockstep/`, which is made private and kept out of version control.
fn create_folder(name: &str) -> io::Result<PathBuf> {
    let root = Path::new(FOLDER);
    create_private(root)?;
    let ignore = root.join(".gitignore");
    if !ignore.exists() {
        fs::write(ignore, "*\n")?;
    }
    let folder = root.join(name);
    create_private(&folder)?;
    Ok(folder)
}

/// A folder that only its owner may enter, also if it was there already.
fn create_private(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)?;
    #[cfg(unix)]
    fs::set_permissions(path, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    Ok(())
}
