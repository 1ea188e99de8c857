//! OpenFGA's store files: a model, tuples, and tests that check and list.

use std::collections::BTreeSet;
use std::sync::Arc;

use authz::language::openfga;
use authz::parts::Parts;
use authz::resolution::{Answer, Circumstances, Engine, QuestionError, SubjectFilter};
use authz::source::yaml::{self, Entry, Node};
use authz::source::{Diagnostic, Diagnostics, Place, Source};
use authz::{Reference, RelationModel, Relationship, Store, SubjectReference};
use serde_json::{Map, Value as Json};

use super::{Assertion, Difference, Reading, Report, embedded, name_of, tuples};
use crate::coverage::Coverage;

/// More than OpenFGA lists at once, so that a test sees all.
const LISTED_MAX: usize = 100_000;

/// The store under test, with the tuples of one test.
struct Test<'a> {
    name: Option<String>,
    engine: &'a Engine,
    now: jiff::Timestamp,
    diagnostics: &'a mut Diagnostics,
    assertions: Vec<Assertion>,
    /// Where it is noted what is exercised, and the number of the model there.
    coverage: Option<(&'a mut Coverage, usize)>,
}

/// What one entry of `check`, `list_objects` or `list_users` is asked with.
struct Asked {
    context: Map<String, Json>,
}

pub(super) fn run(reading: &mut Reading<'_, '_>, root: &Node) -> Option<Report> {
    let mut fields = root.fields(&mut reading.diagnostics)?;
    fields.optional("name");
    fields.optional("description");
    let model = fields.optional("model");
    let model_file = fields.optional("model_file");
    let tuples = fields.optional("tuples");
    let tuple_file = fields.optional("tuple_file");
    let tuple_files = fields.optional("tuple_files");
    let tests = fields.optional("tests");
    fields.finish(&mut reading.diagnostics);
    let (model, sources) = match (model, model_file) {
        (Some(node), _) => (inline_model(reading, node), vec![reading.source.clone()]),
        (None, Some(node)) => {
            let before = reading.loaded.len();
            let model = model_of_file(reading, node);
            (model, reading.loaded.split_off(before))
        }
        (None, None) => (None, Vec::new()),
    };
    reading.loaded.extend(sources.iter().cloned());
    let model = Arc::new(model?);
    let coverage = reading.coverage.as_mut();
    let covered = coverage.map(|it| it.policy(&sources, || Parts::of_model(&model)));
    let mut store = Store::new();
    add(
        reading,
        &mut store,
        &model,
        (tuples, tuple_file, tuple_files),
    );
    let engine = Engine::new(Arc::clone(&model), store.snapshot());
    let mut report = Report::default();
    let tests = tests.filter(|node| !node.is_null());
    for node in tests
        .and_then(|node| node.list(&mut reading.diagnostics))
        .into_iter()
        .flatten()
    {
        report
            .assertions
            .extend(test(reading, node, covered, &store, &engine).unwrap_or_default());
    }
    Some(report)
}

fn inline_model(reading: &mut Reading<'_, '_>, node: &Node) -> Option<RelationModel> {
    let read = embedded::read(reading.source, node, openfga::read_part);
    told(read, &mut reading.diagnostics)
}

/// What was read, if nothing is wrong with it.
pub(crate) fn told<T>(
    read: Result<T, Vec<Diagnostic>>,
    diagnostics: &mut Diagnostics,
) -> Option<T> {
    let tell = |mistakes: Vec<Diagnostic>| mistakes.into_iter().for_each(|it| diagnostics.push(it));
    read.map_err(tell).ok()
}

/// A model in a file: an `fga.mod`, JSON, or the DSL.
fn model_of_file(reading: &mut Reading<'_, '_>, node: &Node) -> Option<RelationModel> {
    let path = node.text(&mut reading.diagnostics)?.to_owned();
    let source = reading.file(&path, &node.place)?;
    let read = if path.ends_with(".mod") {
        let files = told(openfga::read_manifest(&source), &mut reading.diagnostics)?;
        let folder = path
            .rfind('/')
            .and_then(|at| path.get(..=at))
            .unwrap_or_default();
        let modules: Vec<Option<Source>> = files
            .iter()
            .map(|file| reading.file(&format!("{folder}{}", file.path), &file.place))
            .collect();
        let modules: Option<Vec<Source>> = modules.into_iter().collect();
        openfga::read_modules(&modules?)
    } else if path.ends_with(".json") {
        openfga::read_json(&source)
    } else {
        openfga::read(&source)
    };
    told(read, &mut reading.diagnostics)
}

