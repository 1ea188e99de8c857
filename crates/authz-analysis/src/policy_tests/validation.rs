//! SpiceDB's validation files: a schema, relationships, assertions, and who is expected to stand in
//! which relation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use authz::language::spicedb;
use authz::parts::Parts;
use authz::resolution::{Answer, Circumstances, Engine};
use authz::source::yaml::{Entry, Node, Value};
use authz::source::{Diagnostic, Diagnostics, Place, Source};
use authz::{Reference, RelationModel, Relationship, Store, SubjectReference, no_context};
use serde_json::{Map, Value as Json};

use super::membership::{self, Set, Unexpanded};
use super::{Assertion, Difference, Reading, Report, embedded};

/// The schema with the relationships.
struct Tested {
    engine: Engine,
    /// The number of the schema in the coverage, if anybody asks for that.
    covered: Option<usize>,
}

impl Tested {
    /// Notes what a question exercises, if anybody asks.
    fn note(
        &self,
        reading: &mut Reading<'_, '_>,
        question: (&Reference, &str, &SubjectReference),
        context: &Map<String, Json>,
    ) {
        let now = reading.now;
        if let (Some(coverage), Some(number)) = (reading.coverage.as_mut(), self.covered) {
            let circumstances = Circumstances { context, now };
            coverage.add(number, |parts| {
                parts.exercised_by_question(&self.engine, question, circumstances)
            });
        }
    }
}

/// What an assertion expects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    True,
    False,
    Caveated,
}

const KINDS: [(&str, Expected); 3] = [
    ("assertTrue", Expected::True),
    ("assertFalse", Expected::False),
    ("assertCaveated", Expected::Caveated),
];

pub(super) fn run(reading: &mut Reading<'_, '_>, root: &Node) -> Option<Report> {
    let mut fields = root.fields(&mut reading.diagnostics)?;
    let schema = fields.optional("schema");
    let schema_file = fields.optional("schemaFile");
    let relationships = fields.optional("relationships");
    let assertions = fields.optional("assertions");
    let validation = fields.optional("validation");
    fields.finish(&mut reading.diagnostics);
    let (model, source) = match (schema, schema_file) {
        (Some(node), _) => (
            embedded::read(reading.source, node, spicedb::read_part),
            reading.source.clone(),
        ),
        (None, Some(node)) => {
            let path = node.text(&mut reading.diagnostics)?.to_owned();
            let source = reading.file(&path, &node.place)?;
            (spicedb::read(&source), source)
        }
        (None, None) => return None,
    };
    let model = match model {
        Ok(model) => Arc::new(model),
        Err(mistakes) => {
            mistakes
                .into_iter()
                .for_each(|it| reading.diagnostics.push(it));
            return None;
        }
    };
    let mut store = Store::new();
    if let Some(node) = relationships.filter(|node| !node.is_null()) {
        let facts = facts(reading, node, &model);
        store.extend(&facts);
    }
    let coverage = reading.coverage.as_mut();
    let covered = coverage.map(|it| it.policy(&[source], || Parts::of_model(&model)));
    let engine = Engine::new(model, store.snapshot());
    let tested = Tested { engine, covered };
    let mut report = Report::default();
    if let Some(node) = assertions.filter(|node| !node.is_null()) {
        assert_all(reading, node, &tested, &mut report);
    }
    if let Some(node) = validation.filter(|node| !node.is_null()) {
        for entry in node.map(&mut reading.diagnostics).into_iter().flatten() {
            expect_relations(reading, entry, &tested, &mut report);
        }
    }
    Some(report)
}

/// One fact a line; `//` begins a comment.
fn facts(reading: &mut Reading<'_, '_>, node: &Node, model: &RelationModel) -> Vec<Relationship> {
    let Value::Scalar(scalar) = &node.value else {
        reading.diagnostics.push(node.mismatch("text"));
        return Vec::new();
    };
    let (source, told) = (reading.source, &mut reading.diagnostics);
    let facts = facts_of_text(source, &scalar.text, &node.place, model, told);
    facts.into_iter().map(|(fact, _)| fact).collect()
}

/// The facts of a text that stands at a place of the source, one a line, checked against the
/// model; `//` begins a comment.
pub(crate) fn facts_of_text(
    source: &Source,
    text: &str,
    whole: &Place,
    model: &RelationModel,
    diagnostics: &mut Diagnostics,
) -> Vec<(Relationship, Place)> {
    let mut facts = Vec::new();
    let mut cursor = source.place(whole.span.start..whole.span.start);
    for line in text.lines().map(str::trim) {
        let place = locate(source, line, &mut cursor).unwrap_or_else(|| whole.clone());
        if line.is_empty() || line.starts_with("//") {
            continue;
        }
        let found = line.parse::<Relationship>();
        let checked = found.and_then(|fact| match fact.check(model) {
            Ok(()) => Ok(fact),
            Err(error) => Err(match error.help {
                Some(help) => format!("{}; {help}", error.message),
                None => error.message,
            }),
        });
        match checked {
            Ok(fact) => facts.push((fact, place)),
            Err(message) => diagnostics.push(Diagnostic::new(place, message)),
        }
    }
    facts
}

