//! The account of a decision: every part of the policy that had a say in it, what it said and
//! where it stands, the way along relationships that granted, or the nearest change that would.

use serde::Serialize;

use crate::decision::Decision;
use crate::facts::{Reference, Request};
use crate::model::{ActionKind, Effect, Policy, Related, Relations};
use crate::relationships::{Relationship, SubjectReference};
use crate::resolution::{Change, Circumstances, Engine, Link, Missing};
use crate::source::Place;

use super::combining::Extended;
use super::gates::Gate;
use super::{By, member};

/// How a decision came about.
#[derive(Debug, Clone, Serialize)]
pub struct Account {
    /// The decision.
    pub decision: Decision,
    /// The gates and the parts of the policy that apply to the action, in the order in which they
    /// are asked. Behind a closed gate nothing is asked but what can pass it.
    pub steps: Vec<Step>,
    /// What would let the relation hold that carries the action, the smallest first; empty where
    /// none does, or it holds.
    pub remedies: Vec<Remedy>,
}

/// What one part of the policy said.
#[derive(Debug, Clone, Serialize)]
pub struct Step {
    /// Which kind of part.
    pub kind: StepKind,
    /// What it said.
    pub says: Says,
    /// The part, and what it said, as a fragment for people.
    pub text: String,
    /// Where it stands.
    pub place: Option<Place>,
    /// What it rests on, in order.
    pub details: Vec<Detail>,
}

/// A kind of part of the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// The gate of the credential.
    Credential,
    /// The gate of tenants.
    Tenant,
    /// The grants of roles.
    Roles,
    /// The relation that carries the action.
    Relation,
    /// A rule.
    Rule,
}

/// What a part of the policy says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Says {
    /// A gate that lets the request pass.
    Open,
    /// A gate that does not.
    Closed,
    /// It may happen.
    Permit,
    /// It may not.
    Deny,
    /// Nothing: it does not apply, or does not hold.
    Nothing,
    /// It cannot be evaluated.
    Unknown,
}

/// What a step rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Detail {
    /// A fragment for people.
    pub text: String,
    /// Where it stands.
    pub place: Option<Place>,
}

/// A change that would let a relation hold.
#[derive(Debug, Clone, Serialize)]
pub struct Remedy {
    /// What is to be added: a relationship, or a word of the model.
    pub add: String,
    /// Whether it is a relationship.
    pub is_relationship: bool,
    /// What leads there from the subject already.
    pub near: Vec<Detail>,
}

impl Policy {
    /// The decision with its account. Costs several times as much as the decision.
    pub fn account(&self, request: &Request<'_>) -> Account {
        let mut account = Account {
            decision: self.decide(request),
            steps: Vec::new(),
            remedies: Vec::new(),
        };
        let Some((action, kind)) = self.requested_action(request) else {
            return account;
        };
        let mut ignored = false;
        if let Some(refusal) = self.credential_gate(request, action, &mut ignored) {
            let reason = self.by_credential(request, action, &refusal);
            let step = Step::new(
                StepKind::Credential,
                Says::Closed,
                reason.text,
                reason.place,
            );
            account.steps.push(step);
            return account;
        }
        let Some(gate) = self.tell_tenants(request, (action, kind), &mut account) else {
            return account;
        };
        self.tell_roles(request, action, gate, &mut account);
        if gate == Gate::Open
            && let Some((relations, related)) = self.related_to(request, action)
        {
            self.tell_relation(request, action, (relations, related), &mut account);
        }
        self.tell_rules(request, (action, kind), gate, &mut account);
        account
    }

