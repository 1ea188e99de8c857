//! An action on a database: one statement.

use authz::source::yaml::{Entry, Fields, Node};
use authz::source::{Diagnostic, nearest, one_of};

use super::Reader;
use super::actor::settle;
use super::database::scope_of;
use super::names::{ActionName, entries};
use super::template::Scope;
use crate::model::{Database, ObjectName, OnConflict, Statement, Verb};
use crate::template::{JsonTemplate, Template};

/// The keys that say what a statement does.
const VERBS: [(&str, Verb); 6] = [
    ("select", Verb::Select),
    ("insert", Verb::Insert),
    ("update", Verb::Update),
    ("delete", Verb::Delete),
    ("truncate", Verb::Truncate),
    ("execute", Verb::Execute),
];

impl Reader<'_> {
    /// The statement under the name of a database. `databases` are those that were read, if
    /// none of them is broken.
    pub(super) fn statement(
        &mut self,
        entry: &Entry,
        action: &ActionName<'_>,
        databases: &[Option<Database>],
    ) -> Option<Statement> {
        let index = self.names.database(&entry.key)?;
        let mut fields = entry.value.fields(&mut self.diagnostics)?;
        let database = databases.get(index).and_then(Option::as_ref);
        let schema = database.map_or("public", |it| it.schema.as_str());
        let what = self.verb(&mut fields, &entry.value, schema);
        let key = fields.entry("key");
        let columns = fields.entry("columns");
        let values = fields.entry("values");
        let arguments = fields.entry("arguments");
        let on_conflict = fields.entry("on_conflict");
        let copy = fields.entry("copy");
        let commit = fields.entry("commit");
        fields.finish(&mut self.diagnostics);
        let scope = self.scope_of_statement();
        let read_key = key.map(|it| self.key_of_row(it, action));
        let read_columns = columns.map(|it| self.object_list(&it.value));
        let read_values = values.map(|it| self.values(&it.value, &scope));
        let read_arguments = arguments.map(|it| self.json_list(&it.value, &scope));
        let conflict = on_conflict.map(|it| self.on_conflict(&it.value));
        let copies = copy.map(|it| it.value.boolean(&mut self.diagnostics));
        let commits = commit.map(|it| it.value.boolean(&mut self.diagnostics));
        let (verb, object) = what?;
        let has_values = verb.writes();
        let belongs = [
            (verb.is_of_rows() && verb != Verb::Insert, key),
            (verb.is_of_rows(), columns),
            (has_values, values),
            (verb == Verb::Execute, arguments),
            (verb == Verb::Insert, on_conflict),
            (matches!(verb, Verb::Select | Verb::Insert), copy),
            (verb.changes(), commit),
        ];
        let copied = copy.filter(|_| verb == Verb::Insert);
        // `COPY` returns nothing, and knows no conflicts.
        let beside_copy = [(copied.is_none(), columns), (copied.is_none(), on_conflict)];
        let words = [verb.word(); 7].into_iter().chain(["copy"; 2]);
        for ((may, given), beside) in belongs.into_iter().chain(beside_copy).zip(words) {
            if let (false, Some(given)) = (may, given) {
                let message = format!("`{}` beside `{beside}`", given.key);
                self.diagnostics
                    .push(Diagnostic::new(given.place.clone(), message));
                return None;
            }
        }
        if has_values && values.is_none() {
            let message = format!("`{}` without `values`", verb.word());
            let label = "expected columns and what is written to them";
            self.diagnostics
                .push(Diagnostic::new(entry.place.clone(), message).label(label));
            return None;
        }
        self.check_action(entry, action)?;
        let rows = database?.rows.iter().position(|it| it.table == object);
        let rows = rows.filter(|_| verb.is_of_rows());
        let of_rows = on_conflict
            .or(copy.filter(|_| verb == Verb::Select))
            .or(key);
        if let (None, Some(given)) = (rows, of_rows) {
            let message = format!("`{}` on a table that has no `rows`", given.key);
            self.diagnostics
                .push(Diagnostic::new(given.place.clone(), message));
            return None;
        }
        self.check_rows(entry, action, database?, rows)?;
        let commits = commits.unwrap_or(Some(false))?;
        if let (true, None, Some(given)) = (commits, &database?.clones, commit) {
            let message = "`commit` on a database that has no `clones`";
            self.diagnostics.push(
                Diagnostic::new(given.place.clone(), message)
                    .label("what is committed here would stay")
                    .help("give the target `clones`: a template, and who may copy it"),
            );
            return None;
        }
        Some(Statement {
            database: index,
            place: entry.place.clone(),
            verb,
            object,
            rows,
            key: settle(read_key)?,
            columns: read_columns.unwrap_or(Some(Vec::new()))?,
            values: read_values.unwrap_or(Some(Vec::new()))?,
            on_conflict: settle(conflict)?,
            copies: copies.unwrap_or(Some(false))?,
            commits,
            arguments: read_arguments.unwrap_or(Some(Vec::new()))?,
        })
    }

    fn verb(
        &mut self,
        fields: &mut Fields<'_>,
        node: &Node,
        schema: &str,
    ) -> Option<(Verb, ObjectName)> {
        let usage = fields.entry("usage").map(|entry| (entry, None));
        let given: Vec<(&Entry, Option<Verb>)> = VERBS
            .into_iter()
            .filter_map(|(key, verb)| Some((fields.entry(key)?, Some(verb))))
            .chain(usage)
            .collect();
        match given.as_slice() {
            [(entry, Some(verb))] => {
                let object = self.object_name(&entry.value, schema)?;
                Some((*verb, object))
            }
            [(entry, None)] => self.usage(&entry.value, schema),
            // A misspelt verb is an unknown key, and told as one.
            [] if entries(Some(node)).any(|it| is_misspelt_verb(&it.key)) => None,
            [] => {
                let known = VERBS.iter().map(|(key, _)| *key).chain(["usage"]);
                let message = "the statement does nothing";
                self.diagnostics.push(
                    Diagnostic::new(node.place.clone(), message)
                        .label(format!("expected {}", one_of(known))),
                );
                None
            }
            [_, (second, _), ..] => {
                let message = format!("a second statement, `{}`", second.key);
                self.diagnostics.push(
                    Diagnostic::new(second.place.clone(), message)
                        .label("an action is tried by one statement on each database"),
                );
                None
            }
        }
    }

    /// `{ schema: app }` or `{ sequence: posts_id_seq }`.
    fn usage(&mut self, node: &Node, default: &str) -> Option<(Verb, ObjectName)> {
        let mut fields = node.fields(&mut self.diagnostics)?;
        let schema = fields.optional("schema");
        let sequence = fields.optional("sequence");
        fields.finish(&mut self.diagnostics);
        match (schema, sequence) {
            (Some(node), None) => {
                let name = self.object_part(node)?;
                let schema = name.clone();
                Some((Verb::UsageOfSchema, ObjectName { schema, name }))
            }
            (None, Some(node)) => {
                let name = self.object_name(node, default)?;
                Some((Verb::UsageOfSequence, name))
            }
            _ => {
                let expected = "`{ schema: NAME }` or `{ sequence: NAME }`";
                let mistake = Diagnostic::new(node.place.clone(), "usage of what");
                self.diagnostics
                    .push(mistake.label(format!("expected {expected}")));
                None
            }
        }
    }

    /// That something is not there cannot be told from a statement.
    fn check_action(&mut self, entry: &Entry, action: &ActionName<'_>) -> Option<()> {
        if !action.absent {
            return Some(());
        }
        let message = "a statement of an action that is `expect: absent`";
        self.diagnostics.push(
            Diagnostic::new(entry.place.clone(), message)
                .label("a database has no unknown path to answer as"),
        );
        None
    }

    /// The rows are decided on one by one, as what they are to the policy.
    fn check_rows(
        &mut self,
        entry: &Entry,
        action: &ActionName<'_>,
        database: &Database,
        rows: Option<usize>,
    ) -> Option<()> {
        let Some(rows) = rows.and_then(|it| database.rows.get(it)) else {
            return Some(());
        };
        let mistake = if &*rows.type_name != action.type_name {
            let (is, action) = (&rows.type_name, action.type_name);
            let message = format!("a row of `{}` is a `{is}`", rows.table.name);
            Diagnostic::new(entry.place.clone(), message)
                .label(format!("this is an action on a `{action}`"))
        } else if self.inputs.policy.is_empty() {
            let message = "rows are decided on by a policy, and there is none";
            Diagnostic::new(entry.place.clone(), message)
                .help("give `policy`, the path of a policy")
        } else {
            return Some(());
        };
        self.diagnostics.push(mistake);
        None
    }

    /// The variables of a statement: of whoever is tried, and of named actors.
    fn scope_of_statement<'s>(&self) -> Scope<'s> {
        let actors = self.names.probing();
        let actors = actors.filter(|(_, actor)| !actor.shut_out);
        // A visitor has nothing to say of itself.
        let known = actors.filter(|(_, actor)| actor.is_somebody());
        Scope {
            others: true,
            unique: true,
            ..scope_of(known.map(|(index, _)| index).collect())
        }
    }

    /// `{{ post.row }}`: by what the row is told that calls are tried on.
    fn key_of_row(&mut self, entry: &Entry, action: &ActionName<'_>) -> Option<Template> {
        let names = self.names;
        let resource = names.resource(action.type_name);
        let resource = resource.and_then(|index| names.resources.get(index));
        let is_called = action.on_instance == Some(true);
        let Some(resource) = resource.filter(|_| is_called) else {
            let message = "`key` of an action that no call tries on a resource";
            let label = "expected beside a call with the id of a resource in its path";
            self.diagnostics
                .push(Diagnostic::new(entry.place.clone(), message).label(label));
            return None;
        };
        let scope = Scope {
            resource: Some(resource),
            ..Scope::default()
        };
        self.template(&entry.value, &scope)
    }

    /// `update` or `nothing`.
    fn on_conflict(&mut self, node: &Node) -> Option<OnConflict> {
        let word = node.text(&mut self.diagnostics)?;
        let known = OnConflict::WORDS;
        let found = known.iter().find(|(known, _)| *known == word);
        if let Some((_, found)) = found {
            return Some(*found);
        }
        let known = known.map(|(word, _)| word);
        let mistake = super::unknown(&node.place, "word", word, &known);
        self.diagnostics.push(mistake);
        None
    }

    fn object_list(&mut self, node: &Node) -> Option<Vec<String>> {
        let items = node.list(&mut self.diagnostics)?;
        let names: Vec<_> = items.iter().map(|it| self.object_part(it)).collect();
        super::complete(names)
    }

    fn values(&mut self, node: &Node, scope: &Scope<'_>) -> Option<Vec<(String, JsonTemplate)>> {
        let entries = node.map(&mut self.diagnostics)?;
        if entries.is_empty() {
            let message = "no value is given";
            self.diagnostics
                .push(Diagnostic::new(node.place.clone(), message));
        }
        let values: Vec<_> = entries
            .iter()
            .map(|it| Some((it.key.clone(), self.json(&it.value, scope)?)))
            .collect();
        super::complete(values)
    }

    fn json_list(&mut self, node: &Node, scope: &Scope<'_>) -> Option<Vec<JsonTemplate>> {
        let items = node.list(&mut self.diagnostics)?;
        let items: Vec<_> = items.iter().map(|it| self.json(it, scope)).collect();
        super::complete(items)
    }
}

fn is_misspelt_verb(key: &str) -> bool {
    let words = VERBS.iter().map(|(word, _)| *word).chain(["usage"]);
    let others = [
        "key",
        "columns",
        "values",
        "arguments",
        "on_conflict",
        "copy",
        "commit",
    ];
    let known = words.clone().chain(others);
    nearest(key, known).is_some_and(|near| near != key && words.clone().any(|it| it == near))
}
