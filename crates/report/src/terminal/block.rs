//! The table in which findings stand: labels, texts that wrap, and on the right where they come
//! from.
//!
//! ```text
//! ESCALATION  viewer updates editor's post         lockstep.yaml:41        viewer/post.update/editor
//!   expected  deny   (role `viewer` may not        policy/policy.yaml:12
//!                    update post)
//! ```

use super::paint::{Ink, Paint};
use super::text::{pad, width, wrap};

/// Where the texts begin.
const TEXT_AT: usize = 12;

/// Between the columns.
const GAP: usize = 3;

/// A left column narrower than this gives its room up no further.
const LEFT_MIN: usize = 30;

/// Where the columns of all blocks stand.
#[derive(Debug, Clone, Copy)]
pub(super) struct Columns {
    /// The width of everything.
    width: usize,
    /// The width of the left column, if there is room for one beside it.
    left: Option<usize>,
    /// The width of the places.
    place: usize,
    /// Whether the name of the cell stands in the head.
    has_names: bool,
}

impl Columns {
    /// Columns for blocks whose left texts, places and names have these widths.
    pub(super) fn fit(width: usize, widths: impl Iterator<Item = (usize, usize, usize)>) -> Self {
        let (left, place, name) = widths.fold((0, 0, 0), |most, one| {
            (most.0.max(one.0), most.1.max(one.1), most.2.max(one.2))
        });
        let beside_place = width.saturating_sub(TEXT_AT + GAP + place);
        let beside_name = beside_place.saturating_sub(GAP + name);
        let least = left.min(LEFT_MIN);
        let has_names = beside_name >= least;
        let room = if has_names { beside_name } else { beside_place };
        Self {
            width,
            left: (room >= least).then_some(room.min(left)),
            place,
            has_names,
        }
    }
}

/// A block that grows line by line.
#[derive(Debug)]
pub(super) struct Block {
    columns: Columns,
    paint: Paint,
    text: String,
}

impl Block {
    pub(super) fn new(columns: Columns, paint: Paint) -> Self {
        Self {
            columns,
            paint,
            text: String::new(),
        }
    }

    pub(super) fn into_text(self) -> String {
        self.text
    }

    /// The first line: what it is, in one sentence, with its place and its name.
    pub(super) fn head(&mut self, label: &str, ink: Ink, text: &str, place: &str, name: &str) {
        let label = pad(&format!("{label}  "), TEXT_AT);
        let right = if self.columns.has_names {
            format!("{}   {name}", pad(place, self.columns.place))
        } else {
            place.to_owned()
        };
        let painted = self.paint.ink(ink, label.trim_end());
        let painted = painted + &" ".repeat(width(&label) - width(label.trim_end()));
        self.lines(&painted, width(&label), text, Ink::Strong, &right);
        if !self.columns.has_names {
            self.row("cell", "", name, "");
        }
    }

    /// A labelled text: `lead` stands before it, and the text wraps beside the lead. `place` may
    /// be empty.
    pub(super) fn row(&mut self, label: &str, lead: &str, text: &str, place: &str) {
        let label = pad(&format!("  {label}"), TEXT_AT);
        let at = width(&label) + width(lead);
        let start = self.paint.ink(Ink::Faint, &label) + lead;
        self.lines(&start, at, text, Ink::Plain, place);
    }

    /// A labelled text that is not touched, so that it can be copied.
    pub(super) fn verbatim(&mut self, label: &str, text: &str) {
        let label = pad(&format!("  {label}"), TEXT_AT);
        self.push(&(self.paint.ink(Ink::Faint, &label) + text));
    }

    /// A text from column `at` on, `right` beside its first line or, without room, below it.
    fn lines(&mut self, start: &str, at: usize, text: &str, ink: Ink, right: &str) {
        let end = match self.columns.left {
            Some(left) if !right.is_empty() => TEXT_AT + left,
            _ => self.columns.width,
        };
        let lines = wrap(text, end.saturating_sub(at).max(1));
        for (index, line) in lines.iter().enumerate() {
            let before = if index == 0 { start } else { &" ".repeat(at) };
            let mut painted = format!("{before}{}", self.paint.ink(ink, line));
            if index == 0 && self.columns.left.is_some() && !right.is_empty() {
                let gap = (end + GAP).saturating_sub(at + width(line));
                painted += &(" ".repeat(gap) + &self.paint.ink(Ink::Faint, right));
            }
            self.push(&painted);
        }
        if self.columns.left.is_none() && !right.is_empty() {
            let below = " ".repeat(TEXT_AT) + &self.paint.ink(Ink::Faint, right);
            self.push(&below);
        }
    }

    fn push(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }
}
