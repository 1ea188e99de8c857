//! Operations that are not tried as they should be, as every report for people tells them.

use authz::source::Place;
use suite::event::{Gap, SurfaceCounts, SurfaceRecord};

use crate::text::{clean, clean_lines, clean_short, count, grouped};

/// The most operations that a report keeps.
pub(crate) const SURFACE_MAX: usize = 500;

/// An operation, every text of it clean.
#[derive(Debug, Clone)]
pub(crate) struct Untried {
    pub(crate) gap: Gap,
    /// `posts: archivePost`.
    pub(crate) name: String,
    /// `archivePost (POST /posts/{id}/archive) of posts is not tried`.
    pub(crate) sentence: String,
    pub(crate) reason: String,
    pub(crate) place: String,
    /// The same place; its file is not clean.
    pub(crate) spot: Place,
    /// What tries it, line by line.
    pub(crate) paste: Vec<String>,
}

impl Untried {
    pub(crate) fn of(record: &SurfaceRecord) -> Self {
        let operation = clean_short(&record.operation);
        let target = clean(&record.target);
        let request = record.request.as_deref().map(clean_short);
        let request = request.filter(|it| *it != operation);
        let request = request.map_or(String::new(), |it| format!(" ({it})"));
        let what = match record.gap {
            Gap::Undeclared => "is not tried",
            Gap::Expired => "is excepted no longer",
            Gap::Gone => "is excepted, and not there",
            Gap::Needless => "is excepted for nothing",
            Gap::Unfilled => "is to be filled",
        };
        Self {
            gap: record.gap,
            name: format!("{target}: {operation}"),
            sentence: format!("{operation}{request} of {target} {what}"),
            reason: clean_short(&record.reason),
            place: clean(&record.place.to_string()),
            spot: record.place.clone(),
            paste: record
                .paste
                .as_deref()
                .map(clean_lines)
                .into_iter()
                .flatten()
                .collect(),
        }
    }
}

/// `surface: 14 of 17 operations have a cell, 2 are excepted, 1 is missing or out of date.`
pub(crate) fn sentence(counts: &SurfaceCounts) -> String {
    let operations = count(counts.operations, "operation", "operations");
    let verb = if counts.operations == 1 {
        "has"
    } else {
        "have"
    };
    let mut text = format!(
        "surface: {} of {operations} {verb} a cell",
        grouped(counts.with_cell)
    );
    let are = |number: usize| if number == 1 { "is" } else { "are" };
    let decided = counts.excepted - counts.unfilled.min(counts.excepted);
    for (number, what) in [
        (decided, "excepted"),
        (counts.unfilled, "to be filled"),
        (counts.findings, "missing or out of date"),
    ] {
        if number > 0 {
            text += &format!(", {} {} {what}", grouped(number), are(number));
        }
    }
    text + "."
}
