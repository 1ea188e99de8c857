//! What a cell on a database comes to: small questions about what was seen, and the words for it.

use std::collections::BTreeMap;

use authz_sql::guard::{Doubt, DoubtKind, Table};
use suite::model::{Expected, Rows};
use suite::plan::Bounds;
use suite::verdict::{Access, Lack, RowsJudgement, RowsSeen, Verdict};

use super::probe::{Probe, Written};
use super::session::as_column;
use super::witness::{self, Row};

/// Nothing can be said.
pub(super) fn inconclusive(why: String) -> RowsJudgement {
    RowsJudgement {
        verdict: Verdict::Inconclusive,
        access: Access::Unknown,
        observed: "nothing that could be relied on".to_owned(),
        because: why,
        lacks: None,
    }
}

/// Marks rows as reached. No key is known twice: a second time is one that nobody knows of.
pub(super) fn reached(seen: &mut RowsSeen, keys: impl Iterator<Item = String>) {
    let mut found = BTreeMap::<String, usize>::new();
    for key in keys {
        *found.entry(key).or_default() += 1;
    }
    for row in &mut seen.rows {
        if let Some(times) = found.get_mut(&row.key).filter(|times| **times > 0) {
            row.reached = true;
            *times -= 1;
        }
    }
    found.retain(|_, times| *times > 0);
    seen.unknown = found.into_keys().collect();
}

/// Whether a doubt says anything against what was seen.
pub(super) fn matters(kind: DoubtKind, bounds: Bounds, refused: bool) -> bool {
    match kind {
        DoubtKind::Superuser | DoubtKind::GivesRoles | DoubtKind::SwitchedOff => true,
        // Where every row is permitted, nothing could be hidden.
        DoubtKind::Bypass | DoubtKind::Owner => bounds != Bounds::All,
        // Grants alone have refused it.
        DoubtKind::NotEnabled => bounds != Bounds::All && !refused,
    }
}

/// A session that proves nothing proves nothing, whatever was seen.
pub(super) fn doubted(
    judgement: RowsJudgement,
    doubts: impl Iterator<Item = Doubt>,
) -> RowsJudgement {
    let doubts: Vec<String> = doubts.map(|it| format!("{}: {}", it.why, it.fix)).collect();
    match doubts.is_empty() {
        true => judgement,
        false => RowsJudgement {
            verdict: Verdict::Inconclusive,
            access: Access::Unknown,
            because: doubts.join(" "),
            ..judgement
        },
    }
}

/// What is allowed or denied as a whole.
pub(super) fn judge_plain(expected: Expected, done: bool, observed: &str) -> RowsJudgement {
    let (verdict, because) = match (expected, done) {
        (Expected::Allow, true) | (Expected::Deny(_), false) => (Verdict::Held, ""),
        (Expected::Allow, false) => (Verdict::Lockout, "permission is denied"),
        (Expected::Deny(_), true) => (Verdict::Escalation, "nothing stops it"),
        _ => (Verdict::Inconclusive, "nothing is expected of it"),
    };
    RowsJudgement {
        verdict,
        access: match done {
            true => Access::Allowed,
            false => Access::Denied,
        },
        observed: observed.to_owned(),
        because: because.to_owned(),
        lacks: None,
    }
}

/// The row that would be added.
pub(super) fn new_row(written: &Written, rows: &Rows) -> Row {
    let key = written.iter().find(|(name, _)| *name == rows.key);
    let mut columns: serde_json::Map<_, _> = written.iter().cloned().collect();
    // What is not written stays empty, as far as anybody knows.
    for (_, column) in &rows.attributes {
        columns
            .entry(column.clone())
            .or_insert(serde_json::Value::Null);
    }
    Row {
        key: key
            .and_then(|(_, value)| as_column(value))
            .unwrap_or_else(|| "(new)".to_owned()),
        columns,
    }
}

/// The statement that gives a table the rows that it lacks.
pub(super) fn mended(lack: Lack, table: &Table, rows: &Rows) -> String {
    let names = std::iter::once(&rows.key).chain(rows.attributes.iter().map(|(_, column)| column));
    let quoted: Vec<&str> = names
        .filter_map(|it| witness::column(table, it).ok())
        .collect();
    let whose = match lack {
        Lack::Any => "one that the actor may reach, and one that it may not",
        Lack::Permitted => "one that the actor may reach",
        Lack::Forbidden => "one that the actor may not reach",
    };
    format!(
        "add {whose}: INSERT INTO {} ({}) VALUES (...);",
        table.quoted,
        quoted.join(", ")
    )
}

/// A statement for people, with its values behind it.
pub(super) fn shown(probe: &Probe) -> String {
    let values = probe
        .values
        .iter()
        .map(|it| it.as_deref().unwrap_or("NULL"));
    let values: Vec<&str> = values.collect();
    match values.is_empty() {
        true => format!("{};", probe.sql),
        false => format!("{}; -- {}", probe.sql, values.join(", ")),
    }
}
