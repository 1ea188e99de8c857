//! Replaces files whole: whoever reads one meanwhile, or after a crash, has the old one or the new
//! one, and never a part.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

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