/// Writes tuples from all places where they may stand.
fn add(
    reading: &mut Reading<'_, '_>,
    store: &mut Store,
    model: &RelationModel,
    (tuples, file, files): (Option<&Node>, Option<&Node>, Option<&Node>),
) {
    let mut facts: Vec<Relationship> = Vec::new();
    if let Some(node) = tuples {
        facts.extend(tuples::of_list(node, model, &mut reading.diagnostics));
    }
    let files = files.and_then(|node| node.list(&mut reading.diagnostics));
    for node in file.into_iter().chain(files.into_iter().flatten()) {
        let path = node.text(&mut reading.diagnostics).map(str::to_owned);
        if let Some(source) = path.and_then(|path| reading.file(&path, &node.place)) {
            facts.extend(tuples::of_file(&source, model, &mut reading.diagnostics));
        }
    }
    store.extend(&facts);
}

fn test(
    reading: &mut Reading<'_, '_>,
    node: &Node,
    covered: Option<usize>,
    store: &Store,
    engine: &Engine,
) -> Option<Vec<Assertion>> {
    let mut fields = node.fields(&mut reading.diagnostics)?;
    let name = name_of(fields.optional("name"));
    fields.optional("description");
    let tuples = fields.optional("tuples");
    let tuple_file = fields.optional("tuple_file");
    let tuple_files = fields.optional("tuple_files");
    let check = fields.optional("check");
    let list_objects = fields.optional("list_objects");
    let list_users = fields.optional("list_users");
    fields.finish(&mut reading.diagnostics);
    let mut own = store.clone();
    let model = engine.model();
    add(reading, &mut own, model, (tuples, tuple_file, tuple_files));
    let engine = engine.with_snapshot(own.snapshot());
    let mut test = Test {
        name,
        engine: &engine,
        now: reading.now,
        diagnostics: &mut reading.diagnostics,
        assertions: Vec::new(),
        coverage: reading.coverage.as_deref_mut().zip(covered),
    };
    test.each(check, Test::check);
    test.each(list_objects, Test::list_objects);
    test.each(list_users, Test::list_users);
    Some(test.assertions)
}

