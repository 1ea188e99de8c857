//! The first phase: the keys and values of `policy.yaml` as plain data with places. Whether the
//! names in it mean anything is the second phase's business.

use crate::evaluation::combining::Algorithm;
use crate::model::{ActionKind, AttributeType, Effect};
use crate::source::yaml::{self, Entry, Fields, Node};
use crate::source::{Diagnostic, Diagnostics, Place, Source, one_of};

use super::sections::{ClaimEntry, FlagEntry, RelatedEntry, SharesEntry};

/// What all files say, in their order.
#[derive(Debug, Default)]
pub(super) struct File {
    pub(super) types: Vec<TypeEntry>,
    /// Whether a section could not be read, so that more may be declared than is known.
    pub(super) misses_types: bool,
    pub(super) roles: Vec<RoleEntry>,
    /// The same for roles.
    pub(super) misses_roles: bool,
    /// Where the first `roles` stands.
    pub(super) roles_place: Option<Place>,
    pub(super) tenants: Vec<TenantsEntry>,
    pub(super) combine: Vec<Word>,
    pub(super) rules: Vec<RuleEntry>,
    /// The file of the relation model.
    pub(super) relations: Vec<Word>,
    pub(super) related: Vec<RelatedEntry>,
    pub(super) flags: Vec<FlagEntry>,
    /// Whether one could not be read.
    pub(super) misses_flags: bool,
    /// Each scope with what it covers.
    pub(super) scopes: Vec<(Word, Vec<Grant>)>,
    pub(super) claims: Vec<ClaimEntry>,
    pub(super) shares: Vec<SharesEntry>,
}

/// A word and its place.
#[derive(Debug, Clone)]
pub struct Word {
    /// The word.
    pub text: String,
    /// Where it stands.
    pub place: Place,
}

#[derive(Debug)]
pub(super) struct TypeEntry {
    pub(super) name: Word,
    pub(super) attributes: Vec<AttributeEntry>,
    pub(super) actions: Vec<(Word, ActionKind)>,
    /// Whether a part could not be read, so that more may be declared than is known.
    pub(super) misses_parts: bool,
}

#[derive(Debug)]
pub(super) struct AttributeEntry {
    pub(super) name: Word,
    pub(super) value_type: Word,
    pub(super) default: Option<Node>,
}

/// A role.
#[derive(Debug)]
pub struct RoleEntry {
    /// Its name.
    pub name: Word,
    /// The roles that it includes.
    pub includes: Vec<Word>,
    /// What it grants itself.
    pub can: Vec<Grant>,
    /// Whether it counts for resources of other tenants.
    pub across_tenants: bool,
}

/// Some actions of a type.
#[derive(Debug)]
pub struct Grant {
    /// The type.
    pub type_name: Word,
    /// The actions; `*` is all of them.
    pub actions: Vec<Word>,
}

#[derive(Debug)]
pub(super) struct TenantsEntry {
    pub(super) place: Place,
    pub(super) conceal: bool,
}

/// A rule.
#[derive(Debug)]
pub struct RuleEntry {
    /// Its name.
    pub name: Word,
    /// Where the rule stands, from its first to its last character.
    pub place: Place,
    /// What it says where it applies.
    pub effect: Effect,
    /// The actions that it applies to, type by type.
    pub targets: Vec<Grant>,
    /// The condition, a scalar.
    pub when: Option<Node>,
}

/// Reads the structure of all sources; what is wrong is reported and left out.
pub(super) fn read<'a>(
    sources: impl IntoIterator<Item = &'a Source>,
    diagnostics: &mut Diagnostics,
) -> File {
    let mut file = File::default();
    for source in sources {
        if let Some(root) = yaml::read(source, diagnostics) {
            document(&root, &mut file, diagnostics);
        }
    }
    file
}

