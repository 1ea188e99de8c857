//! How the grants of a run differ from the baseline, at a terminal.

use suite::event::{Change, Drift};

use super::paint::{Ink, Paint};
use super::text::{hang, pad, width};
use crate::text::{clean, clean_short, count};

/// Lines to paste into the baseline, each with its reason and where that stands. `untold` more
/// were not kept.
pub(super) fn render(drifts: &[Drift], untold: usize, columns: usize, paint: Paint) -> String {
    if drifts.is_empty() {
        return String::new();
    }
    let mut text = format!("{}\n", paint.ink(Ink::Strong, "BASELINE"));
    text += &lines(drifts, columns, paint);
    if untold > 0 {
        text += &format!("  and {}\n", count(untold, "more line", "more lines"));
    }
    text + "  `lockstep baseline accept` accepts what the run saw.\n\n"
}

/// Each on a line, as in a diff of the baseline, with its place and its reason.
pub(super) fn lines(drifts: &[Drift], columns: usize, paint: Paint) -> String {
    let mut text = String::new();
    let lines: Vec<String> = drifts.iter().map(|drift| clean(&drift.line())).collect();
    let widest = lines.iter().map(|line| width(line)).max().unwrap_or(0);
    for (drift, line) in drifts.iter().zip(&lines) {
        let ink = match drift.change {
            Change::Added => Ink::Harm,
            Change::Denied | Change::Vanished => Ink::Unsure,
        };
        let start = format!("  {}  ", paint.ink(ink, &pad(line, widest)));
        let place = clean(&drift.place.to_string());
        let reason = format!("{place}  {}", clean_short(&drift.reason));
        text += &hang(&start, widest + 4, &reason, columns);
    }
    text
}
