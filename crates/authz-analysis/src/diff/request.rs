//! One request in words, and what both policies answer to it.

use std::fmt;

use authz::{
    Credential, Decision, Denial, Facts, Outcome, Policy, Request, Resource, Subject, SubjectFacts,
    no_context,
};
use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value as Json};

/// What a policy answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Answer {
    /// It may happen.
    Allow,
    /// It may not, as there is no session.
    Unauthenticated,
    /// It may not.
    Forbidden,
    /// It may not, as if the resource did not exist.
    Concealed,
    /// It cannot be said.
    Undecided,
    /// The policy knows no such action, or cannot be asked about it.
    Unknown,
}

impl Answer {
    /// The answer that a decision is.
    pub fn of(decision: &Decision) -> Self {
        match decision.outcome {
            Outcome::Permit => Self::Allow,
            Outcome::Deny(Denial::Unauthenticated) => Self::Unauthenticated,
            Outcome::Deny(Denial::Forbidden) => Self::Forbidden,
            Outcome::Deny(Denial::Concealed) => Self::Concealed,
            Outcome::Indeterminate => Self::Undecided,
        }
    }

    /// Whether there is a difference in effect. What a policy does not know, it does not allow,
    /// and nothing more can be said of it.
    pub(super) fn differs(self, other: Self) -> bool {
        let is_unknown = self == Self::Unknown || other == Self::Unknown;
        match is_unknown {
            true => (self == Self::Allow) != (other == Self::Allow),
            false => self != other,
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "allow",
            Self::Unauthenticated => "deny (unauthenticated)",
            Self::Forbidden => "deny (forbidden)",
            Self::Concealed => "deny (concealed)",
            Self::Undecided => "cannot be said",
            Self::Unknown => "no such action",
        })
    }
}

impl Serialize for Answer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What a policy answers, with its reason.
#[derive(Debug, Clone, Serialize)]
pub struct Told {
    /// The answer.
    pub answer: Answer,
    /// Why.
    pub reason: String,
    /// Where that stands.
    pub place: Option<authz::source::Place>,
}

/// A request, with everything that is known of it.
#[derive(Debug, Clone, Serialize)]
pub struct Example {
    /// Who asks; none without a session, or where that is not known.
    pub subject: Option<String>,
    /// Whether there is a session.
    pub signed_in: bool,
    /// The active tenant.
    pub tenant: Option<String>,
    /// The assigned roles.
    pub roles: Vec<String>,
    /// What is known of the subject.
    pub subject_attributes: Map<String, Json>,
    /// The scopes of the credential; none where it is not limited.
    pub scopes: Option<Vec<String>>,
    /// The claims of the credential.
    pub claims: Map<String, Json>,
    /// What to do.
    pub action: String,
    /// The type of the resource.
    #[serde(rename = "type")]
    pub type_name: String,
    /// Which one; none for the collection.
    pub id: Option<String>,
    /// What is known of the resource.
    pub attributes: Map<String, Json>,
    /// When.
    #[serde(serialize_with = "as_text")]
    pub at: Timestamp,
    /// The relationships beside it.
    pub relationships: Vec<String>,
    /// The tenant with which the resource is shared for this action.
    pub shared_with: Option<String>,
}

impl Example {
    /// What is known of who asks.
    pub(super) fn subject_facts(&self) -> SubjectFacts {
        let scopes = self.scopes.as_ref();
        SubjectFacts {
            reference: self.subject.clone(),
            signed_in: self.signed_in,
            tenant: self.tenant.clone(),
            roles: self.roles.clone(),
            attributes: self.subject_attributes.clone(),
            credential: Credential {
                scopes: scopes.map(|it| it.iter().map(|name| name.as_str().into()).collect()),
                claims: self.claims.clone(),
                ..Credential::default()
            },
        }
    }

    /// What a policy answers; none of the facts of files is known.
    pub fn asked_of(&self, policy: &Policy) -> Answer {
        let facts = super::relations::facts_of(policy, self);
        let subject = subject(policy, self.subject_facts());
        let resource = resource(
            policy,
            &self.type_name,
            self.id.as_deref(),
            &self.attributes,
        );
        let (subject, resource) = (subject.as_ref(), resource.as_ref());
        let decision = decide(policy, subject, &self.action, resource, self.at, &facts);
        answer(decision.as_ref())
    }

