//! Residuals: a decision with the resource unknown becomes a condition over the resource, from
//! which row filters are made.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value as Json};

use crate::condition::{Condition, Evaluation, Failure};
use crate::facts::{Facts, Request, Resource, Subject};
use crate::model::{ActionKind, Effect, Policy, Rule, Target};
use crate::relationships::SubjectReference;
use crate::resolution::Circumstances;

use super::combining::Algorithm;
use super::gates::{self, Gate};

/// A question about all resources of a type at once.
#[derive(Debug, Clone, Copy)]
pub struct Inquiry<'a> {
    /// Who asks.
    pub subject: &'a Subject,
    /// The name of an action of the type.
    pub action: &'a str,
    /// The type of the resources.
    pub type_name: &'a str,
    /// When.
    pub now: jiff::Timestamp,
    /// Relationships and shares.
    pub facts: &'a Facts,
    /// Values for the parameters of the conditions of relationships.
    pub context: &'a Map<String, Json>,
}

/// For which resources a decision would be a permit.
#[derive(Debug, Clone)]
pub struct Residual<'a> {
    inquiry: Inquiry<'a>,
    kind: ActionKind,
    filter: Filter,
}

/// A condition over one resource.
#[derive(Debug, Clone)]
pub enum Filter {
    /// It holds for every resource.
    Always,
    /// It holds for none.
    Never,
    /// All of these hold.
    All(Vec<Filter>),
    /// One of these holds.
    Any(Vec<Filter>),
    /// The resource is of this tenant, or is one of those that are shared with it.
    OfTenant(OfTenant),
    /// The resource is of a tenant, and that is another one.
    OfAnother(OfTenant),
    /// The resource is one of these.
    Among(BTreeSet<Arc<str>>),
    /// The resource has an id, and it is none of these.
    NotAmong(BTreeSet<Arc<str>>),
    /// The condition of a rule is true.
    Holds(Remainder),
    /// The condition of a rule is false, and has not merely no value.
    Fails(Remainder),
}

/// What lies open to a tenant.
#[derive(Debug, Clone)]
pub struct OfTenant {
    slot: usize,
    /// The tenant; none if the subject has none.
    pub tenant: Option<Arc<str>>,
    /// The ids of resources of other tenants that are shared with it.
    pub shared: BTreeSet<Arc<str>>,
}

/// What is left of the condition of a rule.
#[derive(Debug, Clone)]
pub struct Remainder {
    /// The rule.
    pub rule: Arc<str>,
    condition: Condition,
}

/// A part of the policy that applies, behind one state of the gate.
enum Part {
    Roles,
    Relation {
        held: BTreeSet<Arc<str>>,
        open: BTreeSet<Arc<str>>,
    },
    Rule(Effect, Option<Remainder>),
}

