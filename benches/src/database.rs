//! Cells on a database, to a bare loop of the same client that makes the same statements: the
//! transaction of an actor with its settings, the probes, and its end. Both sides use the same PostgreSQL,
//! which the test kit starts.

use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, ensure};
use testkit::postgres::Database;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, NoTls};

use crate::measure::{Report, median};
use crate::{CONCURRENCY, ROUNDS, peers, timed};

/// As many rows as actors: each owns one.
const ACTORS: usize = 10;
/// How many actions of each kind make 2,000 cells of one kind.
const ACTIONS: usize = 200;

/// What is tried.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Read,
    Insert,
    Execute,
    Update,
}

/// The kinds by name, and how many of 200 actions are of each.
const MIXES: [(&str, &[(Kind, usize)]); 5] = [
    (
        "mixed",
        &[
            (Kind::Read, 100),
            (Kind::Insert, 40),
            (Kind::Execute, 40),
            (Kind::Update, 20),
        ],
    ),
    ("reading", &[(Kind::Read, ACTIONS)]),
    ("inserting", &[(Kind::Insert, ACTIONS)]),
    ("executing", &[(Kind::Execute, ACTIONS)]),
    ("updating row by row", &[(Kind::Update, ACTIONS)]),
];

const SCHEMA: &str = "
CREATE TABLE posts (id int PRIMARY KEY, author_id text NOT NULL, tenant_id text NOT NULL, title text);
INSERT INTO posts SELECT n, 'actor' || n, 'tenant' || n % 2, 'title ' || n FROM generate_series(0, ACTORS - 1) AS n;
ALTER TABLE posts ENABLE ROW LEVEL SECURITY;
CREATE POLICY reading ON posts FOR SELECT USING (tenant_id = current_setting('app.tenant', true));
CREATE POLICY writing ON posts FOR UPDATE USING (author_id = current_setting('app.user', true));
CREATE POLICY adding ON posts FOR INSERT WITH CHECK (author_id = current_setting('app.user', true));
CREATE FUNCTION publish(id int) RETURNS int LANGUAGE sql AS 'SELECT id';
GRANT MEMBER TO APP;
GRANT ALL ON posts TO MEMBER;
";

const POLICY: &str = "
version: 1
types:
  user: {}
  post:
    attributes: { owner: user, tenant: tenant }
    actions: { read: instance, update: instance, create: instance, publish: collection }
roles: { reader: { can: { post: [read, publish] } } }
tenants: { conceal: true }
rules:
  - name: own-posts
    permit: { post: [create, update] }
    when: resource.owner == subject
";

/// Measures every mix; how many goals were missed.
///
/// # Errors
/// A side fails, or a cell does not hold.
pub(crate) fn run() -> anyhow::Result<usize> {
    let database = Database::new();
    let member = database.role("member", "");
    let app = database.role("app", "NOINHERIT");
    let schema = SCHEMA.replace("ACTORS", &ACTORS.to_string());
    database.execute(&schema.replace("MEMBER", &member).replace("APP", &app));
    let place = Place {
        url: database.url_as(&app),
        witness: database.url(),
        member,
    };
    let runtime = tokio::runtime::Runtime::new()?;
    let mut report = Report::default();
    for (name, mix) in MIXES {
        let suite = place.suite(mix);
        let kinds: Vec<Kind> = mix
            .iter()
            .flat_map(|(kind, actions)| std::iter::repeat_n(*kind, actions * ACTORS))
            .collect();
        let (mut ours, mut floor) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            floor.push(timed(|| runtime.block_on(place.bare_loop(&kinds)))?.as_secs_f64());
            let ran = || {
                let suite = peers::read(&suite, Some(POLICY))?;
                runtime.block_on(peers::run(suite, kinds.len())).map(drop)
            };
            ours.push(timed(ran)?.as_secs_f64());
        }
        let (ours, floor) = (median(ours), median(floor));
        let cells = kinds.len();
        Report::note(
            name,
            &format!(
                "{cells} cells, {CONCURRENCY} at once, median of {ROUNDS} rounds: {:.0} ms, bare loop {:.0} ms",
                ours * 1e3,
                floor * 1e3
            ),
        );
        let name = format!("database cells, {name}, to the bare loop");
        report.at_least(&name, floor / ours, 0.5);
    }
    Ok(report.missed())
}

/// A database, and as whom it is entered.
struct Place {
    url: String,
    witness: String,
    member: String,
}

