//! A session of an actor in a database: who enters, which role its transaction takes, and what it
//! sets.

use std::sync::Arc;

use serde_json::Value;
use suite::model::{Actor, ActorIndex, Database, DatabaseIndex, Statement, Suite};
use suite::plan::declared_field;
use suite::template::{Encoding, Scope, Template, Variable, plain};

use super::Entrance;
use super::entered::Settings;
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

/// A session of an actor: how it enters, and what each of its transactions takes and sets. Whoever
/// shares all of it is the same to the database.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Session {
    /// How it enters.
    pub(super) entrance: Entrance,
    /// What its transactions set, in this order; the role that they take comes first.
    pub(super) settings: Settings,
}

impl Session {
    /// The session of an actor.
    pub(super) fn of(
        index: DatabaseIndex,
        database: &Database,
        scope: &StatementScope<'_>,
    ) -> Result<Self, String> {
        let user = match &database.login {
            Some(login) => {
                let password = login.password.as_ref().map(|it| scope.text(it));
                Some((scope.text(&login.user)?, password.transpose()?))
            }
            None => None,
        };
        let mut settings = Settings::new();
        if let Some(role) = &database.role {
            let role = scope.text(role)?;
            // It would leave the role instead of taking one.
            if role == "none" {
                return Err("there can be no role `none`".to_owned());
            }
            settings.push(("role".to_owned(), role));
        }
        for (name, template) in &database.settings {
            // What an actor has nothing to say for stays unset.
            if let Ok(value) = template.fill(scope, Encoding::Verbatim) {
                settings.push((name.clone(), value));
            }
        }
        Ok(Self {
            entrance: Entrance {
                database: index,
                url: database.url.clone(),
                user,
                clone: None,
            },
            settings,
        })
    }
}

/// A value as the text that a column takes; nothing is NULL.
pub(super) fn as_column(value: &Value) -> Option<String> {
    (!value.is_null()).then(|| plain(value))
}
