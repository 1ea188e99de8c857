//! An open connection: what is sent through it, and what that comes to.
//!
//! What belongs together is sent together, without waiting for each answer: a transaction begins and
//! takes its settings in one round trip, and a statement whose effect is to be gone is sent with what
//! undoes it. Nothing that may change anything is sent before its transaction is known to have begun.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use authz_sql::connection::told;
use futures_util::StreamExt as _;
use futures_util::future::{join, join3};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};

/// The SQLSTATE of a denial: `insufficient_privilege`.
const DENIED: &str = "42501";

/// The SQLSTATE of a value that is taken: `unique_violation`.
const DUPLICATE: &str = "23505";

/// How much longer than the server may take is waited for it.
const GRACE: Duration = Duration::from_secs(2);

/// An open connection.
#[derive(Debug)]
pub(crate) struct Entered {
    client: Client,
    time_max: Duration,
    /// Whether a transaction has begun that has not ended.
    in_transaction: AtomicBool,
}

/// What a statement came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Its rows, every value as text, and how many rows it reached.
    Done { rows: Rows, reached: u64 },
    /// Permission denied (SQLSTATE 42501), in the server's words.
    Refused(String),
    /// A unique value is taken already (SQLSTATE 23505).
    Duplicate {
        /// The constraint that says so, and the server's words.
        constraint: String,
        why: String,
    },
    /// Anything else: no denial, and no success.
    Failed(String),
}

/// Rows, every value as text.
pub(crate) type Rows = Vec<Vec<Option<String>>>;

/// What is known when a statement is sent: texts, or nothing (NULL).
pub(crate) type Values = Vec<Option<String>>;

impl Entered {
    /// A connection on which nobody waits longer than `time_max` for a statement.
    pub(super) fn new(client: Client, time_max: Duration) -> Self {
        Self {
            client,
            time_max,
            in_transaction: AtomicBool::new(false),
        }
    }

    /// The connection itself, for questions to the catalogue.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Whether it can be used again: it is open, and nothing that was begun goes on.
    pub(super) fn is_idle(&self) -> bool {
        !self.client.is_closed() && !self.in_transaction.load(Ordering::Relaxed)
    }

    /// Begins a transaction that has settings of its own, in the order given; the first may be
    /// its `role`. What it takes and sets ends with it.
    pub(super) async fn begin(&self, settings: &[(String, String)]) -> Result<(), String> {
        let milliseconds = self.time_max.as_millis().to_string();
        let limits = ["statement_timeout", "lock_timeout"];
        let limits = limits.map(|name| (name.to_owned(), milliseconds.clone()));
        let settings: Vec<&(String, String)> = limits.iter().chain(settings).collect();
        self.in_transaction.store(true, Ordering::Relaxed);
        // What is put off to the end of a transaction would never be seen: it has none.
        let begin = self.command("BEGIN; SET CONSTRAINTS ALL IMMEDIATE");
        let (begun, set) = join(begin, self.set(&settings)).await;
        begun?;
        set.map_err(|why| format!("the role and the settings of the session were not taken: {why}"))
    }

    async fn set(&self, settings: &[&(String, String)]) -> Result<(), String> {
        let calls: Vec<String> = (0..settings.len())
            .map(|at| {
                let (name, value) = (2 * at + 1, 2 * at + 2);
                format!("pg_catalog.set_config(${name}, ${value}, true)")
            })
            .collect();
        let values: Values = settings
            .iter()
            .flat_map(|(name, value)| [Some(name.clone()), Some(value.clone())])
            .collect();
        let sql = format!("SELECT {}", calls.join(", "));
        self.learn(&sql, &values).await.map(drop)
    }

