//! Reads a suite file into the [`Suite`].
//!
//! First the names of everything, from whatever is there; then each thing against those names.
//! All mistakes of the suite and of its policy are told at once. Files and the environment are
//! inputs: this module opens nothing.

mod action;
mod actor;
mod call;
mod check;
mod database;
mod document;
mod environment;
mod expect;
pub(crate) mod flow;
mod inside;
mod login;
mod malformed;
mod matcher;
pub(crate) mod names;
mod on_denial;
mod resource;
mod session;
mod statement;
mod surface;
mod target;
mod template;
mod throw_away;
mod variant;

use std::collections::BTreeSet;

use authz::source::yaml::{self, Entry, Node};
use authz::source::{Diagnostic, Diagnostics, Place, Source};
use authz::{Facts, Policy};

use crate::model::Suite;
use document::{Documents, Library};
use environment::Environments;
use inside::Text;
use names::{Names, child, entries};

/// The JSON Schema (draft 2020-12) of the suite file, for editors.
pub const SUITE_SCHEMA: &str = include_str!("../../schema/suite.schema.json");

/// Values from the environment that are shorter are not kept as secrets: masking them would
/// mask half of every report.
const SECRET_CHARS_MIN: usize = 4;

/// All that a suite is read from.
pub struct Inputs<'a> {
    /// The suite file.
    pub suite: &'a Source,
    /// The files of the policy that it names, see [`references`].
    pub policy: &'a [Source],
    /// The files of facts that it names.
    pub facts: &'a [Source],
    /// The JSON Schema files that it names, as `folder of the suite/path as written`.
    pub schemas: &'a [Source],
    /// The OpenAPI documents that it names, under the same names as schema files.
    pub documents: &'a [Source],
    /// Which of its `environments` is meant; none: the suite as it stands.
    pub chosen: Option<&'a str>,
    /// The value of an environment variable.
    pub environment: &'a dyn Fn(&str) -> Option<String>,
    /// Whether a variable that is not set is a mistake. Where nothing is sent it need not be;
    /// then `${NAME}` itself stands for the value.
    pub unset_is_mistake: bool,
}

/// The files that a suite names, as written: relative to the folder of the suite.
#[derive(Debug, Default)]
pub struct References {
    /// The policy, a file or a folder.
    pub policy: Option<(String, Place)>,
    /// Files of facts.
    pub facts: Vec<(String, Place)>,
    /// JSON Schema files.
    pub schemas: Vec<(String, Place)>,
    /// OpenAPI documents.
    pub documents: Vec<(String, Place)>,
}

/// Reads a suite.
///
/// # Errors
/// Every mistake of the suite and of its policy, sorted by file and place.
pub fn read_suite(inputs: &Inputs<'_>) -> Result<Suite, Vec<Diagnostic>> {
    let mut diagnostics = Diagnostics::default();
    let policy = policy(inputs, &mut diagnostics);
    let facts = policy.as_ref();
    let facts = facts.and_then(|policy| facts_of_files(policy, inputs, &mut diagnostics));
    let mut syntax = Diagnostics::default();
    let root = yaml::read(inputs.suite, &mut syntax);
    for mistake in syntax.into_sorted() {
        diagnostics.push(with_quotes(mistake, inputs.suite));
    }
    let Some(root) = root else {
        return diagnostics.into_result(None);
    };
    let environments = Environments::of(&root, &mut diagnostics);
    let (chosen, others) = environments.trees(inputs, &root, &mut diagnostics);
    let trees = chosen.iter().chain(&others).map(|tree| &tree.root);
    let library = Library::read(trees, inputs, &mut diagnostics);
    let mut suite = None;
    let known = Known {
        policy: policy.as_ref(),
        facts: facts.as_ref(),
    };
    if let Some(tree) = &chosen {
        let (read, mistakes) = environment::read(inputs, known, &library, tree);
        suite = read;
        let mistakes = mistakes.into_sorted();
        mistakes
            .into_iter()
            .for_each(|mistake| diagnostics.push(mistake));
    }
    environment::check(inputs, known, &library, &others, &mut diagnostics);
    diagnostics.into_result(suite.map(|suite| Suite { policy, ..suite }))
}

/// What is decided by; none of it where the files of the policy have mistakes.
#[derive(Clone, Copy)]
struct Known<'a> {
    policy: Option<&'a Policy>,
    facts: Option<&'a Facts>,
}

