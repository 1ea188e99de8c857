//! Makes calls of the suite as one of its actors, and keeps what was sent and answered.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use suite::model::{ActorIndex, Call, Suite, TargetIndex};
use suite::observation::{Answer, denials};
use suite::probe::{self, Request};
use suite::template::Variable;
use tokio::sync::mpsc::UnboundedSender;

use crate::Stop;
use crate::client::{Client, Failure, NOTHING_CHANGES};
use crate::database::Databases;
use crate::journal::Journal;
use crate::scope::{CallScope, Known, Values};
use crate::session::{Live, Sending, Sessions};

/// How often a session that has died is opened again for one call or probe: several cells use
/// one session, and may use it up together.
pub(crate) const REOPENINGS_MAX: usize = 3;

/// What is said of a session that did not outlive [`REOPENINGS_MAX`] openings.
pub(crate) const DIES_AGAIN: &str = "the session dies again and again";

/// What every call of a run needs. A clone shares everything.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) suite: Arc<Suite>,
    pub(crate) client: Client,
    pub(crate) sessions: Arc<Sessions>,
    pub(crate) databases: Arc<Databases>,
    /// Where everything that is made is written down first; `None` where nothing is to be put
    /// back after a crash.
    pub(crate) journal: Option<Journal>,
    /// Ends waits early.
    pub(crate) stop: Stop,
    /// Where what belongs to no single cell is told.
    pub(crate) notes: UnboundedSender<String>,
    /// What was told of targets that cannot be reached.
    pub(crate) unreached: Arc<Mutex<BTreeSet<String>>>,
}

/// To whom and what a call of the suite refers, apart from who makes it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About<'a> {
    pub(crate) owner: Option<ActorIndex>,
    pub(crate) resource: Option<(&'a str, &'a Values)>,
    pub(crate) unique: &'a str,
}

/// An answer, or why there is none, in words.
pub(crate) type Called = Result<Arc<Answer>, String>;

impl World {
    /// The same for putting back, which goes on after a run was stopped.
    pub(crate) fn unstoppable(&self) -> Self {
        let stop = Stop::default();
        Self {
            client: self.client.clone().stopped_by(stop.clone()),
            stop,
            ..self.clone()
        }
    }

    /// Tells what belongs to no single cell.
    pub(crate) fn tell(&self, text: String) {
        // Whoever does not listen need not know.
        let _ = self.notes.send(text);
    }

    /// Why there is no answer, in words. That a target cannot be reached is told once apart, too.
    pub(crate) fn why_failed(&self, target: TargetIndex, failure: &Failure) -> String {
        let (Failure::Unreached(why), Some(declared)) = (failure, self.suite.targets.get(target))
        else {
            return failure.to_string();
        };
        let why = format!(
            "`{}` ({}) does not answer: {why}",
            declared.name, declared.base
        );
        if self.unreached().insert(why.clone()) {
            self.tell(why.clone());
        }
        why
    }

    /// Whether these are the words of [`World::why_failed`] for a target that cannot be reached:
    /// nothing need be added to them.
    pub(crate) fn is_unreached(&self, why: &str) -> bool {
        self.unreached().contains(why)
    }

    fn unreached(&self) -> MutexGuard<'_, BTreeSet<String>> {
        let unreached = self.unreached.lock();
        unreached.unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a call that prepares, looks or cleans up: as `actor`, or without credential. A
    /// session that has died is opened again. A call that only reads is sent again when there
    /// was no whole answer.
    pub(crate) async fn call(
        &self,
        call: &Call,
        actor: Option<ActorIndex>,
        about: About<'_>,
        purpose: &str,
        log: &mut Vec<Sending>,
    ) -> Called {
        let called = self.call_live(call, actor, about, purpose, log).await;
        called.map(|(answer, _)| answer)
    }

    /// The same, with the session that sent what was answered.
    pub(crate) async fn call_live(
        &self,
        call: &Call,
        actor: Option<ActorIndex>,
        about: About<'_>,
        purpose: &str,
        log: &mut Vec<Sending>,
    ) -> Result<(Arc<Answer>, Arc<Live>), String> {
        let Some(actor) = actor else {
            let live = Arc::new(Live::default());
            let answer = self.call_once(call, None, &live, about, purpose, log);
            return Ok((answer.await?, live));
        };
        let mut live = self.open(actor, log).await?;
        for _ in 0..REOPENINGS_MAX {
            let answer = self
                .call_once(call, Some(actor), &live, about, purpose, log)
                .await?;
            let is_final = live.sent.is_none() || self.is_fixed(actor);
            if is_final || !self.is_unauthenticated(call, &answer) {
                return Ok((answer, live));
            }
            live = self
                .sessions
                .reopen(self, actor, &live, log)
                .await
                .map_err(|not_open| not_open.why)?;
        }
        let answer = self
            .call_once(call, Some(actor), &live, about, purpose, log)
            .await?;
        if self.is_unauthenticated(call, &answer) && self.is_dead(actor, &live, log).await {
            return Err(format!("answered {}, and {DIES_AGAIN}", answer.status));
        }
        Ok((answer, live))
    }

    /// Whether a session is to stay as it is: opened anew, a spoilt one would be whole again.
    fn is_fixed(&self, actor: ActorIndex) -> bool {
        let actor = self.suite.actors.get(actor);
        actor.is_some_and(|actor| actor.is_fixed())
    }

