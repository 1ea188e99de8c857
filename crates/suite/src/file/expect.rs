//! `expect:` — the table of what is expected, a block of text in columns.
//!
//! Columns are separated by two spaces or more. Every mistake stands under its word.

use std::ops::Range;

use authz::Denial;
use authz::source::yaml::Node;
use authz::source::{Diagnostic, Place};

use super::Reader;
use super::inside::{Lines, Text};
use super::names::ActionName;
use super::target::default_denies;
use crate::model::{
    ActionIndex, ActorIndex, DENIALS, Denies, ExpectCell, ExpectRow, ExpectTable, Expected, Target,
};

/// A place of the table: its bytes in the line.
#[derive(Clone)]
struct Word<'t> {
    text: &'t str,
    range: Range<usize>,
}

/// The header: an actor for each column, none where its name is wrong.
struct Header<'t> {
    words: Vec<Word<'t>>,
    actors: Vec<Option<ActorIndex>>,
}

/// What the table is checked against.
struct Table<'t> {
    lines: Lines<'t>,
    targets: Option<&'t [Option<Target>]>,
}

impl Reader<'_> {
    pub(super) fn expect<'t>(
        &mut self,
        node: &'t Node,
        targets: Option<&'t [Option<Target>]>,
    ) -> Option<ExpectTable> {
        node.text(&mut self.diagnostics)?;
        let text = Text::of_scalar(node)?;
        let lines = Lines::of(self.inputs.suite, &text);
        let rows: Vec<(usize, Vec<Word<'t>>)> = lines
            .texts()
            .map(columns)
            .enumerate()
            .filter(|(_, words)| !words.is_empty())
            .collect();
        let table = Table { lines, targets };
        if rows.len() == 1 && !text.is_literal() {
            let message = "the table is a single line";
            let help = "write `expect: |`, and the table in the lines below it";
            self.push(node.place.clone(), message, help);
            return None;
        }
        let (Some((header_line, header)), [_, rest @ ..]) = (rows.first(), rows.as_slice()) else {
            self.push(node.place.clone(), "the table is empty", HEADER_HELP);
            return None;
        };
        let header = self.header(*header_line, header, &table)?;
        if rest.is_empty() {
            self.push(node.place.clone(), "the table has no rows", ROW_HELP);
            return None;
        }
        let mut seen: Vec<(ActionIndex, Option<ActorIndex>)> = Vec::new();
        let mut found = Vec::new();
        for (line, words) in rest {
            let row = self.row(*line, words, &header, &table, &mut seen);
            found.push(row);
        }
        Some(ExpectTable {
            place: node.place.clone(),
            columns: super::complete(header.actors)?,
            rows: super::complete(found)?,
        })
    }

    fn header<'t>(
        &mut self,
        line: usize,
        words: &[Word<'t>],
        table: &Table<'_>,
    ) -> Option<Header<'t>> {
        let (first, actors) = words.split_first()?;
        if first.text != "action" {
            let place = table.place(line, first);
            let message = format!("expected the word `action`, found `{}`", first.text);
            self.push(place, &message, HEADER_HELP);
            return None;
        }
        if actors.is_empty() {
            let place = table.place(line, first);
            self.push(place, "the table has no actors", HEADER_HELP);
            return None;
        }
        let mut found: Vec<Option<ActorIndex>> = Vec::new();
        for word in actors {
            let actor = self.column(word, &table.place(line, word));
            if actor.is_some() && found.contains(&actor) {
                let message = format!("actor `{}` has a column already", word.text);
                self.diagnostics
                    .push(Diagnostic::new(table.place(line, word), message));
            }
            found.push(actor);
        }
        Some(Header {
            words: actors.to_vec(),
            actors: found,
        })
    }

    fn column(&mut self, word: &Word<'_>, place: &Place) -> Option<ActorIndex> {
        let names = self.names;
        let Some(index) = names.actor(word.text) else {
            if !names.is_readable("actors") {
                return None;
            }
            let known: Vec<&str> = names.probing().map(|(_, actor)| actor.name).collect();
            let mistake = super::unknown(place, "actor", word.text, &known);
            self.push_separated(mistake, word);
            return None;
        };
        if names.actors.get(index)?.only_setup {
            let message = format!("actor `{}` is `only: setup`: it is never tried", word.text);
            self.diagnostics
                .push(Diagnostic::new(place.clone(), message));
            return None;
        }
        Some(index)
    }

    fn row(
        &mut self,
        line: usize,
        words: &[Word<'_>],
        header: &Header<'_>,
        table: &Table<'_>,
        seen: &mut Vec<(ActionIndex, Option<ActorIndex>)>,
    ) -> Option<ExpectRow> {
        let (first, places) = words.split_first()?;
        let subject = self.row_subject(line, first, table);
        if let Some(subject) = subject {
            if seen.contains(&subject) {
                let message = format!("a second row for `{}`", first.text);
                self.diagnostics
                    .push(Diagnostic::new(table.place(line, first), message));
            }
            seen.push(subject);
        }
        if places.len() != header.words.len() {
            self.wrong_count(line, words, header, table);
            return None;
        }
        let action = subject.and_then(|(action, _)| self.names.actions.get(action));
        let cells: Vec<_> = places
            .iter()
            .map(|word| self.cell(word, table.place(line, word), action, table))
            .collect();
        let (action, owner) = subject?;
        Some(ExpectRow {
            action,
            owner,
            cells: super::complete(cells)?,
        })
    }

    /// `type.action` or `type.action of owner`.
    fn row_subject(
        &mut self,
        line: usize,
        word: &Word<'_>,
        table: &Table<'_>,
    ) -> Option<(ActionIndex, Option<ActorIndex>)> {
        let names = self.names;
        let parts: Vec<Word<'_>> = split(word);
        let (action_word, owner_word) = match parts.as_slice() {
            [action] => (action, None),
            [action, of, owner] if of.text == "of" => (action, Some(owner)),
            _ => {
                let message = format!("`{}` is not a row", word.text);
                self.push(table.place(line, word), &message, ROW_HELP);
                return None;
            }
        };
        let found = action_word.text.split_once('.');
        let found = found.and_then(|(type_name, name)| names.action(type_name, name));
        let Some(index) = found else {
            let type_name = action_word.text.split('.').next().unwrap_or_default();
            if !names.is_readable("actions") || !names.is_readable(type_name) {
                return None;
            }
            let known: Vec<String> = names
                .actions
                .iter()
                .map(|it| format!("{}.{}", it.type_name, it.name))
                .collect();
            let known: Vec<&str> = known.iter().map(String::as_str).collect();
            let place = table.place(line, action_word);
            let mistake = super::unknown(&place, "action", action_word.text, &known);
            self.diagnostics.push(mistake);
            return None;
        };
        let action = names.actions.get(index)?;
        match (owner_word, action.on_instance) {
            (None, Some(true)) => {
                let owners = self.owners_of(action);
                let message = format!("`{}` is tried on a single one: whose?", action_word.text);
                let example = owners.first().copied().unwrap_or("OWNER");
                let help = format!("write `{} of {example}`", action_word.text);
                self.push(table.place(line, action_word), &message, &help);
                None
            }
            (Some(owner), Some(false)) => {
                let message = format!("`{}` is not tried on a single one", action_word.text);
                let help = format!("leave out `of {}`", owner.text);
                self.push(table.place(line, owner), &message, &help);
                None
            }
            (Some(owner), _) => {
                let place = table.place(line, owner);
                let owner = self.row_owner(owner.text, &place, action)?;
                Some((index, Some(owner)))
            }
            (None, _) => Some((index, None)),
        }
    }

    fn row_owner(
        &mut self,
        word: &str,
        place: &Place,
        action: &ActionName<'_>,
    ) -> Option<ActorIndex> {
        let owners = self.owners_of(action);
        let actor = self.names.actor(word);
        if actor.is_some() && (owners.is_empty() || owners.contains(&word)) {
            return actor;
        }
        let names = self.names;
        let owners_known = owners.iter().all(|owner| names.actor(owner).is_some());
        let mistake = match actor {
            // Then the owners are the mistake.
            _ if !owners_known || !names.is_readable("actors") => return None,
            None => super::unknown(place, "owner", word, &owners),
            Some(_) => {
                let message = format!("`{word}` owns no `{}`", action.type_name);
                let label = authz::source::one_of(owners.iter().copied());
                Diagnostic::new(place.clone(), message).label(format!("expected {label}"))
            }
        };
        self.diagnostics.push(mistake);
        None
    }

    fn owners_of(&self, action: &ActionName<'_>) -> Vec<&str> {
        let names = self.names;
        let resource = names.resource(action.type_name);
        let resource = resource.and_then(|index| names.resources.get(index));
        resource.map(|it| it.owners.clone()).unwrap_or_default()
    }

    fn cell(
        &mut self,
        word: &Word<'_>,
        place: Place,
        action: Option<&ActionName<'_>>,
        table: &Table<'_>,
    ) -> Option<ExpectCell> {
        let mut or = Vec::new();
        let expected = match word.text {
            "allow" => Some(Expected::Allow),
            "absent" => Some(Expected::Absent),
            "?" => Some(Expected::Observe),
            text => match text.parse::<u16>() {
                Ok(status) if (100..=599).contains(&status) => {
                    let mut kinds = self.denials(status, &place, action, table)?.into_iter();
                    let first = kinds.next();
                    or = kinds.collect();
                    first.map(Expected::Deny)
                }
                _ => {
                    let known = ["allow", "absent", "?"];
                    let mistake = super::unknown(&place, "expectation", text, &known)
                        .label("expected `allow`, a status, `absent` or `?`");
                    self.push_separated(mistake, word);
                    None
                }
            },
        };
        let expected = expected?;
        if let Some(action) = action.filter(|it| it.absent)
            && !matches!(expected, Expected::Absent | Expected::Observe)
        {
            let message = format!(
                "`{}.{}` is absent for everyone",
                action.type_name, action.name
            );
            self.push(place, &message, "the action says `expect: absent`");
            return None;
        }
        Some(ExpectCell {
            expected,
            or,
            place,
        })
    }

    /// The kinds of denial that a status may be on the targets of an action.
    fn denials(
        &mut self,
        status: u16,
        place: &Place,
        action: Option<&ActionName<'_>>,
        table: &Table<'_>,
    ) -> Option<Vec<Denial>> {
        let targets = table.targets_of(action?, self)?;
        if targets.is_empty() {
            return self.denials_of_database(status, place);
        }
        let mut found = Vec::new();
        for target in targets {
            let kinds = kinds_of(&target.denies, status);
            if kinds.is_empty() {
                self.not_a_denial(status, place, target);
                return None;
            }
            let new = kinds.into_iter().filter(|kind| !found.contains(kind));
            found.extend(new.collect::<Vec<_>>());
        }
        Some(found)
    }

    /// A database answers no status: these are mere names of kinds of denial.
    fn denials_of_database(&mut self, status: u16, place: &Place) -> Option<Vec<Denial>> {
        let kinds = kinds_of(&default_denies(), status);
        if kinds.is_empty() {
            let message = format!("`{status}` is no form of no of a database");
            let help = "for an actor who may not, write `403`";
            self.push(place.clone(), &message, help);
            return None;
        }
        Some(kinds)
    }

    pub(super) fn not_a_denial(&mut self, status: u16, place: &Place, target: &Target) {
        let message = format!("`{status}` is no form of no on `{}`", target.name);
        let help = if (200..300).contains(&status) {
            "for an actor who may, write `allow`".to_owned()
        } else {
            format!("declare it under `denies` of target `{}`", target.name)
        };
        self.push(place.clone(), &message, &help);
    }

    /// A row with too few or too many places.
    fn wrong_count(
        &mut self,
        line: usize,
        words: &[Word<'_>],
        header: &Header<'_>,
        table: &Table<'_>,
    ) {
        let places = words.get(1..).unwrap_or_default();
        if let Some(extra) = places.get(header.words.len()) {
            let message = format!("no column for `{}`", extra.text);
            let help = format!("the header names {} actors", header.words.len());
            self.push(table.place(line, extra), &message, &help);
            return;
        }
        let help = "a place that expects nothing is `?`";
        let aligned = |column: &Word<'_>| {
            let mut places = places.iter();
            places.any(|place| place.range.start == column.range.start)
        };
        let empty: Vec<_> = header.words.iter().filter(|it| !aligned(it)).collect();
        let end = words.last().map_or(0, |word| word.range.end);
        if empty.len() == header.words.len() - places.len() {
            for column in empty {
                let message = format!("the place of `{}` is empty", column.text);
                let at = column.range.start.min(end);
                let word = Word {
                    text: "",
                    range: at..at + 1,
                };
                self.push(table.place(line, &word), &message, help);
            }
            return;
        }
        let message = format!(
            "a row of {} places under {} actors: one is empty",
            places.len(),
            header.words.len()
        );
        let range = words.first().map_or(0, |word| word.range.start)..end;
        let row = Word { text: "", range };
        self.push(table.place(line, &row), &message, help);
    }

    /// One space does not separate columns, and is easily overlooked.
    fn push_separated(&mut self, mistake: Diagnostic, word: &Word<'_>) {
        let mistake = match word.text.contains(' ') {
            true => mistake.help("columns are separated by two spaces or more"),
            false => mistake,
        };
        self.diagnostics.push(mistake);
    }

    fn push(&mut self, place: Place, message: &str, help: &str) {
        self.diagnostics
            .push(Diagnostic::new(place, message).help(help));
    }
}