    fn tell_tenants(
        &self,
        request: &Request<'_>,
        (action, kind): (usize, ActionKind),
        account: &mut Account,
    ) -> Option<Gate> {
        let tenants = self.tenants.as_ref();
        let place = tenants.map(|tenants| tenants.place.clone());
        let Some(gate) = self.tenant_gate(request, (action, kind), &mut false) else {
            let text = self.unknown_tenant(request).text;
            account
                .steps
                .push(Step::new(StepKind::Tenant, Says::Unknown, text, place));
            return None;
        };
        let is_gated = tenants.is_some() && request.subject.signed_in;
        let tenant = self.tenant_of(request);
        let (Some(tenant), true) = (tenant, is_gated) else {
            return Some(gate);
        };
        let share = self.share(request, action, &mut false);
        account.steps.push(match (gate, share) {
            (Gate::Closed, _) => {
                let reason = self.by_tenant(request, action);
                Step::new(StepKind::Tenant, Says::Closed, reason.text, reason.place)
            }
            (Gate::Open, Some(share)) if Some(tenant.as_str()) != request.subject.tenant() => {
                let text = format!("it is of `{tenant}`, and shared with `{}`", share.with);
                Step::new(
                    StepKind::Tenant,
                    Says::Open,
                    text,
                    Some(share.place.clone()),
                )
            }
            _ => {
                let text = format!("it is of `{tenant}`, as the subject is");
                Step::new(StepKind::Tenant, Says::Open, text, place)
            }
        });
        Some(gate)
    }

    fn tenant_of(&self, request: &Request<'_>) -> Option<String> {
        let (_, found) = self.types.get_index(request.resource.type_index)?;
        let value = request.resource.attributes.get(found.tenant_slot?)?;
        Some(value.as_ref()?.as_str()?.to_owned())
    }

    fn tell_roles(&self, request: &Request<'_>, action: usize, gate: Gate, account: &mut Account) {
        if let Some(By::Roles { role, granted_by }) = self.role_grant(request.subject, action, gate)
        {
            let reason = self.by_roles(request, role, granted_by);
            let step = Step::new(StepKind::Roles, Says::Permit, reason.text, reason.place);
            account.steps.push(step);
            return;
        }
        let names = self.role_names_of(request.subject);
        let text = match names.as_slice() {
            _ if !request.subject.signed_in => "there is no session".to_owned(),
            [] => "the subject has no role".to_owned(),
            [one] => format!("role `{one}` does not permit it"),
            more => format!("none of the roles `{}` permits it", more.join("`, `")),
        };
        let place = self.place_of_roles(request.subject);
        account
            .steps
            .push(Step::new(StepKind::Roles, Says::Nothing, text, place));
    }

    fn tell_relation(
        &self,
        request: &Request<'_>,
        action: usize,
        (relations, related): (&Relations, &Related),
        account: &mut Account,
    ) {
        let Some(found) = self.relation_grant(request, action, &mut false) else {
            return;
        };
        let subject = request.subject.reference();
        let object = request.resource.named_by_facts();
        let told = Told::new(self.engine(relations, request), request);
        let By::Relation { doubt, .. } = found.by else {
            return;
        };
        let mut step = match (found.value, subject, object) {
            (Extended::NotApplicable, Some(subject), Some(object)) => {
                account.remedies = told.remedies(object, related, subject);
                let text = format!("{subject} is not `{}` of {object}", related.relation);
                Step::new(StepKind::Relation, Says::Nothing, text, None)
            }
            (value, ..) => {
                let reason = self.by_relation(request, action, doubt);
                let says = match value {
                    Extended::Permit => Says::Permit,
                    _ => Says::Unknown,
                };
                Step::new(StepKind::Relation, says, reason.text, None)
            }
        };
        step.place = Some(related.place.clone());
        if let (Says::Permit, Some(subject), Some(object)) = (step.says, subject, object) {
            step.details = told.way(object, related, subject);
        }
        account.steps.push(step);
    }

