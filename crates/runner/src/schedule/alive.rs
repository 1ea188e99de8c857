//! Whether sessions are alive: a denial that holds is believed only when its actor's session has
//! been seen alive after it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use authz::Denial;
use suite::event::CellRecord;
use suite::model::ActorIndex;
use suite::plan::{Cell, CellIndex, Phase, is_allowed};
use suite::probe::with_unknown_credential;
use suite::verdict::{Access, Received, Verdict, succeeded};

use super::Run;
use crate::trial::{Tried, try_cell};

/// A record that counts only if the sessions of these actors are still alive.
pub(super) type Doubted = (BTreeSet<ActorIndex>, CellRecord);

impl Run<'_> {
    /// Whether an actor's session is still what it was: else a refusal proves nothing any more.
    /// Asked who it is, or, where the system cannot be asked, by something that the actor could
    /// do before.
    pub(super) async fn pulse(&mut self, actor: ActorIndex) -> Result<(), String> {
        let world = Arc::clone(&self.world);
        let sessions = &world.sessions;
        // A spoilt session is never what it was.
        if world
            .suite
            .actors
            .get(actor)
            .is_some_and(|actor| actor.is_fixed())
        {
            return Ok(());
        }
        let log = &mut Vec::new();
        let live = world.open(actor, log).await?;
        match sessions.identity_now(&world, actor, &live, log).await {
            None => self.can_still(actor).await,
            Some(Ok(now)) if live.identity.as_ref() == Some(&now) => Ok(()),
            Some(Ok(_)) => Err("the session has become somebody else's".to_owned()),
            // The system says so of a dead session, and so did say it to whoever used it.
            Some(Err(not_open)) if not_open.is_unauthenticated => {
                let reopened = sessions.reopen(&world, actor, &live, log).await;
                match reopened {
                    Ok(anew) if anew.identity == live.identity => Ok(()),
                    Ok(_) => Err("the session has become somebody else's".to_owned()),
                    // A credential that is sent as it is cannot be opened anew.
                    Err(not_open) => Err(not_open.why),
                }
            }
            Some(Err(not_open)) => Err(format!(
                "asked again who it is, the session is no more what it was: {}",
                not_open.why
            )),
        }
    }

    /// Does once more what an actor has done in this run, or else what it was refused as somebody
    /// known. Where nothing of this reads, it is enough that the session was good in this run.
    async fn can_still(&mut self, actor: ActorIndex) -> Result<(), String> {
        self.is_known(actor).await?;
        let done = self.done_before.get(&actor).copied();
        let Some(index) = done.or(self.refused_before.get(&actor).copied()) else {
            return Ok(());
        };
        let Some(cell) = self.plan.cells.get(index) else {
            return Ok(());
        };
        self.pulses += 1;
        let marker = format!("{}-p{}", self.head.marker, self.pulses);
        let tried = try_cell(&self.world, &self.fixtures, cell, &marker).await;
        let is_as_before = |tried: &Tried| match done {
            Some(_) => succeeded(&tried.observation),
            None => is_refused_as_known(tried.observation.received),
        };
        if tried.is_some_and(|tried| tried.unsure.is_none() && is_as_before(&tried)) {
            return Ok(());
        }
        let name = self.plan.name(&self.world.suite, index);
        Err(match done {
            Some(_) => format!("what the actor could do before, it can do no more: {name}"),
            None => format!("the session was known before, and is no more: {name}"),
        })
    }

    /// Whether a credential that is sent as it is has worked in this run, or is refused otherwise
    /// than one that does not exist: a system that answers both with 403 looks as if it refused
    /// somebody. Who has logged in has been known by that.
    async fn is_known(&self, actor: ActorIndex) -> Result<(), String> {
        let suite = self.suite();
        let session = suite.actors.get(actor).and_then(|actor| actor.session);
        let Some(session) = session.and_then(|session| suite.sessions.get(session)) else {
            return Ok(());
        };
        let mut cells = self.plan.cells.iter().zip(&self.succeeded);
        if !session.login.is_empty()
            || cells.any(|(cell, success)| cell.actor == actor && *success == Some(true))
        {
            return Ok(());
        }
        if let Some(unknown) = self.unknown_credential.get(&actor)
            && let Ok(answer) = self.world.client.send(unknown).await
            && self.world.says_unauthenticated(unknown.target, &answer)
        {
            return Ok(());
        }
        Err(format!(
            "nothing shows that the credential of `{}` is good: it has worked nowhere in this run, \
             is not refused otherwise than one that does not exist, and session `{}` does not say \
             by `who` it can be asked",
            suite::plan::actor_name(suite, actor),
            session.name
        ))
    }

    pub(crate) fn remember(&mut self, index: CellIndex, tried: &Tried) {
        let cell = self.plan.cells.get(index);
        let trusted = cell.is_some_and(|cell| self.distrust(cell).is_none());
        if tried.listed_by_a_view {
            self.listed.insert(index);
        }
        let success = trusted && tried.unsure.is_none() && succeeded(&tried.observation);
        if let Some(slot) = self.succeeded.get_mut(index) {
            *slot = Some(success);
        }
        if let Some(cell) = cell
            && success
            && is_allowed(cell)
            && cell.phase == Phase::Reading
        {
            self.done_before.entry(cell.actor).or_insert(index);
        }
        if let Some(cell) = cell
            && trusted
            && tried.unsure.is_none()
            && cell.phase == Phase::Reading
            && is_refused_as_known(tried.observation.received)
        {
            self.refused_before.entry(cell.actor).or_insert(index);
            if let Some((request, Some(sent))) = &tried.probe
                && let Some(unknown) = with_unknown_credential(request, sent)
            {
                let calls = &mut self.unknown_credential;
                calls.entry(cell.actor).or_insert(unknown);
            }
        }
    }

    /// The actors whose sessions may have died in mid-run, as far as a cell shows it: a call of
    /// theirs was answered as that of nobody, the system cannot be asked who they are, and they
    /// cannot log in again.
    pub(super) fn perhaps_dead(&self, cell: &Cell, tried: &Tried) -> BTreeSet<ActorIndex> {
        let suite = self.suite();
        let is_fixed = |&actor: &ActorIndex| {
            let actor = suite.actors.get(actor);
            let session = actor.and_then(|actor| suite.sessions.get(actor.session?));
            session.is_some_and(|session| session.login.is_empty() && session.who.is_none())
        };
        let told_so = tried.log.iter().filter(|sending| {
            let answer = sending.result.as_ref();
            let target = sending.request.target;
            answer.is_ok_and(|answer| self.world.says_unauthenticated(target, answer))
        });
        let actors = told_so.filter_map(|sending| sending.actor);
        let actors = actors.filter(|actor| !(self.turns(cell) && *actor == cell.actor));
        actors.filter(is_fixed).collect()
    }

    /// Tells what counts only if the sessions of some actors are still alive.
    pub(crate) async fn believe(&mut self, records: Vec<Doubted>) {
        let mut pulses: BTreeMap<ActorIndex, Result<(), String>> = BTreeMap::new();
        for (actors, mut record) in records {
            for actor in actors {
                let pulse = match pulses.remove(&actor) {
                    Some(pulse) => pulse,
                    None => self.pulse(actor).await,
                };
                if let Err(why) = pulses.entry(actor).or_insert(pulse) {
                    let masker = self.world.sessions.masker();
                    record.verdict = Verdict::Inconclusive;
                    record.access = Access::Unknown;
                    record.because = Some(masker.mask(why));
                }
            }
            self.tell(Some(record));
        }
    }
}

/// Refused, though not as one without a session.
fn is_refused_as_known(received: Received) -> bool {
    matches!(received, Received::Denied(denial) if denial != Denial::Unauthenticated)
}
