//! Databases as targets: statements as an actor, each in a transaction that is rolled back.
//!
//! Connections are kept and shared by actors, as an application's pool shares them; whatever an
//! actor's transaction sets ends with it.

mod known;
mod probe;
mod session;
mod trial;
mod witness;

pub(crate) use known::{RowTried, fixtures_of};
pub(crate) use trial::{StatementTried, try_statement};

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use authz_sql::connection::{Address, told};
use authz_sql::guard::{self, Table};
use futures_util::StreamExt as _;
use suite::model::{DatabaseIndex, ObjectName};
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};

/// The SQLSTATE of a denial: `insufficient_privilege`.
const DENIED: &str = "42501";

/// The SQLSTATE of a value that is taken: `unique_violation`.
const DUPLICATE: &str = "23505";

/// How much longer than the server may take is waited for it.
const GRACE: Duration = Duration::from_secs(2);

/// Everything that a run knows of its databases.
#[derive(Debug, Default)]
pub(crate) struct Databases {
    idle: Mutex<BTreeMap<Entrance, Vec<Entered>>>,
    tables: Mutex<Tables>,
    statements: AtomicU64,
}

/// What is known of tables: `None` for those that are not there.
type Tables = BTreeMap<(DatabaseIndex, ObjectName), Option<Arc<Table>>>;

/// A way into a database.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entrance {
    pub(crate) database: DatabaseIndex,
    /// The address that is entered by.
    pub(crate) url: String,
    /// As which user, where that is not the one of the address.
    pub(crate) user: Option<(String, Option<String>)>,
}

/// An open connection.
#[derive(Debug)]
pub(crate) struct Entered {
    client: Client,
    /// What the server says of itself in `server_version_num`.
    version: u32,
    time_max: Duration,
}

/// Why a database was not entered, in words.
#[derive(Debug)]
pub(crate) enum NotEntered {
    /// The user may not connect (SQLSTATE 42501): a denial.
    Denied(String),
    /// Anything else.
    Failed(String),
}

impl From<NotEntered> for String {
    fn from(not_entered: NotEntered) -> Self {
        let (NotEntered::Denied(why) | NotEntered::Failed(why)) = not_entered;
        why
    }
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

impl Databases {
    /// An open connection that nobody else uses.
    pub(crate) async fn enter(
        &self,
        entrance: &Entrance,
        time_max: Duration,
    ) -> Result<Entered, NotEntered> {
        let idle = lock(&self.idle).get_mut(entrance).and_then(Vec::pop);
        if let Some(entered) = idle.filter(|it| !it.client.is_closed()) {
            return Ok(entered);
        }
        let address = Address::parse(&entrance.url);
        let address = address.map_err(|error| NotEntered::Failed(error.to_string()))?;
        let address = match &entrance.user {
            Some((user, password)) => address.as_user(user, password.as_deref()),
            None => address,
        };
        let client = address.connect().await;
        let client = client.map_err(|error| match error.is_denied {
            true => NotEntered::Denied(error.to_string()),
            false => NotEntered::Failed(error.to_string()),
        })?;
        let mut entered = Entered {
            client,
            version: 0,
            time_max,
        };
        let asked = "SELECT pg_catalog.current_setting('server_version_num')";
        if let Outcome::Done { rows, .. } = entered.ask(asked, &Values::new()).await {
            let told = rows.first().and_then(|row| row.first()?.as_deref());
            entered.version = told.and_then(|it| it.parse().ok()).unwrap_or_default();
        }
        Ok(entered)
    }

    /// Ends whatever an actor has begun, and keeps the connection for the next one; one that does
    /// not end it is closed.
    pub(crate) async fn leave(&self, entrance: Entrance, entered: Entered) {
        if entered.command("ROLLBACK").await.is_ok() {
            lock(&self.idle).entry(entrance).or_default().push(entered);
        }
    }

    /// A table by its name; asked for once in a run.
    pub(crate) async fn table(
        &self,
        database: DatabaseIndex,
        object: &ObjectName,
        entered: &Entered,
    ) -> Result<Arc<Table>, String> {
        let key = (database, object.clone());
        let known = lock(&self.tables).get(&key).cloned();
        let found = match known {
            Some(found) => found,
            None => {
                let found = guard::table(&entered.client, &object.schema, &object.name).await;
                let found = found.map_err(|error| told(&error))?.map(Arc::new);
                lock(&self.tables).insert(key, found.clone());
                found
            }
        };
        found.ok_or_else(|| {
            format!(
                "there is no table `{}` in schema `{}`",
                object.name, object.schema
            )
        })
    }

    /// Counts statements that actors were tried by.
    pub(crate) fn count(&self) {
        self.statements.fetch_add(1, Ordering::Relaxed);
    }

    /// How many of them there were.
    pub(crate) fn statements_sent(&self) -> u64 {
        self.statements.load(Ordering::Relaxed)
    }
}

impl Entered {
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
