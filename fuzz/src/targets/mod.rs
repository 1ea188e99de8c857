//! The targets, by what they give the bytes to.

pub(crate) mod databases;
pub(crate) mod evaluators;
pub(crate) mod imports;
pub(crate) mod lints;
pub(crate) mod models;
pub(crate) mod policies;
pub(crate) mod runs;
pub(crate) mod suites;
pub(crate) mod tests;

use authz::source::{Diagnostic, Source, render};
use jiff::Timestamp;

/// The bytes as a named text; none where they are no text, which must be told.
fn source(name: &str, bytes: &[u8]) -> Option<Source> {
    match Source::from_bytes(name, bytes) {
        Ok(source) => Some(source),
        Err(refused) => {
            let (source, mistake) = *refused;
            told::<()>(Err(vec![mistake]), &[source]);
            None
        }
    }
}

/// What was read; a refusal must say something, and its mistakes must be such as can be shown.
fn told<T>(read: Result<T, Vec<Diagnostic>>, sources: &[Source]) -> Option<T> {
    read.inspect_err(|mistakes| {
        assert!(!mistakes.is_empty(), "refused without a word");
        assert!(!render(mistakes, sources, false).is_empty());
    })
    .ok()
}

fn now() -> Timestamp {
    Timestamp::UNIX_EPOCH
}
