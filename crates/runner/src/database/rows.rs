//! What is decided on row by row: which rows there are, and which of them the actor reaches.

use std::sync::Arc;
use std::time::Duration;

use authz_sql::guard::Table;
use futures_util::future::join;
use suite::model::{OnConflict, Rows, Verb};
use suite::plan::{Bounds, RowPolicy};
use suite::verdict::{RowSeen, RowsJudgement, RowsSeen, Verdict, judge_rows};

use super::entered::Ending;
use super::judging::{doubted, matters, mended, new_row, reached};
use super::known::rows_tried;
use super::probe::{self, Probe, Written};
use super::session::Session;
use super::trial::{Entry, StatementTrial, Unsure};
use super::witness::{ROWS_MAX, Row};
use super::{Entered, Entrance, Outcome};

/// The most rows that are changed one by one.
const CHANGED_ROWS_MAX: usize = 1_000;

/// The same where each is changed in a clone of its own.
const CLONED_ROWS_MAX: usize = 25;

/// How long ago rows may have been read for a cell that holds by them. Lockstep itself changes none
/// meanwhile; whoever else does so has as long as between any other look and the statement after it.
const ROWS_AGE_MAX: Duration = Duration::from_secs(1);

impl<'a> StatementTrial<'a> {
    /// Tries what an actor reaches who has entered. What does not hold by rows that were read a
    /// moment ago is tried again by rows that are read now: somebody may have changed them.
    pub(super) async fn try_rows(
        &mut self,
        entry: Entry<'_>,
        table: &Table,
        rows: &Rows,
        written: &Written,
        policy: &RowPolicy<'_>,
    ) -> Result<RowsJudgement, Unsure> {
        let known = self.try_rows_of(ROWS_AGE_MAX, entry, table, rows, written, policy);
        let (judgement, is_fresh) = known.await?;
        if is_fresh || judgement.verdict == Verdict::Held {
            return Ok(judgement);
        }
        let now = self.try_rows_of(Duration::ZERO, entry, table, rows, written, policy);
        Ok(now.await?.0)
    }

    /// The same by rows of at most an age, and whether they were read now.
    async fn try_rows_of(
        &mut self,
        age_max: Duration,
        entry: Entry<'_>,
        table: &Table,
        rows: &Rows,
        written: &Written,
        policy: &RowPolicy<'_>,
    ) -> Result<(RowsJudgement, bool), Unsure> {
        self.rows.clear();
        // Two connections, and so neither waits for the other.
        let there = self.there(age_max, entry.session, table, rows, written);
        let (there, begun) = join(there, entry.begin(self.ending())).await;
        let (there, is_fresh) = there?;
        begun?;
        let doubts = self.doubts(entry, Some(table)).await?;
        let mut seen = self.seen(&there, written, policy);
        match self.statement.verb {
            Verb::Select => self.read(entry, table, rows, &mut seen).await?,
            Verb::Insert => self.add(entry, table, rows, written, &mut seen).await?,
            _ => {
                self.change(entry, table, rows, written, &mut seen).await?;
            }
        }
        let doubts = doubts
            .into_iter()
            .filter(|it| matters(it.kind, policy.bounds(), seen.refused));
        let mut judgement = judge_rows(&seen);
        if self.statement.verb == Verb::Insert {
            judgement.observed = of_insertion(&seen).to_owned();
        }
        if let Some(lack) = judgement.lacks {
            judgement.because = format!("{}; {}", judgement.because, mended(lack, table, rows));
        }
        Ok((self.judged(&seen, doubted(judgement, doubts)), is_fresh))
    }

    /// Judges an actor who may not even enter: it reaches no row, and no guard need be asked, as
    /// what it is refused by is no policy.
    pub(super) async fn shut_out_from_rows(
        &mut self,
        session: &Session,
        rows: &'a Rows,
        written: &Written,
        why: String,
    ) -> Result<RowsJudgement, Unsure> {
        let witness = self.witness(session)?;
        let entered = self.databases.enter(&witness, self.time_max()).await;
        let entered = entered.map_err(|why| format!("the witness: {}", String::from(why)))?;
        let table = self.table(&witness, &entered).await;
        self.databases.leave(witness, entered).await;
        let table = table?;
        let there = self.there(Duration::ZERO, session, &table, rows, written);
        let (there, _) = there.await?;
        let policy = self.policy(rows)?;
        let mut seen = self.seen(&there, written, &policy);
        seen.refused = true;
        let judgement = RowsJudgement {
            observed: why,
            ..judge_rows(&seen)
        };
        Ok(self.judged(&seen, judgement))
    }

