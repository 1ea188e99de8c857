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
/// call in another step, first by the same actor. Steps begin at `first`.
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
    let own = u8::from(cell.actor != control.actor);
    (denied && flow == other && is_same()).then_some(1 + own)
}

fn flow_of(trial: Trial) -> Option<FlowIndex> {
    match trial {
        Trial::Step { flow, .. } => Some(flow),
        Trial::Opening | Trial::Action { .. } => None,
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