/// Where the next line of a block of YAML stands in the file: at or behind the cursor, which moves
/// there. So all lines together cost no more than the text is long.
fn locate(source: &Source, line: &str, cursor: &mut Place) -> Option<Place> {
    let rest = source.text().get(cursor.span.start..)?;
    let at = rest.find(line)?;
    let before = rest.get(..at)?;
    let start = cursor.span.start + at;
    cursor.line += before.matches('\n').count();
    cursor.column = match before.rsplit_once('\n') {
        Some((_, indent)) => indent.chars().count() + 1,
        None => cursor.column + before.chars().count(),
    };
    cursor.span = start..start + line.len();
    let found = cursor.clone();
    cursor.column += line.chars().count();
    cursor.span.start = cursor.span.end;
    Some(found)
}

fn assert_all(reading: &mut Reading<'_, '_>, node: &Node, tested: &Tested, report: &mut Report) {
    let Some(mut fields) = node.fields(&mut reading.diagnostics) else {
        return;
    };
    let lists: Vec<_> = KINDS
        .iter()
        .map(|(key, kind)| (fields.optional(key), *kind))
        .collect();
    fields.finish(&mut reading.diagnostics);
    for (list, expected) in lists {
        let list = list.filter(|node| !node.is_null());
        let items = list.and_then(|node| node.list(&mut reading.diagnostics));
        for item in items.into_iter().flatten() {
            match assertion(reading, item, tested, expected) {
                Ok(assertion) => report.assertions.push(assertion),
                Err(mistake) => reading.diagnostics.push(mistake),
            }
        }
    }
}

/// `document:1#view@user:tom with {"day": 3}`.
fn assertion(
    reading: &mut Reading<'_, '_>,
    node: &Node,
    tested: &Tested,
    expected: Expected,
) -> Result<Assertion, Diagnostic> {
    let mistake = |message: String| Diagnostic::new(node.place.clone(), message);
    let Value::Scalar(scalar) = &node.value else {
        return Err(node.mismatch("text"));
    };
    let text = scalar.text.trim();
    let (fact, context) = match text.split_once(" with ") {
        None => (text, Map::new()),
        Some((fact, json)) => match serde_json::from_str(json) {
            Ok(Json::Object(context)) => (fact.trim(), context),
            _ => return Err(mistake(format!("`{json}` is not a JSON object"))),
        },
    };
    let fact: Relationship = fact.parse().map_err(mistake)?;
    let circumstances = Circumstances {
        context: &context,
        now: reading.now,
    };
    let (object, relation, subject) = (&fact.object, &fact.relation, &fact.subject);
    let engine = &tested.engine;
    let answer = engine.check(object, relation, subject, circumstances);
    let answer = answer.map_err(|error| mistake(error.message))?;
    tested.note(reading, (object, relation, subject), &context);
    let held = match (&answer, expected) {
        (Answer::Yes, Expected::True)
        | (Answer::No, Expected::False)
        | (Answer::Conditional(_), Expected::Caveated) => Vec::new(),
        _ => vec![Difference::between(
            shown(expected),
            super::store::show_answer(&answer),
        )],
    };
    Ok(Assertion {
        test: None,
        subject: text.to_owned(),
        place: node.place.clone(),
        differences: held,
    })
}

fn shown(expected: Expected) -> &'static str {
    match expected {
        Expected::True => "true",
        Expected::False => "false",
        Expected::Caveated => "that it depends on a context",
    }
}