fn document(root: &Node, file: &mut File, diagnostics: &mut Diagnostics) {
    let Some(mut fields) = root.fields(diagnostics) else {
        return;
    };
    if let Some(node) = fields.required("version", diagnostics) {
        version(node, diagnostics);
    }
    if let Some(node) = fields.optional("types") {
        let types = entries(node, diagnostics, type_entry);
        file.misses_types |= types.len() < length(node);
        file.types.extend(types);
    }
    if let Some(entry) = fields.entry("roles") {
        file.roles_place.get_or_insert(entry.place.clone());
        let roles = entries(&entry.value, diagnostics, role_entry);
        file.misses_roles |= roles.len() < length(&entry.value);
        file.roles.extend(roles);
    }
    if let Some(entry) = fields.entry("tenants") {
        file.tenants.extend(tenants(entry, diagnostics));
    }
    if let Some(node) = fields.optional("combine") {
        file.combine.extend(combine(node, diagnostics));
    }
    if let Some(node) = fields.optional("rules") {
        let items = node.list(diagnostics).unwrap_or_default();
        let rules = items.iter().filter_map(|item| rule(item, diagnostics));
        file.rules.extend(rules);
    }
    super::sections::read(&mut fields, file, diagnostics);
    fields.finish(diagnostics);
}

pub(super) fn version(node: &Node, diagnostics: &mut Diagnostics) {
    if node.to_json().as_f64() != Some(1.0) {
        diagnostics.push(node.mismatch("the version `1`"));
    }
}

fn combine(node: &Node, diagnostics: &mut Diagnostics) -> Option<Word> {
    let word = word(node, diagnostics)?;
    if Algorithm::of(&word.text).is_some() {
        return Some(word);
    }
    let message = format!("unknown combining algorithm `{}`", word.text);
    let mistake = Diagnostic::new(word.place, message)
        .label(format!("expected {}", one_of(Algorithm::NAMES)))
        .nearest(&word.text, Algorithm::NAMES);
    diagnostics.push(mistake);
    None
}

fn tenants(entry: &Entry, diagnostics: &mut Diagnostics) -> Option<TenantsEntry> {
    let mut fields = entry.value.fields(diagnostics)?;
    let conceal = flag(&mut fields, "conceal", diagnostics);
    fields.finish(diagnostics);
    Some(TenantsEntry {
        place: entry.place.clone(),
        conceal,
    })
}

fn type_entry(entry: &Entry, diagnostics: &mut Diagnostics) -> Option<TypeEntry> {
    let name = name("a type", entry, diagnostics);
    if AttributeType::built_in(&entry.key).is_some() {
        let message = format!("`{}` is a built-in type", entry.key);
        let mistake = Diagnostic::new(entry.place.clone(), message);
        diagnostics.push(mistake.label("a declared type needs another name"));
        return None;
    }
    let before = diagnostics.count();
    let (mut attributes, mut actions) = (Vec::new(), Vec::new());
    if let Some(mut fields) = entry.value.fields(diagnostics) {
        attributes = section(&mut fields, "attributes", diagnostics, attribute_entry);
        actions = section(&mut fields, "actions", diagnostics, action_entry);
        fields.finish(diagnostics);
    }
    Some(TypeEntry {
        name: name?,
        attributes,
        actions,
        misses_parts: diagnostics.count() > before,
    })
}

fn attribute_entry(entry: &Entry, diagnostics: &mut Diagnostics) -> Option<AttributeEntry> {
    let name = attribute_name(entry, diagnostics);
    let (value_type, default) = match &entry.value.value {
        yaml::Value::Map(_) => {
            let mut fields = entry.value.fields(diagnostics)?;
            let value_type = fields.required("type", diagnostics);
            let value_type = value_type.and_then(|node| word(node, diagnostics));
            let default = fields.optional("default");
            let default = default.and_then(|node| scalar(node, diagnostics));
            fields.finish(diagnostics);
            (value_type, default)
        }
        _ => (word(&entry.value, diagnostics), None),
    };
    Some(AttributeEntry {
        name: name?,
        value_type: value_type?,
        default,
    })
}

