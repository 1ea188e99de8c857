//! The order of a run: sessions first, then batch by batch of the plan, so that every control
//! is known before what counts beside it.

mod alive;
mod judging;
mod opening;
mod statements;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use suite::event::{CellRecord, Event, Note, RunStarted, Summary};
use suite::model::{ActorIndex, Suite};
use suite::plan::{Cell, CellIndex, Phase, Plan, Trial, is_allowed, never_removed, probing_actors};
use suite::probe::Request;
use tokio::sync::mpsc;

use self::opening::OpeningResult;
use crate::caller::World;
use crate::fixture::Fixtures;
use crate::record::{Recorder, millis};
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
    /// The same call with a credential that does not exist.
    unknown_credential: BTreeMap<ActorIndex, Request>,
    /// Counts how often that was done again.
    pulses: u32,
    /// Cells of which a view of the whole collection showed what they made.
    listed: BTreeSet<CellIndex>,
    /// Actors whose session cannot be spoilt as they say, because there is nothing to spoil.
    not_applicable: BTreeMap<ActorIndex, String>,
    /// For each cell of a session that turns: whether it succeeded before.
    pub(crate) rehearsed: Vec<bool>,
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
            unknown_credential: BTreeMap::new(),
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
                cell.is_some_and(|cell| !self.turns(cell) && is_called(cell))
            };
            let cells = batch.filter(is_now).collect();
            self.run_cells(cells).await;
        }
        self.try_turning().await;
        self.try_statements().await;
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
        let sent = self.world.client.requests_sent() + self.world.databases.statements_sent();
        self.summary.requests = sent;
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
        let databases = suite.databases.iter();
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
                .chain(databases.map(|it| (it.name.to_string(), it.shown.clone())))
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
}

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

/// Whether a cell is tried by a call, and now.
fn is_called(cell: &Cell) -> bool {
    cell.untried.is_none() && !matches!(cell.trial, Trial::Statement { .. })
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