impl Test<'_> {
    fn each(&mut self, node: Option<&Node>, run: fn(&mut Self, &Node) -> Option<()>) {
        let node = node.filter(|node| !node.is_null());
        let items = node.and_then(|node| node.list(self.diagnostics));
        for item in items.into_iter().flatten() {
            run(self, item);
        }
    }

    fn check(&mut self, node: &Node) -> Option<()> {
        let mut fields = node.fields(self.diagnostics)?;
        let users = one_or_more(fields.optional("user"), fields.optional("users"));
        let objects = one_or_more(fields.optional("object"), fields.optional("objects"));
        let context = tuples::context(fields.optional("context"), self.diagnostics);
        let assertions = fields.required("assertions", self.diagnostics);
        fields.finish(self.diagnostics);
        self.expect_some(&users, "user", node);
        self.expect_some(&objects, "object", node);
        let subjects: Option<Vec<SubjectReference>> = users
            .iter()
            .map(|node| tuples::subject(node, self.diagnostics))
            .collect();
        let objects: Option<Vec<Reference>> = objects
            .iter()
            .map(|node| tuples::reference(node, self.diagnostics))
            .collect();
        let asked = Asked { context: context? };
        for entry in assertions?.map(self.diagnostics)? {
            let Some(expected) = entry.value.boolean(self.diagnostics) else {
                continue;
            };
            for subject in subjects.as_ref()? {
                for object in objects.as_ref()? {
                    self.check_one(subject, object, entry, expected, &asked);
                }
            }
        }
        Some(())
    }

    fn expect_some(&mut self, nodes: &[&Node], key: &str, place: &Node) {
        if nodes.is_empty() {
            let message = format!("key `{key}` is missing");
            self.diagnostics
                .push(Diagnostic::new(place.place.clone(), message));
        }
    }

    fn check_one(
        &mut self,
        subject: &SubjectReference,
        object: &Reference,
        entry: &Entry,
        expected: bool,
        asked: &Asked,
    ) {
        let circumstances = self.circumstances(asked);
        let answer = self
            .engine
            .check(object, &entry.key, subject, circumstances);
        let Some(answer) = self.answered(answer, &entry.place) else {
            return;
        };
        self.note(object, &entry.key, subject, asked);
        let found = show_answer(&answer);
        let expected = if expected { "true" } else { "false" };
        let held = found == expected;
        let differences = if held {
            Vec::new()
        } else {
            vec![Difference::between(expected, found)]
        };
        let text = format!("{subject} {} {object}", entry.key);
        self.assert(text, entry.place.clone(), differences);
    }

    /// Notes what the question exercises, if anybody asks.
    fn note(
        &mut self,
        object: &Reference,
        relation: &str,
        subject: &SubjectReference,
        asked: &Asked,
    ) {
        let (engine, circumstances) = (self.engine, self.circumstances(asked));
        if let Some((coverage, number)) = &mut self.coverage {
            let question = (object, relation, subject);
            coverage.add(*number, |parts| {
                parts.exercised_by_question(engine, question, circumstances)
            });
        }
    }

    fn circumstances<'c>(&self, asked: &'c Asked) -> Circumstances<'c> {
        Circumstances {
            context: &asked.context,
            now: self.now,
        }
    }

    /// The answer; a question that the model has no words for is a mistake.
    fn answered<T>(&mut self, answer: Result<T, QuestionError>, place: &Place) -> Option<T> {
        let told = |error: QuestionError| {
            let mut mistake = Diagnostic::new(place.clone(), error.message);
            mistake.help = error.help;
            self.diagnostics.push(mistake);
        };
        answer.map_err(told).ok()
    }

    fn assert(&mut self, subject: String, place: Place, differences: Vec<Difference>) {
        self.assertions.push(Assertion {
            test: self.name.clone(),
            subject,
            place,
            differences,
        });
    }

    fn list_objects(&mut self, node: &Node) -> Option<()> {
        let mut fields = node.fields(self.diagnostics)?;
        let users = one_or_more(fields.optional("user"), fields.optional("users"));
        let type_name = fields.required("type", self.diagnostics);
        let context = tuples::context(fields.optional("context"), self.diagnostics);
        let assertions = fields.required("assertions", self.diagnostics);
        fields.finish(self.diagnostics);
        self.expect_some(&users, "user", node);
        let type_name = type_name?.text(self.diagnostics)?;
        let asked = Asked { context: context? };
        for user in users {
            let subject = tuples::subject(user, self.diagnostics)?;
            for entry in assertions?.map(self.diagnostics)? {
                let circumstances = self.circumstances(&asked);
                let page = (None, LISTED_MAX);
                let found =
                    self.engine
                        .list_objects(type_name, &entry.key, &subject, circumstances, page);
                let Some(found) = self.answered(found, &entry.place) else {
                    continue;
                };
                for it in &found.items {
                    self.note(&it.object, &entry.key, &subject, &asked);
                }
                let failed = found
                    .failed
                    .iter()
                    .map(|(it, error)| format!("{}: {error}", it.object));
                let listed = found
                    .items
                    .iter()
                    .map(|it| (it.object.to_string(), missing(&it.missing)));
                let found = Found::new(listed, failed);
                let text = format!("{type_name}s that {subject} is {} of", entry.key);
                self.compare(text, &entry.place, &entry.value, found);
            }
        }
        Some(())
    }

    fn list_users(&mut self, node: &Node) -> Option<()> {
        let mut fields = node.fields(self.diagnostics)?;
        let object = fields.required("object", self.diagnostics);
        let filter = fields.required("user_filter", self.diagnostics);
        let context = tuples::context(fields.optional("context"), self.diagnostics);
        let assertions = fields.required("assertions", self.diagnostics);
        fields.finish(self.diagnostics);
        let object = tuples::reference(object?, self.diagnostics)?;
        let filters = self.filters(filter?)?;
        let asked = Asked { context: context? };
        for entry in assertions?.map(self.diagnostics)? {
            let mut fields = entry.value.fields(self.diagnostics)?;
            let users = fields.required("users", self.diagnostics);
            let excluded = fields.optional("excluded_users");
            fields.finish(self.diagnostics);
            if let Some(node) =
                excluded.filter(|it| !matches!(&it.value, yaml::Value::List(all) if all.is_empty()))
            {
                let message = "`excluded_users` is not compared";
                let help = "take it out: whoever is not among `users` is excluded";
                let mistake = Diagnostic::new(node.place.clone(), message);
                self.diagnostics.push(mistake.help(help));
            }
            let Some(found) = self.users(&object, entry, &filters, &asked) else {
                continue;
            };
            let text = format!("users that are {} of {object}", entry.key);
            self.compare(text, &entry.place, users?, found);
        }
        Some(())
    }

    fn users(
        &mut self,
        object: &Reference,
        entry: &Entry,
        filters: &[(String, Option<String>)],
        asked: &Asked,
    ) -> Option<Found> {
        let mut all = Found::default();
        for (type_name, relation) in filters {
            let filter = SubjectFilter {
                type_name,
                relation: relation.as_deref(),
            };
            let circumstances = self.circumstances(asked);
            let page = (None, LISTED_MAX);
            let found = self
                .engine
                .list_subjects(object, &entry.key, filter, circumstances, page);
            let found = self.answered(found, &entry.place)?;
            for it in &found.items {
                self.note(object, &entry.key, &it.subject, asked);
            }
            let failed = found
                .failed
                .iter()
                .map(|(it, error)| format!("{}: {error}", it.subject));
            let listed = found
                .items
                .iter()
                .map(|it| (it.subject.to_string(), missing(&it.missing)));
            let found = Found::new(listed, failed);
            all.names.extend(found.names);
            all.failed.extend(found.failed);
        }
        Some(all)
    }

    /// `user_filter`: a type, or the relation of one.
    fn filters(&mut self, node: &Node) -> Option<Vec<(String, Option<String>)>> {
        let mut filters = Vec::new();
        for item in node.list(self.diagnostics)? {
            let mut fields = item.fields(self.diagnostics)?;
            let type_name = fields.required("type", self.diagnostics);
            let relation = fields.optional("relation").filter(|node| !node.is_null());
            fields.finish(self.diagnostics);
            let relation = match relation {
                None => None,
                Some(node) => Some(node.text(self.diagnostics)?.to_owned()),
            };
            filters.push((type_name?.text(self.diagnostics)?.to_owned(), relation));
        }
        Some(filters)
    }

    /// Compares a list with what was found. What is wrong with one line is told at that line.
    fn compare(&mut self, text: String, place: &Place, expected: &Node, found: Found) {
        let items: &[Node] = if expected.is_null() {
            &[]
        } else {
            match expected.list(self.diagnostics) {
                Some(items) => items,
                None => return,
            }
        };
        let mut left: BTreeSet<String> = found.names;
        let mut wrong: Option<Place> = None;
        let mut differences: Vec<Difference> = found
            .failed
            .into_iter()
            .map(Difference::unexpected)
            .collect();
        let mut seen: BTreeSet<String> = BTreeSet::new();
        for item in items {
            let Some(name) = item.text(self.diagnostics) else {
                return;
            };
            if seen.insert(name.to_owned()) && !left.remove(name) {
                wrong.get_or_insert_with(|| item.place.clone());
                differences.push(Difference::missing(name));
            }
        }
        differences.extend(left.into_iter().map(Difference::unexpected));
        let place = wrong.unwrap_or_else(|| place.clone());
        self.assert(text, place, differences);
    }
}

