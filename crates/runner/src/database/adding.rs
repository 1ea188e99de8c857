//! New rows: whether one was added, what it became, and what a refusal was for.

use authz_sql::guard::{Command, Diversion, Table};
use suite::model::OnConflict;
use suite::plan::Bounds;
use suite::verdict::RowsSeen;

use super::Outcome;
use super::entered::{Ending, Refusal};
use super::probe::{self, Probe};
use super::rows::Target;
use super::trial::{StatementTrial, Unsure};
use super::watching::image;
use super::witness::columns_of;

impl StatementTrial<'_> {
    /// Adds a row.
    pub(super) async fn add(
        &mut self,
        target: &Target<'_>,
        seen: &mut RowsSeen,
    ) -> Result<(), Unsure> {
        let on_conflict = self.statement.on_conflict;
        let probe = self.adding(target, &self.statement.columns)?;
        match self.send_last(target.entry, &probe).await? {
            Outcome::Done { reached: 0, .. } if on_conflict == Some(OnConflict::Nothing) => {
                self.conflicted(target, seen).await
            }
            Outcome::Done { reached: 0, .. } => filtered(target).await,
            Outcome::Done { .. } => self.added(target, seen).await,
            Outcome::Refused(refusal) => self.not_added(target, refusal, seen).await,
            Outcome::Duplicate { constraint, why } => {
                self.taken(target, &constraint, why, seen).await
            }
            other => Err(other.words()),
        }
    }

    fn adding(&self, target: &Target<'_>, columns: &[String]) -> Result<Probe, Unsure> {
        if self.statement.copies {
            return probe::copy_in(target.table, target.written);
        }
        let on_conflict = self.statement.on_conflict;
        let on_conflict = on_conflict.map(|it| (it, target.rows.key.as_str()));
        probe::insert(target.table, target.written, on_conflict, columns)
    }

    /// A row was added: the policy is asked about what it became.
    async fn added(&self, target: &Target<'_>, seen: &mut RowsSeen) -> Result<(), Unsure> {
        for row in &mut seen.rows {
            row.reached = true;
        }
        let doubtful = doubtful(target);
        if doubtful.is_empty() || self.statement.upserts() {
            return Ok(());
        }
        let columns = columns_of(target.rows);
        let probe = probe::insert_seen(target.table, target.written, &columns)?;
        target.entry.begin(Ending::RolledBack).await?;
        match image(target.entry.entered.send_last(&probe).await?) {
            Some(image) => {
                for row in &mut seen.rows {
                    row.expected = target.policy.of(&image);
                }
                Ok(())
            }
            None => Err(format!(
                "the row was added, but what it became cannot be seen, and {} may have a part in it",
                doubtful.join(", ")
            )),
        }
    }

    /// A row was refused: by its policies, or by grants on the table itself, or else it says
    /// nothing of either.
    async fn not_added(
        &mut self,
        target: &Target<'_>,
        mut refusal: Refusal,
        seen: &mut RowsSeen,
    ) -> Result<(), Unsure> {
        seen.refused = true;
        let denied = seen
            .rows
            .iter()
            .all(|row| row.expected.permitted == Some(false));
        if !denied {
            return self.is_decided(target);
        }
        // What is returned has to be read, and the row itself may be added all the same.
        if !self.statement.columns.is_empty() && !self.statement.copies {
            let probe = self.adding(target, &[])?;
            target.entry.begin(Ending::RolledBack).await?;
            let outcome = target.entry.entered.send_last(&probe).await?;
            match self.tell(&probe, outcome) {
                Outcome::Done { reached: 0, .. } => return filtered(target).await,
                Outcome::Done { .. } => {
                    seen.refused = false;
                    return self.added(target, seen).await;
                }
                Outcome::Refused(other) => refusal = other,
                other => return Err(other.words()),
            }
        }
        if !refusal.on_purpose && self.may_add(target).await? {
            return Err(format!(
                "refused for another reason than grants and policies of {}, so that none of these was asked: {}",
                target.table.quoted, refusal.why
            ));
        }
        self.is_decided(target)
    }

    /// Whether the policy was asked about the row as it would be: where nobody has written what
    /// an attribute becomes, only the server knows.
    fn is_decided(&self, target: &Target<'_>) -> Result<(), Unsure> {
        let unwritten = unwritten(target);
        if unwritten.is_empty()
            || self.statement.upserts()
            || target.policy.bounds() != Bounds::Some
        {
            return Ok(());
        }
        Err(format!(
            "the row was refused, and what it would be is not known: the server itself fills {}; \
             write it in `values`",
            unwritten.join(", ")
        ))
    }

    /// Whether grants on the table let the actor add the row.
    async fn may_add(&self, target: &Target<'_>) -> Result<bool, Unsure> {
        let rights = self.rights(target).await?;
        let key = &target.rows.key;
        let upserts = self.statement.upserts();
        Ok(target.written.iter().all(|(name, _)| {
            rights.adds.contains(name) && (!upserts || name == key || rights.changes.contains(name))
        }) && (!upserts || rights.reads.contains(key)))
    }

    /// No row was added, and nothing was said: because one is there already, which the same
    /// without `ON CONFLICT` tells, or because something filtered it.
    async fn conflicted(&mut self, target: &Target<'_>, seen: &mut RowsSeen) -> Result<(), Unsure> {
        let probe = probe::insert(target.table, target.written, None, &[])?;
        target.entry.begin(Ending::RolledBack).await?;
        match target.entry.entered.send_last(&probe).await? {
            Outcome::Duplicate { constraint, why } => {
                let why = format!("no row was added, because one is there already: {why}");
                self.taken(target, &constraint, why, seen).await
            }
            Outcome::Done { reached: 0, .. } => filtered(target).await,
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
        target: &Target<'_>,
        constraint: &str,
        why: String,
        seen: &mut RowsSeen,
    ) -> Result<(), Unsure> {
        if self.sees_taken(target, constraint).await? {
            return Err(why);
        }
        seen.told = Some(why);
        Ok(())
    }

    /// Whether the actor sees the row that has what is unique already.
    async fn sees_taken(&self, target: &Target<'_>, constraint: &str) -> Result<bool, Unsure> {
        let entered = target.entry.entered;
        let probe = probe::those_with(entered, target.table, constraint, target.written).await?;
        target.entry.begin(Ending::RolledBack).await?;
        match entered.send_last(&probe).await? {
            Outcome::Done { rows, .. } => Ok(!rows.is_empty()),
            Outcome::Refused(_) => Ok(false),
            other => Err(other.words()),
        }
    }
}

