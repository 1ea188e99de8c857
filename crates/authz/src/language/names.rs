//! The second phase: every name is looked up, every default typed, and the model built.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use indexmap::IndexMap;

use crate::condition::Flags;
use crate::evaluation::combining::Algorithm;
use crate::model::{
    ANYONE, Action, ActionKind, Attribute, AttributeType, Policy, Role, SIGNED_IN, Tenants, Type,
    is_reserved,
};
use crate::source::{Diagnostic, Diagnostics, Place, Source};

use super::roles::{self, Declared};
use super::structure::{AttributeEntry, File, Grant, RoleEntry, TypeEntry, Word};
use super::{limits, related, rules};

/// The policy that the files mean; what is wrong is reported and left out.
pub(super) fn resolve(file: &File, sources: &[Source], diagnostics: &mut Diagnostics) -> Policy {
    let types = types(file, diagnostics);
    let actions = types.action_count();
    let declared = declared_roles(file, &types, diagnostics);
    let roles = roles::inherit(declared, actions, diagnostics);
    let roles = roles.into_iter().map(|role| (Arc::clone(&role.name), role));
    let roles: IndexMap<Arc<str>, Role> = roles.collect();
    given_once(file, diagnostics);
    let flags = limits::flags(file, &types, &roles, diagnostics);
    let scope = Flags {
        declared: &flags,
        is_partial: file.misses_flags,
    };
    let rules = rules::resolve(&file.rules, (&types, scope), sources, diagnostics);
    Policy {
        identity: Arc::new(()),
        relations: related::resolve(file, &types, sources, diagnostics),
        scopes: limits::scopes(file, &types, diagnostics),
        claims: limits::claims(file, &types, diagnostics),
        may_share: limits::may_share(file, &types, diagnostics),
        flags,
        roles,
        roles_place: file.roles_place.clone(),
        tenants: file.tenants.first().map(|tenants| Tenants {
            conceal: tenants.conceal,
            place: tenants.place.clone(),
        }),
        algorithm: file
            .combine
            .first()
            .and_then(|word| Algorithm::of(&word.text))
            .unwrap_or_default(),
        targets: rules::index(&rules, actions),
        rules,
        types: types.declared,
    }
}

/// The declared types, and of which of them more may be declared than is known. What may be
/// declared is not called unknown: the mistake that hides it is told already.
#[derive(Debug, Default)]
pub(super) struct Types {
    pub(super) declared: IndexMap<Arc<str>, Type>,
    /// Types of which a part could not be read.
    pub(super) partial: HashSet<Arc<str>>,
    /// Whether a whole type may be missing.
    misses_some: bool,
}

impl Types {
    /// Whether more may be declared than is known.
    pub(super) fn is_partial(&self) -> bool {
        self.misses_some || !self.partial.is_empty()
    }

    /// How many actions the types have together.
    pub(super) fn action_count(&self) -> usize {
        self.declared.values().map(|it| it.actions.len()).sum()
    }

    /// The type of this name; that there is none is told.
    pub(super) fn find(&self, word: &Word, diagnostics: &mut Diagnostics) -> Option<&Type> {
        let found = self.declared.get(word.text.as_str());
        if found.is_none() && !self.misses_some {
            let known = self.declared.keys().map(|name| &**name);
            let message = format!("unknown type `{}`", word.text);
            let mistake = Diagnostic::new(word.place.clone(), message);
            diagnostics.push(mistake.nearest(&word.text, known));
        }
        found
    }
}

/// A name declared before is a mistake; within one file the reader of YAML has told it already.
pub(super) struct Declarations<'a> {
    what: &'static str,
    first: HashMap<&'a str, &'a Place>,
}

impl<'a> Declarations<'a> {
    pub(super) fn of(what: &'static str) -> Self {
        let first = HashMap::new();
        Self { what, first }
    }

    /// Whether the name is new.
    pub(super) fn add(&mut self, name: &'a Word, diagnostics: &mut Diagnostics) -> bool {
        let Some(first) = self.first.get(name.text.as_str()) else {
            self.first.insert(&name.text, &name.place);
            return true;
        };
        let message = format!("{} `{}` is declared twice", self.what, name.text);
        let mistake = Diagnostic::new(name.place.clone(), message);
        diagnostics.push(mistake.label(format!("first declared at {first}")));
        false
    }
}

