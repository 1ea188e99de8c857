//! Tries one cell: makes what it needs, looks, sends the probe, looks again.
//!
//! It observes and does not judge.

mod answer;
mod effect;
mod total;

use std::sync::Arc;
use std::time::{Duration, Instant};

use authz::Denial;
use suite::model::{Action, ActorIndex, Expected, Layer, Malformed, Resource, ResourceIndex};
use suite::observation::Failure;
use suite::plan::{Cell, Phase, Trial, expected_at};
use suite::probe::{Request, Sent, cut_off};
use suite::template::plain;
use suite::verdict::{Control, EffectSeen, Observation, Received, Shown, Trace};

use crate::caller::{About, DIES_AGAIN, REOPENINGS_MAX, World};
use crate::client::Failure as Unanswered;
use crate::fixture::{self, Fixture, Fixtures};
use crate::scope::CallScope;
use crate::session::{Live, Sending};

/// What trying a cell showed.
#[derive(Debug)]
pub(crate) struct Tried {
    /// What the judge looks at; its control is filled in by whoever knows the other cells.
    pub(crate) observation: Observation,
    /// Why nothing can be said whatever was observed.
    pub(crate) unsure: Option<String>,
    /// The status of the answer.
    pub(crate) status: Option<u16>,
    /// What else was seen, in words.
    pub(crate) details: Vec<String>,
    /// The probe itself.
    pub(crate) probe: Option<(Request, Option<Sent>)>,
    /// Everything that was sent.
    pub(crate) log: Vec<Sending>,
    /// From the first request to the last answer.
    pub(crate) duration: Duration,
    /// Fixtures that could not be taken away.
    pub(crate) left_behind: Vec<String>,
    /// A view of the whole collection showed what was made.
    pub(crate) listed_by_a_view: bool,
    /// Why the cell cannot be said to hold, although its call can be a control.
    pub(crate) doubt: Option<String>,
}

/// What a probe showed when it was sent once.
struct Attempt {
    observation: Observation,
    status: Option<u16>,
    details: Vec<String>,
    probe: (Request, Option<Sent>),
    doubt: Option<String>,
    /// The session with which it was sent, if the target said that there is none.
    unauthenticated: Option<Arc<Live>>,
}

pub(crate) const NOTHING: Observation = Observation {
    received: Received::Nothing,
    shown: Shown {
        canary: false,
        body: true,
        secret: false,
        like_absent: None,
    },
    effect: EffectSeen::NotLooked,
    control: Control::Missing,
    trace: Trace::NotOwed,
};

/// Tries the cell of an action. `marker` must belong to this cell alone; every text made from
/// it ends in a letter, so that none is the beginning of another.
pub(crate) async fn try_cell(
    world: &World,
    fixtures: &Fixtures,
    cell: &Cell,
    marker: &str,
) -> Option<Tried> {
    let Trial::Action { action, owner, .. } = cell.trial else {
        return None;
    };
    let action = world.suite.actions.get(action)?;
    let uniques: Vec<Uniques> = (0..=REOPENINGS_MAX)
        .map(|n| Uniques::of(marker, n))
        .collect();
    let mut trial = ActionTrial {
        world,
        fixtures,
        cell,
        action,
        layer: cell.trial.layer(&world.suite)?,
        owner,
        uniques: &uniques,
        unique: "",
        attempts: 0,
        log: Vec::new(),
        left_behind: Vec::new(),
        listed_by_a_view: false,
    };
    let started = Instant::now();
    let result = trial.run().await;
    let duration = started.elapsed();
    let mut tried = Tried {
        observation: NOTHING,
        unsure: None,
        status: None,
        details: Vec::new(),
        probe: None,
        log: trial.log,
        duration,
        left_behind: trial.left_behind,
        listed_by_a_view: trial.listed_by_a_view,
        doubt: None,
    };
    match result {
        Ok(attempt) => {
            tried.observation = attempt.observation;
            tried.status = attempt.status;
            tried.details = attempt.details;
            tried.probe = Some(attempt.probe);
            tried.doubt = attempt.doubt;
        }
        Err(why) => tried.unsure = Some(why),
    }
    Some(tried)
}

