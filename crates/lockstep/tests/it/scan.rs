//! `lockstep scan`: forms, exit codes, and what is never told.

use std::path::Path;

use serde_json::{Value, json};
use testkit::postgres::{Database, PASSWORD};
use testkit::{Finished, Project};

use crate::support::{assert_described, lockstep, root, run};

const SHOP: &str = "
REVOKE ALL ON DATABASE $database FROM PUBLIC;
CREATE SCHEMA shop;
CREATE TABLE shop.orders (id int PRIMARY KEY, customer text NOT NULL);
INSERT INTO shop.orders VALUES (1, 'ada'), (2, 'ben');
GRANT USAGE ON SCHEMA shop TO $app;
GRANT SELECT ON shop.orders TO $app;
GRANT CONNECT ON DATABASE $database TO $app;
";

/// What mends it.
const CLOSED: &str = "
ALTER TABLE shop.orders ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON shop.orders USING (id = current_setting('shop.user', true)::int);
";

struct Shop {
    database: Database,
    app: String,
}

impl Shop {
    fn new() -> Self {
        let database = Database::new();
        let app = database.role("app", "");
        let shop = Self { database, app };
        shop.execute(SHOP);
        shop
    }

    fn execute(&self, sql: &str) {
        let sql = sql.replace("$database", self.database.name());
        self.database.execute(&sql.replace("$app", &self.app));
    }

    fn scan(&self, arguments: &[&str]) -> Finished {
        let url = self.database.url();
        run(&[&["scan", url.as_str()], arguments].concat())
    }

    /// A report without what differs from run to run.
    fn plain(&self, text: &str) -> String {
        let port = self.database.port().to_string();
        text.replace(&self.app, "app")
            .replace(self.database.name(), "shop")
            .replace(&port, "5432")
    }
}

#[test]
fn a_finding_is_told_with_what_was_seen_and_what_mends_it() {
    let shop = Shop::new();
    let finished = shop.scan(&[]);
    assert_eq!(finished.code, Some(1), "{}", finished.told());
    insta::assert_snapshot!("scan_text", shop.plain(&finished.stdout));
    let unproven = shop.scan(&["--no-probe"]);
    assert_eq!(unproven.code, Some(1), "{}", unproven.told());
    assert!(unproven.stdout.contains("  not probed: not asked for\n"));
    shop.execute(CLOSED);
    let finished = shop.scan(&[]);
    assert_eq!(finished.code, Some(0), "{}", finished.told());
    insta::assert_snapshot!("scan_text_clean", shop.plain(&finished.stdout));
}

#[test]
fn an_exception_is_told_and_fails_nothing() {
    let shop = Shop::new();
    shop.execute(
        "COMMENT ON TABLE shop.orders IS 'lockstep: allow row-security-missing: all may see all'",
    );
    let finished = shop.scan(&[]);
    assert_eq!(finished.code, Some(0), "{}", finished.told());
    let line = "allowed  row-security-missing  table shop.orders: all may see all";
    assert!(finished.stdout.contains(line), "{}", finished.stdout);
}

#[test]
fn programs_read_json_and_sarif() {
    let shop = Shop::new();
    let finished = shop.scan(&["--format", "json"]);
    assert_eq!(finished.code, Some(1));
    insta::assert_snapshot!("scan_json", shop.plain(&finished.stdout));
    assert_described("scan", &serde_json::from_str(&finished.stdout).unwrap());
    let finished = shop.scan(&["--format", "sarif"]);
    assert_eq!(finished.code, Some(1));
    let sarif: Value = serde_json::from_str(&finished.stdout).unwrap();
    let schema = root().join("crates/report/tests/data/sarif/sarif-schema-2.1.0.json");
    let schema = std::fs::read_to_string(schema).unwrap();
    let mut schema: Value = serde_json::from_str(&schema).unwrap();
    // As published, the pattern of language codes is no regular expression. None is written.
    for holder in ["run", "toolComponent"] {
        let language = &mut schema["definitions"][holder]["properties"]["language"];
        language.as_object_mut().unwrap().remove("pattern").unwrap();
    }
    let schema = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = schema
        .iter_errors(&sarif)
        .map(|it| it.to_string())
        .collect();
    assert_eq!(errors, Vec::<String>::new());
    assert_eq!(
        sarif["runs"][0]["results"][0]["ruleId"],
        "row-security-missing"
    );
    // It lies in the database, and not in a file.
    let place =
        json!([{ "logicalLocations": [{ "fullyQualifiedName": "shop.orders", "kind": "table" }] }]);
    assert_eq!(sarif["runs"][0]["results"][0]["locations"], place);
}

/// An exception, and one that excepts nothing, have their places in the form.
#[test]
fn exceptions_are_described_too() {
    let shop = Shop::new();
    let comment = "lockstep: allow row-security-missing: all may see all";
    shop.execute(&format!(
        "COMMENT ON TABLE shop.orders IS '{comment}'; COMMENT ON SCHEMA shop IS 'lockstep: allow public-grant: not there'"
    ));
    let finished = shop.scan(&["--format", "json"]);
    let told: Value = serde_json::from_str(&finished.stdout).unwrap();
    assert_eq!(told["findings"][0]["allowed"], "all may see all");
    assert_eq!(
        told["stale_exceptions"].as_array().unwrap().len(),
        1,
        "{told}"
    );
    assert_described("scan", &told);
}

#[test]
fn what_cannot_be_looked_at_is_not_green() {
    let empty = Database::new();
    // Roles are those of the whole cluster, and other tests have theirs there.
    let app = empty.role("app", "");
    let finished = run(&["scan", &empty.url(), "--role", &app]);
    assert_eq!(finished.code, Some(3), "{}", finished.told());
    let refused = empty.url().replace(PASSWORD, "wrong-horse");
    let finished = run(&["scan", &refused]);
    assert_eq!(finished.code, Some(3), "{}", finished.told());
    assert!(finished.stderr.contains("password authentication failed"));
    assert!(!finished.told().contains("wrong-horse"));
}

#[test]
fn a_word_too_many_is_a_mistake_and_its_neighbour_is_named() {
    let shop = Shop::new();
    let finished = shop.scan(&["--schema", "shoop"]);
    let message = "error: the database has no schema `shoop`\nhelp: did you mean `shop`?\n";
    assert_eq!((finished.code, &*finished.stderr), (Some(2), message));
    let finished = shop.scan(&["--role", "nobody-at-all"]);
    assert_eq!(finished.code, Some(2));
    let finished = run(&["scan", "mysql://ada:s3cret-word@db.test/shop"]);
    assert_eq!(finished.code, Some(2));
    assert!(!finished.told().contains("s3cret-word"));
}

#[test]
fn the_password_is_never_told_not_even_where_the_database_tells_it() {
    let shop = Shop::new();
    shop.execute(&format!("CREATE TABLE shop.\"{PASSWORD}\" (id int)"));
    shop.execute(&format!("GRANT SELECT ON shop.\"{PASSWORD}\" TO $app"));
    let project = Project::empty();
    for format in ["text", "json", "sarif"] {
        let finished = from_environment(project.path(), &shop, format);
        assert_eq!(finished.code, Some(1), "{}", finished.told());
        assert!(!finished.told().contains(PASSWORD), "{format}");
        assert!(finished.stdout.contains("***"), "{format}");
    }
}

fn from_environment(folder: &Path, shop: &Shop, format: &str) -> Finished {
    lockstep(folder, &["scan", "--format", format])
        .env("DATABASE_URL", &shop.database.url())
        .run()
}
