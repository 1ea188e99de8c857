//! Reads the tables of roles. Names are looked up and quoted by the server; nothing is changed.

use std::collections::{BTreeMap, BTreeSet};

use authz::source::Diagnostic;
use tokio_postgres::{Error, Row, Transaction};

use super::names::{Name, RoleTables};
use super::{Assignment, Pair, Permission, Roles};
use crate::catalogue::FIRST_OF_USERS;
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

/// Reads what the tables say, in a transaction of [`read_only`](crate::connection::read_only).
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

/// A table with its columns, each as a text and by its bare name, by key.
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
        let names = wanted.tables.values().map(|table| table.name.text.as_str());
        let relations = relations(transaction, names.collect()).await?;
        let (mut mistakes, mut missing) = (Vec::new(), Vec::new());
        let mut miss = |name: &Name, message: String| match (&name.place, name.optional) {
            (Some(place), _) => mistakes.push(Diagnostic::new(place.clone(), message)),
            (None, true) => {}
            (None, false) => missing.push(message),
        };
        for (key, table) in &wanted.tables {
            let name = &table.name;
            let Some((id, from)) = relations.get(name.text.as_str()).cloned() else {
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
        column.map_or("NULL::text".to_owned(), |(text, _)| text.clone())
    }

    /// A policy that hides rows would make drift of what is there, and to read a view runs what it
    /// calls.
    async fn is_whole(&self, transaction: &Transaction<'_>) -> Result<(), NotRead> {
        let name = &self.name;
        let rows = transaction.query(UNDER, &[&self.id]).await?;
        let mut hiding = BTreeSet::new();
        for row in &rows {
            if row.try_get("is_foreign_code")? {
                return Err(NotRead::Inconclusive(format!(
                    "to read the view `{name}` runs what it calls with the rights of a superuser\nhelp: read as a role that is none and sees all rows"
                )));
            }
            if row.try_get("hides")? {
                hiding.insert(row.try_get::<_, String>("name")?);
            }
        }
        let Some(table) = hiding.first() else {
            return Ok(());
        };
        let on = match rows.len() {
            1 => format!("`{name}`"),
            _ => format!("`{table}`, which the view `{name}` reads"),
        };
        Err(NotRead::Inconclusive(format!(
            "row security is active on {on}, so that rows may be hidden\nhelp: read as a role that sees all of them"
        )))
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

/// What a table or view reads, itself first: whether row security is active there for whoever reads
/// it then, and whether it is a view of somebody else that a superuser would read. A view reads as its
/// owner, unless it is one with `security_invoker`.
const UNDER: &str = "
WITH RECURSIVE under(id, reader) AS (
    SELECT $1::oid, r.oid FROM pg_roles r WHERE r.rolname = current_user
    UNION
    SELECT d.refobjid, CASE WHEN coalesce((SELECT o.option_value::bool FROM pg_options_to_table(c.reloptions) o
                                           WHERE o.option_name = 'security_invoker'), false)
                            THEN under.reader ELSE c.relowner END
    FROM under JOIN pg_class c ON c.oid = under.id
         JOIN pg_rewrite w ON w.ev_class = c.oid AND w.ev_type = '1' AND c.relkind = 'v'
         JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
                         AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> c.oid
)
SELECT format('%I.%I', n.nspname, c.relname) AS name,
       c.relrowsecurity AND NOT (r.rolsuper OR r.rolbypassrls
           OR (NOT c.relforcerowsecurity AND pg_has_role(r.oid, c.relowner, 'USAGE'))) AS hides,
       c.relkind = 'v' AND me.rolsuper AND NOT o.rolsuper AS is_foreign_code
FROM under JOIN pg_class c ON c.oid = under.id JOIN pg_namespace n ON n.oid = c.relnamespace
     JOIN pg_roles r ON r.oid = under.reader JOIN pg_roles o ON o.oid = c.relowner
     JOIN pg_roles me ON me.rolname = current_user";

/// The numbers and the quoted names of tables, by names such as `app.roles`, which are looked up as
/// the session would. The rest of the transaction looks nothing up among what others made.
async fn relations(
    transaction: &Transaction<'_>,
    names: Vec<&str>,
) -> Result<BTreeMap<String, (u32, String)>, NotRead> {
    let resolve = "SELECT pg_catalog.to_regclass($1::pg_catalog.text)::pg_catalog.oid";
    let own_path = "SET LOCAL search_path TO DEFAULT";
    let system_path = "SET LOCAL search_path = pg_catalog, pg_temp";
    let mut ids = Vec::new();
    transaction.batch_execute(own_path).await?;
    for name in names {
        let row = transaction.query_one(resolve, &[&name]).await?;
        ids.extend(row.try_get::<_, Option<u32>>(0)?.map(|id| (name, id)));
    }
    transaction.batch_execute(system_path).await?;
    let quoted = "SELECT format('%I.%I', n.nspname, c.relname) \
                  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = $1";
    let mut found = BTreeMap::new();
    for (name, id) in ids {
        let row = transaction.query_one(quoted, &[&id]).await?;
        found.insert(name.to_owned(), (id, row.try_get(0)?));
    }
    Ok(found)
}

/// The columns of a table, each as a text, by their names. A type of a user may have a cast of its
/// own, which is somebody's code: it is written as it is printed instead.
async fn columns(
    transaction: &Transaction<'_>,
    table: u32,
) -> Result<BTreeMap<String, String>, NotRead> {
    let query = "SELECT attname::text, CASE WHEN atttypid < $2 THEN format('%I::text', attname) \
                 ELSE format('CASE WHEN %1$I IS NULL THEN NULL ELSE format(''%%s'', %1$I) END', attname) END \
                 FROM pg_attribute WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped";
    let rows = transaction.query(query, &[&table, &FIRST_OF_USERS]).await?;
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
