//! Changes of policy files, section by section.

use authz::Policy;
use authz::condition::variants;
use authz::source::Source;
use authz::source::yaml::{Entry, Node};

use super::Operator;
use super::changes::Changes;
use super::text::{
    Splice, entries, entry, items, scalar, with_entry, with_item, with_text, without_entry,
    without_item,
};

/// The combining algorithms.
const ALGORITHMS: [&str; 4] = [
    "deny-overrides",
    "permit-overrides",
    "first-applicable",
    "only-one-applicable",
];

struct File<'a> {
    source: &'a Source,
    policy: &'a Policy,
    changes: &'a mut Changes,
}

/// The changes of a policy file.
pub(super) fn changes(source: &Source, root: &Node, policy: &Policy, changes: &mut Changes) {
    let mut file = File {
        source,
        policy,
        changes,
    };
    for (at, section) in entries(root).iter().enumerate() {
        let said = &section.value;
        match section.key.as_str() {
            "roles" => entries(said).iter().for_each(|it| file.role(it)),
            "rules" => file.rules(said),
            "tenants" => file.tenants(root, at, section),
            "combine" => file.combine(said),
            "scopes" => file.scopes(said),
            "claims" => file.claims(said),
            "flags" => entries(said).iter().for_each(|it| file.flag(it)),
            "shares" => file.shares(said),
            "related" => file.related(said),
            _ => {}
        }
    }
    if entry(root, "combine").is_none() && entry(root, "rules").is_some() {
        for algorithm in ALGORITHMS
            .iter()
            .filter(|it| **it != policy.algorithm_name())
        {
            let what = format!("rules are combined by `{algorithm}`");
            let splice = with_entry(source, root, &format!("combine: {algorithm}"));
            file.changes
                .add(Operator::SwapAlgorithm, &root.place, what, splice);
        }
    }
}

