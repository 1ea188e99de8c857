//! The title that posts and drafts have in common.

use serde::Deserialize;

use crate::answer::Refusal;

const CHARS_MAX: usize = 200;

/// A body that gives a title.
#[derive(Deserialize)]
pub(super) struct Titled {
    title: String,
}

impl Titled {
    /// The title, if it may be one.
    pub(super) fn title(self) -> Result<String, Refusal> {
        check(&self.title)?;
        Ok(self.title)
    }
}

/// Refuses a blank title, and one of more than 200 characters.
pub(super) fn check(title: &str) -> Result<(), Refusal> {
    if title.trim().is_empty() || title.chars().count() > CHARS_MAX {
        return Err(Refusal::unprocessable(
            "title must have 1 to 200 characters",
        ));
    }
    Ok(())
}
