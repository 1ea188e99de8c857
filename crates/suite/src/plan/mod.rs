//! The plan: which cells there are, what is expected of each and why, beside which control it
//! counts, and in which order they are tried.
//!
//! A function of its inputs alone. The order is: sessions, then what reads, then what changes;
//! within each, what is allowed before what is denied, because a denial counts only beside a
//! control that has succeeded; within each, the order of the file.

mod control;
mod expectation;
mod flow;
mod leaving;
mod read_only;
mod select;
mod statement;
#[cfg(test)]
mod tests;

pub use control::DiffersIn;
pub use expectation::{Expectation, Expectations, declared_field, denial_word, expected_at};
pub use flow::{action_name as flow_step_name, caller};

pub use leaving::{makes_something, never_removed};
pub use select::Shard;
pub use statement::{Bounds, RowExpectation, RowPolicy, expected, rows_of};

use std::sync::Arc;

use authz::source::{Diagnostic, Diagnostics, Place};
use jiff::Timestamp;
use serde::Serialize;

use crate::event::ExpectedRecord;
use crate::model::{
    Action, ActionIndex, ActorIndex, Call, DENIALS, Expected, FlowIndex, FlowStep, Layer, Origin,
    Statement, Suite,
};

/// The type name of session cells: `admin/session.open`.
pub const SESSION_OPEN: &str = "session.open";

/// The part of a cell's name that says that its body is malformed.
pub const MALFORMED: &str = "body=malformed";

/// Index of a [`Cell`] in [`Plan::cells`].
pub type CellIndex = usize;

/// All cells, in the order in which they are tried.
#[derive(Debug)]
pub struct Plan {
    /// The cells.
    pub cells: Vec<Cell>,
    /// How many cells it had before it was parted among machines.
    pub cells_of_all: usize,
}

/// One actor, one action, one resource.
#[derive(Debug, Clone)]
pub struct Cell {
    /// Who tries.
    pub actor: ActorIndex,
    /// What is tried.
    pub trial: Trial,
    /// What is expected.
    pub expectation: Arc<Expectation>,
    /// The cells beside which this one counts, the best first.
    pub controls: Vec<CellIndex>,
    /// When it is tried.
    pub phase: Phase,
    /// For a listing: the owners whose items the policy decides on, and whether the actor may
    /// see them.
    pub items: Vec<(ActorIndex, bool)>,
    /// The actor whose session this one's is, but for the point in which it is spoilt.
    pub like: Option<ActorIndex>,
    /// Why it is not tried although it is planned: where nothing may be changed, it cannot be.
    pub untried: Option<Arc<str>>,
}

/// What a cell tries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Trial {
    /// Opening the actor's session.
    Opening,
    /// An action.
    Action {
        /// The action.
        action: ActionIndex,
        /// The owner of the resource, for an action on an instance.
        owner: Option<ActorIndex>,
        /// Index into the action's layers.
        layer: usize,
        /// Whether the body is the malformed one.
        malformed: bool,
    },
    /// A statement on a database.
    Statement {
        /// The action.
        action: ActionIndex,
        /// Index into the action's statements.
        statement: usize,
    },
    /// A step of a flow.
    Step {
        /// The flow.
        flow: FlowIndex,
        /// Index into the flow's steps.
        step: usize,
    },
}

/// When a cell is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Sessions are opened first.
    Opening,
    /// Then everything that only reads, on fixtures that cells share.
    Reading,
    /// Then everything that may change something, each on a fixture of its own.
    Changing,
    /// Then flows, each step after the one before.
    Flow,
}

/// A cell as `lockstep plan` shows it.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedCell {
    /// Its name.
    pub cell: String,
    /// The actor.
    pub actor: String,
    /// `type.action`.
    pub action: String,
    /// The owner of the resource.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// What else is particular: `body=malformed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub situation: Option<String>,
    /// The target.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// When it is tried.
    pub phase: Phase,
    /// What is expected and why.
    pub expected: ExpectedRecord,
    /// For a denial: the statuses by which the target declares to say so. The first is the one
    /// that the table `expect` takes for it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub statuses: Vec<u16>,
    /// The cell beside which a denial counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control: Option<String>,
    /// The one thing in which the control differs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub differs_in: Option<DiffersIn>,
    /// On what it is tried, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fixture: Option<String>,
    /// Why it is not tried, if it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub untried: Option<String>,
    /// Whether a denial needs no control: a database says by its SQLSTATE why it refuses.
    #[serde(skip)]
    pub counts_alone: bool,
}

