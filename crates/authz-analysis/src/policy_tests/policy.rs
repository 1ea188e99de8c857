//! Our own tests of a policy: who is given, what they may do and what not. The policy is the
//! `policy.yaml` beside the file.

use std::borrow::Cow;

use authz::language::{beside, named_files, read_policy};
use authz::parts::Parts;
use authz::source::yaml::{self, Entry, Node, Value};
use authz::source::{Diagnostic, Diagnostics, Place, Source};
use authz::{
    Facts, Likeness, Outcome, Policy, Reference, Relationship, Request, Resource, Subject,
    SubjectFacts, no_context, read_facts,
};
use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use crate::matrix;

use super::{Assertion, Broken, Difference, Load, Reading, Report, name_of};

pub(super) fn run(reading: &mut Reading<'_, '_>, root: &Node) -> Option<Report> {
    let parts = Written::of(reading, root)?;
    let (policy, sources) = self::policy(reading, parts.policy)?;
    let facts = self::facts(reading, parts.facts, &policy)?;
    let coverage = reading.coverage.as_mut();
    let covered = coverage.map(|it| it.policy(&sources, || Parts::of(&policy, &sources)));
    let known = Known {
        policy: &policy,
        facts: &facts,
        covered,
    };
    parts.run(reading, &known, &|_| true)
}

/// What stands in a file of tests.
struct Written<'n> {
    tests: Option<&'n Node>,
    matrix: Option<&'n Node>,
    policy: Option<&'n Node>,
    facts: Option<&'n Node>,
}

impl<'n> Written<'n> {
    fn of(reading: &mut Reading<'_, '_>, root: &'n Node) -> Option<Self> {
        let mut fields = root.fields(&mut reading.diagnostics)?;
        let matrix = fields.optional("matrix");
        let tests = match matrix {
            None => fields.required("tests", &mut reading.diagnostics),
            Some(_) => fields.optional("tests"),
        };
        let written = Self {
            tests,
            matrix,
            policy: fields.optional("policy"),
            facts: fields.optional("facts"),
        };
        fields.finish(&mut reading.diagnostics);
        Some(written)
    }

    /// Runs the matrix, and the tests that are `wanted`.
    fn run(
        &self,
        reading: &mut Reading<'_, '_>,
        known: &Known<'_>,
        wanted: &dyn Fn(&Node) -> bool,
    ) -> Option<Report> {
        let mut report = Report::default();
        if let Some(node) = self.matrix {
            report.assertions.extend(matrix_holds(reading, node, known));
        }
        if self.tests.is_none() && self.matrix.is_some() {
            return Some(report);
        }
        let tests = self.tests?.list(&mut reading.diagnostics)?;
        let is_idle = tests.is_empty() && self.matrix.is_none();
        if let (true, Some(node)) = (is_idle, self.tests) {
            let mistake = Diagnostic::new(node.place.clone(), "there is no test in this list");
            reading.diagnostics.push(mistake);
        }
        for node in tests.iter().filter(|node| wanted(node)) {
            test(reading, node, known, &mut report);
        }
        Some(report)
    }
}

/// A file of our own tests, read once to be run against many policies that differ a little from
/// the one that it is for.
#[derive(Debug)]
pub struct Prepared<'p> {
    source: Source,
    root: Node,
    policy: &'p Policy,
    facts: Facts,
}

