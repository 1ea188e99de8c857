//! The file of a baseline: one grant a line, `allow viewer/post.read/editor`; `#` begins a
//! comment.

use std::fmt;
use std::sync::Arc;

use authz::source::{Diagnostic, Diagnostics, Place, Source};

use super::{Accepted, Baseline};
use crate::plan::SESSION_OPEN;

const ALLOW: &str = "allow";
const A_NAME: &str = "expected the name of a cell, such as `viewer/post.read/editor`";

impl Baseline {
    /// Reads a baseline. The order of the lines does not matter. O(text).
    ///
    /// # Errors
    /// Lines that are neither a grant nor a comment, and grants that stand there twice.
    pub fn parse(source: &Source) -> Result<Self, Vec<Diagnostic>> {
        let mut reader = Reader {
            baseline: Self {
                head: Vec::new(),
                ..Self::empty(source.name())
            },
            comments: Vec::new(),
            diagnostics: Diagnostics::default(),
        };
        let mut start = 0;
        for (number, line) in (1..).zip(source.text().split_inclusive('\n')) {
            reader.line(number, start, line.trim_end());
            start += line.len();
        }
        let Reader {
            mut baseline,
            comments,
            diagnostics,
        } = reader;
        baseline.tail = comments;
        diagnostics.into_result(Some(baseline))
    }
}

impl fmt::Display for Baseline {
    /// The text of the file: sorted, so that a change of one grant is a change of one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.head {
            writeln!(f, "{line}")?;
        }
        if !self.head.is_empty() {
            writeln!(f)?;
        }
        for (cell, accepted) in &self.grants {
            for line in &accepted.above {
                writeln!(f, "{line}")?;
            }
            write!(f, "{ALLOW} {cell}")?;
            match &accepted.behind {
                Some(comment) => writeln!(f, "  {comment}")?,
                None => writeln!(f)?,
            }
        }
        self.tail.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

struct Reader {
    baseline: Baseline,
    /// The comments since the last grant.
    comments: Vec<String>,
    diagnostics: Diagnostics,
}

impl Reader {
    fn line(&mut self, number: usize, start: usize, line: &str) {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        let line = Line {
            file: Arc::clone(&self.baseline.file),
            number,
            start: start + indent,
            column: indent + 1,
            text,
        };
        if text.is_empty() {
            self.end_head();
        } else if text.starts_with('#') {
            self.comments.push(text.to_owned());
        } else {
            match line.grant() {
                Ok(grant) => self.grant(grant),
                Err(mistake) => self.diagnostics.push(*mistake),
            }
        }
    }

    /// An empty line ends the comment at the beginning; anywhere else it means nothing.
    fn end_head(&mut self) {
        let is_first = self.baseline.head.is_empty() && self.baseline.grants.is_empty();
        if is_first {
            self.baseline.head = std::mem::take(&mut self.comments);
        }
    }

    fn grant(&mut self, grant: Grant<'_>) {
        if let Some(first) = self.baseline.grants.get(grant.cell) {
            let message = format!("`{}` is accepted twice", grant.cell);
            let label = format!("it stands on line {} already", first.place.line);
            self.diagnostics
                .push(Diagnostic::new(grant.place, message).label(label));
            return;
        }
        let accepted = Accepted {
            place: grant.place,
            above: std::mem::take(&mut self.comments),
            behind: grant.comment.map(str::to_owned),
        };
        let cells = &mut self.baseline.grants;
        cells.insert(grant.cell.to_owned(), accepted);
    }
}

/// A line that is neither empty nor a comment.
struct Line<'a> {
    file: Arc<str>,
    number: usize,
    /// Where it starts in the text, in bytes.
    start: usize,
    /// In characters, from 1. What stands before it are blanks.
    column: usize,
    text: &'a str,
}

struct Grant<'a> {
    cell: &'a str,
    place: Place,
    comment: Option<&'a str>,
}

impl<'a> Line<'a> {
    fn grant(&self) -> Result<Grant<'a>, Box<Diagnostic>> {
        let (text, comment) = match self.text.split_once('#') {
            Some((text, _)) => (text.trim_end(), self.text.get(text.len()..)),
            None => (self.text, None),
        };
        let mut words = text.split_whitespace();
        let word = words.next().unwrap_or_default();
        if word != ALLOW {
            return Err(Box::new(self.no_grant(word)));
        }
        let Some(cell) = words.next() else {
            let message = format!("behind `{ALLOW}` nothing is named");
            return Err(Box::new(self.mistake(word, message).label(A_NAME)));
        };
        if !is_name(cell) {
            let message = format!("`{cell}` is not the name of a cell");
            return Err(Box::new(self.mistake(cell, message).label(A_NAME)));
        }
        if cell.split('/').nth(1) == Some(SESSION_OPEN) {
            let message = "the opening of a session is no grant";
            let help = "leave the line out";
            return Err(Box::new(self.mistake(cell, message).help(help)));
        }
        match words.next() {
            None => Ok(Grant {
                cell,
                place: self.place(cell),
                comment,
            }),
            Some(more) => {
                let message = format!("`{more}` stands behind the name of the cell");
                let label = "expected the end of the line, or a comment that begins with `#`";
                Err(Box::new(self.mistake(more, message).label(label)))
            }
        }
    }

    fn no_grant(&self, word: &str) -> Diagnostic {
        let message = format!("a line cannot begin with `{word}`");
        let label = format!("expected `{ALLOW}` and the name of a cell, or a comment");
        let mistake = self.mistake(word, message).label(label);
        match word {
            "+" => mistake.help("leave the `+` out"),
            "-" => mistake.help("leave the whole line out, and the one that it takes away"),
            word => mistake.nearest(word, [ALLOW]),
        }
    }

    fn mistake(&self, word: &str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::new(self.place(word), message)
    }

    /// The place of a word, which is a part of this very text.
    fn place(&self, word: &str) -> Place {
        let at = word.as_ptr().addr() - self.text.as_ptr().addr();
        let before = self.text.get(..at).unwrap_or_default();
        let start = self.start + at;
        Place {
            file: Arc::clone(&self.file),
            span: start..start + word.len(),
            line: self.number,
            column: self.column + before.chars().count(),
        }
    }
}

/// Whether it has the form of `actor/type.action`, with or without more behind it.
fn is_name(text: &str) -> bool {
    let mut parts = text.split('/');
    let actor = parts.next().is_some_and(|actor| !actor.is_empty());
    let action = parts.next().is_some_and(|action| action.contains('.'));
    actor && action && parts.all(|part| !part.is_empty())
}