impl Plan {
    /// The plan of a suite, as its policy stands at `now`. O(cells log cells).
    ///
    /// # Errors
    /// Places at which the policy and `expect` disagree, or that the policy does not know.
    pub fn new(suite: &Suite, now: Timestamp) -> Result<Self, Vec<Diagnostic>> {
        let mut diagnostics = Diagnostics::default();
        let expectations = Expectations::new(suite, &mut diagnostics);
        let mut cells = openings(suite);
        for action in 0..suite.actions.len() {
            add_cells(
                suite,
                &expectations,
                action,
                now,
                &mut cells,
                &mut diagnostics,
            );
            statement::add_cells(
                suite,
                &expectations,
                action,
                now,
                &mut cells,
                &mut diagnostics,
            );
        }
        // Stable: cells of one phase and kind stay in the order of the file.
        cells.sort_by_key(|cell| (cell.phase, !is_allowed(cell)));
        control::assign(suite, &mut cells, &mut diagnostics);
        flow::add_cells(suite, &mut cells);
        let cells_of_all = cells.len();
        diagnostics.into_result(Some(Self {
            cells,
            cells_of_all,
        }))
    }

    /// The name of a cell: `actor/type.action/owner[/situation=value][/layer]`.
    pub fn name(&self, suite: &Suite, cell: CellIndex) -> String {
        self.cells
            .get(cell)
            .map(|cell| name(suite, cell.actor, cell.trial))
            .unwrap_or_default()
    }

    /// Every cell as `lockstep plan` shows it.
    pub fn records<'a>(&'a self, suite: &'a Suite) -> impl Iterator<Item = PlannedCell> + 'a {
        self.cells.iter().map(|cell| record(self, suite, cell))
    }
}

/// The name of a cell.
pub fn name(suite: &Suite, actor: ActorIndex, trial: Trial) -> String {
    let actor = actor_name(suite, actor);
    let (action, owner, layer, malformed) = match trial {
        Trial::Opening => return format!("{actor}/{SESSION_OPEN}"),
        Trial::Step { .. } => return format!("{actor}/{}", flow::action_name(suite, trial)),
        Trial::Statement { .. } => return format!("{actor}/{}", name_of_statement(suite, trial)),
        Trial::Action {
            action,
            owner,
            layer,
            malformed,
        } => (action, owner, layer, malformed),
    };
    let Some(action) = suite.actions.get(action) else {
        return actor.to_owned();
    };
    let mut name = format!("{actor}/{}", action.full_name());
    if let Some(owner) = owner {
        name.push('/');
        name.push_str(actor_name(suite, owner));
    }
    if malformed {
        name.push('/');
        name.push_str(MALFORMED);
    }
    if action.has_several_layers()
        && let Some(target) = action.layers.get(layer).map(|layer| layer.call.target)
    {
        name.push('/');
        name.push_str(suite.targets.get(target).map_or("", |target| &*target.name));
    }
    name
}

/// The name of a statement's cells but for the actor: `type.action[/database]`.
fn name_of_statement(suite: &Suite, trial: Trial) -> String {
    let Some((action, statement)) = trial.action(suite).zip(trial.statement(suite)) else {
        return String::new();
    };
    let database = suite.databases.get(statement.database);
    match database.filter(|_| action.has_several_layers()) {
        Some(database) => format!("{}/{}", action.full_name(), database.name),
        None => action.full_name(),
    }
}

/// The name of an actor.
pub fn actor_name(suite: &Suite, actor: ActorIndex) -> &str {
    suite.actors.get(actor).map_or("", |actor| &*actor.name)
}

impl Trial {
    /// The same with the body as it should be.
    pub fn well_formed(self) -> Self {
        match self {
            Self::Action {
                action,
                owner,
                layer,
                ..
            } => Self::Action {
                action,
                owner,
                layer,
                malformed: false,
            },
            Self::Opening | Self::Step { .. } | Self::Statement { .. } => self,
        }
    }

    /// The call of an action's trial or of a step.
    pub fn call(self, suite: &Suite) -> Option<&Call> {
        match self {
            Self::Opening | Self::Statement { .. } => None,
            Self::Action { .. } => self.layer(suite).map(|layer| &layer.call),
            Self::Step { .. } => self.step(suite).map(|step| &step.call),
        }
    }

    /// The step of a flow.
    pub fn step(self, suite: &Suite) -> Option<&FlowStep> {
        let Self::Step { flow, step } = self else {
            return None;
        };
        suite.flows.get(flow)?.steps.get(step)
    }

    /// The action that is tried.
    pub fn action(self, suite: &Suite) -> Option<&Action> {
        match self {
            Self::Action { action, .. } | Self::Statement { action, .. } => {
                suite.actions.get(action)
            }
            Self::Opening | Self::Step { .. } => None,
        }
    }

    /// The statement of a database's trial.
    pub fn statement(self, suite: &Suite) -> Option<&Statement> {
        let Self::Statement { statement, .. } = self else {
            return None;
        };
        self.action(suite)?.statements.get(statement)
    }

