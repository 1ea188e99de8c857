//! The statements by which an actor is tried. Names come quoted from the server, values are bound.

use authz_sql::guard::Table;
use serde_json::Value;
use suite::model::{ObjectName, Statement, Verb};

use super::session::as_column;
use super::witness::column;
use super::{Databases, Entered, Rows, Values};

/// A statement with its values.
#[derive(Debug, Clone)]
pub(super) struct Probe {
    pub(super) sql: String,
    pub(super) values: Values,
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
    Ok(Probe {
        sql: format!("SELECT {} FROM {}", wanted.join(", "), table.quoted),
        values: Values::new(),
    })
}

/// A reading of every key by `COPY`.
pub(super) fn copy(table: &Table, key: &str, columns: &[String]) -> Result<Probe, String> {
    let names = std::iter::once(key).chain(columns.iter().map(String::as_str));
    let names: Result<Vec<&str>, String> = names.map(|name| column(table, name)).collect();
    Ok(Probe {
        sql: format!("COPY {} ({}) TO STDOUT", table.quoted, names?.join(", ")),
        values: Values::new(),
    })
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
    Ok(Probe {
        sql: format!(
            "SELECT 1::text FROM {} WHERE {}",
            table.quoted,
            conditions.join(" AND ")
        ),
        values,
    })
}

/// A new row; with `key`, a row of that key that is there already is changed.
pub(super) fn insert(
    table: &Table,
    written: &Written,
    key: Option<&str>,
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
    let conflict = match key {
        Some(key) => {
            let excluded = names.iter().map(|name| format!("{name} = EXCLUDED.{name}"));
            let excluded: Vec<String> = excluded.collect();
            let key = column(table, key)?;
            format!(" ON CONFLICT ({key}) DO UPDATE SET {}", excluded.join(", "))
        }
        None => String::new(),
    };
    let sql = format!(
        "INSERT INTO {} ({}) VALUES ({}){conflict}{}",
        table.quoted,
        names.join(", "),
        places.join(", "),
        returning(table, None, columns)?
    );
    Ok(Probe { sql, values })
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
    of_row(table, Probe { sql, values }, row, columns)
}

/// A removal of one row, or with no key, of every row without naming any.
pub(super) fn delete(
    table: &Table,
    row: Option<(&str, &str)>,
    columns: &[String],
) -> Result<Probe, String> {
    let sql = format!("DELETE FROM {}", table.quoted);
    let values = Values::new();
    of_row(table, Probe { sql, values }, row, columns)
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
    entered: &Entered,
    statement: &Statement,
    table: Option<&Table>,
    arguments: &[Value],
) -> Result<Probe, String> {
    let object = &statement.object;
    let named = |sql: &str| Probe {
        sql: sql.to_owned(),
        values: vec![Some(object.schema.clone()), Some(object.name.clone())],
    };
    match statement.verb {
        Verb::Truncate => {
            let table = table.ok_or("there is no table")?;
            Ok(Probe {
                sql: format!("TRUNCATE {}", table.quoted),
                values: Values::new(),
            })
        }
        // What is not there is looked for: the way through the schema is what is tried.
        Verb::UsageOfSchema => Ok(Probe {
            sql: "SELECT pg_catalog.to_regclass(pg_catalog.format('%I.%I', $1, 'a name that is not there'))::text"
                .to_owned(),
            values: vec![Some(object.schema.clone())],
        }),
        Verb::UsageOfSequence => Ok(named(
            "SELECT pg_catalog.nextval(pg_catalog.format('%I.%I', $1, $2)::pg_catalog.regclass)::text",
        )),
        Verb::Execute => execute(databases, entered, statement, arguments).await,
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
    entered: &Entered,
    statement: &Statement,
    arguments: &[Value],
) -> Result<Probe, String> {
    let (object, arity) = (&statement.object, arguments.len());
    let name = &object.name;
    let rows = databases.routines(statement.database, object, arity, entered);
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
    Ok(Probe {
        sql: match kind.as_str() {
            "p" => format!("CALL {quoted}({places})"),
            _ => format!("SELECT 1::text FROM {quoted}({places})"),
        },
        values: arguments.iter().map(as_column).collect(),
    })
}