/// Sections that hold one thing stand in one of the files.
fn given_once(file: &File, diagnostics: &mut Diagnostics) {
    let combine = file.combine.iter().map(|it| &it.place);
    once("combine", combine, diagnostics);
    let tenants = file.tenants.iter().map(|it| &it.place);
    once("tenants", tenants, diagnostics);
    let relations = file.relations.iter().map(|it| &it.place);
    once("relations", relations, diagnostics);
    let shares = file.shares.iter().map(|it| &it.place);
    once("shares", shares, diagnostics);
}

fn once<'a>(key: &str, mut places: impl Iterator<Item = &'a Place>, diagnostics: &mut Diagnostics) {
    let Some(first) = places.next() else { return };
    for place in places {
        let mistake = Diagnostic::new(place.clone(), format!("`{key}` is given twice"));
        diagnostics.push(mistake.label(format!("first given at {first}")));
    }
}

fn types(file: &File, diagnostics: &mut Diagnostics) -> Types {
    let names = file.types.iter().map(|it| it.name.text.as_str());
    let names: Vec<&str> = names.collect();
    let mut declarations = Declarations::of("type");
    let mut types = Types {
        misses_some: file.misses_types,
        ..Types::default()
    };
    let mut number = 0;
    for entry in &file.types {
        if !declarations.add(&entry.name, diagnostics) {
            continue;
        }
        let name: Arc<str> = entry.name.text.as_str().into();
        let attributes = attributes(entry, &names, file.misses_types, diagnostics);
        if entry.misses_parts || attributes.len() < entry.attributes.len() {
            types.partial.insert(Arc::clone(&name));
        }
        let found = Type {
            tenant_slot: tenant_slot(entry, &attributes, diagnostics),
            attributes,
            actions: actions(&entry.actions, &mut number),
            name: Arc::clone(&name),
        };
        types.declared.insert(name, found);
    }
    types
}

fn actions(entries: &[(Word, ActionKind)], number: &mut usize) -> IndexMap<Arc<str>, Action> {
    let numbered = entries.iter().map(|(name, kind)| {
        let action = Action {
            kind: *kind,
            number: *number,
        };
        *number += 1;
        (Arc::from(name.text.as_str()), action)
    });
    numbered.collect()
}

fn attributes(
    entry: &TypeEntry,
    types: &[&str],
    misses_types: bool,
    diagnostics: &mut Diagnostics,
) -> IndexMap<Arc<str>, Attribute> {
    let typed = entry.attributes.iter().filter_map(|attribute| {
        let found = typed_attribute(attribute, types, misses_types, diagnostics)?;
        Some((Arc::from(attribute.name.text.as_str()), found))
    });
    typed.collect()
}

fn typed_attribute(
    entry: &AttributeEntry,
    types: &[&str],
    misses_types: bool,
    diagnostics: &mut Diagnostics,
) -> Option<Attribute> {
    let word = &entry.value_type;
    let declared = types.contains(&word.text.as_str());
    let declared = declared.then(|| AttributeType::Reference(word.text.as_str().into()));
    let Some(value_type) = AttributeType::built_in(&word.text).or(declared) else {
        if misses_types {
            return None;
        }
        let known = AttributeType::BUILT_IN.iter().chain(types).copied();
        let mistake = Diagnostic::new(word.place.clone(), format!("unknown type `{}`", word.text))
            .label("expected a built-in or a declared type");
        diagnostics.push(mistake.nearest(&word.text, known));
        return None;
    };
    let default = entry.default.as_ref().and_then(|node| {
        let value = value_type.value(&node.to_json());
        let mistake = |error| Diagnostic::new(node.place.clone(), error);
        let value = value.map_err(|error| diagnostics.push(mistake(error)));
        value.ok()
    });
    Some(Attribute {
        value_type,
        default,
    })
}

/// The attribute that says whose the object is: a second one would leave that open.
fn tenant_slot(
    entry: &TypeEntry,
    attributes: &IndexMap<Arc<str>, Attribute>,
    diagnostics: &mut Diagnostics,
) -> Option<usize> {
    let mut tenants = entry.attributes.iter();
    let mut tenants = tenants.by_ref().filter(|it| it.value_type.text == "tenant");
    let first = tenants.next()?;
    for second in tenants {
        let message = format!("type `{}` has two tenants", entry.name.text);
        let label = format!("`{}` says already whose it is", first.name.text);
        diagnostics.push(Diagnostic::new(second.name.place.clone(), message).label(label));
    }
    attributes.get_index_of(first.name.text.as_str())
}

