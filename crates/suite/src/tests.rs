//! Templates, requests, `curl` commands, secrets and patterns, as tables of cases.

use authz::source::{Place, Source};
use serde_json::{Value, json};

use crate::model::{Body, Call, Caller, Credential, Suite, Target};
use crate::probe::{Request, Sent, credential, curl, request};
use crate::secret::Masker;
use crate::template::{Encoding, JsonTemplate, Part, Scope, Template, Variable};

struct Values;

impl Scope for Values {
    fn value(&self, variable: &Variable) -> Option<Value> {
        let name = variable.to_string();
        let values = [
            ("actor.email", json!("vera@acme.test")),
            ("actor.password", json!("it's \"secret\"")),
            ("actor.id", json!(17)),
            ("post.id", json!("a/b c?d#e%f")),
            ("token", json!("abc.def")),
            ("unique", json!("lk1x")),
        ];
        let mut found = values.into_iter().filter(|(known, _)| *known == name);
        found.next().map(|(_, value)| value)
    }
}

fn place() -> Place {
    Source::new("suite.yaml", "").place(0..0)
}

/// A template from its parts: `{name}` is a variable of the scope above.
fn template(parts: &[&str]) -> Template {
    let part = |text: &&str| match text.strip_prefix('{') {
        None => Part::Text((*text).to_owned()),
        Some(name) => Part::Variable(variable(name.trim_end_matches('}'))),
    };
    Template {
        parts: parts.iter().map(part).collect(),
        place: place(),
    }
}

fn variable(name: &str) -> Variable {
    match name.split_once('.') {
        Some(("actor", field)) => Variable::Actor(field.to_owned()),
        Some((type_name, field)) => Variable::Resource {
            type_name: type_name.to_owned(),
            field: field.to_owned(),
        },
        None if name == "token" => Variable::Token,
        None => Variable::Unique,
    }
}

fn call(method: &str, path: &[&str], body: Body) -> Call {
    Call {
        target: 0,
        caller: Caller::Actor,
        method: method.to_owned(),
        path: template(path),
        headers: Vec::new(),
        body,
        place: place(),
    }
}

fn suite() -> Suite {
    let target = Target {
        name: "api".into(),
        place: place(),
        base: "http://127.0.0.1:8080/v1".to_owned(),
        denies: crate::model::Denies {
            unauthenticated: Vec::new(),
            forbidden: Vec::new(),
            concealed: Vec::new(),
        },
        rate: None,
        openapi: None,
    };
    Suite {
        targets: vec![target],
        databases: Vec::new(),
        sessions: Vec::new(),
        actors: Vec::new(),
        resources: Vec::new(),
        actions: Vec::new(),
        expect: None,
        policy: None,
        surface: Vec::new(),
        facts: authz::Facts::default(),
        secrets: Vec::new(),
        environment: None,
        read_only: false,
        flows: Vec::new(),
    }
}

fn made(call: &Call, sent: Option<&Sent>) -> Request {
    request(&suite(), call, &Values, sent).unwrap()
}

#[test]
fn a_path_stays_as_written_and_its_values_stay_values() {
    let cases: [(&[&str], &str); 6] = [
        (&["/a/../b"], "/a/../b"),
        (&["/%2e%2e/x"], "/%2e%2e/x"),
        (&["//double//"], "//double//"),
        (&["/posts/", "{post.id}"], "/posts/a%2Fb%20c%3Fd%23e%25f"),
        (
            &["/users?id=", "{actor.id}", "&m=", "{actor.email}"],
            "/users?id=17&m=vera%40acme.test",
        ),
        (&["/", "{unique}"], "/lk1x"),
    ];
    for (path, expected) in cases {
        let url = made(&call("GET", path, Body::Empty), None).url;
        assert_eq!(url, format!("http://127.0.0.1:8080/v1{expected}"));
    }
}

#[test]
fn a_text_that_is_one_variable_keeps_its_type() {
    let json = JsonTemplate::Map(vec![
        (
            "id".to_owned(),
            JsonTemplate::Text(template(&["{actor.id}"])),
        ),
        (
            "text".to_owned(),
            JsonTemplate::Text(template(&["no. ", "{actor.id}"])),
        ),
        (
            "list".to_owned(),
            JsonTemplate::List(vec![JsonTemplate::Constant(json!(null))]),
        ),
    ]);
    let filled = json.fill(&Values).unwrap();
    assert_eq!(
        filled.to_string(),
        r#"{"id":17,"text":"no. 17","list":[null]}"#
    );
}

