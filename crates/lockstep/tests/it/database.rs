//! PostgreSQL as a target: what actors reach through a real database, row by row.

mod cells;
mod clones;
mod guard;
mod insertions;
mod names;
mod pool;
mod statements;

use testkit::Project;
use testkit::postgres::Database;

use crate::support::{Report, names, test};

/// Posts of two tenants, with row security as it should be, and somebody who enters.
const SCHEMA: &str = "
CREATE TABLE posts (id int PRIMARY KEY, author_id text NOT NULL, tenant_id text NOT NULL, title text);
INSERT INTO posts VALUES
  (1, 'vera', 'acme', 'one'), (2, 'vic', 'acme', 'two'), (3, 'oscar', 'globex', 'three');
ALTER TABLE posts ENABLE ROW LEVEL SECURITY;
CREATE POLICY reading ON posts FOR SELECT USING (tenant_id = current_setting('app.tenant', true));
CREATE POLICY writing ON posts FOR UPDATE
  USING (author_id = current_setting('app.user', true) AND tenant_id = current_setting('app.tenant', true));
CREATE POLICY removing ON posts FOR DELETE
  USING (author_id = current_setting('app.user', true) AND tenant_id = current_setting('app.tenant', true));
CREATE POLICY adding ON posts FOR INSERT
  WITH CHECK (author_id = current_setting('app.user', true) AND tenant_id = current_setting('app.tenant', true));
";

const POLICY: &str = "
version: 1
types:
  user: {}
  post:
    attributes: { owner: user, tenant: tenant }
    actions: { create: instance, read: instance, update: instance, delete: instance }
roles:
  reader: { can: { post: [read] } }
tenants: { conceal: true }
rules:
  - name: own-posts
    permit: { post: [create, update, delete] }
    when: resource.owner == subject
";

const SUITE: &str = r#"
version: 1
policy: policy.yaml
targets:
  db:
    postgres: "${APP_URL}"
    witness: "${WITNESS_URL}"
    role: MEMBER
    session: { app.user: "{{ actor.uid }}", app.tenant: "{{ actor.tenant }}" }
    rows:
      posts: { type: post, key: id, attributes: { owner: author_id, tenant: tenant_id } }
actors:
  visitor: {}
  vera: { subject: "user:vera", uid: vera, tenant: acme, roles: [reader] }
  vic: { subject: "user:vic", uid: vic, tenant: acme, roles: [reader] }
  oscar: { subject: "user:oscar", uid: oscar, tenant: globex, roles: [reader] }
actions:
  post:
    read: { db: { select: posts, columns: [title] } }
    update: { db: { update: posts, values: { title: changed } } }
    give: { permission: update, db: { update: posts, values: { author_id: nobody } } }
    delete: { db: { delete: posts } }
    create: { db: { insert: posts, values: { id: 9, author_id: vera, tenant_id: acme, title: new } } }
"#;

/// A database with a role for members and a user who enters for the application.
pub(crate) struct Shop {
    pub(crate) database: Database,
    pub(crate) member: String,
    pub(crate) app: String,
}

impl Shop {
    pub(crate) fn new(schema: &str) -> Self {
        let database = Database::with(schema);
        let member = database.role("member", "");
        let app = database.role("app", "NOINHERIT");
        database.execute(&format!(
            "GRANT {member} TO {app}; GRANT ALL ON ALL TABLES IN SCHEMA public TO {member};"
        ));
        Self {
            database,
            member,
            app,
        }
    }

    /// Carries out statements, in which `MEMBER` and `APP` stand for the roles.
    pub(crate) fn change(&self, sql: &str) -> &Self {
        let sql = sql
            .replace("MEMBER", &self.member)
            .replace("APP", &self.app);
        self.database.execute(&sql);
        self
    }

    /// Makes a role that may log in.
    pub(crate) fn user(&self, name: &str) -> String {
        self.database.role(name, "")
    }

    /// Runs a suite with the usual policy.
    pub(crate) fn run(&self, suite: &str, arguments: &[&str]) -> Report {
        self.run_by(POLICY, suite, arguments)
    }

