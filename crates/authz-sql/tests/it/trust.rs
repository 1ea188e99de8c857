//! What others made in a database does not come to run with the rights of whoever reads it.

use authz_sql::catalogue;
use authz_sql::connection::{Address, read_only};
use authz_sql::probe::{Rows, Tried, probe};
use authz_sql::roles::{NotRead, RoleTables, read};
use authz_sql::scan::{Proof, Rule, Scope, scan};
use testkit::postgres::Database;

/// `dev` may make things in `public`. Its trap leaves its role, and where it is a superuser then, has
/// the server write a file.
const TRAPS: &str = "
GRANT CREATE ON SCHEMA public TO $dev;
GRANT CONNECT ON DATABASE $database TO $app;
SET ROLE $dev;
CREATE FUNCTION public.trap() RETURNS bool LANGUAGE sql AS $$ SELECT true $$;
CREATE TABLE public.bait (id int PRIMARY KEY);
INSERT INTO public.bait VALUES (1);
ALTER TABLE public.bait ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON public.bait USING (public.trap());
GRANT SELECT ON public.bait TO $app;
CREATE DOMAIN public.sprung AS int CHECK (public.trap());
CREATE TABLE public.constant (id int PRIMARY KEY);
ALTER TABLE public.constant ENABLE ROW LEVEL SECURITY;
CREATE POLICY own ON public.constant USING ('{1}'::public.sprung[] = '{1}'::public.sprung[]);
CREATE FUNCTION public.same(oid, regclass) RETURNS bool LANGUAGE sql AS $$ SELECT public.trap() $$;
CREATE OPERATOR public.= (LEFTARG = oid, RIGHTARG = regclass, FUNCTION = public.same);
CREATE FUNCTION public.same(text, text) RETURNS bool LANGUAGE sql AS $$ SELECT public.trap() $$;
CREATE OPERATOR public.= (LEFTARG = text, RIGHTARG = text, FUNCTION = public.same);
CREATE TYPE public.kind AS ENUM ('post');
CREATE FUNCTION public.spell(public.kind) RETURNS text LANGUAGE sql AS $$ SELECT public.trap()::text $$;
CREATE CAST (public.kind AS text) WITH FUNCTION public.spell(public.kind);
CREATE OR REPLACE FUNCTION public.trap() RETURNS bool LANGUAGE plpgsql AS $$ BEGIN
    PERFORM set_config('role', 'none', false);
    EXECUTE format('COPY (SELECT 1) TO %L', current_setting('data_directory') || '/$trap');
    RETURN true;
EXCEPTION WHEN insufficient_privilege THEN RETURN true;
END $$;
RESET ROLE;
";

const ROLES: &str = "
CREATE TABLE roles (id int PRIMARY KEY, name text);
CREATE TABLE permissions (id int PRIMARY KEY, resource text, action text);
CREATE TABLE role_permissions (role_id int, permission_id int);
INSERT INTO roles VALUES (1, 'viewer');
INSERT INTO permissions VALUES (1, 'post', 'read');
INSERT INTO role_permissions VALUES (1, 1);
";

struct Trapped {
    database: Database,
    app: String,
    dev: String,
    trap: String,
}

impl Trapped {
    fn new(more: &str) -> Self {
        let database = Database::new();
        let trapped = Self {
            app: database.role("app", ""),
            dev: database.role("dev", ""),
            trap: database.role_name("trap"),
            database,
        };
        trapped.execute(TRAPS);
        trapped.execute(more);
        assert!(!trapped.is_sprung(), "by whoever set it");
        trapped
    }

    fn execute(&self, sql: &str) {
        let sql = sql.replace("$app", &self.app).replace("$dev", &self.dev);
        let sql = sql.replace("$trap", &self.trap);
        self.database
            .execute(&sql.replace("$database", self.database.name()));
    }

    fn is_sprung(&self) -> bool {
        let query = format!(
            "SELECT (pg_stat_file('{}', true)).size IS NOT NULL",
            self.trap
        );
        self.database.execute(&query).trim() == "t"
    }