    fn tell_rules(
        &self,
        request: &Request<'_>,
        (action, kind): (usize, ActionKind),
        gate: Gate,
        account: &mut Account,
    ) {
        for &(index, target) in self.targets.get(action).into_iter().flatten() {
            let rule = self.rules.get(index);
            let target = rule.and_then(|rule| rule.targets.get(target));
            let (Some(rule), Some(target)) = (rule, target) else {
                continue;
            };
            if rule.effect == Effect::Permit && gate == Gate::Closed {
                continue;
            }
            let found = member(index, rule, target, request, kind, &mut false);
            let (name, place) = (&rule.name, Some(rule.place.clone()));
            let error = match found.by {
                By::Rule { error, .. } => error,
                _ => None,
            };
            let (says, text) = match (found.value, error) {
                (Extended::Permit, _) => (Says::Permit, format!("rule `{name}` permits it")),
                (Extended::Deny, _) => (Says::Deny, format!("rule `{name}` denies it")),
                (_, Some(error)) => {
                    let text = format!("rule `{name}` cannot be evaluated: {error}");
                    (Says::Unknown, text)
                }
                (Extended::NotApplicable, None) => {
                    let text = format!("rule `{name}` does not apply: its condition does not hold");
                    (Says::Nothing, text)
                }
                _ => (Says::Unknown, format!("rule `{name}` cannot be evaluated")),
            };
            account
                .steps
                .push(Step::new(StepKind::Rule, says, text, place));
        }
    }
}

impl Step {
    fn new(kind: StepKind, says: Says, text: String, place: Option<Place>) -> Self {
        Self {
            kind,
            says,
            text,
            place,
            details: Vec::new(),
        }
    }
}

/// Tells of relations, with the places of the relationships.
struct Told<'a> {
    engine: &'a Engine,
    request: &'a Request<'a>,
}

impl<'a> Told<'a> {
    fn new(engine: &'a Engine, request: &'a Request<'a>) -> Self {
        Self { engine, request }
    }

    fn circumstances(&self) -> Circumstances<'a> {
        Circumstances {
            context: self.request.context,
            now: self.request.now,
        }
    }

    fn fact(&self, fact: &Relationship) -> Detail {
        Detail {
            text: fact.to_string(),
            place: self.request.facts.places.get(&fact.ends()).cloned(),
        }
    }

    fn way(&self, object: &Reference, related: &Related, subject: &Reference) -> Vec<Detail> {
        let subject = SubjectReference::object(subject.clone());
        let way = self
            .engine
            .way(object, &related.relation, &subject, self.circumstances());
        let links = way.ok().flatten().unwrap_or_default();
        let detail = |link: &Link| match link {
            Link::Fact(fact) => self.fact(fact),
            Link::Follows {
                object,
                relation,
                from,
            } => {
                let model = self.engine.model();
                let found = model.relation(object.type_name(), relation);
                Detail {
                    text: format!("`{relation}` of {object} follows from `{from}`"),
                    place: found.map(|found| found.at.0.clone()),
                }
            }
        };
        links.iter().map(detail).collect()
    }

    fn remedies(&self, object: &Reference, related: &Related, subject: &Reference) -> Vec<Remedy> {
        let subject = SubjectReference::object(subject.clone());
        let (relation, circumstances) = (&related.relation, self.circumstances());
        let changes = self
            .engine
            .changes(object, relation, &subject, circumstances);
        let remedy = |change: &Change| Remedy {
            add: self.words(&change.missing),
            is_relationship: matches!(change.missing, Missing::Fact(_)),
            near: change.near.iter().map(|fact| self.fact(fact)).collect(),
        };
        changes.unwrap_or_default().iter().map(remedy).collect()
    }

    fn words(&self, missing: &Missing) -> String {
        match missing {
            Missing::Fact(fact) => fact.to_string(),
            Missing::Rule {
                type_name,
                relation,
                computed,
                tupleset,
            } => {
                let rule = match self.engine.model().language().is_openfga() {
                    true => format!("or {computed} from {tupleset}"),
                    false => format!("+ {tupleset}->{computed}"),
                };
                format!("`{rule}` to `{relation}` of `{type_name}` in the model")
            }
        }
    }
}
