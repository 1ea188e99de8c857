//! Which actions two policies say the same of, for those who compare policies: what is said in the
//! same words is decided alike, and need not be asked.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::relation::RelationModel;
use super::{Flag, Policy, Role, Type};

/// Two policies, with what concerns each of their actions compared once.
#[derive(Debug, Clone)]
pub struct Likeness<'a> {
    policies: [&'a Policy; 2],
    /// Whether attributes, tenants and the combining algorithm are the same.
    declares_alike: bool,
    flags_alike: bool,
    models_alike: bool,
}

impl<'a> Likeness<'a> {
    /// Compares what concerns every action. O(policies).
    pub fn of(old: &'a Policy, new: &'a Policy) -> Self {
        let tenants = |policy: &Policy| policy.tenants.as_ref().map(|it| it.conceal);
        let combines = |policy: &Policy| policy.algorithm.name();
        Self {
            policies: [old, new],
            declares_alike: old.attributes_alike(new)
                && tenants(old) == tenants(new)
                && combines(old) == combines(new),
            flags_alike: flags(old) == flags(new),
            models_alike: old.relation_model() == new.relation_model(),
        }
    }

    /// Whether both policies say the same of the action in so many words, and so decide alike.
    /// O(roles + rules on the action), and O(relation models) where these differ.
    pub fn is_alike(&self, type_name: &str, action: &str) -> bool {
        let [old, new] = self.policies;
        let numbers = self.policies.map(|it| it.action_number(type_name, action));
        let (true, [Some(a), Some(b)]) = (self.declares_alike, numbers) else {
            return false;
        };
        old.action_kind(type_name, action) == new.action_kind(type_name, action)
            && roles_alike([old, new], [a, b])
            && self.rules_alike(type_name, action)
            && covering(old, a) == covering(new, b)
            && claims(old, a).eq(claims(new, b))
            && old.may_share(type_name, action) == new.may_share(type_name, action)
            && self.looks_up_alike(type_name, action)
    }

    /// Whether both look up the same relation, which follows from the same.
    pub fn looks_up_alike(&self, type_name: &str, action: &str) -> bool {
        let [old, new] = self.policies.map(|it| it.related(type_name, action));
        old == new && (self.models_alike || self.differing_relations(type_name, action).is_empty())
    }

    /// The relations that say something else in the other model, among those that the relation
    /// follows from which carries the action: `folder#viewer`, sorted.
    pub fn differing_relations(&self, type_name: &str, action: &str) -> Vec<String> {
        let looked_up = self.policies.map(|policy| {
            let relation = policy.related(type_name, action);
            relation.zip(policy.relation_model())
        });
        let models = self.policies.map(Policy::relation_model);
        let [Some(old), Some(new)] = models else {
            return Vec::new();
        };
        let reached = looked_up.into_iter().flatten();
        let reached: BTreeSet<_> = reached
            .flat_map(|(relation, model)| model.reached_from(type_name, relation))
            .collect();
        let differs = |(of, relation): &(&str, &str)| !relations_alike([old, new], of, relation);
        let differing = reached.into_iter().filter(differs);
        differing.map(|(of, it)| format!("{of}#{it}")).collect()
    }

    /// The rules on the action in their order. Whatever asks for a flag differs where flags do.
    fn rules_alike(&self, type_name: &str, action: &str) -> bool {
        let [old, new] = self.policies.map(|policy| {
            let rules = policy.rules_on(type_name, action);
            rules.map(|rule| (rule.permits, rule.when.map(str::trim)))
        });
        let asks_for_flag = |when: Option<&str>| when.is_some_and(|it| it.contains("flag"));
        let mut rules = self.policies[1].rules_on(type_name, action);
        old.eq(new) && (self.flags_alike || !rules.any(|rule| asks_for_flag(rule.when)))
    }
}

