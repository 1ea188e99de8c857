//! Rules with their names looked up and their conditions checked against every type that they
//! apply to.

use std::sync::Arc;

use crate::condition::{Condition, Flags, Mistake, Scope};
use crate::model::{Rule, Target};
use crate::source::yaml::Node;
use crate::source::{Diagnostic, Diagnostics, Source};

use super::names::{Declarations, Types, granted_actions};
use super::scalar;
use super::structure::{Grant, RuleEntry};

/// The rules in the order of the file.
pub(super) fn resolve(
    entries: &[RuleEntry],
    known: (&Types, Flags<'_>),
    sources: &[Source],
    diagnostics: &mut Diagnostics,
) -> Vec<Rule> {
    let mut declarations = Declarations::of("rule");
    let mut rules = Vec::new();
    for entry in entries {
        declarations.add(&entry.name, diagnostics);
        let targets = entry.targets.iter();
        let targets = targets.filter_map(|grant| {
            let when = entry.when.as_ref();
            target(grant, when, known, sources, diagnostics)
        });
        rules.push(Rule {
            targets: targets.collect(),
            when: entry.when.as_ref().and_then(scalar::text).map(Into::into),
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

fn target(
    grant: &Grant,
    when: Option<&Node>,
    (types, flags): (&Types, Flags<'_>),
    sources: &[Source],
    diagnostics: &mut Diagnostics,
) -> Option<Target> {
    let (type_index, actions) = granted_actions(grant, types, diagnostics);
    let (name, resource) = types.declared.get_index(type_index?)?;
    if types.partial.contains(name) {
        return None;
    }
    let scope = Scope {
        types: &types.declared,
        resource,
        is_partial: types.is_partial(),
        flags,
    };
    let condition = match when {
        Some(node) => Some(condition(node, scope, sources, diagnostics)?),
        None => None,
    };
    Some(Target {
        type_name: Arc::clone(name),
        actions,
        condition,
    })
}

/// The condition for one type. A mistake that it has for every type is told once, because equal
/// diagnostics are.
fn condition(
    node: &Node,
    scope: Scope<'_>,
    sources: &[Source],
    diagnostics: &mut Diagnostics,
) -> Option<Condition> {
    let text = scalar::text(node)?;
    match Condition::new(text, scope) {
        Ok(condition) => Some(condition),
        Err(mistakes) => {
            let file = &*node.place.file;
            let source = sources.iter().find(|source| source.name() == file);
            for mistake in mistakes {
                diagnostics.push(diagnostic(mistake, node, source));
            }
            None
        }
    }
}

fn diagnostic(mistake: Mistake, node: &Node, source: Option<&Source>) -> Diagnostic {
    let place = source.and_then(|source| scalar::place(node, source, mistake.span));
    Diagnostic {
        place: place.unwrap_or_else(|| node.place.clone()),
        message: mistake.message,
        label: mistake.label,
        help: mistake.help,
    }
}
