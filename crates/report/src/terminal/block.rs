//! The table in which findings stand: labels, texts that wrap, and on the right where they come
//! from.
//!
//! ```text
//! ESCALATION  viewer updates editor's post         lockstep.yaml:41        viewer/post.update/editor
//!   expected  deny   (role `viewer` may not        policy/policy.yaml:12
//!                    update post)
//! ```

use super::paint::{Ink, Paint};
use super::text::{pad, width, wrap_behind};

/// Where the texts begin.
const TEXT_AT: usize = 12;

/// How far to the right further lines stand of a text that has a lead: behind `allow  `.
const LEAD_HANG: usize = 7;

/// Between the columns.
const GAP: usize = 3;

/// The place stands below the text rather than beside one that is narrower than this.
const LEFT_MIN: usize = 30;

/// So does the name of the cell: its sentence should stay on one line.
const LEFT_BESIDE_NAME_MIN: usize = 44;

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
        let has_names = beside_name >= left.min(LEFT_BESIDE_NAME_MIN);
        let room = if has_names { beside_name } else { beside_place };
        Self {
            width,
            left: (room >= left.min(LEFT_MIN)).then_some(room.min(left)),
            place,
            has_names,
        }
    }
}

/// What stands before a text.
struct Start {
    text: String,
    width: usize,
    /// Where the further lines of the text begin; not behind `width`.
    hang: usize,
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
        let start = Start {
            text: painted + &" ".repeat(width(&label) - width(label.trim_end())),
            width: width(&label),
            hang: TEXT_AT,
        };
        self.lines(&start, text, Ink::Strong, &right);
        if !self.columns.has_names {
            self.row("cell", "", name, "");
        }
    }

    /// A labelled text; `lead` stands before it, and its further lines stand a little to the
    /// right. `place` may be empty.
    pub(super) fn row(&mut self, label: &str, lead: &str, text: &str, place: &str) {
        let label = pad(&format!("  {label}"), TEXT_AT);
        let start = Start {
            text: self.paint.ink(Ink::Faint, &label) + lead,
            width: width(&label) + width(lead),
            hang: TEXT_AT + width(lead).min(LEAD_HANG),
        };
        self.lines(&start, text, Ink::Plain, place);
    }

    /// A labelled text that is not touched, so that it can be copied.
    pub(super) fn verbatim(&mut self, label: &str, text: &str) {
        let label = pad(&format!("  {label}"), TEXT_AT);
        self.push(&(self.paint.ink(Ink::Faint, &label) + text));
    }

    /// A text behind `start`, `right` beside its first line or, without room, below it.
    fn lines(&mut self, start: &Start, text: &str, ink: Ink, right: &str) {
        let beside = self.columns.left.filter(|_| !right.is_empty());
        let end = beside.map_or(self.columns.width, |left| TEXT_AT + left);
        let room = end.saturating_sub(start.hang).max(1);
        let lines = wrap_behind(start.width - start.hang, text, room);
        for (index, line) in lines.iter().enumerate() {
            let painted = self.paint.ink(ink, line);
            if index > 0 {
                self.push(&(" ".repeat(start.hang) + &painted));
                continue;
            }
            let mut first = format!("{}{painted}", start.text);
            if beside.is_some() {
                let gap = (end + GAP).saturating_sub(start.width + width(line));
                first += &(" ".repeat(gap) + &self.paint.ink(Ink::Faint, right));
            }
            self.push(&first);
        }
        if beside.is_none() && !right.is_empty() {
            let below = " ".repeat(TEXT_AT) + &self.paint.ink(Ink::Faint, right);
            self.push(&below);
        }
    }

    fn push(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }
}
