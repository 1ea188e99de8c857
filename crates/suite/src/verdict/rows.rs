//! What it means which rows of a table an actor could reach.
//!
//! The rows that are there are known from somebody who sees all of them, so a row that stays
//! hidden is a denial that needs no other control: the same statement by the witness found it.

use super::{Access, Verdict};
use crate::plan::{Bounds, RowExpectation};

/// The most rows that are named in a report.
const NAMED_MAX: usize = 5;

/// What was seen of a statement that is decided on row by row.
#[derive(Debug, Clone)]
pub struct RowsSeen {
    /// What the policy can say before any row is known.
    pub bounds: Bounds,
    /// Whether the actor is nobody, so that no row can be its own, and no session can be at fault.
    pub visitor: bool,
    /// Every row that is there.
    pub rows: Vec<RowSeen>,
    /// Keys that were reached, and that nobody knew of.
    pub unknown: Vec<String>,
    /// How many rows the statement reached where it named none, if that was tried.
    pub unnamed: Option<u64>,
    /// Whether it was refused as a whole: SQLSTATE 42501.
    pub refused: bool,
    /// What may have done something else than a statement that named no row, and was counted as
    /// reaching none.
    pub hidden: Option<String>,
    /// What a unique value that is taken tells of a row that the actor does not see.
    pub told: Option<String>,
}

/// One row of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowSeen {
    /// Its key.
    pub key: String,
    /// What the policy says of it.
    pub expected: RowExpectation,
    /// Whether it is permitted as it is; a change may make it one that is not.
    pub permitted_before: bool,
    /// Whether the actor reached it.
    pub reached: bool,
}

/// What rows mean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowsJudgement {
    /// Whether the cell held.
    pub verdict: Verdict,
    /// What the system did.
    pub access: Access,
    /// What was seen, in words.
    pub observed: String,
    /// Why the verdict is what it is; empty where it held.
    pub because: String,
    /// Which rows are missing for the cell to mean anything.
    pub lacks: Option<Lack>,
}

/// Which rows a table must have, and has not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lack {
    /// It has none.
    Any,
    /// None that the actor may reach.
    Permitted,
    /// None that the actor may not reach.
    Forbidden,
}

/// What became of one row: whether the policy permits it, and what the database did. `None` where one of both is not
/// known. O(rows).
pub fn row_access(seen: &RowsSeen, key: &str) -> Option<(bool, Access)> {
    let row = seen.rows.iter().find(|row| row.key == key)?;
    let unnamed = seen.unnamed.unwrap_or(0);
    let by_name = seen.rows.iter().filter(|row| row.reached).count() as u64;
    let access = match row.reached {
        true => Access::Allowed,
        // Without naming it, it is reached with all others.
        false if unnamed == seen.rows.len() as u64 => Access::Allowed,
        // Nobody saw what became of it.
        false if seen.hidden.is_some() => return None,
        // Without naming it, perhaps.
        false if unnamed > by_name => return None,
        false => Access::Denied,
    };
    Some((row.expected.permitted?, access))
}

impl RowsSeen {
    /// Whether nothing at all was reached, by whatever way.
    pub fn is_refused(&self) -> bool {
        self.refused && self.unnamed.unwrap_or_default() == 0
    }
}

/// Judges the rows that an actor reached. O(rows).
pub fn judge_rows(seen: &RowsSeen) -> RowsJudgement {
    let reached = seen.rows.iter().filter(|row| row.reached).count();
    let any = reached > 0 || seen.unnamed.is_some_and(|rows| rows > 0);
    let (verdict, because, lacks) = judged(seen);
    RowsJudgement {
        verdict,
        access: match verdict {
            _ if any => Access::Allowed,
            Verdict::Inconclusive => Access::Unknown,
            _ => Access::Denied,
        },
        observed: observed(seen, reached),
        because,
        lacks,
    }
}

