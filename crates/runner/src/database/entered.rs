//! An open connection: what is sent through it, and what that comes to.
//!
//! What belongs together is sent together, without waiting for each answer: a transaction begins and
//! takes its settings in one round trip, and a statement whose effect is to be gone is sent with what
//! undoes it. Nothing that may change anything is sent before its transaction is known to have begun.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use authz_sql::connection::told;
use bytes::{Bytes, BytesMut};
use futures_util::future::{join, join3};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{Format, IsNull, ToSql, Type, to_sql_checked};

use super::probe::{Copy, Probe};

/// The SQLSTATE of a denial: `insufficient_privilege`.
const DENIED: &str = "42501";

/// The SQLSTATE of a value that is taken: `unique_violation`.
const DUPLICATE: &str = "23505";

/// The SQLSTATE of what a transaction that may only read cannot do: `read_only_sql_transaction`.
const READ_ONLY: &str = "25006";

/// The SQLSTATE of a `COPY ... FROM` to a table whose policies hold: `feature_not_supported`.
const NOT_SUPPORTED: &str = "0A000";

/// Where the server's own code denies what a policy or a `RAISE` denies; its words are in the
/// language of the server.
const ON_PURPOSE: [&str; 2] = ["ExecWithCheckOptions", "exec_stmt_raise"];

/// How much longer than the server may take is waited for it.
const GRACE: Duration = Duration::from_secs(2);

/// An open connection.
#[derive(Debug)]
pub(crate) struct Entered {
    client: Client,
    time_max: Duration,
    /// Whether a transaction has begun that has not ended.
    in_transaction: AtomicBool,
    /// Whether answers no longer belong to what they are taken for.
    is_spoilt: AtomicBool,
}

/// What a statement came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Its rows, every value as text, and how many rows it reached.
    Done { rows: Rows, reached: u64 },
    /// Permission denied (SQLSTATE 42501).
    Refused(Refusal),
    /// A unique value is taken already (SQLSTATE 23505).
    Duplicate {
        /// The constraint that says so, and the server's words.
        constraint: String,
        why: String,
    },
    /// Permitted, but for the transaction, which may only read (SQLSTATE 25006).
    ReadOnly(String),
    /// Anything else: no denial, and no success.
    Failed(String),
}

/// A denial.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// The server's words.
    pub(crate) why: String,
    /// Whether a policy or the application's own code has said so; else a grant is missing,
    /// whatever it is on.
    pub(crate) on_purpose: bool,
}

impl Outcome {
    /// What was answered, in words.
    pub(super) fn words(self) -> String {
        match self {
            Self::Done { reached, .. } => format!("{reached} rows"),
            Self::Refused(Refusal { why, .. })
            | Self::Duplicate { why, .. }
            | Self::ReadOnly(why)
            | Self::Failed(why) => why,
        }
    }
}

/// What becomes of a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It is rolled back. What is put off to its end happens at once, as it would never be seen.
    RolledBack,
    /// It is rolled back, and may only read.
    ReadOnly,
}

/// Rows, every value as text.
pub(crate) type Rows = Vec<Vec<Option<String>>>;

/// What a session sets, in this order.
pub(crate) type Settings = Vec<(String, String)>;

/// What is known when a statement is sent: texts, or nothing (NULL).
pub(crate) type Values = Vec<Option<String>>;

impl Entered {
    /// A connection on which nobody waits longer than `time_max` for a statement.
    pub(super) fn new(client: Client, time_max: Duration) -> Self {
        Self {
            client,
            time_max,
            in_transaction: AtomicBool::new(false),
            is_spoilt: AtomicBool::new(false),
        }
    }

    /// The connection itself, for questions to the catalogue.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// Whether it can be used again: it is open, and nothing that was begun goes on.
    pub(super) fn is_idle(&self) -> bool {
        let is_of_use = !self.client.is_closed() && !self.is_spoilt.load(Ordering::Relaxed);
        is_of_use && !self.in_transaction.load(Ordering::Relaxed)
    }

