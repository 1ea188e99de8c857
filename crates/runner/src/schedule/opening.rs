//! Opening the sessions before all else, and looking at the end whether they are still what they
//! were.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::StreamExt as _;
use suite::model::{ActorIndex, TargetIndex};
use suite::plan::{CellIndex, Phase};
use suite::verdict::{Judgement, Opening, Verdict, judge_opening};

use super::Run;
use crate::caller::World;
use crate::record::Recorder;
use crate::session::{NotOpen, Sending};

/// Who somebody is: the target that says so, and what it says; or no target, and the credential.
type Identity = (Option<TargetIndex>, String);

/// How the opening of a session went.
pub(super) struct OpeningResult {
    cell: CellIndex,
    actor: ActorIndex,
    failed: Option<NotOpen>,
    log: Vec<Sending>,
    /// Already told: it did not hold.
    told: bool,
}

impl OpeningResult {
    fn is_unreached(&self) -> bool {
        let failed = self.failed.as_ref();
        failed.is_some_and(|not_open| not_open.is_unreached)
    }
}

impl Run<'_> {
    /// Opens the session of every actor that has a cell; what did not open is told at once, what
    /// did is told at the end, when it is still what it was.
    pub(super) async fn open_sessions(&mut self) {
        let cells: Vec<(CellIndex, ActorIndex)> = self
            .plan
            .cells
            .iter()
            .enumerate()
            .filter(|(_, cell)| cell.phase == Phase::Opening && cell.untried.is_none())
            .map(|(index, cell)| (index, cell.actor))
            .collect();
        let world = Arc::clone(&self.world);
        let stop = self.options.stop.clone();
        let openings = cells
            .into_iter()
            .map(|(cell, actor)| open(&world, cell, actor));
        let openings = futures_util::stream::iter(openings)
            .buffered(self.options.concurrency.max(1))
            .collect();
        // A run that is stopped now has made nothing yet but users.
        let stopped = async {
            stop.wait().await;
            world.sessions.until_made().await;
        };
        let opened = async {
            tokio::select! {
                opened = openings => opened,
                () = stopped => Vec::new(),
            }
        };
        self.openings = self.telling(opened).await;
        for opening in &self.openings {
            if let Some(not_open) = &opening.failed
                && not_open.opening == Opening::NotApplicable
            {
                self.not_applicable
                    .insert(opening.actor, not_open.why.clone());
            }
        }
        self.distrust_twins().await;
        let judged: Vec<(usize, Judgement, String)> = self
            .openings
            .iter()
            .enumerate()
            .filter_map(|(at, opening)| {
                let failed = opening.failed.as_ref()?;
                let peer = self.some_peer_opened(opening.actor);
                Some((at, judge_opening(failed.opening, peer), failed.why.clone()))
            })
            .collect();
        for (at, judgement, why) in judged {
            let is_unreached = self
                .openings
                .get(at)
                .is_some_and(OpeningResult::is_unreached);
            let because = match is_unreached {
                true => why.clone(),
                false => judgement.because.to_owned(),
            };
            self.tell_opening(at, &why, judgement.verdict, Some(because));
        }
    }

    /// Two actors who are the same user to the system prove nothing about either. O(actors log
    /// actors).
    async fn distrust_twins(&mut self) {
        if self.openings.is_empty() {
            return;
        }
        let suite = Arc::clone(&self.world.suite);
        let is_setup = |actor: &ActorIndex| {
            let declared = suite.actors.get(*actor);
            declared.is_some_and(|declared| declared.only_setup)
        };
        let tried = self.openings.iter().map(|opening| opening.actor);
        let mut same: BTreeMap<Identity, Vec<ActorIndex>> = BTreeMap::new();
        for actor in tried.chain((0..suite.actors.len()).filter(is_setup)) {
            if let Some(identity) = self.identity(actor).await {
                same.entry(identity).or_default().push(actor);
            }
        }
        for actors in same.values() {
            for &actor in actors {
                let Some(&twin) = actors.iter().find(|&&twin| twin != actor) else {
                    continue;
                };
                let twin = suite::plan::actor_name(&suite, twin);
                let why = format!("the system says that this is the same user as `{twin}`");
                self.distrusted.insert(actor, why);
            }
        }
    }

    /// Who the system says an actor is, with the target that says it: ids of different systems
    /// have nothing to do with one another. Where it cannot be asked: the credential itself.
    async fn identity(&self, actor: ActorIndex) -> Option<Identity> {
        let suite = self.suite();
        let declared = suite.actors.get(actor).filter(|actor| !actor.is_fixed())?;
        let session = suite.sessions.get(declared.session?)?;
        let live = self.world.open(actor, &mut Vec::new()).await.ok()?;
        match &session.who {
            Some(who) => Some((Some(who.call.target), live.identity.as_ref()?.to_string())),
            None => Some((None, live.sent.as_ref()?.printed().to_owned())),
        }
    }

    fn some_peer_opened(&self, actor: ActorIndex) -> bool {
        let session = |actor: ActorIndex| self.suite().actors.get(actor).and_then(|a| a.session);
        self.openings.iter().any(|peer| {
            let is_own = |actor: &suite::model::Actor| !actor.is_fixed();
            let is_peer = self.suite().actors.get(peer.actor).is_some_and(is_own);
            is_peer
                && peer.failed.is_none()
                && peer.actor != actor
                && session(peer.actor) == session(actor)
        })
    }

    fn tell_opening(
        &mut self,
        at: usize,
        observed: &str,
        verdict: Verdict,
        because: Option<String>,
    ) {
        let Some(opening) = self.openings.get_mut(at) else {
            return;
        };
        opening.told = true;
        let recorder = Recorder {
            suite: &self.world.suite,
            plan: &self.plan,
            every_exchange: self.options.every_exchange,
        };
        let masker = self.world.sessions.masker();
        let log = std::mem::take(&mut opening.log);
        let record = recorder.opening(opening.cell, observed, verdict, because, &log, &masker);
        self.tell(record);
    }

    /// Tells the sessions that opened: held, if they are at the end who they were, and nobody
    /// else is the same.
    pub(super) async fn close_sessions(&mut self) {
        for at in 0..self.openings.len() {
            let Some(opening) = self.openings.get(at).filter(|opening| !opening.told) else {
                continue;
            };
            let actor = opening.actor;
            let in_vain = self.world.sessions.why_refreshed_in_vain(actor);
            match self.trouble(actor).await {
                None if let Some(why) = in_vain => {
                    let because = "its token was refreshed in vain, and it logged in again";
                    self.tell_opening(at, &why, Verdict::Inconclusive, Some(because.to_owned()));
                }
                None => self.tell_opening(at, "the session is open", Verdict::Held, None),
                Some(why) => {
                    let because = "so nothing that this actor was seen to do can be relied on";
                    self.tell_opening(at, &why, Verdict::Inconclusive, Some(because.to_owned()));
                }
            }
        }
    }

    /// What is wrong with an actor's session at the end of the run.
    async fn trouble(&mut self, actor: ActorIndex) -> Option<String> {
        match self.distrusted.get(&actor) {
            Some(why) => Some(why.clone()),
            None => self.pulse(actor).await.err(),
        }
    }
}

async fn open(world: &World, cell: CellIndex, actor: ActorIndex) -> OpeningResult {
    let mut log = Vec::new();
    let opened = world.sessions.open(world, actor, &mut log).await;
    OpeningResult {
        cell,
        actor,
        failed: opened.err(),
        log,
        told: false,
    }
}
