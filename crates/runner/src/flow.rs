//! Flows: one step after the other, each with what earlier ones have learnt; and what they made
//! is taken away again.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use authz::Denial;
use futures_util::StreamExt as _;
use suite::model::{ActorIndex, Call, Expected, Flow, FlowIndex, FlowStep};
use suite::observation::{
    Answer, Closeness, absent_id, captured, check_answer, denials, differs_from_absent, place_of,
    received,
};
use suite::plan::{CellIndex, Trial, actor_name};
use suite::probe::Request;
use suite::template::{Name, plain, url_component};
use suite::verdict::{Received, succeeded};

use crate::Stop;
use crate::caller::{About, Called, World};
use crate::client::Failure;
use crate::fixture::{self, is_gone};
use crate::journal::{Entry, Intent};
use crate::schedule::Run;
use crate::scope::{CallScope, Values};
use crate::session::{Live, Sending};
use crate::trial::{NOTHING, Tried, tells};

/// The type to which belongs what a flow has learnt.
const FLOW: &str = "flow";

impl Run<'_> {
    /// Tries every flow, several at once, and judges their steps when all are over: a denial may
    /// count beside a step that comes later, or that is another actor's.
    pub(crate) async fn try_flows(&mut self) {
        let units = self.units();
        if units.is_empty() || self.options.stop.is_set() {
            return;
        }
        let world = Arc::clone(&self.world);
        let (stop, at_once) = (self.options.stop.clone(), self.options.concurrency.max(1));
        let trials = units.into_iter().map(|unit| {
            let marker = match unit.steps.first() {
                Some((first, _)) => format!("{}-{first}", self.head.marker),
                None => self.head.marker.clone(),
            };
            try_flow(&world, unit, marker, &stop)
        });
        let trials: Vec<_> = trials.collect();
        let tried: Vec<Vec<(CellIndex, Tried)>> = futures_util::stream::iter(trials)
            .buffered(at_once)
            .collect()
            .await;
        let tried: Vec<(CellIndex, Tried)> = tried.into_iter().flatten().collect();
        for (index, tried) in &tried {
            self.remember(*index, tried);
        }
        let mut believed_later = Vec::new();
        for (index, tried) in tried {
            self.judge(index, tried, &mut believed_later);
        }
        self.believe(believed_later).await;
    }

    /// The steps of the plan, by flow and actor.
    fn units(&self) -> Vec<Unit> {
        let mut units: BTreeMap<(FlowIndex, ActorIndex), Vec<(CellIndex, usize)>> = BTreeMap::new();
        for (index, cell) in self.plan.cells.iter().enumerate() {
            if let Trial::Step { flow, step } = cell.trial
                && cell.untried.is_none()
            {
                let steps = units.entry((flow, cell.actor)).or_default();
                steps.push((index, step));
            }
        }
        let units = units.into_iter();
        units
            .map(|((flow, actor), steps)| Unit { flow, actor, steps })
            .collect()
    }
}

/// A flow that one actor goes through.
struct Unit {
    flow: FlowIndex,
    actor: ActorIndex,
    /// Its steps, with their cells.
    steps: Vec<(CellIndex, usize)>,
}

/// Something that a step made.
struct Made<'a> {
    cell: CellIndex,
    step: &'a FlowStep,
    remove: &'a Call,
    values: Values,
    entry: Option<Entry>,
}

/// A flow under way.
struct Trip<'a> {
    world: &'a World,
    flow: &'a Flow,
    actor: ActorIndex,
    unique: String,
    /// What was captured.
    learnt: Values,
    made: Vec<Made<'a>>,
}

async fn try_flow(
    world: &World,
    unit: Unit,
    marker: String,
    stop: &Stop,
) -> Vec<(CellIndex, Tried)> {
    let Some(flow) = world.suite.flows.get(unit.flow) else {
        return Vec::new();
    };
    let mut trip = Trip {
        world,
        flow,
        actor: unit.actor,
        unique: format!("{marker}x"),
        learnt: Values::new(),
        made: Vec::new(),
    };
    let mut all: Vec<(CellIndex, Tried)> = Vec::new();
    let mut broken: Option<Name> = None;
    for (cell, at) in unit.steps {
        let Some(step) = flow.steps.get(at).filter(|_| !stop.is_set()) else {
            break;
        };
        let tried = match &broken {
            Some(name) => not_tried(name),
            None => trip.step(cell, step).await,
        };
        if broken.is_none() && !goes_on(step.expected_by(unit.actor).expected, &tried) {
            broken = Some(step.name.clone());
        }
        all.push((cell, tried));
    }
    trip.take_away(&mut all).await;
    all
}

