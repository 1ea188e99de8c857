//! Databases as targets: statements as an actor, each in a transaction that is rolled back.
//!
//! Connections are kept and shared by actors, as an application's pool shares them; whatever an
//! actor's transaction sets ends with it.

mod entered;
mod judging;
mod probe;
mod rows;
mod session;
mod trial;
mod witness;

pub(crate) use entered::{Entered, Outcome, Rows, Values};
pub(crate) use trial::{StatementTried, try_statement};

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use authz_sql::connection::{Address, told};
use authz_sql::guard::{self, Standing, Table};
use suite::model::{DatabaseIndex, ObjectName};

use self::session::Session;

/// Everything that a run knows of its databases.
#[derive(Debug, Default)]
pub(crate) struct Databases {
    idle: Mutex<BTreeMap<Entrance, Vec<Entered>>>,
    tables: Mutex<Tables>,
    routines: Mutex<Routines>,
    standings: Mutex<Standings>,
    witnesses: Mutex<BTreeSet<(Entrance, ObjectName)>>,
    statements: AtomicU64,
}

/// What is known of tables: `None` for those that are not there.
type Tables = BTreeMap<(DatabaseIndex, ObjectName), Option<Arc<Table>>>;

/// What the catalogue says of functions, by name and number of arguments.
type Routines = BTreeMap<(DatabaseIndex, ObjectName, usize), Arc<Rows>>;

/// What sessions are to the tables that they reach, or to none.
type Standings = BTreeMap<(Session, Option<ObjectName>), Arc<Standing>>;

/// A way into a database.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Entrance {
    pub(crate) database: DatabaseIndex,
    /// The address that is entered by.
    pub(crate) url: String,
    /// As which user, where that is not the one of the address.
    pub(crate) user: Option<(String, Option<String>)>,
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
        let client = address.connect().await;
        let client = client.map_err(|error| match error.is_denied {
            true => NotEntered::Denied(error.to_string()),
            false => NotEntered::Failed(error.to_string()),
        })?;
        Ok(Entered::new(client, time_max))
    }

    /// Ends whatever an actor has begun, and keeps the connection for the next one; one that does
    /// not end it is closed.
    pub(crate) async fn leave(&self, entrance: Entrance, entered: Entered) {
        if entered.end().await.is_ok() {
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
                let found = guard::table(entered.client(), &object.schema, &object.name).await;
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

    /// What the catalogue says of the functions of a name that take so many arguments; asked for
    /// once in a run.
    pub(crate) async fn routines(
        &self,
        database: DatabaseIndex,
        object: &ObjectName,
        arity: usize,
        entered: &Entered,
    ) -> Result<Arc<Rows>, String> {
        let key = (database, object.clone(), arity);
        let known = lock(&self.routines).get(&key).cloned();
        if let Some(found) = known {
            return Ok(found);
        }
        let found = Arc::new(probe::routines(entered, object, arity).await?);
        lock(&self.routines).insert(key, Arc::clone(&found));
        Ok(found)
    }

    /// What a session, which has begun its transaction, is to a table; asked for once in a run.
    pub(crate) async fn standing(
        &self,
        session: &Session,
        table: Option<(&ObjectName, &Table)>,
        entered: &Entered,
    ) -> Result<Arc<Standing>, String> {
        let key = (session.clone(), table.map(|(name, _)| name.clone()));
        let known = lock(&self.standings).get(&key).cloned();
        if let Some(found) = known {
            return Ok(found);
        }
        let found = guard::look(entered.client(), table.map(|(_, table)| table)).await;
        let found = Arc::new(found.map_err(|error| told(&error))?);
        lock(&self.standings).insert(key, Arc::clone(&found));
        Ok(found)
    }

    /// Makes sure, once in a run, that a witness sees every row of a table.
    pub(crate) async fn check_witness(
        &self,
        witness: &Entrance,
        object: &ObjectName,
        table: &Table,
        entered: &Entered,
    ) -> Result<(), String> {
        let key = (witness.clone(), object.clone());
        let is_known = lock(&self.witnesses).contains(&key);
        if !is_known {
            witness::check(entered, table).await?;
            lock(&self.witnesses).insert(key);
        }
        Ok(())
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
