//! The state of the live matrix, and what it looks like. Pure.

use std::collections::HashMap;

use suite::event::{CellRecord, Counts};
use suite::verdict::Verdict;

use crate::finding::severity;
use crate::sentence::row_name;
use crate::summary::short_outcome;
use crate::terminal::paint::{Ink, Paint};
use crate::terminal::text::{pad, width};
use crate::text::{clean, grouped};

/// No terminal shows more rows than this: they are not kept.
const ROWS_MAX: usize = 500;

/// The width of the bar.
const BAR_COLUMNS: usize = 24;

/// What has been judged so far, by row and actor.
#[derive(Debug)]
pub(super) struct Matrix {
    planned: usize,
    counts: Counts,
    actors: Vec<String>,
    rows: Vec<Row>,
    index: HashMap<String, usize>,
}

#[derive(Debug)]
struct Row {
    name: String,
    /// One for each actor; where several layers share a place, the worst.
    marks: Vec<Option<Verdict>>,
}

impl Matrix {
    /// An empty matrix; the rows come with the verdicts. `actors` are clean.
    pub(super) fn new(planned: usize, actors: Vec<String>) -> Self {
        Self {
            planned,
            counts: Counts::default(),
            actors,
            rows: Vec::new(),
            index: HashMap::new(),
        }
    }

    /// Fills a place in.
    pub(super) fn judged(&mut self, record: &CellRecord) {
        self.counts.add(record.verdict);
        let actor = clean(&record.actor);
        let Some(column) = self.actors.iter().position(|name| *name == actor) else {
            return;
        };
        let name = clean(&row_name(&record.action, record.owner.as_deref()));
        let mark = self.row(name).and_then(|row| row.marks.get_mut(column));
        if let Some(mark) = mark
            && mark.is_none_or(|other| severity(record.verdict) < severity(other))
        {
            *mark = Some(record.verdict);
        }
    }

    /// The picture: the matrix where it fits into the terminal, else a line.
    pub(super) fn frame(&self, columns: usize, rows: usize, paint: Paint) -> String {
        let line = self.line(columns, paint);
        // Beside the rows: the actors, an empty line, the line, and the prompt's own.
        let fits = self.rows.len() < ROWS_MAX
            && self.rows.len() + 4 <= rows
            && self.table_width() <= columns;
        if fits && !self.rows.is_empty() {
            format!("{}\n\n{line}", self.table(paint))
        } else {
            line
        }
    }

    fn row(&mut self, name: String) -> Option<&mut Row> {
        let at = match self.index.get(&name) {
            Some(&at) => at,
            None if self.rows.len() >= ROWS_MAX => return None,
            None => {
                self.index.insert(name.clone(), self.rows.len());
                self.rows.push(Row {
                    name,
                    marks: vec![None; self.actors.len()],
                });
                self.rows.len() - 1
            }
        };
        self.rows.get_mut(at)
    }

    fn names_width(&self) -> usize {
        let names = self.rows.iter().map(|row| width(&row.name));
        names.max().unwrap_or(0)
    }

    fn table_width(&self) -> usize {
        let actors: usize = self.actors.iter().map(|actor| 2 + width(actor)).sum();
        self.names_width() + actors
    }

    fn table(&self, paint: Paint) -> String {
        let names = self.names_width();
        let mut text = " ".repeat(names);
        for actor in &self.actors {
            text += &format!("  {}", paint.ink(Ink::Faint, actor));
        }
        for row in &self.rows {
            let mut line = pad(&row.name, names);
            for (actor, mark) in self.actors.iter().zip(&row.marks) {
                let rest = " ".repeat(width(actor).saturating_sub(1));
                line += &format!("  {}{rest}", painted_mark(*mark, paint));
            }
            text.push('\n');
            text += line.trim_end();
        }
        text
    }

    /// `━━━━━━──────  41 of 87 cells: 38 held, 2 findings, 1 inconclusive`
    fn line(&self, columns: usize, paint: Paint) -> String {
        let judged = self.counts.total();
        let (done, total) = (grouped(judged), grouped(self.planned));
        let outcome = short_outcome(&self.counts);
        let unsure = grouped(self.counts.inconclusive);
        let text = format!("{done} of {total} cells: {outcome}, {unsure} inconclusive");
        if width(&text) + 2 + BAR_COLUMNS > columns {
            return text.chars().take(columns).collect();
        }
        let filled = (judged * BAR_COLUMNS)
            .checked_div(self.planned)
            .unwrap_or(BAR_COLUMNS)
            .min(BAR_COLUMNS);
        let bar = paint.ink(Ink::Good, &"━".repeat(filled));
        let rest = paint.ink(Ink::Faint, &"─".repeat(BAR_COLUMNS - filled));
        format!("{bar}{rest}  {text}")
    }
}

fn painted_mark(mark: Option<Verdict>, paint: Paint) -> String {
    let Some(verdict) = mark else {
        return paint.ink(Ink::Faint, "·");
    };
    let character = match verdict {
        Verdict::Held => "✓",
        Verdict::Inconclusive => "?",
        Verdict::NotApplicable => "-",
        _ => "✗",
    };
    paint.ink(Ink::of(verdict), character)
}
