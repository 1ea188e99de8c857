//! Our own tests of a policy: who is given, what they may do and what not. The policy is the
//! `policy.yaml` beside the file.

use authz::language::read_policy;
use authz::source::yaml::{Entry, Node, Value};
use authz::source::{Diagnostic, Place};
use authz::{Outcome, Policy, Reference, Request, Resource, Subject, SubjectFacts};
use serde_json::{Map, Value as Json};

use super::{Assertion, Difference, Reading, Report, name_of};

pub(super) fn run(reading: &mut Reading<'_, '_>, root: &Node) -> Option<Report> {
    let mut fields = root.fields(&mut reading.diagnostics)?;
    let tests = fields.required("tests", &mut reading.diagnostics);
    let policy = fields.optional("policy");
    fields.finish(&mut reading.diagnostics);
    let policy = self::policy(reading, policy)?;
    let mut report = Report::default();
    for node in tests?.list(&mut reading.diagnostics)? {
        test(reading, node, &policy, &mut report);
    }
    Some(report)
}

/// The policy that `policy` names, or the one beside the file.
fn policy(reading: &mut Reading<'_, '_>, node: Option<&Node>) -> Option<Policy> {
    let (path, place) = match node {
        Some(node) => (
            node.text(&mut reading.diagnostics)?.to_owned(),
            node.place.clone(),
        ),
        None => ("policy.yaml".to_owned(), reading.source.place(0..0)),
    };
    let source = reading.file(&path, &place)?;
    let read = read_policy(&[source]);
    let tell = |mistakes: Vec<Diagnostic>| {
        mistakes
            .into_iter()
            .for_each(|mistake| reading.diagnostics.push(mistake));
    };
    read.map_err(tell).ok()
}

/// Who asks about what.
struct Given {
    subject: Subject,
    resource: Resource,
}

fn test(
    reading: &mut Reading<'_, '_>,
    node: &Node,
    policy: &Policy,
    report: &mut Report,
) -> Option<()> {
    let mut fields = node.fields(&mut reading.diagnostics)?;
    let name = name_of(fields.required("name", &mut reading.diagnostics));
    let given = fields.required("given", &mut reading.diagnostics);
    let allow = fields.optional("allow");
    let deny = fields.optional("deny");
    fields.finish(&mut reading.diagnostics);
    let given = self::given(reading, given?, policy)?;
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
            let assertion = decide(reading.now, policy, &given, action, expected);
            report.assertions.push(Assertion {
                test: name.clone(),
                place: item.place.clone(),
                ..assertion
            });
        }
    }
    Some(())
}

fn decide(
    now: jiff::Timestamp,
    policy: &Policy,
    given: &Given,
    action: &str,
    expected: bool,
) -> Assertion {
    let decision = policy.decide(&Request {
        subject: &given.subject,
        action,
        resource: &given.resource,
        now,
    });
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
    let who = given
        .subject
        .reference()
        .map_or("nobody".to_owned(), Reference::to_string);
    let type_name = given.resource.type_name();
    Assertion {
        test: None,
        subject: format!("{who} {action} {type_name}"),
        place: Place {
            file: "".into(),
            span: 0..0,
            line: 0,
            column: 0,
        },
        differences,
    }
}

/// `{ subject: "user:vera", tenant: acme, roles: [editor], resource: { post: {...} } }`.
fn given(reading: &mut Reading<'_, '_>, node: &Node, policy: &Policy) -> Option<Given> {
    let diagnostics = &mut reading.diagnostics;
    let mut fields = node.fields(diagnostics)?;
    let subject = fields.optional("subject").filter(|node| !node.is_null());
    let tenant = fields.optional("tenant");
    let roles = fields.optional("roles");
    let attributes = fields.optional("attributes");
    let resource = fields.required("resource", diagnostics);
    fields.finish(diagnostics);
    let mut facts = SubjectFacts::default();
    if let Some(node) = subject {
        facts.reference = Some(node.text(diagnostics)?.to_owned());
        facts.signed_in = true;
    }
    if let Some(node) = tenant {
        facts.tenant = Some(node.text(diagnostics)?.to_owned());
    }
    for node in roles
        .and_then(|node| node.list(diagnostics))
        .into_iter()
        .flatten()
    {
        facts.roles.push(node.text(diagnostics)?.to_owned());
    }
    if let Some(node) = attributes {
        facts.attributes = object(node.to_json());
    }
    let place = &node.place;
    let subject = policy.subject(facts);
    let told = |error: String| diagnostics.push(Diagnostic::new(place.clone(), error));
    let subject = subject.map_err(told).ok();
    let resource = self::resource(reading, resource?, policy);
    Some(Given {
        subject: subject?,
        resource: resource?,
    })
}

/// `post`, or `{ post: { owner: "user:vera" } }`, in which `id` names which one.
fn resource(reading: &mut Reading<'_, '_>, node: &Node, policy: &Policy) -> Option<Resource> {
    let (type_name, attributes, place) = match &node.value {
        Value::Scalar(scalar) => (scalar.text.as_str(), Map::new(), &node.place),
        Value::Map(entries) => match entries.as_slice() {
            [Entry { key, value, place }] => (key.as_str(), object(value.to_json()), place),
            _ => return told(reading, node, "a resource is one type with its attributes"),
        },
        Value::List(_) => return told(reading, node, "a resource is one type with its attributes"),
    };
    let mut attributes = attributes;
    let id = attributes.remove("id");
    let id = id.as_ref().and_then(Json::as_str).unwrap_or("of the test");
    let is_collection = matches!(node.value, Value::Scalar(_));
    let id = (!is_collection).then_some(id);
    let found = policy.resource(type_name, id, &attributes);
    let tell = |error: String| {
        reading
            .diagnostics
            .push(Diagnostic::new(place.clone(), error));
    };
    found.map_err(tell).ok()
}

fn told<T>(reading: &mut Reading<'_, '_>, node: &Node, message: &str) -> Option<T> {
    reading
        .diagnostics
        .push(Diagnostic::new(node.place.clone(), message));
    None
}

fn object(json: Json) -> Map<String, Json> {
    match json {
        Json::Object(entries) => entries,
        _ => Map::new(),
    }
}