fn action_entry(entry: &Entry, diagnostics: &mut Diagnostics) -> Option<(Word, ActionKind)> {
    let name = name("an action", entry, diagnostics);
    let kind = word(&entry.value, diagnostics)?;
    let kind = match kind.text.as_str() {
        "collection" => ActionKind::Collection,
        "instance" => ActionKind::Instance,
        other => {
            let known = ["collection", "instance"];
            let message = format!("unknown kind of action `{other}`");
            let expected = format!("expected {}", one_of(known));
            let mistake = Diagnostic::new(kind.place, message).label(expected);
            diagnostics.push(mistake.nearest(other, known));
            return None;
        }
    };
    Some((name?, kind))
}

fn role_entry(entry: &Entry, diagnostics: &mut Diagnostics) -> Option<RoleEntry> {
    let name = name("a role", entry, diagnostics);
    let mut role = RoleEntry {
        name: name?,
        includes: Vec::new(),
        can: Vec::new(),
        across_tenants: false,
    };
    if let Some(mut fields) = entry.value.fields(diagnostics) {
        let includes = fields.optional("includes");
        role.includes = includes.map_or_else(Vec::new, |node| words(node, diagnostics));
        role.can = section(&mut fields, "can", diagnostics, grant);
        role.across_tenants = flag(&mut fields, "across_tenants", diagnostics);
        fields.finish(diagnostics);
    }
    Some(role)
}

fn rule(node: &Node, diagnostics: &mut Diagnostics) -> Option<RuleEntry> {
    let mut fields = node.fields(diagnostics)?;
    let name = fields.required("name", diagnostics);
    let name = name.and_then(|node| rule_name(node, diagnostics));
    let effect = effect(&mut fields, diagnostics);
    let when = fields.optional("when");
    let when = when.filter(|node| node.text(diagnostics).is_some());
    fields.finish(diagnostics);
    let (effect, targets) = effect?;
    Some(RuleEntry {
        name: name?,
        place: node.place.clone(),
        effect,
        targets,
        when: when.cloned(),
    })
}

/// The one of `permit` and `deny` that a rule has.
fn effect(fields: &mut Fields<'_>, diagnostics: &mut Diagnostics) -> Option<(Effect, Vec<Grant>)> {
    let permit = fields.entry("permit");
    let deny = fields.entry("deny");
    let (effect, entry) = match (permit, deny) {
        (Some(entry), None) => (Effect::Permit, entry),
        (None, Some(entry)) => (Effect::Deny, entry),
        (None, None) => {
            let mistake = Diagnostic::new(fields.place.clone(), "a rule without an effect");
            diagnostics.push(mistake.label("expected `permit` or `deny`"));
            return None;
        }
        (Some(permit), Some(deny)) => {
            let later = if permit.place.span.start > deny.place.span.start {
                permit
            } else {
                deny
            };
            let mistake = Diagnostic::new(later.place.clone(), "a rule with two effects")
                .label("expected one of `permit` and `deny`");
            diagnostics.push(mistake.help("make two rules of it"));
            return None;
        }
    };
    let targets = entries(&entry.value, diagnostics, grant);
    if matches!(&entry.value.value, yaml::Value::Map(entries) if entries.is_empty()) {
        let mistake = Diagnostic::new(entry.value.place.clone(), "a rule that applies to nothing");
        diagnostics.push(mistake.label("expected a type and its actions"));
    }
    Some((effect, targets))
}

pub(super) fn grant(entry: &Entry, diagnostics: &mut Diagnostics) -> Option<Grant> {
    let actions = words(&entry.value, diagnostics);
    Some(Grant {
        type_name: Word {
            text: entry.key.clone(),
            place: entry.place.clone(),
        },
        actions,
    })
}

/// The entries of the mapping `key`, if it is given.
pub(super) fn section<T>(
    fields: &mut Fields<'_>,
    key: &'static str,
    diagnostics: &mut Diagnostics,
    read: impl Fn(&Entry, &mut Diagnostics) -> Option<T>,
) -> Vec<T> {
    match fields.optional(key) {
        Some(node) => entries(node, diagnostics, read),
        None => Vec::new(),
    }
}

