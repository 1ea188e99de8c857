//! What is decided on row by row: which rows there are, and which of them the actor reaches.

use authz_sql::guard::Table;
use futures_util::future::join;
use suite::model::{Rows, Verb};
use suite::plan::{Bounds, RowPolicy};
use suite::verdict::{RowSeen, RowsJudgement, RowsSeen, judge_rows};

use super::judging::{doubted, matters, mended, new_row, reached};
use super::probe::{self, Probe, Written};
use super::trial::{Entry, StatementTrial, Unsure};
use super::witness::{self, Row};
use super::{Entered, Entrance, Outcome};

/// The most rows that are changed one by one.
const CHANGED_ROWS_MAX: usize = 1_000;

impl<'a> StatementTrial<'a> {
    /// Tries what an actor reaches who has entered.
    pub(super) async fn try_rows(
        &mut self,
        entry: Entry<'_>,
        table: &Table,
        rows: &Rows,
        written: &Written,
        policy: &RowPolicy<'_>,
    ) -> Result<RowsJudgement, Unsure> {
        // Two connections, and so neither waits for the other.
        let (there, begun) = join(self.there(table, rows, written), entry.begin()).await;
        let there = there?;
        begun?;
        let doubts = self.doubts(entry, Some(table)).await?;
        let mut seen = self.seen(&there, written, policy);
        match self.statement.verb {
            Verb::Select => self.read(entry.entered, table, rows, &mut seen).await?,
            Verb::Insert => self.add(entry, table, rows, written, &mut seen).await?,
            _ => {
                let entered = entry.entered;
                self.change(entered, table, rows, written, &mut seen)
                    .await?;
            }
        }
        let doubts = doubts
            .into_iter()
            .filter(|it| matters(it.kind, policy.bounds(), seen.refused));
        let mut judgement = judge_rows(&seen);
        if self.statement.verb == Verb::Insert {
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
        Ok(doubted(judgement, doubts))
    }

    /// Judges an actor who may not even enter: it reaches no row, and no guard need be asked, as
    /// what it is refused by is no policy.
    pub(super) async fn shut_out_from_rows(
        &self,
        rows: &'a Rows,
        written: &Written,
        why: String,
    ) -> Result<RowsJudgement, Unsure> {
        let witness = self.witness()?;
        let entered = self.enter_as(&witness).await?;
        let table = self.table(&entered).await;
        self.databases.leave(witness, entered).await;
        let table = table?;
        let there = self.there(&table, rows, written).await?;
        let policy = self.policy(rows)?;
        let mut seen = self.seen(&there, written, &policy);
        seen.refused = true;
        Ok(RowsJudgement {
            observed: why,
            ..judge_rows(&seen)
        })
    }

    /// What is known before the actor has tried anything.
    fn seen(&self, there: &[Row], written: &Written, policy: &RowPolicy<'_>) -> RowsSeen {
        RowsSeen {
            bounds: match self.statement.verb {
                Verb::Insert => Bounds::All,
                _ => policy.bounds(),
            },
            visitor: self.is_visitor(),
            rows: self.expected(there, written, policy),
            unknown: Vec::new(),
            unnamed: None,
            refused: false,
            told: None,
        }
    }

    fn is_visitor(&self) -> bool {
        let actor = self.world.suite.actors.get(self.cell.actor);
        actor.is_some_and(|it| !it.signed_in)
    }

    /// The rows that the statement is about.
    async fn there(
        &self,
        table: &Table,
        rows: &Rows,
        written: &Written,
    ) -> Result<Vec<Row>, Unsure> {
        match (self.statement.verb, self.statement.upserts) {
            (Verb::Insert, false) => Ok(vec![new_row(written, rows)]),
            (Verb::Insert, true) => self.conflicting(table, rows, written).await,
            _ => self.rows_there(table, rows).await,
        }
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
        let witness = self.witness()?;
        let entered = self.enter_as(&witness).await?;
        let rows_max = match self.statement.verb {
            Verb::Select => usize::MAX,
            _ => CHANGED_ROWS_MAX,
        };
        let object = &self.statement.object;
        let sees_all = self
            .databases
            .check_witness(&witness, object, table, &entered);
        let found = match sees_all.await {
            Ok(()) => witness::rows(&entered, table, rows, rows_max).await,
            Err(why) => Err(why),
        };
        self.databases.leave(witness, entered).await;
        found
    }

    fn witness(&self) -> Result<Entrance, Unsure> {
        let url = self.database.witness.clone();
        Ok(Entrance {
            database: self.statement.database,
            url: url.ok_or("no `witness` is given who sees the rows that are there")?,
            user: None,
        })
    }

    async fn enter_as(&self, witness: &Entrance) -> Result<Entered, Unsure> {
        let entered = self.databases.enter(witness, self.time_max()).await;
        entered.map_err(|why| format!("the witness: {}", String::from(why)))
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

    async fn read(
        &mut self,
        entered: &Entered,
        table: &Table,
        rows: &Rows,
        seen: &mut RowsSeen,
    ) -> Result<(), Unsure> {
        let columns = &self.statement.columns;
        let (probe, outcome) = match self.statement.copies {
            true => {
                let probe = probe::copy(table, &rows.key, columns)?;
                let outcome = entered.copy(&probe.sql).await;
                (probe, outcome)
            }
            false => {
                let probe = probe::select(table, Some(&rows.key), columns)?;
                let outcome = entered.ask_last(&probe.sql, &probe.values).await?;
                (probe, outcome)
            }
        };
        match self.tell(&probe, outcome) {
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
        entry: Entry<'_>,
        table: &Table,
        rows: &Rows,
        written: &Written,
        seen: &mut RowsSeen,
    ) -> Result<(), Unsure> {
        let key = self.statement.upserts.then_some(rows.key.as_str());
        let probe = probe::insert(table, written, key, &self.statement.columns)?;
        let outcome = entry.entered.ask_last(&probe.sql, &probe.values).await?;
        match self.tell(&probe, outcome) {
            Outcome::Done { .. } => seen.rows.iter_mut().for_each(|row| row.reached = true),
            Outcome::Refused(_) => seen.refused = true,
            Outcome::Duplicate { constraint, why } => {
                let sees = self.sees_taken(entry, table, &constraint, written);
                if sees.await? {
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
        entry: Entry<'_>,
        table: &Table,
        constraint: &str,
        written: &Written,
    ) -> Result<bool, Unsure> {
        let entered = entry.entered;
        let columns = probe::columns_of(entered, table, constraint).await?;
        let probe = probe::those_with(table, written, &columns)?;
        entry.begin().await?;
        match entered.ask_last(&probe.sql, &probe.values).await? {
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

    async fn undone(&mut self, entered: &Entered, probe: &Probe) -> Result<Outcome, Unsure> {
        let outcome = entered.ask_undone(&probe.sql, &probe.values).await?;
        Ok(self.tell(probe, outcome))
    }
}
