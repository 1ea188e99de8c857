//! The order of a run: sessions first, then batch by batch of the plan, so that every control
//! is known before what counts beside it.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use authz::Denial;
use futures_util::StreamExt as _;
use suite::event::{CellRecord, Event, Note, RunStarted, Summary};
use suite::model::{ActorIndex, EffectKind, Expected, Suite, TargetIndex};
use suite::plan::{
    Cell, CellIndex, Phase, Plan, caller, is_allowed, never_removed, probing_actors,
};
use suite::verdict::{
    Access, Control, EffectSeen, Judgement, Opening, Received, Verdict, judge, judge_opening,
    succeeded,
};
use tokio::sync::mpsc;

use crate::caller::World;
use crate::fixture::Fixtures;
use crate::record::{Recorder, millis};
use crate::session::{NotOpen, Sending};
use crate::trial::{Tried, try_cell};
use crate::{Head, Options};

/// How many results may wait to be judged.
const RESULTS_WAITING_MAX: usize = 64;
/// How many cells are tried between two looks at whether the sessions are alive.
const PART_CELLS: usize = 1_024;
/// Of how many cells that wait for others everything that was sent is kept.
const WAITING_WHOLE_MAX: usize = 64;

/// Runs a plan and tells what happens; returns when everything is told.
pub(crate) struct Run<'a> {
    pub(crate) world: Arc<World>,
    pub(crate) plan: Arc<Plan>,
    fixtures: Arc<Fixtures>,
    pub(crate) head: Head,
    pub(crate) options: Options,
    emit: &'a mut (dyn FnMut(Event) + Send),
    /// What is to be told that belongs to no single cell.
    notes: mpsc::UnboundedReceiver<String>,
    summary: Summary,
    /// For each cell that was tried: whether it can be a control.
    succeeded: Vec<Option<bool>>,
    openings: Vec<OpeningResult>,
    /// Actors whose session is not what the suite takes it for, and why.
    pub(crate) distrusted: BTreeMap<ActorIndex, String>,
    /// For each actor something that reads, and that it has done.
    done_before: BTreeMap<ActorIndex, CellIndex>,
    /// For each actor something that reads, and that it was refused as somebody known.
    refused_before: BTreeMap<ActorIndex, CellIndex>,
    /// Counts how often that was done again.
    pulses: u32,
    /// Cells of which a view of the whole collection showed what they made.
    listed: BTreeSet<CellIndex>,
    /// Actors whose session cannot be spoilt as they say, because there is nothing to spoil.
    not_applicable: BTreeMap<ActorIndex, String>,
    /// For each cell of a session that turns: whether it succeeded before.
    pub(crate) rehearsed: Vec<bool>,
}

/// How the opening of a session went.
struct OpeningResult {
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

impl<'a> Run<'a> {
    pub(crate) fn new(
        world: World,
        notes: mpsc::UnboundedReceiver<String>,
        plan: Arc<Plan>,
        head: Head,
        options: Options,
        emit: &'a mut (dyn FnMut(Event) + Send),
    ) -> Self {
        Self {
            fixtures: Arc::new(Fixtures::new(&world.suite)),
            world: Arc::new(world),
            succeeded: vec![None; plan.cells.len()],
            rehearsed: vec![false; plan.cells.len()],
            not_applicable: BTreeMap::new(),
            notes,
            plan,
            head,
            options,
            emit,
            summary: Summary::default(),
            openings: Vec::new(),
            distrusted: BTreeMap::new(),
            done_before: BTreeMap::new(),
            refused_before: BTreeMap::new(),
            pulses: 0,
            listed: BTreeSet::new(),
        }
    }

    pub(crate) async fn run(mut self) -> Summary {
        let started = Instant::now();
        self.tell_start();
        if let Some(text) = never_removed(self.suite()) {
            self.note(text);
        }
        self.tell_untried();
        self.open_sessions().await;
        for batch in batches(&self.plan) {
            let is_now = |index: &CellIndex| {
                let cell = self.plan.cells.get(*index);
                cell.is_some_and(|cell| !self.turns(cell) && cell.untried.is_none())
            };
            let cells = batch.filter(is_now).collect();
            self.run_cells(cells).await;
        }
        self.try_turning().await;
        self.try_flows().await;
        // What cells shared is still there: sessions are held against what they could do with it.
        self.close_sessions().await;
        let world = self.world.unstoppable();
        let mut left_behind = Vec::new();
        self.fixtures.remove_shared(&world, &mut left_behind).await;
        left_behind.into_iter().for_each(|text| self.note(text));
        let left_behind = world.sessions.remove_users(&world).await;
        left_behind.into_iter().for_each(|text| self.note(text));
        while let Ok(text) = self.notes.try_recv() {
            self.note(text);
        }
        self.summary.requests = self.world.client.requests_sent();
        self.summary.duration_ms = millis(started.elapsed());
        self.summary.interrupted = self.options.stop.is_set();
        (self.emit)(Event::RunFinished(self.summary.clone()));
        self.summary
    }