/// What an insertion came to, in words.
pub(super) fn of_insertion(seen: &RowsSeen) -> &'static str {
    match (&seen.told, seen.refused) {
        _ if seen.rows.iter().any(|row| row.reached) => "added the row",
        (Some(_), _) => "a value is taken (23505)",
        (None, true) => "refused (42501)",
        (None, false) => "filtered: no row was added, and nothing was said",
    }
}

/// The attributes that the server fills by itself: by a default, or by computing them.
fn unwritten(target: &Target<'_>) -> Vec<String> {
    let attributes = target.rows.attributes.iter().map(|(_, column)| column);
    let unwritten = attributes.filter(|it| target.written.iter().all(|(name, _)| name != *it));
    let columns = &target.table.columns;
    let filled = unwritten.filter(|it| columns.iter().any(|at| at.has_default && at.name == **it));
    filled.map(|it| format!("column `{it}`")).collect()
}

/// What makes a new row another one than what was written, in words.
fn doubtful(target: &Target<'_>) -> Vec<String> {
    let diversions = of_insertions(target.table).map(|it| it.what.clone());
    unwritten(target).into_iter().chain(diversions).collect()
}

fn of_insertions(table: &Table) -> impl Iterator<Item = &Diversion> {
    let diversions = table.diversions.iter();
    diversions.filter(|it| it.command == Command::Insert)
}

/// Makes sure that a row of which nothing was said was not added elsewhere: by a rule, or by a
/// trigger that keeps the rows of a table in its children.
async fn filtered(target: &Target<'_>) -> Result<(), Unsure> {
    let rules = of_insertions(target.table).filter(|it| it.is_rule);
    let mut others: Vec<String> = rules.map(|it| it.what.clone()).collect();
    let sql =
        "SELECT EXISTS (SELECT FROM pg_catalog.pg_inherits WHERE inhparent = $1::text::oid)::text";
    let number = vec![Some(target.table.oid.to_string())];
    let found = target.entry.entered.learn(sql, &number).await?;
    if found.first().and_then(|row| row.first()?.as_deref()) != Some("false") {
        others.push("a child of the table".to_owned());
    }
    match others.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "nothing was said of a row that {} was given, which {} may have",
            target.table.quoted,
            others.join(" or ")
        )),
    }
}
