//! Tries what a scan found: asks the database as the roles that a finding is about. Each question
//! is asked behind a savepoint that is rolled back, in a transaction that may only read.
//!
//! Most is asked of the catalogues, which runs nobody's code. To ask for rows does: what policies and
//! views call can undo `SET ROLE`, and then do whatever the reader may. So rows are asked for as
//! nobody but the reader, unless that risk is taken.

use std::collections::BTreeSet;

use tokio_postgres::error::SqlState;
use tokio_postgres::{Error, Row, Transaction};

use crate::catalogue::{Catalogue, Command, Id, Object};
use crate::connection::told;
use crate::scan::{Candidate, Finding, Found, Probe, Proof, Question, Rule, Stale, except};

/// The most rows that are counted.
const ROWS_MAX: i64 = 1_000;
/// The longest time for one question, as `statement_timeout` has it, in milliseconds.
const TIME_MAX: &str = "5000";

/// As how many roles a question is asked.
const ROLES_MAX: usize = 32;
/// After so many tables and views that did not answer in time, no more are asked for rows.
const SLOW_MAX: usize = 6;

/// As whom rows are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rows {
    /// As the reader itself, and never as a superuser: what is called then can do no more than it
    /// can whenever the reader comes.
    AsReader,
    /// As every role that the reader can take. What policies and views call runs with the rights of
    /// the reader, if it wants.
    AsAll,
}

/// Why a question for rows was not answered.
struct Refused {
    code: Option<SqlState>,
    why: String,
}

/// Why rows were not asked for.
const ROWS_UNASKED: &str =
    "to ask for rows runs what policies and views call: only with `--probe-rows`";

/// What came of a question.
enum Answer {
    /// It is so, seen like this.
    Yes(String),
    /// It is not so.
    No,
    /// It could not be asked, and why.
    Unasked(String),
}

/// What is left of what was found.
#[derive(Debug, Clone, Default)]
pub struct Tried {
    /// What is wrong.
    pub findings: Vec<Finding>,
    /// Exceptions in vain.
    pub stale: Vec<Stale>,
}

/// What was found, with nothing tried.
pub fn untried(found: &Found) -> Tried {
    let findings = found.candidates.iter().map(|it| Finding {
        proof: Proof::NotProbed("not asked for".to_owned()),
        ..it.finding.clone()
    });
    let mut findings: Vec<Finding> = findings.collect();
    let stale = except(&mut findings, &found.remarks);
    Tried { findings, stale }
}

/// Tries every candidate. Those that are refuted are left out; those that are found only by trying
/// are added.
///
/// # Errors
/// What the server said, where the transaction itself failed.
pub async fn probe(
    transaction: &mut Transaction<'_>,
    catalogue: &Catalogue,
    found: &Found,
    rows: Rows,
) -> Result<Tried, Error> {
    let mut prober = Prober {
        transaction,
        catalogue,
        rows,
        slow: BTreeSet::new(),
    };
    let mut findings = Vec::new();
    for Candidate { finding, probe } in &found.candidates {
        let mut finding = finding.clone();
        finding.proof = match prober.ask(probe).await? {
            Answer::Yes(seen) => Proof::Confirmed(seen),
            Answer::Unasked(why) => Proof::NotProbed(why),
            Answer::No => continue,
        };
        findings.push(finding);
    }
    for (table, role) in &found.to_ask {
        if !prober.may_ask_rows(*role) {
            continue;
        }
        for more in prober.fails(*table, *role).await? {
            let on_it = format!(" on {}", more.object);
            let is_same = |old: &Finding| {
                old.rule == more.rule && (old.object == more.object || old.object.ends_with(&on_it))
            };
            if !findings.iter().any(is_same) {
                findings.push(more);
            }
        }
    }
    findings.sort_by(|a, b| (a.rule, &a.object).cmp(&(b.rule, &b.object)));
    let stale = except(&mut findings, &found.remarks);
    Ok(Tried { findings, stale })
}

struct Prober<'a, 't> {
    transaction: &'a mut Transaction<'t>,
    catalogue: &'a Catalogue,
    rows: Rows,
    /// The tables and views that did not answer in time.
    slow: BTreeSet<Id>,
}

