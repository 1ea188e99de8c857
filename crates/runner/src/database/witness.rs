//! The rows that are there, as somebody sees them who sees all.

use serde_json::{Map, Value};
use suite::model::Rows;

use super::{Entered, Outcome, Values};
use authz_sql::guard::Table;

/// The most rows that a table may have: each is held against the policy.
pub(super) const ROWS_MAX: usize = 10_000;

/// A row of a table.
#[derive(Debug, Clone)]
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
) -> Result<Vec<Row>, String> {
    let key = column(table, &rows.key)?;
    let sql = format!(
        "SELECT t.{key}::text, pg_catalog.to_jsonb(t)::text FROM {} AS t ORDER BY 1 LIMIT {}",
        table.quoted,
        ROWS_MAX + 1
    );
    let found = witness.learn(&sql, &Values::new()).await;
    let found = found.map_err(|why| {
        let table = &table.quoted;
        format!("the witness does not see the rows of {table}: {why}")
    })?;
    found.into_iter().map(|row| read(row, table)).collect()
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
