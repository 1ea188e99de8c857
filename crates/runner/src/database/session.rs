//! A session of an actor in a database: who enters, which role its transaction takes, and what it
//! sets.

use std::sync::Arc;

use serde_json::Value;
use suite::model::{Actor, ActorIndex, Database, Statement, Suite};
use suite::plan::declared_field;
use suite::template::{Encoding, Scope, Template, Variable, plain};

use super::{Entered, Entrance, Outcome, Values};
use crate::caller::World;
use crate::session::Live;

/// Where the variables of a statement get their values. Of a visitor nothing is known.
pub(super) struct StatementScope<'a> {
    suite: &'a Suite,
    actor: ActorIndex,
    /// What logging in elsewhere has told, where it was needed.
    learnt: Vec<(ActorIndex, Arc<Live>)>,
    unique: &'a str,
}

impl<'a> StatementScope<'a> {
    /// The scope of an actor. Somebody who says something that the suite does not say of them
    /// has to log in first.
    pub(super) async fn of(
        world: &'a World,
        actor: ActorIndex,
        database: &Database,
        statement: &Statement,
        unique: &'a str,
    ) -> Result<Self, String> {
        let mut scope = Self {
            suite: &world.suite,
            actor,
            learnt: Vec::new(),
            unique,
        };
        let settings = database.settings.iter().map(|(_, template)| template);
        let role = database.role.iter();
        let login = database.login.iter();
        let login = login.flat_map(|it| std::iter::once(&it.user).chain(&it.password));
        let values = statement.values.iter().map(|(_, value)| value);
        let values = values.chain(&statement.arguments);
        let templates = values.flat_map(|it| it.templates());
        for template in settings.chain(role).chain(login).chain(templates) {
            for variable in template.variables() {
                let of = match variable {
                    Variable::Actor(_) => actor,
                    Variable::Named { actor, .. } => *actor,
                    _ => continue,
                };
                scope.learn(world, of, variable).await?;
            }
        }
        Ok(scope)
    }

    async fn learn(
        &mut self,
        world: &World,
        actor: ActorIndex,
        variable: &Variable,
    ) -> Result<(), String> {
        let declared = self.suite.actors.get(actor);
        let logs_in = declared.is_some_and(|it| it.session.is_some());
        let is_known = self.value(variable).is_some();
        if logs_in && !is_known && self.learnt.iter().all(|(it, _)| *it != actor) {
            let live = world.open(actor, &mut Vec::new()).await?;
            self.learnt.push((actor, live));
        }
        Ok(())
    }

    fn field(&self, actor: ActorIndex, field: &str) -> Option<Value> {
        let declared: &Actor = self.suite.actors.get(actor)?;
        let live = self.learnt.iter().find(|(it, _)| *it == actor);
        let learnt = live.and_then(|(_, live)| live.learnt.get(field).cloned());
        learnt.or_else(|| declared_field(declared, field).map(Value::from))
    }

    /// A template as text.
    pub(super) fn text(&self, template: &Template) -> Result<String, String> {
        let filled = template.fill(self, Encoding::Verbatim);
        filled.map_err(|unresolved| unresolved.to_string())
    }
}

impl Scope for StatementScope<'_> {
    fn value(&self, variable: &Variable) -> Option<Value> {
        match variable {
            Variable::Actor(field) => self.field(self.actor, field),
            Variable::Named { actor, field, .. } => self.field(*actor, field),
            Variable::Unique => Some(self.unique.into()),
            _ => None,
        }
    }
}

/// How an actor enters.
pub(super) fn entrance(
    index: usize,
    database: &Database,
    scope: &StatementScope<'_>,
) -> Result<Entrance, String> {
    let user = match &database.login {
        Some(login) => {
            let password = login.password.as_ref().map(|it| scope.text(it));
            Some((scope.text(&login.user)?, password.transpose()?))
        }
        None => None,
    };
    Ok(Entrance {
        database: index,
        url: database.url.clone(),
        user,
    })
}

/// Begins the transaction of an actor: what it takes and sets ends with it.
pub(super) async fn begin(
    entered: &Entered,
    database: &Database,
    scope: &StatementScope<'_>,
) -> Result<(), String> {
    // What is put off to the end of a transaction would never be seen: it has none.
    entered
        .command("BEGIN; SET CONSTRAINTS ALL IMMEDIATE")
        .await?;
    let milliseconds = entered.time_max.as_millis().to_string();
    let mut settings = vec![
        ("statement_timeout".to_owned(), milliseconds.clone()),
        ("lock_timeout".to_owned(), milliseconds),
    ];
    if let Some(role) = &database.role {
        let role = quoted_role(entered, &scope.text(role)?).await?;
        entered.command(&format!("SET LOCAL ROLE {role}")).await?;
    }
    for (name, template) in &database.settings {
        // What an actor has nothing to say for stays unset.
        if let Ok(value) = template.fill(scope, Encoding::Verbatim) {
            settings.push((name.clone(), value));
        }
    }
    set(entered, &settings).await
}

/// A role by its exact name, as SQL writes it: by the server's own rules.
async fn quoted_role(entered: &Entered, name: &str) -> Result<String, String> {
    let sql =
        "SELECT pg_catalog.quote_ident(rolname) FROM pg_catalog.pg_roles WHERE rolname::text = $1";
    match entered.ask(sql, &vec![Some(name.to_owned())]).await {
        Outcome::Done { rows, .. } => {
            let found = rows.into_iter().flatten().flatten().next();
            found.ok_or_else(|| format!("there is no role `{name}`"))
        }
        Outcome::Refused(why) | Outcome::Failed(why) => Err(why),
    }
}

async fn set(entered: &Entered, settings: &[(String, String)]) -> Result<(), String> {
    let calls: Vec<String> = (0..settings.len())
        .map(|at| {
            format!(
                "pg_catalog.set_config(${}, ${}, true)",
                2 * at + 1,
                2 * at + 2
            )
        })
        .collect();
    let pairs = settings.iter().cloned();
    let values: Values = pairs
        .flat_map(|(name, value)| [Some(name), Some(value)])
        .collect();
    match entered
        .ask(&format!("SELECT {}", calls.join(", ")), &values)
        .await
    {
        Outcome::Done { .. } => Ok(()),
        Outcome::Refused(why) | Outcome::Failed(why) => {
            Err(format!("the session's settings were not taken: {why}"))
        }
    }
}

/// A value as the text that a column takes; nothing is NULL.
pub(super) fn as_column(value: &Value) -> Option<String> {
    (!value.is_null()).then(|| plain(value))
}
