//! Databases that are made for one statement each, so that it can be committed: copies of a
//! template, dropped afterwards. Each is written down before it is made, so that it is dropped after a crash, too.

use suite::model::{Clones, Database, DatabaseIndex};

use super::{Entered, Entrance, Values};
use crate::caller::World;
use crate::journal::{Entry, Intent};

/// The beginning of the names of clones; nothing of another name is ever dropped.
const PREFIX: &str = "lockstep_";

/// The commands that make a clone and drop it, by the server's own quoting. Who makes it is known by
/// the name of the clone.
const MAKE: &str = "SELECT pg_catalog.format('CREATE DATABASE %I TEMPLATE %I', $1, $2), \
                    pg_catalog.set_config('application_name', $1, false)";
const DROP: &str = "SELECT pg_catalog.format('DROP DATABASE IF EXISTS %I WITH (FORCE)', $1)";

/// Ends whoever still makes a clone for a run that is over.
const STOP: &str = "SELECT pg_catalog.pg_terminate_backend(pid)::text FROM pg_catalog.pg_stat_activity \
                    WHERE application_name = $1 AND pid <> pg_catalog.pg_backend_pid()";

/// Makes the clones of one cell.
pub(super) struct Cloner<'a> {
    world: &'a World,
    database: DatabaseIndex,
    declared: &'a Database,
    unique: &'a str,
    made: usize,
}

/// A database that is there for one statement.
pub(super) struct Clone {
    pub(super) name: String,
    entry: Option<Entry>,
}

impl<'a> Cloner<'a> {
    pub(super) fn new(
        world: &'a World,
        database: DatabaseIndex,
        declared: &'a Database,
        unique: &'a str,
    ) -> Self {
        Self {
            world,
            database,
            declared,
            unique,
            made: 0,
        }
    }

    /// Makes a clone.
    pub(super) async fn make(&mut self) -> Result<Clone, String> {
        let clones = self.clones()?;
        self.made += 1;
        let name = format!("{PREFIX}{}_{}", self.unique, self.made);
        let entry = match &self.world.journal {
            Some(journal) => Some(journal.intend(self.intent(&name)).await?),
            None => None,
        };
        let clone = Clone { name, entry };
        match create(self.world, self.database, clones, &clone.name).await {
            Ok(()) => Ok(clone),
            Err(why) => {
                // Whether it came into being is not known.
                self.drop(clone).await;
                Err(format!("no clone was made: {why}"))
            }
        }
    }

    /// Drops a clone. One that stays is told, and stays in the journal.
    pub(super) async fn drop(&self, clone: Clone) {
        let dropped = match self.clones() {
            Ok(clones) => drop_database(self.world, self.database, clones, &clone.name).await,
            Err(why) => Err(why),
        };
        match (dropped, &self.world.journal, clone.entry) {
            (Ok(()), Some(journal), Some(entry)) => journal.done(entry),
            (Ok(()), ..) => {}
            (Err(why), ..) => {
                let name = &clone.name;
                self.world
                    .tell(format!("the clone `{name}` could not be dropped: {why}"));
            }
        }
    }

    fn clones(&self) -> Result<&'a Clones, String> {
        let clones = self.declared.clones.as_ref();
        clones.ok_or_else(|| "the database has no `clones`".to_owned())
    }

    fn intent(&self, name: &str) -> Intent {
        Intent::Clone {
            database: self.declared.name.to_string(),
            clone: name.to_owned(),
        }
    }
}

/// Drops a clone that a run left behind, and stops whoever still makes it.
pub(crate) async fn remove_clone(world: &World, database: &str, name: &str) -> Result<(), String> {
    let mut databases = world.suite.databases.iter().enumerate();
    let found = databases.find(|(_, it)| *it.name == *database);
    let clones = found.and_then(|(index, it)| Some((index, it.clones.as_ref()?)));
    let Some((index, clones)) = clones else {
        return Err(format!(
            "the suite has no `{database}` with `clones` any more"
        ));
    };
    if !name.starts_with(PREFIX) {
        return Err(format!("`{name}` is no clone"));
    }
    let (entrance, entered) = enter(world, index, clones).await?;
    let stopped = entered.learn(STOP, &vec![Some(name.to_owned())]).await;
    world.databases.leave(entrance, entered).await;
    stopped?;
    drop_database(world, index, clones, name).await
}

async fn create(
    world: &World,
    index: DatabaseIndex,
    clones: &Clones,
    name: &str,
) -> Result<(), String> {
    let values = vec![Some(name.to_owned()), Some(clones.template.clone())];
    command(world, index, clones, MAKE, values).await
}

async fn drop_database(
    world: &World,
    index: DatabaseIndex,
    clones: &Clones,
    name: &str,
) -> Result<(), String> {
    command(world, index, clones, DROP, vec![Some(name.to_owned())]).await
}

/// Carries out the command that the server writes.
async fn command(
    world: &World,
    index: DatabaseIndex,
    clones: &Clones,
    writing: &str,
    values: Values,
) -> Result<(), String> {
    let (entrance, entered) = enter(world, index, clones).await?;
    let done = match entered.learn(writing, &values).await {
        Ok(written) => {
            let written = written.into_iter().next();
            let written = written.and_then(|row| row.into_iter().next()?);
            entered.command(&written.unwrap_or_default()).await
        }
        Err(why) => Err(why),
    };
    world.databases.leave(entrance, entered).await;
    done
}

async fn enter(
    world: &World,
    index: DatabaseIndex,
    clones: &Clones,
) -> Result<(Entrance, Entered), String> {
    let entrance = Entrance::of(index, &clones.by);
    let time_max = world.client.timeout();
    let entered = world.databases.enter(&entrance, time_max).await?;
    Ok((entrance, entered))
}
