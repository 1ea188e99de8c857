//! What is expected of a cell, and who says so.
//!
//! The policy, the table of `expect`, or both: then they must agree.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use authz::source::{Diagnostic, Diagnostics, Place};
use authz::{
    Credential, Decision, Denial, Outcome, Policy, Request, Subject, SubjectFacts, no_context,
};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::event::ExpectedRecord;
use crate::facts::{Declared, fixture_name};
use crate::model::{
    Action, ActionIndex, Actor, ActorIndex, ExpectCell, Expected, Resource, ResourceIndex, Suite,
};

/// What is expected of a cell, and why.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// What is expected.
    pub expected: Expected,
    /// The role, rule, default or line of `expect` that says so.
    pub reason: String,
    /// Where that stands.
    pub place: Option<Place>,
    /// Whether the policy looked at the clock, so that the answer may be another one when the
    /// cell is tried.
    pub depends_on_time: bool,
}

impl Expectation {
    /// What is expected of the same call with a malformed body; `None` where nothing is.
    pub fn with_malformed_body(&self) -> Option<Self> {
        let expected = self.expected.with_malformed_body()?;
        let reason = match expected {
            Expected::Reject => format!("{}, but not with a malformed body", self.reason),
            _ => self.reason.clone(),
        };
        Some(Self {
            expected,
            reason,
            ..self.clone()
        })
    }

    /// The expectation as reports show it.
    pub fn record(&self) -> ExpectedRecord {
        let (what, denial) = match self.expected {
            Expected::Allow => ("allow", None),
            Expected::Deny(denial) => ("deny", Some(denial_word(denial).to_owned())),
            Expected::Absent => ("absent", None),
            Expected::Reject => ("reject", None),
            Expected::Observe => ("?", None),
        };
        ExpectedRecord {
            what: what.to_owned(),
            denial,
            reason: self.reason.clone(),
            place: self.place.clone(),
        }
    }
}

/// `unauthenticated`, `forbidden` or `concealed`.
pub fn denial_word(denial: Denial) -> &'static str {
    match denial {
        Denial::Unauthenticated => "unauthenticated",
        Denial::Forbidden => "forbidden",
        Denial::Concealed => "concealed",
    }
}

/// Everything that says what is expected in a suite.
#[derive(Debug)]
pub struct Expectations<'a> {
    suite: &'a Suite,
    subjects: Vec<Option<Subject>>,
    resources: RefCell<BTreeMap<Fixture, Option<authz::Resource>>>,
    table: BTreeMap<(ActorIndex, ActionIndex, Option<ActorIndex>), ExpectCell>,
    /// Actions whose permission the policy does not know; told once each.
    unknown: RefCell<BTreeSet<ActionIndex>>,
}

/// A resource to the policy: a fixture of an owner, or (with `collection`) what an actor would
/// add to the collection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Fixture {
    type_name: String,
    owner: Option<ActorIndex>,
    collection: bool,
}

impl Fixture {
    /// Whoever acts on a collection would own what they add to it.
    fn of(action: &Action, actor: ActorIndex, owner: Option<ActorIndex>) -> Self {
        Self {
            type_name: action.type_name.to_string(),
            owner: owner.or(Some(actor)),
            collection: owner.is_none(),
        }
    }
}

impl<'a> Expectations<'a> {
    /// The expectations of a suite. Facts about actors that the policy cannot take are mistakes.
    pub fn new(suite: &'a Suite, diagnostics: &mut Diagnostics) -> Self {
        let subjects = suite
            .actors
            .iter()
            .map(|actor| subject(suite, suite.policy.as_ref()?, actor, diagnostics))
            .collect();
        Self {
            suite,
            subjects,
            resources: RefCell::default(),
            table: table(suite),
            unknown: RefCell::default(),
        }
    }

    /// What is expected of a cell at a time; `None` where nobody says anything, so that there is
    /// no cell. Disagreement between policy and table is a mistake.
    pub fn of(
        &self,
        actor: ActorIndex,
        action_index: ActionIndex,
        owner: Option<ActorIndex>,
        now: Timestamp,
        diagnostics: &mut Diagnostics,
    ) -> Option<Expectation> {
        let action = self.suite.actions.get(action_index)?;
        let written = self.table.get(&(actor, action_index, owner));
        let who = self.suite.actors.get(actor)?;
        if action.absent {
            // A spoilt session finds nothing that its own, or a visitor, would not find.
            return (!who.is_fixed() || written.is_some()).then(|| absent(action));
        }
        if who.is_fixed() {
            let expected = || self.of_fixed(actor, action_index, owner, now, diagnostics);
            return written.map(from_table).or_else(expected);
        }
        let Some(policy) = &self.suite.policy else {
            return written.map(from_table);
        };
        let decided = self.decide(policy, actor, action_index, owner, now, diagnostics);
        match (decided, written) {
            (Some(decided), Some(written)) => {
                self.compare(&decided, written, diagnostics);
                Some(decided)
            }
            (decided, written) => decided.or_else(|| written.map(from_table)),
        }
    }