    /// Ends the transaction before, and begins one that has settings of its own, in the order given; the first may be
    /// its `role`. What it takes and sets ends with it.
    pub(super) async fn begin(&self, settings: &Settings, ending: Ending) -> Result<(), String> {
        self.end().await?;
        self.in_transaction.store(true, Ordering::Relaxed);
        let begin = self.command(match ending {
            Ending::RolledBack => "BEGIN; SET CONSTRAINTS ALL IMMEDIATE",
            Ending::ReadOnly => "BEGIN READ ONLY",
        });
        let (begun, set) = join(begin, self.set(settings, true)).await;
        begun.and(set)
    }

    /// Takes settings for good: every statement then commits by itself.
    pub(super) async fn take(&self, settings: &Settings) -> Result<(), String> {
        self.set(settings, false).await
    }

    async fn set(&self, settings: &Settings, local: bool) -> Result<(), String> {
        let milliseconds = self.time_max.as_millis().to_string();
        let limits = ["statement_timeout", "lock_timeout"];
        let limits = limits.map(|name| (name.to_owned(), milliseconds.clone()));
        let mut calls = Vec::new();
        let mut values = Values::new();
        for (name, value) in limits.iter().chain(settings) {
            values.extend([Some(name.clone()), Some(value.clone())]);
            let (name, value) = (values.len() - 1, values.len());
            calls.push(format!("pg_catalog.set_config(${name}, ${value}, {local})"));
        }
        let sql = format!("SELECT {}", calls.join(", "));
        let set = self.learn(&sql, &values).await.map(drop);
        set.map_err(|why| format!("the role and the settings of the session were not taken: {why}"))
    }

    /// Undoes everything since [`Entered::begin`]. A connection that is spoilt is closed instead,
    /// which does the same.
    pub(super) async fn end(&self) -> Result<(), String> {
        if self.is_spoilt.load(Ordering::Relaxed) {
            return Ok(());
        }
        if self.in_transaction.load(Ordering::Relaxed) {
            // A lock of the session would outlast it.
            self.command("ROLLBACK; SELECT pg_catalog.pg_advisory_unlock_all()")
                .await?;
            self.in_transaction.store(false, Ordering::Relaxed);
        }
        Ok(())
    }

    /// Sends a statement.
    pub(super) async fn send(&self, probe: &Probe) -> Outcome {
        match &probe.copy {
            // The server takes each value as what stands at its place: the name of a type would ask for
            // a right to use that.
            None => self.asked(&probe.sql, &probe.values, &Type::UNKNOWN).await,
            Some(copy) => self.copy(&probe.sql, copy).await,
        }
    }

    /// Sends the last statement of a transaction, and undoes that.
    pub(super) async fn send_last(&self, probe: &Probe) -> Result<Outcome, String> {
        // A `COPY` takes two round trips, so that nothing can be sent along with it.
        let (outcome, ended) = match probe.copy {
            None => join(self.send(probe), self.end()).await,
            Some(_) => (self.send(probe).await, self.end().await),
        };
        ended?;
        Ok(outcome)
    }

    /// Sends a statement whose effect is gone before the next one; it is no `COPY`.
    pub(super) async fn send_undone(&self, probe: &Probe) -> Result<Outcome, String> {
        let (kept, outcome, undone) = join3(
            self.command("SAVEPOINT cell"),
            self.send(probe),
            self.command("ROLLBACK TO SAVEPOINT cell"),
        )
        .await;
        kept?;
        undone?;
        Ok(outcome)
    }

    /// Sends a statement whose effect is gone before the next one, and another before and behind it;
    /// neither is a `COPY`.
    pub(super) async fn send_between(
        &self,
        probe: &Probe,
        look: &Probe,
    ) -> Result<(Outcome, [Outcome; 2]), String> {
        let (kept, before, (outcome, after, undone)) = join3(
            self.command("SAVEPOINT cell"),
            self.send(look),
            join3(
                self.send(probe),
                self.send(look),
                self.command("ROLLBACK TO SAVEPOINT cell"),
            ),
        )
        .await;
        kept?;
        undone?;
        Ok((outcome, [before, after]))
    }

    /// Sends a statement; every value is a text.
    pub(super) async fn ask(&self, sql: &str, values: &Values) -> Outcome {
        self.asked(sql, values, &Type::TEXT).await
    }

    async fn asked(&self, sql: &str, values: &Values, kind: &Type) -> Outcome {
        let answer = self.timed(self.rows(sql, values, kind)).await;
        answer.unwrap_or_else(|failed| failed)
    }

