//! Runs a plan against running systems: opens sessions, makes fixtures, sends probes, looks at
//! effects, and tells what it sees as events.
//!
//! It does not judge (`suite` does) and does not report (`report` does).

mod caller;
mod cleanup;
mod client;
mod database;
mod fixture;
mod flow;
pub mod journal;
mod record;
mod schedule;
mod scope;
mod session;
mod trial;
mod turning;

pub use cleanup::{addresses, clean_up};
pub use client::{Bounds, Client, Failure};

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use suite::event::{Event, Summary};
use suite::model::Suite;
use suite::plan::{Plan, Shard};
use tokio::sync::mpsc;

/// How a plan is run.
#[derive(Debug, Clone)]
pub struct Options {
    /// How many cells are tried at once.
    pub concurrency: usize,
    /// The most requests in one second to each target; `None`: what the suite says of it.
    pub rate: Option<u32>,
    /// What one exchange may take.
    pub bounds: Bounds,
    /// Whether the exchanges of cells that held are told too.
    pub every_exchange: bool,
    /// Stops the run early.
    pub stop: Stop,
    /// Where everything that is made is written down first, so that it can be put back after a
    /// crash.
    pub journal: Option<journal::Journal>,
}

/// Stops a run early: cells that have begun are finished, no new ones begin, and what cells
/// shared is taken away.
#[derive(Debug, Clone, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Stops the run.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the run is to stop.
    pub fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Waits for so long; `false` if the run is to stop before.
    pub(crate) async fn sleep(&self, time: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.wait() => false,
            () = tokio::time::sleep(time) => true,
        }
    }

    /// Returns when the run is to stop.
    pub(crate) async fn wait(&self) {
        while !self.is_set() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// What is said of what a stopped run does not wait for.
pub(crate) const STOPPED: &str = "the run was stopped";

/// How often somebody who waits looks whether to stop.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The head of a run.
#[derive(Debug, Clone)]
pub struct Head {
    /// The run's own name: its start, and a random part.
    pub run: String,
    /// The file of the suite.
    pub suite: String,
    /// A hash of the suite's files.
    pub digest: String,
    /// When it begins.
    pub started: Timestamp,
    /// The patterns that chose the cells; none where all are tried.
    pub patterns: Vec<String>,
    /// Which part of several it is.
    pub shard: Option<Shard>,
    /// The beginning of every unique text that the run makes.
    pub(crate) marker: String,
}

impl Head {
    /// The head of a run that begins now.
    pub fn new(suite: &str, digest: String) -> Self {
        let started = Timestamp::now();
        // The keys of a `RandomState` come from the operating system.
        let random = RandomState::new().hash_one(started.as_nanosecond()) & 0xffff_ffff;
        // To the millisecond, so that names sort as runs follow one another.
        let time = started.strftime("%Y%m%dT%H%M%S.%3fZ");
        Self {
            run: format!("{time}-{random:08x}"),
            suite: suite.to_owned(),
            digest,
            started,
            patterns: Vec::new(),
            shard: None,
            marker: format!("lk{random:08x}"),
        }
    }

    /// The same, of a part of the suite.
    #[must_use]
    pub fn of_part(mut self, patterns: &[String], shard: Option<Shard>) -> Self {
        self.patterns = patterns.to_vec();
        self.shard = shard;
        self
    }
}

/// Runs a plan and tells everything to `emit`, in order. Must be called inside a Tokio runtime.
pub async fn run(
    suite: Arc<Suite>,
    plan: Arc<Plan>,
    head: Head,
    options: Options,
    emit: &mut (dyn FnMut(Event) + Send),
) -> Summary {
    let (sender, notes) = mpsc::unbounded_channel();
    let world = caller::World {
        notes: sender,
        ..world(suite, &options)
    };
    schedule::Run::new(world, notes, plan, head, options, emit)
        .run()
        .await
}

/// The live credential of an actor, as `lockstep token` prints it.
///
/// # Errors
/// There is no such session, or it does not open: why, in words.
pub async fn token(suite: Arc<Suite>, actor: usize, options: &Options) -> Result<String, String> {
    let world = world(suite, options);
    let live = world.open(actor, &mut Vec::new()).await?;
    let sent = live.sent.as_ref();
    sent.map(|sent| sent.printed().to_owned())
        .ok_or_else(|| "a visitor has no credential".to_owned())
}

fn world(suite: Arc<Suite>, options: &Options) -> caller::World {
    let rates = suite
        .targets
        .iter()
        .map(|target| options.rate.or(target.rate))
        .collect::<Vec<_>>();
    caller::World {
        client: Client::new(options.bounds.clone(), rates)
            .read_only(suite.read_only)
            .stopped_by(options.stop.clone()),
        sessions: Arc::new(session::Sessions::new(&suite)),
        databases: Arc::default(),
        journal: options.journal.clone(),
        stop: options.stop.clone(),
        // Nobody listens, unless a run does.
        notes: mpsc::unbounded_channel().0,
        unreached: Arc::default(),
        suite,
    }
}
