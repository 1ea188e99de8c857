//! No output of any run holds a secret: no password, token, key or basic credential, in no form in which it may turn
//! up. The server of these tests repeats everything that it is sent, in every answer.

use std::fs;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use testkit::{Answer, Finished, Project, Request, Server};

use crate::support::lockstep;

const PASSWORD: &str = r#"pass "word\ of/the+clerk&=?% é"#;
const HEADER_KEY: &str = "header-key/with+signs==";
const QUERY_KEY: &str = "query key&with=signs/é";
const BEARER: &str = "bearer.token_with-signs~+/=";
const BASIC_PASSWORD: &str = "basic:pässword";
const TOKEN: &str = "tokén/of+the\"login\\==";
const REFRESH: &str = "refresh-token-of-the-login";
const COOKIE: &str = "cookie-of-the-login";
const CSRF: &str = "csrf-of-the-login";

const SUITE: &str = r#"
version: 1
targets: { desk: { http: "${DESK_URL}" } }
sessions:
  login:
    on: desk
    POST: /login
    json: { name: clerk, password: "{{ actor.password }}" }
    token: TOKEN_PLACE
    capture: { csrf: $.csrf }
    who: { on: desk, GET: /me, headers: { X-Csrf: "{{ actor.csrf }}" }, subject: WHO_PLACE }
  form: { on: desk, POST: /login, form: { password: "{{ actor.password }}" }, token: $.access_token, header: { X-Auth: "{{ token }}" } }
  header: { header: { X-Key: "{{ actor.key }}" } }
  query: { query: { "key": "{{ actor.key }}" } }
  bearer: { bearer: "{{ actor.key }}" }
  basic: { basic: { user: robot, password: "{{ actor.key }}" } }
actors:
  visitor: {}
  clerk: { session: login, password: "${CLERK_PASSWORD}" }
  teller: { session: form, password: "${CLERK_PASSWORD}" }
  robot: { session: header, key: "${HEADER_KEY}" }
  link: { session: query, key: "${QUERY_KEY}" }
  service: { session: bearer, key: "${BEARER}" }
  daemon: { session: basic, key: "${BASIC_PASSWORD}" }
resources:
  note:
    on: desk
    owners: [clerk, robot, link, daemon]
    create: { POST: "/notes", json: { text: "{{ unique }}", signed: "${HEADER_KEY}" }, id: $.id }
    views: { sheet: { GET: "/notes/{{ note.id }}" } }
actions:
  note:
    read: { desk: { GET: "/notes/{{ note.id }}", answer: { json: { $.never: { matches: here } } } } }
    sign: { desk: { POST: "/notes/{{ note.id }}", json: { signed: "${CLERK_PASSWORD}", by: "${QUERY_KEY}" }, effect: { sheet: { $.never: here } } } }
    send: { desk: { POST: "/notes/{{ note.id }}/send", form: { a: "${CLERK_PASSWORD}", b: "${QUERY_KEY}" } } }
    post: { desk: { POST: "/notes/{{ note.id }}/post", body: "${CLERK_PASSWORD} and ${BEARER}" } }
  desk: { look: { desk: { GET: "/look?at=${HEADER_KEY}" } } }
expect: |
  action              visitor  clerk  teller  robot  link   service  daemon
  note.read of clerk  401      allow  403     403    403    403      ?
  note.read of robot  401      404    403     allow  403    403      ?
  note.sign of clerk  401      allow  403     403    403    403      ?
  note.send of clerk  ?        ?      ?       ?      ?      ?        ?
  note.post of clerk  ?        ?      ?       ?      ?      ?        ?
  desk.look           401      403    403     allow  403    403      ?
"#;

/// A desk that lets everybody in, refuses nearly everything, and tells in every answer what it was sent: as it is, in
/// JSON, percent-encoded in either case, and in every kind of base64.
fn desk() -> Server {
    Server::start(|request: &Request| {
        let told = echo(request);
        match (request.method.as_str(), request.path()) {
            ("POST", "/login") => {
                let mut told = told;
                told["access_token"] = TOKEN.into();
                told["refresh_token"] = REFRESH.into();
                told["csrf"] = CSRF.into();
                Answer::json(200, &told)
                    .header("set-cookie", &format!("session={COOKIE}; HttpOnly"))
            }
            ("GET", "/me") => Answer::json(200, &json!({ "id": 7, "told": told })),
            ("POST", "/notes") => Answer::json(201, &json!({ "id": 1, "told": told })),
            ("GET", "/notes/1") if request.header("authorization").is_some() => {
                Answer::json(200, &told)
            }
            _ => Answer::json(403, &told).header("x-told", &header_safe(&told.to_string())),
        }
    })
}

