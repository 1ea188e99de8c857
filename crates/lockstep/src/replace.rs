//! Replaces files whole: whoever reads one meanwhile, or after a crash, has the old one or the new
//! one, and never a part.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::failure::Failure;

/// A file that is written beside the one that it shall replace. It goes if it is not
/// [put](Self::put) there.
pub(crate) struct Prepared {
    temporary: PathBuf,
    path: PathBuf,
}

impl Prepared {
    /// Writes what shall stand at a path, as its neighbour.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn new(path: &Path, text: &[u8]) -> io::Result<Self> {
        // A link stays one.
        let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
        let mut temporary = path.as_os_str().to_owned();
        temporary.push(".new");
        let temporary = PathBuf::from(temporary);
        let mut file = File::create(&temporary)?;
        let prepared = Self { temporary, path };
        file.write_all(text)?;
        file.sync_all()?;
        Ok(prepared)
    }

    /// Puts it where it belongs.
    ///
    /// # Errors
    /// What stands there cannot be replaced.
    pub(crate) fn put(self) -> io::Result<()> {
        fs::rename(&self.temporary, &self.path)
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        // Once it is put, there is none any more.
        let _ = fs::remove_file(&self.temporary);
    }
}

/// Replaces one file, or makes it.
///
/// # Errors
/// It cannot be written.
pub(crate) fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    Prepared::new(path, text)?.put()
}

/// Writes all files, each by its path from a folder, or none where one is there already or cannot
/// be written.
///
/// # Errors
/// One is there and `force` is not given, or one cannot be written.
pub(crate) fn write_all(
    folder: &Path,
    files: &[(String, String)],
    force: bool,
) -> Result<(), Failure> {
    let there = files
        .iter()
        .map(|(name, _)| folder.join(name))
        .find(|path| path.exists());
    if let Some(path) = there.filter(|_| !force) {
        let path = path.display();
        let message =
            format!("`{path}` is there already; nothing was written\nhelp: `--force` replaces it");
        return Err(Failure::Usage(message));
    }
    let mut prepared = Vec::with_capacity(files.len());
    for (name, text) in files {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent).with_context(|| format!("`{}`", parent.display()))?;
        let file = Prepared::new(&path, text.as_bytes());
        let file = file.with_context(|| format!("`{}`", path.display()))?;
        prepared.push((file, path));
    }
    for (file, path) in prepared {
        file.put()
            .with_context(|| format!("`{}`", path.display()))?;
    }
    Ok(())
}
