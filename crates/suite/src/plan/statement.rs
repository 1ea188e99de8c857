//! Cells of statements on databases, and what the policy says of the rows that are there.
//!
//! Which rows there are is known only while a run goes on, so the policy is asked of them then.

use std::sync::Arc;

use authz::source::{Diagnostic, Diagnostics};
use authz::{ActionKind, Denial, Filter, Inquiry, Policy, Request, Subject, no_context};
use jiff::Timestamp;
use serde_json::{Map, Value};

use super::expectation::{Expectation, Expectations, subject};
use super::{Cell, Phase, Trial, probing_actors};
use crate::event::ExpectedRecord;
use crate::model::{Action, ActionIndex, Actor, ActorIndex, Expected, Rows, Statement, Suite};

/// Adds the cells of an action's statements: one for each actor who has a session of its own.
pub(super) fn add_cells(
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
    for statement in &action.statements {
        if let Some(mistake) = without_rows(suite, action, statement, now) {
            diagnostics.push(mistake);
        }
    }
    let is_itself = |actor: &ActorIndex| suite.actors.get(*actor).is_some_and(|it| !it.is_fixed());
    for actor in probing_actors(suite).filter(is_itself) {
        for (at, statement) in action.statements.iter().enumerate() {
            let expectation = match rows_of(suite, statement) {
                Some(rows) => of_rows(suite, actor, action, rows, now),
                None => expectations.of(actor, index, None, now, diagnostics),
            };
            let Some(expectation) = expectation else {
                continue;
            };
            cells.push(Cell {
                actor,
                trial: Trial::Statement {
                    action: index,
                    statement: at,
                },
                expectation: Arc::new(expectation),
                controls: Vec::new(),
                phase: match statement.verb.changes() {
                    true => Phase::Changing,
                    false => Phase::Reading,
                },
                items: Vec::new(),
                like: None,
                untried: None,
            });
        }
    }
}

/// A statement that the policy decides on row by row, and whose rows nobody declares: any row
/// that it reaches would do.
fn without_rows(
    suite: &Suite,
    action: &Action,
    statement: &Statement,
    now: Timestamp,
) -> Option<Diagnostic> {
    let policy = suite.policy.as_ref()?;
    let kind = policy.action_kind(&action.type_name, &action.permission);
    let whole = !statement.verb.is_of_rows() || rows_of(suite, statement).is_some();
    if whole || kind != Some(ActionKind::Instance) {
        return None;
    }
    let depends = |(actor, _): (ActorIndex, &Actor)| {
        let actor = suite.actors.get(actor)?;
        let subject = subject(suite, policy, actor, &mut Diagnostics::default())?;
        let bounds = bounds(suite, policy, &subject, action, now);
        (bounds == Bounds::Some).then_some(&actor.name)
    };
    let actor = suite.actors.iter().enumerate().find_map(depends)?;
    let name = &statement.object.name;
    let message = format!("which rows of `{name}` `{actor}` may reach is decided row by row");
    let help = format!(
        "say with `rows`, at the target, what they are to the policy: `{name}: {{ type: {}, key: ... }}`",
        action.type_name
    );
    let label = "any one row would count as done";
    let mistake = Diagnostic::new(statement.place.clone(), message);
    Some(mistake.label(label).help(help))
}

/// What the rows of a statement are to the policy, if it decides on each of them.
pub fn rows_of<'a>(suite: &'a Suite, statement: &Statement) -> Option<&'a Rows> {
    statement.rows_of(suite.databases.get(statement.database)?)
}

/// What is expected of a cell as reports show it: where the policy decides on each row, that.
pub fn expected(suite: &Suite, cell: &Cell) -> ExpectedRecord {
    let record = cell.expectation.record();
    let statement = cell.trial.statement(suite);
    match statement.and_then(|it| rows_of(suite, it)) {
        Some(_) => ExpectedRecord {
            what: "rows".to_owned(),
            denial: None,
            ..record
        },
        None => record,
    }
}

