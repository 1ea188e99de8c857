//! Deciding: the credential gate and the tenant gate, then the role grants as one policy, the
//! relation grants as one and each rule as one more under the combining algorithm, then default
//! deny.

mod account;
pub(crate) mod combining;
mod explain;
mod filter_text;
mod gates;
mod grants;
mod list;
mod looked;
mod relations;
mod residual;
mod sayings;
mod suppose;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::condition::{Evaluation, Failure};
use crate::decision::{Decision, Denial, Outcome, Reason};
use crate::facts::{Request, Subject};
use crate::model::{ActionKind, Effect, Policy, Rule, Target};

pub use account::{Account, Detail, Remedy, Says, Step, StepKind};
pub use grants::{Grant, GrantedBy};
pub use list::{Allowed, Page};
pub use residual::{Filter, Inquiry, OfTenant, Remainder, Residual};
pub use sayings::Sayings;
pub use suppose::{Supposed, Supposition};

pub(crate) use looked::Looked;

use combining::{Combination, Could, Extended, Member};
use gates::{Gate, Refusal};
use relations::Doubt;

/// What a member of the combination is.
#[derive(Debug)]
enum By {
    /// The grant of `granted_by`, which the subject holds through its role `role`.
    Roles { role: usize, granted_by: usize },
    /// The relation that carries the action, with why nothing can be said if so.
    Relation { action: usize, doubt: Option<Doubt> },
    /// A rule, with what went wrong if its condition could not be evaluated.
    Rule { index: usize, error: Option<String> },
}

impl Policy {
    /// Decides one request: in this order the credential gate, the tenant gate, the grants of
    /// roles, those of relations and the rules under the combining algorithm, and default deny.
    ///
    /// - A credential that is not valid now is none, and one whose scopes do not cover the action,
    ///   or that lacks a claim that the action asks for, is refused whatever its holder may do.
    /// - A resource of another tenant is permitted only by what a subject holds through a role
    ///   with `across_tenants`, or where a share opens it; rules may still deny it. An instance
    ///   whose tenant is not known is indeterminate.
    /// - Without a session only the role `anyone` counts, and both gates stand open.
    /// - A rule does not apply where its condition comes to nothing for want of a subject (there
    ///   is no session) or of an instance (the action is one on the collection).
    /// - A relation whose conditions want for context is indeterminate, unless something else
    ///   permits.
    /// - A subject, resource or action that is not this policy's is indeterminate.
    pub fn decide(&self, request: &Request<'_>) -> Decision {
        let Some((action, kind)) = self.requested_action(request) else {
            return undecided(self.unknown_request(request));
        };
        let mut depends_on_time = false;
        let clock = &mut depends_on_time;
        if let Some(refusal) = self.credential_gate(request, action, clock) {
            return self.refused(request, action, &refusal, depends_on_time);
        }
        let Some(gate) = self.tenant_gate(request, (action, kind), clock) else {
            return Decision {
                depends_on_time,
                ..undecided(self.unknown_tenant(request))
            };
        };
        let members = self.combine(request, (action, kind), gate, clock, |_| {});
        let (value, by) = members.finish();
        let outcome = match value {
            Extended::Permit => Outcome::Permit,
            Extended::Deny | Extended::NotApplicable => {
                Outcome::Deny(self.denial(request.subject.signed_in, gate))
            }
            Extended::Indeterminate(_) => Outcome::Indeterminate,
        };
        Decision {
            outcome,
            reason: self.explain(request, (action, outcome), gate, by),
            depends_on_time,
        }
    }

    fn refused(
        &self,
        request: &Request<'_>,
        action: usize,
        refusal: &Refusal<'_>,
        depends_on_time: bool,
    ) -> Decision {
        Decision {
            outcome: Outcome::Deny(refusal.denial()),
            reason: self.by_credential(request, action, refusal),
            depends_on_time,
        }
    }

    /// The number and kind of the action, if everything in the request is of this policy.
    fn requested_action(&self, request: &Request<'_>) -> Option<(usize, ActionKind)> {
        if !self.knows(request) {
            return None;
        }
        let (_, found) = self.types.get_index(request.resource.type_index)?;
        let action = found.actions.get(request.action)?;
        Some((action.number, action.kind))
    }