    fn suite(&self) -> &Suite {
        &self.world.suite
    }

    fn tell_start(&mut self) {
        let suite = self.suite();
        let targets = suite.targets.iter();
        let started = RunStarted {
            run: self.head.run.clone(),
            suite: self.head.suite.clone(),
            digest: self.head.digest.clone(),
            environment: suite.environment.clone(),
            read_only: suite.read_only,
            started: self.head.started.to_string(),
            cells: self.plan.cells.len(),
            patterns: self.head.patterns.clone(),
            shard: self.head.shard,
            cells_of_all: self.head.shard.map(|_| self.plan.cells_of_all),
            targets: targets
                .map(|target| (target.name.to_string(), target.base.clone()))
                .collect(),
            actors: probing_actors(suite)
                .map(|actor| suite::plan::actor_name(suite, actor).to_owned())
                .collect(),
        };
        (self.emit)(Event::RunStarted(started));
    }

    /// Tells the cells that are not tried.
    fn tell_untried(&mut self) {
        let recorder = Recorder {
            suite: &self.world.suite,
            plan: &self.plan,
            every_exchange: false,
        };
        let records: Vec<_> = (0..self.plan.cells.len())
            .filter_map(|index| recorder.untried(index))
            .collect();
        records.into_iter().for_each(|it| self.tell(Some(it)));
    }

    pub(crate) fn note(&mut self, text: String) {
        let text = self.world.sessions.masker().mask(&text);
        (self.emit)(Event::Note(Note { text }));
    }