/// The files that a suite names, so that they can be loaded before it is read. A broken suite
/// names what can still be made out.
pub fn references(suite: &Source) -> References {
    let Some(root) = yaml::read(suite, &mut Diagnostics::default()) else {
        return References::default();
    };
    let mut found = References {
        policy: child(&root, "policy").and_then(reference),
        facts: fact_files(child(&root, "facts"))
            .filter_map(reference)
            .collect(),
        ..References::default()
    };
    let targets = child(&root, "targets").into_iter();
    let targets = targets.chain(environment::said_of(&root, "targets"));
    for target in targets.flat_map(|it| entries(Some(it))) {
        let named = child(&target.value, "openapi").and_then(reference);
        let is_new = |(path, _): &(String, Place)| found.documents.iter().all(|it| it.0 != *path);
        let named = named.filter(is_new);
        found.documents.extend(named);
    }
    let actions = child(&root, "actions").into_iter();
    let actions = actions.chain(environment::said_of(&root, "actions"));
    let types = actions.flat_map(|it| entries(Some(it)));
    let actions = types.flat_map(|it| entries(Some(&it.value)));
    let layers = actions.flat_map(|it| entries(Some(&it.value)));
    let flows = child(&root, "flows").into_iter();
    let flows = flows.flat_map(|it| entries(Some(it)));
    let steps = flows.flat_map(|it| entries(child(&it.value, "steps")));
    for layer in layers.chain(steps) {
        let answer = child(&layer.value, "answer");
        let schema = answer
            .and_then(|it| child(it, "schema"))
            .and_then(reference);
        found.schemas.extend(schema);
    }
    found
}

/// The paths under `facts`: one, or a list of them.
fn fact_files(node: Option<&Node>) -> impl Iterator<Item = &Node> {
    node.into_iter().flat_map(|node| match &node.value {
        yaml::Value::List(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    })
}

fn reference(node: &Node) -> Option<(String, Place)> {
    names::text(node).map(|path| (path.to_owned(), node.place.clone()))
}

fn policy(inputs: &Inputs<'_>, diagnostics: &mut Diagnostics) -> Option<Policy> {
    if inputs.policy.is_empty() {
        return None;
    }
    told_to(diagnostics, authz::read_policy(inputs.policy))
}

/// The facts of the files. They are facts to a policy: without one nobody reads them.
fn facts_of_files(
    policy: &Policy,
    inputs: &Inputs<'_>,
    diagnostics: &mut Diagnostics,
) -> Option<Facts> {
    told_to(diagnostics, authz::read_facts(policy, inputs.facts))
}

/// What was read, if nothing is wrong with it.
fn told_to<T>(diagnostics: &mut Diagnostics, read: Result<T, Vec<Diagnostic>>) -> Option<T> {
    let told = |mistakes: Vec<Diagnostic>| {
        mistakes
            .into_iter()
            .for_each(|mistake| diagnostics.push(mistake));
    };
    read.map_err(told).ok()
}

/// The most frequent slip in the syntax: inside of `{ ... }`, braces end plain text.
fn with_quotes(mistake: Diagnostic, source: &Source) -> Diagnostic {
    let line = source.text().lines().nth(mistake.place.line - 1);
    let braces = line.is_some_and(|line| line.contains("{{") || line.contains("${"));
    match braces && mistake.message.starts_with("not valid YAML") {
        true => mistake.help("text with `{{ ... }}` or `${...}` in it stands in quotes"),
        false => mistake,
    }
}

/// What is known while a suite is read.
struct Reader<'a> {
    inputs: &'a Inputs<'a>,
    names: &'a Names<'a>,
    documents: &'a Documents,
    /// None, too, where the policy itself has mistakes.
    policy: Option<&'a Policy>,
    diagnostics: Diagnostics,
    secrets: Vec<String>,
    /// Whether every JSON body is tried malformed too (`malformed: true`).
    malformed_by_default: bool,
    /// Environment variables whose absence has been told.
    unset: BTreeSet<String>,
    /// Fields that misspelt variables probably meant, so that they are used after all.
    meant_fields: BTreeSet<String>,
}

