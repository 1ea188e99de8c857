//! Beside which cell a denial counts.

use std::collections::BTreeMap;

use authz::source::{Diagnostic, Diagnostics};
use serde::Serialize;

use super::{Cell, CellIndex, Phase, Trial, is_allowed, name};
use crate::model::{ActionIndex, ActorIndex, Expected, Origin, Suite, TargetIndex};

/// The most controls that one cell keeps: if they all fail, the target is in no state to be
/// judged.
pub(super) const CONTROLS_MAX: usize = 4;

/// The one thing in which a control differs from its cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DiffersIn {
    /// Who calls.
    Actor,
    /// To whom the resource belongs.
    Owner,
    /// The token: it is the same user's, and not spoilt.
    Token,
    /// The time: it is the cell itself, tried before its token was expired or its user gone.
    Time,
    /// The step of the flow: it is the same call, made before or after.
    Step,
    /// The body: it is not malformed.
    Body,
    /// Who calls, with a body that is not malformed.
    ActorAndBody,
    /// More than one thing: a control that the suite names, or that of something absent.
    Named,
}

impl DiffersIn {
    /// In what `control` differs from `cell`.
    pub fn of(cell: &Cell, control: &Cell) -> Self {
        if cell.trial == control.trial {
            return match control.actor {
                actor if actor == cell.actor => Self::Time,
                actor if Some(actor) == cell.like => Self::Token,
                _ => Self::Actor,
            };
        }
        if cell.trial.well_formed() == control.trial {
            return match cell.actor == control.actor {
                true => Self::Body,
                false => Self::ActorAndBody,
            };
        }
        match (cell.trial, control.trial) {
            (
                Trial::Action {
                    action,
                    layer,
                    malformed: false,
                    ..
                },
                Trial::Action {
                    action: other,
                    layer: other_layer,
                    ..
                },
            ) if (action, layer, cell.actor) == (other, other_layer, control.actor) => Self::Owner,
            (Trial::Step { flow, .. }, Trial::Step { flow: other, .. })
                if (flow, cell.actor) == (other, control.actor) =>
            {
                Self::Step
            }
            _ => Self::Named,
        }
    }

    /// The word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Actor => "the actor",
            Self::Owner => "the owner",
            Self::Token => "the token",
            Self::Time => "the time: it was made before",
            Self::Step => "the step of the flow",
            Self::Body => "the body",
            Self::ActorAndBody => "the actor and the body",
            Self::Named => "more than one thing",
        }
    }
}

type Key = (ActionIndex, usize);

/// An allowed cell: when it is tried, by whom, and which it is.
type Candidate = (Phase, ActorIndex, CellIndex);

/// Gives every cell its controls.
///
/// For a malformed body of somebody who may: the same actor's call as it should be. For a
/// denial: whoever may do the same on the same resource, first the actor whose session was
/// spoilt, then the owner, then those of the same tenant and with the same kind of session. Only where nobody may, and
/// the run itself makes the resource so that it is known to be there: the same actor on another
/// resource. For an allowed cell: other allowed cells of the same action. For something absent:
/// what the actor, or else anybody, may do on the same target.
pub(super) fn assign(suite: &Suite, cells: &mut [Cell], diagnostics: &mut Diagnostics) {
    let allowed = Allowed::of(suite, cells);
    let named = Named::of(suite, cells, diagnostics);
    for index in 0..cells.len() {
        let Some(cell) = cells.get(index) else {
            continue;
        };
        let controls = match (cell.trial, cell.expectation.expected) {
            (Trial::Action { .. }, Expected::Allow) => allowed.others(index, cell),
            (Trial::Action { .. }, Expected::Deny(_)) => {
                let mut controls = named.of_cell(cell);
                controls.extend(allowed.candidates(suite, cells, cell));
                controls
            }
            (Trial::Action { .. }, Expected::Absent) => allowed.on_target(suite, cell),
            (Trial::Action { .. }, Expected::Reject) => allowed.well_formed(cells, cell),
            _ => Vec::new(),
        };
        if let Some(cell) = cells.get_mut(index) {
            cell.controls = controls;
            cell.controls.truncate(CONTROLS_MAX);
        }
    }
}

