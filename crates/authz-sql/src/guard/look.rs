//! What the guard asks of a session. It reads catalogues that everybody may read, and the server
//! itself quotes every name.

use tokio_postgres::types::Type;
use tokio_postgres::{Client, Error, Row};

use super::{
    Column, Command, Diversion, Reach, Rights, Role, Standing, Switch, Table, TableStanding,
};

/// The session and whether row security is on.
const SESSION: &str = "
SELECT r.rolname::text = session_user AS of_session, pg_catalog.quote_ident(r.rolname) AS quoted,
       r.rolsuper, r.rolbypassrls, pg_catalog.current_setting('row_security') = 'on' AS row_security,
       r.rolname::text = current_user AS of_current
  FROM pg_catalog.pg_roles r
 WHERE r.rolname::text IN (session_user::text, current_user::text)";

/// Other roles that the session can take, and for which policies or grants do not hold; each with
/// a member through whom it is reached. Before version 16 every member could take the role.
const REACH: &str = "
SELECT pg_catalog.quote_ident(r.rolname) AS quoted, r.rolsuper, r.rolbypassrls,
       pg_catalog.quote_ident(m.rolname) AS member
  FROM pg_catalog.pg_roles r
  JOIN pg_catalog.pg_auth_members a ON a.roleid = r.oid
  JOIN pg_catalog.pg_roles m ON m.oid = a.member
 WHERE (r.rolsuper OR r.rolbypassrls)
   AND r.rolname::text NOT IN (session_user::text, current_user::text)
   AND pg_catalog.pg_has_role(session_user, r.oid,
         CASE WHEN pg_catalog.current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END)
   AND pg_catalog.pg_has_role(session_user, m.oid, 'MEMBER')
 ORDER BY r.rolname, m.rolname";

/// Roles of the session that can give themselves every role but superusers. From version 16 on,
/// `CREATEROLE` gives only roles that one was given to give.
const GIVERS: &str = "
SELECT pg_catalog.quote_ident(r.rolname) AS quoted
  FROM pg_catalog.pg_roles r
 WHERE r.rolcreaterole AND pg_catalog.current_setting('server_version_num')::int < 160000
   AND pg_catalog.pg_has_role(session_user, r.oid, 'MEMBER')
 ORDER BY r.rolname";

/// What the role in force may do with each column of a table. `$1` is its number.
const RIGHTS: &str = "
SELECT a.attname::text AS name,
       pg_catalog.has_column_privilege(c.oid, a.attnum, 'SELECT') AS reads,
       pg_catalog.has_column_privilege(c.oid, a.attnum, 'INSERT') AS adds,
       pg_catalog.has_column_privilege(c.oid, a.attnum, 'UPDATE') AS changes
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
 WHERE c.oid = $1::text::oid AND a.attnum > 0 AND NOT a.attisdropped
   AND pg_catalog.has_schema_privilege(c.relnamespace, 'USAGE')";

/// Whether the session owns a table. `$1` is its number.
const OWNED: &str = "
SELECT pg_catalog.pg_has_role(current_user, c.relowner, 'USAGE')
       OR pg_catalog.pg_has_role(session_user, c.relowner,
            CASE WHEN pg_catalog.current_setting('server_version_num')::int < 160000 THEN 'MEMBER' ELSE 'SET' END) AS owned
  FROM pg_catalog.pg_class c WHERE c.oid = $1::text::oid";

/// Where `row_security` was set.
const SWITCH: &str = "
SELECT s.source, pg_catalog.quote_ident(session_user) AS role,
       pg_catalog.quote_ident(pg_catalog.current_database()) AS database
  FROM pg_catalog.pg_settings s WHERE s.name = 'row_security'";

/// A table or view, by its exact name.
const TABLE: &str = "
SELECT c.oid, pg_catalog.format('%I.%I', n.nspname, c.relname) AS quoted,
       c.relkind::text IN ('r', 'p') AS can_have_policies, c.relrowsecurity, c.relforcerowsecurity
  FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
 WHERE n.nspname::text = $1 AND c.relname::text = $2 AND c.relkind::text IN ('r', 'p', 'v', 'm', 'f')";

const COLUMNS: &str = "
SELECT a.attname::text AS name, pg_catalog.quote_ident(a.attname) AS quoted,
       'pg_catalog.bpchar'::pg_catalog.regtype IN (t.oid, t.typbasetype) AS padded,
       a.attgenerated <> '' AS generated, a.atthasdef OR a.attidentity <> '' AS has_default
  FROM pg_catalog.pg_attribute a
  JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
 WHERE a.attrelid = $1::text::oid AND a.attnum > 0 AND NOT a.attisdropped
 ORDER BY a.attnum";

/// Triggers before rows or in place of what a statement does, in partitions too, and rules in its
/// place; each once for every command. `$1` is the number of the table.
const DIVERSIONS: &str = "
SELECT DISTINCT 'trigger `' || g.tgname || '`' AS what, false AS is_rule, c.name AS command
  FROM pg_catalog.pg_trigger g
  JOIN (VALUES ('insert', 4), ('delete', 8), ('update', 16)) AS c(name, bit) ON g.tgtype & c.bit <> 0
 WHERE NOT g.tgisinternal AND g.tgenabled <> 'D' AND g.tgtype & 1 <> 0 AND g.tgtype & 66 <> 0
   AND g.tgrelid IN (SELECT $1::text::oid
                     UNION SELECT p.relid FROM pg_catalog.pg_partition_tree($1::text::oid) AS p)
UNION ALL
SELECT 'rule `' || w.rulename || '`', true, c.name
  FROM pg_catalog.pg_rewrite w
  JOIN (VALUES ('insert', '3'), ('delete', '4'), ('update', '2')) AS c(name, kind) ON w.ev_type::text = c.kind
 WHERE w.is_instead AND w.ev_enabled <> 'D' AND w.ev_class = $1::text::oid
 ORDER BY 1, 3";

