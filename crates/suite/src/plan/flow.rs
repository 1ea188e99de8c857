//! The steps of flows as cells, and beside which others their denials count.

use std::sync::Arc;

use super::control::CONTROLS_MAX;
use super::{Cell, CellIndex, Expectation, Phase, Trial, is_allowed};
use crate::model::{ActorIndex, Call, Expected, FlowIndex, Suite};

/// Adds every step of every flow for each actor who goes through it. O(steps actors log steps).
pub(super) fn add_cells(suite: &Suite, cells: &mut Vec<Cell>) {
    let first = cells.len();
    for (flow, declared) in suite.flows.iter().enumerate() {
        for &actor in &declared.by {
            let steps = declared.steps.iter().enumerate();
            cells.extend(steps.map(|(at, step)| {
                let written = step.expected_by(actor);
                let reason = match written.expected {
                    Expected::Allow => "a flow goes through",
                    _ => "written in the flow",
                };
                Cell {
                    actor,
                    trial: Trial::Step { flow, step: at },
                    expectation: Arc::new(Expectation {
                        expected: written.expected,
                        reason: reason.to_owned(),
                        place: Some(written.place.clone()),
                        depends_on_time: false,
                    }),
                    controls: Vec::new(),
                    phase: Phase::Flow,
                    items: Vec::new(),
                    like: None,
                    untried: None,
                }
            }));
        }
    }
    for index in first..cells.len() {
        let controls = controls(suite, cells, first, index);
        if let Some(cell) = cells.get_mut(index) {
            cell.controls = controls;
        }
    }
}

/// For a step: the same step where others go through the flow and may; for a denial then the same
/// call in another step, where it reads only; and where it changes something, in another step as
/// the same actor goes through the flow, by the same caller, or by another one with no change
/// between the two. Steps begin at `first`.
fn controls(suite: &Suite, cells: &[Cell], first: CellIndex, index: CellIndex) -> Vec<CellIndex> {
    let Some(cell) = cells.get(index) else {
        return Vec::new();
    };
    let denied = matches!(cell.expectation.expected, Expected::Deny(_));
    if !denied && !is_allowed(cell) {
        return Vec::new();
    }
    let mut ranked: Vec<(u8, CellIndex)> = cells
        .iter()
        .enumerate()
        .skip(first)
        .filter(|(other, control)| *other != index && is_allowed(control))
        .filter_map(|(other, control)| Some((rank(suite, cell, control, denied)?, other)))
        .collect();
    ranked.sort_unstable();
    let best = ranked.into_iter().take(CONTROLS_MAX);
    best.map(|(_, control)| control).collect()
}

fn rank(suite: &Suite, cell: &Cell, control: &Cell, denied: bool) -> Option<u8> {
    let (flow, other) = (flow_of(cell.trial)?, flow_of(control.trial)?);
    if cell.trial == control.trial {
        return Some(0);
    }
    let is_same = || {
        is_same_call(cell.trial.call(suite), control.trial.call(suite))
            && is_of_the_same(suite, cell.trial, control.trial)
    };
    let is_own_caller = caller(suite, cell) == caller(suite, control);
    let reads = || cell.trial.call(suite).is_some_and(Call::is_safe);
    let differs_in_one =
        || is_own_caller || reads() || nothing_changes(suite, cell.trial, control.trial);
    let is_own = cell.actor == control.actor;
    let is_control = denied && flow == other && (is_own || reads());
    (is_control && is_same() && differs_in_one())
        .then_some(1 + u8::from(!is_own_caller) + 2 * u8::from(!is_own))
}

/// Whether no step changes anything from one step, which is denied, to another, which is allowed:
/// else the first may be refused for what has happened, or has not happened yet.
fn nothing_changes(suite: &Suite, denied: Trial, allowed: Trial) -> bool {
    let (Trial::Step { flow, step: a }, Trial::Step { step: b, .. }) = (denied, allowed) else {
        return false;
    };
    let steps = suite.flows.get(flow).map_or(&[][..], |flow| &flow.steps);
    // An allowed step that comes first has had its effect; one that comes second has not yet.
    let between = match a < b {
        true => steps.get(a + 1..b),
        false => steps.get(b..a),
    };
    between.is_some_and(|steps| steps.iter().all(|step| step.call.is_safe()))
}

fn flow_of(trial: Trial) -> Option<FlowIndex> {
    match trial {
        Trial::Step { flow, .. } => Some(flow),
        Trial::Opening | Trial::Action { .. } | Trial::Statement { .. } => None,
    }
}

/// Whether two calls are the same but for who makes them, and for their bodies.
fn is_same_call(a: Option<&Call>, b: Option<&Call>) -> bool {
    a.zip(b).is_some_and(|(a, b)| {
        (a.target, &a.method, &a.path.parts) == (b.target, &b.method, &b.path.parts)
    })
}

/// Whether the calls of two steps of one flow are about the same things: nothing that they use is
/// captured anew between them.
fn is_of_the_same(suite: &Suite, a: Trial, b: Trial) -> bool {
    let (Trial::Step { flow, step: a }, Trial::Step { step: b, .. }) = (a, b) else {
        return false;
    };
    let Some(flow) = suite.flows.get(flow) else {
        return false;
    };
    // A step captures after its own call.
    let between = flow.steps.get(a.min(b)..a.max(b)).unwrap_or_default();
    let pair = [a, b].map(|at| flow.steps.get(at));
    let uses = |name: &str| {
        let steps = pair.iter().flatten();
        steps.into_iter().any(|step| step.call.uses_resource(name))
    };
    let captures = between.iter().flat_map(|step| &step.captures);
    !captures.into_iter().any(|capture| uses(&capture.name))
}

/// A step as cells are named: `flow.publish/approve`.
pub fn action_name(suite: &Suite, trial: Trial) -> String {
    let flow = flow_of(trial).and_then(|flow| suite.flows.get(flow));
    match flow.zip(trial.step(suite)) {
        Some((flow, step)) => format!("flow.{}/{}", flow.name, step.name),
        None => String::new(),
    }
}

/// Who makes the call of a cell: its actor, but for steps of flows that are somebody else's.
pub fn caller(suite: &Suite, cell: &Cell) -> Option<ActorIndex> {
    match cell.trial.step(suite) {
        Some(step) => step.call.caller.in_flow_of(cell.actor),
        None => Some(cell.actor),
    }
}