/// The allowed cells: of each action and layer, and of each trial.
struct Allowed {
    by_action: BTreeMap<Key, Vec<CellIndex>>,
    by_trial: BTreeMap<Trial, Vec<CellIndex>>,
    by_actor: BTreeMap<(Key, ActorIndex), Vec<CellIndex>>,
    by_target: BTreeMap<TargetIndex, Vec<Candidate>>,
}

impl Allowed {
    fn of(suite: &Suite, cells: &[Cell]) -> Self {
        let mut by_target: BTreeMap<TargetIndex, Vec<Candidate>> = BTreeMap::new();
        let mut by_action: BTreeMap<Key, Vec<CellIndex>> = BTreeMap::new();
        let mut by_trial: BTreeMap<Trial, Vec<CellIndex>> = BTreeMap::new();
        let mut by_actor: BTreeMap<(Key, ActorIndex), Vec<CellIndex>> = BTreeMap::new();
        for (index, cell) in cells.iter().enumerate() {
            if let Some(key) = key(cell.trial)
                && is_allowed(cell)
            {
                by_action.entry(key).or_default().push(index);
                by_trial.entry(cell.trial).or_default().push(index);
                by_actor.entry((key, cell.actor)).or_default().push(index);
                if let Some(layer) = cell.trial.layer(suite) {
                    let target = by_target.entry(layer.call.target).or_default();
                    target.push((cell.phase, cell.actor, index));
                }
            }
        }
        Self {
            by_action,
            by_trial,
            by_actor,
            by_target,
        }
    }

    fn on_target(&self, suite: &Suite, cell: &Cell) -> Vec<CellIndex> {
        let target = cell.trial.layer(suite).map(|layer| layer.call.target);
        let all = target.and_then(|target| self.by_target.get(&target));
        let own = |&(_, actor, _): &Candidate| actor == cell.actor;
        let all = || {
            let all = all.into_iter().flatten().copied();
            all.filter(|&(phase, _, _)| phase <= cell.phase)
        };
        all()
            .filter(own)
            .chain(all().filter(|pair| !own(pair)))
            .map(|(_, _, index)| index)
            .take(CONTROLS_MAX)
            .collect()
    }

    fn others(&self, index: CellIndex, cell: &Cell) -> Vec<CellIndex> {
        key(cell.trial)
            .and_then(|key| self.by_action.get(&key))
            .into_iter()
            .flatten()
            .copied()
            .filter(|&other| other != index)
            .take(CONTROLS_MAX)
            .collect()
    }

    /// The same by the same actor, with the body as it should be.
    fn well_formed(&self, cells: &[Cell], cell: &Cell) -> Vec<CellIndex> {
        let same = self.by_trial.get(&cell.trial.well_formed());
        let own = |index: &CellIndex| cells.get(*index).is_some_and(|it| it.actor == cell.actor);
        same.into_iter().flatten().copied().filter(own).collect()
    }

    fn candidates(&self, suite: &Suite, cells: &[Cell], cell: &Cell) -> Vec<CellIndex> {
        let same_trial = self.by_trial.get(&cell.trial.well_formed());
        let mut same_trial = same_trial.cloned().unwrap_or_default();
        // Stable: equally good ones stay in the order of the file.
        same_trial.sort_by_key(|&control| rank(suite, cell, cells.get(control)));
        same_trial.truncate(CONTROLS_MAX);
        if !same_trial.is_empty() || !is_made_by_the_run(suite, cell) {
            return same_trial;
        }
        let same_actor = key(cell.trial)
            .and_then(|key| self.by_actor.get(&(key, cell.actor)))
            .into_iter()
            .flatten();
        same_actor.copied().take(CONTROLS_MAX).collect()
    }
}

