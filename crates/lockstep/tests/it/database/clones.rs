//! What is committed is committed in a copy that is there for it alone.

use std::fs;

use testkit::Project;
use testkit::postgres::Database;

use super::{POLICY, SCHEMA, SUITE, Shop};
use crate::support::{Report, lockstep, names, test};

/// A database, the template of its clones, and whoever may copy that.
struct Cloned {
    shop: Shop,
    template: Database,
}

impl Cloned {
    fn new(more: &str) -> Self {
        let shop = Shop::new(SCHEMA);
        let change = |sql: &str| sql.replace("MEMBER", &shop.member);
        let more = change(more);
        shop.change(&more);
        let template = Database::with(SCHEMA);
        template.execute(&change(
            "GRANT ALL ON ALL TABLES IN SCHEMA public TO MEMBER",
        ));
        template.execute(&more);
        Self { shop, template }
    }

    fn by(&self) -> String {
        let url = self.template.url();
        format!("{}/postgres", url.rsplit_once('/').unwrap().0)
    }

    fn suite(&self, statements: &str) -> String {
        let clones = format!(
            "    clones: {{ by: \"${{BY_URL}}\", template: {} }}\n",
            self.template.name()
        );
        SUITE
            .replace("    rows:\n", &format!("{clones}    rows:\n"))
            .replace("    delete: { db: { delete: posts } }\n", statements)
    }

    fn project(&self, statements: &str) -> Project {
        let suite = self.suite(statements).replace("MEMBER", &self.shop.member);
        Project::new([("lockstep.yaml", suite.as_str()), ("policy.yaml", POLICY)])
    }

