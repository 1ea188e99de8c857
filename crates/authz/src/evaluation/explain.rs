//! Reasons: which part of the policy decided, where it stands, and the same for people.

use crate::decision::{Outcome, Reason, ReasonKind};
use crate::facts::{Reference, Request, Subject};
use crate::model::{ANYONE, Policy, Role};
use crate::source::Place;

use super::By;
use super::gates::{Gate, Refusal};
use super::relations::Doubt;

impl Policy {
    pub(super) fn explain(
        &self,
        request: &Request<'_>,
        (action, outcome): (usize, Outcome),
        gate: Gate,
        by: Option<By>,
    ) -> Reason {
        match by {
            Some(By::Roles { role, granted_by }) => self.by_roles(request, role, granted_by),
            Some(By::Relation { action, doubt }) => self.by_relation(request, action, doubt),
            Some(By::Rule { index, error }) => self.by_rule(outcome, index, error),
            None if outcome == Outcome::Indeterminate => by_several(),
            None if gate == Gate::Closed => self.by_tenant(request, action),
            None => self.by_default(request, action),
        }
    }

    /// "the credential lacks the claim `mfa` with the value `true`"
    pub(super) fn by_credential(
        &self,
        request: &Request<'_>,
        action: usize,
        refusal: &Refusal<'_>,
    ) -> Reason {
        let until = request.subject.credential.valid_until;
        let mut covering = self.scopes.covering(action);
        let (text, place) = match refusal {
            Refusal::Revoked => ("the credential was revoked".to_owned(), None),
            Refusal::NotYetValid => ("the credential is not valid yet".to_owned(), None),
            Refusal::Expired => {
                let until = until.map(|until| format!(" at {until}"));
                let until = until.unwrap_or_default();
                (format!("the credential expired{until}"), None)
            }
            Refusal::Scope => match covering.next() {
                Some((name, scope)) => (
                    format!("no scope of the credential covers it, as `{name}` would"),
                    Some(scope.place.clone()),
                ),
                None => ("no scope covers it".to_owned(), None),
            },
            Refusal::Claim(claim) => (
                format!(
                    "the credential lacks the claim `{}` with the value `{}`",
                    claim.name, claim.value
                ),
                Some(claim.place.clone()),
            ),
        };
        let kind = ReasonKind::Credential {
            fault: refusal.fault(),
        };
        Reason { kind, place, text }
    }

    /// "relation `viewer` holds between user:bob and document:1"
    pub(super) fn by_relation(
        &self,
        request: &Request<'_>,
        action: usize,
        doubt: Option<Doubt>,
    ) -> Reason {
        let related = self.relations.as_ref().and_then(|it| it.of(action));
        let name = related.map_or_else(String::new, |related| related.relation.to_string());
        let place = related.map(|related| related.place.clone());
        if let Some(Doubt { text, missing }) = doubt {
            let text = format!("relation `{name}` cannot be looked up: {text}");
            let kind = ReasonKind::Indeterminate {
                rule: None,
                relation: Some(name),
                missing: missing.iter().map(|name| name.to_string()).collect(),
            };
            return Reason { kind, place, text };
        }
        let name_of = |reference: Option<&Reference>| {
            reference.map_or_else(|| "nobody".to_owned(), Reference::to_string)
        };
        let text = format!(
            "{} is `{name}` of {}",
            name_of(request.subject.reference()),
            name_of(request.resource.named_by_facts()),
        );
        let kind = ReasonKind::Relation { relation: name };
        Reason { kind, place, text }
    }

    /// "role `editor` (included in `admin`) may update post"
    pub(super) fn by_roles(&self, request: &Request<'_>, role: usize, granted_by: usize) -> Reason {
        let granting = self.role(granted_by);
        let name = granting.map_or("", |role| &*role.name);
        let via = self.role(role).filter(|_| role != granted_by);
        let via = via.map(|role| role.name.to_string());
        let included = via.as_ref().map(|via| format!(" (included in `{via}`)"));
        let Request {
            action, resource, ..
        } = request;
        let text = format!(
            "role `{name}`{} may {action} {}",
            included.unwrap_or_default(),
            resource.type_name(),
        );
        let kind = ReasonKind::Role {
            role: name.to_owned(),
            via,
        };
        let place = granting.and_then(|role| role.place.clone());
        Reason { kind, place, text }
    }

