//! One cell on a database: who there is, what is there, what the actor reaches, and whether that
//! means anything.

use std::sync::Arc;
use std::time::{Duration, Instant};

use authz_sql::guard::{self, Doubt, DoubtKind, Table};
use suite::model::{Action, ActorIndex, Database, Expected, Rows, Statement, Verb};
use suite::plan::{Bounds, Cell, RowPolicy, rows_of};
use suite::verdict::{Access, Lack, RowSeen, RowsJudgement, RowsSeen, Verdict, judge_rows};

use super::known::{RowTried, known_rows, rows_tried};
use super::probe::{self, Probe, Written};
use super::session::{StatementScope, as_column, begin, entrance};
use super::witness::{self, Row};
use super::{Databases, Entered, Entrance, NotEntered, Outcome};
use crate::caller::World;
use crate::fixture::Fixtures;

/// The most rows that are changed one by one.
const CHANGED_ROWS_MAX: usize = 1_000;

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
type Unsure = String;

/// Tries the cell of a statement. `unique` is a text that occurs nowhere else.
pub(crate) async fn try_statement(
    world: &World,
    fixtures: &Fixtures,
    cell: &Cell,
    unique: &str,
) -> Option<StatementTried> {
    let action = cell.trial.action(&world.suite)?;
    let statement = cell.trial.statement(&world.suite)?;
    let mut trial = StatementTrial {
        world,
        cell,
        action,
        statement,
        database: world.suite.databases.get(statement.database)?,
        unique,
        known: known_rows(world, fixtures, action, statement).await,
        rows: Vec::new(),
        told: None,
    };
    let started = Instant::now();
    let judged = trial.run().await;
    Some(StatementTried {
        judgement: judged.unwrap_or_else(inconclusive),
        rows: trial.rows,
        told: trial.told,
        duration: started.elapsed(),
    })
}

fn inconclusive(why: Unsure) -> RowsJudgement {
    RowsJudgement {
        verdict: Verdict::Inconclusive,
        access: Access::Unknown,
        observed: "nothing that could be relied on".to_owned(),
        because: why,
        lacks: None,
    }
}

struct StatementTrial<'a> {
    world: &'a World,
    cell: &'a Cell,
    action: &'a Action,
    statement: &'a Statement,
    database: &'a Database,
    unique: &'a str,
    /// Rows that calls are tried on too: whose, and by which key.
    known: Vec<(ActorIndex, String)>,
    rows: Vec<RowTried>,
    told: Option<Told>,
}

impl<'a> StatementTrial<'a> {
    async fn run(&mut self) -> Result<RowsJudgement, Unsure> {
        if self.statement.verb.changes() {
            self.world.check_changes()?;
        }
        let (world, unique) = (self.world, self.unique);
        let scope = StatementScope::of(
            world,
            self.cell.actor,
            self.database,
            self.statement,
            unique,
        );
        let scope = scope.await?;
        let entrance = entrance(self.statement.database, self.database, &scope)?;
        let databases = Arc::clone(&self.world.databases);
        let entered = match databases.enter(&entrance, self.time_max()).await {
            Ok(entered) => entered,
            // Whoever may not enter may do nothing there.
            Err(NotEntered::Denied(why)) if rows_of(&world.suite, self.statement).is_none() => {
                return Ok(judge_plain(self.cell.expectation.expected, false, &why));
            }
            Err(not_entered) => return Err(not_entered.into()),
        };
        let judged = self.with(&databases, &entered, &scope).await;
        databases.leave(entrance, entered).await;
        judged
    }

    fn time_max(&self) -> Duration {
        self.world.client.timeout()
    }

