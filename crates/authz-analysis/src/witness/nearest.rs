//! Which of the grants of an action a denied request is nearest to.

use authz::source::Place;
use authz::{Grant, GrantedBy, Says};

use super::case::Case;
use super::{Fact, Witness};

/// Everything that permits the action to somebody, the nearest first: what permits this request but
/// for what stops it, then what would with a witness, in the order of these, then the others; of
/// roles those that reach little.
pub(super) fn grants(case: &Case<'_>, witnesses: &[Witness]) -> Vec<Grant> {
    let steps = case.account().map(|account| account.steps);
    let steps = steps.unwrap_or_default().into_iter();
    let permits = steps.filter(|step| step.says == Says::Permit);
    let permits: Vec<Option<Place>> = permits.map(|step| step.place).collect();
    let turned = witnesses.iter().map(|it| turned_by(case, &it.facts));
    let turned: Vec<Option<Place>> = turned.collect();
    let mut grants = case.policy.grants(case.type_name, case.action);
    grants.sort_by_cached_key(|grant| {
        let with = turned.iter().position(|place| *place == grant.place);
        let reach = match &grant.by {
            GrantedBy::Role { role, .. } => case.policy.reach(role),
            GrantedBy::Relation { .. } | GrantedBy::Rule { .. } => 0,
        };
        (
            !permits.contains(&grant.place),
            with.unwrap_or(turned.len()),
            reach,
        )
    });
    grants
}

/// The part of the policy that permits the request with these facts.
fn turned_by(case: &Case<'_>, facts: &[Fact]) -> Option<Place> {
    case.with(facts)?.decide()?.reason.place
}