impl<'p> Prepared<'p> {
    /// Reads a file; none if it is of another form, has mistakes, or is not for the policy that was
    /// read from these sources.
    pub fn new(
        source: &Source,
        load: &mut Load<'_>,
        (policy, sources): (&'p Policy, &[Source]),
    ) -> Option<Self> {
        let mut reading = Reading::new(source, load, Timestamp::UNIX_EPOCH, None);
        let root = yaml::read(source, &mut reading.diagnostics)?;
        let entries = root.map(&mut reading.diagnostics)?;
        let is_ours = |it: &Entry| ["tests", "matrix"].contains(&it.key.as_str());
        entries.iter().find(|it| is_ours(it))?;
        let written = Written::of(&mut reading, &root)?;
        let (_, read) = self::policy(&mut reading, written.policy)?;
        let is_known = |it: &Source| {
            let mut all = sources.iter();
            all.any(|other| (other.name(), other.text()) == (it.name(), it.text()))
        };
        let is_for_it = read.len() == sources.len() && read.iter().all(is_known);
        let facts = is_for_it.then(|| self::facts(&mut reading, written.facts, policy))??;
        let is_whole = reading.diagnostics.into_result(Some(())).is_ok();
        is_whole.then(|| Self {
            source: source.clone(),
            root,
            policy,
            facts,
        })
    }

    /// What comes of the tests with another policy; those that it cannot decide otherwise than the
    /// one that they are for are left out. None where facts could mean something else to it, or be
    /// a mistake: then the file has to be read again.
    ///
    /// # Errors
    /// As for [`run`](super::run).
    pub fn run(
        &self,
        policy: &Policy,
        likeness: &Likeness<'_>,
        load: &mut Load<'_>,
        now: Timestamp,
    ) -> Option<Result<Report, Broken>> {
        let facts = self.facts.as_for(self.policy, policy)?;
        let known = Known {
            policy,
            facts: &facts,
            covered: None,
        };
        let mut reading = Reading::new(&self.source, load, now, None);
        let report = Written::of(&mut reading, &self.root)
            .and_then(|it| it.run(&mut reading, &known, &|test| !asks_alike(test, likeness)));
        Some(reading.finish(report))
    }
}

/// Whether everything that the test asks is said alike by both policies, so that they decide it
/// alike: names of types and roles, the model and the facts are the same.
fn asks_alike(test: &Node, likeness: &Likeness<'_>) -> bool {
    let type_name = child(test, "given").and_then(|it| child(it, "resource"));
    let type_name = type_name.and_then(|it| match &it.value {
        Value::Map(entries) => entries.first().map(|entry| entry.key.as_str()),
        Value::Scalar(scalar) => Some(scalar.text.as_str()),
        _ => None,
    });
    let lists = ["allow", "deny"].into_iter();
    let mut actions = lists.filter_map(|it| child(test, it)).flat_map(items);
    type_name.is_some_and(|type_name| {
        actions.all(|action| match &action.value {
            Value::Scalar(action) => likeness.is_alike(type_name, &action.text),
            _ => false,
        })
    })
}

fn child<'n>(node: &'n Node, key: &str) -> Option<&'n Node> {
    let Value::Map(entries) = &node.value else {
        return None;
    };
    let found = entries.iter().find(|entry| entry.key == key);
    found.map(|entry| &entry.value)
}

/// The items of a list; of anything else itself, which is none.
fn items(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        _ => std::slice::from_ref(node),
    }
}

/// Whether the file that `matrix` names says what the policy does.
fn matrix_holds(
    reading: &mut Reading<'_, '_>,
    node: &Node,
    known: &Known<'_>,
) -> Option<Assertion> {
    let path = node.text(&mut reading.diagnostics)?;
    let file = reading.file(path, &node.place)?;
    let table = matrix::of(known.policy);
    let differences = matrix::differences(file.text(), &table).into_iter();
    let told = differences.map(|it| {
        let cell = format!("{} of {}", it.row, it.role);
        let of = |side: Option<String>| side.map(|side| format!("{cell}: {side}"));
        Difference {
            expected: of(it.before),
            found: of(it.after),
        }
    });
    let mut differences: Vec<Difference> = told.collect();
    if differences.is_empty() && !table.is_in(file.text()) {
        let expected = "what `lockstep matrix --write` makes";
        differences.push(Difference::between(expected, "another text"));
    }
    Some(Assertion {
        test: None,
        subject: format!("matrix {path}"),
        place: node.place.clone(),
        differences,
    })
}

/// The policy under test, and the facts of all its tests.
struct Known<'k> {
    policy: &'k Policy,
    facts: &'k Facts,
    /// The number of the policy in the coverage, if anybody asks for that.
    covered: Option<usize>,
}

