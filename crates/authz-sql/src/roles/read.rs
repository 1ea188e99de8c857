//! Reads the tables of roles. Names are looked up and quoted by the server; nothing is changed.

use std::collections::BTreeMap;

use authz::source::Diagnostic;
use tokio_postgres::{Error, Row, Transaction};

use super::names::{Name, RoleTables};
use super::{Assignment, Pair, Permission, Roles};
use crate::connection::told;

/// The most rows that are read of a table.
const ROWS_MAX: usize = 500_000;

/// Why the tables were not read.
#[derive(Debug)]
pub enum NotRead {
    /// Names in the file of which nothing is there.
    Mistakes(Vec<Diagnostic>),
    /// Usual names of which nothing is there.
    Missing(Vec<String>),
    /// The tables are there, but what is in them cannot be established.
    Inconclusive(String),
}

impl From<Error> for NotRead {
    fn from(error: Error) -> Self {
        Self::Inconclusive(told(&error))
    }
}

/// Reads what the tables say.
///
/// # Errors
/// Why that cannot be said.
pub async fn read(transaction: &Transaction<'_>, tables: &RoleTables) -> Result<Roles, NotRead> {
    let found = Found::all(transaction, tables).await?;
    for table in found.tables.values() {
        table.is_whole(transaction).await?;
    }
    let mut roles = Roles {
        subject_type: tables.subject_type.clone(),
        ..Roles::default()
    };
    for (key, table) in &found.tables {
        roles.called.tables.insert(key, table.name.clone());
        for (column, (_, bare)) in &table.columns {
            roles.called.columns.insert((key, column), bare.clone());
        }
    }
    for row in found.rows(transaction, "roles", &["id", "name"]).await? {
        roles.roles.insert(text(&row, 0), text(&row, 1));
    }
    let columns = ["id", "resource", "action"];
    for row in found.rows(transaction, "permissions", &columns).await? {
        let (resource, action) = (text(&row, 1), text(&row, 2));
        let permission = Permission { resource, action };
        roles.permissions.insert(text(&row, 0), permission);
    }
    let grants = found.rows(transaction, "grants", &["role", "permission"]);
    roles.grants = grants.await?.iter().map(pair).collect();
    let hierarchy = found.rows(transaction, "hierarchy", &["parent", "child"]);
    roles.hierarchy = hierarchy.await?.iter().map(pair).collect();
    let columns = ["user", "role", "tenant", "granted_by", "granted_at"];
    let assignments = found.rows(transaction, "assignments", &columns).await?;
    roles.assignments = assignments.iter().map(assignment).collect();
    for row in bounded(
        transaction,
        "what roles have in the end",
        &found.effective(),
    )
    .await?
    {
        let permissions = roles.effective.entry(text(&row, 0)).or_default();
        permissions.insert(text(&row, 1));
    }
    Ok(roles)
}

/// The tables that are there.
struct Found {
    tables: BTreeMap<&'static str, FoundTable>,
}

/// A table with its columns, each quoted and bare, by key.
struct FoundTable {
    id: u32,
    /// With its schema, quoted.
    from: String,
    /// As people know it.
    name: String,
    columns: BTreeMap<&'static str, (String, String)>,
}

impl Found {
    async fn all(transaction: &Transaction<'_>, wanted: &RoleTables) -> Result<Self, NotRead> {
        let mut tables = BTreeMap::new();
        let (mut mistakes, mut missing) = (Vec::new(), Vec::new());
        let mut miss = |name: &Name, message: String| match (&name.place, name.optional) {
            (Some(place), _) => mistakes.push(Diagnostic::new(place.clone(), message)),
            (None, true) => {}
            (None, false) => missing.push(message),
        };
        for (key, table) in &wanted.tables {
            let name = &table.name;
            let Some((id, from)) = relation(transaction, &name.text).await? else {
                miss(name, format!("the database has no table `{}`", name.text));
                continue;
            };
            let known = columns(transaction, id).await?;
            let mut found = BTreeMap::new();
            for (key, column) in &table.columns {
                match known.get(&column.text) {
                    Some(quoted) => {
                        found.insert(*key, (quoted.clone(), column.text.clone()));
                    }
                    None => miss(
                        column,
                        format!("`{}` has no column `{}`", name.text, column.text),
                    ),
                }
            }
            let table = FoundTable {
                id,
                from,
                name: name.text.clone(),
                columns: found,
            };
            tables.insert(*key, table);
        }
        match (mistakes.is_empty(), missing.is_empty()) {
            (true, true) => Ok(Self { tables }),
            (true, false) => Err(NotRead::Missing(missing)),
            (false, _) => Err(NotRead::Mistakes(mistakes)),
        }
    }

