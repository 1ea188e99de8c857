//! The parts of a run that several machines shared, as the one run that they are.

use std::collections::{BTreeMap, BTreeSet};

use suite::event::{CellRecord, Disagreement, Drift, DriftCounts, Note, RunStarted, Summary};
use suite::layers::Layers;
use suite::plan::Shard;

use crate::finding::severity;
use crate::recorded::Recorded;
use crate::text::clean;

/// A part, by the name of the file from which it was read.
pub type Part = (String, Recorded);

/// One run of all parts, which may be given in any order. A single whole run stays what it is.
///
/// Every cell that any part tells is told once, in the place where the part to which it falls tells
/// it. Others tell it too, where it is the control of one of their cells: where it came out worse
/// there, the worse counts, and a note says so. Where its own part was interrupted before it, what
/// another saw counts; where that came to its end, these are no parts of one run. A grant that differs from the baseline is told once; what has vanished from the suite no part
/// can say. Where layers disagree is found anew, because the cells of one action fall to several parts.
///
/// # Errors
/// Why these are not the parts of one run: all reasons, one a line.
pub fn merge(mut parts: Vec<Part>) -> Result<Recorded, String> {
    if let ([(_, whole)], true) = (&*parts, parts.iter().all(|it| it.1.run.shard.is_none())) {
        check_told_once(&parts)?;
        return Ok(whole.clone());
    }
    let mistakes = [
        check_parts(&parts),
        check_same(&parts),
        check_told_once(&parts),
        check_whole(&parts),
    ];
    let mistakes: Vec<String> = mistakes.into_iter().filter_map(Result::err).collect();
    if !mistakes.is_empty() {
        return Err(mistakes.join("\n"));
    }
    check_all_told(&parts)?;
    parts.sort_by_key(|(_, part)| part.run.shard.map(Shard::number));
    let (cells, worse) = cells(&parts);
    let parts: Vec<Recorded> = parts.into_iter().map(|(_, part)| part).collect();
    let Some(first) = parts.first() else {
        return Err("there is no part".to_owned());
    };
    let run = RunStarted {
        cells: first.run.cells_of_all.unwrap_or_default(),
        shard: None,
        cells_of_all: None,
        started: started(&parts),
        actors: first.run.actors.clone(),
        ..first.run.clone()
    };
    let mut notes: BTreeSet<&str> = BTreeSet::new();
    let all = parts.iter().flat_map(|part| &part.notes);
    let notes: Vec<Note> = all
        .filter(|note| notes.insert(&note.text))
        .cloned()
        .chain(worse)
        .collect();
    let drifts = drifts(&parts);
    let mut summary = summary(&parts, &cells, &drifts);
    let disagreements = disagreements(&cells, &drifts, &mut summary);
    Ok(Recorded {
        run,
        cells,
        notes,
        drifts,
        // The first part tells it.
        surface: parts.into_iter().flat_map(|part| part.surface).collect(),
        disagreements,
        summary: Some(summary),
    })
}

/// The grants that differ from the baseline, each once.
fn drifts(parts: &[Recorded]) -> Vec<Drift> {
    let all = parts.iter().flat_map(|part| &part.drifts);
    let by_rank: BTreeMap<_, &Drift> = all
        .map(|drift| ((drift.change, &drift.cell), drift))
        .collect();
    by_rank.into_values().cloned().collect()
}

/// Where layers disagree, whichever part tried them.
fn disagreements(
    cells: &[CellRecord],
    drifts: &[Drift],
    summary: &mut Summary,
) -> Vec<Disagreement> {
    let mut layers = Layers::default();
    cells.iter().for_each(|cell| layers.judged(cell));
    drifts.iter().for_each(|drift| layers.drifted(drift));
    layers.finish(summary)
}

/// When the first part began: the forms are equal, so that their order is that of time.
fn started(parts: &[Recorded]) -> String {
    let started = parts.iter().map(|part| part.run.started.clone());
    started.min().unwrap_or_default()
}

fn told(mistakes: Vec<String>) -> Result<(), String> {
    match mistakes.is_empty() {
        true => Ok(()),
        false => Err(mistakes.join("\n")),
    }
}

/// Every part once.
fn check_parts(parts: &[Part]) -> Result<(), String> {
    let mut mistakes = Vec::new();
    let mut seen: BTreeMap<u64, &str> = BTreeMap::new();
    let mut counts = BTreeSet::new();
    for (file, part) in parts {
        let Some(shard) = part.run.shard else {
            mistakes.push(format!("`{file}` is of a whole run, and not of a part"));
            continue;
        };
        counts.insert(shard.count());
        if let Some(first) = seen.insert(shard.number(), file) {
            mistakes.push(format!("`{first}` and `{file}` are both of part {shard}"));
        }
    }
    let of = counts.first().copied().unwrap_or_default();
    if counts.len() > 1 {
        let counts: Vec<String> = counts.iter().map(u64::to_string).collect();
        let counts = counts.join(" and of ");
        mistakes.push(format!("the files are parts of {counts}"));
    } else {
        let missing = (1..=of).filter(|number| !seen.contains_key(number));
        let missing: Vec<String> = missing.map(|number| format!("{number}/{of}")).collect();
        if !missing.is_empty() {
            mistakes.push(format!("missing: part {}", missing.join(", ")));
        }
    }
    told(mistakes)
}