/// The facts of the file that `facts` names.
fn facts(reading: &mut Reading<'_, '_>, node: Option<&Node>, policy: &Policy) -> Option<Facts> {
    let Some(node) = node else {
        return Some(Facts::default());
    };
    let path = node.text(&mut reading.diagnostics)?;
    let source = reading.file(path, &node.place)?;
    told(reading, read_facts(policy, &[source]))
}

/// What was read, if nothing is wrong with it.
fn told<T>(reading: &mut Reading<'_, '_>, read: Result<T, Vec<Diagnostic>>) -> Option<T> {
    let tell = |mistakes: Vec<Diagnostic>| {
        mistakes
            .into_iter()
            .for_each(|mistake| reading.diagnostics.push(mistake));
    };
    read.map_err(tell).ok()
}

/// The policy that `policy` names, or the one beside the file.
fn policy(reading: &mut Reading<'_, '_>, node: Option<&Node>) -> Option<(Policy, Vec<Source>)> {
    let (path, place) = match node {
        Some(node) => (
            node.text(&mut reading.diagnostics)?.to_owned(),
            node.place.clone(),
        ),
        None => ("policy.yaml".to_owned(), reading.source.place(0..0)),
    };
    let mut named = vec![path];
    let mut sources: Vec<Source> = Vec::new();
    while let Some(path) = named.get(sources.len()).cloned() {
        let source = reading.file(&path, &place)?;
        // A policy names its relation model, and a manifest its modules.
        let files = named_files(&source).into_iter();
        named.extend(files.map(|file| beside(&path, &file)));
        sources.push(source);
    }
    let policy = told(reading, read_policy(&sources))?;
    Some((policy, sources))
}

/// Who asks about what, when, and what is known besides.
struct Given<'k> {
    subject: Subject,
    resource: Resource,
    now: Timestamp,
    /// Those of the file and those of the test.
    facts: Cow<'k, Facts>,
    context: Map<String, Json>,
}

fn test(
    reading: &mut Reading<'_, '_>,
    node: &Node,
    known: &Known<'_>,
    report: &mut Report,
) -> Option<()> {
    let policy = known.policy;
    let mut fields = node.fields(&mut reading.diagnostics)?;
    let name = name_of(fields.required("name", &mut reading.diagnostics));
    let given = fields.required("given", &mut reading.diagnostics);
    let allow = fields.optional("allow");
    let deny = fields.optional("deny");
    fields.finish(&mut reading.diagnostics);
    let given = self::given(reading, given?, known)?;
    let is_empty = |it: &Node| matches!(&it.value, Value::List(items) if items.is_empty());
    if [allow, deny].into_iter().flatten().all(is_empty) {
        let mistake = Diagnostic::new(node.place.clone(), "this test asks for nothing");
        let help = "name actions under `allow`, under `deny` or under both";
        reading.diagnostics.push(mistake.help(help));
    }
    for (list, expected) in [(allow, true), (deny, false)] {
        let items = list.and_then(|node| node.list(&mut reading.diagnostics));
        for item in items.into_iter().flatten() {
            let action = item.text(&mut reading.diagnostics)?;
            let type_name = given.resource.type_name();
            if policy.action_kind(type_name, action).is_none() {
                let message = format!("`{type_name}` has no action `{action}`");
                let mistake = Diagnostic::new(item.place.clone(), message);
                let known = policy.action_names(type_name);
                reading.diagnostics.push(mistake.nearest(action, known));
                continue;
            }
            let request = given.request(action);
            if let (Some(coverage), Some(number)) = (reading.coverage.as_mut(), known.covered) {
                coverage.add(number, |parts| parts.exercised(policy, &request));
            }
            let assertion = decide(policy, &request, expected);
            report.assertions.push(Assertion {
                test: name.clone(),
                place: item.place.clone(),
                ..assertion
            });
        }
    }
    Some(())
}

impl Given<'_> {
    fn request<'a>(&'a self, action: &'a str) -> Request<'a> {
        Request {
            subject: &self.subject,
            action,
            resource: &self.resource,
            now: self.now,
            facts: &self.facts,
            context: &self.context,
        }
    }
}