    /// The rows of a statement that has to succeed.
    pub(super) async fn learn(&self, sql: &str, values: &Values) -> Result<Rows, String> {
        match self.ask(sql, values).await {
            Outcome::Done { rows, .. } => Ok(rows),
            other => Err(other.words()),
        }
    }

    async fn timed<T>(
        &self,
        sent: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, Outcome> {
        match tokio::time::timeout(self.time_max + GRACE, sent).await {
            Ok(answer) => answer.map_err(|error| failure(&error)),
            Err(_) => Err(Outcome::Failed("no answer in time".to_owned())),
        }
    }

    async fn rows(
        &self,
        sql: &str,
        values: &Values,
        kind: &Type,
    ) -> Result<Outcome, tokio_postgres::Error> {
        let params = values.iter().map(|value| (Text(value), kind.clone()));
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

    /// Sends a `COPY`; every row that comes is the text of its first column.
    async fn copy(&self, sql: &str, copy: &Copy) -> Outcome {
        match copy {
            Copy::Out => match self.timed(self.copied(sql)).await {
                Ok(text) => {
                    let rows: Vec<_> = text.lines().map(|line| vec![copied_value(line)]).collect();
                    let reached = rows.len() as u64;
                    Outcome::Done { rows, reached }
                }
                Err(failed) => failed,
            },
            Copy::In(lines) => {
                let sent = async { Ok(self.copy_in(sql, lines).await) };
                match self.timed(sent).await {
                    Ok(Ok(reached)) => Outcome::Done {
                        rows: Rows::new(),
                        reached,
                    },
                    Ok(Err(error)) => copy_failure(&error),
                    Err(failed) => failed,
                }
            }
        }
    }

    async fn copy_in(&self, sql: &str, lines: &str) -> Result<u64, tokio_postgres::Error> {
        let sink = self.client.copy_in(sql).await;
        // The client answers a refusal as if rows had begun to flow, and the server that once more.
        self.is_spoilt.store(sink.is_err(), Ordering::Relaxed);
        let mut sink = std::pin::pin!(sink?);
        sink.send(Bytes::copy_from_slice(lines.as_bytes())).await?;
        sink.finish().await
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
    pub(super) async fn command(&self, sql: &str) -> Result<(), String> {
        let sent = self.timed(self.client.batch_execute(sql)).await;
        sent.map_err(Outcome::words)
    }
}

/// A value in its text form, whatever its type is.
#[derive(Debug)]
struct Text<'a>(&'a Option<String>);

impl ToSql for Text<'_> {
    fn to_sql(
        &self,
        _: &Type,
        out: &mut BytesMut,
    ) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        let Some(text) = self.0 else {
            return Ok(IsNull::Yes);
        };
        out.extend_from_slice(text.as_bytes());
        Ok(IsNull::No)
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    fn encode_format(&self, _: &Type) -> Format {
        Format::Text
    }

    to_sql_checked!();
}

/// The class of an error decides: only one of them is a denial.
fn failure(error: &tokio_postgres::Error) -> Outcome {
    let why = told(error);
    let constraint = error.as_db_error().and_then(|it| it.constraint());
    match (error.code().map(SqlState::code), constraint) {
        (Some(DENIED), _) => {
            let routine = error.as_db_error().and_then(|it| it.routine());
            let on_purpose = routine.is_some_and(|it| ON_PURPOSE.contains(&it));
            Outcome::Refused(Refusal { why, on_purpose })
        }
        (Some(DUPLICATE), Some(constraint)) => Outcome::Duplicate {
            constraint: constraint.to_owned(),
            why,
        },
        (Some(READ_ONLY), _) => Outcome::ReadOnly(why),
        _ => Outcome::Failed(why),
    }
}

/// A `COPY ... FROM` is not supported where policies hold for the session, whatever they say: no
/// policy has denied anything.
fn copy_failure(error: &tokio_postgres::Error) -> Outcome {
    match (failure(error), error.code().map(SqlState::code)) {
        (Outcome::Failed(why), Some(NOT_SUPPORTED)) => Outcome::Failed(format!(
            "PostgreSQL adds no row by `COPY` where policies hold, whatever they say, so that none \
             of them was asked; try it without `copy`: {why}"
        )),
        (outcome, _) => outcome,
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
