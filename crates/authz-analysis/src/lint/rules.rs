//! Rules that can say nothing: because their condition never holds, or because another part has
//! said it before, or says the contrary wherever they apply.

use std::collections::{BTreeMap, BTreeSet};

use authz::condition::{Proposition, proposition};
use authz::language::written::RuleEntry;
use authz::model::{ANYONE, Effect};
use authz::source::yaml::Value;

use super::logic::{implies, never_holds};
use super::roles::{Permission, Roles, permissions};
use super::{Finding, Lint, Looked, find};

/// A rule with what it is compared by.
struct Known<'a> {
    index: usize,
    entry: &'a RuleEntry,
    condition: Proposition,
}

/// How parts override each other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Combining {
    DenyOverrides,
    PermitOverrides,
    FirstApplicable,
}

pub(super) fn look(looked: &Looked<'_>, findings: &mut Vec<Finding>) {
    let rules: Vec<Known<'_>> = (0..)
        .zip(&looked.written.rules)
        .filter_map(|(index, entry)| known(index, entry))
        .collect();
    let combine = looked.written.combine.as_ref();
    let combining = match combine.map_or("deny-overrides", |it| it.text.as_str()) {
        "permit-overrides" => Combining::PermitOverrides,
        "first-applicable" => Combining::FirstApplicable,
        "only-one-applicable" => return unreachable_rules(&rules, findings),
        _ => Combining::DenyOverrides,
    };
    unreachable_rules(&rules, findings);
    let mut by_permission: BTreeMap<Permission, Vec<&Known<'_>>> = BTreeMap::new();
    for rule in rules.iter().filter(|it| !never_holds(&it.condition)) {
        for permission in permissions(&rule.entry.targets, looked) {
            by_permission.entry(permission).or_default().push(rule);
        }
    }
    let view = View {
        anyone: Roles::of(looked).permissions(ANYONE).clone(),
        by_permission: &by_permission,
        combining,
    };
    for rule in &rules {
        view.look(rule, looked, findings);
    }
    if combining == Combining::DenyOverrides {
        overridden_grants(looked, &by_permission, findings);
    }
}

fn known(index: usize, entry: &RuleEntry) -> Option<Known<'_>> {
    let condition = match &entry.when {
        None => Proposition::Constant(true),
        Some(node) => match &node.value {
            Value::Scalar(scalar) => proposition(&scalar.text)?,
            _ => return None,
        },
    };
    Some(Known {
        index,
        entry,
        condition,
    })
}

fn unreachable_rules(rules: &[Known<'_>], findings: &mut Vec<Finding>) {
    for rule in rules.iter().filter(|it| never_holds(&it.condition)) {
        let name = &rule.entry.name;
        let message = format!("the condition of rule `{}` never holds", name.text);
        find(findings, Lint::UnreachableRule, &name.place, message);
    }
}

struct View<'a> {
    /// What everybody may do by role.
    anyone: BTreeSet<Permission>,
    by_permission: &'a BTreeMap<Permission, Vec<&'a Known<'a>>>,
    combining: Combining,
}

impl View<'_> {
    /// Tells of a rule that has a part over it at each of its actions.
    fn look(&self, rule: &Known<'_>, looked: &Looked<'_>, findings: &mut Vec<Finding>) {
        if never_holds(&rule.condition) {
            return;
        }
        let mut over = Vec::new();
        for permission in permissions(&rule.entry.targets, looked) {
            match self.over(rule, &permission) {
                Some(found) => over.push(found),
                None => return,
            }
        }
        let Some(first) = over.first() else {
            return;
        };
        let name = &rule.entry.name;
        let is_denied = |it: &Over| it.effect == Effect::Deny;
        if rule.entry.effect == Effect::Permit && over.iter().all(is_denied) {
            let message = format!(
                "rule `{}` permits nothing that {} does not deny",
                name.text, first.text
            );
            find(findings, Lint::UnreachablePermit, &name.place, message);
        } else {
            let message = format!(
                "rule `{}` changes nothing: {} is over it",
                name.text, first.text
            );
            find(findings, Lint::ShadowedRule, &name.place, message);
        }
    }

    /// The part that decides at this action wherever the rule would.
    fn over(&self, rule: &Known<'_>, permission: &Permission) -> Option<Over> {
        let effect = rule.entry.effect;
        let permits_first = self.combining != Combining::DenyOverrides || effect == Effect::Permit;
        if permits_first && self.anyone.contains(permission) {
            return Some(Over {
                effect: Effect::Permit,
                text: format!("role `{ANYONE}`"),
            });
        }
        let others = self.by_permission.get(permission)?.iter();
        let mut others = others.filter(|it| it.index != rule.index && self.overrides(it, rule));
        let found = others.find(|it| implies(&rule.condition, &it.condition))?;
        Some(Over {
            effect: found.entry.effect,
            text: format!("rule `{}`", found.entry.name.text),
        })
    }

    /// Whether the first rule decides where both apply. Of two that say the same the later one is
    /// superfluous, unless only the earlier one follows from it.
    fn overrides(&self, other: &Known<'_>, rule: &Known<'_>) -> bool {
        let is_earlier = other.index < rule.index;
        let (ours, theirs) = (rule.entry.effect, other.entry.effect);
        match self.combining {
            Combining::FirstApplicable => is_earlier,
            _ if ours == theirs => is_earlier || !implies(&other.condition, &rule.condition),
            Combining::DenyOverrides => theirs == Effect::Deny,
            Combining::PermitOverrides => theirs == Effect::Permit,
        }
    }
}

/// What stands over a rule.
struct Over {
    effect: Effect,
    text: String,
}

/// Grants of roles and relations that a rule always denies.
fn overridden_grants(
    looked: &Looked<'_>,
    by_permission: &BTreeMap<Permission, Vec<&Known<'_>>>,
    findings: &mut Vec<Finding>,
) {
    let always = Proposition::Constant(true);
    let denying = |type_name: &str, action: &str| {
        let rules = by_permission.get(&(type_name.to_owned(), action.to_owned()))?;
        let mut rules = rules.iter().filter(|it| it.entry.effect == Effect::Deny);
        let found = rules.find(|it| implies(&always, &it.condition))?;
        Some(found.entry.name.text.as_str())
    };
    for role in &looked.written.roles {
        for grant in &role.can {
            for action in &grant.actions {
                let type_name = &grant.type_name.text;
                if let Some(rule) = denying(type_name, &action.text) {
                    let (name, action_name) = (&role.name.text, &action.text);
                    let message = format!(
                        "role `{name}` grants to {action_name} {type_name}, which rule `{rule}` always denies"
                    );
                    find(findings, Lint::UnreachablePermit, &action.place, message);
                }
            }
        }
    }
    for related in &looked.written.related {
        for (action, relation) in &related.actions {
            let type_name = &related.type_name.text;
            if let Some(rule) = denying(type_name, &action.text) {
                let message = format!(
                    "relation `{}` carries to {} {type_name}, which rule `{rule}` always denies",
                    relation.text, action.text
                );
                find(findings, Lint::UnreachablePermit, &action.place, message);
            }
        }
    }
}