    /// Whether its body is the malformed one.
    pub fn is_malformed(self) -> bool {
        self != self.well_formed()
    }

    /// The layer of an action's trial.
    pub fn layer(self, suite: &Suite) -> Option<&Layer> {
        let Self::Action { action, layer, .. } = self else {
            return None;
        };
        suite.actions.get(action)?.layers.get(layer)
    }
}

/// Whether the cell is expected to be allowed, so that it can be a control.
pub fn is_allowed(cell: &Cell) -> bool {
    cell.expectation.expected == Expected::Allow
}

/// A session whose opening can be seen has a cell of its own.
fn openings(suite: &Suite) -> Vec<Cell> {
    let expectation = Arc::new(Expectation {
        expected: Expected::Allow,
        reason: "an actor's session can be opened".to_owned(),
        place: None,
        depends_on_time: false,
    });
    suite
        .actors
        .iter()
        .enumerate()
        .filter(|(_, actor)| !actor.only_setup)
        .filter(|(_, actor)| {
            let session = actor.session.and_then(|it| suite.sessions.get(it));
            let can_be_seen = session.is_some_and(|it| !it.login.is_empty() || it.who.is_some());
            can_be_seen || actor.is_fixed()
        })
        .map(|(index, actor)| Cell {
            actor: index,
            trial: Trial::Opening,
            expectation: Arc::new(Expectation {
                place: Some(actor.place.clone()),
                ..(*expectation).clone()
            }),
            controls: Vec::new(),
            phase: Phase::Opening,
            items: Vec::new(),
            like: actor.like,
            untried: None,
        })
        .collect()
}

fn add_cells(
    suite: &Suite,
    expectations: &Expectations<'_>,
    index: ActionIndex,
    now: Timestamp,
    cells: &mut Vec<Cell>,
    diagnostics: &mut Diagnostics,
) {
    let Some(action) = suite.actions.get(index) else {
        return;
    };
    for owner in owners(suite, index) {
        for actor in probing_actors(suite) {
            let Some(expectation) = expectations.of(actor, index, owner, now, diagnostics) else {
                continue;
            };
            let malformed = expectation.with_malformed_body().map(Arc::new);
            let expectation = Arc::new(expectation);
            for (at, layer) in action.layers.iter().enumerate() {
                let cell = Cell {
                    actor,
                    trial: Trial::Action {
                        action: index,
                        owner,
                        layer: at,
                        malformed: false,
                    },
                    expectation: Arc::clone(&expectation),
                    controls: Vec::new(),
                    phase: if layer.changes() {
                        Phase::Changing
                    } else {
                        Phase::Reading
                    },
                    items: items(suite, expectations, actor, layer, now, diagnostics),
                    like: suite.actors.get(actor).and_then(|actor| actor.like),
                    untried: None,
                };
                let malformed = malformed.as_ref().filter(|_| layer.malformed.is_some());
                let malformed = malformed.map(|expectation| Cell {
                    trial: Trial::Action {
                        action: index,
                        owner,
                        layer: at,
                        malformed: true,
                    },
                    expectation: Arc::clone(expectation),
                    items: Vec::new(),
                    ..cell.clone()
                });
                cells.push(cell);
                cells.extend(malformed);
            }
        }
    }
}

/// Whose items a listing must show, and whose it must not.
fn items(
    suite: &Suite,
    expectations: &Expectations<'_>,
    actor: ActorIndex,
    layer: &Layer,
    now: Timestamp,
    diagnostics: &mut Diagnostics,
) -> Vec<(ActorIndex, bool)> {
    let Some(items) = &layer.items else {
        return Vec::new();
    };
    owners(suite, items.of)
        .into_iter()
        .flatten()
        .filter_map(|owner| {
            let expectation = expectations.of(actor, items.of, Some(owner), now, diagnostics)?;
            match expectation.expected {
                // By the time it is listed, it may be otherwise.
                _ if expectation.depends_on_time => None,
                Expected::Allow => Some((owner, true)),
                Expected::Deny(_) => Some((owner, false)),
                Expected::Absent | Expected::Reject | Expected::Observe => None,
            }
        })
        .collect()
}

/// The owners on whose resources an action is tried; one `None` for an action on a collection.
fn owners(suite: &Suite, action: ActionIndex) -> Vec<Option<ActorIndex>> {
    suite
        .actions
        .get(action)
        .and_then(|action| action.instance_of)
        .and_then(|resource| suite.resources.get(resource))
        .map_or_else(
            || vec![None],
            |resource| resource.owners.iter().copied().map(Some).collect(),
        )
}

