//! The statements by which an actor is tried. Names come quoted from the server, values are bound.

use authz_sql::guard::Table;
use serde_json::Value;
use suite::model::{ObjectName, OnConflict, Statement, Verb};

use super::session::as_column;
use super::witness::column;
use super::{Databases, Entered, Entrance, Rows, Values};

/// A statement with its values.
#[derive(Debug, Clone)]
pub(crate) struct Probe {
    pub(crate) sql: String,
    pub(crate) values: Values,
    /// Whether it is a `COPY`, and which way it goes.
    pub(crate) copy: Option<Copy>,
}

/// The way of a `COPY`.
#[derive(Debug, Clone)]
pub(crate) enum Copy {
    /// Rows come from the server.
    Out,
    /// These lines go to the server.
    In(String),
}

impl Probe {
    fn new(sql: String, values: Values) -> Self {
        Self {
            sql,
            values,
            copy: None,
        }
    }
}

/// Values by column, as they are written.
pub(super) type Written = Vec<(String, Value)>;

/// A reading of every row: its key, and what else is read.
pub(super) fn select(
    table: &Table,
    key: Option<&str>,
    columns: &[String],
) -> Result<Probe, String> {
    let wanted = key.into_iter().chain(columns.iter().map(String::as_str));
    let mut wanted = texts(table, wanted)?;
    if wanted.is_empty() {
        wanted.push("1::text".to_owned());
    }
    let sql = format!("SELECT {} FROM {}", wanted.join(", "), table.quoted);
    Ok(Probe::new(sql, Values::new()))
}

/// A reading of every key by `COPY`.
pub(super) fn copy_out(table: &Table, key: &str, columns: &[String]) -> Result<Probe, String> {
    let names = std::iter::once(key).chain(columns.iter().map(String::as_str));
    let names: Result<Vec<&str>, String> = names.map(|name| column(table, name)).collect();
    Ok(Probe {
        sql: format!("COPY {} ({}) TO STDOUT", table.quoted, names?.join(", ")),
        values: Values::new(),
        copy: Some(Copy::Out),
    })
}

/// A new row by `COPY`. Its values are lines, and no part of the statement.
pub(super) fn copy_in(table: &Table, written: &Written) -> Result<Probe, String> {
    let names: Result<Vec<&str>, String> = written
        .iter()
        .map(|(name, _)| column(table, name))
        .collect();
    let fields: Vec<String> = written
        .iter()
        .map(|(_, value)| copied_field(as_column(value)))
        .collect();
    Ok(Probe {
        sql: format!("COPY {} ({}) FROM STDIN", table.quoted, names?.join(", ")),
        values: Values::new(),
        copy: Some(Copy::In(format!("{}\n", fields.join("\t")))),
    })
}

/// A value in the text format of `COPY`.
fn copied_field(value: Option<String>) -> String {
    let Some(value) = value else {
        return "\\N".to_owned();
    };
    let mut field = String::new();
    for c in value.chars() {
        match c {
            '\\' => field.push_str("\\\\"),
            '\n' => field.push_str("\\n"),
            '\r' => field.push_str("\\r"),
            '\t' => field.push_str("\\t"),
            other => field.push(other),
        }
    }
    field
}

/// The columns of a unique constraint or index of a table.
pub(super) async fn columns_of(
    entered: &Entered,
    table: &Table,
    constraint: &str,
) -> Result<Vec<String>, String> {
    let sql = "SELECT attname FROM pg_catalog.pg_index JOIN pg_catalog.pg_class ON pg_class.oid = indexrelid \
               JOIN pg_catalog.pg_attribute ON attrelid = indrelid AND attnum = ANY (indkey) \
               WHERE indrelid = $1::text::oid AND relname = $2";
    let values = vec![Some(table.oid.to_string()), Some(constraint.to_owned())];
    let rows = entered.learn(sql, &values).await?;
    Ok(rows.into_iter().flatten().flatten().collect())
}