fn decide(policy: &Policy, request: &Request<'_>, expected: bool) -> Assertion {
    let decision = policy.decide(request);
    let found = match decision.outcome {
        Outcome::Permit => "allowed",
        Outcome::Deny(_) => "denied",
        Outcome::Indeterminate => "not decided",
    };
    let wanted = if expected { "allowed" } else { "denied" };
    let differences = if found == wanted {
        Vec::new()
    } else {
        vec![Difference::between(
            wanted,
            format!("{found} ({})", decision.reason.text),
        )]
    };
    let who = request
        .subject
        .reference()
        .map_or("nobody".to_owned(), Reference::to_string);
    let type_name = request.resource.type_name();
    Assertion {
        test: None,
        subject: format!("{who} {} {type_name}", request.action),
        place: Place {
            file: "".into(),
            span: 0..0,
            line: 0,
            column: 0,
        },
        differences,
    }
}

/// `{ subject: "user:vera", tenant: acme, roles: [editor], resource: { post: {...} } }`, and what
/// is known besides: `scopes` and `claims` of the credential, `relationships`, the `context` of
/// conditions, and the instant `at` which it is asked.
fn given<'k>(reading: &mut Reading<'_, '_>, node: &Node, known: &Known<'k>) -> Option<Given<'k>> {
    let diagnostics = &mut reading.diagnostics;
    let mut fields = node.fields(diagnostics)?;
    let subject = fields.optional("subject").filter(|node| !node.is_null());
    let tenant = fields.optional("tenant");
    let roles = fields.optional("roles");
    let attributes = fields.optional("attributes");
    let scopes = fields.optional("scopes");
    let claims = fields.optional("claims");
    let relationships = fields.optional("relationships");
    let context = fields.optional("context");
    let at = fields.optional("at");
    let resource = fields.required("resource", diagnostics);
    fields.finish(diagnostics);
    let mut facts = SubjectFacts::default();
    if let Some(node) = subject {
        let name = node.text(diagnostics)?;
        facts.reference = Some(name.to_owned());
        facts.signed_in = true;
        if tenant.is_none() {
            facts.tenant = only_tenant(known.facts, name, &node.place, diagnostics);
        }
    } else {
        let of_somebody = [("tenant", tenant), ("roles", roles), ("scopes", scopes)];
        let given = of_somebody.into_iter();
        for (name, node) in given.filter_map(|(name, node)| Some((name, node?))) {
            let message =
                format!("`{name}` of nobody: a test without `subject` is about a visitor");
            diagnostics.push(Diagnostic::new(node.place.clone(), message));
        }
    }
    if let Some(node) = tenant {
        facts.tenant = Some(node.text(diagnostics)?.to_owned());
    }
    facts.roles = texts(roles, diagnostics)?;
    facts.attributes = object(attributes, diagnostics)?;
    facts.credential.claims = object(claims, diagnostics)?;
    if scopes.is_some() {
        let scopes = texts(scopes, diagnostics)?.into_iter();
        facts.credential.scopes = Some(scopes.map(Into::into).collect());
    }
    let context = object(context, diagnostics)?;
    let now = match at {
        Some(node) => instant(node, diagnostics)?,
        None => reading.now,
    };
    let relationships = relationships.map_or(Some(Vec::new()), |node| read(node, diagnostics))?;
    let subject = known.policy.subject(known.facts.complete(facts));
    let tell = |error: String| diagnostics.push(Diagnostic::new(node.place.clone(), error));
    let subject = subject.map_err(tell).ok();
    // Most tests add none, and there may be many facts.
    let facts = match relationships.as_slice() {
        [] => Some(Cow::Borrowed(known.facts)),
        more => {
            let facts = known.facts.with_relationships(known.policy, more);
            told(reading, facts).map(Cow::Owned)
        }
    };
    let resource = self::resource(reading, resource?, known);
    Some(Given {
        subject: subject?,
        resource: resource?,
        now,
        facts: facts?,
        context,
    })
}

