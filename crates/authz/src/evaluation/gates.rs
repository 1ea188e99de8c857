//! The gates that a request passes before any grant is looked at: what its credential may be used
//! for at all, and to which tenant the resource belongs.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::decision::{CredentialFault, Denial};
use crate::facts::{Request, Share};
use crate::model::{ActionKind, Policy, RequiredClaim};

/// The tenant gate: whether the resource belongs to a tenant that is not the subject's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gate {
    Open,
    Closed,
}

/// Why a credential does not do.
#[derive(Debug)]
pub(super) enum Refusal<'a> {
    Revoked,
    NotYetValid,
    Expired,
    /// No scope that it has covers the action.
    Scope,
    Claim(&'a RequiredClaim),
}

impl Refusal<'_> {
    pub(super) fn fault(&self) -> CredentialFault {
        match self {
            Self::Revoked => CredentialFault::Revoked,
            Self::NotYetValid => CredentialFault::NotYetValid,
            Self::Expired => CredentialFault::Expired,
            Self::Scope => CredentialFault::Scope,
            Self::Claim(_) => CredentialFault::Claim,
        }
    }

    /// One that is not valid is none; one that does not reach far enough is.
    pub(super) fn denial(&self) -> Denial {
        match self {
            Self::Revoked | Self::NotYetValid | Self::Expired => Denial::Unauthenticated,
            Self::Scope | Self::Claim(_) => Denial::Forbidden,
        }
    }
}

impl Policy {
    /// Why the credential does not do for the action, if it does not. There is no gate where
    /// there is no session, nor one of scopes where the session has none.
    pub(super) fn credential_gate(
        &self,
        request: &Request<'_>,
        action: usize,
        depends_on_time: &mut bool,
    ) -> Option<Refusal<'_>> {
        if !request.subject.signed_in {
            return None;
        }
        let credential = &request.subject.credential;
        if credential.revoked {
            return Some(Refusal::Revoked);
        }
        let (from, until) = (credential.valid_from, credential.valid_until);
        *depends_on_time |= from.is_some() || until.is_some();
        if from.is_some_and(|from| request.now < from) {
            return Some(Refusal::NotYetValid);
        }
        if until.is_some_and(|until| until <= request.now) {
            return Some(Refusal::Expired);
        }
        let scopes = credential.scopes.as_ref();
        if scopes.is_some_and(|scopes| !self.scopes.cover(scopes, action)) {
            return Some(Refusal::Scope);
        }
        let mut required = self.claims.get(action).into_iter().flatten();
        let unmet = required.find(|claim| !claim.is_met_by(credential.claims.get(&*claim.name)));
        unmet.map(Refusal::Claim)
    }

    /// The state of the gate; none if it cannot be known whose the instance is.
    pub(super) fn tenant_gate(
        &self,
        request: &Request<'_>,
        (action, kind): (usize, ActionKind),
        depends_on_time: &mut bool,
    ) -> Option<Gate> {
        let resource = request.resource;
        let slot = self.types.get_index(resource.type_index);
        let slot = slot.and_then(|(_, found)| found.tenant_slot);
        let Some(slot) = slot.filter(|_| self.tenants.is_some()) else {
            return Some(Gate::Open);
        };
        if !request.subject.signed_in {
            return Some(Gate::Open);
        }
        match resource.attributes.get(slot).and_then(Option::as_ref) {
            None if kind == ActionKind::Collection => Some(Gate::Open),
            None => None,
            Some(tenant) if tenant.as_str() == request.subject.tenant() => Some(Gate::Open),
            Some(_) => Some(match self.share(request, action, depends_on_time) {
                Some(_) => Gate::Open,
                None => Gate::Closed,
            }),
        }
    }

    /// The share that opens this resource to the subject's tenant for this action now.
    pub(super) fn share<'a>(
        &self,
        request: &Request<'a>,
        action: usize,
        depends_on_time: &mut bool,
    ) -> Option<&'a Share> {
        shares(request, action).find(|share| {
            *depends_on_time |= share.until.is_some();
            share.counts_at(request.now)
        })
    }

    /// A share that would open it, and when it ended.
    pub(super) fn ended_share<'a>(
        &self,
        request: &Request<'a>,
        action: usize,
    ) -> Option<(&'a Share, jiff::Timestamp)> {
        let share = shares(request, action).last()?;
        Some((share, share.until?))
    }
}

/// The shares of this resource with the subject's tenant for this action, whenever they count.
fn shares<'a>(request: &Request<'a>, action: usize) -> impl Iterator<Item = &'a Share> {
    let resource = request.resource.named_by_facts();
    let found = resource.and_then(|resource| request.facts.shares.get(resource));
    let tenant = request.subject.tenant();
    let found = found.into_iter().flatten();
    found.filter(move |share| Some(&*share.with) == tenant && share.action == action)
}

/// The ids of the resources of the request's type that are shared with the subject's tenant for
/// this action now.
pub(super) fn shared(request: &Request<'_>, action: usize) -> BTreeSet<Arc<str>> {
    let tenant = request.subject.tenant();
    let of_type = request.facts.shares.iter();
    let of_type = of_type.filter(|(of, _)| of.type_name() == request.resource.type_name());
    let open = of_type.filter(|(_, shares)| {
        shares.iter().any(|share| {
            Some(&*share.with) == tenant && share.action == action && share.counts_at(request.now)
        })
    });
    open.map(|(of, _)| of.id().into()).collect()
}
