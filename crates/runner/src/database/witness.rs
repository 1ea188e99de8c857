//! The rows that are there, as somebody sees them who sees all.

use std::collections::BTreeSet;
use std::time::Duration;

use authz_sql::guard::Table;
use futures_util::future::join3;
use serde_json::{Map, Value};
use suite::model::Rows;

use super::entered::{Ending, Settings};
use super::probe::plain_columns;
use super::{Entered, Outcome, Values};

/// The most rows that a table may have: each is held against the policy.
pub(super) const ROWS_MAX: usize = 10_000;

/// Settings that say how values are written as text.
const FORMS: [&str; 5] = [
    "TimeZone",
    "DateStyle",
    "IntervalStyle",
    "bytea_output",
    "extra_float_digits",
];

/// How a witness reads.
#[derive(Debug, Clone)]
pub(crate) struct Manner {
    /// What its transaction sets, so that it writes values as the actor's session does.
    pub(super) forms: Settings,
    /// What becomes of its transaction.
    pub(super) ending: Ending,
    /// The longest time that it may take.
    pub(super) time_max: Duration,
}

impl Manner {
    /// As a session of these settings does.
    pub(super) fn of(settings: &Settings, ending: Ending, time_max: Duration) -> Self {
        let is_form = |name: &str| FORMS.iter().any(|it| it.eq_ignore_ascii_case(name));
        let forms = settings.iter().filter(|(name, _)| is_form(name));
        Self {
            forms: forms.cloned().collect(),
            ending,
            time_max,
        }
    }
}

/// A row of a table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Row {
    /// Its key, as text.
    pub(super) key: String,
    /// Its columns.
    pub(super) columns: Map<String, Value>,
}

/// Every row of a table, in the order of keys, to at most one more than [`ROWS_MAX`]. The witness
/// sees all of them ([`check`]).
pub(super) async fn rows(
    witness: &Entered,
    table: &Table,
    rows: &Rows,
    manner: &Manner,
) -> Result<Vec<Row>, String> {
    let key = column(table, &rows.key)?;
    let sql = format!(
        "SELECT there.{key}::text, pg_catalog.to_jsonb(there.*)::text FROM (SELECT {} FROM {}) AS there \
         ORDER BY 1 LIMIT {}",
        plain_columns(table, &columns_of(rows))?,
        table.quoted,
        ROWS_MAX + 1
    );
    let values = Values::new();
    let (begun, found, ended) = join3(
        witness.begin(&manner.forms, manner.ending),
        witness.learn(&sql, &values),
        witness.end(),
    )
    .await;
    begun?;
    ended?;
    let found = found.map_err(|why| {
        let table = &table.quoted;
        format!("the witness does not see the rows of {table}: {why}")
    })?;
    let found: Result<Vec<Row>, String> = found.into_iter().map(|row| read(row, table)).collect();
    let found = found?;
    let mut keys = BTreeSet::new();
    match found.iter().find(|row| !keys.insert(row.key.as_str())) {
        Some(twice) => Err(format!(
            "`{}` does not tell the rows of {} apart: several have {}",
            rows.key, table.quoted, twice.key
        )),
        None => Ok(found),
    }
}

/// The columns that the policy asks for.
pub(super) fn columns_of(rows: &Rows) -> Vec<&str> {
    let attributes = rows.attributes.iter().map(|(_, column)| column.as_str());
    let columns: BTreeSet<&str> = attributes.chain([rows.key.as_str()]).collect();
    columns.into_iter().collect()
}

/// The quoted name of a column.
pub(super) fn column<'t>(table: &'t Table, name: &str) -> Result<&'t str, String> {
    let column = table.columns.iter().find(|it| it.name == name);
    column
        .map(|it| it.quoted.as_str())
        .ok_or_else(|| format!("{} has no column `{name}`", table.quoted))
}

/// Makes sure that the witness sees all rows, and not only what policies leave.
pub(super) async fn check(witness: &Entered, table: &Table) -> Result<(), String> {
    let sql = "SELECT pg_catalog.row_security_active($1::text::oid)::text, pg_catalog.quote_ident(current_user)";
    let number = vec![Some(table.oid.to_string())];
    let Outcome::Done { rows, .. } = witness.ask(sql, &number).await else {
        return Err("the witness cannot be asked what it sees".to_owned());
    };
    match rows.into_iter().next().as_deref() {
        Some([Some(active), _]) if active == "false" => Ok(()),
        Some([_, Some(role)]) => Err(format!(
            "the witness `{role}` sees only what policies leave of {}: ALTER ROLE {role} BYPASSRLS;",
            table.quoted
        )),
        _ => Err(format!("{} is not there for the witness", table.quoted)),
    }
}

fn read(row: Vec<Option<String>>, table: &Table) -> Result<Row, String> {
    let mut values = row.into_iter();
    let key = values.next().flatten();
    let columns = values.next().flatten();
    let columns = columns.and_then(|json| serde_json::from_str(&json).ok());
    match (key, columns) {
        (Some(key), Some(columns)) => Ok(Row { key, columns }),
        _ => Err(format!("a row of {} has no key", table.quoted)),
    }
}
