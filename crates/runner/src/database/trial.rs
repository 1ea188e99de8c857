//! One cell on a database: who enters, what is tried as a whole, and whether that means anything.

use std::sync::Arc;
use std::time::{Duration, Instant};

use authz_sql::guard::{Standing, Table};
use suite::model::{Action, ActorIndex, Database, Rows, Statement, Verb};
use suite::plan::{Cell, RowPolicy, rows_of};
use suite::verdict::RowsJudgement;

use super::clones::Cloner;
use super::entered::Ending;
use super::judging::{doubted, inconclusive, judge_plain, shown};
use super::known::{RowTried, known_rows};
use super::probe::{self, Probe, Written};
use super::session::{Session, StatementScope};
use super::{Databases, Entered, Entrance, NotEntered, Outcome};
use crate::caller::World;
use crate::fixture::Fixtures;

/// What came of a cell on a database.
#[derive(Debug)]
pub(crate) struct StatementTried {
    /// What it means.
    pub(crate) judgement: RowsJudgement,
    /// What became of the rows that calls are tried on too.
    pub(crate) rows: Vec<RowTried>,
    /// The statement that tried it, and what was answered.
    pub(crate) told: Option<Told>,
    /// From the first statement to the verdict.
    pub(crate) duration: Duration,
}

/// A statement and its answer, for people.
#[derive(Debug, Clone)]
pub(crate) struct Told {
    pub(crate) sql: String,
    pub(crate) answer: String,
}

/// Why nothing can be said of a cell.
pub(super) type Unsure = String;

/// Tries the cell of a statement. `unique` is a text that occurs nowhere else.
pub(crate) async fn try_statement(
    world: &World,
    fixtures: &Fixtures,
    cell: &Cell,
    unique: &str,
) -> Option<StatementTried> {
    let action = cell.trial.action(&world.suite)?;
    let statement = cell.trial.statement(&world.suite)?;
    let database = world.suite.databases.get(statement.database)?;
    let mut trial = StatementTrial {
        world,
        databases: &world.databases,
        cell,
        action,
        statement,
        database,
        cloner: Cloner::new(world, statement.database, database, unique),
        known: known_rows(world, fixtures, action, statement).await,
        rows: Vec::new(),
        told: None,
    };
    let started = Instant::now();
    let judged = trial.run(unique).await;
    Some(StatementTried {
        judgement: judged.unwrap_or_else(inconclusive),
        rows: trial.rows,
        told: trial.told,
        duration: started.elapsed(),
    })
}

pub(super) struct StatementTrial<'a> {
    pub(super) world: &'a World,
    pub(super) databases: &'a Databases,
    pub(super) cell: &'a Cell,
    pub(super) action: &'a Action,
    pub(super) statement: &'a Statement,
    pub(super) database: &'a Database,
    /// Makes the databases in which something may be committed.
    pub(super) cloner: Cloner<'a>,
    /// Rows that calls are tried on too: whose, and by which key.
    pub(super) known: Vec<(ActorIndex, String)>,
    pub(super) rows: Vec<RowTried>,
    pub(super) told: Option<Told>,
}

/// A connection that an actor has entered by, and what its transactions set.
#[derive(Clone, Copy)]
pub(super) struct Entry<'e> {
    pub(super) entered: &'e Entered,
    pub(super) session: &'e Session,
}

impl Entry<'_> {
    /// Begins a transaction as the actor.
    pub(super) async fn begin(self, ending: Ending) -> Result<(), String> {
        self.entered.begin(&self.session.settings, ending).await
    }
}

impl<'a> StatementTrial<'a> {
    async fn run(&mut self, unique: &str) -> Result<RowsJudgement, Unsure> {
        if self.statement.verb.changes() {
            self.world.check_changes()?;
        }
        let actor = self.cell.actor;
        let scope =
            StatementScope::of(self.world, actor, self.database, self.statement, unique).await?;
        let mut session = Session::of(self.statement.database, self.database, &scope)?;
        if !self.statement.commits {
            return self.run_as(&session, &scope).await;
        }
        let clone = self.cloner.make().await?;
        session.entrance.clone = Some(clone.name.clone());
        let judged = self.run_as(&session, &scope).await;
        self.cloner.drop(clone).await;
        judged
    }

