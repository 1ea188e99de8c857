//! How users that were made for the run are taken away again: at its end, or by its journal.

use std::sync::Arc;

use suite::model::{ActorIndex, Call, Caller};
use suite::verdict::Opening;

use super::live::Live;
use super::opener::Opener;
use super::user::{Act, NotDone, User, finish, throw_away};
use super::{NotOpen, Sending, Sessions};
use crate::caller::World;
use crate::scope::Values;

impl Sessions {
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
            match self.remove_user(world, index, user, call).await {
                Ok(()) => finish(world, user.entry),
                Err(why) => {
                    let name = suite::plan::actor_name(&world.suite, index);
                    left_behind.push(format!("the user of `{name}` could not be removed: {why}"));
                }
            }
        }
        left_behind
    }

    async fn remove_user(
        &self,
        world: &World,
        index: ActorIndex,
        user: &User,
        call: &Call,
    ) -> Result<(), String> {
        let log = &mut Vec::new();
        if call.caller != Caller::Actor {
            return self.take_away(world, index, user, call, None, log).await;
        }
        // What has happened to the user may have ended its session.
        if let Ok(live) = world.open(index, log).await {
            let own = Some(&*live);
            let gone = self.take_away(world, index, user, call, own, log).await;
            if gone.is_ok() {
                return Ok(());
            }
        }
        let live = self.log_in(world, index, &user.values, log).await;
        let live = live.map_err(|not_open| not_open.why)?;
        self.take_away(world, index, user, call, Some(&live), log)
            .await
    }

    /// Takes away a user of whom a journal tells: its unique text, and what was learnt when it
    /// was made; `None` where no answer to that came. That it is gone already, or was never made,
    /// is no failure.
    pub(crate) async fn remove_left_behind(
        &self,
        world: &World,
        index: ActorIndex,
        unique: &str,
        learnt: Option<&Values>,
    ) -> Result<(), String> {
        let made = throw_away(world, index).ok_or("the suite makes no such user any more")?;
        let call = made.remove.as_ref();
        let call = call.ok_or("the suite does not say any more how it is removed")?;
        let mut values = self.fields(made, unique)?;
        values.extend(learnt.cloned().unwrap_or_default());
        let mut user = User {
            values,
            unique: unique.to_owned(),
            entry: None,
        };
        let log = &mut Vec::new();
        let by_itself = call.caller == Caller::Actor;
        if learnt.is_some() && !by_itself {
            return self.take_away(world, index, &user, call, None, log).await;
        }
        match self.log_in(world, index, &user.values, log).await {
            Ok(live) => {
                user.values = live.learnt.clone();
                self.take_away(world, index, &user, call, Some(&live), log)
                    .await
            }
            Err(not_open) if not_open.opening != Opening::Refused => Err(not_open.why),
            Err(_) if learnt.is_none() => self.remove_unseen(world, index, &user, call).await,
            // Nothing but its removal can have shut it out.
            Err(_) if made.then.is_empty() => Ok(()),
            Err(not_open) => Err(not_open.why),
        }
    }

    /// Removes a user that cannot log in, and so was probably never made.
    async fn remove_unseen(
        &self,
        world: &World,
        index: ActorIndex,
        user: &User,
        call: &Call,
    ) -> Result<(), String> {
        if call.caller == Caller::Actor {
            return Ok(());
        }
        let act = removal(call, None);
        match self.act(world, index, user, act, &mut Vec::new()).await {
            Err(NotDone { why, is_open: true }) => Err(why),
            _ => Ok(()),
        }
    }

    /// Removes a user. That it is gone already is no failure, unless it can still log in: then
    /// the path of the removal is wrong.
    async fn take_away(
        &self,
        world: &World,
        index: ActorIndex,
        user: &User,
        call: &Call,
        own: Option<&Live>,
        log: &mut Vec<Sending>,
    ) -> Result<(), String> {
        let removed = self.act(world, index, user, removal(call, own), log).await;
        let Err(NotDone { why, .. }) = removed else {
            return Ok(());
        };
        if !is_gone(log) {
            return Err(why);
        }
        let can_log_in = throw_away(world, index).is_some() && self.proves(world, index);
        match self.log_in(world, index, &user.values, log).await {
            Ok(_) if can_log_in => Err(format!("{why}, but the user can still log in")),
            _ => Ok(()),
        }
    }

    /// Whether opening a session shows that its user is there.
    fn proves(&self, world: &World, index: ActorIndex) -> bool {
        let opener = Opener::of(world, index);
        opener
            .is_some_and(|opener| !opener.session.login.is_empty() || opener.session.who.is_some())
    }

    /// A session of a user, apart from the one that its cells use.
    async fn log_in(
        &self,
        world: &World,
        index: ActorIndex,
        values: &Values,
        log: &mut Vec<Sending>,
    ) -> Result<Arc<Live>, NotOpen> {
        match Opener::of(world, index) {
            Some(opener) => opener.open(0, values.clone(), log).await.map(Arc::new),
            None => Ok(Arc::new(Live::default())),
        }
    }
}

fn removal<'a>(call: &'a Call, own: Option<&'a Live>) -> Act<'a> {
    Act {
        call,
        purpose: "remove the user".to_owned(),
        own,
    }
}

/// Whether the last answer says that there is nothing to remove.
fn is_gone(log: &[Sending]) -> bool {
    let answer = log.last().and_then(|sending| sending.result.as_ref().ok());
    answer.is_some_and(|answer| matches!(answer.status, 404 | 410))
}
