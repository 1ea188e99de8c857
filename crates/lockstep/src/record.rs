//! `.lockstep/`: what Lockstep keeps of its runs. Private, and out of version control.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

use report::record::EventLog;

/// The folder, in the working directory.
const FOLDER: &str = ".lockstep";

/// Opens the log of a run: `.lockstep/runs/RUN/events.jsonl`.
///
/// # Errors
/// The folder or the file cannot be made.
pub(crate) fn open(run: &str) -> io::Result<EventLog<io::BufWriter<File>>> {
    let root = Path::new(FOLDER);
    create_private(root)?;
    let ignore = root.join(".gitignore");
    if !ignore.exists() {
        fs::write(ignore, "*\n")?;
    }
    let folder = root.join("runs").join(run);
    create_private(&folder)?;
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(folder.join("events.jsonl"))?;
    Ok(EventLog::new(io::BufWriter::new(file)))
}

/// A folder that only its owner may enter.
fn create_private(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