struct ActionTrial<'a> {
    world: &'a World,
    fixtures: &'a Fixtures,
    cell: &'a Cell,
    action: &'a Action,
    layer: &'a Layer,
    owner: Option<ActorIndex>,
    /// For each attempt its own: what was made once may not be made again under the same name.
    uniques: &'a [Uniques],
    /// The unique text of the probe of this attempt.
    unique: &'a str,
    attempts: usize,
    log: Vec<Sending>,
    left_behind: Vec<String>,
    listed_by_a_view: bool,
}

/// The unique texts of one attempt. None is the beginning of another.
#[derive(Debug)]
struct Uniques {
    probe: String,
    /// Not that of the probe, which may stand in an answer for good reasons.
    fixture: String,
}

impl Uniques {
    fn of(marker: &str, attempt: usize) -> Self {
        let marker = match attempt {
            0 => marker.to_owned(),
            attempt => format!("{marker}r{attempt}"),
        };
        Self {
            probe: format!("{marker}x"),
            fixture: format!("{marker}f"),
        }
    }
}

/// Why nothing can be said of a cell.
type Unsure = String;

/// A fixture that a listing must show or must not.
struct Listed {
    /// The id by which it is shown.
    id: String,
    visible: bool,
    fixture: Arc<Fixture>,
}

impl<'a> ActionTrial<'a> {
    async fn run(&mut self) -> Result<Attempt, Unsure> {
        self.is_still_expected()?;
        let mut attempt = self.attempt().await?;
        for _ in 0..self.reopenings_max() {
            let Some(live) = attempt.unauthenticated.take() else {
                break;
            };
            if !self.revive(&live).await? {
                break;
            }
            attempt = self.attempt().await?;
        }
        if let Some(live) = attempt.unauthenticated.take()
            && self
                .world
                .is_dead(self.cell.actor, &live, &mut self.log)
                .await
        {
            return Err(DIES_AGAIN.to_owned());
        }
        self.is_still_expected()?;
        Ok(attempt)
    }

    /// Where the policy's answer depends on the moment, it must be the planned one at sending
    /// and at receipt.
    fn is_still_expected(&self) -> Result<(), Unsure> {
        let Trial::Action { action, owner, .. } = self.cell.trial else {
            return Ok(());
        };
        if !self.cell.expectation.depends_on_time {
            return Ok(());
        }
        let now = jiff::Timestamp::now();
        let expected = expected_at(&self.world.suite, self.cell.actor, action, owner, now);
        let expected = match self.is_malformed() {
            true => expected.and_then(Expected::with_malformed_body),
            false => expected,
        };
        if expected == Some(self.cell.expectation.expected) {
            return Ok(());
        }
        Err(
            "the policy's answer depends on the time and has changed since the plan was made"
                .to_owned(),
        )
    }

    /// Whether a session that is said not to exist is to be tried once more: it had died and is
    /// open again. A session that lives, or that cannot be opened anew, was refused for good.
    async fn revive(&mut self, live: &Live) -> Result<bool, Unsure> {
        let World {
            suite, sessions, ..
        } = self.world;
        let actor = self.cell.actor;
        if suite
            .actors
            .get(actor)
            .is_some_and(|actor| actor.is_fixed())
        {
            return Ok(false);
        }
        let log = &mut self.log;
        let asked = sessions.identity_now(self.world, actor, live, log).await;
        match asked {
            Some(Ok(identity)) if live.identity.as_ref() == Some(&identity) => return Ok(false),
            Some(Ok(_)) => return Err("the session has become somebody else's".to_owned()),
            Some(Err(_)) | None => {}
        }
        let can_log_in = suite
            .actors
            .get(actor)
            .and_then(|actor| suite.sessions.get(actor.session?))
            .is_some_and(|session| !session.login.is_empty());
        if !can_log_in {
            return match asked {
                Some(Err(not_open)) => Err(format!("the session is dead: {}", not_open.why)),
                _ => Ok(false),
            };
        }
        let log = &mut self.log;
        match sessions.reopen(self.world, actor, live, log).await {
            Ok(_) => Ok(true),
            Err(not_open) => Err(format!(
                "the session died and could not be opened again: {}",
                not_open.why
            )),
        }
    }

