//! What is read from valid suites.

use authz::Denial;
use authz::source::{Diagnostic, Source, render};
use suite::file::{Inputs, read_suite, references};
use suite::model::{Body, Call, Credential, EffectKind, Expected, Malformed, Origin, Step, Suite};
use suite::observation::place_of;
use suite::template::{Part, Template};

/// The environment of the tests: every variable ends in its own value.
pub(crate) fn environment(name: &str) -> Option<String> {
    match name {
        "UNSET" => None,
        "SHORT" => Some("abc".to_owned()),
        "EMPTY" => Some(String::new()),
        "TWO_LINES" => Some("first\nsecond".to_owned()),
        name if name.ends_with("_URL") => Some("http://127.0.0.1:8080/".to_owned()),
        name => Some(format!("secret-{}", name.to_lowercase())),
    }
}

/// The valid suites, by name.
pub(crate) const VALID: [(&str, &str); 7] = [
    ("smallest", include_str!("valid/smallest.yaml")),
    ("whole", include_str!("valid/whole.yaml")),
    ("calls", include_str!("valid/calls.yaml")),
    ("sessions", include_str!("valid/sessions.yaml")),
    ("environments", include_str!("valid/environments.yaml")),
    ("surface", include_str!("valid/surface.yaml")),
    ("database", include_str!("valid/database.yaml")),
];

/// A document with a mistake.
const BROKEN: &str =
    "openapi: 3.1.0\npaths:\n  posts: { get: {} }\n  /posts: { $ref: 'other.yaml#/posts' }\n";

/// A suite, with the policy of the tests where it names one.
pub(crate) struct Files {
    pub(crate) suite: Source,
    pub(crate) policy: Vec<Source>,
    pub(crate) facts: Vec<Source>,
    pub(crate) schemas: Vec<Source>,
    pub(crate) documents: Vec<Source>,
    pub(crate) chosen: Option<&'static str>,
}

