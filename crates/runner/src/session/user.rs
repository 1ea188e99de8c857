//! Users that are made for the run, what happens to them, and how they are taken away again.

use std::sync::Arc;

use suite::model::{ActorIndex, Call, Caller, ThrowAway};
use suite::observation::{Answer, captured, denial, place_of};
use suite::probe;
use suite::template::{Encoding, plain};

use super::live::Live;
use super::secrets::is_secret;
use super::{Sending, Sessions};
use crate::caller::World;
use crate::scope::{CallScope, Known, Values};

/// A user that was made.
#[derive(Debug)]
pub(super) struct User {
    /// What is known of it: the fields that hold `unique`, and what the answer told.
    pub(super) values: Values,
    unique: String,
}

/// Where a call about a user stands in the run.
struct Act<'a> {
    call: &'a Call,
    purpose: String,
    /// The user's own session, for calls that it makes itself.
    own: Option<&'a Live>,
}

impl Sessions {
    /// Makes the user of an actor, the first time that this is asked.
    pub(super) async fn user(
        &self,
        world: &World,
        index: ActorIndex,
        made: &ThrowAway,
        log: &mut Vec<Sending>,
    ) -> Result<Arc<User>, String> {
        let Some(cell) = self.users.get(index) else {
            return Err("there is no such actor".to_owned());
        };
        let user = cell.get_or_init(|| self.make_user(world, index, made, log));
        user.await.clone()
    }

    async fn make_user(
        &self,
        world: &World,
        index: ActorIndex,
        made: &ThrowAway,
        log: &mut Vec<Sending>,
    ) -> Result<Arc<User>, String> {
        let unique = format!("{}u{index}u", self.marker);
        let scope = CallScope {
            unique: &unique,
            ..CallScope::default()
        };
        let mut values = Values::new();
        for (name, template) in &made.fields {
            let value = template.fill(&scope, Encoding::Verbatim);
            let value = value.map_err(|unresolved| unresolved.to_string())?;
            if name.contains("password") || name.contains("secret") {
                self.secrets.hide([value.clone()]);
            }
            values.insert(name.clone(), value.into());
        }
        let mut user = User { values, unique };
        let act = Act {
            call: &made.create,
            purpose: "make the user".to_owned(),
            own: None,
        };
        let answer = self.act(world, index, &user, act, log).await?;
        for capture in &made.captures {
            let value = captured(&capture.source, &answer)
                .ok_or_else(|| format!("the answer has {}", place_of(&capture.source)))?;
            if is_secret(capture) {
                self.secrets.hide([plain(&value)]);
            }
            user.values.insert(capture.name.clone(), value);
        }
        Ok(Arc::new(user))
    }

    /// Lets happen to a user what the suite says.
    pub(super) async fn happen(
        &self,
        world: &World,
        index: ActorIndex,
        own: &Live,
        log: &mut Vec<Sending>,
    ) -> Result<(), String> {
        let (Some(made), Some(Some(Ok(user)))) = (
            throw_away(world, index),
            self.users.get(index).map(|user| user.get()),
        ) else {
            return Ok(());
        };
        for call in &made.then {
            let act = Act {
                call,
                purpose: format!("{} {} happens", call.method, plain_path(call)),
                own: Some(own),
            };
            let happened = self.act(world, index, user, act, log).await;
            happened.map_err(|why| format!("what was to happen to the user did not: {why}"))?;
        }
        Ok(())
    }

    /// Takes every user away again that was made, and says which could not be.
    pub(crate) async fn remove_users(&self, world: &World) -> Vec<String> {
        let mut left_behind = Vec::new();
        for (index, user) in self.users.iter().enumerate() {
            let (Some(Ok(user)), Some(made)) = (user.get(), throw_away(world, index)) else {
                continue;
            };
            let Some(call) = &made.remove else {
                continue;
            };
            let log = &mut Vec::new();
            let own = match call.caller {
                Caller::Actor => world.open(index, log).await.ok(),
                _ => None,
            };
            let act = Act {
                call,
                purpose: "remove the user".to_owned(),
                own: own.as_deref(),
            };
            if let Err(why) = self.act(world, index, user, act, log).await
                && !is_gone(log)
            {
                let name = suite::plan::actor_name(&world.suite, index);
                left_behind.push(format!("the user of `{name}` could not be removed: {why}"));
            }
        }
        left_behind
    }

    /// Makes a call about a user; `actor.*` is the user, whoever makes the call.
    async fn act(
        &self,
        world: &World,
        index: ActorIndex,
        user: &User,
        act: Act<'_>,
        log: &mut Vec<Sending>,
    ) -> Result<Arc<Answer>, String> {
        world.check_changes()?;
        let actor = world
            .suite
            .actors
            .get(index)
            .ok_or("there is no such actor")?;
        let named = match act.call.caller {
            Caller::Named(named) => Some((named, Box::pin(world.open(named, log)).await?)),
            _ => None,
        };
        let nobody = Live::default();
        let live = match &named {
            Some((_, live)) => live,
            None => act.own.unwrap_or(&nobody),
        };
        let scope = CallScope {
            actor: Some(Known {
                actor,
                learnt: act.own.map_or(&user.values, |own| &own.learnt),
            }),
            unique: &user.unique,
            ..CallScope::default()
        };
        let mut request = probe::request(&world.suite, act.call, &scope, live.sent.as_ref())
            .map_err(|unresolved| unresolved.to_string())?;
        live.dress(&world.suite, &mut request);
        let result = world.send(&request, live).await;
        log.push(Sending {
            purpose: act.purpose,
            actor: named
                .as_ref()
                .map(|(named, _)| *named)
                .or(act.own.map(|_| index)),
            request,
            sent: live.sent.clone(),
            result: result.clone(),
        });
        let answer = result.map_err(|failure| failure.to_string())?;
        match (200..300).contains(&answer.status) && !is_denied(world, act.call, &answer) {
            true => Ok(answer),
            false => Err(format!("answered {}", answer.status)),
        }
    }
}

fn throw_away(world: &World, index: ActorIndex) -> Option<&ThrowAway> {
    world.suite.actors.get(index)?.throw_away.as_deref()
}

fn plain_path(call: &Call) -> String {
    use suite::template::Part;
    let parts = call.path.parts.iter().map(|part| match part {
        Part::Text(text) => text.clone(),
        Part::Variable(variable) => format!("{{{{ {variable} }}}}"),
    });
    parts.collect()
}

fn is_denied(world: &World, call: &Call, answer: &Answer) -> bool {
    let target = world.suite.targets.get(call.target);
    target.is_some_and(|target| denial(answer, &target.denies, &CallScope::default()).is_some())
}

/// Whether the last answer says that there is nothing to remove.
fn is_gone(log: &[Sending]) -> bool {
    let answer = log.last().and_then(|sending| sending.result.as_ref().ok());
    answer.is_some_and(|answer| matches!(answer.status, 404 | 410))
}