const HEADER_HELP: &str = "the first line is `action` and the actors, with two spaces or more \
                           between them";
const ROW_HELP: &str = "a row is `type.action` or `type.action of owner`, then a place for each actor, \
                        with two spaces or more between them";

impl<'t> Table<'t> {
    fn place(&self, line: usize, word: &Word<'_>) -> Place {
        self.lines.place_of(line, word.range.clone())
    }

    /// The targets on which an action is tried, if none of them is broken.
    fn targets_of(&self, action: &ActionName<'_>, reader: &Reader<'_>) -> Option<Vec<&'t Target>> {
        let targets = self.targets?;
        let layers = action.layers.iter();
        let called = layers.filter(|layer| reader.names.database(layer).is_none());
        let indices = called.map(|layer| reader.names.target(layer));
        indices
            .map(|index| targets.get(index?)?.as_ref())
            .collect::<Option<Vec<_>>>()
    }
}

/// The kinds of denial that a status may be.
pub(super) fn kinds_of(denies: &Denies, status: u16) -> Vec<Denial> {
    let is_kind = |&denial: &Denial| {
        let mut forms = denies.forms(denial).iter();
        forms.any(|form| form.status == status)
    };
    DENIALS.into_iter().filter(is_kind).collect()
}

/// The places of a line: what two spaces, or a tab, separate.
fn columns(line: &str) -> Vec<Word<'_>> {
    let mut found: Vec<Word<'_>> = Vec::new();
    for word in words(line, 0) {
        if let Some(last) = found.last_mut() {
            let gap = last.range.end..word.range.start;
            if line.get(gap) == Some(" ") {
                last.range.end = word.range.end;
                last.text = line.get(last.range.clone()).unwrap_or_default();
                continue;
            }
        }
        found.push(word);
    }
    found
}

fn split<'t>(word: &Word<'t>) -> Vec<Word<'t>> {
    words(word.text, word.range.start).collect()
}

/// What white space separates; the line begins `offset` bytes before the text.
fn words(text: &str, offset: usize) -> impl Iterator<Item = Word<'_>> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let word_on = rest.trim_start();
        let start = offset + text.len() - word_on.len();
        let end = word_on.find(char::is_whitespace).unwrap_or(word_on.len());
        let (word, behind) = word_on.split_at_checked(end)?;
        rest = behind;
        let range = start..start + word.len();
        (!word.is_empty()).then_some(Word { text: word, range })
    })
}