    /// Keeps what became of the rows that calls are tried on too, where anything can be said of it.
    fn judged(&mut self, seen: &RowsSeen, judgement: RowsJudgement) -> RowsJudgement {
        if judgement.verdict != Verdict::Inconclusive {
            let adds = self.statement.verb == Verb::Insert;
            self.rows = rows_tried(&self.known, adds, seen);
        }
        judgement
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

    /// The rows that the statement is about, and whether they were read now.
    async fn there(
        &self,
        age_max: Duration,
        session: &Session,
        table: &Table,
        rows: &Rows,
        written: &Written,
    ) -> Result<(Arc<Vec<Row>>, bool), Unsure> {
        let new = new_row(written, rows);
        match (self.statement.verb, self.statement.upserts()) {
            (Verb::Insert, false) => Ok((Arc::new(vec![new]), true)),
            // The row that is there already, or else the one that would be.
            (Verb::Insert, true) => {
                let there = self.rows_there(age_max, session, table, rows).await?;
                let (there, is_fresh) = there;
                let old = there.iter().find(|row| row.key == new.key).cloned();
                Ok((Arc::new(vec![old.unwrap_or(new)]), is_fresh))
            }
            _ => self.rows_there(age_max, session, table, rows).await,
        }
    }

    async fn rows_there(
        &self,
        age_max: Duration,
        session: &Session,
        table: &Table,
        rows: &Rows,
    ) -> Result<(Arc<Vec<Row>>, bool), Unsure> {
        let witness = self.witness(session)?;
        let (object, time_max) = (&self.statement.object, self.time_max());
        let found = self
            .databases
            .rows(&witness, age_max, object, (table, rows), time_max);
        let found = found.await?;
        let rows_max = match self.statement.verb {
            Verb::Select => ROWS_MAX,
            _ if self.statement.commits => CLONED_ROWS_MAX,
            _ => CHANGED_ROWS_MAX,
        };
        match found.0.len() > rows_max {
            true => Err(format!(
                "{} has more than {rows_max} rows: try this on a smaller copy",
                table.quoted
            )),
            false => Ok(found),
        }
    }

    /// How the witness enters what the session has entered.
    fn witness(&self, session: &Session) -> Result<Entrance, Unsure> {
        let url = self.database.witness.as_ref();
        let url = url.ok_or("no `witness` is given who sees the rows that are there")?;
        Ok(Entrance {
            clone: session.entrance.clone.clone(),
            ..Entrance::of(self.statement.database, url)
        })
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
        entry: Entry<'_>,
        table: &Table,
        rows: &Rows,
        seen: &mut RowsSeen,
    ) -> Result<(), Unsure> {
        let columns = &self.statement.columns;
        let probe = match self.statement.copies {
            true => probe::copy_out(table, &rows.key, columns)?,
            false => probe::select(table, Some(&rows.key), columns)?,
        };
        match self.send_last(entry, &probe).await? {
            Outcome::Done { rows, .. } => {
                let keys = rows.into_iter().filter_map(|row| row.into_iter().next()?);
                reached(seen, keys);
            }
            Outcome::Refused(_) => seen.refused = true,
            other => return Err(other.words()),
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
        let columns = &self.statement.columns;
        let on_conflict = self.statement.on_conflict;
        let probe = match self.statement.copies {
            true => probe::copy_in(table, written)?,
            false => {
                let on_conflict = on_conflict.map(|it| (it, rows.key.as_str()));
                probe::insert(table, written, on_conflict, columns)?
            }
        };
        match self.send_last(entry, &probe).await? {
            Outcome::Done { reached: 0, .. } if on_conflict == Some(OnConflict::Nothing) => {
                self.conflicted(entry, table, written, seen).await?;
            }
            Outcome::Done { reached: 0, .. } => filtered(entry.entered, table).await?,
            Outcome::Done { .. } => seen.rows.iter_mut().for_each(|row| row.reached = true),
            Outcome::Refused(_) => seen.refused = true,
            Outcome::Duplicate { constraint, why } => {
                self.taken(entry, table, &constraint, why, written, seen)
                    .await?;
            }
            other => return Err(other.words()),
        }
        Ok(())
    }

    /// No row was added, and nothing was said: because one is there already, which the same
    /// without `ON CONFLICT` tells, or because something filtered it.
    async fn conflicted(
        &mut self,
        entry: Entry<'_>,
        table: &Table,
        written: &Written,
        seen: &mut RowsSeen,
    ) -> Result<(), Unsure> {
        let probe = probe::insert(table, written, None, &[])?;
        entry.begin(Ending::RolledBack).await?;
        match entry.entered.send_last(&probe).await? {
            Outcome::Duplicate { constraint, why } => {
                let why = format!("no row was added, because one is there already: {why}");
                self.taken(entry, table, &constraint, why, written, seen)
                    .await
            }
            Outcome::Done { reached: 0, .. } => filtered(entry.entered, table).await,
            other => Err(format!(
                "no row was added, and without `ON CONFLICT`: {}",
                other.words()
            )),
        }
    }

    /// A unique value is taken: by a row that the actor sees, which says nothing, or by one that
    /// it does not see, of which it has learnt now.
    async fn taken(
        &self,
        entry: Entry<'_>,
        table: &Table,
        constraint: &str,
        why: String,
        written: &Written,
        seen: &mut RowsSeen,
    ) -> Result<(), Unsure> {
        if self.sees_taken(entry, table, constraint, written).await? {
            return Err(why);
        }
        seen.told = Some(why);
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
        entry.begin(Ending::RolledBack).await?;
        match entered.send_last(&probe).await? {
            Outcome::Done { rows, .. } => Ok(!rows.is_empty()),
            Outcome::Refused(_) => Ok(false),
            other => Err(other.words()),
        }
    }

    /// Changes every row by its key, and then all of them without naming one: a policy for
    /// reading holds only where a statement reads.
    async fn change(
        &mut self,
        entry: Entry<'_>,
        table: &Table,
        rows: &Rows,
        written: &Written,
        seen: &mut RowsSeen,
    ) -> Result<(), Unsure> {
        let mut refused = 0;
        for row in &mut seen.rows {
            let probe = self.changing(table, written, Some((&rows.key, &row.key)))?;
            match self.send_undone(entry, &probe).await? {
                Outcome::Done { reached, .. } => row.reached = reached > 0,
                Outcome::Refused(_) => refused += 1,
                other => return Err(other.words()),
            }
        }
        seen.refused = refused > 0 && refused == seen.rows.len();
        let probe = self.changing(table, written, None)?;
        match self.send_undone(entry, &probe).await? {
            Outcome::Done { reached, .. } => seen.unnamed = Some(reached),
            Outcome::Refused(_) => {}
            other => return Err(other.words()),
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
}

/// What an insertion came to, in words.
fn of_insertion(seen: &RowsSeen) -> &'static str {
    match (&seen.told, seen.refused) {
        _ if seen.rows.iter().any(|row| row.reached) => "added the row",
        (Some(_), _) => "a value is taken (23505)",
        (None, true) => "refused (42501)",
        (None, false) => "filtered: no row was added, and nothing was said",
    }
}

/// Makes sure that a row of which nothing was said was not added elsewhere: by a rule, or by a
/// trigger that keeps the rows of a table in its children.
async fn filtered(entered: &Entered, table: &Table) -> Result<(), Unsure> {
    let sql = "SELECT (EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhparent = $1::text::oid) \
               OR EXISTS (SELECT FROM pg_catalog.pg_rewrite WHERE ev_class = $1::text::oid AND ev_type = '3'))::text";
    let number = vec![Some(table.oid.to_string())];
    let found = entered.learn(sql, &number).await?;
    match found.first().and_then(|row| row.first()?.as_deref()) {
        Some("false") => Ok(()),
        _ => Err(format!(
            "nothing was said of a row that {} was given: a rule or its children may have it",
            table.quoted
        )),
    }
}
