//! Recorded runs as people read them: the list, and two of them side by side.

use serde::Serialize;
use suite::event::{self, RunStarted, Summary};
use suite::verdict::{Access, Verdict};

use super::Style;
use super::paint::{Ink, Paint};
use super::text::{hang, pad, width};
use crate::comparison::{Changes, Disagreement, Outcome, Pair, Side};
use crate::layers::Parted;
use crate::summary::duration;
use crate::text::{clean, count, grouped};

/// The most cells of each kind that are shown.
const CELLS_MAX: usize = 200;

/// One line of the list.
#[derive(Debug, Serialize)]
pub struct RunLine<'a> {
    /// How it began.
    #[serde(flatten)]
    pub run: &'a RunStarted,
    /// How it ended, if it did.
    pub summary: Option<&'a Summary>,
    /// Its exit code, if it came to its end.
    pub exit_code: Option<u8>,
}

/// The list of runs, in the order in which they are given.
pub fn runs_table(lines: &[RunLine<'_>], style: Style) -> String {
    let head = [
        "run",
        "started",
        "environment",
        "cells",
        "findings",
        "inconclusive",
        "exit",
        "took",
        "suite",
    ];
    let mut rows = vec![head.map(str::to_owned)];
    rows.extend(lines.iter().map(row));
    let widths: Vec<usize> = (0..head.len())
        .map(|column| {
            let places = rows.iter().filter_map(|row| row.get(column));
            places.map(|place| width(place)).max().unwrap_or(0)
        })
        .collect();
    let paint = style.paint();
    let mut text = String::new();
    for (index, row) in rows.iter().enumerate() {
        let places = row.iter().zip(&widths).map(|(it, width)| pad(it, *width));
        let line = places.collect::<Vec<_>>().join("  ");
        let ink = if index == 0 { Ink::Faint } else { Ink::Plain };
        text += &paint.ink(ink, line.trim_end());
        text.push('\n');
    }
    text
}

fn row(line: &RunLine<'_>) -> [String; 9] {
    let run = line.run;
    let number = |number: Option<usize>| number.map_or("?".to_owned(), grouped);
    let counts = line.summary.map(|summary| summary.counts);
    let took = line.summary.map(|summary| duration(summary.duration_ms));
    [
        clean(&run.run),
        clean(&seconds(&run.started)),
        clean(run.environment.as_deref().unwrap_or("-")),
        grouped(run.cells),
        number(counts.map(|counts| counts.findings())),
        number(counts.map(|counts| counts.inconclusive)),
        line.exit_code.map_or("-".to_owned(), |it| it.to_string()),
        took.unwrap_or_else(|| "no end".to_owned()),
        clean(&suite(run)),
    ]
}

/// A time to the second: `2026-11-22 10:15:00Z`.
fn seconds(started: &str) -> String {
    match (started.get(..10), started.get(11..19)) {
        (Some(day), Some(time)) => format!("{day} {time}Z"),
        _ => started.to_owned(),
    }
}

/// The suite, and which part of it was tried: `lockstep.yaml, part 2/8, read-only`.
fn suite(run: &RunStarted) -> String {
    let mut parts = vec![run.suite.clone()];
    parts.extend(run.shard.map(|shard| format!("part {shard}")));
    parts.extend((!run.patterns.is_empty()).then(|| run.patterns.join(" ")));
    parts.extend(run.read_only.then(|| "read-only".to_owned()));
    parts.join(", ")
}

/// What changed between two runs.
pub fn changes_text(changes: &Changes, style: Style) -> String {
    let paint = style.paint();
    let mut text = sides(
        &changes.first,
        &changes.second,
        changes.suite_changed,
        style,
    );
    let arrow = |pair: &Pair| format!("{} -> {}", words(pair.first), words(pair.second));
    let second = |pair: &Pair| words(pair.second);
    let first = |pair: &Pair| words(pair.first);
    text += &section("changed", &changes.changed, &arrow, paint);
    text += &section("appeared", &changes.appeared, &second, paint);
    text += &section("vanished", &changes.vanished, &first, paint);
    text += &layers("layers disagree now", &changes.parted, paint);
    text += &layers(
        "layers not seen to disagree any more",
        &changes.rejoined,
        paint,
    );
    if !changes.flapping.is_empty() {
        let head = format!("flapping over the last {} runs", changes.flapping_over);
        text += &(paint.ink(Ink::Strong, &head) + "\n");
        for flap in changes.flapping.iter().take(CELLS_MAX) {
            let verdicts: Vec<&str> = flap.verdicts.iter().map(|it| it.word()).collect();
            text += &format!("  {}  {}\n", clean(&flap.cell), verdicts.join(", "));
        }
        text += &more(changes.flapping.len());
        text.push('\n');
    }
    let sentence = format!(
        "{} changed, {} appeared, {} vanished, {}; {} as before.",
        grouped(changes.changed.len()),
        grouped(changes.appeared.len()),
        grouped(changes.vanished.len()),
        count(changes.flapping.len(), "flaps", "flap"),
        grouped(changes.unchanged),
    );
    text + &hang("", 0, &sentence, style.columns())
}

/// Where two environments disagree.
pub fn disagreement_text(found: &Disagreement, style: Style) -> String {
    let paint = style.paint();
    let mut text = sides(&found.first, &found.second, found.suite_changed, style);
    let name = |side: &Side| {
        side.environment
            .as_deref()
            .map_or_else(|| side.run.clone(), clean)
    };
    let (a, b) = (name(&found.first), name(&found.second));
    let both = |pair: &Pair| format!("{a}: {}; {b}: {}", words(pair.first), words(pair.second));
    text += &section("drift", &found.drift, &both, paint);
    text += &section("in one only", &found.alone, &both, paint);
    text += &section("not established", &found.unestablished, &both, paint);
    let differ = count(found.drift.len(), "cell differs", "cells differ");
    let untried = match found.untried {
        0 => String::new(),
        number => format!(", {} tried in neither", grouped(number)),
    };
    let sentence = format!(
        "{differ}, {} in one only, {} not established; {} alike{untried}.",
        grouped(found.alone.len()),
        grouped(found.unestablished.len()),
        grouped(found.alike),
    );
    text + &hang("", 0, &sentence, style.columns())
}

fn sides(first: &Side, second: &Side, suite_changed: bool, style: Style) -> String {
    let mut text = String::new();
    for (label, side) in [("from", first), ("to", second)] {
        let mut words = vec![clean(&side.run)];
        let environment = side.environment.as_deref();
        words.extend(environment.map(|name| format!("environment {}", clean(name))));
        words.push(clean(&seconds(&side.started)));
        words.extend((!side.whole).then(|| "not whole: some cells were not judged".to_owned()));
        let label = pad(label, 6);
        text += &hang(&label, 6, &words.join(", "), style.columns());
    }
    if first.suite != second.suite {
        let (a, b) = (clean(&first.suite), clean(&second.suite));
        text += &format!("two suites: {a} and {b}\n");
    } else if suite_changed {
        text += "the suite's files changed between them\n";
    }
    text + "\n"
}

fn section(head: &str, pairs: &[Pair], words: &dyn Fn(&Pair) -> String, paint: Paint) -> String {
    if pairs.is_empty() {
        return String::new();
    }
    let shown = pairs.iter().take(CELLS_MAX);
    let most = shown.clone().map(|pair| width(&clean(&pair.cell))).max();
    let mut text = paint.ink(Ink::Strong, head) + "\n";
    for pair in shown {
        let name = pad(&clean(&pair.cell), most.unwrap_or(0));
        text += &format!("  {name}  {}\n", words(pair));
    }
    text + &more(pairs.len()) + "\n"
}

/// Where layers disagree in one of the runs.
fn layers(head: &str, all: &[event::Disagreement], paint: Paint) -> String {
    if all.is_empty() {
        return String::new();
    }
    let mut text = paint.ink(Ink::Strong, head) + "\n";
    for it in all.iter().take(CELLS_MAX) {
        let parted = Parted::of(it);
        text += &format!("  {}  {}\n", parted.name, parted.sentence);
    }
    text + &more(all.len()) + "\n"
}

fn more(number: usize) -> String {
    match number.checked_sub(CELLS_MAX) {
        None | Some(0) => String::new(),
        Some(more) => format!("  and {} more; `--json` has them all\n", grouped(more)),
    }
}

/// `allowed, escalation`
fn words(outcome: Option<Outcome>) -> String {
    let Some(outcome) = outcome else {
        return "no such cell".to_owned();
    };
    let verdict = outcome.verdict.word();
    match outcome.access {
        _ if outcome.verdict == Verdict::NotApplicable => verdict.to_owned(),
        Access::Allowed => format!("allowed, {verdict}"),
        Access::Denied => format!("denied, {verdict}"),
        Access::Unknown => verdict.to_owned(),
    }
}