    async fn run_as(
        &mut self,
        session: &Session,
        scope: &StatementScope<'_>,
    ) -> Result<RowsJudgement, Unsure> {
        let written = self.written(scope)?;
        let databases = self.databases;
        let entered = match databases.enter(&session.entrance, self.time_max()).await {
            Ok(entered) => entered,
            // Whoever may not enter may do nothing there.
            Err(NotEntered::Denied(why)) => return self.shut_out(session, &written, why).await,
            Err(NotEntered::Failed(why)) => return Err(why),
        };
        let entry = Entry {
            entered: &entered,
            session,
        };
        let judged = self.with(entry, scope, &written).await;
        databases.leave(session.entrance.clone(), entered).await;
        judged
    }

    pub(super) fn time_max(&self) -> Duration {
        self.world.client.timeout()
    }

    async fn shut_out(
        &mut self,
        session: &Session,
        written: &Written,
        why: String,
    ) -> Result<RowsJudgement, Unsure> {
        match rows_of(&self.world.suite, self.statement) {
            Some(rows) => self.shut_out_from_rows(session, rows, written, why).await,
            None => Ok(judge_plain(self.cell.expectation.expected, false, &why)),
        }
    }

    async fn with(
        &mut self,
        entry: Entry<'_>,
        scope: &StatementScope<'_>,
        written: &Written,
    ) -> Result<RowsJudgement, Unsure> {
        let table = match self.statement.verb {
            Verb::Execute | Verb::UsageOfSchema | Verb::UsageOfSequence => None,
            _ => Some(self.table(&entry.session.entrance, entry.entered).await?),
        };
        let table = table.as_deref();
        match (rows_of(&self.world.suite, self.statement), table) {
            (Some(rows), Some(table)) => {
                let policy = self.policy(rows)?;
                self.try_rows(entry, table, rows, written, &policy).await
            }
            _ => {
                let probe = self.plain_probe(entry, scope, written, table);
                let probe = probe.await?;
                self.try_plain(entry, &probe, table).await
            }
        }
    }

    /// The table of the statement, as somebody sees it who has entered.
    pub(super) async fn table(
        &self,
        entrance: &Entrance,
        entered: &Entered,
    ) -> Result<Arc<Table>, Unsure> {
        let object = &self.statement.object;
        self.databases.table(entrance, object, entered).await
    }