impl File<'_> {
    fn role(&mut self, role: &Entry) {
        let name = &role.key;
        if let Some(includes) = entry(&role.value, "includes") {
            for (at, item) in items(&includes.value).iter().enumerate() {
                let what = format!(
                    "role `{name}` does not include `{}`",
                    scalar(item).unwrap_or_default()
                );
                let splice = without_item(&includes.value, at);
                self.changes
                    .add(Operator::DropInclude, &item.place, what, splice);
            }
        }
        if let Some(can) = entry(&role.value, "can") {
            let kinds = (Operator::WidenGrant, Operator::NarrowGrant);
            self.grants(&format!("role `{name}`"), &can.value, kinds);
        }
        self.across(role);
    }

    fn across(&mut self, role: &Entry) {
        let name = &role.key;
        if !self.policy.has_tenants() || name == "anyone" || name == "signed-in" {
            return;
        }
        let (what, splice) = match entry(&role.value, "across_tenants") {
            Some(across) if scalar(&across.value) == Some("true") => (
                format!("role `{name}` does not count for other tenants"),
                Some(Splice::new(across.value.place.span.clone(), "false")),
            ),
            Some(across) => (
                format!("role `{name}` counts for other tenants"),
                Some(Splice::new(across.value.place.span.clone(), "true")),
            ),
            None => (
                format!("role `{name}` counts for other tenants"),
                with_entry(self.source, &role.value, "across_tenants: true"),
            ),
        };
        let operator = Operator::TurnAcrossTenants;
        self.changes.add(operator, &role.place, what, splice);
    }

    /// `{ post: [read, update] }`: one action less, and one more.
    fn grants(&mut self, who: &str, can: &Node, (widen, narrow): (Operator, Operator)) {
        for of_type in entries(can) {
            let (type_name, list) = (&of_type.key, &of_type.value);
            let named: Vec<&str> = items(list).iter().filter_map(scalar).collect();
            for (at, item) in items(list).iter().enumerate() {
                let action = scalar(item).unwrap_or_default();
                let what = format!("{who} has no `{action}` of `{type_name}`");
                self.changes
                    .add(narrow, &item.place, what, without_item(list, at));
            }
            if named.contains(&"*") {
                self.narrower(who, of_type, narrow);
                continue;
            }
            let all = self.policy.action_names(type_name);
            let missing: Vec<String> = all
                .filter(|it| !named.contains(it))
                .map(str::to_owned)
                .collect();
            for action in missing {
                let what = format!("{who} has `{action}` of `{type_name}`");
                let splice = with_item(self.source, list, &action);
                self.changes.add(widen, &of_type.place, what, splice);
            }
        }
    }

    /// `"*"` as all actions but one.
    fn narrower(&mut self, who: &str, of_type: &Entry, narrow: Operator) {
        let type_name = &of_type.key;
        let all: Vec<&str> = self.policy.action_names(type_name).collect();
        for action in &all {
            let others: Vec<&str> = all.iter().filter(|it| *it != action).copied().collect();
            let splice = Splice::new(
                of_type.value.place.span.clone(),
                format!("[{}]", others.join(", ")),
            );
            let what = format!("{who} has no `{action}` of `{type_name}`");
            self.changes.add(narrow, &of_type.place, what, Some(splice));
        }
    }

    fn rules(&mut self, rules: &Node) {
        for (at, rule) in items(rules).iter().enumerate() {
            let name = entry(rule, "name").and_then(|it| scalar(&it.value));
            let name = name.unwrap_or_default();
            let what = format!("rule `{name}` is gone");
            let splice = without_item(rules, at);
            self.changes
                .add(Operator::DropRule, &rule.place, what, splice);
            self.rule(rule, name);
            self.swapped(rules, at, name);
        }
    }

    fn rule(&mut self, rule: &Node, name: &str) {
        for (key, other) in [("permit", "deny"), ("deny", "permit")] {
            let Some(effect) = entry(rule, key) else {
                continue;
            };
            let what = format!("rule `{name}` says `{other}`");
            let splice = Some(Splice::new(effect.place.span.clone(), other));
            self.changes
                .add(Operator::TurnEffect, &effect.place, what, splice);
            let kinds = (Operator::WidenRule, Operator::NarrowRule);
            self.grants(&format!("rule `{name}`"), &effect.value, kinds);
        }
        let whens = entries(rule).iter().enumerate();
        for (at, when) in whens.filter(|(_, it)| it.key == "when") {
            let what = format!("rule `{name}` has no condition");
            let splice = without_entry(rule, at);
            self.changes
                .add(Operator::DropCondition, &when.place, what, splice);
            for variant in variants(scalar(&when.value).unwrap_or_default()) {
                let what = format!("rule `{name}`: {}", variant.what);
                let splice = with_text(self.source, &when.value, &variant.text);
                self.changes
                    .add(Operator::ChangeCondition, &when.place, what, splice);
            }
        }
    }

    /// The order of rules matters where the first one decides.
    fn swapped(&mut self, rules: &Node, at: usize, name: &str) {
        let pair = items(rules).get(at).zip(items(rules).get(at + 1));
        let Some((rule, next)) = pair.filter(|_| self.policy.algorithm_name() == ALGORITHMS[2])
        else {
            return;
        };
        let text = |node: &Node| self.source.text().get(node.place.span.clone());
        let between = rule.place.span.end..next.place.span.start;
        let parts = (text(next), self.source.text().get(between), text(rule));
        let (Some(first), Some(between), Some(second)) = parts else {
            return;
        };
        let span = rule.place.span.start..next.place.span.end;
        let splice = Splice::new(span, format!("{first}{between}{second}"));
        let what = format!("rule `{name}` stands behind the next one");
        self.changes
            .add(Operator::SwapRules, &rule.place, what, Some(splice));
    }

    fn tenants(&mut self, root: &Node, at: usize, tenants: &Entry) {
        let what = "there is no gate between tenants".to_owned();
        let splice = without_entry(root, at);
        self.changes
            .add(Operator::DropTenants, &tenants.place, what, splice);
        let conceals = self.policy.conceals();
        let what = match conceals {
            true => "other tenants' resources are not concealed",
            false => "other tenants' resources are concealed",
        };
        let turned = !conceals;
        let splice = match entry(&tenants.value, "conceal") {
            Some(conceal) => {
                let span = conceal.value.place.span.clone();
                Some(Splice::new(span, turned.to_string()))
            }
            None => with_entry(self.source, &tenants.value, &format!("conceal: {turned}")),
        };
        let place = &tenants.place;
        self.changes
            .add(Operator::TurnConceal, place, what.to_owned(), splice);
    }

    fn combine(&mut self, combine: &Node) {
        for algorithm in ALGORITHMS {
            if Some(algorithm) == scalar(combine) {
                continue;
            }
            let what = format!("rules are combined by `{algorithm}`");
            let splice = Some(Splice::new(combine.place.span.clone(), algorithm));
            self.changes
                .add(Operator::SwapAlgorithm, &combine.place, what, splice);
        }
    }

    fn scopes(&mut self, scopes: &Node) {
        for scope in entries(scopes) {
            let kinds = (Operator::WidenScope, Operator::NarrowScope);
            self.grants(&format!("scope `{}`", scope.key), &scope.value, kinds);
        }
    }

    fn claims(&mut self, claims: &Node) {
        for of_type in entries(claims) {
            for of_action in entries(&of_type.value) {
                for (at, claim) in entries(&of_action.value).iter().enumerate() {
                    let what = format!(
                        "`{}` of `{}` asks for no claim `{}`",
                        of_action.key, of_type.key, claim.key
                    );
                    let splice = without_entry(&of_action.value, at);
                    self.changes
                        .add(Operator::DropClaim, &claim.place, what, splice);
                }
            }
        }
    }

    fn flag(&mut self, flag: &Entry) {
        let operator = Operator::ChangeFlag;
        let name = &flag.key;
        let turned = |text: &str| match text {
            "true" => Some("false"),
            "false" => Some("true"),
            _ => None,
        };
        if let Some(other) = scalar(&flag.value).and_then(turned) {
            let what = format!("flag `{name}` is {other} for all");
            let splice = Some(Splice::new(flag.value.place.span.clone(), other));
            self.changes.add(operator, &flag.place, what, splice);
        }
        for said in entries(&flag.value) {
            for (at, item) in items(&said.value).iter().enumerate() {
                let whom = scalar(item).unwrap_or_default();
                let what = format!("flag `{name}` does not name `{whom}`");
                let splice = without_item(&said.value, at);
                self.changes.add(operator, &item.place, what, splice);
            }
            let text = scalar(&said.value).unwrap_or_default();
            let others: &[&str] = match (said.key.as_str(), text) {
                ("default", "true") => &["false"],
                ("default", "false") => &["true"],
                ("rollout", "0") => &["100"],
                ("rollout", "100") => &["0"],
                ("rollout", _) => &["0", "100"],
                _ => &[],
            };
            for other in others {
                let what = format!("flag `{name}` has `{}: {other}`", said.key);
                let splice = Some(Splice::new(said.value.place.span.clone(), *other));
                self.changes.add(operator, &said.place, what, splice);
            }
        }
    }

    fn shares(&mut self, shares: &Node) {
        if let Some(may) = entry(shares, "may_grant") {
            let kinds = (Operator::ChangeShares, Operator::ChangeShares);
            self.grants("a share", &may.value, kinds);
        }
    }

    fn related(&mut self, related: &Node) {
        for of_type in entries(related) {
            for (at, carried) in entries(&of_type.value).iter().enumerate() {
                let (type_name, action) = (&of_type.key, &carried.key);
                let what = format!("no relation carries `{action}` of `{type_name}`");
                let splice = without_entry(&of_type.value, at);
                self.changes
                    .add(Operator::DropRelated, &carried.place, what, splice);
                let model = self.policy.relation_model().into_iter();
                let all = model.flat_map(|model| model.relation_names(type_name));
                let others: Vec<String> = all
                    .filter(|it| Some(*it) != scalar(&carried.value))
                    .map(str::to_owned)
                    .collect();
                for other in others {
                    let what = format!("`{other}` carries `{action}` of `{type_name}`");
                    let splice = Some(Splice::new(carried.value.place.span.clone(), other));
                    self.changes
                        .add(Operator::ChangeRelated, &carried.place, what, splice);
                }
            }
        }
    }
}
