//! Databases as targets: statements as an actor, each in a transaction that is rolled back.
//!
//! Connections are kept and shared by actors, as an application's pool shares them; whatever an
//! actor's transaction sets ends with it.

mod adding;
mod clones;
mod entered;
mod judging;
mod known;
mod memo;
mod probe;
mod rows;
mod session;
mod trial;
mod watching;
mod witness;

pub(crate) use clones::remove_clone;
pub(crate) use entered::{Entered, Outcome, Rows, Values};
pub(crate) use known::{RowTried, fixtures_of};
pub(crate) use trial::{StatementTried, try_statement};

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use authz_sql::connection::{Address, told};
use authz_sql::guard::{self, Standing, Table};
use suite::model::{DatabaseIndex, ObjectName};

use self::entered::Settings;
use self::memo::{Lately, Memo};
use self::session::Session;
use self::witness::{Manner, Row};

/// Everything that a run knows of its databases.
#[derive(Debug, Default)]
pub(crate) struct Databases {
    idle: Mutex<BTreeMap<Entrance, Vec<Entered>>>,
    /// Tables; `None` for those that are not there.
    tables: Memo<(Catalogue, ObjectName), Option<Arc<Table>>>,
    /// What the catalogue says of functions, by name and number of arguments.
    routines: Memo<(Catalogue, ObjectName, usize), Arc<Rows>>,
    /// What sessions are to the tables that they reach, or to none.
    standings: Memo<(Session, Option<ObjectName>), Arc<Standing>>,
    /// Witnesses that see every row of a table.
    witnesses: Memo<(Entrance, ObjectName), ()>,
    /// The rows of tables, as witnesses saw them a moment ago.
    rows: Lately<(Entrance, ObjectName, Settings), Vec<Row>>,
    statements: AtomicU64,
}

/// A way into a database.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entrance {
    pub(crate) database: DatabaseIndex,
    /// The address that is entered by.
    pub(crate) url: String,
    /// As which user, where that is not the one of the address.
    pub(crate) user: Option<(String, Option<String>)>,
    /// Which clone, where it is not the database itself.
    pub(crate) clone: Option<String>,
}

impl Entrance {
    /// The way in of an address as it is.
    pub(crate) fn of(database: DatabaseIndex, url: &str) -> Self {
        Self {
            database,
            url: url.to_owned(),
            user: None,
            clone: None,
        }
    }

    /// Which catalogue stands behind it: all clones are copies of one.
    fn catalogue(&self) -> Catalogue {
        (self.database, self.clone.is_some())
    }
}

/// A database of the suite, and whether it is a clone of its template.
type Catalogue = (DatabaseIndex, bool);

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

impl Databases {
    /// An open connection that nobody else uses.
    pub(crate) async fn enter(
        &self,
        entrance: &Entrance,
        time_max: Duration,
    ) -> Result<Entered, NotEntered> {
        let idle = lock(&self.idle).get_mut(entrance).and_then(Vec::pop);
        if let Some(entered) = idle.filter(Entered::is_idle) {
            return Ok(entered);
        }
        let address = Address::parse(&entrance.url);
        let address = address.map_err(|error| NotEntered::Failed(error.to_string()))?;
        let address = match &entrance.user {
            Some((user, password)) => address.as_user(user, password.as_deref()),
            None => address,
        };
        let address = match &entrance.clone {
            Some(name) => address.in_database(name),
            None => address,
        };
        let client = address.connect().await;
        let client = client.map_err(|error| match error.is_denied {
            true => NotEntered::Denied(error.to_string()),
            false => NotEntered::Failed(error.to_string()),
        })?;
        Ok(Entered::new(client, time_max))
    }

    /// Ends whatever an actor has begun, and keeps the connection for the next one; one that does
    /// not end it is closed, and one to a clone, which nobody enters again.
    pub(crate) async fn leave(&self, entrance: Entrance, entered: Entered) {
        if entrance.clone.is_none() && entered.end().await.is_ok() && entered.is_idle() {
            lock(&self.idle).entry(entrance).or_default().push(entered);
        }
    }

    /// A table by its name; asked for once in a run.
    pub(crate) async fn table(
        &self,
        entrance: &Entrance,
        object: &ObjectName,
        entered: &Entered,
    ) -> Result<Arc<Table>, String> {
        let key = (entrance.catalogue(), object.clone());
        let asked = async {
            let found = guard::table(entered.client(), &object.schema, &object.name).await;
            Ok::<_, String>(found.map_err(|error| told(&error))?.map(Arc::new))
        };
        let found = self.tables.get(key, asked).await?;
        found.ok_or_else(|| {
            format!(
                "there is no table `{}` in schema `{}`",
                object.name, object.schema
            )
        })
    }

    /// What the catalogue says of the functions of a name that take so many arguments; asked for
    /// once in a run.
    pub(crate) async fn routines(
        &self,
        entrance: &Entrance,
        object: &ObjectName,
        arity: usize,
        entered: &Entered,
    ) -> Result<Arc<Rows>, String> {
        let key = (entrance.catalogue(), object.clone(), arity);
        let asked = async { Ok(Arc::new(probe::routines(entered, object, arity).await?)) };
        self.routines.get(key, asked).await
    }

    /// What a session, which has begun its transaction, is to a table; asked for once in a run.
    pub(crate) async fn standing(
        &self,
        session: &Session,
        table: Option<(&ObjectName, &Table)>,
        entered: &Entered,
    ) -> Result<Arc<Standing>, String> {
        let key = (session.clone(), table.map(|(name, _)| name.clone()));
        let asked = async {
            let found = guard::look(entered.client(), table.map(|(_, table)| table)).await;
            Ok(Arc::new(found.map_err(|error| told(&error))?))
        };
        self.standings.get(key, asked).await
    }

    /// The rows of a table as a witness sees them, or saw them at most so long ago, and whether
    /// they were read now. That it sees all of them is made sure once in a run.
    pub(crate) async fn rows(
        &self,
        witness: &Entrance,
        age_max: Duration,
        object: &ObjectName,
        (table, rows): (&Table, &suite::model::Rows),
        manner: &Manner,
    ) -> Result<(Arc<Vec<Row>>, bool), String> {
        let key = (witness.clone(), object.clone());
        let read = async {
            let entered = self.enter(witness, manner.time_max).await;
            let entered = entered.map_err(|why| format!("the witness: {}", String::from(why)))?;
            let sees_all = witness::check(&entered, table);
            let found = match self.witnesses.get(key, sees_all).await {
                Ok(()) => witness::rows(&entered, table, rows, manner).await,
                Err(why) => Err(why),
            };
            self.leave(witness.clone(), entered).await;
            found
        };
        let key = (witness.clone(), object.clone(), manner.forms.clone());
        self.rows.get(key, age_max, read).await
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
