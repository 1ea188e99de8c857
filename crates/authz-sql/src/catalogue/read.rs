//! Reads a catalogue: rows into plain data.

use std::collections::{BTreeMap, BTreeSet};

use tokio_postgres::{Error, Row, Transaction};

use super::expression::{Column, Expression, filters};
use super::queries;
use super::{
    Catalogue, Command, DefaultPrivilege, Function, Grant, Id, Membership, Object, Policy, Reader,
    Relation, RelationKind, Role, Schema, UseCounts,
};

/// The largest expression that is read, in bytes of its tree.
const TREE_BYTES_MAX: usize = 4_000_000;

/// Reads the catalogues of the database in which a transaction is.
///
/// The transaction should be one of [`read_only`](crate::connection::read_only): all of it belongs
/// together then, and names are told with their schemas.
///
/// # Errors
/// What the server said.
pub async fn read(transaction: &mut Transaction<'_>) -> Result<Catalogue, Error> {
    let not_null = not_null(transaction).await?;
    let policies = policies(transaction, &not_null).await?;
    let mut catalogue = head(transaction).await?;
    catalogue.policies = policies;
    catalogue.roles = keyed(transaction, queries::ROLES, role).await?;
    catalogue.memberships = all(transaction, queries::MEMBERSHIPS, membership).await?;
    catalogue.schemas = keyed(transaction, queries::SCHEMAS, schema).await?;
    catalogue.relations = keyed(transaction, queries::RELATIONS, relation).await?;
    catalogue.functions = keyed(transaction, queries::FUNCTIONS, function).await?;
    let grants = all(transaction, queries::GRANTS, grant).await?;
    catalogue.grants = grants.into_iter().flatten().collect();
    let defaults = all(transaction, queries::DEFAULT_PRIVILEGES, default_privilege).await?;
    catalogue.default_privileges = defaults.into_iter().flatten().collect();
    for row in transaction.query(queries::COLUMNS, &[]).await? {
        let relation: Id = row.try_get("relation")?;
        if let Some(relation) = catalogue.relations.get_mut(&relation) {
            let (number, name) = (row.try_get("number")?, row.try_get("name")?);
            relation.columns.insert(number, name);
        }
    }
    for row in transaction.query(queries::VIEW_READS, &[]).await? {
        let reads = catalogue.view_reads.entry(row.try_get("view")?);
        reads.or_default().insert(row.try_get("reads")?);
    }
    for row in transaction.query(queries::VIEW_TREES, &[]).await? {
        if let Some(view) = catalogue.relations.get_mut(&row.try_get("view")?) {
            let tree: &str = row.try_get("tree")?;
            view.filters = tree.len() > TREE_BYTES_MAX || filters(tree);
        }
    }
    for row in transaction.query(queries::FUNCTION_READS, &[]).await? {
        let reads: Vec<Id> = row.try_get("reads")?;
        let function = row.try_get("function")?;
        let reads = reads.into_iter().collect();
        catalogue.function_reads.insert(function, reads);
    }
    let indexed = |row: &Row| Ok((row.try_get("relation")?, row.try_get("number")?));
    catalogue.indexed = BTreeSet::from_iter(all(transaction, queries::INDEXED, indexed).await?);
    let name = |row: &Row| row.try_get("name");
    catalogue.settings = BTreeSet::from_iter(all(transaction, queries::SETTINGS, name).await?);
    Ok(catalogue)
}

async fn head(transaction: &Transaction<'_>) -> Result<Catalogue, Error> {
    let row = transaction.query_one(queries::READER, &[]).await?;
    let version: i32 = row.try_get("version")?;
    Ok(Catalogue {
        database: row.try_get("database")?,
        version: version.unsigned_abs(),
        reader: Reader {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            superuser: row.try_get("superuser")?,
        },
        counted_since: row.try_get("counted_since")?,
        ..Catalogue::default()
    })
}

