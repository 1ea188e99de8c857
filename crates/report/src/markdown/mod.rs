//! A run as Markdown, for a pull request: what broke, where, and how to try it again.
//!
//! Short enough for a comment, whatever happened, and it says what it leaves out. Nothing that
//! comes from the target or from files is read as Markdown or as HTML.

mod escape;
mod page;

use std::collections::BTreeMap;
use std::io::{self, Write};

use suite::event::{CellRecord, Event, RunStarted};
use suite::verdict::Verdict;

use crate::Reporter;
use crate::at_end::{AtEnd, Document, Ran};
use crate::finding::{Finding, severity};
use crate::inconclusive::Inconclusive;
use crate::text::clean;

/// The most findings that are kept: of more there is no room for a line each.
const FINDINGS_MAX: usize = 500;

/// Writes a run as Markdown of at most 60,000 characters, when the run is over.
///
/// What is kept is bounded: the gravest 500 findings, and the inconclusive cells by reason.
#[derive(Debug)]
pub struct MarkdownReporter<W: Write>(AtEnd<W, Page>);

impl<W: Write> MarkdownReporter<W> {
    /// A report that goes to `out`.
    pub fn new(out: W) -> Self {
        Self(AtEnd::new(out, Page::default()))
    }

    /// Makes the places links: `base` is the address, with a scheme, under which the forge shows
    /// the files of this commit. One that is not such an address is passed over.
    #[must_use]
    pub fn sources(mut self, base: &str) -> Self {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~:/@%+".contains(c);
        let has_scheme = base.starts_with("https://") || base.starts_with("http://");
        if has_scheme && base.chars().all(is_plain) {
            self.0.document_mut().sources = Some(base.trim_end_matches('/').to_owned());
        }
        self
    }
}

impl<W: Write> Reporter for MarkdownReporter<W> {
    fn event(&mut self, event: &Event) -> io::Result<()> {
        self.0.event(event)
    }
}

/// What the page shows. Every text in it is clean.
#[derive(Debug, Default)]
struct Page {
    /// The gravest first, then by name.
    findings: BTreeMap<(u8, String), Finding>,
    inconclusive: Inconclusive,
    sources: Option<String>,
}

impl Document for Page {
    fn judged(&mut self, record: &CellRecord, run: &RunStarted) {
        if record.verdict == Verdict::Inconclusive {
            self.inconclusive.add(record);
        } else if record.verdict.is_finding() {
            let rank = (severity(record.verdict), clean(&record.cell));
            self.findings
                .insert(rank, Finding::of(record, run.environment.as_deref()));
            if self.findings.len() > FINDINGS_MAX {
                self.findings.pop_last();
            }
        }
    }

    fn write(&mut self, ran: &Ran, out: &mut dyn Write) -> io::Result<()> {
        out.write_all(page::text(self, ran).as_bytes())
    }
}
