//! The queries. Columns that only newer servers have are read through `to_jsonb`, so that one text
//! serves all versions.
//!
//! What belongs to the system or to an extension is left out: its owner is who made the server.

/// Whether an object belongs to an extension.
macro_rules! of_extension {
    ($class:literal, $id:literal) => {
        concat!(
            "EXISTS (SELECT FROM pg_depend e WHERE e.classid = '",
            $class,
            "'::regclass AND e.objid = ",
            $id,
            " AND e.deptype = 'e')"
        )
    };
}

/// Schemas of users.
macro_rules! of_users {
    () => {
        "n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"
    };
}

pub(super) const READER: &str = "
SELECT quote_ident(current_database()) AS database,
       current_setting('server_version_num')::int AS version,
       quote_ident(session_user) AS name,
       (SELECT oid FROM pg_roles WHERE rolname = session_user) AS id,
       (SELECT rolsuper FROM pg_roles WHERE rolname = session_user) AS superuser,
       (SELECT stats_reset::text FROM pg_stat_database WHERE datname = current_database()) AS counted_since";

pub(super) const ROLES: &str = "
SELECT r.oid, r.rolname AS bare, quote_ident(r.rolname) AS name, r.rolcanlogin AS login, r.rolsuper AS superuser,
       r.rolbypassrls AS bypasses, r.rolcreaterole AS creates_roles, r.rolinherit AS inherits,
       r.oid < 16384 AND r.rolname LIKE 'pg\\_%' AS built_in,
       has_database_privilege(r.oid, current_database(), 'CONNECT') AS connects,
       coalesce(shobj_description(r.oid, 'pg_authid'), '') AS comment
FROM pg_roles r";

/// Before version 16, whether something is inherited is said by the member alone.
pub(super) const MEMBERSHIPS: &str = "
SELECT m.roleid AS role, m.member, bool_or(m.admin_option) AS admin,
       bool_or(coalesce((to_jsonb(m) ->> 'inherit_option')::bool, r.rolinherit)) AS inherits,
       bool_or(coalesce((to_jsonb(m) ->> 'set_option')::bool, true)) AS sets
FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member
GROUP BY m.roleid, m.member ORDER BY 1, 2";

pub(super) const SCHEMAS: &str = concat!(
    "
SELECT n.oid, n.nspname AS bare, quote_ident(n.nspname) AS name, n.nspowner AS owner,
       coalesce(obj_description(n.oid, 'pg_namespace'), '') AS comment
FROM pg_namespace n WHERE ",
    of_users!(),
    " AND NOT ",
    of_extension!("pg_namespace", "n.oid")
);

pub(super) const RELATIONS: &str = concat!(
    "
SELECT c.oid, format('%I.%I', n.nspname, c.relname) AS name, n.oid AS schema, c.relkind AS kind,
       c.relowner AS owner, c.relrowsecurity AS row_security, c.relforcerowsecurity AS forced,
       coalesce((SELECT o.option_value::bool FROM pg_options_to_table(c.reloptions) o
                 WHERE o.option_name = 'security_invoker'), false) AS security_invoker,
       coalesce((SELECT o.option_value::bool FROM pg_options_to_table(c.reloptions) o
                 WHERE o.option_name = 'security_barrier'), false) AS security_barrier,
       ARRAY(SELECT i.inhparent FROM pg_inherits i WHERE i.inhrelid = c.oid) AS parents,
       coalesce(obj_description(c.oid, 'pg_class'), '') AS comment,
       coalesce(s.seq_tup_read, 0) + coalesce(s.idx_tup_fetch, 0) AS read,
       coalesce(s.n_tup_ins, 0) AS inserted, coalesce(s.n_tup_upd, 0) AS updated,
       coalesce(s.n_tup_del, 0) AS deleted
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     LEFT JOIN pg_stat_user_tables s ON s.relid = c.oid
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f') AND ",
    of_users!(),
    " AND NOT ",
    of_extension!("pg_class", "c.oid")
);

pub(super) const COLUMNS: &str = concat!(
    "
SELECT a.attrelid AS relation, a.attnum AS number, quote_ident(a.attname) AS name,
       a.attnotnull AS not_null
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND ",
    of_users!()
);

pub(super) const POLICIES: &str = "
SELECT quote_ident(p.polname) AS name, p.polrelid AS relation, p.polcmd AS command,
       p.polpermissive AS permissive, p.polroles AS roles,
       p.polqual::text AS using_tree, pg_get_expr(p.polqual, p.polrelid) AS using_text,
       p.polwithcheck::text AS check_tree, pg_get_expr(p.polwithcheck, p.polrelid) AS check_text,
       coalesce(obj_description(p.oid, 'pg_policy'), '') AS comment