/// The reserved roles first, declared or not, then the others in the order of the file.
fn declared_roles(file: &File, types: &Types, diagnostics: &mut Diagnostics) -> Vec<Declared> {
    let mut declarations = Declarations::of("role");
    let mut kept: IndexMap<&str, Option<&RoleEntry>> =
        IndexMap::from([(ANYONE, None), (SIGNED_IN, None)]);
    for entry in &file.roles {
        if declarations.add(&entry.name, diagnostics) {
            kept.insert(&entry.name.text, Some(entry));
        }
    }
    let names: IndexMap<&str, usize> = kept.keys().copied().zip(0..).collect();
    let declared = kept.iter().map(|(name, entry)| match entry {
        Some(entry) => declared_role(entry, &names, file.misses_roles, types, diagnostics),
        None => undeclared_role(name),
    });
    declared.collect()
}

fn undeclared_role(name: &str) -> Declared {
    Declared {
        role: empty_role(name, None),
        across_tenants: false,
        includes: Vec::new(),
        can: Vec::new(),
    }
}

fn declared_role(
    entry: &RoleEntry,
    names: &IndexMap<&str, usize>,
    misses_roles: bool,
    types: &Types,
    diagnostics: &mut Diagnostics,
) -> Declared {
    let includes = entry.includes.iter().filter_map(|word| {
        let index = included_role(word, names, misses_roles, diagnostics)?;
        Some((index, word.clone()))
    });
    let includes = includes.collect();
    let can = entry.can.iter();
    let can = can.flat_map(|grant| granted_actions(grant, types, diagnostics).1);
    Declared {
        role: empty_role(&entry.name.text, Some(entry.name.place.clone())),
        across_tenants: entry.across_tenants,
        includes,
        can: can.collect(),
    }
}

fn empty_role(name: &str, place: Option<Place>) -> Role {
    Role {
        name: name.into(),
        place,
        grants: Vec::new(),
        grants_across: Vec::new(),
        includes: Vec::new(),
        across_tenants: false,
    }
}

fn included_role(
    word: &Word,
    names: &IndexMap<&str, usize>,
    misses_roles: bool,
    diagnostics: &mut Diagnostics,
) -> Option<usize> {
    if is_reserved(&word.text) {
        let message = format!("role `{}` cannot be included", word.text);
        let mistake = Diagnostic::new(word.place.clone(), message);
        diagnostics.push(mistake.label("every subject that can have it has it already"));
        return None;
    }
    let found = names.get(word.text.as_str()).copied();
    if found.is_none() && !misses_roles {
        let known = names.keys().copied().filter(|name| !is_reserved(name));
        diagnostics.push(unknown_role(word, known));
    }
    found
}

/// The type of the grant, and the numbers of its actions. `*` is every action of the type.
pub(super) fn granted_actions(
    grant: &Grant,
    types: &Types,
    diagnostics: &mut Diagnostics,
) -> (Option<usize>, Vec<usize>) {
    let Some(found) = types.find(&grant.type_name, diagnostics) else {
        return (None, Vec::new());
    };
    let index = types.declared.get_index_of(&found.name);
    let mut numbers = Vec::new();
    for action in &grant.actions {
        match found.actions.get(action.text.as_str()) {
            Some(action) => numbers.push(action.number),
            None if action.text == "*" => {
                numbers.extend(found.actions.values().map(|action| action.number));
            }
            None if types.partial.contains(&found.name) => {}
            None => diagnostics.push(unknown_action(action, found)),
        }
    }
    numbers.sort_unstable();
    numbers.dedup();
    (index, numbers)
}

pub(super) fn unknown_role<'a>(word: &Word, known: impl Iterator<Item = &'a str>) -> Diagnostic {
    let message = format!("unknown role `{}`", word.text);
    Diagnostic::new(word.place.clone(), message).nearest(&word.text, known)
}

pub(super) fn unknown_action(action: &Word, found: &Type) -> Diagnostic {
    let message = format!("`{}` has no action `{}`", found.name, action.text);
    let known = found.actions.keys().map(|name| &**name);
    Diagnostic::new(action.place.clone(), message).nearest(&action.text, known)
}