    async fn with(
        &mut self,
        databases: &Databases,
        entered: &Entered,
        scope: &StatementScope<'_>,
    ) -> Result<RowsJudgement, Unsure> {
        let table = match self.statement.verb {
            Verb::Execute | Verb::UsageOfSchema | Verb::UsageOfSequence => None,
            _ => {
                let object = &self.statement.object;
                let table = databases.table(self.statement.database, object, entered);
                Some(table.await?)
            }
        };
        let table = table.as_deref();
        match (rows_of(&self.world.suite, self.statement), table) {
            (Some(rows), Some(table)) => {
                let now = jiff::Timestamp::now();
                let suite = &self.world.suite;
                let policy = RowPolicy::new(suite, self.cell.actor, self.action, rows, now);
                let policy = policy.ok_or("the policy does not know the actor")?;
                self.try_rows(entered, scope, table, rows, &policy).await
            }
            _ => self.try_plain(entered, scope, table).await,
        }
    }

    /// What is decided on row by row.
    async fn try_rows(
        &mut self,
        entered: &Entered,
        scope: &StatementScope<'_>,
        table: &Table,
        rows: &Rows,
        policy: &RowPolicy<'_>,
    ) -> Result<RowsJudgement, Unsure> {
        let written = self.written(scope)?;
        let inserts = self.statement.verb == Verb::Insert;
        let there = match (inserts, self.statement.upserts) {
            (true, false) => vec![new_row(&written, rows)],
            (true, true) => self.conflicting(table, rows, &written).await?,
            (false, _) => self.rows_there(table, rows).await?,
        };
        begin(entered, self.database, scope).await?;
        let doubts = self.doubts(entered, Some(table)).await?;
        let mut seen = RowsSeen {
            bounds: match inserts {
                true => Bounds::All,
                false => policy.bounds(),
            },
            visitor: self.is_visitor(),
            rows: self.expected(&there, &written, policy),
            unknown: Vec::new(),
            unnamed: None,
            refused: false,
            told: None,
        };
        match self.statement.verb {
            Verb::Select => self.read(entered, table, rows, &mut seen).await?,
            Verb::Insert => self.add(entered, table, rows, &written, &mut seen).await?,
            _ => {
                self.change(entered, table, rows, &written, &mut seen)
                    .await?
            }
        }
        let doubts = doubts
            .into_iter()
            .filter(|it| matters(it.kind, policy.bounds(), seen.refused));
        let mut judgement = judge_rows(&seen);
        if inserts {
            let added = seen.rows.iter().any(|row| row.reached);
            let observed = match (added, &seen.told) {
                (true, _) => "added the row",
                (false, None) => "refused (42501)",
                (false, Some(_)) => "a value is taken (23505)",
            };
            judgement.observed = observed.to_owned();
        }
        if let Some(lack) = judgement.lacks {
            judgement.because = format!("{}; {}", judgement.because, mended(lack, table, rows));
        }
        let judgement = doubted(judgement, doubts);
        if judgement.verdict != Verdict::Inconclusive {
            let adds = self.statement.verb == Verb::Insert;
            self.rows = rows_tried(&self.known, adds, &seen);
        }
        Ok(judgement)
    }

    fn is_visitor(&self) -> bool {
        let actor = self.world.suite.actors.get(self.cell.actor);
        actor.is_some_and(|it| !it.signed_in)
    }

    /// The row that is there already, or else the one that would be.
    async fn conflicting(
        &self,
        table: &Table,
        rows: &Rows,
        written: &Written,
    ) -> Result<Vec<Row>, Unsure> {
        let new = new_row(written, rows);
        let mut there = self.rows_there(table, rows).await?;
        there.retain(|row| row.key == new.key);
        if there.is_empty() {
            there.push(new);
        }
        Ok(there)
    }

    async fn rows_there(&self, table: &Table, rows: &Rows) -> Result<Vec<Row>, Unsure> {
        let url = self.database.witness.clone();
        let witness = Entrance {
            database: self.statement.database,
            url: url.ok_or("no `witness` is given who sees the rows that are there")?,
            user: None,
        };
        let rows_max = match self.statement.verb {
            Verb::Select => usize::MAX,
            _ => CHANGED_ROWS_MAX,
        };
        let databases = &self.world.databases;
        let entered = databases.enter(&witness, self.time_max()).await;
        let entered = entered.map_err(|why| format!("the witness: {}", String::from(why)))?;
        let found = witness::rows(&entered, table, rows, rows_max).await;
        databases.leave(witness, entered).await;
        found
    }