    /// Undoes everything since [`Entered::begin`].
    pub(super) async fn end(&self) -> Result<(), String> {
        if self.in_transaction.load(Ordering::Relaxed) {
            self.command("ROLLBACK").await?;
            self.in_transaction.store(false, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Sends the last statement of a transaction, and ends that.
    pub(super) async fn ask_last(&self, sql: &str, values: &Values) -> Result<Outcome, String> {
        let (outcome, ended) = join(self.ask(sql, values), self.end()).await;
        ended?;
        Ok(outcome)
    }

    /// Sends a statement whose effect is gone before the next one.
    pub(super) async fn ask_undone(&self, sql: &str, values: &Values) -> Result<Outcome, String> {
        let (kept, outcome, undone) = join3(
            self.command("SAVEPOINT cell"),
            self.ask(sql, values),
            self.command("ROLLBACK TO SAVEPOINT cell"),
        )
        .await;
        kept?;
        undone?;
        Ok(outcome)
    }

    /// Sends a statement; every value is a text.
    pub(crate) async fn ask(&self, sql: &str, values: &Values) -> Outcome {
        let params: Vec<(&(dyn ToSql + Sync), Type)> = values
            .iter()
            .map(|value| (value as &(dyn ToSql + Sync), Type::TEXT))
            .collect();
        let answer = tokio::time::timeout(self.time_max + GRACE, self.rows(sql, &params)).await;
        match answer {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(error)) => failure(&error),
            Err(_) => Outcome::Failed("no answer in time".to_owned()),
        }
    }

    /// The rows of a statement that has to succeed.
    pub(crate) async fn learn(&self, sql: &str, values: &Values) -> Result<Rows, String> {
        match self.ask(sql, values).await {
            Outcome::Done { rows, .. } => Ok(rows),
            Outcome::Refused(why) | Outcome::Duplicate { why, .. } | Outcome::Failed(why) => {
                Err(why)
            }
        }
    }

    async fn rows(
        &self,
        sql: &str,
        params: &[(&(dyn ToSql + Sync), Type)],
    ) -> Result<Outcome, tokio_postgres::Error> {
        let params = params.iter().map(|(value, kind)| (*value, kind.clone()));
        let stream = self.client.query_typed_raw(sql, params).await?;
        let mut stream = std::pin::pin!(stream);
        let mut rows = Vec::new();
        while let Some(row) = stream.next().await {
            let row = row?;
            let values: Result<Vec<Option<String>>, _> =
                (0..row.len()).map(|at| row.try_get(at)).collect();
            rows.push(values?);
        }
        let reached = stream.rows_affected().unwrap_or(rows.len() as u64);
        Ok(Outcome::Done { rows, reached })
    }

    /// Sends a `COPY ... TO STDOUT`; every row is the text of its first column.
    /// It takes two round trips, so that nothing can be sent along with it.
    pub(crate) async fn copy(&self, sql: &str) -> Outcome {
        match tokio::time::timeout(self.time_max + GRACE, self.copied(sql)).await {
            Ok(Ok(text)) => {
                let rows: Vec<_> = text.lines().map(|line| vec![copied_value(line)]).collect();
                let reached = rows.len() as u64;
                Outcome::Done { rows, reached }
            }
            Ok(Err(error)) => failure(&error),
            Err(_) => Outcome::Failed("no answer in time".to_owned()),
        }
    }

    async fn copied(&self, sql: &str) -> Result<String, tokio_postgres::Error> {
        let stream = self.client.copy_out(sql).await?;
        let mut stream = std::pin::pin!(stream);
        let mut bytes = Vec::new();
        while let Some(chunk) = stream.next().await {
            bytes.extend_from_slice(&chunk?);
        }
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Sends a command that has no values and no rows.
    pub(crate) async fn command(&self, sql: &str) -> Result<(), String> {
        let sent =
            tokio::time::timeout(self.time_max + GRACE, self.client.batch_execute(sql)).await;
        match sent {
            Ok(done) => done.map_err(|error| told(&error)),
            Err(_) => Err("no answer in time".to_owned()),
        }
    }
}

/// The class of an error decides: only one of them is a denial.
fn failure(error: &tokio_postgres::Error) -> Outcome {
    let why = told(error);
    let constraint = error.as_db_error().and_then(|it| it.constraint());
    match (error.code().map(SqlState::code), constraint) {
        (Some(DENIED), _) => Outcome::Refused(why),
        (Some(DUPLICATE), Some(constraint)) => Outcome::Duplicate {
            constraint: constraint.to_owned(),
            why,
        },
        _ => Outcome::Failed(why),
    }
}

/// The first value of a line in the text format of `COPY`.
fn copied_value(line: &str) -> Option<String> {
    let field = line.split('\t').next().unwrap_or_default();
    if field == "\\N" {
        return None;
    }
    let mut text = String::new();
    let mut rest = field.chars();
    while let Some(c) = rest.next() {
        let escaped = (c == '\\').then(|| rest.next()).flatten();
        text.push(match escaped {
            None => c,
            Some('n') => '\n',
            Some('r') => '\r',
            Some('t') => '\t',
            Some('b') => '\u{8}',
            Some('f') => '\u{c}',
            Some('v') => '\u{b}',
            Some(other) => other,
        });
    }
    Some(text)
}