impl Policy {
    /// For which resources the decision would be a permit: [`Residual::permits`] says of each what
    /// [`Policy::decide`] says. None for an action that the type does not have.
    pub fn residual<'a>(&self, inquiry: Inquiry<'a>) -> Option<Residual<'a>> {
        let anything = self.resource(inquiry.type_name, None, &Map::new()).ok()?;
        let request = inquiry.request(&anything);
        let (action, kind) = self.requested_action(&request)?;
        let refused = self.credential_gate(&request, action, &mut false).is_some();
        let filter = match refused {
            true => Filter::Never,
            false => self.filter(&request, (action, kind)),
        };
        Some(Residual {
            inquiry,
            kind,
            filter,
        })
    }

    fn filter(&self, request: &Request<'_>, asked: (usize, ActionKind)) -> Filter {
        let found = self.types.get_index(request.resource.type_index);
        let slot = found.and_then(|(_, found)| found.tenant_slot);
        let gated = self.tenants.is_some() && request.subject.signed_in;
        let Some(slot) = slot.filter(|_| gated) else {
            return self.behind(request, asked, Gate::Open);
        };
        let of = OfTenant {
            slot,
            tenant: request.subject.tenant.clone(),
            shared: gates::shared(request, asked.0),
        };
        let open = self.behind(request, asked, Gate::Open);
        let closed = self.behind(request, asked, Gate::Closed);
        any(vec![
            all(vec![Filter::OfTenant(of.clone()), open]),
            all(vec![Filter::OfAnother(of), closed]),
        ])
    }

    /// Behind one state of the gate: what the combining algorithm makes of the parts.
    fn behind(&self, request: &Request<'_>, asked: (usize, ActionKind), gate: Gate) -> Filter {
        let parts = self.parts(request, asked, gate);
        match self.algorithm {
            Algorithm::DenyOverrides => {
                let permits = parts.iter().filter(|part| part.permits());
                let permits = any(permits.map(Part::holds).collect());
                let denies = parts.iter().filter(|part| !part.permits());
                let mut filters = vec![permits];
                filters.extend(denies.map(Part::fails));
                all(filters)
            }
            Algorithm::PermitOverrides => {
                let permits = parts.iter().filter(|part| part.permits());
                any(permits.map(Part::holds).collect())
            }
            Algorithm::FirstApplicable => parts.iter().rev().fold(Filter::Never, |rest, part| {
                let passed_over = all(vec![part.fails(), rest]);
                match part.permits() {
                    true => any(vec![part.holds(), passed_over]),
                    false => passed_over,
                }
            }),
            Algorithm::OnlyOneApplicable => match parts.as_slice() {
                [one] if one.permits() => one.holds(),
                _ => Filter::Never,
            },
        }
    }

    /// The parts of the policy whose targets apply, in the order in which they are asked.
    fn parts(
        &self,
        request: &Request<'_>,
        (action, kind): (usize, ActionKind),
        gate: Gate,
    ) -> Vec<Part> {
        let mut parts = Vec::new();
        if self.role_grant(request.subject, action, gate).is_some() {
            parts.push(Part::Roles);
        }
        if gate == Gate::Open {
            parts.extend(self.relation_part(request, action));
        }
        for &(index, target) in self.targets.get(action).into_iter().flatten() {
            let rule = self.rules.get(index);
            let target = rule.and_then(|rule| rule.targets.get(target));
            let (Some(rule), Some(target)) = (rule, target) else {
                continue;
            };
            if rule.effect == Effect::Deny || gate == Gate::Open {
                parts.push(rule_part(rule, target, request, kind));
            }
        }
        parts
    }

    fn relation_part(&self, request: &Request<'_>, action: usize) -> Option<Part> {
        let (relations, related) = self.related_to(request, action)?;
        let engine = self.engine(relations, request);
        let circumstances = Circumstances {
            context: request.context,
            now: request.now,
        };
        let subject = request.subject.reference.clone();
        let subject = subject.map(SubjectReference::object);
        let subject = subject.filter(|subject| !subject.is_wildcard());
        let type_name = request.resource.type_name();
        let settled = subject.and_then(|subject| {
            let settled =
                engine.settled_objects(type_name, &related.relation, &subject, circumstances);
            settled.ok()
        });
        // Where the subject is not known, nothing is known of any resource.
        Some(match settled {
            Some([held, open]) => Part::Relation { held, open },
            None => Part::Rule(Effect::Permit, Some(Remainder::without_value())),
        })
    }
}

fn rule_part(rule: &Rule, target: &Target, request: &Request<'_>, kind: ActionKind) -> Part {
    let left = target.condition.as_ref();
    let left = left.map(|condition| Remainder {
        rule: Arc::clone(&rule.name),
        condition: condition.residual(request, kind),
    });
    Part::Rule(rule.effect, left)
}

impl Part {
    fn permits(&self) -> bool {
        !matches!(self, Self::Rule(Effect::Deny, _))
    }

    fn holds(&self) -> Filter {
        match self {
            Self::Roles | Self::Rule(_, None) => Filter::Always,
            Self::Relation { held, .. } if held.is_empty() => Filter::Never,
            Self::Relation { held, .. } => Filter::Among(held.clone()),
            Self::Rule(_, Some(left)) => match left.condition.settled() {
                Some(true) => Filter::Always,
                Some(false) => Filter::Never,
                None => Filter::Holds(left.clone()),
            },
        }
    }

