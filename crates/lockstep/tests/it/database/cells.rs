//! Row cells whose first appearance deceives: each is a table of its own in one database, in which
//! every row belongs to the tenant that is in its column.

use super::Shop;
use crate::support::Report;

const POLICY: &str = "
version: 1
types:
  user: {}
  thing:
    attributes: { tenant: tenant, public: { type: bool, default: false } }
    actions: { read: instance, update: instance, delete: instance, insert: instance }
  misc: { actions: { all: collection } }
roles:
  editor: { can: { thing: [read, update, delete, insert], misc: [all] } }
tenants: {}
rules:
  - name: no-publishing
    deny: { thing: [update] }
    when: resource.public
";

/// Vera may do everything to what is her tenant's, Nell nothing.
const SUITE: &str = r#"
version: 1
policy: policy.yaml
targets:
  db:
    postgres: "${APP_URL}"
    witness: "${WITNESS_URL}"
    role: MEMBER
    session: { app.tenant: "{{ actor.tenant }}", TimeZone: Asia/Tokyo }
    rows:
ROWS
actors:
  vera: { subject: "user:vera", tenant: acme, roles: [editor] }
  nell: { subject: "user:nell", tenant: acme }
actions:
  misc:
    trunc: { permission: all, db: { truncate: referred } }
    typo: { permission: all, db: { usage: { schema: no_such } } }
    count: { permission: all, db: { usage: { sequence: hid.no_such } } }
    two: { permission: all, db: { execute: two } }
    grab: { permission: all, db: { execute: grab } }
    see: { permission: all, db: { execute: see } }
    number: { permission: all, db: { select: numbers, columns: [n] } }
  thing:
ACTIONS
"#;

const SCHEMA: &str = "
CREATE FUNCTION mine(tenant text) RETURNS boolean STABLE LANGUAGE sql
  AS $$ SELECT tenant = current_setting('app.tenant', true) $$;
CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$;
CREATE FUNCTION as_before() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN OLD; END $$;
CREATE FUNCTION stays() RETURNS trigger LANGUAGE plpgsql
  AS $$ BEGIN NEW.tenant := OLD.tenant; RETURN NEW; END $$;
CREATE FUNCTION softly() RETURNS trigger LANGUAGE plpgsql
  AS $$ BEGIN UPDATE soft SET title = 'gone' WHERE id = OLD.id; RETURN NULL; END $$;
CREATE SCHEMA hid;
CREATE TYPE hid.state AS ENUM ('new');
CREATE TABLE referred (id int PRIMARY KEY); CREATE TABLE referring (id int REFERENCES referred);
CREATE FUNCTION denied() RETURNS int LANGUAGE plpgsql STABLE AS $$ BEGIN RAISE insufficient_privilege; END $$;
CREATE FUNCTION two() RETURNS TABLE (a int, b int) LANGUAGE sql STABLE AS 'SELECT 1, denied()';
CREATE FUNCTION grab() RETURNS void LANGUAGE sql AS 'SELECT pg_advisory_lock(7)';
CREATE FUNCTION see() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
  IF EXISTS (SELECT FROM pg_locks l JOIN pg_database d ON d.oid = l.database
             WHERE l.locktype = 'advisory' AND d.datname = current_database())
  THEN RAISE 'somebody holds a lock'; END IF; END $$;
CREATE SEQUENCE numbering; GRANT USAGE ON SEQUENCE numbering TO PUBLIC;
CREATE VIEW numbers AS SELECT nextval('numbering') AS n;
";

/// A table with a row of each tenant; `CREATE TABLE` of another shape stands in `schema`.
const TABLE: &str = "
CREATE TABLE NAME (id text PRIMARY KEY, tenant text, title text);
INSERT INTO NAME VALUES ('1', 'acme', 'one'), ('2', 'globex', 'two');
";

/// Everything is open, or what belongs to the actor's tenant is.
const OPEN: &str = "CREATE POLICY open ON NAME USING (true)";
const OWN: &str = "CREATE POLICY own ON NAME USING (mine(tenant))";

struct Case {
    /// The table, and so the action.
    table: &'static str,
    /// What makes it, after the usual table where it makes none.
    schema: &'static [&'static str],
    permission: &'static str,
    statement: &'static str,
    /// For whom which verdict is right, and a part of what is told.
    verdicts: &'static [(&'static str, &'static str, &'static str)],
}

