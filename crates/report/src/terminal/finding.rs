//! A finding at a terminal: a sentence, what was expected and seen, and how to try it again.

use super::block::Block;
use super::paint::Ink;
use super::text::{pad, width};
use crate::finding::{Expected, Finding};

/// The widths of the left texts and of the two on the right: place and name.
pub(super) fn widths(finding: &Finding) -> (usize, usize, usize) {
    let expected = &finding.expected;
    let said = width(&lead(expected)) + width(&reason(expected));
    let left = width(&finding.sentence).max(said);
    let place = width(&finding.place).max(width(&expected.place));
    (left, place, width(&finding.cell))
}

/// Writes a finding into a block.
pub(super) fn write(finding: &Finding, block: &mut Block) {
    write_judgement(finding, block);
    for (index, line) in finding.repeat.iter().enumerate() {
        let label = if index == 0 { "repeat" } else { "" };
        block.verbatim(label, line);
    }
}

/// Writes all but how to try it again.
pub(super) fn write_judgement(finding: &Finding, block: &mut Block) {
    let expected = &finding.expected;
    block.head(
        &finding.verdict.word().to_uppercase(),
        Ink::of(finding.verdict),
        &finding.sentence,
        &finding.place,
        &finding.cell,
    );
    block.row(
        "expected",
        &lead(expected),
        &reason(expected),
        &expected.place,
    );
    block.row("observed", "", &finding.observed, "");
    if let Some(because) = &finding.because {
        block.row("because", "", because, "");
    }
    if let Some(control) = &finding.control {
        block.row("control", "", control, "");
    }
}

pub(super) fn lead(expected: &Expected) -> String {
    format!("{}  ", pad(&expected.what, "allow".len()))
}

pub(super) fn reason(expected: &Expected) -> String {
    format!("({})", expected.reason)
}
