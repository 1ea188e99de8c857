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

/// A reading of every row: its key, and what else is read; with no key, of any one row.
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
    let limit = match key {
        Some(_) => "",
        None => " LIMIT 1",
    };
    let sql = format!("SELECT {} FROM {}{limit}", wanted.join(", "), table.quoted);
    Ok(Probe::new(sql, Values::new()))
}

/// How many rows a reading reaches that asks for no key.
pub(super) fn counted(table: &Table, columns: &[String]) -> Result<Probe, String> {
    let names: Result<Vec<&str>, String> = columns.iter().map(|it| column(table, it)).collect();
    let names = names?.join(", ");
    let from = match columns.is_empty() {
        true => table.quoted.clone(),
        false => format!("(SELECT {names} FROM {}) AS wanted", table.quoted),
    };
    let sql = format!("SELECT pg_catalog.count(*)::text FROM {from}");
    Ok(Probe::new(sql, Values::new()))
}

/// These columns of the row of a key, as JSON.
pub(super) fn image(table: &Table, row: (&str, &str), columns: &[&str]) -> Result<Probe, String> {
    let (key, value) = row;
    let sql = format!(
        "SELECT pg_catalog.to_jsonb(image.*)::text FROM (SELECT {} FROM {} WHERE {} = $1) AS image",
        plain_columns(table, columns)?,
        table.quoted,
        column(table, key)?
    );
    Ok(Probe::new(sql, vec![Some(value.to_owned())]))
}