    async fn scan(&self, url: &str, rows: Rows) -> Tried {
        let mut client = Address::parse(url).unwrap().connect().await.unwrap();
        let mut transaction = read_only(&mut client).await.unwrap();
        let catalogue = catalogue::read(&mut transaction).await.unwrap();
        let found = scan(&catalogue, &Scope::default());
        let tried = probe(&mut transaction, &catalogue, &found, rows);
        let tried = tried.await.unwrap();
        // Its locks must be gone before a test goes on.
        transaction.rollback().await.unwrap();
        tried
    }

    async fn read_roles(&self, url: &str) -> Result<(), NotRead> {
        let mut client = Address::parse(url).unwrap().connect().await.unwrap();
        let transaction = read_only(&mut client).await.unwrap();
        let read = read(&transaction, &RoleTables::default()).await;
        transaction.rollback().await.unwrap();
        read.map(drop)
    }
}

#[tokio::test]
async fn a_superuser_scans_without_running_what_others_made() {
    let trapped = Trapped::new("");
    let url = trapped.database.url();
    trapped.scan(&url, Rows::AsReader).await;
    assert!(!trapped.is_sprung());
    // The trap is one.
    trapped.scan(&url, Rows::AsAll).await;
    assert!(trapped.is_sprung());
}

/// As a role of the application, nothing runs that does not run for it every day.
#[tokio::test]
async fn whoever_is_asked_about_asks_for_rows_itself() {
    let trapped = Trapped::new(
        "CREATE TABLE public.open (id int); INSERT INTO public.open VALUES (1), (2);
         ALTER TABLE public.open ENABLE ROW LEVEL SECURITY;
         CREATE POLICY own ON public.open FOR SELECT USING (id = current_setting('my.id')::int);
         GRANT SELECT ON public.open TO $app;",
    );
    let confirmed = |tried: &Tried| {
        let mut of_open = tried.findings.iter();
        let found = of_open.find(|it| it.rule == Rule::SettingWithoutDefault);
        matches!(found.unwrap().proof, Proof::Confirmed(_))
    };
    let own = trapped.database.url_as(&trapped.app);
    assert!(confirmed(&trapped.scan(&own, Rows::AsReader).await));
    let above = trapped.database.url();
    assert!(!confirmed(&trapped.scan(&above, Rows::AsReader).await));
}

#[tokio::test]
async fn roles_are_read_without_running_what_others_made() {
    let trapped = Trapped::new(ROLES);
    trapped.execute("ALTER DATABASE $database SET search_path = public, pg_catalog");
    let url = trapped.database.url();
    trapped.read_roles(&url).await.unwrap();
    assert!(!trapped.is_sprung(), "by an operator");
    trapped.execute("ALTER TABLE permissions ALTER resource TYPE public.kind USING 'post'");
    trapped.read_roles(&url).await.unwrap();
    assert!(!trapped.is_sprung(), "by a cast");
    trapped.execute(
        "ALTER TABLE role_permissions RENAME TO given; GRANT SELECT ON given TO $dev; SET ROLE $dev;
         CREATE VIEW role_permissions AS SELECT * FROM given WHERE public.trap()",
    );
    let Err(NotRead::Inconclusive(why)) = trapped.read_roles(&url).await else {
        panic!("a view of somebody else was read");
    };
    assert!(!trapped.is_sprung(), "by a view");
    let told =
        "to read the view `role_permissions` runs what it calls with the rights of a superuser";
    assert!(why.starts_with(told), "{why}");
}

/// Whoever holds a lock or makes a slow view does not hold up who reads.
#[tokio::test]
async fn what_is_read_is_not_waited_for() {
    let database = Database::new();
    let mut client = Address::parse(&database.url())
        .unwrap()
        .connect()
        .await
        .unwrap();
    let transaction = read_only(&mut client).await.unwrap();
    for (setting, value) in [
        ("lock_timeout", "5s"),
        ("statement_timeout", "1min"),
        ("search_path", "pg_catalog, pg_temp"),
        ("transaction_read_only", "on"),
    ] {
        let query = "SELECT current_setting($1)";
        let row = transaction.query_one(query, &[&setting]).await.unwrap();
        assert_eq!(row.get::<_, &str>(0), value, "{setting}");
    }
}
