//! Two recorded runs side by side: what changed from one to the next, and where two environments
//! disagree.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use suite::event::{self, CellRecord};
use suite::verdict::{Access, Verdict};

use crate::recorded::Recorded;

/// One of two runs.
#[derive(Debug, Clone, Serialize)]
pub struct Side {
    /// The name of the run.
    pub run: String,
    /// The file of the suite.
    pub suite: String,
    /// The environment, if one was chosen.
    pub environment: Option<String>,
    /// When it began (RFC 3339).
    pub started: String,
    /// Whether every planned cell was judged.
    pub whole: bool,
}

impl Side {
    fn of(recorded: &Recorded) -> Self {
        let run = &recorded.run;
        let ended = recorded.summary.as_ref();
        Self {
            run: run.run.clone(),
            suite: run.suite.clone(),
            environment: run.environment.clone(),
            started: run.started.clone(),
            whole: ended.is_some_and(|it| !it.interrupted) && recorded.cells.len() == run.cells,
        }
    }
}

/// What is known of a cell in one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Outcome {
    /// Its verdict.
    pub verdict: Verdict,
    /// What the system did.
    pub access: Access,
}

impl Outcome {
    fn of(cell: &CellRecord) -> Self {
        Self {
            verdict: cell.verdict,
            access: cell.access,
        }
    }

    fn is_established(self) -> bool {
        !matches!(self.verdict, Verdict::Inconclusive | Verdict::NotApplicable)
    }
}

/// A cell in two runs; none where a run has no such cell.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pair {
    /// Its name.
    pub cell: String,
    /// In the first run.
    pub first: Option<Outcome>,
    /// In the second.
    pub second: Option<Outcome>,
}

/// A cell whose verdict changes back and forth while the suite stays as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Flap {
    /// Its name.
    pub cell: String,
    /// Its verdicts, the oldest first.
    pub verdicts: Vec<Verdict>,
}

/// What changed from one run to another.
#[derive(Debug, Clone, Serialize)]
pub struct Changes {
    /// The earlier run.
    pub first: Side,
    /// The later one.
    pub second: Side,
    /// Whether the suite's files changed between them.
    pub suite_changed: bool,
    /// Cells with another verdict, or whose system does otherwise.
    pub changed: Vec<Pair>,
    /// Cells of the later run only.
    pub appeared: Vec<Pair>,
    /// Cells of the earlier run only.
    pub vanished: Vec<Pair>,
    /// How many are as they were.
    pub unchanged: usize,
    /// Where layers disagree in the later run, and did not in the earlier one.
    pub parted: Vec<event::Disagreement>,
    /// Where they did, and are not seen to any more.
    pub rejoined: Vec<event::Disagreement>,
    /// Cells that flap over the last runs.
    pub flapping: Vec<Flap>,
    /// Over how many runs, the later one included.
    pub flapping_over: usize,
}

impl Changes {
    /// Compares two runs; `history` are the verdicts of the last runs of the unchanged suite, the
    /// oldest first. O(cells log cells).
    pub fn between(first: &Recorded, second: &Recorded, history: &[Verdicts]) -> Self {
        let mut changes = Self {
            first: Side::of(first),
            second: Side::of(second),
            suite_changed: first.run.digest != second.run.digest,
            changed: Vec::new(),
            appeared: Vec::new(),
            vanished: Vec::new(),
            unchanged: 0,
            parted: only(second, first),
            rejoined: only(first, second),
            flapping: flapping(history),
            flapping_over: history.len(),
        };
        for pair in pairs(first, second) {
            match (pair.first, pair.second) {
                (Some(a), Some(b)) if a == b => changes.unchanged += 1,
                (Some(_), Some(_)) => changes.changed.push(pair),
                (None, _) => changes.appeared.push(pair),
                (_, None) => changes.vanished.push(pair),
            }
        }
        changes
    }
}

/// Where layers disagree in one run and not in the other.
fn only(of: &Recorded, other: &Recorded) -> Vec<event::Disagreement> {
    let others = other.disagreements.iter().map(|it| &*it.fingerprint);
    let others: BTreeSet<&str> = others.collect();
    let of = of.disagreements.iter();
    let only = of.filter(|it| !others.contains(&*it.fingerprint));
    only.cloned().collect()
}

