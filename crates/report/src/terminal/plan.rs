//! A plan as a matrix, in the form of the table `expect` of a suite, so that it can be pasted
//! there.

use std::collections::HashMap;

use suite::plan::{Phase, PlannedCell, SESSION_OPEN};

use super::Style;
use super::paint::{Ink, Paint};
use super::text::{hang, pad, width};
use crate::sentence::row_name;
use crate::text::{clean, clean_short, count, grouped};

/// The place of a cell that is not tried.
const NOT_TRIED: &str = "-";

/// The matrix of a plan, what it amounts to, and the denials that have no control. With
/// [`Style::verbose`] also every cell with who expects it, its control and its fixture.
///
/// A denial stands there as a status that its target declares for it and that `expect` takes.
///
/// `notes` are told below. `actors` are the columns; an actor that tries nothing has none. Sessions are no part of
/// `expect`, so that the matrix leaves them out; the totals count them.
pub fn plan_matrix(
    cells: &[PlannedCell],
    actors: &[String],
    notes: &[String],
    style: Style,
) -> String {
    let paint = style.paint();
    let mut text = matrix("action", is_of_expect, cells, actors, paint);
    text += &matrix("step", is_step, cells, actors, paint);
    text += &totals(cells, style);
    text += &without_control(cells, paint);
    for note in notes {
        let label = paint.ink(Ink::Unsure, "note:");
        text += &hang(&format!("{label} "), 6, &clean(note), style.columns());
    }
    if style.verbose {
        for cell in cells {
            text.push('\n');
            text += &details(cell, style);
        }
    }
    text
}

/// Whether a cell has a row in `expect`. What is expected of malformed bodies follows from the
/// rows that it has.
fn is_of_expect(cell: &PlannedCell) -> bool {
    !matches!(cell.phase, Phase::Opening | Phase::Flow) && cell.situation.is_none()
}

/// Whether a cell is a step of a flow.
fn is_step(cell: &PlannedCell) -> bool {
    cell.phase == Phase::Flow
}

fn matrix(
    head: &str,
    has_row: fn(&PlannedCell) -> bool,
    cells: &[PlannedCell],
    actors: &[String],
    paint: Paint,
) -> String {
    let table = Table::of(head, has_row, cells, actors);
    if table.rows.is_empty() {
        return String::new();
    }
    let widths = table.widths();
    let mut text = String::new();
    for (index, row) in std::iter::once(&table.head).chain(&table.rows).enumerate() {
        let mut line = String::new();
        for (column, (place, width)) in row.iter().zip(&widths).enumerate() {
            let ink = if index == 0 || column == 0 {
                Ink::Plain
            } else {
                place_ink(place)
            };
            // Two spaces part the columns of `expect`.
            let gap = if column == 0 { "" } else { "  " };
            let rest = pad(place, *width).split_off(place.len());
            line += &format!("{gap}{}{rest}", paint.ink(ink, place));
        }
        text += line.trim_end();
        text.push('\n');
    }
    text.push('\n');
    text
}

/// The texts of the matrix, clean.
struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

impl Table {
    fn of(
        head: &str,
        has_row: fn(&PlannedCell) -> bool,
        cells: &[PlannedCell],
        actors: &[String],
    ) -> Self {
        let tried = |cell: &&PlannedCell| has_row(cell);
        let columns: Vec<&String> = actors
            .iter()
            .filter(|actor| cells.iter().filter(tried).any(|cell| cell.actor == **actor))
            .collect();
        let column_of: HashMap<&str, usize> = columns
            .iter()
            .enumerate()
            .map(|(index, actor)| (actor.as_str(), index + 1))
            .collect();
        let mut head = vec![head.to_owned()];
        head.extend(columns.iter().map(|actor| clean(actor)));
        let mut rows: Vec<Vec<String>> = Vec::new();
        let mut row_of: HashMap<String, usize> = HashMap::new();
        for cell in cells.iter().filter(tried) {
            let name = clean(&row_name(&cell.action, cell.owner.as_deref()));
            let at = *row_of.entry(name.clone()).or_insert_with(|| {
                let mut row = vec![NOT_TRIED.to_owned(); head.len()];
                row.splice(..1, [name]);
                rows.push(row);
                rows.len() - 1
            });
            let place = column_of
                .get(cell.actor.as_str())
                .and_then(|column| rows.get_mut(at)?.get_mut(*column));
            if let Some(place) = place {
                *place = match cell.untried {
                    Some(_) => NOT_TRIED.to_owned(),
                    None => place_text(cell),
                };
            }
        }
        Self { head, rows }
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths: Vec<usize> = self.head.iter().map(|name| width(name)).collect();
        for row in &self.rows {
            for (most, place) in widths.iter_mut().zip(row) {
                *most = (*most).max(width(place));
            }
        }
        widths
    }
}

