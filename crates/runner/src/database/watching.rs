//! What a change really does to a row where the server's own words do not say it: before and behind
//! a trigger, a rule or a computed column.
//!
//! The actor itself looks at the row, in the same transaction: nobody else sees there what it did.

use authz_sql::guard::{Command, Diversion};
use serde_json::{Map, Value};
use suite::model::Verb;
use suite::verdict::RowSeen;

use super::Outcome;
use super::probe::{self, Probe};
use super::rows::Target;
use super::session::as_column;
use super::trial::{StatementTrial, Unsure};
use super::witness::columns_of;

/// What is looked at, if anything.
pub(super) struct Watch {
    /// What may do something else than the statement says.
    pub(super) diversions: Vec<Diversion>,
    /// The attributes that are computed.
    computed: Vec<String>,
    /// The columns that are looked at; none where nothing has to be.
    columns: Vec<String>,
}

/// A row before and behind a statement.
type Images = [Option<Map<String, Value>>; 2];

impl Watch {
    /// What is in the way, in words.
    pub(super) fn words(&self) -> String {
        let diversions = self.diversions.iter().map(|it| it.what.clone());
        let computed = self.computed.iter().map(|it| format!("column `{it}`"));
        let all: Vec<String> = diversions.chain(computed).collect();
        all.join(", ")
    }

    fn is_needed(&self) -> bool {
        !(self.diversions.is_empty() && self.computed.is_empty())
    }

    /// Says whether a statement that was carried out has reached a row, and what the policy says of
    /// what that has become. Gives whether it was counted although nothing has happened.
    pub(super) fn settle(
        &self,
        target: &Target<'_>,
        row: &mut RowSeen,
        counted: u64,
        images: Images,
    ) -> Result<bool, Unsure> {
        row.reached = counted > 0;
        if !self.is_needed() {
            return Ok(false);
        }
        match images {
            [Some(before), Some(after)] => {
                let in_vain = before == after && !says_already(target, &before);
                row.reached = before != after || (counted > 0 && !in_vain);
                if row.reached && row.permitted_before && !target.written.is_empty() {
                    row.expected = target.policy.of(&after);
                }
                Ok(in_vain && counted > 0)
            }
            [Some(_), None] => {
                row.reached = true;
                Ok(false)
            }
            [None, _] if counted == 0 => Ok(false),
            [None, _] => Err(format!(
                "what became of row {} cannot be seen, and {} may have a part in it",
                row.key,
                self.words()
            )),
        }
    }
}

/// Whether a row has what is written to it already, so that a change cannot be seen.
fn says_already(target: &Target<'_>, row: &Map<String, Value>) -> bool {
    let mut written = target.written.iter();
    !target.written.is_empty()
        && written.all(|(name, value)| row.get(name).map(as_column) == Some(as_column(value)))
}

impl StatementTrial<'_> {
    /// What has to be looked at for a change.
    pub(super) async fn watch(&self, target: &Target<'_>) -> Result<Watch, Unsure> {
        let command = match self.statement.verb {
            Verb::Delete => Command::Delete,
            _ => Command::Update,
        };
        let diversions = target.table.diversions.iter();
        let diversions = diversions.filter(|it| it.command == command);
        let mut watch = Watch {
            diversions: diversions.cloned().collect(),
            computed: Vec::new(),
            columns: Vec::new(),
        };
        if command == Command::Update {
            watch.computed = computed(target);
        }
        if watch.is_needed() && !self.statement.commits {
            let rights = self.rights(target).await?;
            let columns = target.table.columns.iter().map(|it| &it.name);
            let readable = columns.filter(|it| rights.reads.contains(*it));
            watch.columns = readable.cloned().collect();
            let mut wanted = columns_of(target.rows).into_iter();
            if !wanted.all(|it| rights.reads.contains(it)) {
                watch.columns.clear();
            }
        }
        Ok(watch)
    }

    /// Sends a change that is undone, with a look before and behind it where one is needed.
    pub(super) async fn send_watched(
        &mut self,
        target: &Target<'_>,
        watch: &Watch,
        probe: &Probe,
        key: &str,
    ) -> Result<(Outcome, Images), Unsure> {
        if watch.columns.is_empty() {
            return Ok((self.send_undone(target.entry, probe).await?, [None, None]));
        }
        let columns: Vec<&str> = watch.columns.iter().map(String::as_str).collect();
        let look = probe::image(target.table, (&target.rows.key, key), &columns)?;
        let (outcome, looks) = target.entry.entered.send_between(probe, &look).await?;
        Ok((self.tell(probe, outcome), looks.map(image)))
    }
}

/// The attributes whose columns are computed by the server.
fn computed(target: &Target<'_>) -> Vec<String> {
    let columns = target.table.columns.iter().filter(|it| it.generated);
    let attributes = &target.rows.attributes;
    columns
        .filter(|it| attributes.iter().any(|(_, column)| *column == it.name))
        .map(|it| it.name.clone())
        .collect()
}

/// The row that was looked at, if the actor sees it.
pub(super) fn image(outcome: Outcome) -> Option<Map<String, Value>> {
    let Outcome::Done { rows, .. } = outcome else {
        return None;
    };
    let text = rows.into_iter().flatten().flatten().next()?;
    serde_json::from_str(&text).ok()
}