/// Whether the steps after one can still mean what they say.
fn goes_on(expected: Expected, tried: &Tried) -> bool {
    let seen = &tried.observation;
    tried.unsure.is_none()
        && match expected {
            Expected::Allow => succeeded(seen),
            Expected::Deny(_) => matches!(seen.received, Received::Denied(_)),
            Expected::Observe | Expected::Absent | Expected::Reject => true,
        }
}

fn not_tried(broken: &Name) -> Tried {
    let why = format!("not tried: step `{broken}` before it did not come out as expected");
    Tried {
        unsure: Some(why),
        ..nothing_tried()
    }
}

fn nothing_tried() -> Tried {
    Tried {
        observation: NOTHING,
        unsure: None,
        status: None,
        details: Vec::new(),
        probe: None,
        log: Vec::new(),
        duration: std::time::Duration::ZERO,
        left_behind: Vec::new(),
        listed_by_a_view: false,
        doubt: None,
    }
}

impl<'a> Trip<'a> {
    async fn step(&mut self, cell: CellIndex, step: &'a FlowStep) -> Tried {
        let started = Instant::now();
        let mut tried = nothing_tried();
        if let Err(why) = self.try_step(cell, step, &mut tried).await {
            tried.unsure = Some(why);
        }
        tried.duration = started.elapsed();
        tried
    }

    /// Makes the call, and sees what it is answered.
    async fn try_step(
        &mut self,
        cell: CellIndex,
        step: &'a FlowStep,
        tried: &mut Tried,
    ) -> Result<(), String> {
        let caller = step.call.caller.in_flow_of(self.actor);
        // A session that does not open makes nothing, and must leave nothing to be put back.
        if let Some(caller) = caller {
            self.world.open(caller, &mut tried.log).await?;
        }
        if step.remove.is_some() {
            self.world.check_changes()?;
        }
        let entry = self.intend(step).await?;
        let about = about(&self.learnt, &self.unique);
        let called = self
            .world
            .call_live(&step.call, caller, about, "probe", &mut tried.log)
            .await;
        let probe = tried.log.iter().rfind(|sending| sending.purpose == "probe");
        let sent = probe.map(|sending| (sending.request.clone(), sending.sent.clone()));
        let holds_own_text = probe.is_some_and(|probe| self.is_told(probe));
        let called = called.inspect_err(|_| {
            // What was never sent has made nothing. Of what was sent and not answered whole, nobody knows.
            let result = probe.map(|sending| &sending.result);
            if let None | Some(Err(Failure::Unreached(_) | Failure::Stopped)) = result {
                fixture::finish(self.world, entry);
            }
        });
        tried.probe = sent;
        let (answer, live) = called?;
        tried.status = Some(answer.status);
        self.read(step, &answer, &live, tried);
        tried.observation.shown.canary = holds_own_text;
        // Before anything else is sent: what was made must not be lost.
        self.note_made(cell, step, &answer, tried.observation.received, entry);
        let concealed = Received::Denied(Denial::Concealed);
        let expected = step.expected_by(self.actor).expected;
        if expected == Expected::Deny(Denial::Concealed) && tried.observation.received == concealed
        {
            tried.observation.shown.like_absent = self.is_like_absent(step, &answer, tried).await;
        }
        Ok(())
    }

    /// Whether an answer tells the flow's own text, and the request did not bring it.
    fn is_told(&self, sending: &Sending) -> bool {
        let Ok(answer) = &sending.result else {
            return false;
        };
        let request = &sending.request;
        !self.brings(request) && tells(answer, &self.unique, &self.learnt, request)
    }

