//! What is decided on row by row: which rows there are, and which of them the actor reaches.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use authz_sql::guard::{Rights, Table};
use futures_util::future::join;
use suite::model::{Rows, Verb};
use suite::plan::{Bounds, RowPolicy};
use suite::verdict::{RowSeen, RowsJudgement, RowsSeen, Verdict, judge_rows};

use super::adding::of_insertion;
use super::judging::{doubted, matters, mended, new_row, reached};
use super::known::rows_tried;
use super::probe::{self, Probe, Written};
use super::session::Session;
use super::trial::{Entry, StatementTrial, Unsure};
use super::witness::{Manner, ROWS_MAX, Row};
use super::{Entrance, Outcome};

/// The most rows that are changed one by one.
const CHANGED_ROWS_MAX: usize = 1_000;

/// The same where each is changed in a clone of its own.
const CLONED_ROWS_MAX: usize = 25;

/// How long ago rows may have been read for a cell that holds by them. Lockstep itself changes none
/// meanwhile; whoever else does so has as long as between any other look and the statement after it.
const ROWS_AGE_MAX: Duration = Duration::from_secs(1);

/// What a statement is tried on, and as whom.
#[derive(Clone, Copy)]
pub(super) struct Target<'t> {
    pub(super) entry: Entry<'t>,
    pub(super) table: &'t Table,
    pub(super) rows: &'t Rows,
    pub(super) written: &'t Written,
    pub(super) policy: &'t RowPolicy<'t>,
}

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
        let target = Target {
            entry,
            table,
            rows,
            written,
            policy,
        };
        let (judgement, is_fresh) = self.try_rows_of(ROWS_AGE_MAX, &target).await?;
        if is_fresh || judgement.verdict == Verdict::Held {
            return Ok(judgement);
        }
        Ok(self.try_rows_of(Duration::ZERO, &target).await?.0)
    }

    /// The same by rows of at most an age, and whether they were read now.
    async fn try_rows_of(
        &mut self,
        age_max: Duration,
        target: &Target<'_>,
    ) -> Result<(RowsJudgement, bool), Unsure> {
        self.rows.clear();
        let Target {
            entry,
            table,
            rows,
            written,
            policy,
        } = *target;
        // Two connections, and so neither waits for the other.
        let there = self.there(age_max, entry.session, table, rows, written);
        let (there, begun) = join(there, entry.begin(self.ending())).await;
        let (there, is_fresh) = there?;
        begun?;
        let standing = self.standing(entry, Some(table)).await?;
        let mut seen = self.seen(&there, written, policy);
        let failed = match self.statement.verb {
            Verb::Select => self.read(target, &mut seen).await.map(|()| None),
            Verb::Insert => self.add(target, &mut seen).await.map(|()| None),
            _ => self.change(target, &mut seen).await,
        }?;
        let mut judgement = judge_rows(&seen);
        if is_fresh && is_shaken(&judgement, &seen) && self.statement.verb != Verb::Insert {
            let now = self.rows_there(Duration::ZERO, entry.session, table, rows);
            let (now, _) = now.await?;
            if now != there {
                keep_those_that_stayed(&mut seen, &there, &now);
                judgement = judge_rows(&seen);
            }
        }
        if let (Some(why), false) = (failed, judgement.verdict == Verdict::Escalation) {
            return Err(why);
        }
        let refused = seen.is_refused();
        let doubts = standing.doubts_of_rows().into_iter();
        let doubts = doubts.filter(|it| matters(it.kind, policy.bounds(), refused));
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
            hidden: None,
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
        let object = &self.statement.object;
        let manner = Manner::of(&session.settings, self.ending(), self.time_max());
        let found = self
            .databases
            .rows(&witness, age_max, object, (table, rows), &manner);
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

    async fn read(&mut self, target: &Target<'_>, seen: &mut RowsSeen) -> Result<(), Unsure> {
        let (table, key) = (target.table, target.rows.key.as_str());
        let columns = &self.statement.columns;
        let probe = match self.statement.copies {
            true => probe::copy_out(table, key, columns)?,
            false => probe::select(table, Some(key), columns)?,
        };
        match self.send_last(target.entry, &probe).await? {
            Outcome::Done { rows, .. } => {
                // A `COPY` has the blanks that a type pads with.
                let pads = table.columns.iter().any(|it| it.padded && it.name == key);
                let keys = rows.into_iter().filter_map(|row| row.into_iter().next()?);
                reached(
                    seen,
                    keys.map(|key| match pads {
                        true => key.trim_end_matches(' ').to_owned(),
                        false => key,
                    }),
                );
            }
            Outcome::Refused(_) => {
                seen.refused = true;
                self.count_without_key(target, seen).await?;
            }
            other => return Err(other.words()),
        }
        Ok(())
    }

    /// Where only the key may not be read, the rest may be: the policy holds for that too.
    async fn count_without_key(
        &mut self,
        target: &Target<'_>,
        seen: &mut RowsSeen,
    ) -> Result<(), Unsure> {
        if self.rights(target).await?.reads.contains(&target.rows.key) {
            return Ok(());
        }
        let probe = probe::counted(target.table, &self.statement.columns)?;
        target.entry.begin(self.ending()).await?;
        match target.entry.entered.send_last(&probe).await? {
            Outcome::Refused(_) => {}
            Outcome::Done { rows, .. } => {
                let number = rows.into_iter().flatten().flatten().next();
                seen.unnamed = number.and_then(|it| it.parse().ok());
            }
            other => return Err(other.words()),
        }
        Ok(())
    }

    /// What grants let the actor do with the table.
    pub(super) async fn rights(&self, target: &Target<'_>) -> Result<Rights, Unsure> {
        let standing = self.standing(target.entry, Some(target.table)).await?;
        let rights = standing.table.as_ref().map(|it| it.rights.clone());
        Ok(rights.unwrap_or_default())
    }

    /// Changes every row by its key, and then all of them without naming one: a policy for
    /// reading holds only where a statement reads. Gives what failed for another reason than a
    /// denial: an escalation of another row is one all the same.
    async fn change(
        &mut self,
        target: &Target<'_>,
        seen: &mut RowsSeen,
    ) -> Result<Option<Unsure>, Unsure> {
        let watch = self.watch(target).await?;
        let (mut refused, mut failed, mut vain) = (0, None, false);
        for row in &mut seen.rows {
            let named = (target.rows.key.as_str(), row.key.as_str());
            let probe = self.changing(target, Some(named))?;
            let (outcome, images) = self.send_watched(target, &watch, &probe, &row.key).await?;
            match outcome {
                Outcome::Done { reached, .. } => match watch.settle(target, row, reached, images) {
                    Ok(in_vain) => vain |= in_vain,
                    Err(why) => failed = failed.or(Some(why)),
                },
                Outcome::Refused(_) => refused += 1,
                other => failed = failed.or(Some(other.words())),
            }
        }
        seen.refused = refused > 0 && refused == seen.rows.len();
        let probe = self.changing(target, None)?;
        match self.send_undone(target.entry, &probe).await? {
            // What was counted did not happen.
            Outcome::Done { .. } if vain => {}
            Outcome::Done { reached: 0, .. } if !watch.diversions.is_empty() => {
                seen.hidden = Some(watch.words());
            }
            Outcome::Done { reached, .. } => seen.unnamed = Some(reached),
            Outcome::Refused(_) => {}
            other => failed = failed.or(Some(other.words())),
        }
        Ok(failed)
    }

    fn changing(&self, target: &Target<'_>, row: Option<(&str, &str)>) -> Result<Probe, Unsure> {
        let columns = &self.statement.columns;
        match self.statement.verb {
            Verb::Delete => probe::delete(target.table, row, columns),
            _ => probe::update(target.table, target.written, row, columns),
        }
    }
}