pub(crate) fn echo(request: &Request) -> Value {
    let headers: Vec<String> = request
        .headers
        .iter()
        .map(|(name, value)| format!("{name}: {value}"))
        .collect();
    let secrets: Vec<String> = request
        .headers
        .iter()
        .filter(|(name, _)| {
            ![
                "host",
                "accept",
                "user-agent",
                "content-type",
                "content-length",
            ]
            .contains(&name.as_str())
        })
        .flat_map(|(_, value)| value.split(' ').map(str::to_owned).collect::<Vec<_>>())
        .chain(texts(&request.json()))
        .chain(request.query("key").map(str::to_owned))
        .collect();
    let coded: Vec<String> = secrets.iter().flat_map(|secret| forms(secret)).collect();
    json!({ "target": request.target, "headers": headers, "body": request.text(), "json": request.json(), "coded": coded })
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Object(members) => members.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

fn header_safe(text: &str) -> String {
    text.replace(['\r', '\n'], " ")
        .chars()
        .take(2_000)
        .collect()
}

/// The forms in which a secret may turn up.
pub(crate) fn forms(secret: &str) -> Vec<String> {
    let quoted = Value::from(secret).to_string();
    let quoted = quoted.get(1..quoted.len() - 1).unwrap().to_owned();
    let mut forms = vec![
        secret.to_owned(),
        // As PHP, Go and Python write JSON.
        quoted.replace('/', "\\/"),
        quoted.replace('&', "\\u0026"),
        quoted.replace('é', "\\u00e9").replace('ä', "\\u00e4"),
        quoted,
    ];
    for engine in [STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD] {
        forms.push(engine.encode(secret));
    }
    let percent = |keep: &dyn Fn(u8) -> bool| -> String {
        let bytes = secret.bytes();
        bytes
            .map(|byte| match keep(byte) {
                true => char::from(byte).to_string(),
                false => format!("%{byte:02X}"),
            })
            .collect()
    };
    let all = percent(&|byte| byte.is_ascii_alphanumeric());
    let unreserved = percent(&|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte));
    let path = percent(&|byte| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte));
    for form in [all, unreserved, path] {
        forms.push(lower_hex(&form));
        forms.push(form.replace("%20", "+"));
        forms.push(form);
    }
    forms.sort();
    forms.dedup();
    forms
}

fn lower_hex(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('%') {
        let (digits, behind) = behind.split_at(2);
        out += &format!("{before}%{}", digits.to_lowercase());
        rest = behind;
    }
    out + rest
}

fn suite(token_place: &str, who_place: &str) -> Project {
    let suite = SUITE
        .replace("TOKEN_PLACE", token_place)
        .replace("WHO_PLACE", who_place);
    Project::new([("lockstep.yaml", suite.as_str())])
}

fn run(project: &Project, url: &str, arguments: &[&str]) -> Finished {
    lockstep(project.path(), arguments)
        .env("DESK_URL", url)
        .env("CLERK_PASSWORD", PASSWORD)
        .env("HEADER_KEY", HEADER_KEY)
        .env("QUERY_KEY", QUERY_KEY)
        .env("BEARER", BEARER)
        .env("BASIC_PASSWORD", BASIC_PASSWORD)
        .run()
}

/// Looks for every secret in everything that a run left behind; says in which form, and where.
fn leaks(project: &Project, finished: &Finished) -> Vec<String> {
    let mut outputs = vec![
        ("standard output".to_owned(), finished.stdout.clone()),
        ("standard error".to_owned(), finished.stderr.clone()),
    ];
    let mut files = project.files_under(".lockstep");
    files.extend(project.files_under("reports"));
    for file in files {
        let text = String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned();
        outputs.push((file.display().to_string(), text));
    }
    let basic = format!("robot:{BASIC_PASSWORD}");
    let secrets = [
        PASSWORD,
        HEADER_KEY,
        QUERY_KEY,
        BEARER,
        BASIC_PASSWORD,
        &basic,
        TOKEN,
        REFRESH,
        COOKIE,
        CSRF,
    ];
    let mut leaks = Vec::new();
    for secret in secrets {
        for form in forms(secret) {
            for (place, text) in &outputs {
                if text.contains(&form) {
                    leaks.push(format!("`{form}` in {place}"));
                }
            }
        }
    }
    leaks
}

