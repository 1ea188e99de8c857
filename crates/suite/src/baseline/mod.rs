//! The baseline: the grants of a running system that a team has accepted. A run that finds
//! another grant fails, also where the policy and the system agree on it: what somebody may do
//! changes only where somebody says so.
//!
//! A grant is a cell that the system was seen to allow: as expected, as an escalation, or where
//! nothing is expected. To open a session is no grant.

mod acceptance;
mod comparison;
mod file;
#[cfg(test)]
mod tests;

pub use acceptance::Acceptance;
pub use comparison::Comparison;

use std::collections::BTreeMap;
use std::sync::Arc;

use authz::source::Place;

use crate::event::CellRecord;
use crate::plan::SESSION_OPEN;

/// The grants that were accepted.
#[derive(Debug, Clone)]
pub struct Baseline {
    /// The file, for places.
    file: Arc<str>,
    /// The comment at the beginning, line by line.
    head: Vec<String>,
    grants: BTreeMap<String, Accepted>,
    /// Comments behind the last grant.
    tail: Vec<String>,
}

/// A line of a baseline.
#[derive(Debug, Clone)]
struct Accepted {
    place: Place,
    /// Comments in the lines before it.
    above: Vec<String>,
    /// A comment behind it, with its `#`.
    behind: Option<String>,
}

/// The comment with which a new baseline begins.
const HEAD: [&str; 3] = [
    "# What the running system was seen to allow, and what somebody has accepted: one cell a line, sorted.",
    "# A run of `lockstep test` that finds a grant that does not stand here fails.",
    "# `lockstep baseline accept` writes this file; comments stay with the line that they stand above or behind.",
];

impl Baseline {
    /// A baseline without grants, to be kept in `file`.
    pub fn empty(file: &str) -> Self {
        Self {
            file: file.into(),
            head: HEAD.map(str::to_owned).to_vec(),
            grants: BTreeMap::new(),
            tail: Vec::new(),
        }
    }

    /// Whether the cell is accepted as a grant.
    pub fn has(&self, cell: &str) -> bool {
        self.grants.contains_key(cell)
    }

    /// The cells, sorted.
    pub fn cells(&self) -> impl Iterator<Item = &str> {
        self.grants.keys().map(String::as_str)
    }

    fn add(&mut self, cell: &str) {
        let place = Place {
            file: Arc::clone(&self.file),
            span: 0..0,
            line: 1,
            column: 1,
        };
        self.grants
            .entry(cell.to_owned())
            .or_insert_with(|| Accepted {
                place,
                above: Vec::new(),
                behind: None,
            });
    }
}

/// Whether a cell can be a grant at all.
fn can_be_granted(record: &CellRecord) -> bool {
    record.action != SESSION_OPEN
}
