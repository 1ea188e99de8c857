//! A request whose facts can be changed, to see what the evaluator says then.

use authz::{
    Account, Decision, Facts, Outcome, Policy, Reference, Request, Resource, Subject, SubjectFacts,
};
use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use super::Question;
use super::fact::{Fact, Side};

/// A request with the facts that it is decided from.
#[derive(Debug, Clone)]
pub(super) struct Case<'a> {
    pub(super) policy: &'a Policy,
    /// The facts as they were given, which know places.
    pub(super) given: &'a Facts,
    pub(super) facts: Facts,
    pub(super) subject: SubjectFacts,
    pub(super) action: &'a str,
    pub(super) type_name: &'a str,
    pub(super) id: Option<&'a str>,
    pub(super) attributes: Map<String, Json>,
    pub(super) now: Timestamp,
    pub(super) context: &'a Map<String, Json>,
}

impl<'a> Case<'a> {
    pub(super) fn new(question: &Question<'a>) -> Result<Self, String> {
        let Question {
            policy,
            action,
            type_name,
            id,
            now,
            context,
            ..
        } = *question;
        let mut case = Self {
            policy,
            given: question.facts,
            facts: question.facts.clone(),
            subject: question.subject.clone(),
            action,
            type_name,
            id,
            attributes: question.attributes.clone(),
            now,
            context,
        };
        case.facts = question.facts.about(case.resource_reference().as_ref());
        case.ends()?;
        Ok(case)
    }

    fn ends(&self) -> Result<(Subject, Resource), String> {
        let subject = self.policy.subject(self.subject.clone())?;
        let resource = self
            .policy
            .resource(self.type_name, self.id, &self.attributes)?;
        Ok((subject, resource))
    }

    pub(super) fn subject_reference(&self) -> Option<Reference> {
        self.subject.reference.as_ref()?.parse().ok()
    }

    pub(super) fn resource_reference(&self) -> Option<Reference> {
        Some(Reference::new(self.type_name, self.id?))
    }

    /// What is known of a side.
    pub(super) fn attributes_of(&self, side: Side) -> &Map<String, Json> {
        match side {
            Side::Subject => &self.subject.attributes,
            Side::Resource => &self.attributes,
        }
    }

    /// The name of a side, if it has one.
    pub(super) fn name_of(&self, side: Side) -> Option<String> {
        match side {
            Side::Subject => self.subject.reference.clone(),
            Side::Resource => self.resource_reference().map(|it| it.to_string()),
        }
    }

    fn ask<T>(&self, question: impl FnOnce(&Request<'_>) -> T) -> Option<T> {
        let (subject, resource) = self.ends().ok()?;
        Some(question(&Request {
            subject: &subject,
            action: self.action,
            resource: &resource,
            now: self.now,
            facts: &self.facts,
            context: self.context,
        }))
    }

    pub(super) fn decide(&self) -> Option<Decision> {
        self.ask(|request| self.policy.decide(request))
    }

    pub(super) fn account(&self) -> Option<Account> {
        self.ask(|request| self.policy.account(request))
    }

    /// Whether it is permitted. What the policy does not let be written permits nothing.
    pub(super) fn is_permitted(&self) -> bool {
        self.decide()
            .is_some_and(|decision| decision.outcome == Outcome::Permit)
    }

    /// The same with more facts; none where the policy does not let them be.
    pub(super) fn with<'f>(&self, facts: impl IntoIterator<Item = &'f Fact>) -> Option<Self> {
        let mut case = self.clone();
        let mut relationships = Vec::new();
        for fact in facts {
            match fact {
                Fact::Relationship(fact) => relationships.push(fact),
                Fact::Role { role, .. } => case.subject.roles.push(role.clone()),
                Fact::Share {
                    resource,
                    with,
                    action,
                } => {
                    let facts = case.facts.with_share(self.policy, resource, with, action);
                    case.facts = facts?;
                }
                Fact::Attribute {
                    side, name, value, ..
                } => drop(case.side(*side).insert(name.clone(), value.clone())),
            }
        }
        if !relationships.is_empty() {
            let changed = case.facts.with_changed(self.policy, &relationships, &[]);
            case.facts = changed.ok()?;
        }
        Some(case)
    }

    /// The same without these facts.
    pub(super) fn without<'f>(&self, facts: impl IntoIterator<Item = &'f Fact>) -> Self {
        let mut case = self.clone();
        let mut relationships = Vec::new();
        for fact in facts {
            match fact {
                Fact::Relationship(fact) => relationships.push(fact),
                Fact::Role { role, .. } => case.subject.roles.retain(|it| it != role),
                Fact::Share { resource, .. } => {
                    case.facts = case.facts.without_shares_of(resource);
                }
                Fact::Attribute { side, name, .. } => drop(case.side(*side).remove(name)),
            }
        }
        if let Ok(facts) = case.facts.with_changed(self.policy, &[], &relationships) {
            case.facts = facts;
        }
        case
    }

    fn side(&mut self, side: Side) -> &mut Map<String, Json> {
        match side {
            Side::Subject => &mut self.subject.attributes,
            Side::Resource => &mut self.attributes,
        }
    }
}