async fn all<T>(
    transaction: &Transaction<'_>,
    query: &str,
    read: impl Fn(&Row) -> Result<T, Error>,
) -> Result<Vec<T>, Error> {
    let rows = transaction.query(query, &[]).await?;
    rows.iter().map(read).collect()
}

async fn keyed<T>(
    transaction: &Transaction<'_>,
    query: &str,
    read: fn(&Row) -> Result<T, Error>,
) -> Result<BTreeMap<Id, T>, Error> {
    let rows = transaction.query(query, &[]).await?;
    rows.iter()
        .map(|row| Ok((row.try_get("oid")?, read(row)?)))
        .collect()
}

fn role(row: &Row) -> Result<Role, Error> {
    Ok(Role {
        bare: row.try_get("bare")?,
        name: row.try_get("name")?,
        login: row.try_get("login")?,
        connects: row.try_get("connects")?,
        superuser: row.try_get("superuser")?,
        bypasses: row.try_get("bypasses")?,
        creates_roles: row.try_get("creates_roles")?,
        inherits: row.try_get("inherits")?,
        built_in: row.try_get("built_in")?,
        comment: row.try_get("comment")?,
    })
}

fn membership(row: &Row) -> Result<Membership, Error> {
    Ok(Membership {
        role: row.try_get("role")?,
        member: row.try_get("member")?,
        admin: row.try_get("admin")?,
        inherits: row.try_get("inherits")?,
        sets: row.try_get("sets")?,
    })
}

fn schema(row: &Row) -> Result<Schema, Error> {
    Ok(Schema {
        bare: row.try_get("bare")?,
        name: row.try_get("name")?,
        owner: row.try_get("owner")?,
        comment: row.try_get("comment")?,
    })
}

fn relation(row: &Row) -> Result<Relation, Error> {
    Ok(Relation {
        name: row.try_get("name")?,
        schema: row.try_get("schema")?,
        kind: match letter(row, "kind")? {
            'v' => RelationKind::View,
            'm' => RelationKind::MaterialisedView,
            'S' => RelationKind::Sequence,
            'f' => RelationKind::ForeignTable,
            _ => RelationKind::Table,
        },
        owner: row.try_get("owner")?,
        row_security: row.try_get("row_security")?,
        forced: row.try_get("forced")?,
        security_invoker: row.try_get("security_invoker")?,
        security_barrier: row.try_get("security_barrier")?,
        filters: false,
        parents: row.try_get("parents")?,
        columns: BTreeMap::new(),
        comment: row.try_get("comment")?,
        use_counts: UseCounts {
            read: row.try_get("read")?,
            inserted: row.try_get("inserted")?,
            updated: row.try_get("updated")?,
            deleted: row.try_get("deleted")?,
        },
    })
}

fn function(row: &Row) -> Result<Function, Error> {
    Ok(Function {
        name: row.try_get("name")?,
        schema: row.try_get("schema")?,
        owner: row.try_get("owner")?,
        definer: row.try_get("definer")?,
        search_path: row.try_get("search_path")?,
        trigger: row.try_get("trigger")?,
        bound: row.try_get("bound")?,
        comment: row.try_get("comment")?,
    })
}

/// `None` for a class that is none of ours.
fn grant(row: &Row) -> Result<Option<Grant>, Error> {
    let class: &str = row.try_get("class")?;
    let id = row.try_get("id")?;
    let object = match class {
        "r" => Object::Relation(id),
        "c" => Object::Column(id, row.try_get("number")?),
        "s" => Object::Schema(id),
        "f" => Object::Function(id),
        "d" => Object::Database,
        _ => return Ok(None),
    };
    Ok(Some(Grant {
        object,
        grantee: row.try_get("grantee")?,
        privilege: row.try_get("privilege")?,
        grantable: row.try_get("grantable")?,
    }))
}