    /// Whether a request holds the flow's own text, but for ids that are made from it.
    fn brings(&self, request: &Request) -> bool {
        let ids = self.learnt.values().map(plain);
        let ids = ids.filter(|id| id.contains(&self.unique));
        let ids: Vec<String> = ids.flat_map(|id| [url_component(&id), id]).collect();
        let headers = request.headers.iter().map(|(_, value)| value);
        let texts = [&request.url].into_iter().chain(&request.body);
        texts.chain(headers).any(|text| {
            let rest = ids
                .iter()
                .fold(text.clone(), |rest, id| rest.replace(id, ""));
            rest.contains(&self.unique)
        })
    }

    async fn send(&self, call: &Call, values: &Values, purpose: &str, tried: &mut Tried) -> Called {
        let caller = call.caller.in_flow_of(self.actor);
        let about = about(values, &self.unique);
        self.world
            .call(call, caller, about, purpose, &mut tried.log)
            .await
    }

    /// Reads what the answer is, what it shows, and what is to be remembered of it.
    fn read(&mut self, step: &FlowStep, answer: &Answer, live: &Live, tried: &mut Tried) {
        let caller = step.call.caller.in_flow_of(self.actor);
        let Some(target) = self.world.suite.targets.get(step.call.target) else {
            return;
        };
        let scope = CallScope {
            actor: caller.and_then(|caller| self.world.known(caller, &live.learnt)),
            resource: Some((FLOW, &self.learnt)),
            unique: &self.unique,
            ..CallScope::default()
        };
        let expected = match step.expected_by(self.actor).expected {
            Expected::Deny(denial) => Some(denial),
            _ => None,
        };
        let received = received(answer, &step.answer, &target.denies, expected, &scope);
        tried.observation.received = received;
        if received == Received::Success {
            let (shown, failures) = check_answer(&step.answer, answer, &scope);
            tried.observation.shown = shown;
            let words = failures.iter();
            let words = words.map(|failure| format!("{} ({})", failure.found, failure.place));
            tried.details.extend(words);
            self.learn(step, answer, tried);
        }
    }

    fn learn(&mut self, step: &FlowStep, answer: &Answer, tried: &mut Tried) {
        for capture in &step.captures {
            match captured(&capture.source, answer) {
                Some(value) => {
                    self.world.sessions.hide_captured(capture, &value);
                    self.learnt.insert(capture.name.clone(), value);
                }
                None => {
                    tried.observation.shown.body = false;
                    let what = place_of(&capture.source);
                    tried
                        .details
                        .push(format!("the answer has {what} ({})", capture.place));
                }
            }
        }
    }

    /// Whether the call is answered as for what does not exist; `None` where that cannot be found
    /// out.
    async fn is_like_absent(
        &self,
        step: &FlowStep,
        answer: &Answer,
        tried: &mut Tried,
    ) -> Option<bool> {
        let (first, mut ids) = self.ask_for_absent(step, 0, tried).await?;
        let Some(difference) = differs_from_absent(answer, &first, &ids, Closeness::Strict) else {
            return Some(true);
        };
        // Where even two answers for what does not exist differ, less is compared.
        let (second, more) = self.ask_for_absent(step, 1, tried).await?;
        ids.extend(more);
        let is_volatile = differs_from_absent(&second, &first, &ids, Closeness::Strict).is_some();
        if is_volatile && differs_from_absent(answer, &first, &ids, Closeness::Loose).is_none() {
            return Some(true);
        }
        tried.details.push(difference);
        Some(false)
    }

    /// Makes the call with ids that nothing has.
    async fn ask_for_absent(
        &self,
        step: &FlowStep,
        salt: u8,
        tried: &mut Tried,
    ) -> Option<(Arc<Answer>, Vec<String>)> {
        let mut absent = self.learnt.clone();
        let mut ids = Vec::new();
        for (name, value) in &mut absent {
            if step.call.uses_resource(name) {
                let other = absent_id(value, salt)?;
                ids.extend([plain(value), plain(&other)]);
                *value = other;
            }
        }
        if ids.is_empty() {
            return None;
        }
        let purpose = "the same for what does not exist";
        let answer = self.send(&step.call, &absent, purpose, tried).await.ok()?;
        let target = self.world.suite.targets.get(step.call.target)?;
        let kinds = denials(&answer, &target.denies, &CallScope::default());
        kinds.contains(&Denial::Concealed).then_some((answer, ids))
    }

