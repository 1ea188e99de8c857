//! Named texts, places in them, and mistakes found there.
//!
//! Files are inputs: whoever calls this crate reads them and hands them in as a [`Source`]. Every
//! mistake carries its [`Place`], and all mistakes of a text are told at once.

mod address;
mod diagnostic;
mod spelling;
pub mod yaml;

pub use address::DatabaseAddress;
pub use diagnostic::{Diagnostic, Diagnostics, render};
pub use spelling::{nearest, one_of};

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The largest text that is read, in bytes.
pub const SOURCE_BYTES_MAX: usize = 4 << 20;

/// A text with the name under which its user knows it, usually a path.
#[derive(Debug, Clone)]
pub struct Source {
    name: Arc<str>,
    text: Arc<str>,
}

impl Source {
    /// A source from text that is known to be UTF-8.
    pub fn new(name: &str, text: &str) -> Self {
        Self {
            name: name.into(),
            text: text.into(),
        }
    }

    /// A source from the bytes of a file.
    ///
    /// # Errors
    /// Bytes that are not UTF-8, or more than [`SOURCE_BYTES_MAX`] of them. The source that
    /// comes with the diagnostic is good only for rendering it.
    pub fn from_bytes(name: &str, bytes: &[u8]) -> Result<Self, Box<(Self, Diagnostic)>> {
        Self::from_bytes_within(name, bytes, SOURCE_BYTES_MAX)
    }

    /// A source from the bytes of a file that may have so many of them.
    ///
    /// # Errors
    /// As for [`Source::from_bytes`].
    pub fn from_bytes_within(
        name: &str,
        bytes: &[u8],
        bytes_max: usize,
    ) -> Result<Self, Box<(Self, Diagnostic)>> {
        if bytes.len() > bytes_max {
            let source = Self::new(name, "");
            let found = format!(
                "the file has {} bytes; at most {bytes_max} are read",
                bytes.len()
            );
            let mistake = Diagnostic::new(source.place(0..0), found);
            return Err(Box::new((source, mistake)));
        }
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(Self::new(name, text)),
            Err(error) => {
                // The replacement character has the same start as the bytes that it stands for.
                let source = Self::new(name, &String::from_utf8_lossy(bytes));
                let at = error.valid_up_to();
                let place = source.place(at..at + char::REPLACEMENT_CHARACTER.len_utf8());
                let mistake = Diagnostic::new(place, "the file is not valid UTF-8")
                    .label("this byte is not part of a character")
                    .help("save the file as UTF-8");
                Err(Box::new((source, mistake)))
            }
        }
    }

    /// The name under which the user knows this text.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The place of a range of bytes. O(length of the text).
    pub fn place(&self, span: Range<usize>) -> Place {
        let before = self.text.get(..span.start).unwrap_or(&self.text);
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
        let column = before
            .get(line_start..)
            .map_or(0, |text| text.chars().count())
            + 1;
        Place {
            file: Arc::clone(&self.name),
            span,
            line,
            column,
        }
    }
}

/// Where something stands in a source.
///
/// Written down, it is file, line and column; read back, it has an empty span.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The name of the source.
    pub file: Arc<str>,
    /// The bytes of the source that are meant.
    #[serde(skip)]
    pub span: Range<usize>,
    /// The line of the first byte, counted from 1.
    pub line: usize,
    /// The column of the first byte in characters, counted from 1.
    pub column: usize,
}

impl fmt::Display for Place {
    /// `file:line`, the form that editors and terminals make into a link.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}