/// What a listing found.
#[derive(Default)]
struct Found {
    names: BTreeSet<String>,
    failed: Vec<String>,
}

impl Found {
    /// What depends on a context that is missing is no member of the list, but an error.
    fn new(
        listed: impl Iterator<Item = (String, Option<String>)>,
        failed: impl Iterator<Item = String>,
    ) -> Self {
        let mut found = Self {
            names: BTreeSet::new(),
            failed: failed.collect(),
        };
        for (name, missing) in listed {
            match missing {
                None => {
                    found.names.insert(name);
                }
                Some(missing) => found.failed.push(format!("{name}: {missing}")),
            }
        }
        found
    }
}

fn missing(names: &BTreeSet<Arc<str>>) -> Option<String> {
    (!names.is_empty()).then(|| show_missing(names))
}

fn show_missing(names: &BTreeSet<Arc<str>>) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    format!("the context lacks {}", names.join(", "))
}

/// An answer as OpenFGA would give it.
pub(super) fn show_answer(answer: &Answer) -> String {
    match answer {
        Answer::Yes => "true".to_owned(),
        Answer::No => "false".to_owned(),
        Answer::Conditional(names) => show_missing(names),
        Answer::Failed(error) => error.to_string(),
    }
}

fn one_or_more<'a>(one: Option<&'a Node>, more: Option<&'a Node>) -> Vec<&'a Node> {
    let more = match more.map(|node| &node.value) {
        Some(authz::source::yaml::Value::List(items)) => items.iter().collect(),
        _ => Vec::new(),
    };
    one.into_iter().chain(more).collect()
}