FROM pg_policy p ORDER BY p.polrelid::regclass::text, p.polname";

/// Arguments by their types alone, as every command takes them.
pub(super) const FUNCTIONS: &str = concat!(
    "
SELECT p.oid, p.oid::regprocedure::text AS name, n.oid AS schema, p.proowner AS owner, p.prosecdef AS definer,
       p.prorettype = 'trigger'::regtype AS trigger,
       (SELECT substr(c, length('search_path=') + 1) FROM unnest(p.proconfig) c
        WHERE c LIKE 'search\\_path=%') AS search_path,
       to_jsonb(p) ->> 'prosqlbody' IS NOT NULL AS bound,
       coalesce(obj_description(p.oid, 'pg_proc'), '') AS comment
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE ",
    of_users!(),
    " AND NOT ",
    of_extension!("pg_proc", "p.oid")
);

/// What an object's owner has is not told: an owner can grant it to itself.
pub(super) const GRANTS: &str = concat!(
    "
SELECT 'r' AS class, c.oid AS id, 0::smallint AS number, g.grantee, g.privilege_type AS privilege,
       g.is_grantable AS grantable
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) g
WHERE g.grantee <> c.relowner AND ",
    of_users!(),
    "
UNION ALL
SELECT 'c', a.attrelid, a.attnum, g.grantee, g.privilege_type, g.is_grantable
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace,
     aclexplode(a.attacl) g
WHERE NOT a.attisdropped AND g.grantee <> c.relowner AND ",
    of_users!(),
    "
UNION ALL
SELECT 's', n.oid, 0::smallint, g.grantee, g.privilege_type, g.is_grantable
FROM pg_namespace n, aclexplode(coalesce(n.nspacl, acldefault('n', n.nspowner))) g
WHERE g.grantee <> n.nspowner AND ",
    of_users!(),
    "
UNION ALL
SELECT 'f', p.oid, 0::smallint, g.grantee, g.privilege_type, g.is_grantable
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace,
     aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) g
WHERE g.grantee <> p.proowner AND ",
    of_users!(),
    "
UNION ALL
SELECT 'd', d.oid, 0::smallint, g.grantee, g.privilege_type, g.is_grantable
FROM pg_database d, aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) g
WHERE d.datname = current_database() AND g.grantee <> d.datdba
ORDER BY 1, 2, 3, 4, 5"
);

pub(super) const DEFAULT_PRIVILEGES: &str = "
SELECT d.defaclrole AS owner, d.defaclnamespace AS schema, d.defaclobjtype AS kind, g.grantee,
       array_agg(g.privilege_type ORDER BY 1) AS privileges
FROM pg_default_acl d, aclexplode(d.defaclacl) g
WHERE g.grantee <> d.defaclrole
GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4";

/// A view depends through its rule on what it reads.
pub(super) const VIEW_READS: &str = "
SELECT DISTINCT w.ev_class AS view, d.refobjid AS reads
FROM pg_rewrite w JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = w.oid
WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid <> w.ev_class AND w.ev_type = '1'";

/// The queries of views.
pub(super) const VIEW_TREES: &str = concat!(
    "
SELECT c.oid AS view, w.ev_action::text AS tree
FROM pg_rewrite w JOIN pg_class c ON c.oid = w.ev_class JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE w.ev_type = '1' AND c.relkind = 'v' AND ",
    of_users!()
);

/// Whatever a function depends on because its body names it.
pub(super) const FUNCTION_READS: &str = "
SELECT p.oid AS function,
       coalesce(array_agg(d.refobjid) FILTER (WHERE d.refclassid = 'pg_class'::regclass), '{}') AS reads
FROM pg_proc p LEFT JOIN pg_depend d
     ON d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'n'
WHERE to_jsonb(p) ->> 'prosqlbody' IS NOT NULL
GROUP BY p.oid
HAVING NOT coalesce(bool_or(d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass)), false)";

pub(super) const INDEXED: &str = "
SELECT i.indrelid AS relation, i.indkey[0] AS number
FROM pg_index i WHERE i.indisvalid AND i.indpred IS NULL AND i.indkey[0] > 0";

/// Settings with a value from a file, a command line, the database or a role.
pub(super) const SETTINGS: &str = "
SELECT name FROM pg_settings WHERE name LIKE '%.%' AND source NOT IN ('session', 'client')
UNION
SELECT split_part(c, '=', 1) FROM pg_db_role_setting s, unnest(s.setconfig) c
WHERE s.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))";
