//! Rules with their names looked up and their conditions compiled.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::model::{Rule, Target, Type};
use crate::source::{Diagnostic, Diagnostics, Source};

use super::names::{Declarations, granted_actions};
use super::structure::RuleEntry;

/// The rules in the order of the file.
pub(super) fn resolve(
    entries: &[RuleEntry],
    types: &IndexMap<Arc<str>, Type>,
    _sources: &[Source],
    diagnostics: &mut Diagnostics,
) -> Vec<Rule> {
    let mut declarations = Declarations::of("rule");
    let mut rules = Vec::new();
    for entry in entries {
        declarations.add(&entry.name, diagnostics);
        if let Some(when) = &entry.when {
            let message = "conditions are not read by this version";
            diagnostics.push(Diagnostic::new(when.place.clone(), message));
        }
        let targets = entry.targets.iter().map(|grant| Target {
            actions: granted_actions(grant, types, diagnostics).1,
        });
        rules.push(Rule {
            targets: targets.collect(),
            name: entry.name.text.as_str().into(),
            place: entry.place.clone(),
            effect: entry.effect,
        });
    }
    rules
}

/// By the number of the action: the targets that name it, as (rule, target).
pub(super) fn index(rules: &[Rule], actions: usize) -> Vec<Vec<(usize, usize)>> {
    let mut index = vec![Vec::new(); actions];
    for (rule_index, rule) in rules.iter().enumerate() {
        for (target_index, target) in rule.targets.iter().enumerate() {
            for &action in &target.actions {
                if let Some(slot) = index.get_mut(action) {
                    slot.push((rule_index, target_index));
                }
            }
        }
    }
    index
}