const CASES: &[Case] = &[
    Case {
        table: "twins",
        schema: &[
            "CREATE TABLE NAME (tenant text, id int, PRIMARY KEY (tenant, id));
             INSERT INTO NAME VALUES ('acme', 1), ('acme', 2), ('globex', 1), ('globex', 2)",
            OPEN,
        ],
        permission: "read",
        statement: "select: NAME",
        verdicts: &[("vera", "inconclusive", "does not tell the rows of public.twins apart")],
    },
    Case {
        table: "keyless",
        schema: &[OPEN, "REVOKE ALL ON NAME FROM MEMBER; GRANT SELECT (title) ON NAME TO MEMBER"],
        permission: "read",
        statement: "select: NAME, columns: [title]",
        verdicts: &[
            ("nell", "escalation", "reaches 2 of them, and the policy permits 0"),
            ("vera", "escalation", "reaches 2 of them, and the policy permits 1"),
        ],
    },
    Case {
        table: "keyless_own",
        schema: &[OWN, "REVOKE ALL ON NAME FROM MEMBER; GRANT SELECT (title) ON NAME TO MEMBER"],
        permission: "read",
        statement: "select: NAME, columns: [title]",
        verdicts: &[("vera", "inconclusive", "as long as it does not ask for their key")],
    },
    Case {
        table: "typed",
        schema: &["ALTER TABLE NAME ADD state hid.state", OPEN],
        permission: "insert",
        statement: "insert: NAME, values: { id: \"{{ unique }}\", tenant: globex, state: new }",
        verdicts: &[("vera", "escalation", ""), ("nell", "escalation", "")],
    },
    Case {
        table: "typed_own",
        schema: &["ALTER TABLE NAME ADD state hid.state", OWN],
        permission: "insert",
        statement: "insert: NAME, values: { id: \"{{ unique }}\", tenant: acme, state: new }",
        verdicts: &[("vera", "held", "")],
    },
    Case {
        table: "returned",
        schema: &[
            "CREATE POLICY reading ON NAME FOR SELECT USING (mine(tenant))",
            "CREATE POLICY adding ON NAME FOR INSERT WITH CHECK (true)",
        ],
        permission: "insert",
        statement: "insert: NAME, columns: [id], values: { id: \"{{ unique }}\", tenant: globex }",
        verdicts: &[("vera", "escalation", "")],
    },
    Case {
        table: "numbered",
        schema: &[
            "CREATE TABLE NAME (id serial PRIMARY KEY, tenant text); INSERT INTO NAME (tenant) VALUES ('acme'), ('globex')",
            OPEN,
        ],
        permission: "insert",
        statement: "insert: NAME, values: { tenant: globex }",
        verdicts: &[("vera", "inconclusive", "refused for another reason than grants and policies")],
    },
    Case {
        table: "ungranted",
        schema: &[OPEN, "REVOKE INSERT ON NAME FROM MEMBER"],
        permission: "insert",
        statement: "insert: NAME, values: { id: \"{{ unique }}\", tenant: globex }",
        verdicts: &[("vera", "held", ""), ("nell", "held", "")],
    },
    Case {
        table: "put",
        schema: &[OPEN, "REVOKE UPDATE ON NAME FROM MEMBER; GRANT UPDATE (tenant, title) ON NAME TO MEMBER"],
        permission: "insert",
        statement: "insert: NAME, on_conflict: update, values: { id: \"2\", tenant: globex, title: z }",
        verdicts: &[("vera", "escalation", "")],
    },
    Case {
        table: "swallowed",
        schema: &[OWN, "CREATE TRIGGER swallow BEFORE INSERT ON NAME FOR EACH ROW EXECUTE FUNCTION nothing()"],
        permission: "insert",
        statement: "insert: NAME, values: { id: \"{{ unique }}\", tenant: acme }",
        verdicts: &[("vera", "lockout", "filtered"), ("nell", "held", "filtered")],
    },
    Case {
        table: "ruled",
        schema: &[OWN, "CREATE RULE away AS ON INSERT TO NAME DO INSTEAD NOTHING"],
        permission: "insert",
        statement: "insert: NAME, values: { id: \"{{ unique }}\", tenant: acme }",
        verdicts: &[("vera", "inconclusive", "rule `away`")],
    },
    Case {
        table: "restored",
        schema: &[OWN, "CREATE TRIGGER restore BEFORE UPDATE ON NAME FOR EACH ROW EXECUTE FUNCTION as_before()"],
        permission: "update",
        statement: "update: NAME, values: { title: changed }",
        verdicts: &[("vera", "lockout", "does not reach row 1")],
    },
    Case {
        table: "kept",
        schema: &[
            "CREATE POLICY own ON NAME USING (mine(tenant)) WITH CHECK (true)",
            "CREATE TRIGGER keep BEFORE UPDATE ON NAME FOR EACH ROW EXECUTE FUNCTION stays()",
        ],
        permission: "update",
        statement: "update: NAME, values: { tenant: globex }",
        verdicts: &[("vera", "held", "")],
    },
    Case {
        table: "soft",
        schema: &[OWN, "CREATE TRIGGER softly BEFORE DELETE ON NAME FOR EACH ROW EXECUTE FUNCTION softly()"],
        permission: "delete",
        statement: "delete: NAME",
        verdicts: &[("nell", "escalation", "reaches row 1"), ("vera", "inconclusive", "trigger `softly`")],
    },
    Case {
        table: "computed",
        schema: &[
            "ALTER TABLE NAME ADD public boolean GENERATED ALWAYS AS (title = 'public') STORED",
            OWN,
        ],
        permission: "update",
        statement: "update: NAME, values: { title: public }",
        verdicts: &[("vera", "escalation", "reaches row 1")],
    },
    Case {
        table: "filled",
        schema: &["ALTER TABLE NAME ALTER tenant SET DEFAULT current_setting('app.tenant', true)", OWN],
        permission: "insert",
        statement: "insert: NAME, values: { id: \"{{ unique }}\" }",
        verdicts: &[("vera", "held", ""), ("nell", "escalation", "")],
    },
    Case {
        table: "padded",
        schema: &[
            "CREATE TABLE NAME (id char(10) PRIMARY KEY, tenant char(10));
             INSERT INTO NAME VALUES ('1', 'acme'), ('2', 'globex')",
            OWN,
        ],
        permission: "read",
        statement: "select: NAME",
        verdicts: &[("vera", "held", "")],
    },
    Case {
        table: "padded_copy",
        schema: &[
            "CREATE TABLE NAME (id char(10) PRIMARY KEY, tenant char(10));
             INSERT INTO NAME VALUES ('1', 'acme'), ('2', 'globex')",
            OWN,
        ],
        permission: "read",
        statement: "select: NAME, copy: true",
        verdicts: &[("vera", "held", "")],
    },
    Case {
        table: "timed",
        schema: &[
            "CREATE TABLE NAME (id timestamptz PRIMARY KEY, tenant text);
             INSERT INTO NAME VALUES ('2026-01-01T00:00:00Z', 'acme'), ('2026-01-02T00:00:00Z', 'globex')",
            OWN,
        ],
        permission: "read",
        statement: "select: NAME",
        verdicts: &[("vera", "held", "")],
    },
    Case {
        table: "parents",
        schema: &[
            OPEN,
            "CREATE TABLE children (id text REFERENCES NAME); INSERT INTO children VALUES ('1')",
        ],
        permission: "delete",
        statement: "delete: NAME",
        verdicts: &[("vera", "escalation", "reaches row 2")],
    },
    Case {
        table: "mails",
        schema: &[
            "CREATE UNIQUE INDEX ON NAME (lower(title)); UPDATE NAME SET title = 'b@x' WHERE id = '2'",
            OWN,
        ],
        permission: "insert",
        statement: "insert: NAME, values: { id: \"{{ unique }}\", tenant: acme, title: B@x }",
        verdicts: &[("vera", "leak", "does not see")],
    },
    Case {
        table: "own_mails",
        schema: &["CREATE UNIQUE INDEX ON NAME (lower(title))", OWN],
        permission: "insert",
        statement: "insert: NAME, values: { id: \"{{ unique }}\", tenant: acme, title: ONE }",
        verdicts: &[("vera", "inconclusive", "(23505)")],
    },
    Case {
        table: "parted",
        schema: &[
            "CREATE TABLE NAME (id text PRIMARY KEY, tenant text, title text) PARTITION BY HASH (id);
             CREATE TABLE NAME_0 PARTITION OF NAME FOR VALUES WITH (MODULUS 1, REMAINDER 0);
             CREATE UNIQUE INDEX ON NAME_0 (title); INSERT INTO NAME VALUES ('1', 'acme', 'one'), ('2', 'globex', 'taken')",
            OWN,
        ],
        permission: "insert",
        statement: "insert: NAME, values: { id: \"{{ unique }}\", tenant: acme, title: taken }",
        verdicts: &[("vera", "leak", "does not see")],
    },
];