    fn fails(&self) -> Filter {
        match self {
            Self::Roles | Self::Rule(_, None) => Filter::Never,
            Self::Relation { held, open } => Filter::NotAmong(held.union(open).cloned().collect()),
            Self::Rule(_, Some(left)) => match left.condition.settled() {
                Some(true) => Filter::Never,
                Some(false) => Filter::Always,
                None => Filter::Fails(left.clone()),
            },
        }
    }
}

impl Remainder {
    /// One that is neither true nor false.
    fn without_value() -> Self {
        Self {
            rule: Arc::from(""),
            condition: Condition::without_value(),
        }
    }

    pub(super) fn text(&self) -> String {
        self.condition.text()
    }

    /// Whether it has several parts.
    pub(super) fn is_joined(&self) -> bool {
        self.condition.is_joined()
    }

    fn is(&self, wanted: bool, request: &Request<'_>, kind: ActionKind) -> bool {
        let Evaluation { result, .. } = self.condition.holds(request, kind);
        match result {
            Ok(value) => value == wanted,
            Err(Failure::Absent) => !wanted,
            Err(Failure::Unknown(_) | Failure::Error(_)) => false,
        }
    }
}

fn all(parts: Vec<Filter>) -> Filter {
    let mut kept = Vec::new();
    for part in parts {
        match part {
            Filter::Always => {}
            Filter::Never => return Filter::Never,
            Filter::All(parts) => kept.extend(parts),
            part => kept.push(part),
        }
    }
    match kept.len() {
        0 => Filter::Always,
        1 => kept.swap_remove(0),
        _ => Filter::All(kept),
    }
}

fn any(parts: Vec<Filter>) -> Filter {
    let mut kept = Vec::new();
    for part in parts {
        match part {
            Filter::Never => {}
            Filter::Always => return Filter::Always,
            Filter::Any(parts) => kept.extend(parts),
            part => kept.push(part),
        }
    }
    match kept.len() {
        0 => Filter::Never,
        1 => kept.swap_remove(0),
        _ => Filter::Any(kept),
    }
}

impl<'a> Inquiry<'a> {
    pub(super) fn request(&self, resource: &'a Resource) -> Request<'a> {
        Request {
            subject: self.subject,
            action: self.action,
            resource,
            now: self.now,
            facts: self.facts,
            context: self.context,
        }
    }
}

impl Residual<'_> {
    /// The type of the resources.
    pub fn type_name(&self) -> &str {
        self.inquiry.type_name
    }

    /// The condition.
    pub fn filter(&self) -> &Filter {
        &self.filter
    }

    /// Whether the decision on this resource would be a permit.
    pub fn permits(&self, resource: &Resource) -> bool {
        let request = Request {
            subject: self.inquiry.subject,
            action: self.inquiry.action,
            resource,
            now: self.inquiry.now,
            facts: self.inquiry.facts,
            context: self.inquiry.context,
        };
        self.filter.holds(&request, self.kind)
    }
}

impl Filter {
    fn holds(&self, request: &Request<'_>, kind: ActionKind) -> bool {
        let id = request.resource.named_by_facts().map(|it| it.id());
        match self {
            Self::Always => true,
            Self::Never => false,
            Self::All(parts) => parts.iter().all(|part| part.holds(request, kind)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(request, kind)),
            Self::OfTenant(of) => of.is_open(request, kind) == Some(true),
            Self::OfAnother(of) => of.is_open(request, kind) == Some(false),
            Self::Among(ids) => id.is_some_and(|id| ids.contains(id)),
            Self::NotAmong(ids) => id.is_some_and(|id| !ids.contains(id)),
            Self::Holds(left) => left.is(true, request, kind),
            Self::Fails(left) => left.is(false, request, kind),
        }
    }
}

impl OfTenant {
    /// Whether the resource lies open; none if nobody knows whose it is.
    fn is_open(&self, request: &Request<'_>, kind: ActionKind) -> Option<bool> {
        let resource = request.resource;
        let value = resource.attributes.get(self.slot).and_then(Option::as_ref);
        let Some(value) = value else {
            return (kind == ActionKind::Collection).then_some(true);
        };
        let id = resource.named_by_facts().map(|it| it.id());
        let is_shared = id.is_some_and(|id| self.shared.contains(id));
        Some(is_shared || value.as_str() == self.tenant.as_deref())
    }
}