/// The tenant in which the subject has roles by the facts, if it is one.
fn only_tenant(
    facts: &Facts,
    subject: &str,
    place: &Place,
    diagnostics: &mut Diagnostics,
) -> Option<String> {
    let reference: Reference = subject.parse().ok()?;
    match facts.only_tenant_of(&reference) {
        Ok(tenant) => tenant.map(str::to_owned),
        Err(several) => {
            let message = format!("`{subject}` has roles in several tenants");
            let known = authz::source::one_of(several);
            let help = format!("say with `tenant` in which it acts: {known}");
            diagnostics.push(Diagnostic::new(place.clone(), message).help(help));
            None
        }
    }
}

/// The texts of a list; none where there is no list.
fn texts(node: Option<&Node>, diagnostics: &mut Diagnostics) -> Option<Vec<String>> {
    let Some(node) = node else {
        return Some(Vec::new());
    };
    let texts = node.list(diagnostics)?.iter();
    let texts: Vec<_> = texts
        .map(|node| node.text(diagnostics).map(str::to_owned))
        .collect();
    texts.into_iter().collect()
}

/// A mapping as JSON; an empty one where there is none.
fn object(node: Option<&Node>, diagnostics: &mut Diagnostics) -> Option<Map<String, Json>> {
    let Some(node) = node else {
        return Some(Map::new());
    };
    node.map(diagnostics)?;
    match node.to_json() {
        Json::Object(entries) => Some(entries),
        _ => None,
    }
}

fn instant(node: &Node, diagnostics: &mut Diagnostics) -> Option<Timestamp> {
    let text = node.text(diagnostics)?;
    let read = text.parse();
    if read.is_err() {
        let message = format!("`{text}` is not a time such as \"2027-01-01T00:00:00Z\"");
        diagnostics.push(Diagnostic::new(node.place.clone(), message));
    }
    read.ok()
}

/// The relationships of a list, each with its place.
fn read(node: &Node, diagnostics: &mut Diagnostics) -> Option<Vec<(Relationship, Place)>> {
    let mut relationships = Vec::new();
    for item in node.list(diagnostics)? {
        let text = item.text(diagnostics)?;
        match text.parse() {
            Ok(fact) => relationships.push((fact, item.place.clone())),
            Err(message) => diagnostics.push(Diagnostic::new(item.place.clone(), message)),
        }
    }
    Some(relationships)
}

/// `post`, or `{ post: { owner: "user:vera" } }`, in which `id` names which one. What the facts
/// know of that one is added.
fn resource(reading: &mut Reading<'_, '_>, node: &Node, known: &Known<'_>) -> Option<Resource> {
    let entry = match &node.value {
        Value::Scalar(_) => None,
        Value::Map(entries) if entries.len() == 1 => entries.first(),
        _ => {
            let message = "a resource is one type with its attributes";
            let mistake = Diagnostic::new(node.place.clone(), message);
            reading.diagnostics.push(mistake);
            return None;
        }
    };
    let (found, place) = match entry {
        None => {
            let type_name = node.text(&mut reading.diagnostics)?;
            let found = known.policy.resource(type_name, None, no_context());
            (found, &node.place)
        }
        Some(Entry { key, value, place }) => {
            let mut attributes = object(Some(value), &mut reading.diagnostics)?;
            let id = attributes.remove("id");
            if id.as_ref().is_some_and(|id| !id.is_string()) {
                let mistake = Diagnostic::new(place.clone(), "an `id` is text");
                let help = "in quotes it is: `id: \"7\"`";
                reading.diagnostics.push(mistake.help(help));
                return None;
            }
            let id = id.as_ref().and_then(Json::as_str).unwrap_or(UNNAMED);
            let stored = known.facts.attributes_of(&Reference::new(key, id));
            for (name, value) in stored.into_iter().flatten() {
                attributes.entry(name).or_insert_with(|| value.clone());
            }
            let found = known.policy.resource(key, Some(id), &attributes);
            (found, place)
        }
    };
    let diagnostics = &mut reading.diagnostics;
    let tell = |error: String| diagnostics.push(Diagnostic::new(place.clone(), error));
    found.map_err(tell).ok()
}

/// The id of a resource that is given none.
const UNNAMED: &str = "of-the-test";
