//! Lists the parts of a policy, each with the words for it.

use std::collections::HashMap;
use std::ops::Range;

use crate::condition::{Branches, Flags, Scope};
use crate::language::place_in_scalar;
use crate::language::written::{Grant, RoleEntry, RuleEntry, read_written};
use crate::model::relation::RelationModel;
use crate::model::{Effect, Policy};
use crate::resolution::{Spot, spots};
use crate::source::{Place, Source};

use super::{Conditional, Key, Part, PartKind, Parts};

pub(super) fn of_policy(policy: &Policy, sources: &[Source]) -> Parts {
    let written = read_written(sources);
    let mut listing = Listing {
        policy,
        sources,
        parts: empty(),
    };
    written.roles.iter().for_each(|role| listing.role(role));
    for (index, rule) in written.rules.iter().enumerate() {
        listing.rule(index, rule);
    }
    let model = policy.relation_model();
    model
        .into_iter()
        .for_each(|it| relations(it, &mut listing.parts));
    listing.parts
}

pub(super) fn of_model(model: &RelationModel) -> Parts {
    let mut parts = empty();
    relations(model, &mut parts);
    parts
}

fn empty() -> Parts {
    Parts {
        parts: Vec::new(),
        numbers: HashMap::new(),
        branches: HashMap::new(),
        declared: HashMap::new(),
    }
}

fn relations(model: &RelationModel, parts: &mut Parts) {
    for told in spots(model) {
        let kind = match told.spot {
            Spot::Asked => PartKind::Relation,
            _ => PartKind::Branch,
        };
        let key = Key::Relation(told.relation, told.spot);
        parts.add(key, kind, told.text, &told.place);
    }
    for (index, (name, declared)) in model.conditions.iter().enumerate() {
        let (text, parameters) = (&declared.text, &declared.parameters);
        let Some(branches) = Branches::over(text, parameters) else {
            continue;
        };
        for span in branches.operands() {
            let told = |part: &str| format!("`{part}` of condition `{name}`");
            let of = Conditional::Declared(index);
            parts.operand(of, (text, span), told, &declared.at.0);
        }
        let known = (parameters.clone(), branches);
        parts.declared.insert(index, known);
    }
}

impl Parts {
    fn add(&mut self, key: Key, kind: PartKind, text: String, place: &Place) {
        let parts = &mut self.parts;
        self.numbers.entry(key).or_insert_with(|| {
            parts.push(Part {
                kind,
                text,
                place: place.clone(),
            });
            parts.len() - 1
        });
    }
}

impl Parts {
    /// That an operand is true, and that it is false.
    fn operand(
        &mut self,
        of: Conditional,
        (text, span): (&str, &Range<usize>),
        told: impl Fn(&str) -> String,
        place: &Place,
    ) {
        let part = text.get(span.clone()).unwrap_or_default();
        let part = part.split_whitespace().collect::<Vec<_>>().join(" ");
        for value in [true, false] {
            let key = Key::operand(of, (span.clone(), value));
            let text = format!("{} is {value}", told(&part));
            self.add(key, PartKind::Condition, text, place);
        }
    }
}

struct Listing<'a> {
    policy: &'a Policy,
    sources: &'a [Source],
    parts: Parts,
}

impl Listing<'_> {
    fn role(&mut self, entry: &RoleEntry) {
        let name = &entry.name.text;
        let Some(role) = self.policy.roles.get_index_of(name.as_str()) else {
            return;
        };
        let text = format!("somebody has role `{name}`");
        let place = &entry.name.place;
        self.parts.add(Key::Role(role), PartKind::Role, text, place);
        for (type_name, action, number, place) in self.actions(&entry.can) {
            let key = Key::Grant {
                role,
                action: number,
            };
            let text = format!("role `{name}` permits to {action} {type_name}");
            self.parts.add(key, PartKind::Grant, text, &place);
        }
    }

    fn rule(&mut self, rule: usize, entry: &RuleEntry) {
        let does = match entry.effect {
            Effect::Permit => "permits",
            Effect::Deny => "denies",
        };
        for (type_name, action, number, place) in self.actions(&entry.targets) {
            let key = Key::Rule {
                rule,
                action: number,
            };
            let name = &entry.name.text;
            let text = format!("rule `{name}` {does} to {action} {type_name}");
            self.parts.add(key, PartKind::Rule, text, &place);
        }
        self.operands(rule, entry);
    }

    /// Each action that grants name, with its number and the place of the word.
    fn actions(&self, grants: &[Grant]) -> Vec<(String, String, usize, Place)> {
        let mut actions = Vec::new();
        for grant in grants {
            let type_name = &grant.type_name.text;
            let Some(found) = self.policy.types.get(type_name.as_str()) else {
                continue;
            };
            for word in &grant.actions {
                let named = found.actions.iter();
                let named = named.filter(|(name, _)| ***name == *word.text || word.text == "*");
                actions.extend(named.map(|(name, action)| {
                    let place = word.place.clone();
                    (type_name.clone(), name.to_string(), action.number, place)
                }));
            }
        }
        actions
    }

    /// The operands of the condition of a rule, which has the same ones for each type.
    fn operands(&mut self, rule: usize, entry: &RuleEntry) {
        let found = self.policy.rules.get(rule);
        let (Some(found), Some(node)) = (found, &entry.when) else {
            return;
        };
        let Some(text) = &found.when else {
            return;
        };
        let source = self.sources.iter();
        let source = source.clone().find(|it| it.name() == &*node.place.file);
        for (number, target) in found.targets.iter().enumerate() {
            let Some(resource) = self.policy.types.get(&target.type_name) else {
                continue;
            };
            let scope = Scope {
                types: &self.policy.types,
                resource,
                is_partial: false,
                flags: Flags {
                    declared: &self.policy.flags,
                    is_partial: false,
                },
            };
            let Some(branches) = Branches::new(text, scope) else {
                continue;
            };
            for span in branches.operands() {
                let place = source.and_then(|it| place_in_scalar(node, it, span.clone()));
                let place = place.unwrap_or_else(|| node.place.clone());
                let of = Conditional::Rule(rule);
                let told = |part: &str| format!("`{part}`");
                self.parts.operand(of, (text, span), told, &place);
            }
            self.parts.branches.insert((rule, number), branches);
        }
    }
}