/// The actors that are probes.
pub fn probing_actors(suite: &Suite) -> impl Iterator<Item = ActorIndex> {
    suite
        .actors
        .iter()
        .enumerate()
        .filter(|(_, actor)| !actor.only_setup)
        .map(|(index, _)| index)
}

fn record(plan: &Plan, suite: &Suite, cell: &Cell) -> PlannedCell {
    let (action, owner) = match cell.trial {
        Trial::Opening => (SESSION_OPEN.to_owned(), None),
        Trial::Step { .. } => (flow::action_name(suite, cell.trial), None),
        Trial::Action { owner, .. } => (action_name(suite, cell), owner),
        Trial::Statement { .. } => (action_name(suite, cell), None),
    };
    let control = (!is_allowed(cell))
        .then(|| cell.controls.first().copied())
        .flatten();
    PlannedCell {
        cell: name(suite, cell.actor, cell.trial),
        actor: actor_name(suite, cell.actor).to_owned(),
        action,
        owner: owner.map(|owner| actor_name(suite, owner).to_owned()),
        situation: situation(cell.trial),
        target: target_name(suite, cell),
        phase: cell.phase,
        expected: expected(suite, cell),
        statuses: statuses(suite, cell),
        control: control.map(|control| plan.name(suite, control)),
        differs_in: control
            .and_then(|control| plan.cells.get(control))
            .map(|control| DiffersIn::of(cell, control)),
        fixture: fixture(suite, cell),
        untried: cell.untried.as_deref().map(str::to_owned),
        counts_alone: matches!(cell.trial, Trial::Statement { .. }),
    }
}

fn action_name(suite: &Suite, cell: &Cell) -> String {
    let action = cell.trial.action(suite);
    action.map(Action::full_name).unwrap_or_default()
}

/// What is particular of a trial beside its action and its resource: `body=malformed`.
pub fn situation(trial: Trial) -> Option<String> {
    trial.is_malformed().then(|| MALFORMED.to_owned())
}

fn target_name(suite: &Suite, cell: &Cell) -> Option<String> {
    if let Some(statement) = cell.trial.statement(suite) {
        let database = suite.databases.get(statement.database)?;
        return Some(database.name.to_string());
    }
    let target = cell.trial.call(suite)?.target;
    suite
        .targets
        .get(target)
        .map(|target| target.name.to_string())
}

/// The statuses by which the target of a cell declares the denial that is expected: first those
/// that mean nothing else there, each once.
fn statuses(suite: &Suite, cell: &Cell) -> Vec<u16> {
    let Expected::Deny(denial) = cell.expectation.expected else {
        return Vec::new();
    };
    let layer = cell.trial.layer(suite);
    let Some(target) = layer.and_then(|layer| suite.targets.get(layer.call.target)) else {
        return Vec::new();
    };
    let denies = &target.denies;
    let means_more = |status: u16| {
        let mut others = DENIALS.into_iter().filter(|other| *other != denial);
        others.any(|other| denies.forms(other).iter().any(|form| form.status == status))
    };
    let declared = denies.forms(denial).iter().map(|form| form.status);
    let mut statuses: Vec<u16> = Vec::new();
    for status in declared {
        if !statuses.contains(&status) {
            statuses.push(status);
        }
    }
    statuses.sort_by_key(|status| means_more(*status));
    statuses
}

/// On what a cell is tried, in words.
fn fixture(suite: &Suite, cell: &Cell) -> Option<String> {
    if let Some(statement) = cell.trial.statement(suite) {
        let object = &statement.object.name;
        return rows_of(suite, statement).map(|_| format!("every row of {object}, rolled back"));
    }
    let Trial::Action {
        action,
        owner: Some(owner),
        ..
    } = cell.trial
    else {
        return None;
    };
    let resource = suite
        .resources
        .get(suite.actions.get(action)?.instance_of?)?;
    let owner = actor_name(suite, owner);
    let type_name = &resource.type_name;
    Some(match (&resource.origin, cell.phase) {
        (Origin::Existing { .. }, _) => format!("the {type_name} of {owner} that is there"),
        (Origin::Created(_), Phase::Changing) => {
            format!("a {type_name} of {owner} for this cell alone")
        }
        (Origin::Created(_), _) => format!("a {type_name} of {owner}, shared by reading cells"),
    })
}

/// Where the action or actor of a cell is declared.
pub fn place<'a>(suite: &'a Suite, cell: &Cell) -> Option<&'a Place> {
    match cell.trial {
        Trial::Opening => suite.actors.get(cell.actor).map(|actor| &actor.place),
        Trial::Step { .. } => cell.trial.step(suite).map(|step| &step.place),
        Trial::Action { action, .. } => suite.actions.get(action).map(|action| &action.place),
        Trial::Statement { .. } => cell.trial.statement(suite).map(|it| &it.place),
    }
}