    /// Writes down that a step is about to make something, if the suite says how it is taken away.
    async fn intend(&self, step: &FlowStep) -> Result<Option<Entry>, String> {
        let (Some(journal), Some(_)) = (&self.world.journal, &step.remove) else {
            return Ok(None);
        };
        let intent = Intent::Step {
            step: format!("{}/{}", self.flow.name, step.name),
            actor: actor_name(&self.world.suite, self.actor).to_owned(),
            unique: self.unique.clone(),
        };
        journal.intend(intent).await.map(Some)
    }

    /// Keeps what a step made; of an answer that says neither yes nor no, it may have made it. A
    /// no has made nothing, whatever its status.
    fn note_made(
        &mut self,
        cell: CellIndex,
        step: &'a FlowStep,
        answer: &Answer,
        received: Received,
        entry: Option<Entry>,
    ) {
        let Some(remove) = &step.remove else {
            return;
        };
        if (400..500).contains(&answer.status) || matches!(received, Received::Denied(_)) {
            fixture::finish(self.world, entry);
            return;
        }
        let values = self.learnt.iter();
        let values = values.filter(|(name, _)| remove.uses_resource(name));
        let values: Values = values
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if let (Some(journal), Some(entry)) = (&self.world.journal, entry) {
            journal.made(entry, values.clone());
        }
        self.made.push(Made {
            cell,
            step,
            remove,
            values,
            entry,
        });
    }

    /// Takes away what the steps made, the last first.
    async fn take_away(&mut self, all: &mut [(CellIndex, Tried)]) {
        let world = self.world.unstoppable();
        while let Some(made) = self.made.pop() {
            let tried = all.iter_mut().find(|(cell, _)| *cell == made.cell);
            let Some((_, tried)) = tried else {
                continue;
            };
            let caller = made.remove.caller.in_flow_of(self.actor);
            let about = about(&made.values, &self.unique);
            let purpose = "remove what it made";
            let answer = world
                .call(made.remove, caller, about, purpose, &mut tried.log)
                .await;
            match removed(&world, made.remove, answer) {
                Ok(()) => fixture::finish(self.world, made.entry),
                Err(why) => tried
                    .left_behind
                    .push(not_removed(self.flow, made.step, &why)),
            }
        }
    }
}

fn about<'a>(values: &'a Values, unique: &'a str) -> About<'a> {
    About {
        owner: None,
        resource: Some((FLOW, values)),
        unique,
    }
}

/// That it is gone already is no failure.
fn removed(world: &World, call: &Call, answer: Called) -> Result<(), String> {
    let answer = answer?;
    match answer.status {
        200..300 => Ok(()),
        _ if is_gone(world, call, &answer) => Ok(()),
        status => Err(format!("answered {status}")),
    }
}

fn not_removed(flow: &Flow, step: &FlowStep, why: &str) -> String {
    format!(
        "what step `{}` of flow `{}` made could not be removed: {why}",
        step.name, flow.name
    )
}

/// Takes away what a step of an interrupted run made: `name` is `publish/write`.
pub(crate) async fn put_back(
    world: &World,
    name: &str,
    actor: ActorIndex,
    unique: &str,
    made: Option<&Values>,
) -> Result<(), String> {
    let gone = || format!("the suite has no step `{name}` any more");
    let (flow, step) = name.split_once('/').ok_or_else(gone)?;
    let flows = &world.suite.flows;
    let flow = flows.iter().find(|it| *it.name == *flow).ok_or_else(gone)?;
    let steps = &flow.steps;
    let step = steps.iter().find(|it| *it.name == *step).ok_or_else(gone)?;
    let remove = step.remove.as_ref().ok_or_else(gone)?;
    let (nothing, log) = (Values::new(), &mut Vec::<Sending>::new());
    let values = made.unwrap_or(&nothing);
    let caller = remove.caller.in_flow_of(actor);
    let about = about(values, unique);
    let answer = world.call(remove, caller, about, "remove", log).await;
    removed(world, remove, answer).map_err(|why| {
        let why = match made {
            Some(_) => why,
            None => format!("{why}; look for `{unique}` yourself"),
        };
        not_removed(flow, step, &why)
    })
}
