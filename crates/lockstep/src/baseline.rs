//! The baseline of a suite on the disk: `lockstep.baseline` beside `lockstep.yaml`.

use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use authz::source::{SOURCE_BYTES_MAX, Source};
use suite::baseline::Baseline;

use crate::failure::Failure;
use crate::load::{bytes, name};
use crate::replace::replace;

/// The file of the baseline of a suite: of the same name, so that several suites may share a
/// folder.
pub(crate) fn path(suite: &Path) -> PathBuf {
    suite.with_extension("baseline")
}

/// The baseline in a file; `None` if there is no such file.
///
/// # Errors
/// Mistakes in it, all at once, or it cannot be read.
pub(crate) fn load(path: &Path) -> Result<Option<Baseline>, Failure> {
    let bytes = match bytes(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let path = path.display();
            let message = format!("the baseline `{path}` cannot be read: {error}");
            return Err(Failure::Usage(message));
        }
        Ok(bytes) => bytes,
    };
    let source = Source::from_bytes(&name(path), &bytes).map_err(|broken| {
        let (source, mistake) = *broken;
        Failure::Mistakes {
            mistakes: vec![mistake],
            sources: vec![source],
        }
    })?;
    match Baseline::parse(&source) {
        Ok(baseline) => Ok(Some(baseline)),
        Err(mistakes) => Err(Failure::Mistakes {
            mistakes,
            sources: vec![source],
        }),
    }
}

/// Writes a baseline. Whoever reads the file meanwhile, or after a crash, has the old one or the
/// new one, and never a part.
///
/// # Errors
/// It is larger than what is read, or cannot be written.
pub(crate) fn write(path: &Path, baseline: &Baseline) -> Result<(), Failure> {
    let text = baseline.to_string();
    if text.len() > SOURCE_BYTES_MAX {
        return Err(Failure::Usage(format!(
            "the baseline would have {} bytes; at most {SOURCE_BYTES_MAX} are read",
            text.len()
        )));
    }
    let written = replace(path, text.as_bytes());
    Ok(written.with_context(|| format!("`{}` cannot be written", path.display()))?)
}
