//! Operations that are not tried as they should be, at a terminal.

use super::block::{Block, Columns};
use super::paint::{Ink, Paint};
use super::text::{hang, width};
use crate::surface::Untried;
use crate::text::{count, grouped};

/// The most operations that are shown one by one.
const SHOWN_MAX: usize = 50;
const LABEL: &str = "SURFACE";

/// The operations for which the run fails, each ready to be pasted, then those to be filled.
pub(super) fn render(records: &[Untried], columns: usize, paint: Paint) -> String {
    let (findings, unfilled): (Vec<_>, Vec<_>) = records.iter().partition(|it| it.gap.is_finding());
    let mut text = String::new();
    let shown = findings.iter().take(SHOWN_MAX);
    let widths = |it: &&Untried| {
        (
            width(&it.sentence).max(width(&it.reason)),
            width(&it.place),
            0,
        )
    };
    let fitted = Columns::fit(columns, findings.iter().take(SHOWN_MAX).map(widths));
    for record in shown {
        let mut block = Block::new(fitted, paint);
        block.head(LABEL, Ink::Harm, &record.sentence, &record.place, "");
        block.row("because", "", &record.reason, "");
        for (index, line) in record.paste.iter().enumerate() {
            block.verbatim(if index == 0 { "paste" } else { "" }, line);
        }
        text += &(block.into_text() + "\n");
    }
    if findings.len() > SHOWN_MAX {
        let more = grouped(findings.len() - SHOWN_MAX);
        text += &format!("and {more} more operations; the JSON report has them all\n\n");
    }
    if !unfilled.is_empty() {
        text += &(to_be_filled(&unfilled, columns, paint) + "\n");
    }
    text
}

fn to_be_filled(records: &[&Untried], columns: usize, paint: Paint) -> String {
    let number = count(records.len(), "operation is", "operations are");
    let head = format!("{number} to be filled, so that nothing is known of them");
    let label = paint.ink(Ink::Unsure, LABEL);
    let mut text = hang(&format!("{label}  "), width(LABEL) + 2, &head, columns);
    let shown = records.iter().take(SHOWN_MAX);
    let names = shown.clone().map(|it| width(&it.name)).max().unwrap_or(0);
    for record in shown {
        let name = format!("  {}  ", super::text::pad(&record.name, names));
        text += &hang(&name, width(&name), &record.reason, columns);
    }
    if records.len() > SHOWN_MAX {
        text += &format!("  and {} more\n", grouped(records.len() - SHOWN_MAX));
    }
    text
}

/// The part of the plan about operations.
pub fn surface(found: &suite::surface::Surface, style: super::Style) -> String {
    let records: Vec<Untried> = found.records.iter().map(Untried::of).collect();
    let text = render(&records, style.columns(), style.paint());
    text + &crate::surface::sentence(&found.counts) + "\n"
}