/// Columns by their own names, so that JSON has the values that the policy compares: blanks that
/// a type pads with are none of them.
pub(super) fn plain_columns(table: &Table, names: &[&str]) -> Result<String, String> {
    let columns: Result<Vec<String>, String> = names
        .iter()
        .map(|name| {
            let quoted = column(table, name)?;
            let padded = table.columns.iter().any(|it| it.padded && it.name == *name);
            Ok(match padded {
                true => format!("{quoted}::text AS {quoted}"),
                false => quoted.to_owned(),
            })
        })
        .collect();
    Ok(columns?.join(", "))
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

/// What a unique index says of rows: a column by its name, or an expression as the server writes it.
const TAKEN: &str = "
SELECT a.attname::text, pg_catalog.pg_get_indexdef(i.indexrelid, k.place::int, false)
  FROM pg_catalog.pg_index i
  JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
 CROSS JOIN LATERAL pg_catalog.unnest(i.indkey::int2[]) WITH ORDINALITY AS k(number, place)
  LEFT JOIN pg_catalog.pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.number AND k.number <> 0
 WHERE c.relname::text = $2 AND k.place <= i.indnkeyatts
   AND i.indrelid IN (SELECT $1::text::oid
                      UNION SELECT p.relid FROM pg_catalog.pg_partition_tree($1::text::oid) AS p)";

/// A reading of the rows that have, in what a unique index says of them, what is written.
pub(super) async fn those_with(
    entered: &Entered,
    table: &Table,
    constraint: &str,
    written: &Written,
) -> Result<Probe, String> {
    let asked = vec![Some(table.oid.to_string()), Some(constraint.to_owned())];
    let found = entered.learn(TAKEN, &asked).await?;
    let is_written = |name: &str| written.iter().any(|(column, _)| column == name);
    let mut terms = Vec::new();
    for term in found {
        if let [name, Some(term)] = term.as_slice()
            && name.as_deref().is_none_or(is_written)
        {
            terms.push(term.clone());
        }
    }
    if terms.is_empty() {
        return Err(format!("nobody knows what `{constraint}` keeps unique"));
    }
    let mut names = Vec::new();
    let mut places = Vec::new();
    let mut values = Values::new();
    for (name, value) in written {
        names.push(column(table, name)?);
        values.push(as_column(value));
        places.push(format!("${}", values.len()));
    }
    let (table, names, places) = (&table.quoted, names.join(", "), places.join(", "));
    let terms: Vec<String> = terms.iter().map(|it| format!("({it})")).collect();
    let terms = terms.join(", ");
    // The values take the types of the columns that they stand below.
    let sql = format!(
        "SELECT 1::text FROM {table} WHERE ROW({terms}) = (SELECT {terms} FROM \
         (SELECT {names} FROM {table} WHERE false UNION ALL SELECT {places}) AS written)"
    );
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
        places.push(format!("${}", values.len()));
    }
    let conflict = match on_conflict {
        Some((OnConflict::Update, key)) => {
            let key = column(table, key)?;
            // It is the same; to set it would ask for a right that nobody needs.
            let others = names
                .iter()
                .filter(|name| **name != key || names.len() == 1);
            let excluded = others.map(|name| format!("{name} = EXCLUDED.{name}"));
            let excluded: Vec<String> = excluded.collect();
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

/// A new row, and these columns of what it became, as JSON.
pub(super) fn insert_seen(
    table: &Table,
    written: &Written,
    columns: &[&str],
) -> Result<Probe, String> {
    let mut probe = insert(table, written, None, &[])?;
    let columns = plain_columns(table, columns)?;
    let image = format!("SELECT pg_catalog.to_jsonb(image.*) FROM (SELECT {columns}) AS image");
    probe.sql.push_str(&format!(" RETURNING ({image})::text"));
    Ok(probe)
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
        sets.push(format!("{} = ${}", column(table, name)?, values.len()));
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
        let place = probe.values.len();
        let condition = format!(" WHERE {} = ${place}", column(table, key)?);
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

/// What is not decided on row by row.
pub(super) async fn plain(
    databases: &Databases,
    entry: (&Entrance, &Entered),
    statement: &Statement,
    table: Option<&Table>,
    arguments: &[Value],
) -> Result<Probe, String> {
    let (object, entered) = (&statement.object, entry.1);
    let named = |sql: &str| {
        let values = vec![Some(object.schema.clone()), Some(object.name.clone())];
        Probe::new(sql.to_owned(), values)
    };
    match statement.verb {
        Verb::Truncate => {
            let table = table.ok_or("there is no table")?;
            Ok(truncate(table, ""))
        }
        // What is not there is looked for: the way through the schema is what is tried.
        Verb::UsageOfSchema => {
            is_there(entered, SCHEMA, object).await?;
            let sql = "SELECT pg_catalog.to_regclass(pg_catalog.format('%I.%I', $1::text, 'a name that is not there'))::text";
            Ok(Probe::new(
                sql.to_owned(),
                vec![Some(object.schema.clone())],
            ))
        }
        // In a transaction that may only read: the privilege is asked for first, and no number is
        // taken, which no rollback would give back.
        Verb::UsageOfSequence => {
            is_there(entered, SEQUENCE, object).await?;
            Ok(named(
                "SELECT pg_catalog.nextval(pg_catalog.format('%I.%I', $1::text, $2::text)::pg_catalog.regclass)::text",
            ))
        }
        Verb::Execute => execute(databases, entry, statement, arguments).await,
        verb => Err(format!("`{}` needs a table", verb.word())),
    }
}

/// All rows at once; `more` stands behind it.
pub(super) fn truncate(table: &Table, more: &str) -> Probe {
    Probe::new(format!("TRUNCATE {}{more}", table.quoted), Values::new())
}

/// What of a name must be there to be denied: each asks for `$1`, a schema, and `$2`.
const SCHEMA: (&str, &str) = (
    "schema",
    "SELECT 1::text FROM pg_catalog.pg_namespace WHERE nspname::text = $1 AND nspname::text = $2",
);
const SEQUENCE: (&str, &str) = (
    "sequence",
    "SELECT 1::text FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
     WHERE n.nspname::text = $1 AND c.relname::text = $2 AND c.relkind::text = 'S'",
);

/// What is not there is no denial, whatever the server says to those who may not look for it.
async fn is_there(
    entered: &Entered,
    (kind, sql): (&str, &str),
    object: &ObjectName,
) -> Result<(), String> {
    let asked = vec![Some(object.schema.clone()), Some(object.name.clone())];
    match entered.learn(sql, &asked).await?.is_empty() {
        true => Err(format!("there is no {kind} `{}`", object.name)),
        false => Ok(()),
    }
}

/// The only function of that name that takes so many arguments.
const FUNCTION: &str = "
SELECT pg_catalog.format('%I.%I', n.nspname, p.proname), p.prokind::text
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
    let [Some(quoted), Some(kind)] = row.as_slice() else {
        return Err(format!(
            "function `{name}` is not described by the catalogue"
        ));
    };
    let places: Vec<String> = (1..=arity).map(|number| format!("${number}")).collect();
    let places = places.join(", ");
    let sql = match kind.as_str() {
        "p" => format!("CALL {quoted}({places})"),
        // Its value is asked for: what nobody wants is not carried out.
        _ => format!("SELECT {quoted}({places})::text"),
    };
    Ok(Probe::new(sql, arguments.iter().map(as_column).collect()))
}
