//! The cells of which nothing can be said, at a terminal.

use suite::verdict::Verdict;

use super::paint::{Ink, Paint};
use super::text::{hang, pad, width};
use crate::inconclusive::{Group, Inconclusive};
use crate::text::{count, grouped};

/// Each reason with its cells, the most frequent first.
pub(super) fn render(inconclusive: &Inconclusive, columns: usize, paint: Paint) -> String {
    let groups = inconclusive.groups().into_iter();
    groups
        .map(|(reason, cells)| group(reason, cells, columns, paint) + "\n")
        .collect()
}

fn group(reason: &str, group: &Group, columns: usize, paint: Paint) -> String {
    let label = Verdict::Inconclusive.word().to_uppercase();
    let head = format!("{}: {reason}", count(group.count, "cell", "cells"));
    let mut text = hang(
        &format!("{}  ", paint.ink(Ink::Unsure, &label)),
        width(&label) + 2,
        &head,
        columns,
    );
    let names = group
        .first
        .keys()
        .map(|name| width(name))
        .max()
        .unwrap_or(0);
    for (name, observed) in &group.first {
        let name = format!("  {}  ", pad(name, names));
        let at = width(&name);
        text += &hang(&name, at, observed, columns);
    }
    let unnamed = group.unnamed();
    if unnamed > 0 {
        text += &format!("  and {} more\n", grouped(unnamed));
    }
    text
}