#[test]
fn what_has_no_value_is_named() {
    let missing = template(&["x ", "{actor.nonsense}"]).fill(&Values, Encoding::Verbatim);
    assert_eq!(
        missing.unwrap_err().to_string(),
        "`actor.nonsense` has no value yet"
    );
}

#[test]
fn bodies() {
    let fields = || vec![("e-mail".to_owned(), template(&["{actor.email}"]))];
    let json = JsonTemplate::Map(vec![(
        "t".to_owned(),
        JsonTemplate::Text(template(&["{unique}"])),
    )]);
    let cases = [
        (Body::Empty, None, None),
        (
            Body::Json(json),
            Some("application/json"),
            Some(r#"{"t":"lk1x"}"#),
        ),
        (
            Body::Form(fields()),
            Some("application/x-www-form-urlencoded"),
            Some("e-mail=vera%40acme.test"),
        ),
        (
            Body::Text(template(&["raw ", "{unique}"])),
            Some("text/plain"),
            Some("raw lk1x"),
        ),
    ];
    for (body, content_type, expected) in cases {
        let request = made(&call("POST", &["/"], body), None);
        let header = request
            .headers
            .iter()
            .find(|(name, _)| name == "content-type");
        assert_eq!(header.map(|(_, value)| value.as_str()), content_type);
        assert_eq!(request.body.as_deref(), expected);
    }
}

fn credentials() -> [(&'static str, Credential); 4] {
    [
        (
            "basic",
            Credential::Basic {
                user: template(&["{actor.email}"]),
                password: template(&["{actor.password}"]),
            },
        ),
        ("bearer", Credential::Bearer(template(&["{token}"]))),
        (
            "header",
            Credential::Header {
                name: "X-Api-Key".to_owned(),
                value: template(&["{token}"]),
            },
        ),
        (
            "query",
            Credential::Query {
                name: "key".to_owned(),
                value: template(&["{token}"]),
            },
        ),
    ]
}

#[test]
fn requests_and_curl_commands() {
    let json = JsonTemplate::Map(vec![(
        "t".to_owned(),
        JsonTemplate::Constant(json!("it's")),
    )]);
    let calls = [
        call("GET", &["/a/../posts/", "{post.id}"], Body::Empty),
        call("POST", &["/posts?x=[1]"], Body::Json(json)),
    ];
    let mut out = String::new();
    for (name, declared) in credentials() {
        let sent = credential(Some(&declared), "", &Values).unwrap();
        out += &format!("== {name}; `lockstep token` prints {}\n", sent.printed());
        for call in &calls {
            let request = made(call, Some(&sent));
            out += &format!("{} {}\n", request.method, request.url);
            for (name, value) in &request.headers {
                out += &format!("{name}: {value}\n");
            }
            out += &format!("{}\n\n", curl(&suite(), &request, "vera k.", Some(&sent)));
        }
    }
    insta::assert_snapshot!(out);
}

#[test]
fn a_curl_command_shows_no_credential() {
    for (_, declared) in credentials() {
        let sent = credential(Some(&declared), "", &Values).unwrap();
        let request = made(&call("GET", &["/x"], Body::Empty), Some(&sent));
        let command = curl(&suite(), &request, "vera", Some(&sent));
        for secret in sent.secrets() {
            assert!(!command.contains(&secret), "{command}");
        }
    }
}

#[test]
fn secrets_are_masked_in_every_form() {
    let secret = "p\"ss/wörd+1";
    let masker = Masker::new([secret, "hunter2hunter2", "abc"]);
    let base64 = |text: &str| {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(text)
    };
    let cases = [
        (format!("as it is: {secret}."), "as it is: ***."),
        (
            format!("JSON: {}", json!({ "p": secret })),
            "JSON: {\"p\":\"***\"}",
        ),
        (format!("base64: {}", base64(secret)), "base64: ***"),
        (
            r#"PHP: "p\"ss\/w\u00F6rd+1""#.replace(r"\u00F6", "ö"),
            "PHP: \"***\"",
        ),
        (
            r#".NET: p\u0022ss/w\u00F6rd\u002B1"#.to_owned(),
            ".NET: ***",
        ),
        ("lower: p%22ss%2fw%c3%b6rd%2b1".to_owned(), "lower: ***"),
        (
            format!("URL: ?p={}", crate::template::url_component(secret)),
            "URL: ?p=***",
        ),
        (
            "twice: hunter2hunter2 hunter2hunter2".to_owned(),
            "twice: *** ***",
        ),
        (
            "too short to be one: abc".to_owned(),
            "too short to be one: abc",
        ),
    ];
    for (text, masked) in cases {
        assert_eq!(masker.mask(&text), masked, "{text}");
    }
    assert_eq!(Masker::new([]).mask("nothing to hide"), "nothing to hide");
}