fn judged(seen: &RowsSeen) -> (Verdict, String, Option<Lack>) {
    let of = |permitted: Option<bool>, reached: bool| {
        let rows = seen.rows.iter();
        rows.filter(move |row| row.expected.permitted == permitted && row.reached == reached)
    };
    if let Some(first) = of(Some(false), true).next() {
        let because = format!(
            "reaches {}, which the policy denies ({})",
            named(of(Some(false), true)),
            first.expected.reason
        );
        return (Verdict::Escalation, because, None);
    }
    let permitted = seen
        .rows
        .iter()
        .filter(|row| row.expected.permitted != Some(false));
    let permitted = permitted.count() as u64;
    if let Some(unnamed) = seen.unnamed.filter(|rows| *rows > permitted) {
        let because = format!(
            "a statement that names no row reaches {unnamed} of them, and the policy permits {permitted}"
        );
        return (Verdict::Escalation, because, None);
    }
    if let Some(told) = &seen.told {
        let because = format!("tells of a row that the actor does not see: {told}");
        return (Verdict::Leak, because, None);
    }
    if let Some(undecided) = seen
        .rows
        .iter()
        .find(|row| row.expected.permitted.is_none())
    {
        let because = format!(
            "of row {} the policy cannot decide: {}",
            undecided.key, undecided.expected.reason
        );
        return (Verdict::Inconclusive, because, None);
    }
    if let Some(key) = seen.unknown.first() {
        let because = format!("row {key} came into being while the cell was tried");
        return (Verdict::Inconclusive, because, None);
    }
    if seen.refused && !seen.is_refused() {
        let because = format!(
            "reaches {} rows as long as it does not ask for their key, so that which they are cannot be told",
            seen.unnamed.unwrap_or_default()
        );
        return (Verdict::Inconclusive, because, None);
    }
    if let Some(first) = of(Some(true), false).next() {
        let because = format!(
            "does not reach {}, which the policy permits ({})",
            named(of(Some(true), false)),
            first.expected.reason
        );
        return (Verdict::Lockout, because, None);
    }
    if let Some(what) = &seen.hidden {
        let because = format!(
            "a statement that names no row was counted as reaching none, and {what} may have done something else"
        );
        return (Verdict::Inconclusive, because, None);
    }
    match lack(seen) {
        Some(lack) => (
            Verdict::Inconclusive,
            lack.sentence().to_owned(),
            Some(lack),
        ),
        None => (Verdict::Held, String::new(), None),
    }
}

/// A cell means something where there is a row of each kind that there can be.
fn lack(seen: &RowsSeen) -> Option<Lack> {
    let mut rows = seen.rows.iter();
    let permitted = seen.visitor || seen.rows.iter().any(|row| row.permitted_before);
    let forbidden = rows.any(|row| row.expected.permitted == Some(false));
    match seen.bounds {
        // Refused as a whole, where nothing is permitted: there need not be a row to refuse.
        Bounds::None if seen.refused => None,
        _ if seen.rows.is_empty() => Some(Lack::Any),
        Bounds::Some if !permitted => Some(Lack::Permitted),
        Bounds::Some if !forbidden => Some(Lack::Forbidden),
        _ => None,
    }
}

impl Lack {
    /// What is missing, in words.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Any => "the table is empty, so that nothing can be seen or hidden",
            Self::Permitted => {
                "there is no row that the actor may reach, so that finding none proves nothing"
            }
            Self::Forbidden => {
                "there are only rows that the actor may reach, so that nothing could be hidden"
            }
        }
    }
}

fn observed(seen: &RowsSeen, reached: usize) -> String {
    let all = seen.rows.len();
    match seen.is_refused() {
        true => "refused (42501)".to_owned(),
        false => format!("reaches {reached} of {all} rows"),
    }
}

/// "row 7", "rows 7, 8 and 3 more".
fn named<'a>(rows: impl Iterator<Item = &'a RowSeen>) -> String {
    let keys: Vec<&str> = rows.map(|row| row.key.as_str()).collect();
    let word = if keys.len() == 1 { "row" } else { "rows" };
    let shown: Vec<&str> = keys.iter().copied().take(NAMED_MAX).collect();
    match keys.len().saturating_sub(NAMED_MAX) {
        0 => format!("{word} {}", shown.join(", ")),
        more => format!("{word} {} and {more} more", shown.join(", ")),
    }
}