/// Where two environments disagree.
#[derive(Debug, Clone, Serialize)]
pub struct Disagreement {
    /// The newest run in the first environment.
    pub first: Side,
    /// That in the second.
    pub second: Side,
    /// Whether the suite's files changed between them.
    pub suite_changed: bool,
    /// Cells that one allows and the other denies, or that are a finding in one only.
    pub drift: Vec<Pair>,
    /// Cells of which nothing can be said in one of them: neither drift nor agreement.
    pub unestablished: Vec<Pair>,
    /// Cells of one only, which hold there.
    pub alone: Vec<Pair>,
    /// How many are alike.
    pub alike: usize,
    /// How many were tried in neither: nothing was compared, and nobody promised to.
    pub untried: usize,
}

impl Disagreement {
    /// Compares the runs of two environments. O(cells log cells).
    pub fn between(first: &Recorded, second: &Recorded) -> Self {
        let mut found = Self {
            first: Side::of(first),
            second: Side::of(second),
            suite_changed: first.run.digest != second.run.digest,
            drift: Vec::new(),
            unestablished: Vec::new(),
            alone: Vec::new(),
            alike: 0,
            untried: 0,
        };
        for pair in pairs(first, second) {
            match relation(&pair) {
                Relation::Drift => found.drift.push(pair),
                Relation::Unestablished => found.unestablished.push(pair),
                Relation::Alone => found.alone.push(pair),
                Relation::Alike => found.alike += 1,
                Relation::Untried => found.untried += 1,
            }
        }
        found
    }

    /// Whether something could not be compared: a cell of one only, say, because an overlay drops it.
    pub fn is_in_doubt(&self) -> bool {
        let sides_are_whole = self.first.whole && self.second.whole;
        let all_compared = self.unestablished.is_empty() && self.alone.is_empty();
        !sides_are_whole || !all_compared || self.alike == 0
    }
}

enum Relation {
    Drift,
    Unestablished,
    Alone,
    Alike,
    Untried,
}

fn relation(pair: &Pair) -> Relation {
    let (Some(a), Some(b)) = (pair.first, pair.second) else {
        let alone = pair.first.or(pair.second);
        return match alone {
            Some(it) if it.verdict.is_finding() => Relation::Drift,
            Some(it) if !it.is_established() => Relation::Unestablished,
            _ => Relation::Alone,
        };
    };
    let is_untried = |it: Outcome| it.verdict == Verdict::NotApplicable;
    if is_untried(a) && is_untried(b) {
        return Relation::Untried;
    }
    if !a.is_established() || !b.is_established() {
        return Relation::Unestablished;
    }
    let a_finding_differs =
        a.verdict != b.verdict && (a.verdict.is_finding() || b.verdict.is_finding());
    let known = a.access != Access::Unknown && b.access != Access::Unknown;
    match a_finding_differs || (known && a.access != b.access) {
        true => Relation::Drift,
        false => Relation::Alike,
    }
}

/// The cells of both runs by name.
fn pairs(first: &Recorded, second: &Recorded) -> impl Iterator<Item = Pair> {
    let outcomes = |recorded: &Recorded| -> BTreeMap<String, Outcome> {
        let cells = recorded.cells.iter();
        cells
            .map(|cell| (cell.cell.clone(), Outcome::of(cell)))
            .collect()
    };
    let (a, b) = (outcomes(first), outcomes(second));
    let names: BTreeSet<String> = a.keys().chain(b.keys()).cloned().collect();
    names.into_iter().map(move |cell| Pair {
        first: a.get(&cell).copied(),
        second: b.get(&cell).copied(),
        cell,
    })
}

/// The verdict of each cell of a run.
pub type Verdicts = BTreeMap<String, Verdict>;

/// The verdicts of a run.
pub fn verdicts(recorded: &Recorded) -> Verdicts {
    let cells = recorded.cells.iter();
    cells
        .map(|cell| (cell.cell.clone(), cell.verdict))
        .collect()
}

/// Cells whose verdict changed at least twice: back and forth.
fn flapping(history: &[Verdicts]) -> Vec<Flap> {
    let names: BTreeSet<&String> = history.iter().flat_map(BTreeMap::keys).collect();
    let flaps = names.into_iter().map(|cell| {
        let verdicts = history.iter().filter_map(|run| run.get(cell)).copied();
        Flap {
            cell: cell.clone(),
            verdicts: verdicts.collect(),
        }
    });
    flaps
        .filter(|flap| flap.verdicts.chunk_by(|a, b| a == b).count() > 2)
        .collect()
}
