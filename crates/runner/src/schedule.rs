//! The order of a run: sessions first, then batch by batch of the plan, so that every control
//! is known before what counts beside it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use futures_util::StreamExt as _;
use suite::event::{Event, Note, RunStarted, Summary};
use suite::model::{ActorIndex, Expected, Suite};
use suite::plan::{Cell, CellIndex, Phase, Plan, is_allowed, probing_actors};
use suite::verdict::{
    Control, Judgement, Opening, Received, Verdict, judge, judge_opening, succeeded,
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

/// Runs a plan and tells what happens; returns when everything is told.
pub(crate) struct Run<'a> {
    pub(crate) world: Arc<World>,
    pub(crate) plan: Arc<Plan>,
    fixtures: Arc<Fixtures>,
    head: Head,
    pub(crate) options: Options,
    emit: &'a mut (dyn FnMut(Event) + Send),
    summary: Summary,
    /// For each cell that was tried: whether it can be a control.
    succeeded: Vec<Option<bool>>,
    openings: Vec<OpeningResult>,
    /// Actors whose session is not what the suite takes it for, and why.
    pub(crate) distrusted: BTreeMap<ActorIndex, String>,
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

impl<'a> Run<'a> {
    pub(crate) fn new(
        world: World,
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
            plan,
            head,
            options,
            emit,
            summary: Summary::default(),
            openings: Vec::new(),
            distrusted: BTreeMap::new(),
        }
    }

    pub(crate) async fn run(mut self) -> Summary {
        let started = Instant::now();
        self.tell_start();
        self.open_sessions().await;
        for batch in batches(&self.plan) {
            let is_now = |index: &CellIndex| {
                let cell = self.plan.cells.get(*index);
                cell.is_some_and(|cell| !self.turns(cell))
            };
            let cells = batch.filter(is_now).collect();
            self.run_cells(cells).await;
        }
        self.try_turning().await;
        let mut left_behind = Vec::new();
        self.fixtures
            .remove_shared(&self.world, &mut left_behind)
            .await;
        left_behind.into_iter().for_each(|text| self.note(text));
        self.close_sessions().await;
        let left_behind = self.world.sessions.remove_users(&self.world).await;
        left_behind.into_iter().for_each(|text| self.note(text));
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
            started: self.head.started.to_string(),
            cells: self.plan.cells.len(),
            targets: targets
                .map(|target| (target.name.to_string(), target.base.clone()))
                .collect(),
            actors: probing_actors(suite)
                .map(|actor| suite::plan::actor_name(suite, actor).to_owned())
                .collect(),
        };
        (self.emit)(Event::RunStarted(started));
    }

    pub(crate) fn note(&mut self, text: String) {
        let text = self.world.sessions.masker().mask(&text);
        (self.emit)(Event::Note(Note { text }));
    }

    fn tell(&mut self, record: Option<suite::event::CellRecord>) {
        if let Some(record) = record {
            self.summary.counts.add(record.verdict);
            if record.effect_seen == Some(false)
                && record.verdict == Verdict::Held
                && record.expected.what == "deny"
            {
                self.summary.effects_unseen += 1;
            }
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
            .filter(|(_, cell)| cell.phase == Phase::Opening)
            .map(|(index, cell)| (index, cell.actor))
            .collect();
        let world = &self.world;
        let openings = cells
            .into_iter()
            .map(|(cell, actor)| open(world, cell, actor));
        self.openings = futures_util::stream::iter(openings)
            .buffered(self.options.concurrency.max(1))
            .collect()
            .await;
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
            let because = Some(judgement.because.to_owned());
            self.tell_opening(at, &why, judgement.verdict, because);
        }
    }

    /// Two actors who are the same user to the system prove nothing about either.
    async fn distrust_twins(&mut self) {
        let mut found = Vec::new();
        for opening in &self.openings {
            if let Some(twin) = self.twin(opening.actor).await {
                let why = format!("the system says that this is the same user as `{twin}`");
                found.push((opening.actor, why));
            }
        }
        self.distrusted.extend(found);
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
            match self.trouble(opening.actor).await {
                None => self.tell_opening(at, "the session is open", Verdict::Held, None),
                Some(why) => {
                    let because = "so nothing that this actor was seen to do can be relied on";
                    self.tell_opening(at, &why, Verdict::Inconclusive, Some(because.to_owned()));
                }
            }
        }
    }

    /// What is wrong with an actor's session at the end of the run.
    async fn trouble(&self, actor: ActorIndex) -> Option<String> {
        let sessions = &self.world.sessions;
        let log = &mut Vec::new();
        let live = sessions.open(&self.world, actor, log).await;
        let live = match live {
            Ok(live) => live,
            Err(not_open) => return Some(not_open.why),
        };
        if let Some(why) = self.distrusted.get(&actor) {
            return Some(why.clone());
        }
        match sessions.identity_now(&self.world, actor, &live, log).await {
            Some(Ok(now)) if Some(&now) != live.identity.as_ref() => {
                Some("the session has become somebody else's".to_owned())
            }
            // A session that died after its last use has done no harm.
            Some(Err(not_open)) if not_open.opening == Opening::Failed => Some(format!(
                "at the end it could not be asked who it is: {}",
                not_open.why
            )),
            _ => None,
        }
    }

    /// Another actor with the same identity.
    async fn twin(&self, actor: ActorIndex) -> Option<String> {
        let identity = self.identity(actor).await?;
        for other in &self.openings {
            if other.actor != actor && self.identity(other.actor).await.as_ref() == Some(&identity)
            {
                return Some(suite::plan::actor_name(self.suite(), other.actor).to_owned());
            }
        }
        None
    }

    /// Who the system says an actor is, with the target that says it: ids of different systems
    /// have nothing to do with one another.
    async fn identity(&self, actor: ActorIndex) -> Option<(usize, String)> {
        let suite = self.suite();
        let session = suite.sessions.get(suite.actors.get(actor)?.session?)?;
        let target = session.who.as_ref()?.call.target;
        let live = self
            .world
            .sessions
            .open(&self.world, actor, &mut Vec::new())
            .await
            .ok()?;
        Some((target, live.identity.as_ref()?.to_string()))
    }

    /// Tries the cells of a batch, several at once, and judges each as it comes in; a 404 to
    /// somebody who may waits for the end of the batch, because it counts only if others get
    /// through.
    pub(crate) async fn run_cells(&mut self, cells: Vec<CellIndex>) {
        let mut results = self.start(cells, "");
        let mut waiting = Vec::new();
        while let Some((index, tried)) = results.recv().await {
            self.remember(index, &tried);
            if self.must_wait(index, &tried) {
                waiting.push((index, tried));
            } else {
                self.judge(index, tried);
            }
        }
        for (index, tried) in waiting {
            self.judge(index, tried);
        }
    }

    /// Begins to try cells, several at once; `round` tells the texts of cells that are tried
    /// twice apart.
    pub(crate) fn start(
        &self,
        cells: Vec<CellIndex>,
        round: &'static str,
    ) -> mpsc::Receiver<(CellIndex, Tried)> {
        let next = Arc::new(AtomicUsize::new(0));
        let (sender, results) = mpsc::channel(RESULTS_WAITING_MAX);
        let workers = self.options.concurrency.clamp(1, cells.len().max(1));
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

    fn remember(&mut self, index: CellIndex, tried: &Tried) {
        let cell = self.plan.cells.get(index);
        let trusted = cell.is_some_and(|cell| !self.distrusted.contains_key(&cell.actor));
        if let Some(slot) = self.succeeded.get_mut(index) {
            *slot = Some(trusted && tried.unsure.is_none() && succeeded(&tried.observation));
        }
    }

    fn must_wait(&self, index: CellIndex, tried: &Tried) -> bool {
        self.plan.cells.get(index).is_some_and(is_allowed)
            && tried.observation.received == Received::Denied(authz::Denial::Concealed)
    }

    fn judge(&mut self, index: CellIndex, mut tried: Tried) {
        let Some(cell) = self.plan.cells.get(index) else {
            return;
        };
        let (control, named) = self.control(cell);
        tried.observation.control = control;
        if let Some(why) = self.distrusted.get(&cell.actor) {
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
            None => judge(cell.expectation.expected, &tried.observation),
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
        self.tell(record);
    }

    /// The cell itself, if it succeeded before its session turned.
    fn rehearsal(&self, cell: &Cell) -> Option<CellIndex> {
        let is_it = |other: &Cell| other.actor == cell.actor && other.trial == cell.trial;
        let mut cells = self.plan.cells.iter();
        let index = self.turns(cell).then(|| cells.position(is_it))??;
        self.rehearsed.get(index)?.then_some(index)
    }

    /// The first control that succeeded, else the best one.
    fn control(&self, cell: &Cell) -> (Control, Option<(CellIndex, bool)>) {
        if !matches!(
            cell.expectation.expected,
            Expected::Allow | Expected::Deny(_)
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

/// Runs of cells of one phase that are all allowed or all not.
fn batches(plan: &Plan) -> Vec<std::ops::Range<CellIndex>> {
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
                .is_some_and(|cell| cell.phase != Phase::Opening)
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