/// `document:1#view:` with a list of `[user:tom] is <document:1#viewer>`.
fn expect_relations(
    reading: &mut Reading<'_, '_>,
    entry: &Entry,
    tested: &Tested,
    report: &mut Report,
) {
    let mut tell = |message: String, place: &Place| {
        reading
            .diagnostics
            .push(Diagnostic::new(place.clone(), message));
    };
    let key: Option<SubjectReference> = entry.key.parse().ok();
    let Some((object, relation)) = key.and_then(|it| Some((it.object, it.relation?))) else {
        let message = format!(
            "`{}` is not a relation such as `document:1#view`",
            entry.key
        );
        return tell(message, &entry.place);
    };
    let found = match membership::members(&tested.engine, &object, &relation, 0) {
        Ok(found) => found,
        Err(Unexpanded::Question(error)) => return tell(error.message, &entry.place),
        Err(Unexpanded::Depth) => {
            let message = "the relation is nested too deeply".to_owned();
            return tell(message, &entry.place);
        }
    };
    let mut named: BTreeSet<SubjectReference> = BTreeSet::new();
    let items = match &entry.value.value {
        Value::List(items) => items.as_slice(),
        _ if entry.value.is_null() => &[],
        _ => return reading.diagnostics.push(entry.value.mismatch("a list")),
    };
    for item in items {
        let Value::Scalar(scalar) = &item.value else {
            reading.diagnostics.push(item.mismatch("text"));
            continue;
        };
        match ExpectedSubject::parse(&scalar.text) {
            Err(message) => reading
                .diagnostics
                .push(Diagnostic::new(item.place.clone(), message)),
            Ok(expected) => {
                named.insert(expected.subject.clone());
                let question = (&object, &*relation, &expected.subject);
                tested.note(reading, question, no_context());
                report.assertions.push(Assertion {
                    test: None,
                    subject: format!("{}: {}", entry.key, scalar.text),
                    place: item.place.clone(),
                    differences: expected.compare(&found),
                });
            }
        }
    }
    let others = found.keys().filter(|subject| !named.contains(subject));
    let differences: Vec<Difference> = others
        .map(|subject| Difference::unexpected(format!("[{subject}]")))
        .collect();
    report.assertions.push(Assertion {
        test: None,
        subject: format!("{}: nobody else", entry.key),
        place: entry.place.clone(),
        differences,
    });
}

/// One line of a `validation` block.
struct ExpectedSubject {
    subject: SubjectReference,
    is_conditional: bool,
    excluded: BTreeMap<SubjectReference, bool>,
    through: BTreeSet<SubjectReference>,
}

impl ExpectedSubject {
    /// `[user:*[...] - {user:ann, user:bob[...]}] is <document:1#viewer>/<document:1#editor>`.
    fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not of the form `[user:ann] is <document:1#viewer>`");
        let (left, right) = text.split_once("] is ").ok_or_else(wrong)?;
        let inner = left.trim().strip_prefix('[').ok_or_else(wrong)?;
        let (subject, exceptions) = match inner.split_once(" - ") {
            None => (inner, ""),
            Some((subject, rest)) => {
                let rest = rest
                    .trim()
                    .strip_prefix('{')
                    .and_then(|it| it.strip_suffix('}'));
                (subject, rest.ok_or_else(wrong)?)
            }
        };
        let (subject, is_conditional) = marked(subject)?;
        let names = exceptions
            .split(',')
            .map(str::trim)
            .filter(|name| !name.is_empty());
        let excluded = names.map(marked).collect::<Result<_, String>>()?;
        let through = right.split('/').collect::<Vec<_>>().join("/");
        let through = through.split(['<', '>']).map(str::trim);
        let through = through.filter(|part| !part.is_empty() && *part != "/");
        let through = through.map(str::parse).collect::<Result<_, String>>()?;
        Ok(Self {
            subject,
            is_conditional,
            excluded,
            through,
        })
    }

    fn compare(&self, found: &Set) -> Vec<Difference> {
        let Some(found) = found.get(&self.subject) else {
            return vec![Difference::missing(format!("[{}]", self.subject))];
        };
        let mut differences = Vec::new();
        if found.through != self.through {
            differences.push(Difference::between(
                list(&self.through),
                list(&found.through),
            ));
        }
        if found.is_conditional != self.is_conditional {
            let shown = |is: bool| {
                if is {
                    "under a caveat"
                } else {
                    "under no caveat"
                }
            };
            differences.push(Difference::between(
                shown(self.is_conditional),
                shown(found.is_conditional),
            ));
        }
        if found.excluded != self.excluded {
            let shown = |set: &BTreeMap<SubjectReference, bool>| {
                let names: Vec<String> = set.iter().map(|(it, is)| mark(it, *is)).collect();
                format!("all but {{{}}}", names.join(", "))
            };
            differences.push(Difference::between(
                shown(&self.excluded),
                shown(&found.excluded),
            ));
        }
        differences
    }
}

/// A subject, and whether `[...]` stands behind it.
fn marked(text: &str) -> Result<(SubjectReference, bool), String> {
    let text = text.trim();
    let plain = text.strip_suffix("[...]");
    Ok((plain.unwrap_or(text).parse()?, plain.is_some()))
}

fn mark(subject: &SubjectReference, is_conditional: bool) -> String {
    let mark = if is_conditional { "[...]" } else { "" };
    format!("{subject}{mark}")
}

fn list(through: &BTreeSet<SubjectReference>) -> String {
    let names: Vec<String> = through.iter().map(|it| format!("<{it}>")).collect();
    names.join("/")
}
