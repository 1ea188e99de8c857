//! Decisions on suppositions: what the grants of a role, the relation and the rules come to, when
//! it is supposed which of the relation and the conditions hold. So a table of a policy can be made
//! without any subject or resource.

use std::sync::Arc;

use crate::decision::Outcome;
use crate::model::{ANYONE, Effect, Policy, Rule, SIGNED_IN, Target};

use super::combining::{Combination, Extended, Member};
use super::gates::Gate;

/// Who acts on what, as far as it is said.
#[derive(Debug, Clone, Copy)]
pub struct Supposed<'a> {
    /// The one role that the subject has, beside the reserved ones. `anyone` is a visitor without a
    /// session, `signed-in` a session without a role.
    pub role: &'a str,
    /// The type of the resource.
    pub type_name: &'a str,
    /// The name of an action of the type.
    pub action: &'a str,
    /// Whether the resource is of another tenant and not shared with the subject's.
    pub is_foreign: bool,
}

/// Something that may hold or not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Supposition {
    /// The subject stands in this relation to the resource.
    Relation(Arc<str>),
    /// The condition of the rule of this name holds.
    Rule(Arc<str>),
}

/// A part that says nothing where its supposition does not hold.
struct Part {
    supposition: Option<Supposition>,
    effect: Effect,
    /// Whether it never says anything, for want of a session: it applies all the same.
    is_mute: bool,
}

impl Policy {
    /// What the outcome depends on, in the order in which it is asked. Conditions of rules that
    /// cannot hold for want of a session are left out, and so is what stands behind a closed gate.
    pub fn suppositions(&self, supposed: Supposed<'_>) -> Vec<Supposition> {
        let parts = self.parts_supposed(supposed).unwrap_or_default();
        let open = parts.into_iter().filter_map(|part| part.supposition);
        open.collect()
    }

    /// What is decided, if exactly that holds of which `holds` is true. The gate of credentials is
    /// passed. None for a role, type or action that the policy does not have.
    pub fn decide_supposing(
        &self,
        supposed: Supposed<'_>,
        holds: &dyn Fn(&Supposition) -> bool,
    ) -> Option<Outcome> {
        let parts = self.parts_supposed(supposed)?;
        let mut members = Combination::new(self.algorithm);
        for part in parts {
            let says = !part.is_mute && part.supposition.as_ref().is_none_or(holds);
            let value = match says {
                false => Extended::NotApplicable,
                true if part.effect == Effect::Permit => Extended::Permit,
                true => Extended::Deny,
            };
            members.add(Member { value, by: () });
        }
        Some(match members.finish().0 {
            Extended::Permit => Outcome::Permit,
            Extended::Indeterminate(_) => Outcome::Indeterminate,
            Extended::Deny | Extended::NotApplicable => {
                let gate = gate(supposed);
                Outcome::Deny(self.denial(supposed.role != ANYONE, gate))
            }
        })
    }

    /// The parts that apply, in the order in which they are asked: those of [`Policy::decide`].
    fn parts_supposed(&self, supposed: Supposed<'_>) -> Option<Vec<Part>> {
        let gate = gate(supposed);
        let found = self.types.get(supposed.type_name)?;
        let action = found.actions.get(supposed.action)?.number;
        let is_signed_in = supposed.role != ANYONE;
        let role = self.roles.get(supposed.role)?;
        let reserved = [SIGNED_IN, ANYONE].into_iter();
        let reserved = reserved.filter(|name| is_signed_in || *name == ANYONE);
        let mut roles = reserved
            .filter_map(|name| self.roles.get(name))
            .chain([role]);
        let mut parts = Vec::new();
        if roles.any(|role| role.grant(action, gate == Gate::Closed).is_some()) {
            parts.push(Part::permitting(None));
        }
        let related = self.relations.as_ref().and_then(|it| it.of(action));
        if let Some(related) = related.filter(|_| gate == Gate::Open && is_signed_in) {
            let relation = Arc::clone(&related.relation);
            parts.push(Part::permitting(Some(Supposition::Relation(relation))));
        }
        for &(index, target) in self.targets.get(action).into_iter().flatten() {
            let rule = self.rules.get(index)?;
            if rule.effect == Effect::Deny || gate == Gate::Open {
                parts.push(part(rule, rule.targets.get(target)?, is_signed_in));
            }
        }
        Some(parts)
    }
}

fn gate(supposed: Supposed<'_>) -> Gate {
    match supposed.is_foreign && supposed.role != ANYONE {
        true => Gate::Closed,
        false => Gate::Open,
    }
}

/// What a rule says.
fn part(rule: &Rule, target: &Target, is_signed_in: bool) -> Part {
    let condition = target.condition.as_ref();
    let can_hold = condition.is_none_or(|it| is_signed_in || it.may_hold_without_session());
    let supposition = condition.filter(|_| can_hold);
    Part {
        supposition: supposition.map(|_| Supposition::Rule(Arc::clone(&rule.name))),
        effect: rule.effect,
        is_mute: !can_hold,
    }
}

impl Part {
    fn permitting(supposition: Option<Supposition>) -> Self {
        Self {
            supposition,
            effect: Effect::Permit,
            is_mute: false,
        }
    }
}
