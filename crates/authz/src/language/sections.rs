//! The structure of the sections around roles and rules: relations, flags, and what limits
//! credentials and shares.

use serde_json::Value as Json;

use crate::source::yaml::{Entry, Fields, Node, Value};
use crate::source::{Diagnostics, Place};

use super::structure::{
    File, Grant, Word, entries, grant, length, name, scalar, section, word, words,
};

/// Which relation carries which action of a type.
#[derive(Debug)]
pub struct RelatedEntry {
    /// The type.
    pub type_name: Word,
    /// The action and the relation.
    pub actions: Vec<(Word, Word)>,
}

/// A feature flag.
#[derive(Debug)]
pub struct FlagEntry {
    /// Its name.
    pub name: Word,
    /// Whether it is on for those whom no line names.
    pub default: bool,
    /// The users for whom it is on.
    pub users: Vec<Word>,
    /// The roles for which it is on.
    pub roles: Vec<Word>,
    /// The tenants for which it is on.
    pub tenants: Vec<Word>,
    /// For how many of a hundred users it is on.
    pub rollout: u8,
}

/// What actions of a type ask of a credential.
#[derive(Debug)]
pub(super) struct ClaimEntry {
    pub(super) type_name: Word,
    /// The action and the claims with the values that they need.
    pub(super) actions: Vec<(Word, Vec<(Word, Json)>)>,
}

#[derive(Debug)]
pub(super) struct SharesEntry {
    pub(super) place: Place,
    pub(super) may_grant: Vec<Grant>,
}

/// Reads these sections of one document.
pub(super) fn read(fields: &mut Fields<'_>, file: &mut File, diagnostics: &mut Diagnostics) {
    if let Some(node) = fields.optional("relations") {
        file.relations.extend(word(node, diagnostics));
    }
    let related = section(fields, "related", diagnostics, related_entry);
    file.related.extend(related);
    if let Some(node) = fields.optional("flags") {
        let flags = entries(node, diagnostics, flag_entry);
        file.misses_flags |= flags.len() < length(node);
        file.flags.extend(flags);
    }
    let scopes = section(fields, "scopes", diagnostics, scope_entry);
    file.scopes.extend(scopes);
    let claims = section(fields, "claims", diagnostics, claim_entry);
    file.claims.extend(claims);
    if let Some(entry) = fields.entry("shares") {
        file.shares.extend(shares(entry, diagnostics));
    }
}

fn related_entry(entry: &Entry, diagnostics: &mut Diagnostics) -> Option<RelatedEntry> {
    let actions = entries(&entry.value, diagnostics, |action, diagnostics| {
        Some((key(action), word(&action.value, diagnostics)?))
    });
    Some(RelatedEntry {
        type_name: key(entry),
        actions,
    })
}

/// `dark_mode: true`, or a mapping of lines each of which turns it on for somebody.
fn flag_entry(entry: &Entry, diagnostics: &mut Diagnostics) -> Option<FlagEntry> {
    let before = diagnostics.count();
    let mut flag = FlagEntry {
        name: name("a flag", entry, diagnostics)?,
        default: false,
        users: Vec::new(),
        roles: Vec::new(),
        tenants: Vec::new(),
        rollout: 0,
    };
    if !matches!(&entry.value.value, Value::Map(_)) {
        flag.default = always(&entry.value, diagnostics)?;
        return Some(flag);
    }
    let mut fields = entry.value.fields(diagnostics)?;
    for (key, list) in [
        ("users", &mut flag.users),
        ("roles", &mut flag.roles),
        ("tenants", &mut flag.tenants),
    ] {
        let node = fields.optional(key);
        *list = node.map_or_else(Vec::new, |node| words(node, diagnostics));
    }
    if let Some(node) = fields.optional("rollout") {
        flag.rollout = percent(node, diagnostics).unwrap_or_default();
    }
    if let Some(node) = fields.optional("default") {
        flag.default = node.boolean(diagnostics).unwrap_or_default();
    }
    fields.finish(diagnostics);
    (diagnostics.count() == before).then_some(flag)
}

fn always(node: &Node, diagnostics: &mut Diagnostics) -> Option<bool> {
    let found = node.to_json().as_bool();
    if found.is_none() {
        diagnostics.push(node.mismatch("`true`, `false` or a mapping"));
    }
    found
}

/// A whole number, which `25.0` is too.
fn percent(node: &Node, diagnostics: &mut Diagnostics) -> Option<u8> {
    let number = node.to_json().as_f64();
    let whole = number.and_then(|number| (0..=100_u8).find(|&it| f64::from(it) == number));
    if whole.is_none() {
        diagnostics.push(node.mismatch("a whole number from 0 to 100"));
    }
    whole
}

fn scope_entry(entry: &Entry, diagnostics: &mut Diagnostics) -> Option<(Word, Vec<Grant>)> {
    Some((key(entry), entries(&entry.value, diagnostics, grant)))
}

fn claim_entry(entry: &Entry, diagnostics: &mut Diagnostics) -> Option<ClaimEntry> {
    let actions = entries(&entry.value, diagnostics, |action, diagnostics| {
        let claims = entries(&action.value, diagnostics, |claim, diagnostics| {
            let value = scalar(&claim.value, diagnostics)?;
            Some((key(claim), value.to_json()))
        });
        Some((key(action), claims))
    });
    Some(ClaimEntry {
        type_name: key(entry),
        actions,
    })
}

fn shares(entry: &Entry, diagnostics: &mut Diagnostics) -> Option<SharesEntry> {
    let mut fields = entry.value.fields(diagnostics)?;
    let may_grant = section(&mut fields, "may_grant", diagnostics, grant);
    fields.finish(diagnostics);
    Some(SharesEntry {
        place: entry.place.clone(),
        may_grant,
    })
}

fn key(entry: &Entry) -> Word {
    Word {
        text: entry.key.clone(),
        place: entry.place.clone(),
    }
}