    /// What is expected of a spoilt session where the table says nothing: it is none, so that
    /// the policy is asked about a visitor. Where everybody may, targets differ in whether they
    /// take a bad token for none, and nothing is expected.
    fn of_fixed(
        &self,
        actor: ActorIndex,
        action_index: ActionIndex,
        owner: Option<ActorIndex>,
        now: Timestamp,
        diagnostics: &mut Diagnostics,
    ) -> Option<Expectation> {
        let policy = self.suite.policy.as_ref()?;
        let decided = self.decide(policy, actor, action_index, owner, now, diagnostics)?;
        let who = self.suite.actors.get(actor)?;
        if who.is_shut_out() {
            return (decided.expected != Expected::Allow).then(|| Expectation {
                reason: format!("the token of `{}` must not work", who.name),
                place: Some(who.place.clone()),
                ..decided
            });
        }
        let layers = &self.suite.actions.get(action_index)?.layers;
        let needs_csrf = layers.iter().all(|layer| !layer.call.is_safe());
        (needs_csrf && decided.expected == Expected::Allow).then(|| Expectation {
            expected: Expected::Deny(Denial::Forbidden),
            reason: format!("`{}` sends no CSRF token", who.name),
            place: Some(who.place.clone()),
            ..decided
        })
    }

    fn decide(
        &self,
        policy: &Policy,
        actor: ActorIndex,
        action_index: ActionIndex,
        owner: Option<ActorIndex>,
        now: Timestamp,
        diagnostics: &mut Diagnostics,
    ) -> Option<Expectation> {
        let action = self.suite.actions.get(action_index)?;
        if !self.is_known(policy, action_index, action, diagnostics) {
            return None;
        }
        let fixture = Fixture::of(action, actor, owner);
        let mut resources = self.resources.borrow_mut();
        let resource = resources
            .entry(fixture)
            .or_insert_with_key(|fixture| {
                resource(policy, self.suite, action.resource, fixture, diagnostics)
            })
            .as_ref()?;
        let request = Request {
            subject: self.subjects.get(actor)?.as_ref()?,
            action: &action.permission,
            resource,
            now,
            facts: &self.suite.facts,
            context: no_context(),
        };
        Some(from_decision(policy.decide(&request)))
    }

    fn is_known(
        &self,
        policy: &Policy,
        index: ActionIndex,
        action: &Action,
        diagnostics: &mut Diagnostics,
    ) -> bool {
        let known = policy
            .action_kind(&action.type_name, &action.permission)
            .is_some();
        if !known && self.unknown.borrow_mut().insert(index) {
            let message = format!(
                "the policy knows no action `{}` of `{}`",
                action.permission, action.type_name
            );
            diagnostics.push(Diagnostic::new(action.place.clone(), message));
        }
        known
    }

    /// A place of the table that depends on the time cannot be compared once and for all.
    fn compare(&self, decided: &Expectation, written: &ExpectCell, diagnostics: &mut Diagnostics) {
        let agree = decided.expected == written.expected
            || written
                .or
                .iter()
                .any(|&kind| decided.expected == Expected::Deny(kind))
            || decided.depends_on_time
            || written.expected == Expected::Observe;
        if agree {
            return;
        }
        let policy = match &decided.place {
            Some(place) => format!("{} ({place})", decided.reason),
            None => decided.reason.clone(),
        };
        diagnostics.push(
            Diagnostic::new(
                written.place.clone(),
                format!(
                    "the table expects {}, the policy {}",
                    words(written.expected),
                    words(decided.expected)
                ),
            )
            .label("one of the two is wrong")
            .help(format!("the policy says: {policy}")),
        );
    }
}

fn words(expected: Expected) -> String {
    match expected {
        Expected::Allow => "`allow`".to_owned(),
        Expected::Deny(denial) => format!("a denial ({})", denial_word(denial)),
        Expected::Absent => "`absent`".to_owned(),
        Expected::Reject => "a refusal of bad input".to_owned(),
        Expected::Observe => "nothing".to_owned(),
    }
}

fn absent(action: &Action) -> Expectation {
    Expectation {
        expected: Expected::Absent,
        reason: "declared `expect: absent`".to_owned(),
        place: Some(action.place.clone()),
        depends_on_time: false,
    }
}

fn from_table(cell: &ExpectCell) -> Expectation {
    Expectation {
        expected: cell.expected,
        reason: "written in `expect`".to_owned(),
        place: Some(cell.place.clone()),
        depends_on_time: false,
    }
}

fn from_decision(decision: Decision) -> Expectation {
    let (expected, reason) = match decision.outcome {
        Outcome::Permit => (Expected::Allow, decision.reason.text),
        Outcome::Deny(denial) => (Expected::Deny(denial), decision.reason.text),
        Outcome::Indeterminate => (
            Expected::Observe,
            format!("the policy cannot decide: {}", decision.reason.text),
        ),
    };
    Expectation {
        expected,
        reason,
        place: decision.reason.place,
        depends_on_time: decision.depends_on_time,
    }
}