/// A reading of the rows that have, in these columns, what is written.
pub(super) fn those_with(
    table: &Table,
    written: &Written,
    columns: &[String],
) -> Result<Probe, String> {
    let mut values = Values::new();
    let mut conditions = vec!["true".to_owned()];
    for (name, value) in written.iter().filter(|(name, _)| columns.contains(name)) {
        values.push(as_column(value));
        let place = typed(table, name, values.len())?;
        conditions.push(format!("{} = {place}", column(table, name)?));
    }
    let (table, conditions) = (&table.quoted, conditions.join(" AND "));
    let sql = format!("SELECT 1::text FROM {table} WHERE {conditions}");
    Ok(Probe::new(sql, values))
}

/// A new row. `key` tells rows apart where one that is there already is changed.
pub(super) fn insert(
    table: &Table,
    written: &Written,
    on_conflict: Option<(OnConflict, &str)>,
    columns: &[String],
) -> Result<Probe, String> {
    let mut names = Vec::new();
    let mut places = Vec::new();
    let mut values = Values::new();
    for (name, value) in written {
        names.push(column(table, name)?);
        values.push(as_column(value));
        places.push(typed(table, name, values.len())?);
    }
    let conflict = match on_conflict {
        Some((OnConflict::Update, key)) => {
            let excluded = names.iter().map(|name| format!("{name} = EXCLUDED.{name}"));
            let excluded: Vec<String> = excluded.collect();
            let key = column(table, key)?;
            format!(" ON CONFLICT ({key}) DO UPDATE SET {}", excluded.join(", "))
        }
        Some((OnConflict::Nothing, _)) => " ON CONFLICT DO NOTHING".to_owned(),
        None => String::new(),
    };
    let sql = format!(
        "INSERT INTO {} ({}) VALUES ({}){conflict}{}",
        table.quoted,
        names.join(", "),
        places.join(", "),
        returning(table, None, columns)?
    );
    Ok(Probe::new(sql, values))
}

/// A change of one row, or with no key, of every row without naming any.
pub(super) fn update(
    table: &Table,
    written: &Written,
    row: Option<(&str, &str)>,
    columns: &[String],
) -> Result<Probe, String> {
    let mut values = Values::new();
    let mut sets = Vec::new();
    for (name, value) in written {
        values.push(as_column(value));
        sets.push(format!(
            "{} = {}",
            column(table, name)?,
            typed(table, name, values.len())?
        ));
    }
    let sql = format!("UPDATE {} SET {}", table.quoted, sets.join(", "));
    of_row(table, Probe::new(sql, values), row, columns)
}

/// A removal of one row, or with no key, of every row without naming any.
pub(super) fn delete(
    table: &Table,
    row: Option<(&str, &str)>,
    columns: &[String],
) -> Result<Probe, String> {
    let sql = format!("DELETE FROM {}", table.quoted);
    let values = Values::new();
    of_row(table, Probe::new(sql, values), row, columns)
}

fn of_row(
    table: &Table,
    mut probe: Probe,
    row: Option<(&str, &str)>,
    columns: &[String],
) -> Result<Probe, String> {
    if let Some((key, value)) = row {
        probe.values.push(Some(value.to_owned()));
        let place = typed(table, key, probe.values.len())?;
        let condition = format!(" WHERE {} = {place}", column(table, key)?);
        probe.sql.push_str(&condition);
        probe.sql.push_str(&returning(table, Some(key), columns)?);
    }
    Ok(probe)
}

fn returning(table: &Table, key: Option<&str>, columns: &[String]) -> Result<String, String> {
    let wanted = key.into_iter().chain(columns.iter().map(String::as_str));
    let wanted = texts(table, wanted)?;
    Ok(match wanted.is_empty() {
        true => String::new(),
        false => format!(" RETURNING {}", wanted.join(", ")),
    })
}

fn texts<'n>(table: &Table, names: impl Iterator<Item = &'n str>) -> Result<Vec<String>, String> {
    names
        .map(|name| Ok(format!("{}::text", column(table, name)?)))
        .collect()
}

