//! `lockstep roles diff`: one row that is changed is told with the line of the policy.

use serde_json::Value;
use testkit::postgres::Database;
use testkit::{Finished, Project};

use crate::support::{assert_described, lockstep};

const POLICY: &str = "\
version: 1
types:
  user: {}
  post: { actions: { read: instance, delete: instance } }
roles:
  viewer: { can: { post: [read] } }
  admin: { includes: [viewer], can: { post: [delete] } }
";

const TABLES: &str = "
CREATE TABLE roles (id int PRIMARY KEY, name text);
CREATE TABLE permissions (id int PRIMARY KEY, resource text, action text);
CREATE TABLE role_permissions (role_id int, permission_id int);
CREATE TABLE role_hierarchy (parent_role_id int, child_role_id int);
CREATE TABLE user_roles (user_id int, role_id int, granted_by text, granted_at timestamp DEFAULT '2026-01-31 12:00');
INSERT INTO roles VALUES (1, 'viewer'), (2, 'admin');
INSERT INTO permissions VALUES (1, 'post', 'read'), (2, 'post', 'delete');
INSERT INTO role_permissions VALUES (1, 1), (2, 2);
INSERT INTO role_hierarchy VALUES (2, 1);
INSERT INTO user_roles VALUES (7, 1, 'ada');
";

fn project() -> Project {
    Project::new([
        ("policy/policy.yaml", POLICY),
        (
            "policy/facts.yaml",
            "subjects: { user:7: { roles: [viewer] } }\n",
        ),
    ])
}

fn diff(project: &Project, database: &Database, arguments: &[&str]) -> Finished {
    lockstep(project.path(), &[&["roles", "diff"], arguments].concat())
        .env("DATABASE_URL", &database.url())
        .run()
}

fn plain(database: &Database, text: &str) -> String {
    let port = database.port().to_string();
    text.replace(database.name(), "shop").replace(&port, "5432")
}

#[test]
fn one_changed_row_is_told_with_the_line_of_the_policy() {
    let project = project();
    let database = Database::with(TABLES);
    let finished = diff(&project, &database, &[]);
    assert_eq!(finished.code, Some(0), "{}", finished.told());
    database.execute("INSERT INTO role_permissions VALUES (1, 2)");
    let finished = diff(&project, &database, &[]);
    assert_eq!(finished.code, Some(1), "{}", finished.told());
    insta::assert_snapshot!("roles_diff_row", plain(&database, &finished.stdout));
    database.execute("INSERT INTO user_roles VALUES (8, 2, 'mallory')");
    let finished = diff(&project, &database, &["--json"]);
    assert_eq!(finished.code, Some(1), "{}", finished.told());
    insta::assert_snapshot!("roles_diff_json", plain(&database, &finished.stdout));
    let json: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(json["drift"].as_array().unwrap().len(), 2);
    assert_described("roles", &json);
}

#[test]
fn what_cannot_be_read_is_a_mistake_or_inconclusive_and_never_green() {
    let project = project();
    let database = Database::new();
    let finished = diff(&project, &database, &[]);
    assert_eq!(finished.code, Some(2), "{}", finished.told());
    assert!(
        finished
            .stderr
            .contains("the database has no table `roles`")
    );
    let tables = "version: 1\nroles: { table: app.roles, nam: title }\n";
    project.write("tables.yaml", tables.as_bytes());
    let finished = diff(&project, &database, &["--tables", "tables.yaml"]);
    assert_eq!(finished.code, Some(2));
    insta::assert_snapshot!("roles_diff_mistake", finished.stderr);
    let url = database.url().replace("correct-horse", "wrong-horse");
    let finished = lockstep(project.path(), &["roles", "diff", &url]).run();
    assert_eq!(finished.code, Some(3), "{}", finished.told());
    assert!(!finished.told().contains("wrong-horse"));
}