/// What is expected of a statement as a whole: that an actor who may reach some row can do so.
fn of_rows(
    suite: &Suite,
    actor: ActorIndex,
    action: &Action,
    rows: &Rows,
    now: Timestamp,
) -> Option<Expectation> {
    let policy = RowPolicy::new(suite, actor, action, rows, now)?;
    let none = policy.bounds() == Bounds::None;
    let type_name = &rows.type_name;
    Some(Expectation {
        expected: match none {
            true => Expected::Deny(Denial::Forbidden),
            false => Expected::Allow,
        },
        reason: match none {
            true => format!("the policy permits it on no {type_name}"),
            false => format!("the policy decides on each {type_name}"),
        },
        place: Some(rows.place.clone()),
        depends_on_time: false,
    })
}

/// On which resources of a type the policy permits an action, whatever rows there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bounds {
    /// On every one.
    All,
    /// On none.
    None,
    /// That depends on the resource.
    Some,
}

fn bounds(
    suite: &Suite,
    policy: &Policy,
    subject: &Subject,
    action: &Action,
    now: Timestamp,
) -> Bounds {
    let residual = policy.residual(Inquiry {
        subject,
        action: &action.permission,
        type_name: &action.type_name,
        now,
        facts: &suite.facts,
        context: no_context(),
    });
    match residual.as_ref().map(authz::Residual::filter) {
        Some(Filter::Always) => Bounds::All,
        Some(Filter::Never) => Bounds::None,
        _ => Bounds::Some,
    }
}

/// The policy, asked about rows for one actor and one action.
#[derive(Debug)]
pub struct RowPolicy<'a> {
    suite: &'a Suite,
    policy: &'a Policy,
    subject: Subject,
    action: &'a Action,
    rows: &'a Rows,
    now: Timestamp,
}

/// What the policy says of one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowExpectation {
    /// Whether it permits; `None` where it cannot decide.
    pub permitted: Option<bool>,
    /// Why.
    pub reason: String,
}

impl<'a> RowPolicy<'a> {
    /// The policy of a suite; `None` where it has none, or where it does not know the actor.
    pub fn new(
        suite: &'a Suite,
        actor: ActorIndex,
        action: &'a Action,
        rows: &'a Rows,
        now: Timestamp,
    ) -> Option<Self> {
        let policy = suite.policy.as_ref()?;
        let actor = suite.actors.get(actor)?;
        // That the policy does not take an actor has been told where the suite was read.
        let subject = subject(suite, policy, actor, &mut Diagnostics::default())?;
        Some(Self {
            suite,
            policy,
            subject,
            action,
            rows,
            now,
        })
    }

    /// What can be said before any row is known. O(rules).
    pub fn bounds(&self) -> Bounds {
        bounds(
            self.suite,
            self.policy,
            &self.subject,
            self.action,
            self.now,
        )
    }

    /// What the policy says of a row: its columns by name, as `to_jsonb` writes them. O(rules).
    pub fn of(&self, row: &Map<String, Value>) -> RowExpectation {
        let unknown = |reason: String| RowExpectation {
            permitted: None,
            reason,
        };
        let type_name = &self.rows.type_name;
        let attributes = match self.attributes(row) {
            Ok(attributes) => attributes,
            Err(why) => return unknown(why),
        };
        let id = row.get(&self.rows.key).map(crate::template::plain);
        let resource = match self.policy.resource(type_name, id.as_deref(), &attributes) {
            Ok(resource) => resource,
            Err(why) => return unknown(why),
        };
        let decision = self.policy.decide(&Request {
            subject: &self.subject,
            action: &self.action.permission,
            resource: &resource,
            now: self.now,
            facts: &self.suite.facts,
            context: no_context(),
        });
        RowExpectation {
            permitted: match decision.outcome {
                authz::Outcome::Permit => Some(true),
                authz::Outcome::Deny(_) => Some(false),
                authz::Outcome::Indeterminate => None,
            },
            reason: decision.reason.text,
        }
    }

    fn attributes(&self, row: &Map<String, Value>) -> Result<Map<String, Value>, String> {
        let mut attributes = Map::new();
        for (name, column) in &self.rows.attributes {
            let value = row.get(column);
            let value = value.ok_or_else(|| format!("there is no column `{column}`"))?;
            if !value.is_null() {
                let value = self
                    .policy
                    .value_of_column(&self.rows.type_name, name, value);
                attributes.insert(name.clone(), value);
            }
        }
        Ok(attributes)
    }
}