    /// How often the session may be opened again: where it can be asked who it is, as often as
    /// it is found dead; else once, because then a refusal is all that there is to see, or twice
    /// where its token is refreshed first and may be worth nothing.
    fn reopenings_max(&self) -> usize {
        let suite = &self.world.suite;
        let actor = suite.actors.get(self.cell.actor);
        let session = actor.and_then(|actor| suite.sessions.get(actor.session?));
        match session {
            Some(session) if session.who.is_some() => REOPENINGS_MAX,
            Some(session) if session.refresh.is_some() => 2,
            _ => 1,
        }
    }

    async fn attempt(&mut self) -> Result<Attempt, Unsure> {
        let uniques = self.uniques.get(self.attempts).or(self.uniques.last());
        let uniques = uniques.ok_or("there is no unique text left")?;
        self.unique = &uniques.probe;
        self.attempts += 1;
        let live = self.world.open(self.cell.actor, &mut self.log).await?;
        let _lane = match (self.cell.phase, self.action.instance_of) {
            (Phase::Changing, Some(resource)) => self.fixtures.lane(self.world, resource).await,
            _ => None,
        };
        let listed = self.listed().await?;
        let fixture = self.fixture().await?;
        let attempt = self.probe(&live, fixture.as_deref(), &listed).await;
        if let Some(fixture) = fixture
            && self.cell.phase == Phase::Changing
        {
            self.take_away(&fixture).await;
        }
        attempt
    }

    async fn take_away(&mut self, fixture: &Fixture) {
        let world = self.world.unstoppable();
        if let Err(why) = fixture::remove(&world, fixture, &mut self.log).await {
            self.left_behind.push(why);
        }
    }

    /// The fixtures that a listing must show or must not, with the ids by which it shows them.
    async fn listed(&mut self) -> Result<Vec<Listed>, Unsure> {
        let Some(items) = &self.layer.items else {
            return Ok(Vec::new());
        };
        let of = self.world.suite.actions.get(items.of);
        let Some(resource) = of.and_then(|of| of.instance_of) else {
            return Ok(Vec::new());
        };
        let mut listed = Vec::new();
        for &(owner, visible) in &self.cell.items {
            let unique = format!("{}i{owner}f", self.unique);
            let fixture = self
                .fixtures
                .shared(self.world, resource, owner, &unique, &mut self.log)
                .await?;
            if let Some(id) = fixture.values.get("id") {
                listed.push(Listed {
                    id: plain(id),
                    visible,
                    fixture: Arc::clone(&fixture),
                });
            }
        }
        Ok(listed)
    }

    async fn fixture(&mut self) -> Result<Option<Arc<Fixture>>, Unsure> {
        let (Some(resource), Some(owner)) = (self.action.instance_of, self.owner) else {
            return Ok(None);
        };
        let uniques = self.uniques.get(self.attempts.saturating_sub(1));
        let unique = uniques.map_or("", |uniques| uniques.fixture.as_str());
        let (world, log) = (self.world, &mut self.log);
        let fixture = if self.cell.phase == Phase::Changing {
            Arc::new(fixture::make(world, resource, owner, unique, log).await?)
        } else {
            self.fixtures
                .shared(world, resource, owner, unique, log)
                .await?
        };
        Ok(Some(fixture))
    }