pub(super) fn entries<T>(
    node: &Node,
    diagnostics: &mut Diagnostics,
    read: impl Fn(&Entry, &mut Diagnostics) -> Option<T>,
) -> Vec<T> {
    let entries = node.map(diagnostics).unwrap_or_default();
    let read = entries.iter().filter_map(|entry| read(entry, diagnostics));
    read.collect()
}

/// How many entries there should be; one if it is no mapping, because then nobody knows.
pub(super) fn length(node: &Node) -> usize {
    match &node.value {
        yaml::Value::Map(entries) => entries.len(),
        _ => 1,
    }
}

pub(super) fn words(node: &Node, diagnostics: &mut Diagnostics) -> Vec<Word> {
    let items = node.list(diagnostics).unwrap_or_default();
    let words = items.iter().filter_map(|item| word(item, diagnostics));
    words.collect()
}

pub(super) fn word(node: &Node, diagnostics: &mut Diagnostics) -> Option<Word> {
    let text = node.text(diagnostics)?.to_owned();
    let place = node.place.clone();
    Some(Word { text, place })
}

fn flag(fields: &mut Fields<'_>, key: &'static str, diagnostics: &mut Diagnostics) -> bool {
    let node = fields.optional(key);
    let value = node.and_then(|node| node.boolean(diagnostics));
    value.unwrap_or(false)
}

/// A value that is neither a collection nor left out.
pub(super) fn scalar(node: &Node, diagnostics: &mut Diagnostics) -> Option<Node> {
    let is_scalar = matches!(node.value, yaml::Value::Scalar(_)) && !node.is_null();
    if !is_scalar {
        diagnostics.push(node.mismatch("text, a number or a boolean"));
    }
    is_scalar.then(|| node.clone())
}

/// The name of a rule: any text, since people read it and nothing parses it.
fn rule_name(node: &Node, diagnostics: &mut Diagnostics) -> Option<Word> {
    let word = word(node, diagnostics)?;
    if word.text.is_empty() {
        diagnostics.push(Diagnostic::new(word.place, "an empty name"));
        return None;
    }
    Some(word)
}

/// A key that names something: a letter or `_`, then letters, digits, `_` and `-`.
pub(super) fn name(what: &str, entry: &Entry, diagnostics: &mut Diagnostics) -> Option<Word> {
    let is_name = is_name(&entry.key, true);
    if !is_name {
        let message = format!("`{}` cannot be the name of {what}", entry.key);
        diagnostics.push(
            Diagnostic::new(entry.place.clone(), message)
                .label("expected a letter or `_`, then letters, digits, `_` and `-`"),
        );
    }
    is_name.then(|| Word {
        text: entry.key.clone(),
        place: entry.place.clone(),
    })
}

/// The name of an attribute stands in conditions, so it is an identifier there.
fn attribute_name(entry: &Entry, diagnostics: &mut Diagnostics) -> Option<Word> {
    let reserved = ["false", "in", "null", "true"];
    let is_name = is_name(&entry.key, false) && !reserved.contains(&entry.key.as_str());
    if !is_name {
        let message = format!("`{}` cannot be the name of an attribute", entry.key);
        let mistake = Diagnostic::new(entry.place.clone(), message)
            .label("conditions could not read it")
            .help("an attribute is a letter or `_`, then letters, digits and `_`");
        diagnostics.push(mistake);
    }
    is_name.then(|| Word {
        text: entry.key.clone(),
        place: entry.place.clone(),
    })
}

fn is_name(text: &str, dash: bool) -> bool {
    let is_start = |c: char| c.is_ascii_alphabetic() || c == '_';
    let is_rest = |c: char| c.is_ascii_alphanumeric() || c == '_' || (dash && c == '-');
    text.starts_with(is_start) && text.chars().all(is_rest)
}