    /// Refuses what changes something where nothing may be changed, whatever its method.
    pub(crate) fn check_changes(&self) -> Result<(), String> {
        match self.client.is_read_only() {
            true => Err(format!("not sent: {NOTHING_CHANGES}")),
            false => Ok(()),
        }
    }

    /// Whether the target, asked who a session is, says that it is none. Where it cannot be
    /// asked, nobody knows.
    pub(crate) async fn is_dead(
        &self,
        actor: ActorIndex,
        live: &Live,
        log: &mut Vec<Sending>,
    ) -> bool {
        let asked = self.sessions.identity_now(self, actor, live, log).await;
        matches!(asked, Some(Err(_)))
    }

    async fn call_once(
        &self,
        call: &Call,
        actor: Option<ActorIndex>,
        live: &Live,
        about: About<'_>,
        purpose: &str,
        log: &mut Vec<Sending>,
    ) -> Called {
        let request = self.request(call, actor, live, about, log).await?;
        let result = if call.is_safe() {
            self.client.send_repeatable(&request).await
        } else {
            self.client.send(&request).await
        };
        let result = self.received(&request, live, result);
        log.push(Sending {
            purpose: purpose.to_owned(),
            actor,
            request,
            sent: live.sent.clone(),
            result: result.clone(),
        });
        result.map_err(|failure| self.why_failed(call.target, &failure))
    }

    /// Sends a probe of a session.
    pub(crate) async fn send(
        &self,
        request: &Request,
        live: &Live,
    ) -> Result<Arc<Answer>, Failure> {
        let result = self.client.send(request).await;
        self.received(request, live, result)
    }

    /// Keeps the cookies that an answer sets.
    fn received(
        &self,
        request: &Request,
        live: &Live,
        result: Result<Answer, Failure>,
    ) -> Result<Arc<Answer>, Failure> {
        let answer = Arc::new(result?);
        if !self.says_unauthenticated(request.target, &answer) {
            live.note_worked();
        }
        self.sessions.hide(live.absorb(request, &answer));
        Ok(answer)
    }

    /// A call as a request, with everything filled in.
    pub(crate) async fn request(
        &self,
        call: &Call,
        actor: Option<ActorIndex>,
        live: &Live,
        about: About<'_>,
        log: &mut Vec<Sending>,
    ) -> Result<Request, String> {
        let owner_live = match about.owner {
            // A visitor's resources do not exist, and a call that is its owner's own knows it already.
            Some(owner) if Some(owner) != actor && needs_owner(call) => {
                Some(self.open(owner, log).await?)
            }
            _ => None,
        };
        let owner_learnt = owner_live
            .as_ref()
            .map_or(&live.learnt, |live| &live.learnt);
        let others = self.open_named(call, log).await?;
        let named: Vec<_> = others
            .iter()
            .filter_map(|(actor, live)| Some((*actor, self.known(*actor, &live.learnt)?)))
            .collect();
        let scope = CallScope {
            actor: actor.and_then(|actor| self.known(actor, &live.learnt)),
            named: &named,
            owner: about
                .owner
                .and_then(|owner| self.known(owner, owner_learnt)),
            resource: about.resource,
            unique: about.unique,
        };
        let sent = actor.and(live.sent.as_ref());
        let mut request = probe::request(&self.suite, call, &scope, sent)
            .map_err(|unresolved| unresolved.to_string())?;
        live.dress(&self.suite, &mut request);
        Ok(request)
    }

    /// The open sessions of the actors that a call names: only they may know a field.
    async fn open_named(
        &self,
        call: &Call,
        log: &mut Vec<Sending>,
    ) -> Result<Vec<(ActorIndex, Arc<Live>)>, String> {
        let mut named = Vec::new();
        for actor in named_actors(call) {
            named.push((actor, self.open(actor, log).await?));
        }
        Ok(named)
    }

    /// The open session of an actor, or why there is none.
    pub(crate) async fn open(
        &self,
        actor: ActorIndex,
        log: &mut Vec<Sending>,
    ) -> Result<Arc<Live>, String> {
        let opened = self.sessions.open(self, actor, log).await;
        opened.map_err(|not_open| {
            if not_open.is_unreached {
                return not_open.why;
            }
            let name = suite::plan::actor_name(&self.suite, actor);
            format!("the session of `{name}` is not open: {}", not_open.why)
        })
    }

    pub(crate) fn known<'a>(&'a self, actor: ActorIndex, learnt: &'a Values) -> Option<Known<'a>> {
        let actor = self.suite.actors.get(actor)?;
        Some(Known { actor, learnt })
    }

    /// Whether the target says that there is no valid session, and nothing else by the same words.
    pub(crate) fn is_unauthenticated(&self, call: &Call, answer: &Answer) -> bool {
        self.says_unauthenticated(call.target, answer)
    }

    /// The same, by the target of the call.
    pub(crate) fn says_unauthenticated(&self, target: TargetIndex, answer: &Answer) -> bool {
        let target = self.suite.targets.get(target);
        target
            .map(|target| denials(answer, &target.denies, &CallScope::default()))
            .is_some_and(|denials| denials == [authz::Denial::Unauthenticated])
    }
}

fn needs_owner(call: &Call) -> bool {
    call.variables()
        .any(|variable| matches!(variable, Variable::Owner(_)))
}

/// Each once.
fn named_actors(call: &Call) -> BTreeSet<ActorIndex> {
    call.variables()
        .filter_map(|variable| match variable {
            Variable::Named { actor, .. } => Some(*actor),
            _ => None,
        })
        .collect()
}