/// Whether rows that came or went meanwhile could be the reason for a verdict.
fn is_shaken(judgement: &RowsJudgement, seen: &RowsSeen) -> bool {
    matches!(judgement.verdict, Verdict::Escalation | Verdict::Lockout) || !seen.unknown.is_empty()
}

/// Leaves out what came or went while it was tried.
fn keep_those_that_stayed(seen: &mut RowsSeen, before: &[Row], after: &[Row]) {
    let stayed: BTreeSet<&str> = before
        .iter()
        .filter(|row| after.contains(row))
        .map(|row| row.key.as_str())
        .collect();
    seen.rows.retain(|row| stayed.contains(row.key.as_str()));
    seen.unnamed = None;
    seen.unknown.clear();
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use suite::plan::RowExpectation;

    use super::*;

    fn row(key: &str, tenant: &str) -> Row {
        let columns = json!({ "id": key, "tenant": tenant });
        Row {
            key: key.to_owned(),
            columns: columns.as_object().cloned().unwrap_or_default(),
        }
    }

    /// Somebody else added row 3, took row 2 away and gave row 1 to another tenant.
    #[test]
    fn rows_that_came_or_went_prove_nothing() {
        let before = [row("1", "acme"), row("2", "acme"), row("4", "acme")];
        let after = [row("1", "globex"), row("3", "acme"), row("4", "acme")];
        let seen = |row: &Row| RowSeen {
            key: row.key.clone(),
            expected: RowExpectation {
                permitted: Some(true),
                reason: String::new(),
            },
            permitted_before: true,
            reached: row.key == "4",
        };
        let mut seen = RowsSeen {
            bounds: Bounds::All,
            visitor: false,
            rows: before.iter().map(seen).collect(),
            unknown: vec!["3".to_owned()],
            unnamed: Some(4),
            refused: false,
            hidden: None,
            told: None,
        };
        assert_eq!(judge_rows(&seen).verdict, Verdict::Escalation);
        keep_those_that_stayed(&mut seen, &before, &after);
        assert_eq!(judge_rows(&seen).verdict, Verdict::Held);
        assert_eq!(seen.rows.len(), 1);
    }

    /// A key that the actor finds twice is one that the witness does not know.
    #[test]
    fn keys_are_counted() {
        let mut seen = RowsSeen {
            bounds: Bounds::All,
            visitor: false,
            rows: Vec::new(),
            unknown: Vec::new(),
            unnamed: None,
            refused: false,
            hidden: None,
            told: None,
        };
        seen.rows.push(RowSeen {
            key: "7".to_owned(),
            expected: RowExpectation {
                permitted: Some(true),
                reason: String::new(),
            },
            permitted_before: true,
            reached: false,
        });
        reached(&mut seen, ["7".to_owned(), "7".to_owned()].into_iter());
        assert!(seen.rows.iter().all(|row| row.reached));
        assert_eq!(seen.unknown, ["7"]);
    }
}
