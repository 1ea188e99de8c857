//! Role tables of the usual shape, and what becomes of one row that is changed.

use authz::source::Source;
use authz::{Facts, Policy, read_facts, read_policy};
use authz_sql::connection::{Address, read_only};
use authz_sql::roles::{NotRead, RoleTables, Roles, drifts, read};
use testkit::postgres::Database;

const POLICY: &str = "\
version: 1
types:
  user: {}
  post: { actions: { list: collection, read: instance, update: instance, delete: instance } }
  comment: { actions: { delete: instance } }
roles:
  viewer: { can: { post: [list, read] } }
  editor: { includes: [viewer], can: { post: [update] } }
  moderator: { includes: [viewer], can: { comment: [delete] } }
  admin: { includes: [editor, moderator], can: { post: [delete] } }
  super_admin: { includes: [admin] }
";

const FACTS: &str = "\
subjects:
  user:7: { roles: [editor] }
  user:8: { roles: [viewer] }
";

const TABLES: &str = "
CREATE TABLE roles (id int PRIMARY KEY, name text UNIQUE, description text, created_at timestamptz DEFAULT now());
CREATE TABLE permissions (id int PRIMARY KEY, resource text, action text, UNIQUE (resource, action));
CREATE TABLE role_permissions (role_id int, permission_id int);
CREATE TABLE role_hierarchy (parent_role_id int, child_role_id int);
CREATE TABLE user_roles (user_id int, role_id int, granted_by text, granted_at timestamp DEFAULT '2026-01-31 12:00');
INSERT INTO roles VALUES (1, 'viewer'), (2, 'editor'), (3, 'moderator'), (4, 'admin'), (5, 'super_admin');
INSERT INTO permissions VALUES (1, 'post', 'list'), (2, 'post', 'read'), (3, 'post', 'update'), (4, 'post', 'delete'), (5, 'comment', 'delete');
INSERT INTO role_permissions VALUES (1, 1), (1, 2), (2, 3), (3, 5), (4, 4);
-- A diamond: an admin has what a viewer has in two ways.
INSERT INTO role_hierarchy VALUES (2, 1), (3, 1), (4, 2), (4, 3), (5, 4);
INSERT INTO user_roles VALUES (7, 2, 'ada'), (8, 1, 'ada');
";

/// Changes of one row or a few, by what they are.
const CHANGES: [(&str, &str); 15] = [
    ("nothing", ""),
    (
        "a viewer may delete",
        "INSERT INTO role_permissions VALUES (1, 4)",
    ),
    (
        "an editor may not update",
        "DELETE FROM role_permissions WHERE role_id = 2",
    ),
    (
        "everything of posts for moderators",
        "INSERT INTO permissions VALUES (6, 'post', '*'); INSERT INTO role_permissions VALUES (3, 6)",
    ),
    (
        "an admin above no moderator",
        "DELETE FROM role_hierarchy WHERE parent_role_id = 4 AND child_role_id = 3",
    ),
    (
        "a viewer above an editor: a circle",
        "INSERT INTO role_hierarchy VALUES (1, 2)",
    ),
    (
        "a moderator above an editor",
        "INSERT INTO role_hierarchy VALUES (3, 2)",
    ),
    (
        "a side of the diamond: nothing is lost",
        "DELETE FROM role_hierarchy WHERE parent_role_id = 3; INSERT INTO role_permissions VALUES (3, 1), (3, 2)",
    ),
    (
        "a role too many, above which stands one of ours",
        "INSERT INTO roles VALUES (6, 'edtor'); INSERT INTO role_permissions VALUES (6, 4); INSERT INTO role_hierarchy VALUES (1, 6)",
    ),
    (
        "a role too few",
        "DELETE FROM roles WHERE id = 5; DELETE FROM role_hierarchy WHERE parent_role_id = 5",
    ),
    (
        "permissions that nobody knows",
        "INSERT INTO permissions VALUES (7, 'post', 'burn'), (8, 'planet', 'read')",
    ),
    (
        "rows that lead nowhere",
        "INSERT INTO role_permissions VALUES (99, 1); INSERT INTO role_hierarchy VALUES (1, 98); INSERT INTO user_roles VALUES (7, 97, 'ada')",
    ),
    (
        "somebody is an admin",
        "INSERT INTO user_roles VALUES (9, 4, 'mallory')",
    ),
    (
        "somebody is a viewer no more",
        "DELETE FROM user_roles WHERE user_id = 8",
    ),
    (
        "a permission that is named twice",
        "ALTER TABLE permissions DROP CONSTRAINT permissions_resource_action_key; INSERT INTO permissions VALUES (9, 'post', 'read'); INSERT INTO role_permissions VALUES (1, 9)",
    ),
];