    fn knows(&self, request: &Request<'_>) -> bool {
        let is_ours = |of: &Arc<()>| Arc::ptr_eq(of, &self.identity);
        is_ours(&request.subject.policy)
            && is_ours(&request.resource.policy)
            && request.facts.policy.as_ref().is_none_or(is_ours)
    }

    /// What the roles, the relations and each rule say. What can change nothing is not looked at;
    /// `see` is shown what is.
    fn combine(
        &self,
        request: &Request<'_>,
        (action, kind): (usize, ActionKind),
        gate: Gate,
        depends_on_time: &mut bool,
        mut see: impl FnMut(&Member<By>),
    ) -> Combination<By> {
        let mut members = Combination::new(self.algorithm);
        let mut add = |members: &mut Combination<By>, member: Member<By>| {
            see(&member);
            members.add(member);
        };
        if let Some(by) = self.role_grant(request.subject, action, gate) {
            let value = Extended::Permit;
            add(&mut members, Member { value, by });
        }
        if members.is_decided() {
            return members;
        }
        if gate == Gate::Open
            && !members.is_permitted()
            && let Some(member) = self.relation_grant(request, action, depends_on_time)
        {
            add(&mut members, member);
        }
        if members.is_decided() {
            return members;
        }
        for &(index, target) in self.targets.get(action).into_iter().flatten() {
            let Some(rule) = self.rules.get(index) else {
                continue;
            };
            let idle = gate == Gate::Closed || members.is_permitted();
            if rule.effect == Effect::Permit && idle {
                continue;
            }
            let Some(target) = rule.targets.get(target) else {
                continue;
            };
            let member = member(index, rule, target, request, kind, depends_on_time);
            add(&mut members, member);
            if members.is_decided() {
                break;
            }
        }
        members
    }

    /// The first grant of the action in the order of the subject's roles, the reserved ones last.
    fn role_grant(&self, subject: &Subject, action: usize, gate: Gate) -> Option<By> {
        subject.all_roles().find_map(|role| {
            let (_, found) = self.roles.get_index(role)?;
            let granted_by = found.grant(action, gate == Gate::Closed)?;
            Some(By::Roles { role, granted_by })
        })
    }

    fn denial(&self, is_signed_in: bool, gate: Gate) -> Denial {
        if !is_signed_in {
            Denial::Unauthenticated
        } else if gate == Gate::Closed && self.conceals() {
            Denial::Concealed
        } else {
            Denial::Forbidden
        }
    }
}

fn undecided(reason: Reason) -> Decision {
    Decision {
        outcome: Outcome::Indeterminate,
        reason,
        depends_on_time: false,
    }
}

/// What one rule says of a request that it applies to.
fn member(
    index: usize,
    rule: &Rule,
    target: &Target,
    request: &Request<'_>,
    kind: ActionKind,
    depends_on_time: &mut bool,
) -> Member<By> {
    let holds = target.condition.as_ref().map_or(Ok(true), |condition| {
        let Evaluation { result, read_now } = condition.holds(request, kind);
        *depends_on_time |= read_now;
        result
    });
    let (value, error) = match (holds, rule.effect) {
        (Ok(false) | Err(Failure::Absent), _) => (Extended::NotApplicable, None),
        (Ok(true), Effect::Permit) => (Extended::Permit, None),
        (Ok(true), Effect::Deny) => (Extended::Deny, None),
        // Conditions of rules have no parameters, so that nothing of them is unknown.
        (Err(Failure::Unknown(_)), _) => (Extended::Indeterminate(Could::Either), None),
        (Err(Failure::Error(error)), Effect::Permit) => {
            (Extended::Indeterminate(Could::Permit), Some(error))
        }
        (Err(Failure::Error(error)), Effect::Deny) => {
            (Extended::Indeterminate(Could::Deny), Some(error))
        }
    };
    let by = By::Rule { index, error };
    Member { value, by }
}