    /// `post:1`, or `post` for the collection.
    pub fn resource_name(&self) -> String {
        match &self.id {
            Some(id) => format!("{}:{id}", self.type_name),
            None => self.type_name.clone(),
        }
    }
}

impl fmt::Display for Example {
    /// "user:someone (viewer, tenant acme) read post:1 {owner: user:other}"
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut known = self.roles.clone();
        known.extend(self.tenant.as_ref().map(|it| format!("tenant {it}")));
        known.extend(pairs(&self.subject_attributes));
        if let Some(scopes) = &self.scopes {
            known.push(format!("scopes [{}]", scopes.join(", ")));
        }
        known.extend(pairs(&self.claims).map(|it| format!("claim {it}")));
        let who = match (&self.subject, self.signed_in) {
            (_, false) => "a visitor",
            (Some(subject), true) => subject,
            (None, true) => "somebody",
        };
        f.write_str(who)?;
        if !known.is_empty() {
            write!(f, " ({})", known.join(", "))?;
        }
        write!(f, " {} {}", self.action, self.resource_name())?;
        if !self.attributes.is_empty() {
            let known: Vec<String> = pairs(&self.attributes).collect();
            write!(f, " {{{}}}", known.join(", "))?;
        }
        if let Some(with) = &self.shared_with {
            write!(f, ", shared with {with}")?;
        }
        if !self.relationships.is_empty() {
            write!(f, ", given {}", self.relationships.join(", "))?;
        }
        Ok(())
    }
}

fn as_text<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

fn pairs(known: &Map<String, Json>) -> impl Iterator<Item = String> + '_ {
    known.iter().map(|(name, value)| match value {
        Json::String(text) => format!("{name}: {text}"),
        other => format!("{name}: {other}"),
    })
}

/// A subject as a policy takes it: roles and attributes that it does not know are left out, because
/// to it they mean nothing.
pub(super) fn subject(policy: &Policy, mut facts: SubjectFacts) -> Option<Subject> {
    facts.roles.retain(|role| policy.has_role(role));
    let type_name = facts.reference.as_deref().and_then(|it| it.split_once(':'));
    let type_name = type_name.map(|(type_name, _)| type_name.to_owned());
    match type_name.filter(|it| policy.has_type(it)) {
        Some(type_name) => retain(policy, &type_name, &mut facts.attributes),
        None => {
            facts.reference = None;
            facts.attributes.clear();
        }
    }
    policy.subject(facts).ok()
}

/// A resource as a policy takes it.
pub(super) fn resource(
    policy: &Policy,
    type_name: &str,
    id: Option<&str>,
    attributes: &Map<String, Json>,
) -> Option<Resource> {
    let mut attributes = attributes.clone();
    retain(policy, type_name, &mut attributes);
    policy.resource(type_name, id, &attributes).ok()
}

/// Leaves out the attributes that a policy does not know, or not with such values.
fn retain(policy: &Policy, type_name: &str, attributes: &mut Map<String, Json>) {
    attributes.retain(|name, value| {
        let one = Map::from_iter([(name.clone(), value.clone())]);
        policy.resource(type_name, None, &one).is_ok()
    });
}

/// What a policy decides; none where it cannot be asked.
pub(super) fn decide(
    policy: &Policy,
    subject: Option<&Subject>,
    action: &str,
    resource: Option<&Resource>,
    now: Timestamp,
    facts: &Facts,
) -> Option<Decision> {
    let resource = resource?;
    policy.action_kind(resource.type_name(), action)?;
    Some(policy.decide(&Request {
        subject: subject?,
        action,
        resource,
        now,
        facts,
        context: no_context(),
    }))
}

/// The answer that a decision is.
pub(super) fn answer(decision: Option<&Decision>) -> Answer {
    decision.map_or(Answer::Unknown, Answer::of)
}

/// A decision with its reason.
pub(super) fn told(decision: Option<Decision>) -> Told {
    let answer = answer(decision.as_ref());
    match decision {
        Some(decision) => Told {
            answer,
            reason: decision.reason.text,
            place: decision.reason.place,
        },
        None => Told {
            answer,
            reason: "the policy has no such action".to_owned(),
            place: None,
        },
    }
}