/// A table or view by its exact name; `None` where there is none.
///
/// # Errors
/// What the server said.
pub async fn table(client: &Client, schema: &str, name: &str) -> Result<Option<Table>, Error> {
    let params: [(&(dyn tokio_postgres::types::ToSql + Sync), Type); 2] =
        [(&schema, Type::TEXT), (&name, Type::TEXT)];
    let Some(found) = client.query_typed_opt(TABLE, &params).await? else {
        return Ok(None);
    };
    let oid: u32 = found.try_get("oid")?;
    let number = oid.to_string();
    let rows = client
        .query_typed(COLUMNS, &[(&number, Type::TEXT)])
        .await?;
    let columns: Result<Vec<Column>, Error> = rows.iter().map(column).collect();
    let diversions = client
        .query_typed(DIVERSIONS, &[(&number, Type::TEXT)])
        .await?;
    let diversions: Result<Vec<Diversion>, Error> = diversions.iter().map(diversion).collect();
    Ok(Some(Table {
        oid,
        quoted: found.try_get("quoted")?,
        can_have_policies: found.try_get("can_have_policies")?,
        enabled: found.try_get("relrowsecurity")?,
        forced: found.try_get("relforcerowsecurity")?,
        columns: columns?,
        diversions: diversions?,
    }))
}

fn diversion(row: &Row) -> Result<Diversion, Error> {
    let command: &str = row.try_get("command")?;
    Ok(Diversion {
        what: row.try_get("what")?,
        is_rule: row.try_get("is_rule")?,
        command: match command {
            "insert" => Command::Insert,
            "delete" => Command::Delete,
            _ => Command::Update,
        },
    })
}

fn column(row: &Row) -> Result<Column, Error> {
    Ok(Column {
        name: row.try_get("name")?,
        quoted: row.try_get("quoted")?,
        padded: row.try_get("padded")?,
        generated: row.try_get("generated")?,
        has_default: row.try_get("has_default")?,
    })
}

/// What a session is, now; to a table, if one is given.
///
/// # Errors
/// What the server said.
pub async fn look(client: &Client, table: Option<&Table>) -> Result<Standing, Error> {
    let rows = client.query_typed(SESSION, &[]).await?;
    let mut session = None;
    let mut current = None;
    let mut on = true;
    for row in &rows {
        let role = role(row)?;
        on = row.try_get("row_security")?;
        if row.try_get("of_session")? {
            session = Some(role.clone());
        }
        if row.try_get("of_current")? {
            current = Some(role);
        }
    }
    // A role that was dropped under its own session is none that could be trusted.
    let nobody = || Role {
        quoted: String::new(),
        superuser: true,
        bypasses: true,
    };
    let reach = client.query_typed(REACH, &[]).await?;
    let reach: Result<Vec<Reach>, Error> = reach.iter().map(reached).collect();
    let givers = client.query_typed(GIVERS, &[]).await?;
    let givers: Result<Vec<String>, Error> =
        givers.iter().map(|row| row.try_get("quoted")).collect();
    Ok(Standing {
        session: session.unwrap_or_else(nobody),
        current: current.unwrap_or_else(nobody),
        row_security_off: match on {
            true => None,
            false => Some(switch(client).await?),
        },
        reach: reach?,
        givers: givers?,
        table: match table {
            Some(table) => Some(standing(client, table).await?),
            None => None,
        },
    })
}

fn role(row: &Row) -> Result<Role, Error> {
    Ok(Role {
        quoted: row.try_get("quoted")?,
        superuser: row.try_get("rolsuper")?,
        bypasses: row.try_get("rolbypassrls")?,
    })
}

fn reached(row: &Row) -> Result<Reach, Error> {
    Ok(Reach {
        role: role(row)?,
        member: row.try_get("member")?,
    })
}

async fn standing(client: &Client, table: &Table) -> Result<TableStanding, Error> {
    let number = table.oid.to_string();
    let found = client
        .query_typed_opt(OWNED, &[(&number, Type::TEXT)])
        .await?;
    let rights = client.query_typed(RIGHTS, &[(&number, Type::TEXT)]).await?;
    Ok(TableStanding {
        table: table.clone(),
        rights: rights_of(&rights)?,
        owned: match found {
            Some(row) => row.try_get("owned")?,
            // It is gone, and so nothing is known.
            None => true,
        },
    })
}

fn rights_of(rows: &[Row]) -> Result<Rights, Error> {
    let mut rights = Rights::default();
    for row in rows {
        let name: String = row.try_get("name")?;
        let kinds = [
            ("reads", &mut rights.reads),
            ("adds", &mut rights.adds),
            ("changes", &mut rights.changes),
        ];
        for (kind, columns) in kinds {
            if row.try_get(kind)? {
                columns.insert(name.clone());
            }
        }
    }
    Ok(rights)
}

async fn switch(client: &Client) -> Result<Switch, Error> {
    let row = client.query_typed_one(SWITCH, &[]).await?;
    let source: String = row.try_get("source")?;
    let role: String = row.try_get("role")?;
    let database: String = row.try_get("database")?;
    let fix = match source.as_str() {
        "user" => format!("ALTER ROLE {role} RESET row_security;"),
        "database user" => format!("ALTER ROLE {role} IN DATABASE {database} RESET row_security;"),
        "database" => format!("ALTER DATABASE {database} RESET row_security;"),
        "configuration file" => {
            "ALTER SYSTEM SET row_security = on; SELECT pg_reload_conf();".to_owned()
        }
        _ => "SET row_security = on;".to_owned(),
    };
    Ok(Switch { fix })
}
