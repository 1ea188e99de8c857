//! Many decisions: batches, and what a subject may do, to which resources, and who may.
//!
//! Listings look at everything that the facts know and decide on each, so that a listing and a
//! decision never disagree. They are sorted by id, and a page that was cut says where the next one
//! begins.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Map;

use crate::decision::{Decision, Outcome};
use crate::facts::{Facts, Reference, Request, Resource, SubjectFacts};
use crate::model::Policy;
use crate::relationships::WILDCARD;

use super::residual::Inquiry;

/// One page of a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// For which it is a permit, sorted by id.
    pub items: Vec<Reference>,
    /// For which it cannot be said, with the decision that says why.
    pub undecided: Vec<(Reference, Decision)>,
    /// What a listing over the same facts goes on behind, if this one was cut.
    pub next: Option<String>,
}

/// An action with the decision on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allowed {
    /// The name of the action.
    pub action: String,
    /// The decision.
    pub decision: Decision,
}

impl Policy {
    /// Decides several requests, in their order.
    pub fn decide_all(&self, requests: &[Request<'_>]) -> Vec<Decision> {
        requests.iter().map(|it| self.decide(it)).collect()
    }

    /// The decision on every action of the resource's type, in the order of the file. The action of
    /// the request does not matter.
    pub fn list_actions(&self, request: &Request<'_>) -> Vec<Allowed> {
        let actions = self.action_names(request.resource.type_name());
        let decided = actions.map(|action| Allowed {
            action: action.to_owned(),
            decision: self.decide(&Request { action, ..*request }),
        });
        decided.collect()
    }

    /// The resources of a type to which the subject may do the action, among all that the facts
    /// know: from behind `after`, and at most `limit` of them. O(known resources).
    ///
    /// # Errors
    /// A type that the policy does not know.
    pub fn list_resources(
        &self,
        inquiry: &Inquiry<'_>,
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, String> {
        let (facts, type_name) = (inquiry.facts, inquiry.type_name);
        self.find_type(type_name)?;
        let known = known(facts, facts.resources(), type_name);
        page(known, type_name, (after, limit), |reference| {
            let resource = self.known_resource(facts, reference)?;
            Ok(self.decide(&inquiry.request(&resource)))
        })
    }

    /// The subjects of a type that may do the action to the resource in this tenant, among all that
    /// the facts know: from behind `after`, and at most `limit` of them. Each is asked about with
    /// the roles and attributes that the facts give it; the subject of the request does not matter.
    /// O(known subjects).
    ///
    /// # Errors
    /// A type that the policy does not know.
    pub fn list_subjects(
        &self,
        request: &Request<'_>,
        (type_name, tenant): (&str, Option<&str>),
        after: Option<&str>,
        limit: usize,
    ) -> Result<Page, String> {
        let facts = request.facts;
        self.find_type(type_name)?;
        let known = known(facts, facts.subjects(), type_name);
        page(known, type_name, (after, limit), |reference| {
            let given = SubjectFacts {
                reference: Some(reference.to_string()),
                signed_in: true,
                tenant: tenant.map(str::to_owned),
                ..SubjectFacts::default()
            };
            let subject = self.subject(facts.complete(given))?;
            Ok(self.decide(&Request {
                subject: &subject,
                ..*request
            }))
        })
    }

    /// A resource as the facts know it.
    fn known_resource(&self, facts: &Facts, reference: &Reference) -> Result<Resource, String> {
        let nothing = Map::new();
        let attributes = facts.attributes_of(reference).unwrap_or(&nothing);
        let (type_name, id) = (reference.type_name(), Some(reference.id()));
        self.resource(type_name, id, attributes)
    }
}

/// The ids of a type that the facts know, by themselves or in relationships.
fn known<'a>(
    facts: &'a Facts,
    listed: impl Iterator<Item = &'a Reference>,
    type_name: &str,
) -> BTreeSet<Arc<str>> {
    let listed = listed.filter(|it| it.type_name() == type_name);
    let mut known: BTreeSet<Arc<str>> = listed.map(|it| it.id().into()).collect();
    known.extend(facts.related_ids(type_name).map(Arc::from));
    known.remove(WILDCARD);
    known
}

fn page(
    known: BTreeSet<Arc<str>>,
    type_name: &str,
    (after, limit): (Option<&str>, usize),
    mut decide: impl FnMut(&Reference) -> Result<Decision, String>,
) -> Result<Page, String> {
    let mut page = Page {
        items: Vec::new(),
        undecided: Vec::new(),
        next: None,
    };
    // A page of nothing could not say where the next one begins.
    let limit = limit.max(1);
    let mut last = None;
    for id in known {
        if after.is_some_and(|after| *id <= *after) {
            continue;
        }
        let reference = Reference::new(type_name, &id);
        let decision = decide(&reference)?;
        if matches!(decision.outcome, Outcome::Deny(_)) {
            continue;
        }
        if page.items.len() + page.undecided.len() >= limit {
            page.next = last;
            break;
        }
        match decision.outcome {
            Outcome::Permit => page.items.push(reference),
            _ => page.undecided.push((reference, decision)),
        }
        last = Some(id.to_string());
    }
    Ok(page)
}