    fn about<'b>(&self, fixture: Option<&'b Fixture>) -> About<'b>
    where
        'a: 'b,
    {
        About {
            owner: self.owner,
            resource: fixture
                .zip(self.resource())
                .map(|(fixture, resource)| (&*resource.type_name, &fixture.values)),
            unique: self.unique,
        }
    }

    /// The scope in which the assertions of the suite are read.
    fn scope<'b>(&'b self, live: &'b Live, fixture: Option<&'b Fixture>) -> CallScope<'b> {
        CallScope {
            actor: self.world.known(self.cell.actor, &live.learnt),
            resource: self.about(fixture).resource,
            unique: self.unique,
            ..CallScope::default()
        }
    }

    fn resource(&self) -> Option<&'a Resource> {
        self.resource_index()
            .and_then(|index| self.world.suite.resources.get(index))
    }

    fn resource_index(&self) -> Option<ResourceIndex> {
        self.action.instance_of.or(self.action.resource)
    }

    async fn probe(
        &mut self,
        live: &Arc<Live>,
        fixture: Option<&Fixture>,
        listed: &[Listed],
    ) -> Result<Attempt, Unsure> {
        if self.layer.changes() {
            self.world.check_changes()?;
        }
        let about = self.about(fixture);
        let before = self.sights(fixture, "before").await;
        let request = self.request(live, about).await?;
        let entry = self.intend().await?;
        let result = self.world.send(&request, live).await;
        self.log.push(Sending {
            purpose: "probe".to_owned(),
            actor: Some(self.cell.actor),
            request: request.clone(),
            sent: live.sent.clone(),
            result: result.clone(),
        });
        if let Err(failure @ (Unanswered::Unreached(_) | Unanswered::Stopped)) = &result {
            fixture::finish(self.world, entry);
            return Err(self.world.why_failed(request.target, failure));
        }
        let mut looks = self.looks(before, fixture).await;
        let mut seen = Seen {
            observation: NOTHING,
            details: Vec::new(),
            is_session_in_doubt: false,
            doubt: None,
        };
        let status = match &result {
            Ok(answer) => {
                self.read(answer, &request, live, fixture, listed, &mut seen)
                    .await;
                self.compare_with_absent(answer, &request, live, fixture, &mut seen)
                    .await;
                self.check_total(answer, live, &mut seen).await;
                Some(answer.status)
            }
            Err(failure) => {
                seen.details.push(failure.to_string());
                None
            }
        };
        self.see_effect(&result, live, fixture, &mut looks, entry, &mut seen)
            .await;
        let is_suspect = self.is_suspect(&seen.observation, live) || seen.is_session_in_doubt;
        let unauthenticated = is_suspect.then(|| Arc::clone(live));
        Ok(Attempt {
            observation: seen.observation,
            status,
            details: seen.details,
            probe: (request, live.sent.clone()),
            doubt: seen.doubt,
            unauthenticated,
        })
    }

    async fn request(&mut self, live: &Live, about: About<'_>) -> Result<Request, Unsure> {
        let malformed = self.layer.malformed.as_ref();
        let malformed = malformed.filter(|_| self.is_malformed());
        let call = match malformed {
            Some(Malformed::Call(call)) => call,
            _ => &self.layer.call,
        };
        let (world, actor) = (self.world, Some(self.cell.actor));
        let mut request = world
            .request(call, actor, live, about, &mut self.log)
            .await?;
        if let Some(Malformed::CutOff) = malformed {
            cut_off(&mut request);
        }
        Ok(request)
    }

    fn is_malformed(&self) -> bool {
        self.cell.trial.is_malformed()
    }

    /// A session that is told it is none, though something else is expected.
    fn is_suspect(&self, observation: &Observation, live: &Live) -> bool {
        live.sent.is_some()
            && observation.received == Received::Denied(Denial::Unauthenticated)
            && self.cell.expectation.expected != Expected::Deny(Denial::Unauthenticated)
    }
}

/// What is gathered of one attempt.
struct Seen {
    observation: Observation,
    details: Vec<String>,
    /// The session may have died after the probe, while the answer was compared.
    is_session_in_doubt: bool,
    /// Why the cell cannot be said to hold, whatever the answer is.
    doubt: Option<String>,
}

impl Seen {
    fn tell(&mut self, failures: &[Failure]) {
        let words = failures
            .iter()
            .map(|failure| format!("{} ({})", failure.found, failure.place));
        self.details.extend(words);
    }
}