impl Policy {
    /// Whether facts that are good for the other policy mean the same to this one: types, names of
    /// roles, relation model and what shares may open are the same.
    pub(crate) fn knows_as(&self, other: &Self) -> bool {
        self.attributes_alike(other)
            && self.actions_alike(other)
            && self.roles.keys().eq(other.roles.keys())
            && self.may_share == other.may_share
            && self.relation_model() == other.relation_model()
    }

    /// Whether the same types have the same attributes, in the same order.
    fn attributes_alike(&self, other: &Self) -> bool {
        let attributes = |it: &Type| {
            let all = it.attributes.iter();
            let all = all.map(|(name, it)| {
                let default = it.default.as_ref().map(|value| format!("{value:?}"));
                (Arc::clone(name), it.value_type.clone(), default)
            });
            (Arc::clone(&it.name), all.collect::<Vec<_>>())
        };
        let [these, those] = [self, other].map(|it| it.types.values().map(attributes));
        these.eq(those)
    }

    /// Whether the same types have the same actions, in the same order.
    fn actions_alike(&self, other: &Self) -> bool {
        let actions = |it: &Type| {
            let all = it.actions.iter();
            let all = all.map(|(name, it)| (Arc::clone(name), it.kind, it.number));
            all.collect::<Vec<_>>()
        };
        let [these, those] = [self, other].map(|it| it.types.values().map(actions));
        these.eq(those)
    }
}

/// What each role grants of an action, by its name; one that grants nothing need not be there.
fn roles_alike(policies: [&Policy; 2], numbers: [usize; 2]) -> bool {
    let granted = |role: Option<&Role>, number: usize| {
        [false, true].map(|across| role.is_some_and(|it| it.grant(number, across).is_some()))
    };
    let [old, new] = policies;
    let [in_old, in_new] = numbers;
    let is_kept = |name: &Arc<str>| {
        granted(old.roles.get(name), in_old) == granted(new.roles.get(name), in_new)
    };
    // Nearly always the roles stand in the same places.
    if old.roles.keys().eq(new.roles.keys()) {
        let pairs = old.roles.values().zip(new.roles.values());
        return pairs
            .map(|(a, b)| (granted(Some(a), in_old), granted(Some(b), in_new)))
            .all(|(a, b)| a == b);
    }
    old.roles.keys().chain(new.roles.keys()).all(is_kept)
}

/// The scopes that cover an action.
fn covering(policy: &Policy, number: usize) -> BTreeSet<&str> {
    policy
        .scopes
        .covering(number)
        .map(|(name, _)| name)
        .collect()
}

/// The claims that an action asks for.
fn claims(policy: &Policy, number: usize) -> impl Iterator<Item = (&str, &serde_json::Value)> {
    let claims = policy.claims.get(number).into_iter().flatten();
    claims.map(|claim| (&*claim.name, &claim.value))
}

/// Every flag with whom it is on for, the roles being all that hold one of those that it names.
fn flags(policy: &Policy) -> Vec<impl PartialEq + use<'_>> {
    let of = |flag: &'_ Arc<Flag>| {
        let roles = policy.role_names();
        let roles = roles.filter(|role| policy.flag_names_role(&flag.name, role));
        let roles: BTreeSet<String> = roles.map(str::to_owned).collect();
        let flag = Flag {
            roles: BTreeSet::new(),
            ..Flag::clone(flag)
        };
        (flag, roles)
    };
    policy.flags.values().map(of).collect()
}

/// Whether a relation says the same in both models, with the conditions that it asks for.
fn relations_alike(models: [&RelationModel; 2], type_name: &str, relation: &str) -> bool {
    let [old, new] = models.map(|it| it.relation(type_name, relation));
    let subjects = old.into_iter().flat_map(|it| &it.subjects);
    let mut conditions = subjects.filter_map(|it| it.condition.as_ref());
    let [a, b] = models;
    old == new
        && a.language == b.language
        && conditions.all(|name| a.conditions.get(name) == b.conditions.get(name))
}
