//! A plan for a system on which nothing may be changed: what would need a call that changes
//! something is not tried, and says why.
//!
//! Only the calls that open a session may use a method that is not safe.

use std::sync::Arc;

use super::{Cell, Plan, Trial};
use crate::model::{
    ActorIndex, Flow, FlowStep, Layer, Origin, ResourceIndex, Signature, Suite, Variant,
};

impl Plan {
    /// The same plan, in which every cell that needs a changing call is set apart. It is no
    /// control either, and needs none. O(cells).
    #[must_use]
    pub fn read_only(mut self, suite: &Suite) -> Self {
        for cell in &mut self.cells {
            cell.untried = why_untried(suite, cell).map(Arc::from);
        }
        let is_tried: Vec<bool> = self.cells.iter().map(|it| it.untried.is_none()).collect();
        for cell in &mut self.cells {
            let counts_beside_it = cell.untried.is_none();
            let is_tried = |control: &usize| is_tried.get(*control) == Some(&true);
            cell.controls.retain(|it| counts_beside_it && is_tried(it));
        }
        self
    }

    /// Why nothing at all is left to try; `None`, if something is. That sessions open says nothing
    /// of what they may do, so they do not count where other cells were set apart.
    pub fn nothing_left(&self) -> Option<&str> {
        let is_left = |cell: &Cell| cell.untried.is_none() && cell.trial != Trial::Opening;
        match self.cells.iter().any(is_left) {
            true => None,
            false => self.cells.iter().find_map(|cell| cell.untried.as_deref()),
        }
    }
}

fn why_untried(suite: &Suite, cell: &Cell) -> Option<String> {
    let because_of_actor = |actor| of_actor(suite, actor);
    let (action, owner) = match cell.trial {
        Trial::Action { action, owner, .. } => (action, owner),
        Trial::Opening => return because_of_actor(cell.actor),
        Trial::Step { flow, .. } => return of_flow(suite, suite.flows.get(flow)?, cell.actor),
        Trial::Statement { .. } => {
            let verb = cell.trial.statement(suite)?.verb;
            let why = || format!("`{}` may change something", verb.word());
            return verb.changes().then(why);
        }
    };
    let action = suite.actions.get(action)?;
    let layer = cell.trial.layer(suite)?;
    of_layer(layer)
        .or_else(|| because_of_actor(cell.actor))
        .or_else(|| action.instance_of.and_then(|it| of_fixture(suite, it)))
        .or_else(|| owner.and_then(because_of_actor))
        .or_else(|| of_view(suite, action.resource, layer))
        .or_else(|| of_items(suite, cell, layer))
}

/// A flow is tried as a whole or not at all.
fn of_flow(suite: &Suite, flow: &Flow, actor: ActorIndex) -> Option<String> {
    let of_step = |step: &FlowStep| {
        let changes = !step.call.is_safe() || step.remove.is_some();
        let method = &step.call.method;
        let of_caller = || of_actor(suite, step.call.caller.in_flow_of(actor)?);
        match changes {
            true => Some(format!(
                "the `{method}` of its step `{}` may change something",
                step.name
            )),
            false => of_caller(),
        }
    };
    of_actor(suite, actor).or_else(|| flow.steps.iter().find_map(of_step))
}

fn of_layer(layer: &Layer) -> Option<String> {
    let method = &layer.call.method;
    match (layer.call.is_safe(), &layer.effect) {
        (false, _) => Some(format!("`{method}` may change something")),
        (true, Some(_)) => Some("the call declares an effect".to_owned()),
        (true, None) => None,
    }
}

/// Users who would have to be made, sessions that are spoilt with theirs, and systems that cannot
/// be asked who somebody is by a call that only reads.
fn of_actor(suite: &Suite, actor: ActorIndex) -> Option<String> {
    let declared = suite.actors.get(actor)?;
    let other = match declared.variant {
        Some(Variant::Forged {
            signature: Signature::Of(other),
            ..
        }) => Some(other),
        _ => None,
    };
    let of_whom = [Some(actor), declared.like, other];
    for it in of_whom
        .into_iter()
        .flatten()
        .filter_map(|it| suite.actors.get(it))
    {
        if it.throw_away.is_some() {
            return Some(format!("the user of `{}` would have to be made", it.name));
        }
    }
    let who = suite.sessions.get(declared.session?)?.who.as_ref()?;
    let method = &who.call.method;
    (!who.call.is_safe()).then(|| format!("to ask who `{}` is takes a `{method}`", declared.name))
}

fn of_fixture(suite: &Suite, resource: ResourceIndex) -> Option<String> {
    let resource = suite.resources.get(resource)?;
    match resource.origin {
        Origin::Created(_) => Some(format!("its {} would have to be made", resource.type_name)),
        Origin::Existing { .. } => None,
    }
}

fn of_view(suite: &Suite, resource: Option<ResourceIndex>, layer: &Layer) -> Option<String> {
    let view = suite
        .resources
        .get(resource?)?
        .views
        .get(layer.answer.shows?)?;
    (!view.call.is_safe()).then(|| format!("view `{}` takes a `{}`", view.name, view.call.method))
}

fn of_items(suite: &Suite, cell: &Cell, layer: &Layer) -> Option<String> {
    let of = suite.actions.get(layer.items.as_ref()?.of)?;
    let needs_items = !cell.items.is_empty();
    of.instance_of
        .filter(|_| needs_items)
        .and_then(|resource| of_fixture(suite, resource))
}
