//! The last lines at a terminal.

use suite::event::Summary;

use super::paint::{Ink, Paint};
use super::text::{width, wrap};
use crate::summary::sentences;

/// The summary of a run that was to judge `planned` cells.
pub(super) fn summary(summary: &Summary, planned: usize, columns: usize, paint: Paint) -> String {
    let ink = ink(summary);
    let lines = fill(&sentences(summary, planned), columns);
    lines
        .iter()
        .map(|line| paint.ink(ink, line) + "\n")
        .collect()
}

/// Sentences side by side, two spaces between them, where they fit.
fn fill(sentences: &[String], columns: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for sentence in sentences {
        match lines.last_mut() {
            Some(line) if width(line) + 2 + width(sentence) <= columns => {
                line.push_str("  ");
                line.push_str(sentence);
            }
            _ => lines.extend(wrap(sentence, columns)),
        }
    }
    lines
}

fn ink(summary: &Summary) -> Ink {
    if summary.fails() {
        Ink::Harm
    } else if summary.counts.inconclusive > 0 || summary.interrupted {
        Ink::Unsure
    } else {
        Ink::Good
    }
}
