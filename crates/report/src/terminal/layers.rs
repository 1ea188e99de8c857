//! Layers that disagree, at a terminal: below the finding that is one side of it.

use suite::event::Clash;

use super::block::Block;
use super::finding::{lead, reason};
use super::paint::Ink;
use super::text::width;
use crate::layers::Parted;
use crate::text::grouped;

/// The most rules that are named beside the one that is told.
const NAMED_MAX: usize = 5;

/// The widths of the left texts and of the two on the right: place and name.
pub(super) fn widths(parted: &Parted) -> (usize, usize, usize) {
    let expected = &parted.expected;
    let said = width(&lead(expected)) + width(&reason(expected));
    let left = width(&parted.sentence).max(said);
    let place = width(&parted.place).max(width(&expected.place));
    (left, place, width(&parted.name))
}

/// Writes the first of them into a block, and the others by name. How to try it again stands with
/// the findings.
pub(super) fn write(alike: &[&Parted], block: &mut Block) {
    let Some((parted, others)) = alike.split_first() else {
        return;
    };
    let ink = match parted.clash {
        Clash::Bypass => Ink::Harm,
        Clash::Lockout | Clash::Undecided => Ink::Wrong,
    };
    block.head("LAYERS", ink, &parted.sentence, &parted.place, &parted.name);
    let expected = &parted.expected;
    block.row(
        "expected",
        &lead(expected),
        &reason(expected),
        &expected.place,
    );
    for (label, sides) in [("allows", &parted.allows), ("denies", &parted.denies)] {
        for (index, side) in sides.iter().enumerate() {
            block.row(if index == 0 { label } else { "" }, "", side, "");
        }
    }
    block.row("means", "", &parted.meaning, "");
    let named = others.iter().take(NAMED_MAX).map(|it| it.name.as_str());
    let mut named: Vec<String> = named.map(str::to_owned).collect();
    if let Some(more @ 1..) = others.len().checked_sub(NAMED_MAX) {
        named.push(format!("and {} more", grouped(more)));
    }
    if !named.is_empty() {
        block.row("also", "", &named.join(", "), "");
    }
}