fn policy() -> Policy {
    read_policy(&[Source::new("policy/policy.yaml", POLICY)]).unwrap()
}

fn facts(policy: &Policy) -> Facts {
    read_facts(policy, &[Source::new("policy/facts.yaml", FACTS)]).unwrap()
}

async fn read_from(database: &Database, tables: &RoleTables) -> Result<Roles, NotRead> {
    read_as(&database.url(), tables).await
}

async fn read_as(url: &str, tables: &RoleTables) -> Result<Roles, NotRead> {
    let mut client = Address::parse(url).unwrap().connect().await.unwrap();
    let transaction = read_only(&mut client).await.unwrap();
    let read = read(&transaction, tables).await;
    // Its locks must be gone before a test goes on.
    transaction.rollback().await.unwrap();
    read
}

fn told(policy: &Policy, facts: &Facts, roles: &Roles) -> String {
    let mut text = String::new();
    for it in drifts(policy, facts, roles) {
        text += &format!("  {}: {}\n", it.kind.name(), it.sentence);
        if let Some(row) = it.row {
            text += &format!("    {row}\n");
        }
        if let (Some(by), Some(at)) = (it.granted_by, it.granted_at) {
            text += &format!("    granted by {by} at {at}\n");
        }
        if let Some(place) = it.place {
            text += &format!("    {place}\n");
        }
    }
    text
}

/// Each change is told at its row and at the line of the policy, once.
#[tokio::test]
async fn one_row_that_is_changed_is_told_with_the_line_of_the_policy() {
    let policy = policy();
    let facts = facts(&policy);
    let database = Database::with(TABLES);
    let mut text = String::new();
    for (what, change) in CHANGES {
        let changed = database.copy();
        changed.execute(change);
        let roles = read_from(&changed, &RoleTables::default()).await.unwrap();
        text += &format!("{what}\n{}", told(&policy, &facts, &roles));
    }
    insta::assert_snapshot!(text);
}

/// Without facts of anybody's roles, only what roles give is compared.
#[tokio::test]
async fn who_has_a_role_is_compared_only_where_the_facts_know() {
    let policy = policy();
    let database = Database::with(TABLES);
    let roles = read_from(&database, &RoleTables::default()).await.unwrap();
    assert_eq!(drifts(&policy, Facts::none(), &roles), []);
    assert_eq!(roles.effective["4"].len(), 5, "a diamond counts once");
}