    /// The rows of a table, each column as text; NULL for a column that is not there. No rows where
    /// there is no table.
    async fn rows(
        &self,
        transaction: &Transaction<'_>,
        key: &str,
        columns: &[&str],
    ) -> Result<Vec<Row>, NotRead> {
        let Some(table) = self.tables.get(key) else {
            return Ok(Vec::new());
        };
        let columns: Vec<String> = columns.iter().map(|column| table.text_of(column)).collect();
        let query = format!("SELECT {} FROM {}", columns.join(", "), table.from);
        bounded(transaction, &table.name, &query).await
    }

    /// What each role has in the end. `UNION` takes every row once: a cycle ends, and a diamond
    /// counts once.
    fn effective(&self) -> String {
        let of = |key: &str, column: &str| {
            let table = self.tables.get(key);
            table.map_or("NULL".to_owned(), |table| table.text_of(column))
        };
        let from = |key: &str| self.tables.get(key).map_or("", |table| table.from.as_str());
        let step = match self.tables.contains_key("hierarchy") {
            false => String::new(),
            true => format!(
                "UNION SELECT held.role, below.child FROM held JOIN (SELECT {} AS parent, {} AS child FROM {}) below ON below.parent = held.part",
                of("hierarchy", "parent"),
                of("hierarchy", "child"),
                from("hierarchy")
            ),
        };
        format!(
            "WITH RECURSIVE held(role, part) AS (SELECT {id}, {id} FROM {roles} {step}) \
             SELECT DISTINCT held.role, given.permission FROM held JOIN \
             (SELECT {role} AS role, {permission} AS permission FROM {grants}) given ON given.role = held.part \
             WHERE given.permission IS NOT NULL",
            id = of("roles", "id"),
            roles = from("roles"),
            role = of("grants", "role"),
            permission = of("grants", "permission"),
            grants = from("grants"),
        )
    }
}

impl FoundTable {
    fn text_of(&self, column: &str) -> String {
        let column = self.columns.get(column);
        column.map_or("NULL::text".to_owned(), |(quoted, _)| {
            format!("{quoted}::text")
        })
    }

    /// A policy that hides rows would make drift of what is there.
    async fn is_whole(&self, transaction: &Transaction<'_>) -> Result<(), NotRead> {
        let query = "SELECT pg_catalog.row_security_active($1::oid)";
        let row = transaction.query_one(query, &[&self.id]).await?;
        match row.try_get(0)? {
            false => Ok(()),
            true => Err(NotRead::Inconclusive(format!(
                "row security is active on `{}`, so that rows may be hidden\nhelp: read as a role that sees all of them",
                self.name
            ))),
        }
    }
}

/// The rows of a query, if there are not too many.
async fn bounded(
    transaction: &Transaction<'_>,
    name: &str,
    query: &str,
) -> Result<Vec<Row>, NotRead> {
    let query = format!("{query} LIMIT {}", ROWS_MAX + 1);
    let rows = transaction.query(&query, &[]).await?;
    if rows.len() > ROWS_MAX {
        let why = format!("`{name}` has more than {ROWS_MAX} rows");
        return Err(NotRead::Inconclusive(why));
    }
    Ok(rows)
}

/// The number and the quoted name of a table, as it is found by a name such as `app.roles`.
async fn relation(
    transaction: &Transaction<'_>,
    name: &str,
) -> Result<Option<(u32, String)>, NotRead> {
    let query = "SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname) \
                 FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                 WHERE c.oid = pg_catalog.to_regclass($1::text)";
    let row = transaction.query_opt(query, &[&name]).await?;
    Ok(match row {
        Some(row) => Some((row.try_get(0)?, row.try_get(1)?)),
        None => None,
    })
}

/// The columns of a table, quoted, by their names.
async fn columns(
    transaction: &Transaction<'_>,
    table: u32,
) -> Result<BTreeMap<String, String>, NotRead> {
    let query = "SELECT attname::text, pg_catalog.quote_ident(attname) FROM pg_catalog.pg_attribute \
                 WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped";
    let rows = transaction.query(query, &[&table]).await?;
    let columns = rows
        .iter()
        .map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
    columns.collect()
}

/// A column as text. NULL, which no id is, is told as such.
fn text(row: &Row, column: usize) -> String {
    optional_text(row, column).unwrap_or_else(|| "NULL".to_owned())
}

fn optional_text(row: &Row, column: usize) -> Option<String> {
    row.try_get(column).ok().flatten()
}

fn pair(row: &Row) -> Pair {
    Pair {
        to: text(row, 0),
        gets: text(row, 1),
    }
}

fn assignment(row: &Row) -> Assignment {
    Assignment {
        user: text(row, 0),
        role: text(row, 1),
        tenant: optional_text(row, 2),
        granted_by: optional_text(row, 3),
        granted_at: optional_text(row, 4),
    }
}