    fn variables(&self) -> [(&'static str, String); 3] {
        [
            ("APP_URL", self.shop.database.url_as(&self.shop.app)),
            ("WITNESS_URL", self.shop.database.url()),
            ("BY_URL", self.by()),
        ]
    }

    fn run(&self, statements: &str, cells: &[&str]) -> Report {
        let variables = self.variables();
        let variables: Vec<(&str, &str)> = variables
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let report = test(&self.project(statements), &variables, cells);
        let run = report.json["run"].as_str().unwrap();
        let random = run.rsplit('-').next().unwrap();
        assert_eq!(self.clones(random), "", "every clone is dropped");
        report
    }

    fn clones(&self, random: &str) -> String {
        let sql =
            format!("SELECT datname FROM pg_database WHERE datname LIKE 'lockstep_lk{random}%'");
        self.shop.database.execute(&sql)
    }
}

/// A missing author is added by a trigger, and is looked for at the end of the transaction.
const DEFERRED: &str = "
CREATE TABLE authors (id text PRIMARY KEY); INSERT INTO authors VALUES ('vic'), ('oscar');
ALTER TABLE posts ADD CONSTRAINT author FOREIGN KEY (author_id) REFERENCES authors DEFERRABLE INITIALLY DEFERRED NOT VALID;
CREATE FUNCTION add_author() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
BEGIN INSERT INTO authors VALUES (NEW.author_id) ON CONFLICT DO NOTHING; RETURN NULL; END $$;
CREATE TRIGGER z_author AFTER INSERT ON posts FOR EACH ROW EXECUTE FUNCTION add_author();
CREATE PROCEDURE settle() LANGUAGE plpgsql AS $$ BEGIN UPDATE posts SET title = 'settled'; COMMIT; END $$;
";

const STATEMENTS: &str = "    delete: { db: { delete: posts, commit: true } }
    add: { permission: create, db: { insert: posts, values: { id: 9, author_id: vera, tenant_id: acme }, commit: true } }
    soon: { permission: create, db: { insert: posts, values: { id: 9, author_id: vera, tenant_id: acme } } }
    settle: { permission: read, db: { execute: settle, commit: true } }
    stay: { permission: read, db: { execute: settle } }
";

#[test]
fn what_is_committed_leaves_nothing() {
    let cloned = Cloned::new(DEFERRED);
    let cells = ["vera/post.delete", "*/post.add", "vera/post.s*"];
    let report = cloned.run(STATEMENTS, &cells);
    assert_eq!(
        report.with("inconclusive"),
        names(["vera/post.soon", "vera/post.stay"]),
        "{}",
        report.told
    );
    assert!(
        report.words("vera/post.soon").contains("(23503)"),
        "{}",
        report.told
    );
    assert!(
        report.words("vera/post.stay").contains("(2D000)"),
        "{}",
        report.told
    );
    assert!(report.findings().is_empty(), "{}", report.told);
    for database in [&cloned.shop.database, &cloned.template] {
        let left = database
            .execute("SELECT count(*), count(*) FILTER (WHERE title = 'settled') FROM posts");
        assert_eq!(left, "3|0\n");
    }
}

/// Faults are found there as elsewhere; what one change commits, the next one does not see.
#[test]
fn faults_are_found_in_clones() {
    let fault = "DROP POLICY removing ON posts; CREATE POLICY removing ON posts FOR DELETE
                   USING (tenant_id = current_setting('app.tenant', true) AND (SELECT count(*) FROM posts) > 1);
                 CREATE FUNCTION stop() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE insufficient_privilege; END $$;
                 CREATE CONSTRAINT TRIGGER late AFTER INSERT ON posts DEFERRABLE INITIALLY DEFERRED
                   FOR EACH ROW EXECUTE FUNCTION stop();";
    let cloned = Cloned::new(&format!("{DEFERRED}{fault}"));
    let report = cloned.run(
        STATEMENTS,
        &["vera/post.delete", "oscar/post.delete", "vera/post.add"],
    );
    // Vera sees two rows, and each of them can be the first to go.
    assert_eq!(
        report.verdict("vera/post.delete"),
        "escalation",
        "{}",
        report.told
    );
    assert!(
        report.words("vera/post.delete").contains("reaches row 2"),
        "{}",
        report.told
    );
    assert_eq!(
        report.verdict("vera/post.add"),
        "lockout",
        "{}",
        report.told
    );
}

/// A template that somebody uses cannot be copied: nothing is said then, and nothing is left.
#[test]
fn a_template_that_is_in_use_is_told() {
    let cloned = Cloned::new(DEFERRED);
    cloned.template.execute(&format!(
        "ALTER DATABASE {} ALLOW_CONNECTIONS true",
        cloned.template.name()
    ));
    let statements = STATEMENTS.to_owned();
    let wrong = cloned.template.name().to_owned();
    let project = cloned.project(&statements);
    let suite = fs::read_to_string(project.path().join("lockstep.yaml")).unwrap();
    fs::write(
        project.path().join("lockstep.yaml"),
        suite.replace(&wrong, "no_such_template"),
    )
    .unwrap();
    let finished = lockstep(
        project.path(),
        &["test", "vera/post.add", "--report", "json=-"],
    )
    .envs(cloned.variables())
    .run();
    let report = Report::of(&finished);
    assert_eq!(report.code, Some(3), "{}", report.told);
    let words = report.words("vera/post.add");
    assert!(words.contains("no clone was made"), "{words}");
    assert!(project.files_under(".lockstep/journal").is_empty());
}

/// A clone that a killed run left behind is dropped by its journal.
#[test]
fn a_clone_that_was_left_behind_is_dropped() {
    let cloned = Cloned::new(DEFERRED);
    let project = cloned.project(STATEMENTS);
    let name = "lockstep_lkleftbehind-1x_1";
    cloned.template.execute("SELECT 1");
    cloned.shop.database.execute(&format!(
        "CREATE DATABASE \"{name}\" TEMPLATE {}",
        cloned.template.name()
    ));
    let folder = project.path().join(".lockstep/journal");
    fs::create_dir_all(&folder).unwrap();
    let host = cloned.by();
    let (user, place) = host.split_once("://").unwrap().1.split_once('@').unwrap();
    let shown = format!("postgres://{}@{place}", user.split(':').next().unwrap());
    let journal = format!(
        "{{\"number\":0,\"step\":{{\"targets\":{{\"db\":\"{shown}\"}}}}}}\n\
         {{\"number\":1,\"step\":{{\"intent\":{{\"database\":\"db\",\"clone\":\"{name}\"}}}}}}\n\
         {{\"number\":2,\"step\":{{\"intent\":{{\"database\":\"db\",\"clone\":\"{}\"}}}}}}\n",
        cloned.template.name()
    );
    fs::write(folder.join("20261123T000000.000Z-leftbeh.jsonl"), journal).unwrap();
    let finished = lockstep(project.path(), &["cleanup"])
        .envs(cloned.variables())
        .run();
    let told = finished.told();
    assert!(told.contains("1 put back, 1 left behind"), "{told}");
    // Nothing but clones is ever dropped.
    assert!(told.contains("is no clone"), "{told}");
    assert_eq!(cloned.clones("leftbehind"), "");
    assert_eq!(cloned.template.execute("SELECT count(*) FROM posts"), "3\n");
}