    /// Waits for some work, and tells meanwhile what is to be told.
    pub(crate) async fn telling<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                biased;
                Some(text) = self.notes.recv() => self.note(text),
                done = &mut work => return done,
            }
        }
    }

    fn tell(&mut self, record: Option<CellRecord>) {
        if let Some(record) = record {
            self.summary.add(&record);
            (self.emit)(Event::CellJudged(Box::new(record)));
        }
    }

    /// Opens the session of every actor that has a cell; what did not open is told at once, what
    /// did is told at the end, when it is still what it was.
    async fn open_sessions(&mut self) {
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
    async fn close_sessions(&mut self) {
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

    /// Whether an actor's session is still what it was: else a refusal proves nothing any more.
    /// Asked who it is, or, where the system cannot be asked, by something that the actor could
    /// do before.
    async fn pulse(&mut self, actor: ActorIndex) -> Result<(), String> {
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
    /// known; nothing to do is no objection.
    async fn can_still(&mut self, actor: ActorIndex) -> Result<(), String> {
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

    /// Tries cells, several at once, in parts.
    pub(crate) async fn run_cells(&mut self, cells: Vec<CellIndex>) {
        let (alone, together): (Vec<_>, Vec<_>) =
            cells.into_iter().partition(|&cell| self.needs_quiet(cell));
        for (cells, at_once) in [(together, self.options.concurrency), (alone, 1)] {
            for part in cells.chunks(PART_CELLS) {
                if self.options.stop.is_set() {
                    return;
                }
                self.run_part(part.to_vec(), at_once).await;
            }
        }
    }

    /// Whether nothing else may be made or removed while a cell is tried: the total of a listing
    /// is watched, and must move for one reason only.
    fn needs_quiet(&self, cell: CellIndex) -> bool {
        let cell = self.plan.cells.get(cell).filter(|cell| is_allowed(cell));
        let layer = cell.and_then(|cell| cell.trial.layer(self.suite()));
        let items = layer.and_then(|layer| layer.items.as_ref());
        items.is_some_and(|items| items.total.is_some())
    }

    /// Tries some cells and judges each as it comes in; but a 404 to somebody who may waits for
    /// the end of the part, because it counts only if others get through, and a denial that
    /// holds is believed only when its actor's session has been seen alive after it.
    async fn run_part(&mut self, part: Vec<CellIndex>, at_once: usize) {
        let mut results = self.start(part, at_once, "");
        let mut waiting = Vec::new();
        let mut believed_later = Vec::new();
        while let Some((index, mut tried)) = self.telling(results.recv()).await {
            self.remember(index, &tried);
            if self.must_wait(index, &tried) {
                // Memory stays bounded: of many alike, the first few show how it went.
                if waiting.len() >= WAITING_WHOLE_MAX {
                    tried.log.clear();
                }
                waiting.push((index, tried));
            } else {
                self.judge(index, tried, &mut believed_later);
            }
        }
        for (index, tried) in waiting {
            self.judge(index, tried, &mut believed_later);
        }
        self.believe(believed_later).await;
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

    /// Begins to try cells, several at once; `round` tells the texts of cells that are tried
    /// twice apart.
    pub(crate) fn start(
        &self,
        cells: Vec<CellIndex>,
        at_once: usize,
        round: &'static str,
    ) -> mpsc::Receiver<(CellIndex, Tried)> {
        let next = Arc::new(AtomicUsize::new(0));
        let (sender, results) = mpsc::channel(RESULTS_WAITING_MAX);
        let workers = at_once.clamp(1, cells.len().max(1));
        let cells: Arc<[CellIndex]> = cells.into();
        for _ in 0..workers {
            tokio::spawn(work(Worker {
                world: Arc::clone(&self.world),
                plan: Arc::clone(&self.plan),
                fixtures: Arc::clone(&self.fixtures),
                marker: self.head.marker.clone(),
                options: self.options.clone(),
                next: Arc::clone(&next),
                cells: Arc::clone(&cells),
                round,
                sender: sender.clone(),
            }));
        }
        results
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
        }
    }

    /// The actors whose sessions may have died in mid-run, as far as a cell shows it: a call of
    /// theirs was answered as that of nobody, the system cannot be asked who they are, and they
    /// cannot log in again.
    fn perhaps_dead(&self, cell: &Cell, tried: &Tried) -> BTreeSet<ActorIndex> {
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

    /// Why a cell cannot be relied on: the session of its actor, or of who makes its call, is not
    /// what the suite takes it for.
    fn distrust(&self, cell: &Cell) -> Option<&String> {
        let caller = caller(self.suite(), cell);
        let own = self.distrusted.get(&cell.actor);
        own.or_else(|| self.distrusted.get(&caller?))
    }

    fn must_wait(&self, index: CellIndex, tried: &Tried) -> bool {
        self.plan.cells.get(index).is_some_and(is_allowed)
            && tried.observation.received == Received::Denied(Denial::Concealed)
    }

    pub(crate) fn judge(
        &mut self,
        index: CellIndex,
        mut tried: Tried,
        believed_later: &mut Vec<Doubted>,
    ) {
        let Some(cell) = self.plan.cells.get(index) else {
            return;
        };
        let actor = caller(self.suite(), cell).unwrap_or(cell.actor);
        let expected = cell.expectation.expected;
        let (control, named) = self.control(cell);
        tried.observation.control = control;
        if tried.observation.effect == EffectSeen::Unchanged && self.is_blind(cell, named) {
            tried.observation.effect = EffectSeen::NotLooked;
        }
        if let Some(why) = self.distrust(cell) {
            tried.unsure = Some(why.clone());
        }
        let apart = self.not_applicable.get(&cell.actor);
        let judgement = match tried.unsure {
            Some(_) if apart.is_some() => Judgement {
                verdict: Verdict::NotApplicable,
                because: "",
            },
            Some(_) => Judgement {
                verdict: Verdict::Inconclusive,
                because: "",
            },
            None => judge(expected, &tried.observation),
        };
        let mut doubted = self.perhaps_dead(cell, &tried);
        let judgement = match tried.doubt.take() {
            Some(doubt) if judgement.verdict == Verdict::Held => {
                tried.unsure = Some(doubt);
                Judgement {
                    verdict: Verdict::Inconclusive,
                    because: "",
                }
            }
            _ => judgement,
        };
        let recorder = Recorder {
            suite: &self.world.suite,
            plan: &self.plan,
            every_exchange: self.options.every_exchange,
        };
        let masker = self.world.sessions.masker();
        let record = recorder.cell(index, &tried, judgement, named, &masker);
        std::mem::take(&mut tried.left_behind)
            .into_iter()
            .for_each(|text| self.note(text));
        let has_session = tried.probe.is_some_and(|(_, sent)| sent.is_some());
        let Some(record) = record else {
            return;
        };
        let is_denial = matches!(
            expected,
            Expected::Deny(_) | Expected::Absent | Expected::Reject
        );
        if has_session && record.verdict == Verdict::Held && is_denial {
            doubted.insert(actor);
        }
        match doubted.is_empty() || record.verdict == Verdict::Inconclusive {
            true => self.tell(Some(record)),
            false => believed_later.push((doubted, record)),
        }
    }

    /// The cell itself, if it succeeded before its session turned.
    fn rehearsal(&self, cell: &Cell) -> Option<CellIndex> {
        let is_it =
            |other: &Cell| other.actor == cell.actor && other.trial == cell.trial.well_formed();
        let mut cells = self.plan.cells.iter();
        let index = self.turns(cell).then(|| cells.position(is_it))??;
        self.rehearsed.get(index)?.then_some(index)
    }

    /// Whether the views of a collection say nothing of what a cell would make: they did not show
    /// what its control made, or that is another tenant's.
    fn is_blind(&self, cell: &Cell, control: Option<(CellIndex, bool)>) -> bool {
        let creates = cell.trial.layer(self.suite()).is_some_and(|layer| {
            let effect = layer.effect.as_ref();
            effect.is_some_and(|effect| matches!(effect.kind, EffectKind::Created))
        });
        let Some((control, _)) = control.filter(|_| creates && !is_allowed(cell)) else {
            return false;
        };
        let actors = &self.world.suite.actors;
        let tenant = |cell: &Cell| actors.get(cell.actor)?.tenant.as_deref();
        let other = self.plan.cells.get(control).and_then(tenant);
        let own = tenant(cell);
        !self.listed.contains(&control) || (own.is_some() && own != other)
    }

    /// The first control that succeeded, else the best one.
    fn control(&self, cell: &Cell) -> (Control, Option<(CellIndex, bool)>) {
        if !matches!(
            cell.expectation.expected,
            Expected::Allow | Expected::Deny(_) | Expected::Absent | Expected::Reject
        ) {
            return (Control::Missing, None);
        }
        if let Some(index) = self.rehearsal(cell) {
            return (Control::Succeeded, Some((index, true)));
        }
        let did = |&control: &CellIndex| self.succeeded.get(control) == Some(&Some(true));
        match (
            cell.controls.iter().copied().find(did),
            cell.controls.first(),
        ) {
            (Some(control), _) => (Control::Succeeded, Some((control, true))),
            (None, Some(&control)) => (Control::Failed, Some((control, false))),
            (None, None) => (Control::Missing, None),
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

/// Refused, though not as one without a session.
fn is_refused_as_known(received: Received) -> bool {
    matches!(received, Received::Denied(denial) if denial != Denial::Unauthenticated)
}

/// A record that counts only if the sessions of these actors are still alive.
type Doubted = (BTreeSet<ActorIndex>, CellRecord);

/// Who somebody is: the target that says so, and what it says; or no target, and the credential.
type Identity = (Option<TargetIndex>, String);

/// Runs of cells of one phase that are all allowed or all not.
fn batches(plan: &Plan) -> Vec<Range<CellIndex>> {
    let key = |cell: &Cell| (cell.phase, is_allowed(cell));
    let mut start = 0;
    plan.cells
        .chunk_by(|a, b| key(a) == key(b))
        .map(|chunk| {
            let batch = start..start + chunk.len();
            start = batch.end;
            batch
        })
        .filter(|batch| {
            plan.cells
                .get(batch.start)
                .is_some_and(|cell| !matches!(cell.phase, Phase::Opening | Phase::Flow))
        })
        .collect()
}

struct Worker {
    world: Arc<World>,
    plan: Arc<Plan>,
    fixtures: Arc<Fixtures>,
    marker: String,
    options: Options,
    next: Arc<AtomicUsize>,
    cells: Arc<[CellIndex]>,
    round: &'static str,
    sender: mpsc::Sender<(CellIndex, Tried)>,
}

async fn work(worker: Worker) {
    loop {
        let at = worker.next.fetch_add(1, Ordering::Relaxed);
        let Some(&index) = worker.cells.get(at) else {
            return;
        };
        let Some(cell) = worker.plan.cells.get(index) else {
            return;
        };
        if worker.options.stop.is_set() {
            return;
        }
        let marker = format!("{}-{index}{}", worker.marker, worker.round);
        let tried = try_cell(&worker.world, &worker.fixtures, cell, &marker).await;
        if let Some(tried) = tried
            && worker.sender.send((index, tried)).await.is_err()
        {
            return;
        }
    }
}
