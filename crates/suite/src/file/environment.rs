//! `environments:` — parts that are laid over the suite, one for each place where the same system
//! runs.
//!
//! They are laid over it as trees, before anything is read: so whatever the suite may say, an
//! environment may say otherwise, and every node keeps its place in the file. The policy is the
//! same everywhere.

use authz::source::yaml::{Entry, Node, Value};
use authz::source::{Diagnostic, Diagnostics};

use super::document::{Documents, Library};
use super::{Inputs, Known, Reader, unknown};
use crate::model::Suite;

/// The keys of a suite that an environment may say otherwise.
const KEYS: [&str; 8] = [
    "targets",
    "sessions",
    "actors",
    "resources",
    "actions",
    "expect",
    "malformed",
    "flows",
];
/// The most environments of one suite: the suite is checked with each.
const ENVIRONMENTS_MAX: usize = 32;

/// A suite without its environments, and these.
pub(super) struct Environments<'a> {
    /// The suite without `environments:`.
    pub(super) base: Node,
    given: Vec<Environment<'a>>,
}

/// What one environment says otherwise.
struct Environment<'a> {
    name: &'a str,
    over: Node,
    read_only: bool,
}

/// The suite as one tree.
pub(super) struct Tree {
    /// The environment; none is the suite as it stands.
    pub(super) name: Option<String>,
    pub(super) root: Node,
    /// Whether calls that change something are never sent there.
    pub(super) read_only: bool,
}

impl<'a> Environments<'a> {
    /// Takes a suite apart.
    pub(super) fn of(root: &'a Node, diagnostics: &mut Diagnostics) -> Self {
        let Value::Map(entries) = &root.value else {
            return Self {
                base: root.clone(),
                given: Vec::new(),
            };
        };
        let is_it = |entry: &&Entry| entry.key == "environments";
        let rest = entries.iter().filter(|entry| !is_it(entry));
        let given = entries.iter().find(is_it);
        Self {
            base: Node {
                place: root.place.clone(),
                value: Value::Map(rest.cloned().collect()),
            },
            given: given.map_or_else(Vec::new, |entry| environments(&entry.value, diagnostics)),
        }
    }

    /// The tree that a run goes by, and the others, which are only checked.
    pub(super) fn trees(
        &self,
        inputs: &Inputs<'_>,
        root: &Node,
        diagnostics: &mut Diagnostics,
    ) -> (Option<Tree>, Vec<Tree>) {
        let mut others = Vec::new();
        let mut chosen = None;
        let base = Tree {
            name: None,
            root: self.base.clone(),
            read_only: false,
        };
        let over = self.given.iter().map(|it| it.over(&self.base, diagnostics));
        for tree in std::iter::once(base).chain(over.collect::<Vec<_>>()) {
            match tree.name.as_deref() == inputs.chosen {
                true => chosen = Some(tree),
                false => others.push(tree),
            }
        }
        if let (None, Some(name)) = (&chosen, inputs.chosen) {
            let known: Vec<&str> = self.given.iter().map(|it| it.name).collect();
            let place = section(root).map_or(&root.place, |entry| &entry.place);
            diagnostics.push(unknown(place, "environment", name, &known));
        }
        (chosen, others)
    }
}

/// The entry `environments` of a suite.
fn section(root: &Node) -> Option<&Entry> {
    let Value::Map(entries) = &root.value else {
        return None;
    };
    entries.iter().find(|entry| entry.key == "environments")
}

/// Everything that environments say of a key of the suite, such as `actions`.
pub(super) fn said_of<'a>(root: &'a Node, key: &'static str) -> impl Iterator<Item = &'a Node> {
    let given = section(root).map(|entry| &entry.value);
    super::entries(given).filter_map(move |entry| super::child(&entry.value, key))
}

fn environments<'a>(node: &'a Node, diagnostics: &mut Diagnostics) -> Vec<Environment<'a>> {
    let Some(entries) = node.map(diagnostics) else {
        return Vec::new();
    };
    if entries.len() > ENVIRONMENTS_MAX {
        let message = format!("more than {ENVIRONMENTS_MAX} environments");
        diagnostics.push(Diagnostic::new(node.place.clone(), message));
    }
    let entries = entries.iter().take(ENVIRONMENTS_MAX);
    entries
        .filter_map(|entry| {
            super::check_name(entry, diagnostics);
            environment(entry, diagnostics)
        })
        .collect()
}