impl Case {
    fn sql(&self) -> String {
        let makes_its_own = self
            .schema
            .iter()
            .any(|it| it.contains("CREATE TABLE NAME ("));
        let table = if makes_its_own { "" } else { TABLE };
        let (shape, rest) = match makes_its_own {
            true => self.schema.split_at(1),
            false => self.schema.split_at(0),
        };
        let grants = "ALTER TABLE NAME ENABLE ROW LEVEL SECURITY; GRANT ALL ON NAME TO MEMBER";
        let all = [table, shape.concat().as_str(), grants, &rest.join(";")].join(";");
        all.replace("NAME", self.table)
    }

    fn rows(&self) -> String {
        let public = match self.table {
            "computed" => ", public: public",
            _ => "",
        };
        let table = self.table;
        format!(
            "      {table}: {{ type: thing, key: id, attributes: {{ tenant: tenant{public} }} }}\n"
        )
    }

    fn action(&self) -> String {
        let (name, permission) = (self.table.replace('_', "-"), self.permission);
        let statement = self.statement.replace("NAME", self.table);
        format!("    {name}: {{ permission: {permission}, db: {{ {statement} }} }}\n")
    }
}

fn suite() -> String {
    let rows: String = CASES.iter().map(Case::rows).collect();
    let actions: String = CASES.iter().map(Case::action).collect();
    SUITE
        .replace("ROWS\n", &rows)
        .replace("ACTIONS\n", &actions)
}