impl Files {
    pub(crate) fn new(text: &str) -> Self {
        let suite = Source::new("tests/lockstep.yaml", text);
        let named = references(&suite);
        let policy = [
            Source::new("policy.yaml", include_str!("valid/policy.yaml")),
            Source::new("model.fga", include_str!("valid/model.fga")),
        ];
        let facts = Source::new("policy/facts.yaml", include_str!("valid/facts.yaml"));
        Self {
            suite,
            policy: match named.policy {
                Some(_) => policy.to_vec(),
                None => Vec::new(),
            },
            facts: named.facts.iter().map(|_| facts.clone()).take(1).collect(),
            schemas: vec![
                Source::new("tests/schemas/post.json", r#"{ "type": "object" }"#),
                Source::new("tests/schemas/broken.json", "{\n  \"type\": }\n"),
                Source::new("tests/schemas/wrong.json", r#"{ "type": "objekt" }"#),
            ],
            documents: vec![
                Source::new("tests/posts.yaml", include_str!("valid/openapi/posts.yaml")),
                Source::new(
                    "tests/accounts.json",
                    include_str!("valid/openapi/accounts.json"),
                ),
                Source::new("tests/broken.yaml", BROKEN),
            ],
            chosen: None,
        }
    }

    pub(crate) fn read(&self, unset_is_mistake: bool) -> Result<Suite, Vec<Diagnostic>> {
        read_suite(&Inputs {
            suite: &self.suite,
            policy: &self.policy,
            facts: &self.facts,
            schemas: &self.schemas,
            documents: &self.documents,
            chosen: self.chosen,
            environment: &environment,
            unset_is_mistake,
        })
    }

    pub(crate) fn render(&self, mistakes: &[Diagnostic]) -> String {
        let sources = [&self.suite].into_iter().chain(&self.policy);
        let sources = sources
            .chain(&self.schemas)
            .chain(&self.documents)
            .chain(&self.facts);
        let sources: Vec<Source> = sources.cloned().collect();
        render(mistakes, &sources, false)
    }
}

/// The mistakes of a suite.
pub(crate) fn mistakes(text: &str) -> Vec<Diagnostic> {
    let mistakes = Files::new(text).read(true).err();
    let told = mistakes.as_ref().is_none_or(|it| !it.is_empty());
    assert!(told, "refused without a word: {text}");
    mistakes.unwrap_or_default()
}

fn read(text: &str, unset_is_mistake: bool) -> Suite {
    let files = Files::new(text);
    match files.read(unset_is_mistake) {
        Ok(suite) => suite,
        Err(mistakes) => panic!("{}", files.render(&mistakes)),
    }
}

/// The parts of a suite that say most, in short.
pub(crate) fn outline(suite: &Suite) -> String {
    let mut out = String::new();
    for target in &suite.targets {
        let forms = |denial| target.denies.forms(denial).iter().map(|it| it.status);
        let denies = [
            Denial::Unauthenticated,
            Denial::Forbidden,
            Denial::Concealed,
        ];
        let denies = denies.map(|denial| forms(denial).collect::<Vec<_>>());
        let line = format!("{} {} {:?}", target.name, target.base, target.rate);
        out.push_str(&format!("target {line} denies {denies:?}\n"));
    }
    for session in &suite.sessions {
        out.push_str(&format!("session {}\n", session.name));
        for step in &session.login {
            out.push_str(&format!("  step {}\n", self::step(suite, step)));
        }
        if let Some(step) = &session.refresh {
            out.push_str(&format!("  refresh {}\n", self::step(suite, step)));
        }
        if let Some(csrf) = &session.csrf {
            out.push_str(&format!("  csrf {:?} as {:?}\n", csrf.source, csrf.place));
        }
        let credential = session
            .credential
            .as_ref()
            .map(|credential| match credential {
                Credential::Basic { user, password } => {
                    format!("basic {}:{}", text(user), text(password))
                }
                Credential::Bearer(token) => format!("bearer {}", text(token)),
                Credential::Header { name, value } => format!("header {name}: {}", text(value)),
                Credential::Query { name, value } => format!("query {name}={}", text(value)),
                Credential::Cookie(name) => format!("cookie {name}"),
            });
        let credential = credential.unwrap_or_else(|| "cookies".to_owned());
        let host = session.host.iter().map(|it| format!(" host {}", text(it)));
        let host: String = host.collect();
        let who = session.who.as_ref().map(|it| call(suite, &it.call));
        out.push_str(&format!("  sends {credential}{host} who {who:?}\n"));
    }
    for actor in &suite.actors {
        let session = actor.session.map(|it| &suite.sessions[it].name);
        let (subject, tenant) = (&actor.subject, &actor.tenant);
        let line = format!("{} {session:?} {subject:?} {tenant:?}", actor.name);
        let setup = if actor.only_setup { " setup" } else { "" };
        let (roles, attributes) = (&actor.roles, serde_json::json!(actor.attributes));
        let fields = &actor.fields;
        out.push_str(&format!(
            "actor {line}{setup} {roles:?} {attributes} {fields:?}\n"
        ));
        if let Some(like) = actor.like {
            let (like, variant) = (&suite.actors[like].name, &actor.variant);
            out.push_str(&format!("  like {like} {variant:?}\n"));
        }
        if let Some(made) = &actor.throw_away {
            let captures: Vec<&str> = made.captures.iter().map(|it| it.name.as_str()).collect();
            let create = call(suite, &made.create);
            out.push_str(&format!("  create {create} {captures:?}\n"));
            for (name, value) in &made.fields {
                out.push_str(&format!("  field {name} {}\n", text(value)));
            }
            for then in &made.then {
                out.push_str(&format!("  then {}\n", call(suite, then)));
            }
            if let Some(remove) = &made.remove {
                out.push_str(&format!("  remove {}\n", call(suite, remove)));
            }
        }
    }
    for resource in &suite.resources {
        let owners = resource.owners.iter().map(|&it| &suite.actors[it].name);
        let owners: Vec<_> = owners.collect();
        out.push_str(&format!("resource {} {owners:?}\n", resource.type_name));
        match &resource.origin {
            Origin::Created(create) => {
                let captures = create.captures.iter().map(|it| &it.name);
                let captures: Vec<_> = captures.collect();
                let (line, id) = (call(suite, &create.call), &create.id);
                out.push_str(&format!("  create {line} id {id} {captures:?}\n"));
            }
            Origin::Existing { id } => out.push_str(&format!("  id {}\n", text(id))),
        }
        for line in resource.remove.iter().map(|it| call(suite, it)) {
            out.push_str(&format!("  remove {line}\n"));
        }
        for view in &resource.views {
            let (name, line) = (&view.name, call(suite, &view.call));
            let (one, ignore) = (view.of_instance, view.ignore.len());
            out.push_str(&format!(
                "  view {name} {line} of_instance {one} ignores {ignore}\n"
            ));
        }
        for (name, _) in &resource.attributes {
            out.push_str(&format!("  attribute {name}\n"));
        }
    }
    for action in &suite.actions {
        let (name, permission) = (action.full_name(), &action.permission);
        let (instance, absent) = (action.instance_of, action.absent);
        let control = action.control.as_ref().map(|it| &it.0);
        out.push_str(&format!(
            "action {name} permission {permission} instance_of {instance:?} absent {absent} {control:?}\n"
        ));
        for layer in &action.layers {
            let (line, status) = (call(suite, &layer.call), &layer.answer.status);
            let effect = layer.effect.as_ref().map(|it| match &it.kind {
                EffectKind::Created => "created".to_owned(),
                EffectKind::Views(views) => format!("{} views", views.len()),
            });
            let json = layer.answer.json.iter().map(|it| it.path.to_string());
            let json: Vec<String> = json.collect();
            let (schema, shows) = (layer.answer.schema.is_some(), layer.answer.shows);
            let of = layer.items.as_ref().map(|it| it.of);
            let total = layer.items.iter().find_map(|it| it.total.as_ref());
            let total = total.map(place_of);
            let malformed = match &layer.malformed {
                None => String::new(),
                Some(Malformed::CutOff) => " malformed: cut off".to_owned(),
                Some(Malformed::Call(other)) => format!(" malformed: {}", call(suite, other)),
            };
            out.push_str(&format!(
                "  {line} status {status:?} json {json:?} schema {schema} shows {shows:?} effect {effect:?} of {of:?} total {total:?}{malformed}\n"
            ));
        }
    }
    for flow in &suite.flows {
        out.push_str(&format!("flow {} by {:?}\n", flow.name, flow.by));
        for step in &flow.steps {
            let expected = flow.by.iter().map(|&by| step.expected_by(by).expected);
            let expected: Vec<Expected> = expected.collect();
            let captures = step.captures.iter().map(|it| it.name.as_str());
            let captures: Vec<&str> = captures.collect();
            let remove = step.remove.as_ref().map(|it| call(suite, it));
            out.push_str(&format!(
                "  {} {} status {:?} expect {expected:?} capture {captures:?} remove {remove:?}\n",
                step.name,
                call(suite, &step.call),
                step.answer.status,
            ));
        }
    }
    for row in suite.expect.iter().flat_map(|it| &it.rows) {
        let owner = row.owner.map(|it| &suite.actors[it].name);
        let action = suite.actions[row.action].full_name();
        let cells = row.cells.iter();
        let cells: Vec<String> = cells
            .map(|it| format!("{:?} {}:{}", it.expected, it.place.line, it.place.column))
            .collect();
        out.push_str(&format!("expect {action} {owner:?} {cells:?}\n"));
    }
    out.push_str(&format!("secrets {:?}\n", suite.secrets));
    out
}

fn step(suite: &Suite, step: &Step) -> String {
    let captures = step.token.iter().chain(&step.captures);
    let captures: Vec<String> = captures
        .map(|it| format!("{} has {}", it.name, place_of(&it.source)))
        .collect();
    let (line, status) = (call(suite, &step.call), &step.status);
    format!("{line} status {status:?} {captures:?}")
}

fn call(suite: &Suite, call: &Call) -> String {
    let body = match &call.body {
        Body::Empty => String::new(),
        Body::Json(json) => format!(
            " json {:?}",
            json.templates().into_iter().map(text).collect::<Vec<_>>()
        ),
        Body::Form(fields) => format!(
            " form {:?}",
            fields.iter().map(|it| text(&it.1)).collect::<Vec<_>>()
        ),
        Body::Text(body) => format!(" text {}", text(body)),
    };
    let headers: Vec<String> = call
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {}", text(value)))
        .collect();
    let target = &suite.targets[call.target].name;
    let (caller, method, path) = (call.caller, &call.method, text(&call.path));
    format!("{target} {caller:?} {method} {path} {headers:?}{body}")
}

fn text(template: &Template) -> String {
    let parts = template.parts.iter().map(|part| match part {
        Part::Text(text) => text.clone(),
        Part::Variable(variable) => format!("<{variable}>"),
    });
    parts.collect()
}

#[test]
fn smallest() {
    insta::assert_snapshot!(outline(&read(VALID[0].1, true)));
}

#[test]
fn whole() {
    insta::assert_snapshot!(outline(&read(VALID[1].1, true)));
}

#[test]
fn calls() {
    insta::assert_snapshot!(outline(&read(VALID[2].1, true)));
}

#[test]
fn sessions() {
    insta::assert_snapshot!(outline(&read(VALID[3].1, true)));
}

#[test]
fn what_is_not_set_stands_for_itself_in_a_plan() {
    let text = VALID[0].1.replace("API_URL", "UNSET");
    let text = text.replace("EDITOR_PASSWORD", "UNSET");
    let suite = read(&text, false);
    assert_eq!(suite.targets[0].base, "${UNSET}");
    assert_eq!(suite.actors[1].fields["password"], "${UNSET}");
    assert_eq!(suite.secrets, Vec::<String>::new());
}

#[test]
fn secrets_are_worth_hiding() {
    for (name, secrets) in [
        ("SHORT", vec![]),
        ("EMPTY", vec![]),
        ("LONG", vec!["secret-long"]),
    ] {
        let suite = read(&VALID[0].1.replace("EDITOR_PASSWORD", name), true);
        assert_eq!(suite.secrets, secrets, "{name}");
    }
}

#[test]
fn references_of_broken_files() {
    for (text, policy, schemas) in [
        ("policy: [", None, 0),
        ("policy: p/\nactions: 3", Some("p/"), 0),
        ("policy: [p]", None, 0),
        (
            "actions: { a: { b: { c: { answer: { schema: s.json } } } }, d: 1 }",
            None,
            1,
        ),
        (
            "actions: { a: { b: { c: { answer: { schema: {} } } } } }",
            None,
            0,
        ),
    ] {
        let found = references(&Source::new("x", text));
        assert_eq!(found.policy.map(|it| it.0).as_deref(), policy, "{text}");
        assert_eq!(found.schemas.len(), schemas, "{text}");
    }
}