impl Place {
    fn suite(&self, mix: &[(Kind, usize)]) -> String {
        let Self {
            url,
            witness,
            member,
        } = self;
        let mut text = format!(
            "version: 1\npolicy: policy.yaml\ntargets:\n  db:\n    postgres: \"{url}\"\n    witness: \"{witness}\"\n    \
             role: {member}\n    session: {{ app.user: \"{{{{ actor.uid }}}}\", app.tenant: \"{{{{ actor.tenant }}}}\" }}\n    \
             rows: {{ posts: {{ type: post, key: id, attributes: {{ owner: author_id, tenant: tenant_id }} }} }}\nactors:\n"
        );
        for actor in 0..ACTORS {
            let tenant = actor % 2;
            let _ = writeln!(
                text,
                "  actor{actor}: {{ subject: \"user:actor{actor}\", uid: actor{actor}, tenant: tenant{tenant}, roles: [reader] }}"
            );
        }
        text.push_str("actions:\n  post:\n");
        for (kind, actions) in mix {
            let (permission, statement) = match kind {
                Kind::Read => ("read", "select: posts, columns: [title]"),
                Kind::Insert => (
                    "create",
                    "insert: posts, values: { id: 9999, author_id: \"{{ actor.uid }}\", tenant_id: \"{{ actor.tenant }}\" }",
                ),
                Kind::Execute => ("publish", "execute: publish, arguments: [7]"),
                Kind::Update => ("update", "update: posts, values: { title: changed }"),
            };
            for action in 0..*actions {
                let _ = writeln!(
                    text,
                    "    {permission}{action}: {{ permission: {permission}, db: {{ {statement} }} }}"
                );
            }
        }
        text
    }

    /// The floor: workers with a connection each, who look at the number of rows.
    async fn bare_loop(&self, kinds: &[Kind]) -> anyhow::Result<()> {
        let kinds: Arc<[Kind]> = kinds.into();
        let next = Arc::new(AtomicUsize::new(0));
        let workers = (0..CONCURRENCY).map(|_| {
            let (kinds, next) = (Arc::clone(&kinds), Arc::clone(&next));
            let (url, member) = (self.url.clone(), self.member.clone());
            tokio::spawn(async move {
                let (client, connection) = tokio_postgres::connect(&url, NoTls).await?;
                let connection = tokio::spawn(connection);
                let worker = Worker { client, member };
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(kind) = kinds.get(index) else { break };
                    worker.cell(*kind, index % ACTORS).await?;
                }
                drop(worker);
                Ok(connection.await??)
            })
        });
        for worker in workers.collect::<Vec<_>>() {
            let done: anyhow::Result<()> = worker.await?;
            done?;
        }
        Ok(())
    }
}

struct Worker {
    client: Client,
    member: String,
}

impl Worker {
    async fn cell(&self, kind: Kind, actor: usize) -> anyhow::Result<()> {
        let begin = format!("BEGIN; SET LOCAL ROLE {}", self.member);
        self.client.batch_execute(&begin).await?;
        let (user, tenant) = (format!("actor{actor}"), format!("tenant{}", actor % 2));
        let set = "SELECT set_config('statement_timeout', '10000', true), set_config('lock_timeout', '10000', true), \
                   set_config('app.user', $1, true), set_config('app.tenant', $2, true)";
        self.rows(set, &[&user, &tenant]).await?;
        match kind {
            Kind::Read => {
                let read = "SELECT id::text, title::text FROM public.posts";
                let rows = self.rows(read, &[]).await?;
                ensure!(rows == ACTORS / 2, "{rows} rows");
            }
            Kind::Insert => {
                let insert = "INSERT INTO public.posts (id, author_id, tenant_id) VALUES ($1::text::int4, $2, $3)";
                self.rows(insert, &[&"9999", &user, &tenant]).await?;
            }
            Kind::Execute => {
                let execute = "SELECT 1::text FROM public.publish($1::text::int4)";
                self.rows(execute, &[&"7"]).await?;
            }
            Kind::Update => self.updates().await?,
        }
        Ok(self.client.batch_execute("ROLLBACK").await?)
    }

    /// Changes each row behind a savepoint, and then all of them at once.
    async fn updates(&self) -> anyhow::Result<()> {
        let one = "UPDATE public.posts SET title = $1 WHERE id = $2::text::int4 RETURNING id::text";
        let mut changed = 0;
        for row in 0..ACTORS {
            self.client.batch_execute("SAVEPOINT cell").await?;
            changed += self.rows(one, &[&"changed", &row.to_string()]).await?;
            self.client
                .batch_execute("ROLLBACK TO SAVEPOINT cell")
                .await?;
        }
        ensure!(changed == 1, "{changed} rows changed");
        self.client.batch_execute("SAVEPOINT cell").await?;
        self.rows("UPDATE public.posts SET title = $1", &[&"changed"])
            .await?;
        Ok(self
            .client
            .batch_execute("ROLLBACK TO SAVEPOINT cell")
            .await?)
    }

    async fn rows(&self, sql: &str, values: &[&(dyn ToSql + Sync)]) -> anyhow::Result<usize> {
        let values: Vec<_> = values.iter().map(|it| (*it, Type::TEXT)).collect();
        let rows = self.client.query_typed(sql, &values).await;
        Ok(rows.with_context(|| sql.to_owned())?.len())
    }
}