    /// What the policy says of every row; of one that is changed, as it is and as it would be.
    fn expected(&self, there: &[Row], written: &Written, policy: &RowPolicy<'_>) -> Vec<RowSeen> {
        let seen = |row: &Row| {
            let mut expected = policy.of(&row.columns);
            let permitted_before = expected.permitted == Some(true);
            if permitted_before && self.statement.verb.writes() {
                let mut after = row.columns.clone();
                after.extend(written.iter().cloned());
                expected = policy.of(&after);
            }
            RowSeen {
                key: row.key.clone(),
                expected,
                permitted_before,
                reached: false,
            }
        };
        there.iter().map(seen).collect()
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

    async fn read(
        &mut self,
        entered: &Entered,
        table: &Table,
        rows: &Rows,
        seen: &mut RowsSeen,
    ) -> Result<(), Unsure> {
        let columns = &self.statement.columns;
        let probe = match self.statement.copies {
            true => probe::copy(table, &rows.key, columns)?,
            false => probe::select(table, Some(&rows.key), columns)?,
        };
        match self.send(entered, &probe).await {
            Outcome::Done { rows, .. } => {
                let keys = rows.into_iter().filter_map(|row| row.into_iter().next()?);
                reached(seen, keys);
            }
            Outcome::Refused(_) => seen.refused = true,
            Outcome::Duplicate { why, .. } | Outcome::Failed(why) => return Err(why),
        }
        Ok(())
    }

    async fn add(
        &mut self,
        entered: &Entered,
        table: &Table,
        rows: &Rows,
        written: &Written,
        seen: &mut RowsSeen,
    ) -> Result<(), Unsure> {
        let key = self.statement.upserts.then_some(rows.key.as_str());
        let probe = probe::insert(table, written, key, &self.statement.columns)?;
        match self.undone(entered, &probe).await? {
            Outcome::Done { .. } => seen.rows.iter_mut().for_each(|row| row.reached = true),
            Outcome::Refused(_) => seen.refused = true,
            Outcome::Duplicate { constraint, why } => {
                if self
                    .sees_taken(entered, table, &constraint, written)
                    .await?
                {
                    return Err(why);
                }
                seen.told = Some(why);
            }
            Outcome::Failed(why) => return Err(why),
        }
        Ok(())
    }

    /// Whether the actor sees the row that has what is unique already.
    async fn sees_taken(
        &self,
        entered: &Entered,
        table: &Table,
        constraint: &str,
        written: &Written,
    ) -> Result<bool, Unsure> {
        let columns = probe::columns_of(entered, table, constraint).await?;
        let probe = probe::those_with(table, written, &columns)?;
        match entered.ask(&probe.sql, &probe.values).await {
            Outcome::Done { rows, .. } => Ok(!rows.is_empty()),
            Outcome::Refused(_) => Ok(false),
            Outcome::Duplicate { why, .. } | Outcome::Failed(why) => Err(why),
        }
    }

    /// Changes every row by its key, and then all of them without naming one: a policy for
    /// reading holds only where a statement reads.
    async fn change(
        &mut self,
        entered: &Entered,
        table: &Table,
        rows: &Rows,
        written: &Written,
        seen: &mut RowsSeen,
    ) -> Result<(), Unsure> {
        let mut refused = 0;
        for row in &mut seen.rows {
            let probe = self.changing(table, written, Some((&rows.key, &row.key)))?;
            match self.undone(entered, &probe).await? {
                Outcome::Done { reached, .. } => row.reached = reached > 0,
                Outcome::Refused(_) => refused += 1,
                Outcome::Duplicate { why, .. } | Outcome::Failed(why) => return Err(why),
            }
        }
        seen.refused = refused > 0 && refused == seen.rows.len();
        let probe = self.changing(table, written, None)?;
        match self.undone(entered, &probe).await? {
            Outcome::Done { reached, .. } => seen.unnamed = Some(reached),
            Outcome::Refused(_) => {}
            Outcome::Duplicate { why, .. } | Outcome::Failed(why) => return Err(why),
        }
        Ok(())
    }

    fn changing(
        &self,
        table: &Table,
        written: &Written,
        row: Option<(&str, &str)>,
    ) -> Result<Probe, Unsure> {
        let columns = &self.statement.columns;
        match self.statement.verb {
            Verb::Delete => probe::delete(table, row, columns),
            _ => probe::update(table, written, row, columns),
        }
    }

    /// A statement whose effect is gone before the next one.
    async fn undone(&mut self, entered: &Entered, probe: &Probe) -> Result<Outcome, Unsure> {
        entered.command("SAVEPOINT cell").await?;
        let outcome = self.send(entered, probe).await;
        entered.command("ROLLBACK TO SAVEPOINT cell").await?;
        Ok(outcome)
    }

    async fn send(&mut self, entered: &Entered, probe: &Probe) -> Outcome {
        self.world.databases.count();
        let outcome = match self.statement.copies {
            true => entered.copy(&probe.sql).await,
            false => entered.ask(&probe.sql, &probe.values).await,
        };
        self.told = Some(Told {
            sql: shown(probe),
            answer: match &outcome {
                Outcome::Done { reached, .. } => format!("{reached} rows"),
                Outcome::Refused(why) | Outcome::Duplicate { why, .. } | Outcome::Failed(why) => {
                    why.clone()
                }
            },
        });
        outcome
    }

    async fn doubts(&self, entered: &Entered, table: Option<&Table>) -> Result<Vec<Doubt>, Unsure> {
        let looked = guard::look(&entered.client, entered.version, table).await;
        let standing = looked.map_err(|error| authz_sql::connection::told(&error))?;
        Ok(match table {
            Some(_) => standing.doubts_of_rows(),
            None => standing.doubts_of_grants(),
        })
    }

    /// What is allowed or denied as a whole.
    async fn try_plain(
        &mut self,
        entered: &Entered,
        scope: &StatementScope<'_>,
        table: Option<&Table>,
    ) -> Result<RowsJudgement, Unsure> {
        let probe = self.plain_probe(entered, scope, table).await?;
        begin(entered, self.database, scope).await?;
        let doubts = self.doubts(entered, None).await?;
        let judgement = match self.send(entered, &probe).await {
            Outcome::Done { reached, .. } => {
                let hidden = reached == 0 && self.statement.verb.is_of_rows();
                if hidden {
                    return Err("no row was reached, and nobody says which there are".to_owned());
                }
                judge_plain(self.cell.expectation.expected, true, "done")
            }
            Outcome::Refused(why) => judge_plain(self.cell.expectation.expected, false, &why),
            Outcome::Duplicate { why, .. } | Outcome::Failed(why) => return Err(why),
        };
        Ok(doubted(judgement, doubts.into_iter()))
    }

    async fn plain_probe(
        &self,
        entered: &Entered,
        scope: &StatementScope<'_>,
        table: Option<&Table>,
    ) -> Result<Probe, Unsure> {
        let written = self.written(scope)?;
        let columns = &self.statement.columns;
        match (self.statement.verb, table) {
            (Verb::Select, Some(table)) => probe::select(table, None, columns),
            (Verb::Insert, Some(table)) => probe::insert(table, &written, None, columns),
            (Verb::Update, Some(table)) => probe::update(table, &written, None, columns),
            (Verb::Delete, Some(table)) => probe::delete(table, None, columns),
            _ => {
                let arguments = self.statement.arguments.iter();
                let arguments: Result<Vec<_>, _> = arguments.map(|it| it.fill(scope)).collect();
                let arguments = arguments.map_err(|it| it.to_string())?;
                probe::plain(entered, self.statement, table, &arguments).await
            }
        }
    }
}

/// Marks rows as reached.
fn reached(seen: &mut RowsSeen, keys: impl Iterator<Item = String>) {
    let mut keys: std::collections::BTreeSet<String> = keys.collect();
    for row in &mut seen.rows {
        row.reached = keys.remove(&row.key);
    }
    seen.unknown = keys.into_iter().collect();
}

/// Whether a doubt says anything against what was seen.
fn matters(kind: DoubtKind, bounds: Bounds, refused: bool) -> bool {
    match kind {
        DoubtKind::Superuser | DoubtKind::SwitchedOff => true,
        // Where every row is permitted, nothing could be hidden.
        DoubtKind::Bypass | DoubtKind::Owner => bounds != Bounds::All,
        // Grants alone have refused it.
        DoubtKind::NotEnabled => bounds != Bounds::All && !refused,
    }
}

/// A session that proves nothing proves nothing, whatever was seen.
fn doubted(judgement: RowsJudgement, doubts: impl Iterator<Item = Doubt>) -> RowsJudgement {
    let doubts: Vec<String> = doubts.map(|it| format!("{}: {}", it.why, it.fix)).collect();
    match doubts.is_empty() {
        true => judgement,
        false => RowsJudgement {
            verdict: Verdict::Inconclusive,
            access: Access::Unknown,
            because: doubts.join(" "),
            ..judgement
        },
    }
}

fn judge_plain(expected: Expected, done: bool, observed: &str) -> RowsJudgement {
    let (verdict, because) = match (expected, done) {
        (Expected::Allow, true) | (Expected::Deny(_), false) => (Verdict::Held, ""),
        (Expected::Allow, false) => (Verdict::Lockout, "permission is denied"),
        (Expected::Deny(_), true) => (Verdict::Escalation, "nothing stops it"),
        _ => (Verdict::Inconclusive, "nothing is expected of it"),
    };
    RowsJudgement {
        verdict,
        access: match done {
            true => Access::Allowed,
            false => Access::Denied,
        },
        observed: observed.to_owned(),
        because: because.to_owned(),
        lacks: None,
    }
}

fn new_row(written: &Written, rows: &Rows) -> Row {
    let key = written.iter().find(|(name, _)| *name == rows.key);
    let mut columns: serde_json::Map<_, _> = written.iter().cloned().collect();
    // What is not written stays empty, as far as anybody knows.
    for (_, column) in &rows.attributes {
        columns
            .entry(column.clone())
            .or_insert(serde_json::Value::Null);
    }
    Row {
        key: key
            .and_then(|(_, value)| as_column(value))
            .unwrap_or_else(|| "(new)".to_owned()),
        columns,
    }
}

/// The statement that gives a table the rows that it lacks.
fn mended(lack: Lack, table: &Table, rows: &Rows) -> String {
    let names = std::iter::once(&rows.key).chain(rows.attributes.iter().map(|(_, column)| column));
    let quoted: Vec<&str> = names
        .filter_map(|it| witness::column(table, it).ok())
        .collect();
    let whose = match lack {
        Lack::Any => "one that the actor may reach, and one that it may not",
        Lack::Permitted => "one that the actor may reach",
        Lack::Forbidden => "one that the actor may not reach",
    };
    format!(
        "add {whose}: INSERT INTO {} ({}) VALUES (...);",
        table.quoted,
        quoted.join(", ")
    )
}

/// A statement for people, with its values behind it.
fn shown(probe: &Probe) -> String {
    let values = probe
        .values
        .iter()
        .map(|it| it.as_deref().unwrap_or("NULL"));
    let values: Vec<&str> = values.collect();
    match values.is_empty() {
        true => format!("{};", probe.sql),
        false => format!("{}; -- {}", probe.sql, values.join(", ")),
    }
}