impl Prober<'_, '_> {
    async fn ask(&mut self, probe: &Probe) -> Result<Answer, Error> {
        let (roles, question) = match probe {
            Probe::None(why) => return Ok(Answer::Unasked((*why).to_owned())),
            Probe::As(roles, question) => (roles, question),
        };
        let mut unasked = match roles.len() {
            0 => Some("there is no role as which to try it".to_owned()),
            1..=ROLES_MAX => None,
            more => Some(format!("it was tried as {ROLES_MAX} of {more} roles")),
        };
        let mut roles = roles.clone();
        // As the reader, everything can be asked.
        roles.sort_by_key(|role| *role != self.catalogue.reader.id);
        for role in roles.into_iter().take(ROLES_MAX) {
            let answer = match question.wants_rows() && !self.may_ask_rows(role) {
                true => Answer::Unasked(ROWS_UNASKED.to_owned()),
                false => self.ask_as(role, question).await?,
            };
            match answer {
                Answer::Yes(seen) => return Ok(Answer::Yes(seen)),
                Answer::No => {}
                Answer::Unasked(why) => unasked = Some(why),
            }
        }
        // It is refuted only where every role was asked.
        Ok(unasked.map_or(Answer::No, Answer::Unasked))
    }

    fn may_ask_rows(&self, role: Id) -> bool {
        let reader = &self.catalogue.reader;
        self.rows == Rows::AsAll || (role == reader.id && !reader.superuser)
    }

    async fn ask_as(&mut self, role: Id, question: &Question) -> Result<Answer, Error> {
        match question {
            Question::IsUnbound(table) => self.is_unbound(role, *table).await,
            Question::SeesAll(table) => self.sees_all(role, *table).await,
            Question::SeesThrough(view, tables) => self.sees_through(role, *view, tables).await,
            Question::Holds(privileges) => self.holds(role, privileges).await,
            Question::ActsAs(other) => self.acts_as(role, *other).await,
            Question::Recurses(table, command) => {
                let failed = self.begin(role, *table, *command).await?;
                Ok(Self::failed_with(
                    failed,
                    &SqlState::INVALID_OBJECT_DEFINITION,
                ))
            }
            Question::WantsSetting(table) => {
                let failed = self.begin(role, *table, Command::Select).await?;
                let answer = Self::failed_with(failed, &SqlState::UNDEFINED_OBJECT);
                Ok(match answer {
                    // Without a row, no policy is asked.
                    Answer::No => {
                        Answer::Unasked("no row was there to ask the policy of".to_owned())
                    }
                    answer => answer,
                })
            }
        }
    }

    fn name(&self, role: Id) -> &str {
        self.catalogue.role_name(role)
    }

    fn table(&self, id: Id) -> &str {
        let relation = self.catalogue.relations.get(&id);
        relation.map_or("", |relation| relation.name.as_str())
    }

    async fn is_unbound(&mut self, role: Id, table: Id) -> Result<Answer, Error> {
        let query = format!("SELECT pg_catalog.row_security_active({table}::oid)");
        let active = match self.row_as(role, table, &query).await? {
            Err(refused) => return Ok(Answer::Unasked(refused.why)),
            Ok(row) => row.try_get::<_, bool>(0)?,
        };
        if active {
            return Ok(Answer::No);
        }
        let rows = match self.may_ask_rows(role) {
            true => self.count(role, table).await?.ok(),
            false => None,
        };
        let rows = rows.map_or(String::new(), |rows| {
            format!(", which sees {}", counted(rows))
        });
        Ok(Answer::Yes(format!(
            "row security is not active for `{}`{rows}",
            self.name(role)
        )))
    }

    async fn sees_all(&mut self, role: Id, table: Id) -> Result<Answer, Error> {
        let reader = self.catalogue.reader.superuser;
        if !reader {
            let why = "how many rows there are, only a superuser sees".to_owned();
            return Ok(Answer::Unasked(why));
        }
        let all = match self.count_as_reader(table).await? {
            Ok(0) => return Ok(Answer::Unasked("the table is empty".to_owned())),
            Ok(all) => all,
            Err(why) => return Ok(Answer::Unasked(why)),
        };
        Ok(match self.count(role, table).await? {
            Ok(seen) if seen == all => Answer::Yes(format!(
                "`{}` sees {}, which is all",
                self.name(role),
                counted(seen)
            )),
            Ok(seen) => Answer::Unasked(format!(
                "`{}` sees {} of {all}: other policies hold it back",
                self.name(role),
                counted(seen)
            )),
            Err(refused) => Answer::Unasked(refused.why),
        })
    }