#[tokio::test]
async fn tables_may_be_called_otherwise_and_names_are_never_sql() {
    let policy = policy();
    let facts = read_facts(
        &policy,
        &[Source::new(
            "facts.yaml",
            "subjects: { user:7: { roles: { acme: [viewer] } } }\n",
        )],
    )
    .unwrap();
    let database = Database::with(
        r#"
CREATE SCHEMA "Auth $$";
CREATE TABLE "Auth $$"."the roles" ("select" uuid PRIMARY KEY, "na""me" text);
CREATE TABLE "Auth $$".rights (id int, what text, verb text);
CREATE TABLE "Auth $$".holds (r uuid, p int);
CREATE TABLE "Auth $$".members (who int, r uuid, org text);
INSERT INTO "Auth $$"."the roles" VALUES ('00000000-0000-0000-0000-000000000001', 'viewer');
INSERT INTO "Auth $$".rights VALUES (1, 'post', 'list'), (2, 'post', 'read');
INSERT INTO "Auth $$".holds VALUES ('00000000-0000-0000-0000-000000000001', 1), ('00000000-0000-0000-0000-000000000001', 2);
INSERT INTO "Auth $$".members VALUES (7, '00000000-0000-0000-0000-000000000001', ''' OR 1=1 --');
"#,
    );
    let names = r#"
version: 1
roles: { table: '"Auth $$"."the roles"', id: select, name: 'na"me' }
permissions: { table: '"Auth $$".rights', resource: what, action: verb }
grants: { table: '"Auth $$".holds', role: r, permission: p }
assignments: { table: '"Auth $$".members', user: who, role: r, tenant: org }
"#;
    let names = RoleTables::from_source(&Source::new("role-tables.yaml", names)).unwrap();
    let roles = read_from(&database, &names).await.unwrap();
    insta::assert_snapshot!(told(&policy, &facts, &roles));
}

#[tokio::test]
async fn a_name_of_which_nothing_is_there_is_a_mistake_at_its_place() {
    let database = Database::with(TABLES);
    let text = "version: 1\nroles: { table: role, name: nam }\nhierarchy: { child: kid }\n";
    let names = RoleTables::from_source(&Source::new("role-tables.yaml", text)).unwrap();
    let Err(NotRead::Mistakes(mistakes)) = read_from(&database, &names).await else {
        panic!("mistakes are expected");
    };
    let told: Vec<String> = mistakes
        .iter()
        .map(|it| format!("{}: {}", it.place, it.message))
        .collect();
    assert_eq!(
        told,
        [
            "role-tables.yaml:3: `role_hierarchy` has no column `kid`",
            "role-tables.yaml:2: the database has no table `role`"
        ]
    );
    let Err(NotRead::Missing(missing)) = read_from(&Database::new(), &RoleTables::default()).await
    else {
        panic!("nothing is there");
    };
    assert_eq!(missing.len(), 3, "{missing:?}");
}

/// What a policy hides is not gone.
#[tokio::test]
async fn tables_of_which_rows_are_hidden_say_nothing() {
    let database = Database::with(TABLES);
    let reader = database.role("reader", "");
    database.execute(&format!(
        "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reader}"
    ));
    let url = database.url_as(&reader);
    assert!(read_as(&url, &RoleTables::default()).await.is_ok());
    database.execute("ALTER TABLE role_permissions ENABLE ROW LEVEL SECURITY");
    let Err(NotRead::Inconclusive(why)) = read_as(&url, &RoleTables::default()).await else {
        panic!("rows are hidden");
    };
    assert!(
        why.contains("row security is active on `role_permissions`"),
        "{why}"
    );
}

/// What a policy hides below a view is not gone either: it counts for whom the view reads as.
#[tokio::test]
async fn a_view_is_whole_where_all_that_it_reads_is() {
    let database = Database::with(TABLES);
    let reader = database.role("reader", "");
    let above = database.role("above", "BYPASSRLS");
    let maker = database.role("maker", "");
    database.execute(&format!(
        "ALTER TABLE role_permissions RENAME TO given;
         ALTER TABLE given ENABLE ROW LEVEL SECURITY;
         CREATE POLICY first ON given USING (role_id = 1);
         CREATE VIEW inner_view WITH (security_invoker) AS SELECT * FROM given;
         CREATE VIEW role_permissions WITH (security_invoker) AS SELECT * FROM inner_view;
         GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reader}, {above}, {maker}"
    ));
    let hidden =
        async |role: &str| match read_as(&database.url_as(role), &RoleTables::default()).await {
            Ok(_) => None,
            Err(NotRead::Inconclusive(why)) => Some(why.lines().next().unwrap().to_owned()),
            Err(other) => panic!("{other:?}"),
        };
    let why = "row security is active on `public.given`, which the view `role_permissions` reads, so that rows may be hidden";
    assert_eq!(hidden(&reader).await.as_deref(), Some(why));
    assert_eq!(hidden(&above).await, None);
    // It reads as its owner, a superuser, and then as somebody who is bound, whoever asks.
    database.execute("ALTER VIEW role_permissions RESET (security_invoker)");
    assert_eq!(hidden(&reader).await, None);
    database.execute(&format!("ALTER VIEW role_permissions OWNER TO {maker}"));
    assert_eq!(hidden(&above).await.as_deref(), Some(why));
}