/// All of the same suite, in the same environment, of the same cells.
fn check_same(parts: &[Part]) -> Result<(), String> {
    let Some(((first_file, first), rest)) = parts.split_first() else {
        return Ok(());
    };
    let mut mistakes = Vec::new();
    for (file, part) in rest {
        let (a, b) = (&first.run, &part.run);
        let differences = [
            ("suite", a.suite != b.suite),
            ("state of the suite's files", a.digest != b.digest),
            ("environment", a.environment != b.environment),
            ("choice of cells", a.patterns != b.patterns),
            ("number of cells", a.cells_of_all != b.cells_of_all),
            ("`--read-only`", a.read_only != b.read_only),
            ("baseline", baselines_differ(first, part)),
        ];
        let differences = differences.iter().filter(|(_, differs)| *differs);
        if let Some((what, _)) = differences.into_iter().next() {
            mistakes.push(format!("`{first_file}` and `{file}` differ in: {what}"));
        }
    }
    told(mistakes)
}

/// Whether only one was held against a baseline; a part that did not come to its end does not say.
fn baselines_differ(a: &Recorded, b: &Recorded) -> bool {
    let has_one = |part: &Recorded| {
        let end = part.summary.as_ref().filter(|end| !end.interrupted)?;
        Some(end.drift.is_some())
    };
    has_one(a).zip(has_one(b)).is_some_and(|(a, b)| a != b)
}

/// No part tells a cell twice.
fn check_told_once(parts: &[Part]) -> Result<(), String> {
    let mut mistakes = Vec::new();
    for (file, part) in parts {
        let mut seen = BTreeSet::new();
        let twice = part.cells.iter().find(|cell| !seen.insert(&cell.cell));
        mistakes.extend(
            twice.map(|cell| format!("`{file}` tells the cell `{}` twice", clean(&cell.cell))),
        );
    }
    told(mistakes)
}

/// A part that came to its end has judged all its cells.
fn check_whole(parts: &[Part]) -> Result<(), String> {
    let broken = parts.iter().filter(|(_, part)| {
        let ended = part.summary.as_ref();
        ended.is_some_and(|end| !end.interrupted) && part.cells.len() != part.run.cells
    });
    let mistakes = broken.map(|(file, part)| {
        let (told, planned) = (part.cells.len(), part.run.cells);
        format!("`{file}` tells {told} of its {planned} cells, and was not interrupted")
    });
    told(mistakes.collect())
}

/// A part that came to its end tells all cells that fall to it: none is known from others only.
fn check_all_told(parts: &[Part]) -> Result<(), String> {
    let ended = |part: &Recorded| part.summary.as_ref().is_some_and(|end| !end.interrupted);
    let mut mistakes = Vec::new();
    for (file, own) in parts.iter().filter(|(_, part)| ended(part)) {
        let Some(shard) = own.run.shard else {
            continue;
        };
        let told: BTreeSet<&str> = own.cells.iter().map(|cell| cell.cell.as_str()).collect();
        let all = parts.iter().flat_map(|(_, part)| &part.cells);
        let missing = all
            .filter(|cell| shard.has(&cell.cell))
            .find(|cell| !told.contains(cell.cell.as_str()));
        mistakes.extend(missing.map(|cell| {
            let cell = clean(&cell.cell);
            format!("`{file}` does not tell the cell `{cell}`, which falls to it")
        }));
    }
    let all_ended = parts.iter().all(|(_, part)| ended(part));
    let planned = parts.first().and_then(|(_, part)| part.run.cells_of_all);
    let told: BTreeSet<&str> = parts
        .iter()
        .flat_map(|(_, part)| &part.cells)
        .map(|cell| cell.cell.as_str())
        .collect();
    if all_ended && mistakes.is_empty() && planned != Some(told.len()) {
        let (told, planned) = (told.len(), planned.unwrap_or_default());
        mistakes.push(format!("together they tell {told} of {planned} cells"));
    }
    self::told(mistakes)
}

/// Each cell once, and what is to be said of those that came out otherwise elsewhere.
fn cells(parts: &[Part]) -> (Vec<CellRecord>, Vec<Note>) {
    let mut worst: BTreeMap<&str, &CellRecord> = BTreeMap::new();
    for cell in parts.iter().flat_map(|(_, part)| &part.cells) {
        let known = worst.entry(&cell.cell).or_insert(cell);
        if severity(cell.verdict) < severity(known.verdict) {
            *known = cell;
        }
    }
    let mut notes = Vec::new();
    let mut cells = Vec::new();
    for (_, part) in parts {
        let Some(shard) = part.run.shard else {
            continue;
        };
        for own in part.cells.iter().filter(|cell| shard.has(&cell.cell)) {
            let told = worst.get(own.cell.as_str()).copied().unwrap_or(own);
            if told.verdict != own.verdict {
                let text = format!(
                    "{} came out as {} in its own part and as {} in another; the worse counts",
                    own.cell,
                    own.verdict.word(),
                    told.verdict.word()
                );
                notes.push(Note { text });
            }
            cells.push(told.clone());
        }
    }
    let own: BTreeSet<String> = cells.iter().map(|cell| cell.cell.clone()).collect();
    let elsewhere = worst.into_values().filter(|cell| !own.contains(&cell.cell));
    cells.extend(elsewhere.cloned());
    (cells, notes)
}

fn summary(parts: &[Recorded], cells: &[CellRecord], drifts: &[Drift]) -> Summary {
    let mut summary = Summary::default();
    if parts.iter().any(|part| part.end().drift.is_some()) {
        let counts = summary.drift.insert(DriftCounts::default());
        drifts.iter().for_each(|drift| counts.add(drift.change));
    }
    for cell in cells {
        summary.add(cell);
    }
    for end in parts.iter().map(Recorded::end) {
        summary.requests += end.requests;
        // They ran side by side.
        summary.duration_ms = summary.duration_ms.max(end.duration_ms);
        summary.interrupted |= end.interrupted;
        summary.surface = summary.surface.or(end.surface);
    }
    summary
}