/// The place of a bound text, as a value of a column's type.
fn typed(table: &Table, name: &str, number: usize) -> Result<String, String> {
    let column = table.columns.iter().find(|it| it.name == name);
    let column = column.ok_or_else(|| format!("{} has no column `{name}`", table.quoted))?;
    Ok(format!("${number}::text::{}", column.type_name))
}

/// What is not decided on row by row.
pub(super) async fn plain(
    databases: &Databases,
    entry: (&Entrance, &Entered),
    statement: &Statement,
    table: Option<&Table>,
    arguments: &[Value],
) -> Result<Probe, String> {
    let object = &statement.object;
    let named = |sql: &str| {
        let values = vec![Some(object.schema.clone()), Some(object.name.clone())];
        Probe::new(sql.to_owned(), values)
    };
    match statement.verb {
        Verb::Truncate => {
            let table = table.ok_or("there is no table")?;
            let sql = format!("TRUNCATE {}", table.quoted);
            Ok(Probe::new(sql, Values::new()))
        }
        // What is not there is looked for: the way through the schema is what is tried.
        Verb::UsageOfSchema => Ok(Probe::new(
            "SELECT pg_catalog.to_regclass(pg_catalog.format('%I.%I', $1, 'a name that is not there'))::text"
                .to_owned(),
            vec![Some(object.schema.clone())],
        )),
        // In a transaction that may only read: the privilege is asked for first, and no number is
        // taken, which no rollback would give back.
        Verb::UsageOfSequence => Ok(named(
            "SELECT pg_catalog.nextval(pg_catalog.format('%I.%I', $1, $2)::pg_catalog.regclass)::text",
        )),
        Verb::Execute => execute(databases, entry, statement, arguments).await,
        verb => Err(format!("`{}` needs a table", verb.word())),
    }
}

/// The only function of that name that takes so many arguments.
const FUNCTION: &str = "
SELECT pg_catalog.format('%I.%I', n.nspname, p.proname), p.prokind::text,
       (SELECT pg_catalog.string_agg(pg_catalog.format('%I.%I', tn.nspname, t.typname), pg_catalog.chr(31)
                                     ORDER BY a.place)
          FROM pg_catalog.unnest(p.proargtypes) WITH ORDINALITY AS a(type, place)
          JOIN pg_catalog.pg_type t ON t.oid = a.type
          JOIN pg_catalog.pg_namespace tn ON tn.oid = t.typnamespace)
  FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
 WHERE n.nspname::text = $1 AND p.proname::text = $2
   AND $3::text::int BETWEEN p.pronargs - p.pronargdefaults AND p.pronargs";

/// What the catalogue says of the functions of a name that take so many arguments.
pub(super) async fn routines(
    entered: &Entered,
    object: &ObjectName,
    arity: usize,
) -> Result<Rows, String> {
    let asked = vec![
        Some(object.schema.clone()),
        Some(object.name.clone()),
        Some(arity.to_string()),
    ];
    entered.learn(FUNCTION, &asked).await
}

async fn execute(
    databases: &Databases,
    (entrance, entered): (&Entrance, &Entered),
    statement: &Statement,
    arguments: &[Value],
) -> Result<Probe, String> {
    let (object, arity) = (&statement.object, arguments.len());
    let name = &object.name;
    let rows = databases.routines(entrance, object, arity, entered);
    let rows = rows.await?;
    let [row] = rows.as_slice() else {
        let found = rows.len();
        return Err(format!(
            "{found} functions `{name}` take {arity} arguments, and exactly one was expected"
        ));
    };
    let [Some(quoted), Some(kind), types] = row.as_slice() else {
        return Err(format!(
            "function `{name}` is not described by the catalogue"
        ));
    };
    let types = types.as_deref().unwrap_or_default();
    let places: Vec<String> = types
        .split('\u{1f}')
        .zip(1..=arity)
        .map(|(kind, number)| format!("${number}::text::{kind}"))
        .collect();
    let places = places.join(", ");
    let sql = match kind.as_str() {
        "p" => format!("CALL {quoted}({places})"),
        _ => format!("SELECT 1::text FROM {quoted}({places})"),
    };
    Ok(Probe::new(sql, arguments.iter().map(as_column).collect()))
}