    fn by_rule(&self, outcome: Outcome, index: usize, error: Option<String>) -> Reason {
        let rule = self.rules.get(index);
        let name = rule.map_or_else(String::new, |rule| rule.name.to_string());
        let place = rule.map(|rule| rule.place.clone());
        if let Some(error) = error {
            let text = format!("rule `{name}` cannot be evaluated: {error}");
            let kind = ReasonKind::Indeterminate {
                rule: Some(name),
                relation: None,
                missing: Vec::new(),
            };
            return Reason { kind, place, text };
        }
        let verb = if outcome == Outcome::Permit {
            "permits"
        } else {
            "denies"
        };
        let text = format!("rule `{name}` {verb} it");
        let kind = ReasonKind::Rule { name };
        Reason { kind, place, text }
    }

    pub(super) fn by_tenant(&self, request: &Request<'_>, action: usize) -> Reason {
        let kind = ReasonKind::Tenant;
        if let Some((share, until)) = self.ended_share(request, action) {
            let text = format!(
                "it is another tenant's, and its share with `{}` ended at {until}",
                share.with
            );
            let place = Some(share.place.clone());
            return Reason { kind, place, text };
        }
        let text = match request.subject.tenant() {
            Some(tenant) => {
                format!("it is another tenant's, and nothing lets a subject of `{tenant}` cross")
            }
            None => "it is a tenant's, and the subject has no tenant".to_owned(),
        };
        let place = self.tenants.as_ref().map(|tenants| tenants.place.clone());
        Reason { kind, place, text }
    }

    fn by_default(&self, request: &Request<'_>, action: usize) -> Reason {
        let names = self.role_names_of(request.subject);
        let related = self.related_to(request, action);
        let related =
            related.map(|(_, related)| format!(", the subject is not its `{}`", related.relation));
        let related = related.unwrap_or_default();
        let text = match names.as_slice() {
            _ if !request.subject.signed_in => "nothing permits it without a session".to_owned(),
            [] => format!("the subject has no role{related}, and no rule permits it"),
            [one] => format!("role `{one}` does not permit it{related}, and no rule does"),
            more => format!(
                "none of the roles `{}` permits it{related}, and no rule does",
                more.join("`, `")
            ),
        };
        let kind = ReasonKind::Default;
        let place = self.place_of_roles(request.subject);
        Reason { kind, place, text }
    }

    pub(super) fn unknown_request(&self, request: &Request<'_>) -> Reason {
        let text = if self.knows(request) {
            let type_name = request.resource.type_name();
            format!("`{type_name}` has no action `{}`", request.action)
        } else {
            "the subject, the resource or the facts were checked against another policy".to_owned()
        };
        undecided(text, None)
    }

    pub(super) fn unknown_tenant(&self, request: &Request<'_>) -> Reason {
        let type_name = request.resource.type_name();
        let text = format!("it is not known to which tenant the {type_name} belongs");
        let place = self.tenants.as_ref().map(|tenants| tenants.place.clone());
        undecided(text, place)
    }

    fn role(&self, index: usize) -> Option<&Role> {
        self.roles.get_index(index).map(|(_, role)| role)
    }

    pub(super) fn role_names_of(&self, subject: &Subject) -> Vec<&str> {
        let roles = subject.roles.iter().filter_map(|&index| self.role(index));
        roles.map(|role| &*role.name).collect()
    }

    /// Where the first role of the subject is declared, or the roles are at all.
    pub(super) fn place_of_roles(&self, subject: &Subject) -> Option<Place> {
        let first = if subject.signed_in {
            subject.roles.first().and_then(|&index| self.role(index))
        } else {
            self.roles.get(ANYONE)
        };
        let place = first.and_then(|role| role.place.clone());
        place.or_else(|| self.roles_place.clone())
    }
}

fn undecided(text: String, place: Option<Place>) -> Reason {
    let kind = nothing_alone();
    Reason { kind, place, text }
}

/// What could not be evaluated is neither one rule nor one relation.
fn nothing_alone() -> ReasonKind {
    ReasonKind::Indeterminate {
        rule: None,
        relation: None,
        missing: Vec::new(),
    }
}

/// Of several policies that apply, none is the one that counts.
fn by_several() -> Reason {
    Reason {
        kind: nothing_alone(),
        place: None,
        text: "several of its parts apply, and only one of them may".to_owned(),
    }
}