/// Whether the resource of a cell is one that the run makes.
fn is_made_by_the_run(suite: &Suite, cell: &Cell) -> bool {
    let Trial::Action { action, .. } = cell.trial else {
        return false;
    };
    let resource = suite
        .actions
        .get(action)
        .and_then(|action| suite.resources.get(action.instance_of?));
    resource.is_some_and(|resource| matches!(resource.origin, Origin::Created(_)))
}

fn key(trial: Trial) -> Option<Key> {
    match trial {
        Trial::Action { action, layer, .. } => Some((action, layer)),
        Trial::Opening | Trial::Step { .. } | Trial::Statement { .. } => None,
    }
}

/// How good a control is; less is better.
fn rank(suite: &Suite, cell: &Cell, control: Option<&Cell>) -> u8 {
    let Some(control) = control else {
        return u8::MAX;
    };
    let actor = |actor: ActorIndex| suite.actors.get(actor);
    let session = |index: ActorIndex| actor(index).and_then(|actor| actor.session);
    let tenant = |index: ActorIndex| actor(index).and_then(|actor| actor.tenant.as_ref());
    match cell.trial {
        _ if cell.like == Some(control.actor) => 0,
        Trial::Action {
            owner: Some(owner), ..
        } if owner == control.actor => 1,
        _ => {
            let elsewhere = u8::from(tenant(cell.actor) != tenant(control.actor));
            let otherwise = u8::from(session(cell.actor) != session(control.actor));
            2 + 2 * elsewhere + otherwise
        }
    }
}

/// The controls that the suite names.
struct Named(BTreeMap<ActionIndex, CellIndex>);

impl Named {
    fn of(suite: &Suite, cells: &[Cell], diagnostics: &mut Diagnostics) -> Self {
        let wanted: Vec<_> = suite
            .actions
            .iter()
            .enumerate()
            .filter_map(|(index, action)| Some((index, action.control.as_ref()?)))
            .collect();
        if wanted.is_empty() {
            return Self(BTreeMap::new());
        }
        let names: BTreeMap<String, CellIndex> = cells
            .iter()
            .enumerate()
            .map(|(index, cell)| (name(suite, cell.actor, cell.trial), index))
            .collect();
        let mut found = BTreeMap::new();
        for (action, (control, place)) in wanted {
            match names.get(control.as_str()).copied() {
                Some(index) if comes_too_late(suite, action, cells.get(index)) => diagnostics.push(
                    Diagnostic::new(
                        place.clone(),
                        format!("control `{control}` changes something, and so is tried too late"),
                    )
                    .help("what only reads is tried first: name a control that only reads"),
                ),
                Some(index) if cells.get(index).is_some_and(is_allowed) => {
                    found.insert(action, index);
                }
                Some(_) => diagnostics.push(
                    Diagnostic::new(place.clone(), format!("control `{control}` is not allowed"))
                        .help("a control is a cell that succeeds"),
                ),
                None => diagnostics.push(
                    Diagnostic::new(place.clone(), format!("there is no cell `{control}`"))
                        .nearest(control, names.keys().map(String::as_str)),
                ),
            }
        }
        Self(found)
    }

    fn of_cell(&self, cell: &Cell) -> Vec<CellIndex> {
        let Trial::Action { action, .. } = cell.trial else {
            return Vec::new();
        };
        self.0.get(&action).copied().into_iter().collect()
    }
}

/// Whether a control would be tried after a cell of the action that counts beside it.
fn comes_too_late(suite: &Suite, action: ActionIndex, control: Option<&Cell>) -> bool {
    let layers = suite.actions.get(action).map(|action| &action.layers);
    let only_reads = layers.is_some_and(|layers| layers.iter().any(|layer| !layer.changes()));
    only_reads && control.is_some_and(|control| control.phase == Phase::Changing)
}