    /// Runs a suite with a policy.
    pub(crate) fn run_by(&self, policy: &str, suite: &str, arguments: &[&str]) -> Report {
        let suite = suite.replace("MEMBER", &self.member);
        let project = Project::new([("lockstep.yaml", suite.as_str()), ("policy.yaml", policy)]);
        let app = self.database.url_as(&self.app);
        let witness = self.database.url();
        let variables = [("APP_URL", app.as_str()), ("WITNESS_URL", &witness)];
        test(&project, &variables, arguments)
    }
}

#[test]
fn rows_are_held_against_the_policy() {
    let report = Shop::new(SCHEMA).run(SUITE, &[]);
    assert_eq!(report.code, Some(0), "{}", report.told);
    assert_eq!(report.with("held").len(), 20);
}

/// Each fault with what it makes of which cells.
#[test]
fn faults_of_policies_are_found() {
    // Whoever names a row reads it, and so needs the policy for reading too.
    let denied = [
        "oscar/post.delete",
        "oscar/post.read",
        "oscar/post.update",
        "vera/post.delete",
        "vera/post.read",
        "vera/post.update",
        "vic/post.delete",
        "vic/post.read",
        "vic/post.update",
    ];
    let cases: [(&str, &str, &[&str]); 5] = [
        ("DROP POLICY reading ON posts", "lockout", &denied),
        (
            "DROP POLICY reading ON posts; CREATE POLICY reading ON posts FOR SELECT USING (true)",
            "escalation",
            &[
                "oscar/post.read",
                "vera/post.read",
                "vic/post.read",
                "visitor/post.read",
            ],
        ),
        (
            "DROP POLICY adding ON posts; CREATE POLICY adding ON posts FOR INSERT WITH CHECK (true)",
            "escalation",
            &[
                "oscar/post.create",
                "vic/post.create",
                "visitor/post.create",
            ],
        ),
        (
            "DROP POLICY writing ON posts; CREATE POLICY writing ON posts FOR UPDATE
               USING (author_id = current_setting('app.user', true)) WITH CHECK (true)",
            "escalation",
            &["oscar/post.give", "vera/post.give", "vic/post.give"],
        ),
        (
            "REVOKE DELETE ON posts FROM MEMBER",
            "lockout",
            &["oscar/post.delete", "vera/post.delete", "vic/post.delete"],
        ),
    ];
    for (fault, verdict, cells) in cases {
        let shop = Shop::new(SCHEMA);
        let report = shop.change(fault).run(SUITE, &[]);
        assert_eq!(report.code, Some(1), "{fault}: {}", report.told);
        let found = names(cells.iter().copied());
        assert_eq!(report.with(verdict), found, "{fault}: {}", report.told);
        assert_eq!(
            report.findings().len(),
            found.len(),
            "{fault}: {}",
            report.told
        );
    }
}

/// All policies gone: everything is hidden from everybody, and nothing held against that.
#[test]
fn without_policies_everybody_is_locked_out() {
    let shop = Shop::new(SCHEMA);
    let drops = ["reading", "writing", "removing", "adding"];
    let drops = drops.map(|name| format!("DROP POLICY {name} ON posts;"));
    let report = shop.change(&drops.concat()).run(SUITE, &[]);
    assert_eq!(report.code, Some(1));
    // Nobody may do for a visitor, nor give away, nor write as somebody else.
    assert_eq!(report.with("lockout").len(), 10, "{}", report.told);
    assert_eq!(report.with("held").len(), 10, "{}", report.told);
}

/// A statement that names no row reads none, and so no policy for reading holds it.
#[test]
fn changes_that_name_no_row_are_tried() {
    let shop = Shop::new(SCHEMA);
    let fault =
        "DROP POLICY removing ON posts; CREATE POLICY removing ON posts FOR DELETE USING (true)";
    let report = shop.change(fault).run(SUITE, &["vera/post.delete"]);
    assert_eq!(report.verdict("vera/post.delete"), "escalation");
    assert!(
        report.words("vera/post.delete").contains("reaches row 2"),
        "{}",
        report.told
    );
    let visitor = shop.run(SUITE, &["visitor/post.delete"]);
    let words = visitor.words("visitor/post.delete");
    assert!(words.contains("names no row reaches 3"), "{words}");
}