impl Reader<'_> {
    fn suite(&mut self, root: &Node) -> Option<Suite> {
        let mut fields = root.fields(&mut self.diagnostics)?;
        let version = fields.required("version", &mut self.diagnostics);
        let policy = fields.optional("policy");
        let facts = fields.optional("facts");
        let targets = fields.required("targets", &mut self.diagnostics);
        let sessions = fields.optional("sessions");
        let actors = fields.required("actors", &mut self.diagnostics);
        let resources = fields.optional("resources");
        let actions = fields.required("actions", &mut self.diagnostics);
        let surface = fields.optional("surface");
        let expect = fields.optional("expect");
        let malformed = fields.optional("malformed");
        let flows = fields.optional("flows");
        fields.finish(&mut self.diagnostics);
        self.version(version);
        let malformed = malformed.map(|it| it.boolean(&mut self.diagnostics));
        self.malformed_by_default = malformed.flatten().unwrap_or_default();
        self.check_policy(policy, expect.is_some(), root);
        self.check_facts(facts, policy.is_some());
        let databases = targets.map(|it| self.databases(it)).unwrap_or_default();
        let targets = targets.map(|it| self.targets(it));
        let sessions = sessions.map(|it| self.all(it, Self::session));
        let actors = actors.map(|it| self.actors(it));
        let resources = resources.map(|it| self.all(it, Self::resource));
        let actions = actions.map(|it| self.actions(it, &databases));
        let surface = surface.map(|it| self.surface(it));
        let targets = targets.flatten();
        let expect = expect.map(|it| self.expect(it, targets.as_deref()));
        let flows = flows.map(|it| {
            let read = |reader: &mut Self, entry: &Entry| reader.flow(entry, targets.as_deref());
            self.all(it, read)
        });
        self.check_fields_used(root);
        Some(Suite {
            targets: complete(targets?)?,
            databases: complete(databases)?,
            sessions: complete(sessions.unwrap_or_else(|| Some(Vec::new()))?)?,
            actors: complete(actors??)?,
            resources: complete(resources.unwrap_or_else(|| Some(Vec::new()))?)?,
            actions: complete(actions??)?,
            flows: complete(flows.unwrap_or_else(|| Some(Vec::new()))?)?,
            expect: match expect {
                Some(table) => Some(table?),
                None => None,
            },
            surface: surface.unwrap_or_else(|| Some(Vec::new()))?,
            policy: None,
            facts: Facts::default(),
            secrets: Vec::new(),
            environment: None,
            read_only: false,
        })
    }

    fn version(&mut self, node: Option<&Node>) {
        let Some(node) = node else {
            return;
        };
        if node.to_json() != 1 {
            let found = Text::of_scalar(node).map_or(node.kind().to_owned(), |text| {
                format!("version `{}`", text.text)
            });
            let message = format!("expected version 1, found {found}");
            self.diagnostics
                .push(Diagnostic::new(node.place.clone(), message));
        }
    }

    /// Every entry of a mapping of named things; `None` in place of one that is broken, so that
    /// all keep their index.
    fn all<T>(
        &mut self,
        node: &Node,
        mut read: impl FnMut(&mut Self, &Entry) -> Option<T>,
    ) -> Option<Vec<Option<T>>> {
        let mut all = Vec::new();
        for entry in node.map(&mut self.diagnostics)? {
            self.check_name(entry);
            all.push(read(self, entry));
        }
        Some(all)
    }

    fn check_name(&mut self, entry: &Entry) {
        check_name(entry, &mut self.diagnostics);
    }

    /// A name that has a meaning of its own cannot be given to something else.
    fn check_not_reserved(&mut self, entry: &Entry, reserved: &[&str], meaning: &str) {
        if reserved.contains(&entry.key.as_str()) {
            let message = format!("the name `{}` is taken: {meaning}", entry.key);
            self.diagnostics
                .push(Diagnostic::new(entry.place.clone(), message));
        }
    }

    /// A text, number or boolean, as it is written.
    fn scalar<'n>(&mut self, node: &'n Node) -> Option<Text<'n>> {
        if !node.is_null()
            && let Some(text) = Text::of_scalar(node)
        {
            return Some(text);
        }
        self.diagnostics.push(node.mismatch("text"));
        None
    }

    /// A text that names something declared in a section of the suite. Where the section itself
    /// is broken, that is mistake enough.
    fn name<T>(
        &mut self,
        node: &Node,
        what: &str,
        section: &str,
        find: impl Fn(&str) -> Option<T>,
        known: &[&str],
    ) -> Option<T> {
        let word = node.text(&mut self.diagnostics)?;
        let found = find(word);
        if found.is_none() && self.names.is_readable(section) {
            let mistake = unknown(&node.place, what, word, known);
            self.diagnostics.push(mistake);
        }
        found
    }

    fn keep_secret(&mut self, value: &str) {
        if value.chars().count() >= SECRET_CHARS_MIN && !self.secrets.iter().any(|it| it == value) {
            self.secrets.push(value.to_owned());
        }
    }
}

/// Names are parts of cell names and words of tables.
fn check_name(entry: &Entry, diagnostics: &mut Diagnostics) {
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if entry.key.is_empty() || !entry.key.chars().all(allowed) {
        let message = format!("`{}` cannot be a name", entry.key);
        diagnostics.push(
            Diagnostic::new(entry.place.clone(), message)
                .label("expected letters, digits, `-` and `_`"),
        );
    }
}

/// A mistake: "unknown actor `edtor`".
fn unknown(place: &Place, what: &str, word: &str, known: &[&str]) -> Diagnostic {
    let label = match known {
        [] => format!("there is no {what}"),
        _ => format!("expected {}", authz::source::one_of(known.iter().copied())),
    };
    Diagnostic::new(place.clone(), format!("unknown {what} `{word}`"))
        .label(label)
        .nearest(word, known.iter().copied())
}

/// All of them, if none is broken.
fn complete<T>(all: Vec<Option<T>>) -> Option<Vec<T>> {
    all.into_iter().collect()
}