fn table(suite: &Suite) -> BTreeMap<(ActorIndex, ActionIndex, Option<ActorIndex>), ExpectCell> {
    let Some(table) = &suite.expect else {
        return BTreeMap::new();
    };
    table
        .rows
        .iter()
        .flat_map(|row| {
            table
                .columns
                .iter()
                .zip(&row.cells)
                .map(|(&actor, cell)| ((actor, row.action, row.owner), cell.clone()))
        })
        .collect()
}

pub(super) fn subject(
    suite: &Suite,
    policy: &Policy,
    actor: &Actor,
    diagnostics: &mut Diagnostics,
) -> Option<Subject> {
    let scopes = actor.scopes.as_ref();
    let scopes = scopes.map(|names| names.iter().map(|name| name.as_str().into()).collect());
    let known = SubjectFacts {
        reference: actor.subject.clone(),
        signed_in: actor.signed_in,
        tenant: actor.tenant.clone(),
        roles: actor.roles.clone(),
        attributes: actor.attributes.clone(),
        credential: Credential {
            scopes,
            claims: actor.claims.clone(),
            ..Credential::default()
        },
    };
    let facts = match actor.is_shut_out() {
        // A visitor.
        true => SubjectFacts::default(),
        false => suite.facts.complete(known),
    };
    match policy.subject(facts) {
        Ok(subject) => Some(subject),
        Err(message) => {
            diagnostics.push(Diagnostic::new(actor.place.clone(), message));
            None
        }
    }
}

fn resource(
    policy: &Policy,
    suite: &Suite,
    declared: Option<ResourceIndex>,
    fixture: &Fixture,
    diagnostics: &mut Diagnostics,
) -> Option<authz::Resource> {
    let declared = declared.and_then(|index| suite.resources.get(index));
    let owner = fixture.owner.and_then(|owner| suite.actors.get(owner))?;
    let attributes = if fixture.collection {
        collection_attributes(policy, &fixture.type_name, owner)
    } else {
        instance_attributes(declared?, owner, diagnostics)?
    };
    let name = declared.filter(|_| !fixture.collection);
    let name = name.map(|declared| fixture_name(declared, owner));
    match policy.resource(&fixture.type_name, None, &attributes) {
        Ok(resource) => Some(match name {
            Some(name) => resource.known_to_facts_as(&name),
            None => resource,
        }),
        Err(message) => {
            let place = declared.map_or(&owner.place, |resource| &resource.place);
            diagnostics.push(Diagnostic::new(place.clone(), message));
            None
        }
    }
}

/// Whoever acts on a collection acts on that of their own tenant.
fn collection_attributes(policy: &Policy, type_name: &str, actor: &Actor) -> Map<String, Value> {
    match (policy.tenant_attribute(type_name), &actor.tenant) {
        (Some(attribute), Some(tenant)) => {
            Map::from_iter([(attribute.to_owned(), Value::from(tenant.as_str()))])
        }
        _ => Map::new(),
    }
}

fn instance_attributes(
    resource: &Resource,
    owner: &Actor,
    diagnostics: &mut Diagnostics,
) -> Option<Map<String, Value>> {
    let mut attributes = Map::new();
    for (name, template) in &resource.attributes {
        match template.fill(&Declared::owner(owner)) {
            Ok(value) => {
                attributes.insert(name.clone(), value);
            }
            Err(unresolved) => {
                let message = format!(
                    "attribute `{name}` of `{}` needs `{}`, which actor `{}` does not declare",
                    resource.type_name, unresolved.0, owner.name
                );
                diagnostics.push(Diagnostic::new(resource.place.clone(), message));
                return None;
            }
        }
    }
    Some(attributes)
}

/// A field that the suite declares of an actor: `name`, `subject`, `tenant` or one of its own.
pub fn declared_field<'a>(actor: &'a Actor, field: &str) -> Option<&'a str> {
    match field {
        "name" => Some(&actor.name),
        "subject" => actor.subject.as_deref(),
        "tenant" => actor.tenant.as_deref(),
        other => actor.fields.get(other).map(String::as_str),
    }
}

/// What the policy expects of a cell at another time than that of the plan. O(conditions).
pub fn expected_at(
    suite: &Suite,
    actor: ActorIndex,
    action: ActionIndex,
    owner: Option<ActorIndex>,
    now: Timestamp,
) -> Option<Expected> {
    let mut ignored = Diagnostics::default();
    let policy = suite.policy.as_ref()?;
    let action = suite.actions.get(action)?;
    let subject = subject(suite, policy, suite.actors.get(actor)?, &mut ignored)?;
    let fixture = Fixture::of(action, actor, owner);
    let resource = resource(policy, suite, action.resource, &fixture, &mut ignored)?;
    let request = Request {
        subject: &subject,
        action: &action.permission,
        resource: &resource,
        now,
        facts: &suite.facts,
        context: no_context(),
    };
    Some(from_decision(policy.decide(&request)).expected)
}