/// `allow`, `absent`, `rows`, `?`, or a status.
fn place_text(cell: &PlannedCell) -> String {
    match (cell.statuses.first(), cell.expected.denial.as_deref()) {
        (Some(status), _) => status.to_string(),
        (None, Some("unauthenticated")) => "401".to_owned(),
        (None, Some("concealed")) => "404".to_owned(),
        (None, Some(_)) => "403".to_owned(),
        (None, None) => clean(&cell.expected.what),
    }
}

fn place_ink(place: &str) -> Ink {
    match place {
        "allow" => Ink::Good,
        "?" => Ink::Unsure,
        NOT_TRIED => Ink::Faint,
        _ => Ink::Plain,
    }
}

/// `87 cells: 52 allowed, 30 denied, 5 sessions to open.`
fn totals(cells: &[PlannedCell], style: Style) -> String {
    let number = |what: &str| {
        cells
            .iter()
            .filter(|cell| cell.untried.is_none())
            .filter(|cell| cell.action != SESSION_OPEN && cell.expected.what == what)
            .count()
    };
    let sessions = cells
        .iter()
        .filter(|cell| cell.action == SESSION_OPEN && cell.untried.is_none())
        .count();
    let untried = cells.iter().filter(|cell| cell.untried.is_some()).count();
    let mut parts = vec![
        format!("{} allowed", grouped(number("allow"))),
        format!("{} denied", grouped(number("deny"))),
    ];
    let further = [
        (number("absent"), "absent".to_owned()),
        (number("reject"), "refused as bad input".to_owned()),
        (number("rows"), "decided row by row".to_owned()),
        (
            number("?"),
            "only observed, which is never green".to_owned(),
        ),
    ];
    parts.extend(
        further
            .into_iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, what)| format!("{} {what}", grouped(number))),
    );
    if sessions > 0 {
        parts.push(count(sessions, "session to open", "sessions to open"));
    }
    if untried > 0 {
        let what = "not applicable, because nothing may be changed";
        parts.push(format!("{} {what}", grouped(untried)));
    }
    let sentence = format!(
        "{}: {}.",
        count(cells.len(), "cell", "cells"),
        parts.join(", ")
    );
    hang("", 0, &sentence, style.columns())
}

/// The denials that nobody who may stands beside.
fn without_control(cells: &[PlannedCell], paint: Paint) -> String {
    let alone: Vec<&PlannedCell> = cells
        .iter()
        .filter(|cell| cell.untried.is_none() && !cell.counts_alone)
        .filter(|cell| matches!(cell.expected.what.as_str(), "deny" | "reject"))
        .filter(|cell| cell.control.is_none())
        .collect();
    if alone.is_empty() {
        return String::new();
    }
    let denials = count(alone.len(), "denial has", "denials have");
    let head = format!("{denials} no control and would be inconclusive:");
    let mut text = paint.ink(Ink::Unsure, &head) + "\n";
    for cell in alone {
        text += &format!("  {}\n", clean(&cell.cell));
    }
    text
}

fn details(cell: &PlannedCell, style: Style) -> String {
    let paint = style.paint();
    let mut text = paint.ink(Ink::Strong, &clean(&cell.cell)) + "\n";
    let expected = &cell.expected;
    let mut what = clean(&expected.what);
    if let Some(denial) = &expected.denial {
        let statuses: Vec<String> = cell.statuses.iter().map(u16::to_string).collect();
        let statuses = match statuses.is_empty() {
            true => place_text(cell),
            false => statuses.join("|"),
        };
        what += &format!(", {statuses} {}", clean(denial));
    }
    let mut rows = vec![(
        "expected",
        format!("{what}  ({})", clean_short(&expected.reason)),
    )];
    let untried = cell.untried.as_deref();
    rows.extend(untried.map(|why| ("not tried", clean(why))));
    let place = expected.place.as_ref();
    rows.extend(place.map(|place| ("from", clean(&place.to_string()))));
    rows.extend(
        cell.control
            .as_deref()
            .map(|control| ("control", control_text(cell, control))),
    );
    rows.extend(
        cell.fixture
            .as_deref()
            .map(|fixture| ("fixture", clean(fixture))),
    );
    rows.extend(
        cell.target
            .as_deref()
            .map(|target| ("target", clean(target))),
    );
    for (label, row) in rows {
        let label = pad(&format!("  {label}"), 12);
        text += &hang(&paint.ink(Ink::Faint, &label), 12, &row, style.columns());
    }
    text
}

fn control_text(cell: &PlannedCell, control: &str) -> String {
    match cell.differs_in {
        Some(differs_in) => format!("{}; differs in {}", clean(control), differs_in.word()),
        None => clean(control),
    }
}