fn assert_silent(project: &Project, finished: &Finished, least: usize) {
    let found = leaks(project, finished);
    assert!(found.is_empty(), "{found:#?}");
    // It told a lot, and masked it.
    let masked = finished.stdout.matches("***").count();
    assert!(masked >= least, "only {masked}: {}", finished.told());
}

#[test]
fn no_report_and_no_record_tells_a_secret() {
    let server = desk();
    let project = suite("$.access_token", "$.id");
    fs::create_dir(project.path().join("reports")).unwrap();
    let arguments = ["test", "--verbose", "--report", "json=reports/r.json"];
    let finished = run(&project, &server.url(), &arguments);
    assert_eq!(finished.code, Some(1), "{}", finished.told());
    assert_silent(&project, &finished, 1);
    let report = project.read("reports/r.json");
    assert!(report.matches("***").count() > 1_000);
    assert_eq!(project.files_under(".lockstep").len(), 2);
}

#[test]
fn json_on_standard_output_tells_no_secret() {
    let server = desk();
    let project = suite("$.access_token", "$.id");
    let finished = run(&project, &server.url(), &["test", "--report", "json=-"]);
    assert_silent(&project, &finished, 1_000);
}

#[test]
fn repeat_tells_no_secret() {
    let server = desk();
    let project = suite("$.access_token", "$.id");
    let cells = [
        "clerk/note.read/clerk",
        "teller/note.send/clerk",
        "robot/note.sign/clerk",
        "link/desk.look",
        "service/note.post/clerk",
        "daemon/note.read/robot",
        "clerk/session.open",
        "teller/session.open",
    ];
    for cell in cells {
        let finished = run(&project, &server.url(), &["repeat", cell]);
        assert!(finished.stdout.contains("   > "), "{}", finished.told());
        assert_silent(&project, &finished, 5);
    }
}

/// Where a login goes wrong its answer is shown, and that holds what nobody has learnt to be a secret yet.
#[test]
fn a_login_that_is_misread_tells_no_secret() {
    let server = desk();
    for (token_place, who_place) in [("$.token", "$.id"), ("$.access_token", "$.nobody")] {
        let project = suite(token_place, who_place);
        let finished = run(&project, &server.url(), &["test", "--report", "json=-"]);
        assert_silent(&project, &finished, 200);
        let finished = run(&project, &server.url(), &["repeat", "clerk/session.open"]);
        assert_silent(&project, &finished, 5);
        // But where the token stands can be seen.
        assert!(
            finished.stdout.contains("access_token"),
            "{}",
            finished.told()
        );
    }
}

#[test]
fn a_plan_tells_no_secret() {
    let project = suite("$.access_token", "$.id");
    for arguments in [&["plan", "--verbose"][..], &["plan", "--json"]] {
        let finished = run(&project, "http://127.0.0.1:1", arguments);
        assert_eq!(finished.code, Some(0), "{}", finished.told());
        assert_silent(&project, &finished, 0);
    }
}

#[test]
fn a_mistake_in_the_files_tells_no_secret() {
    let broken = SUITE
        .replace("TOKEN_PLACE", "$.access_token")
        .replace("WHO_PLACE", "$.id")
        .replace(
            "{ bearer: \"{{ actor.key }}\" }",
            "{ bearer: \"{{ actor.kye }}${BEARER}\", basic: \"${BASIC_PASSWORD}\" }",
        )
        .replace(
            "post: { desk: { POST",
            "post: { desk: { \"${CLERK_PASSWORD}\": 1, POST",
        );
    let project = Project::new([("lockstep.yaml", broken.as_str())]);
    let finished = run(&project, "not a ${BEARER} url", &["test"]);
    assert_eq!(finished.code, Some(2), "{}", finished.told());
    assert_silent(&project, &finished, 0);
}
