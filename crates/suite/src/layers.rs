//! Layers that disagree: an action that is tried at several of them is allowed at one and denied at another.
//!
//! One of them is wrong then, whatever the policy says, and the verdicts of their cells do not tell it: a denial that
//! holds at one layer is worth nothing where another lets the same thing pass.
//!
//! Two cells are held against each other where they are about the same resource: that of the same owner, or, where a
//! statement reaches all rows of a table, the very row that the call was tried on. What is not established is neither
//! agreement nor disagreement.

use std::collections::{BTreeMap, BTreeSet};

use authz::source::Place;

use crate::event::{
    CellRecord, Change, Clash, Disagreement, Drift, Event, ExpectedRecord, LayerCounts, Side,
    Summary,
};
use crate::hash::fnv_1a;
use crate::verdict::Access;

/// What was seen of actions that are tried at several layers.
#[derive(Debug, Default)]
pub struct Layers {
    seen: BTreeMap<Rule, Vec<Seen>>,
    /// The grants that are not in the baseline.
    added: BTreeSet<String>,
}

/// Who, what, and in which situation.
type Rule = (String, String, Option<String>);

/// What one cell showed of one resource.
#[derive(Debug)]
struct Seen {
    side: Side,
    owner: Option<String>,
    expected: ExpectedRecord,
    said: Said,
    access: Access,
}

/// What the policy says of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Said {
    Denies,
    Permits,
    Nothing,
}

impl Layers {
    /// Takes the next event of a run, and gives what is to be told for it: at its end the disagreements come first, and
    /// its summary counts them.
    pub fn follow(&mut self, mut event: Event) -> Vec<Event> {
        match &mut event {
            Event::CellJudged(record) => self.judged(record),
            Event::Drift(drift) => self.drifted(drift),
            Event::RunFinished(summary) => {
                let found = self.finish(summary).into_iter();
                let found = found.map(|it| Event::Disagreement(Box::new(it)));
                return found.chain([event]).collect();
            }
            _ => {}
        }
        vec![event]
    }

    /// Takes a judged cell.
    pub fn judged(&mut self, record: &CellRecord) {
        // The name of a cell has its layer only where the action has several.
        let layer = record.cell.strip_suffix(&record.target);
        if !layer.is_some_and(|rest| rest.ends_with('/')) {
            return;
        }
        let rule = (
            record.actor.clone(),
            record.action.clone(),
            record.situation.clone(),
        );
        let seen = match record.expected.what.as_str() {
            "rows" => of_rows(record),
            _ => of_one(record).into_iter().collect(),
        };
        self.seen.entry(rule).or_default().extend(seen);
    }

    /// Takes a difference from the baseline.
    pub fn drifted(&mut self, drift: &Drift) {
        if drift.change == Change::Added {
            self.added.insert(drift.cell.clone());
        }
    }

    /// What was found in all of it, sorted, with its number in the summary. O(cells log cells).
    pub fn finish(&mut self, summary: &mut Summary) -> Vec<Disagreement> {
        let has_baseline = summary.drift.is_some();
        let added = &self.added;
        // Where nothing is expected, the baseline says what is meant.
        let is_meant = |found: &Disagreement| {
            let mut allows = found.allows.iter();
            let is_accepted = has_baseline && allows.all(|side| !added.contains(&side.cell));
            found.clash == Clash::Undecided && is_accepted
        };
        let mut counts = LayerCounts::default();
        let mut found = Vec::new();
        for (rule, seen) in &mut self.seen {
            // Whichever was judged first.
            seen.sort_by(|a, b| a.side.cell.cmp(&b.side.cell));
            let mut alike: BTreeMap<_, Vec<&Seen>> = BTreeMap::new();
            for it in &*seen {
                let resource = (it.owner.as_deref(), it.said);
                alike.entry(resource).or_default().push(it);
            }
            for ((owner, said), cells) in alike {
                counts.compared += usize::from(targets(&cells).len() > 1);
                let parted = disagreement(rule, said, owner, &cells);
                found.extend(parted.filter(|it| !is_meant(it)));
            }
        }
        found.sort_by(|a, b| a.rank().cmp(&b.rank()));
        counts.disagreements = found.len();
        summary.layers = (counts.compared > 0).then_some(counts);
        found
    }
}

/// What a cell that is about one resource, or about none, showed.
fn of_one(record: &CellRecord) -> Option<Seen> {
    let said = match record.expected.what.as_str() {
        "deny" => Said::Denies,
        "allow" => Said::Permits,
        "?" => Said::Nothing,
        _ => return None,
    };
    (record.access != Access::Unknown).then(|| Seen {
        side: side(record, record.observed.clone()),
        owner: record.owner.clone(),
        expected: record.expected.clone(),
        said,
        access: record.access,
    })
}

/// What a statement showed of each row that calls are tried on too.
fn of_rows(record: &CellRecord) -> Vec<Seen> {
    let seen = record.rows.iter().map(|row| {
        let what = match row.access {
            Access::Allowed => "reached",
            _ => "not reached",
        };
        let observed = format!("row {} is {what}; {}", row.key, record.observed);
        Seen {
            side: side(record, observed),
            owner: row.owner.clone(),
            expected: record.expected.clone(),
            said: match row.permitted {
                true => Said::Permits,
                false => Said::Denies,
            },
            access: row.access,
        }
    });
    seen.collect()
}

fn side(record: &CellRecord, observed: String) -> Side {
    Side {
        cell: record.cell.clone(),
        target: record.target.clone(),
        verdict: record.verdict,
        observed,
        place: record.place.clone(),
    }
}

/// The names of layers, each once, sorted.
fn targets(cells: &[&Seen]) -> Vec<String> {
    let names: BTreeSet<&String> = cells.iter().map(|it| &it.side.target).collect();
    names.into_iter().cloned().collect()
}

fn disagreement(
    rule: &Rule,
    said: Said,
    owner: Option<&str>,
    cells: &[&Seen],
) -> Option<Disagreement> {
    let (allows, denies): (Vec<&Seen>, Vec<&Seen>) =
        cells.iter().partition(|it| it.access == Access::Allowed);
    let clash = match said {
        Said::Denies => Clash::Bypass,
        Said::Permits => Clash::Lockout,
        Said::Nothing => Clash::Undecided,
    };
    let (first_allowing, first_denying) = (allows.first()?, denies.first()?);
    let wrong = match clash {
        Clash::Lockout => first_denying,
        Clash::Bypass | Clash::Undecided => first_allowing,
    };
    let place: &Place = &wrong.side.place;
    // What is said of one resource says more than what is said of all rows.
    let of_one = cells.iter().find(|it| it.expected.what != "rows");
    let expected = of_one.unwrap_or(wrong).expected.clone();
    let (actor, action, situation) = rule;
    let mut name = format!("{actor}/{action}");
    for part in [owner, situation.as_deref()].into_iter().flatten() {
        name.push('/');
        name.push_str(part);
    }
    let weaker = targets(&allows);
    let (weak, strict) = (weaker.join(" "), targets(&denies).join(" "));
    let key = format!("{name}\n{}\n{weak}\n{strict}", clash.word());
    Some(Disagreement {
        fingerprint: format!("{:016x}", fnv_1a(&key)),
        name,
        clash,
        actor: actor.clone(),
        action: action.clone(),
        owner: owner.map(str::to_owned),
        expected,
        weaker,
        allows: sides(&allows),
        denies: sides(&denies),
        place: place.clone(),
    })
}

fn sides(cells: &[&Seen]) -> Vec<Side> {
    cells.iter().map(|it| it.side.clone()).collect()
}