    /// The policy, to be asked about rows.
    pub(super) fn policy(&self, rows: &'a Rows) -> Result<RowPolicy<'a>, Unsure> {
        let now = jiff::Timestamp::now();
        let policy = RowPolicy::new(&self.world.suite, self.cell.actor, self.action, rows, now);
        policy.ok_or_else(|| "the policy does not know the actor".to_owned())
    }

    fn written(&self, scope: &StatementScope<'_>) -> Result<Written, Unsure> {
        let values = self.statement.values.iter();
        values
            .map(|(name, value)| {
                let value = value.fill(scope).map_err(|it| it.to_string())?;
                Ok((name.clone(), value))
            })
            .collect()
    }

    /// Remembers a statement and what was answered, to be told.
    pub(super) fn tell(&mut self, probe: &Probe, outcome: Outcome) -> Outcome {
        self.databases.count();
        self.told = Some(Told {
            sql: shown(probe),
            answer: outcome.clone().words(),
        });
        outcome
    }

    /// What becomes of the transactions of the statement, but for those in clones.
    pub(super) fn ending(&self) -> Ending {
        match self.statement.verb {
            Verb::UsageOfSequence => Ending::ReadOnly,
            // Where nothing may be changed, what only reads may not do so either.
            _ if self.world.check_changes().is_err() => Ending::ReadOnly,
            _ => Ending::RolledBack,
        }
    }

    /// Sends the last statement of a transaction that has begun; one that commits is sent in a
    /// clone of its own.
    pub(super) async fn send_last(
        &mut self,
        entry: Entry<'_>,
        probe: &Probe,
    ) -> Result<Outcome, Unsure> {
        let outcome = match self.statement.commits {
            true => self.committed(entry.session, probe).await?,
            false => entry.entered.send_last(probe).await?,
        };
        Ok(self.tell(probe, outcome))
    }

    /// Sends a statement whose effect is gone before the next one.
    pub(super) async fn send_undone(
        &mut self,
        entry: Entry<'_>,
        probe: &Probe,
    ) -> Result<Outcome, Unsure> {
        let outcome = match self.statement.commits {
            true => self.committed(entry.session, probe).await?,
            false => entry.entered.send_undone(probe).await?,
        };
        Ok(self.tell(probe, outcome))
    }

    /// Sends a statement in a clone of its own, and commits it there.
    async fn committed(&mut self, session: &Session, probe: &Probe) -> Result<Outcome, Unsure> {
        let clone = self.cloner.make().await?;
        let session = Session {
            entrance: Entrance {
                clone: Some(clone.name.clone()),
                ..session.entrance.clone()
            },
            settings: session.settings.clone(),
        };
        let outcome = match self
            .databases
            .enter(&session.entrance, self.time_max())
            .await
        {
            Ok(entered) => match entered.take(&session.settings).await {
                Ok(()) => Ok(entered.send(probe).await),
                Err(why) => Err(why),
            },
            Err(not_entered) => Err(not_entered.into()),
        };
        self.cloner.drop(clone).await;
        outcome
    }

    /// What the session is, to a table if one is given. The transaction has begun.
    pub(super) async fn standing(
        &self,
        entry: Entry<'_>,
        table: Option<&Table>,
    ) -> Result<Arc<Standing>, Unsure> {
        let named = table.map(|table| (&self.statement.object, table));
        let standing = self.databases.standing(entry.session, named, entry.entered);
        standing.await
    }

    /// What is allowed or denied as a whole.
    async fn try_plain(
        &mut self,
        entry: Entry<'_>,
        probe: &Probe,
        table: Option<&Table>,
    ) -> Result<RowsJudgement, Unsure> {
        let verb = self.statement.verb;
        entry.begin(self.ending()).await?;
        let standing = self.standing(entry, table).await?;
        let mut outcome = self.send_last(entry, probe).await?;
        if let (Verb::Truncate, Outcome::Failed(_), Some(table)) = (verb, &outcome, table) {
            // What other tables refer to is not truncated without them.
            entry.begin(self.ending()).await?;
            let with_them = probe::truncate(table, " CASCADE");
            let tried = self.send_last(entry, &with_them).await?;
            if matches!(tried, Outcome::Done { .. }) {
                outcome = tried;
            }
        }
        let refused = matches!(outcome, Outcome::Refused(_));
        let doubts = standing.doubts_of_whole(verb == Verb::Truncate);
        // Neither policies nor owners have a part in what grants alone refuse.
        let doubts = doubts
            .into_iter()
            .filter(|it| !refused || !it.kind.is_of_table());
        let judgement = match outcome {
            Outcome::Done { reached, .. } => {
                let hidden = reached == 0 && verb.is_of_rows();
                if hidden {
                    return Err("no row was reached, and nobody says which there are".to_owned());
                }
                judge_plain(self.cell.expectation.expected, true, "done")
            }
            Outcome::ReadOnly(why) if verb == Verb::UsageOfSequence => {
                judge_plain(self.cell.expectation.expected, true, &why)
            }
            Outcome::Refused(refusal) => {
                judge_plain(self.cell.expectation.expected, false, &refusal.why)
            }
            other => return Err(other.words()),
        };
        Ok(doubted(judgement, doubts))
    }

    async fn plain_probe(
        &self,
        entry: Entry<'_>,
        scope: &StatementScope<'_>,
        written: &Written,
        table: Option<&Table>,
    ) -> Result<Probe, Unsure> {
        let columns = &self.statement.columns;
        match (self.statement.verb, table) {
            (Verb::Select, Some(table)) => probe::select(table, None, columns),
            (Verb::Insert, Some(table)) if self.statement.copies => probe::copy_in(table, written),
            (Verb::Insert, Some(table)) => probe::insert(table, written, None, columns),
            (Verb::Update, Some(table)) => probe::update(table, written, None, columns),
            (Verb::Delete, Some(table)) => probe::delete(table, None, columns),
            _ => {
                let arguments = self.statement.arguments.iter();
                let arguments: Result<Vec<_>, _> = arguments.map(|it| it.fill(scope)).collect();
                let arguments = arguments.map_err(|it| it.to_string())?;
                let (databases, statement) = (self.databases, self.statement);
                let entry = (&entry.session.entrance, entry.entered);
                probe::plain(databases, entry, statement, table, &arguments).await
            }
        }
    }
}
