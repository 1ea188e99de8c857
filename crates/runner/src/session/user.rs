//! Users that are made for the run, and what happens to them.

use std::sync::Arc;

use suite::model::{ActorIndex, Call, Caller, ThrowAway};
use suite::observation::{Answer, captured, denial, place_of};
use suite::probe;
use suite::template::{Encoding, Variable};

use super::live::Live;
use super::secrets::{is_secret, names_secret};
use super::{Sending, Sessions};
use crate::STOPPED;
use crate::caller::World;
use crate::client::Failure;
use crate::journal::{Entry, Intent};
use crate::scope::{CallScope, Known, Values};

/// A user that was made.
#[derive(Debug)]
pub(super) struct User {
    /// What is known of it: the fields that hold `unique`, and what the answer told.
    pub(super) values: Values,
    pub(super) unique: String,
    /// Its entry in the journal, if it can be taken away again.
    pub(super) entry: Option<Entry>,
}

/// Where a call about a user stands in the run.
pub(super) struct Act<'a> {
    pub(super) call: &'a Call,
    pub(super) purpose: String,
    /// The user's own session, for calls that it makes itself.
    pub(super) own: Option<&'a Live>,
}

/// Why a call about a user did not succeed.
pub(super) struct NotDone {
    /// In words.
    pub(super) why: String,
    /// Whether it may have had its effect all the same: there was no whole answer, or the target
    /// failed.
    pub(super) is_open: bool,
}

impl From<String> for NotDone {
    /// It was never sent.
    fn from(why: String) -> Self {
        let is_open = false;
        Self { why, is_open }
    }
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
        let mut user = User {
            values: self.fields(made, &unique)?,
            unique,
            entry: None,
        };
        // A session that does not open makes nothing, and must leave nothing to be put back.
        if let Caller::Named(named) = made.create.caller {
            Box::pin(world.open(named, log)).await?;
        }
        let _making = self.making.read().await;
        if world.stop.is_set() {
            return Err(STOPPED.to_owned());
        }
        user.entry = intend(world, index, made, &user.unique).await?;
        let act = Act {
            call: &made.create,
            purpose: "make the user".to_owned(),
            own: None,
        };
        let answer = self.act(world, index, &user, act, log).await;
        let answer = answer.map_err(|not_done| {
            if !not_done.is_open {
                finish(world, user.entry);
            }
            not_done.why
        })?;
        for capture in &made.captures {
            let value = captured(&capture.source, &answer)
                .ok_or_else(|| format!("the answer has {}", place_of(&capture.source)))?;
            self.hide_captured(capture, &value);
            user.values.insert(capture.name.clone(), value);
        }
        note_made(world, made, &user).await?;
        Ok(Arc::new(user))
    }

    /// The fields of a user that hold its unique text.
    pub(super) fn fields(&self, made: &ThrowAway, unique: &str) -> Result<Values, String> {
        let scope = CallScope {
            unique,
            ..CallScope::default()
        };
        let mut values = Values::new();
        for (name, template) in &made.fields {
            let value = template.fill(&scope, Encoding::Verbatim);
            let value = value.map_err(|unresolved| unresolved.to_string())?;
            if name.contains("pass") || names_secret(name) {
                self.secrets.hide([value.clone()]);
            }
            values.insert(name.clone(), value.into());
        }
        Ok(values)
    }

    /// Returns when no user is being made.
    pub(crate) async fn until_made(&self) {
        drop(self.making.write().await);
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
            happened.map_err(|NotDone { why, .. }| {
                format!("what was to happen to the user did not: {why}")
            })?;
        }
        Ok(())
    }

    /// Makes a call about a user; `actor.*` is the user, whoever makes the call.
    pub(super) async fn act(
        &self,
        world: &World,
        index: ActorIndex,
        user: &User,
        act: Act<'_>,
        log: &mut Vec<Sending>,
    ) -> Result<Arc<Answer>, NotDone> {
        world.check_changes()?;
        let actor = world.suite.actors.get(index);
        let actor = actor.ok_or_else(|| "there is no such actor".to_owned())?;
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
        let answer = result.map_err(|failure| NotDone {
            why: world.why_failed(act.call.target, &failure),
            is_open: matches!(failure, Failure::Broken(_)),
        })?;
        match (200..300).contains(&answer.status) && !is_denied(world, act.call, &answer) {
            true => Ok(answer),
            false => Err(NotDone {
                why: format!("answered {}", answer.status),
                is_open: answer.status >= 500,
            }),
        }
    }
}

/// Writes down that a user is about to be made, if the suite says how it is taken away.
async fn intend(
    world: &World,
    index: ActorIndex,
    made: &ThrowAway,
    unique: &str,
) -> Result<Option<Entry>, String> {
    let (Some(journal), Some(_)) = (&world.journal, &made.remove) else {
        return Ok(None);
    };
    let intent = Intent::User {
        user: suite::plan::actor_name(&world.suite, index).to_owned(),
        unique: unique.to_owned(),
    };
    journal.intend(intent).await.map(Some)
}

/// Writes down what the answer told of a user, as far as taking it away needs it and it is no
/// secret. On the disk before anything happens to the user: whoever cannot log in, and of whom
/// nothing else is known, is taken for never made.
async fn note_made(world: &World, made: &ThrowAway, user: &User) -> Result<(), String> {
    let (Some(journal), Some(entry), Some(remove)) = (&world.journal, user.entry, &made.remove)
    else {
        return Ok(());
    };
    let is_needed = |name: &str| {
        remove
            .variables()
            .any(|variable| matches!(variable, Variable::Actor(field) if field == name))
    };
    let told = made.captures.iter().filter(|capture| !is_secret(capture));
    let needed = told.filter(|capture| is_needed(&capture.name));
    let values = needed.filter_map(|capture| {
        let value = user.values.get(&capture.name)?;
        Some((capture.name.clone(), value.clone()))
    });
    journal.made_for_certain(entry, values.collect()).await
}

/// Writes down that a user is gone, or was never made.
pub(super) fn finish(world: &World, entry: Option<Entry>) {
    if let (Some(journal), Some(entry)) = (&world.journal, entry) {
        journal.done(entry);
    }
}

pub(super) fn throw_away(world: &World, index: ActorIndex) -> Option<&ThrowAway> {
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
