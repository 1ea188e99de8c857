//! Flags, scopes, required claims and shares with their names looked up.

use std::collections::BTreeSet;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::facts::Reference;
use crate::model::{ActionKind, Flag, RequiredClaim, Role, Scope, Scopes};
use crate::source::{Diagnostic, Diagnostics};

use super::names::{Declarations, Types, granted_actions, unknown_action, unknown_role};
use super::sections::FlagEntry;
use super::structure::{File, Word};

/// The flags in the order of the file.
pub(super) fn flags(
    file: &File,
    types: &Types,
    roles: &IndexMap<Arc<str>, Role>,
    diagnostics: &mut Diagnostics,
) -> IndexMap<Arc<str>, Arc<Flag>> {
    let mut declarations = Declarations::of("flag");
    let mut flags = IndexMap::new();
    for entry in &file.flags {
        if declarations.add(&entry.name, diagnostics) {
            let flag = flag(entry, file, types, roles, diagnostics);
            flags.insert(Arc::clone(&flag.name), Arc::new(flag));
        }
    }
    flags
}

fn flag(
    entry: &FlagEntry,
    file: &File,
    types: &Types,
    roles: &IndexMap<Arc<str>, Role>,
    diagnostics: &mut Diagnostics,
) -> Flag {
    let users = entry.users.iter();
    let users = users.filter_map(|word| user(word, types, diagnostics));
    let users = users.collect();
    let mut named = BTreeSet::new();
    for word in &entry.roles {
        match roles.get_index_of(word.text.as_str()) {
            Some(index) => drop(named.insert(index)),
            None if file.misses_roles => {}
            None => {
                let known = roles.keys().map(|name| &**name);
                diagnostics.push(unknown_role(word, known));
            }
        }
    }
    let tenants = entry.tenants.iter();
    Flag {
        name: entry.name.text.as_str().into(),
        default: entry.default,
        users,
        roles: named,
        tenants: tenants.map(|word| word.text.as_str().into()).collect(),
        rollout: entry.rollout,
    }
}

fn user(word: &Word, types: &Types, diagnostics: &mut Diagnostics) -> Option<Reference> {
    let reference: Reference = match word.text.parse() {
        Ok(reference) => reference,
        Err(message) => {
            diagnostics.push(Diagnostic::new(word.place.clone(), message));
            return None;
        }
    };
    let type_name = Word {
        text: reference.type_name().to_owned(),
        place: word.place.clone(),
    };
    types.find(&type_name, diagnostics).map(|_| reference)
}

/// The scopes in the order of the file.
pub(super) fn scopes(file: &File, types: &Types, diagnostics: &mut Diagnostics) -> Scopes {
    let mut declarations = Declarations::of("scope");
    let mut scopes = Scopes::default();
    for (name, grants) in &file.scopes {
        let grants = grants.iter();
        let actions = grants.flat_map(|grant| granted_actions(grant, types, diagnostics).1);
        let mut actions: Vec<usize> = actions.collect();
        actions.sort_unstable();
        let place = name.place.clone();
        if declarations.add(name, diagnostics) {
            let scope = Scope { actions, place };
            scopes.0.insert(name.text.as_str().into(), scope);
        }
    }
    scopes
}

/// By the number of the action: the claims that it asks for.
pub(super) fn claims(
    file: &File,
    types: &Types,
    diagnostics: &mut Diagnostics,
) -> Vec<Vec<RequiredClaim>> {
    let mut required = vec![Vec::new(); types.action_count()];
    for entry in &file.claims {
        let Some(found) = types.find(&entry.type_name, diagnostics) else {
            continue;
        };
        for (action, claims) in &entry.actions {
            let all = found.actions.iter();
            let named = all.filter(|(name, _)| action.text == "*" || ***name == *action.text);
            let numbers: Vec<usize> = named.map(|(_, action)| action.number).collect();
            if numbers.is_empty() && action.text != "*" && !types.partial.contains(&found.name) {
                diagnostics.push(unknown_action(action, found));
            }
            for (name, value) in claims {
                for &number in &numbers {
                    let claim = RequiredClaim {
                        name: name.text.as_str().into(),
                        value: value.clone(),
                        place: name.place.clone(),
                    };
                    if let Some(slot) = required.get_mut(number) {
                        slot.push(claim);
                    }
                }
            }
        }
    }
    required
}

/// The numbers of the actions that shares may open, sorted.
pub(super) fn may_share(file: &File, types: &Types, diagnostics: &mut Diagnostics) -> Vec<usize> {
    let mut numbers = Vec::new();
    for grant in file.shares.iter().flat_map(|shares| &shares.may_grant) {
        let (type_index, actions) = granted_actions(grant, types, diagnostics);
        let found = type_index.and_then(|index| types.declared.get_index(index));
        let Some((name, found)) = found else {
            continue;
        };
        if found.tenant_slot.is_none() && !types.partial.contains(name) {
            let message = format!("`{name}` belongs to no tenant");
            let mistake = Diagnostic::new(grant.type_name.place.clone(), message)
                .label("there is nothing to share across tenants")
                .help("an attribute of the type `tenant` says whose it is");
            diagnostics.push(mistake);
        }
        let instances = found.actions.values();
        let instances = instances.filter(|it| it.kind == ActionKind::Instance);
        let instances: Vec<usize> = instances.map(|it| it.number).collect();
        for word in &grant.actions {
            let kind = found.actions.get(word.text.as_str()).map(|it| it.kind);
            if kind == Some(ActionKind::Collection) {
                let message = format!("`{}` is an action on the collection", word.text);
                let mistake = Diagnostic::new(word.place.clone(), message);
                diagnostics.push(mistake.label("a share is of a single object"));
            }
        }
        numbers.extend(actions.into_iter().filter(|it| instances.contains(it)));
    }
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}