/// `None` for a kind of object that no finding is about, such as types.
fn default_privilege(row: &Row) -> Result<Option<DefaultPrivilege>, Error> {
    let kind = match letter(row, "kind")? {
        'r' => "TABLES",
        'S' => "SEQUENCES",
        'f' => "FUNCTIONS",
        'n' => "SCHEMAS",
        _ => return Ok(None),
    };
    let schema: Id = row.try_get("schema")?;
    let privileges: Vec<String> = row.try_get("privileges")?;
    Ok(Some(DefaultPrivilege {
        owner: row.try_get("owner")?,
        schema: Some(schema).filter(|it| *it != 0),
        kind,
        grantee: row.try_get("grantee")?,
        privileges: privileges.into_iter().collect(),
    }))
}

/// A column of the type `"char"`.
fn letter(row: &Row, name: &str) -> Result<char, Error> {
    let letter: i8 = row.try_get(name)?;
    Ok(char::from(letter.to_le_bytes()[0]))
}

/// Columns that are never NULL, of each table.
type NotNull = BTreeMap<Id, BTreeSet<Column>>;

async fn not_null(transaction: &Transaction<'_>) -> Result<NotNull, Error> {
    let mut found = NotNull::new();
    for row in transaction.query(queries::COLUMNS, &[]).await? {
        if row.try_get("not_null")? {
            let columns = found.entry(row.try_get("relation")?).or_default();
            columns.insert(row.try_get("number")?);
        }
    }
    Ok(found)
}

async fn policies(
    transaction: &mut Transaction<'_>,
    not_null: &NotNull,
) -> Result<Vec<Policy>, Error> {
    let mut policies = Vec::new();
    for row in transaction.query(queries::POLICIES, &[]).await? {
        let relation = row.try_get("relation")?;
        let none = BTreeSet::new();
        let not_null = not_null.get(&relation).unwrap_or(&none);
        let using = expression(transaction, &row, ["using_tree", "using_text"], not_null).await?;
        let check = expression(transaction, &row, ["check_tree", "check_text"], not_null).await?;
        let roles: Vec<Id> = row.try_get("roles")?;
        policies.push(Policy {
            name: row.try_get("name")?,
            relation,
            command: match letter(&row, "command")? {
                'r' => Command::Select,
                'a' => Command::Insert,
                'w' => Command::Update,
                'd' => Command::Delete,
                _ => Command::All,
            },
            permissive: row.try_get("permissive")?,
            roles: roles.into_iter().collect(),
            is_read: using != Told::Unread && check != Told::Unread,
            using: using.read(),
            check: check.read(),
            comment: row.try_get("comment")?,
        });
    }
    Ok(policies)
}

/// What became of an expression.
#[derive(PartialEq, Eq)]
enum Told {
    Absent,
    Unread,
    Read(Box<Expression>),
}

impl Told {
    fn read(self) -> Option<Expression> {
        match self {
            Self::Read(expression) => Some(*expression),
            Self::Absent | Self::Unread => None,
        }
    }
}

async fn expression(
    transaction: &mut Transaction<'_>,
    row: &Row,
    [tree, text]: [&str; 2],
    not_null: &BTreeSet<Column>,
) -> Result<Told, Error> {
    let tree: Option<&str> = row.try_get(tree)?;
    let text: Option<String> = row.try_get(text)?;
    let (Some(tree), Some(text)) = (tree, text) else {
        return Ok(Told::Absent);
    };
    if tree.len() > TREE_BYTES_MAX {
        return Ok(Told::Unread);
    }
    let constant = match Expression::is_constant(tree) {
        true => value(transaction, &text).await?,
        false => None,
    };
    let read = Expression::read(tree, text, constant, not_null);
    Ok(read.map_or(Told::Unread, |read| Told::Read(Box::new(read))))
}

/// What the server makes of an expression of constants and its own operators, in its own words.
async fn value(transaction: &mut Transaction<'_>, text: &str) -> Result<Option<bool>, Error> {
    let inner = transaction.savepoint("value").await?;
    let found = inner.query_one(&format!("SELECT ({text})"), &[]).await;
    let found = found.ok().and_then(|row| row.try_get(0).ok().flatten());
    inner.rollback().await?;
    Ok(found)
}