    async fn sees_through(&mut self, role: Id, view: Id, tables: &[Id]) -> Result<Answer, Error> {
        let through = match self.count(role, view).await? {
            Ok(0) => return Ok(Answer::Unasked("no row is in it".to_owned())),
            Ok(through) => through,
            Err(refused) => return Ok(Answer::Unasked(refused.why)),
        };
        for table in tables {
            let direct = match self.count(role, *table).await? {
                Ok(direct) => direct,
                Err(refused) if refused.code == Some(SqlState::INSUFFICIENT_PRIVILEGE) => 0,
                Err(refused) => return Ok(Answer::Unasked(refused.why)),
            };
            if direct < through {
                return Ok(Answer::Yes(format!(
                    "`{}` sees {} in it, and {} in {}",
                    self.name(role),
                    counted(through),
                    direct,
                    self.table(*table)
                )));
            }
        }
        let why = format!("`{}` sees as many rows in the tables", self.name(role));
        Ok(Answer::Unasked(why))
    }

    async fn holds(&mut self, role: Id, held: &[(Object, String)]) -> Result<Answer, Error> {
        let who = self.catalogue.roles.get(&role);
        // The server knows everybody by this name.
        let who = who.map_or("public", |role| role.bare.as_str());
        for (object, privilege) in held {
            let (function, of) = match object {
                Object::Relation(id) if self.is_sequence(*id) => {
                    ("has_sequence_privilege", format!("{id}::oid"))
                }
                Object::Relation(id) => ("has_table_privilege", format!("{id}::oid")),
                Object::Column(id, number) => {
                    ("has_column_privilege", format!("{id}::oid, {number}::int2"))
                }
                Object::Schema(id) => ("has_schema_privilege", format!("{id}::oid")),
                Object::Function(id) => ("has_function_privilege", format!("{id}::oid")),
                Object::Database => {
                    let here = "pg_catalog.current_database()::text";
                    ("has_database_privilege", here.to_owned())
                }
            };
            let query = format!("SELECT pg_catalog.{function}($1::name, {of}, $2::text)");
            let row = self
                .transaction
                .query_one(&query, &[&who, privilege])
                .await?;
            if !row.try_get::<_, bool>(0)? {
                return Ok(Answer::No);
            }
        }
        let name = self.name(role);
        Ok(Answer::Yes(format!(
            "the server says that `{name}` holds it"
        )))
    }

    fn is_sequence(&self, id: Id) -> bool {
        let relation = self.catalogue.relations.get(&id);
        relation.is_some_and(|it| it.kind == crate::catalogue::RelationKind::Sequence)
    }

    async fn acts_as(&mut self, role: Id, other: Id) -> Result<Answer, Error> {
        let query = "SELECT pg_catalog.pg_has_role($1::oid, $2::oid, 'MEMBER')";
        let row = self.transaction.query_one(query, &[&role, &other]).await?;
        if !row.try_get::<_, bool>(0)? {
            return Ok(Answer::No);
        }
        let (name, other_name) = (self.name(role), self.name(other));
        Ok(Answer::Yes(match role == other {
            true => format!("`{name}` can log in"),
            false => format!("the server says that `{name}` can act as `{other_name}`"),
        }))
    }

    /// How a command on a table begins: a row is asked for, and what would write is planned, which
    /// looks at the policies, and not carried out.
    async fn begin(
        &mut self,
        role: Id,
        table: Id,
        command: Command,
    ) -> Result<Result<(), Refused>, Error> {
        let relation = self.catalogue.relations.get(&table);
        let column = relation.and_then(|it| it.columns.values().next());
        let (name, column) = (self.table(table), column.map_or("", String::as_str));
        let query = match command {
            Command::All | Command::Select => format!("SELECT 1 FROM {name} LIMIT 1"),
            Command::Insert => format!("EXPLAIN INSERT INTO {name} DEFAULT VALUES"),
            Command::Update => format!("EXPLAIN UPDATE {name} SET {column} = {column}"),
            Command::Delete => format!("EXPLAIN DELETE FROM {name}"),
        };
        let rows = self.query_as(role, table, &query).await?;
        Ok(rows.map(drop))
    }