fn environment<'a>(entry: &'a Entry, diagnostics: &mut Diagnostics) -> Option<Environment<'a>> {
    let mut fields = entry.value.fields(diagnostics)?;
    let read_only = fields.optional("read-only");
    let over: Vec<Entry> = KEYS
        .iter()
        .filter_map(|key| fields.entry(key).cloned())
        .collect();
    fields.finish(diagnostics);
    for it in over.iter().filter(|it| !it.value.is_null()) {
        match it.key.as_str() {
            "expect" => drop(it.value.text(diagnostics)),
            "malformed" => drop(it.value.boolean(diagnostics)),
            _ => drop(it.value.map(diagnostics)),
        }
    }
    Some(Environment {
        name: &entry.key,
        over: Node {
            place: entry.value.place.clone(),
            value: Value::Map(over),
        },
        read_only: read_only.is_some_and(|it| it.boolean(diagnostics).unwrap_or(true)),
    })
}

impl Environment<'_> {
    fn over(&self, base: &Node, diagnostics: &mut Diagnostics) -> Tree {
        Tree {
            name: Some(self.name.to_owned()),
            root: merged(base, &self.over, diagnostics),
            read_only: self.read_only,
        }
    }
}

/// A tree with another laid over it: mappings key by key, anything else replaces, and nothing
/// (`null`) takes a key away.
fn merged(base: &Node, over: &Node, diagnostics: &mut Diagnostics) -> Node {
    let (Value::Map(below), Value::Map(above)) = (&base.value, &over.value) else {
        return over.clone();
    };
    let mut entries = below.clone();
    for entry in above {
        let is_it = |it: &&mut Entry| it.key == entry.key;
        match (entries.iter_mut().find(is_it), entry.value.is_null()) {
            (Some(_), true) => entries.retain(|it| it.key != entry.key),
            (Some(known), false) => *known = merged_entry(known, entry, diagnostics),
            (None, false) => entries.push(entry.clone()),
            (None, true) => {
                let keys: Vec<&str> = entries.iter().map(|it| it.key.as_str()).collect();
                let message = format!("there is nothing to take away: no key `{}`", entry.key);
                let mistake = Diagnostic::new(entry.place.clone(), message);
                diagnostics.push(mistake.nearest(&entry.key, keys));
            }
        }
    }
    Node {
        place: base.place.clone(),
        value: Value::Map(entries),
    }
}

/// Where a value is replaced, its key stands where the new one is written.
fn merged_entry(below: &Entry, above: &Entry, diagnostics: &mut Diagnostics) -> Entry {
    let both = (&below.value.value, &above.value.value);
    let place = match both {
        (Value::Map(_), Value::Map(_)) => &below.place,
        _ => &above.place,
    };
    Entry {
        key: below.key.clone(),
        place: place.clone(),
        value: merged(&below.value, &above.value, diagnostics),
    }
}

/// Checks the trees by which no run goes now, as far as this can be without their variables. What
/// has been told at the same place is not told again.
pub(super) fn check(
    inputs: &Inputs<'_>,
    known: Known<'_>,
    library: &Library,
    trees: &[Tree],
    diagnostics: &mut Diagnostics,
) {
    let inputs = Inputs {
        environment: &|_| None,
        unset_is_mistake: false,
        ..*inputs
    };
    for tree in trees {
        let (_, mistakes) = read(&inputs, known, library, tree);
        for mistake in mistakes.into_sorted() {
            if !diagnostics.is_told(&mistake.place) {
                diagnostics.push(attributed(mistake, tree));
            }
        }
    }
}

fn attributed(mut mistake: Diagnostic, tree: &Tree) -> Diagnostic {
    mistake.message += &match &tree.name {
        Some(name) => format!(" (with `--env {name}`)"),
        None => " (without `--env`)".to_owned(),
    };
    mistake
}

/// Reads one tree.
pub(super) fn read(
    inputs: &Inputs<'_>,
    known: Known<'_>,
    library: &Library,
    tree: &Tree,
) -> (Option<Suite>, Diagnostics) {
    let mut diagnostics = Diagnostics::default();
    let documents = Documents::of_targets(&tree.root, library, inputs, &mut diagnostics);
    let root = documents.expanded(&tree.root, &mut diagnostics);
    let names = super::Names::of(&root);
    let mut reader = Reader {
        inputs,
        names: &names,
        documents: &documents,
        policy: known.policy,
        diagnostics,
        secrets: Vec::new(),
        malformed_by_default: false,
        unset: std::collections::BTreeSet::new(),
        meant_fields: std::collections::BTreeSet::new(),
    };
    let suite = reader.suite(&root);
    let facts = suite.as_ref().and_then(|suite| {
        let facts = crate::facts::of_run(suite, known.policy?, known.facts?);
        super::told_to(&mut reader.diagnostics, facts)
    });
    let suite = suite.map(|suite| Suite {
        facts: facts.unwrap_or_default(),
        secrets: reader.secrets,
        environment: tree.name.clone(),
        read_only: tree.read_only,
        ..suite
    });
    (suite, reader.diagnostics)
}