fn shop() -> Shop {
    let shop = Shop::new(SCHEMA);
    let all: Vec<String> = CASES.iter().map(Case::sql).collect();
    shop.change(&all.join(";\n"));
    shop
}

fn assert_told(report: &Report, cell: &str, verdict: &str, words: &str) {
    let told = report.words(cell);
    assert_eq!(report.verdict(cell), verdict, "{cell}: {told}");
    let told = told.replace("\\\"", "\"");
    assert!(told.contains(words), "{cell}: {told}");
}

#[test]
fn what_deceives_is_seen() {
    let shop = shop();
    let report = shop.run_by(POLICY, &suite(), &["*/thing.*"]);
    let mut wrong = String::new();
    for case in CASES {
        for (actor, verdict, words) in case.verdicts {
            let cell = format!("{actor}/thing.{}", case.table.replace('_', "-"));
            let told = report.words(&cell);
            if report.verdict(&cell) != *verdict || !told.contains(words) {
                wrong += &format!("{cell} should be {verdict} ({words}): {told}\n\n");
            }
        }
    }
    assert_eq!(wrong, "");
}

#[test]
fn what_deceives_as_a_whole_is_seen() {
    let shop = shop();
    shop.change(
        "GRANT TRUNCATE ON referred, referring TO MEMBER; GRANT SELECT ON numbers TO MEMBER",
    );
    let report = shop.run_by(POLICY, &suite(), &["*/misc.*", "--concurrency", "1"]);
    let cases = [
        ("vera/misc.trunc", "held", ""),
        ("nell/misc.trunc", "escalation", ""),
        (
            "nell/misc.typo",
            "inconclusive",
            "there is no schema `no_such`",
        ),
        (
            "nell/misc.count",
            "inconclusive",
            "there is no sequence `no_such`",
        ),
        ("nell/misc.two", "held", "(42501)"),
        ("vera/misc.two", "lockout", "(42501)"),
        ("vera/misc.grab", "held", ""),
        ("vera/misc.see", "held", ""),
    ];
    for (cell, verdict, words) in cases {
        assert_told(&report, cell, verdict, words);
    }
}

/// A view that takes a number takes none where nothing may be changed.
#[test]
fn nothing_that_only_reads_changes_anything() {
    let shop = shop();
    shop.change("GRANT SELECT ON numbers TO MEMBER");
    let report = shop.run_by(POLICY, &suite(), &["*/misc.number", "--read-only"]);
    assert_told(&report, "vera/misc.number", "inconclusive", "(25006)");
    let taken = shop.database.execute("SELECT is_called FROM numbering");
    assert_eq!(taken, "f\n");
}

/// Whoever no policy holds proves nothing, with `rows` or without.
#[test]
fn a_statement_as_a_whole_is_guarded_too() {
    let whole = r#"
version: 1
policy: policy.yaml
targets: { db: { postgres: "${APP_URL}", role: MEMBER } }
actors: { vera: { subject: "user:vera", tenant: acme, roles: [editor] } }
actions:
  misc:
    read: { permission: all, db: { select: kept } }
    add: { permission: all, db: { insert: kept, values: { id: "{{ unique }}" } } }
    empty: { permission: all, db: { truncate: kept } }
"#;
    let shop = shop();
    shop.change("ALTER ROLE MEMBER BYPASSRLS");
    let report = shop.run_by(POLICY, whole, &[]);
    assert_told(&report, "vera/misc.read", "inconclusive", "has BYPASSRLS");
    assert_told(&report, "vera/misc.add", "inconclusive", "has BYPASSRLS");
    // No policy holds it in any case.
    assert_told(&report, "vera/misc.empty", "held", "");
    shop.change("ALTER ROLE MEMBER NOBYPASSRLS; GRANT CREATE ON SCHEMA public TO MEMBER; ALTER TABLE kept OWNER TO MEMBER");
    let report = shop.run_by(POLICY, whole, &[]);
    assert_told(
        &report,
        "vera/misc.read",
        "inconclusive",
        "owns public.kept",
    );
    assert_told(
        &report,
        "vera/misc.empty",
        "inconclusive",
        "who may always truncate it",
    );
}