    fn failed_with(asked: Result<(), Refused>, state: &SqlState) -> Answer {
        match asked {
            Ok(()) => Answer::No,
            Err(refused) if refused.code.as_ref() == Some(state) => Answer::Yes(refused.why),
            Err(refused) => Answer::Unasked(refused.why),
        }
    }

    /// What is wrong with a table that shows only when its rows are asked for.
    async fn fails(
        &mut self,
        table: Id,
        role: Id,
    ) -> Result<impl Iterator<Item = Finding> + use<>, Error> {
        let refused = self.begin(role, table, Command::Select).await?.err();
        let rule = refused.as_ref().and_then(|refused| match &refused.code {
            Some(code) if *code == SqlState::INVALID_OBJECT_DEFINITION => {
                Some(Rule::PolicyRecursion)
            }
            Some(code) if *code == SqlState::UNDEFINED_OBJECT => Some(Rule::SettingWithoutDefault),
            _ => None,
        });
        let proof = refused.map(|refused| refused.why);
        let object = self.table(table).to_owned();
        Ok(rule
            .zip(proof)
            .into_iter()
            .map(move |(rule, proof)| Finding {
                rule,
                kind: "table",
                object: object.clone(),
                sentence: "to ask for its rows fails in what its policies call".to_owned(),
                fix: String::new(),
                proof: Proof::Confirmed(proof),
                exception: None,
            }))
    }

    async fn count(&mut self, role: Id, relation: Id) -> Result<Result<i64, Refused>, Error> {
        let query = self.counting(relation);
        match self.row_as(role, relation, &query).await? {
            Ok(row) => row.try_get(0).map(Ok),
            Err(refused) => Ok(Err(refused)),
        }
    }

    async fn count_as_reader(&mut self, relation: Id) -> Result<Result<i64, String>, Error> {
        let query = self.counting(relation);
        let inner = self.transaction.savepoint("question").await?;
        let row = inner.query_one(&query, &[]).await;
        inner.rollback().await?;
        match row {
            Ok(row) => row.try_get(0).map(Ok),
            Err(error) => Ok(Err(told(&error))),
        }
    }

    fn counting(&self, relation: Id) -> String {
        let name = self.table(relation);
        format!("SELECT count(*) FROM (SELECT 1 FROM {name} LIMIT {ROWS_MAX}) counted")
    }

    async fn row_as(
        &mut self,
        role: Id,
        relation: Id,
        query: &str,
    ) -> Result<Result<Row, Refused>, Error> {
        let asked = self.query_as(role, relation, query).await?;
        Ok(asked.and_then(|mut rows| {
            rows.pop().ok_or_else(|| Refused {
                code: None,
                why: "the server answered nothing".to_owned(),
            })
        }))
    }

    /// Asks something of a relation as a role, and is oneself again afterwards. The inner error is
    /// what the role was told.
    async fn query_as(
        &mut self,
        role: Id,
        relation: Id,
        query: &str,
    ) -> Result<Result<Vec<Row>, Refused>, Error> {
        if self.slow.contains(&relation) || self.slow.len() >= SLOW_MAX {
            let why = match self.slow.contains(&relation) {
                true => format!("{} did not answer in time", self.table(relation)),
                false => format!("{SLOW_MAX} tables and views did not answer in time"),
            };
            return Ok(Err(Refused { code: None, why }));
        }
        // Quoted by the server, and of its own catalogue.
        let name = self.name(role).to_owned();
        let inner = self.transaction.savepoint("question").await?;
        let become_role =
            format!("SET LOCAL statement_timeout = {TIME_MAX}; SET LOCAL ROLE {name}");
        let asked = match inner.batch_execute(&become_role).await {
            Ok(()) => inner.query(query, &[]).await,
            Err(error) => Err(error),
        };
        inner.rollback().await?;
        Ok(asked.map_err(|error| {
            let code = error.code().cloned();
            if matches!(
                code,
                Some(SqlState::QUERY_CANCELED | SqlState::LOCK_NOT_AVAILABLE)
            ) {
                self.slow.insert(relation);
            }
            let why = format!("as `{name}`: {}", told(&error));
            Refused { code, why }
        }))
    }
}

fn counted(rows: i64) -> String {
    match rows {
        ROWS_MAX => format!("{rows} rows or more"),
        1 => "1 row".to_owned(),
        _ => format!("{rows} rows"),
    }
}
