//! What goes over the wire: paths byte for byte, no more requests at once and no more in a second than is allowed,
//! and connections that are used again.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Answer, Project, Request, Server};

use crate::support::{Report, test};

fn try_server(server: &Server, suite: &str, arguments: &[&str]) -> Report {
    let project = Project::new([("lockstep.yaml", suite)]);
    let url = server.url();
    test(&project, &[("TARGET_URL", url.as_str())], arguments)
}

/// Paths that other clients tidy up before they send them.
const PATHS: [&str; 16] = [
    "/a/../b",
    "/a/./b",
    "/../../etc",
    "/%2e%2e/x",
    "/%2E%2E/x",
    "/..%2fx",
    "//double",
    "/double//slash",
    "/a%2Fb",
    "/a%2fb",
    "/;x=1",
    "/a;x=1/b",
    "/?q=a+b%20c",
    "/q?a=/../b&c=%00",
    "/trailing/",
    "/~tilde!$'()*,:@&=",
];

#[test]
fn paths_are_sent_exactly_as_written() {
    let server = Server::start(|_: &Request| Answer::json(200, &json!({})));
    let actions: Vec<String> = PATHS
        .iter()
        .enumerate()
        .map(|(at, path)| format!("    p{at}: {{ api: {{ GET: {} }} }}\n", Value::from(*path)))
        .collect();
    let rows: Vec<String> = (0..PATHS.len())
        .map(|at| format!("  path.p{at}  allow\n"))
        .collect();
    let suite = format!(
        "version: 1\ntargets: {{ api: {{ http: \"${{TARGET_URL}}\" }} }}\nactors: {{ visitor: {{}} }}\nactions:\n  path:\n{}expect: |\n  action  visitor\n{}",
        actions.concat(),
        rows.concat()
    );
    let report = try_server(&server, &suite, &["--concurrency", "1"]);
    assert_eq!(report.code, Some(0), "{}", report.told);
    let sent: Vec<String> = server
        .requests()
        .into_iter()
        .map(|request| request.target)
        .collect();
    assert_eq!(sent, PATHS);
}

#[test]
fn the_path_of_a_targets_address_stands_before_every_path() {
    let server = Server::start(|_: &Request| Answer::json(200, &json!({})));
    let suite = r#"
version: 1
targets: { api: { http: "${TARGET_URL}/v1/../v2/" } }
actors: { visitor: {} }
actions: { path: { look: { api: { GET: /a/../b } } } }
expect: |
  action     visitor
  path.look  allow
"#;
    let report = try_server(&server, suite, &[]);
    assert_eq!(report.code, Some(0), "{}", report.told);
    assert_eq!(server.requests()[0].target, "/v1/../v2/a/../b");
}

/// Values are data: they must not become structure.
#[test]
fn ids_are_percent_encoded() {
    const ID: &str = "a/b c?d=e&f#g%2e é..;";
    let server = Server::start(|request: &Request| match request.method.as_str() {
        "POST" => Answer::json(201, &json!({ "id": ID, "tag": "../up" })),
        _ => Answer::json(200, &json!({ "id": ID })),
    });
    let suite = r#"
version: 1
targets: { api: { http: "${TARGET_URL}" } }
sessions: { key: { query: { "my key": "a&b=c d" } } }
actors: { visitor: {}, maker: { session: key } }
resources: { thing: { on: api, owners: [maker], create: { POST: /things, id: $.id, capture: { tag: $.tag } } } }
actions: { thing: { read: { api: { GET: "/things/{{ thing.id }}/{{ thing.tag }}?of={{ thing.id }}", answer: { json: { $.id: "{{ thing.id }}" } } } } } }
expect: |
  action               visitor  maker
  thing.read of maker  allow    allow
"#;
    let report = try_server(&server, suite, &["--concurrency", "1"]);
    assert_eq!(report.code, Some(0), "{}", report.told);
    let encoded = "a%2Fb%20c%3Fd%3De%26f%23g%252e%20%C3%A9..%3B";
    let path = format!("/things/{encoded}/..%2Fup?of={encoded}");
    let sent: Vec<String> = server
        .requests()
        .into_iter()
        .map(|request| request.target)
        .collect();
    let key = "my%20key=a%26b%3Dc%20d";
    assert_eq!(
        sent,
        [
            format!("/things?{key}"),
            path.clone(),
            format!("{path}&{key}")
        ]
    );
}

const MANY: usize = 60;

/// A suite of many cells that read, for several actors who log in.
fn many() -> String {
    let actions: Vec<String> = (0..MANY / 3)
        .map(|at| format!("    a{at}: {{ api: {{ GET: /a{at} }} }}\n"))
        .collect();
    let rows: Vec<String> = (0..MANY / 3)
        .map(|at| format!("  thing.a{at}  401  allow  allow  allow  allow  allow\n"))
        .collect();
    format!(
        r#"version: 1
targets: {{ api: {{ http: "${{TARGET_URL}}" }} }}
sessions: {{ login: {{ on: api, POST: /login, token: $.token, who: {{ on: api, GET: /me, subject: $.id }}, json: {{ name: "{{{{ actor.name }}}}" }} }} }}
actors:
  visitor: {{}}
  a: {{ session: login }}
  b: {{ session: login }}
  c: {{ session: login }}
  d: {{ session: login }}
  e: {{ session: login }}
actions:
  thing:
{}expect: |
  action  visitor  a  b  c  d  e
{}"#,
        actions.concat(),
        rows.concat()
    )
}

fn answer(request: &Request) -> Answer {
    let Some(token) = request.authorization("bearer") else {
        return match request.path() {
            "/login" => Answer::json(200, &json!({ "token": request.json()["name"] })),
            _ => Answer::json(401, &json!({})),
        };
    };
    Answer::json(200, &json!({ "id": token }))
}

/// Holds the first requests back until one more than is allowed has come, or has had every chance to.
struct Gate {
    allowed: usize,
    waiting: Mutex<(usize, bool)>,
    changed: Condvar,
}

impl Gate {
    fn new(allowed: usize) -> Self {
        Self {
            allowed,
            waiting: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn pass(&self) {
        let mut state = self.waiting.lock().unwrap();
        state.0 += 1;
        self.changed.notify_all();
        let patience = Duration::from_millis(400);
        let closed = |state: &mut (usize, bool)| !state.1 && state.0 <= self.allowed;
        let (mut state, _) = self
            .changed
            .wait_timeout_while(state, patience, closed)
            .unwrap();
        state.1 = true;
        self.changed.notify_all();
    }
}

#[test]
fn no_more_requests_at_once_than_allowed() {
    for allowed in [1, 3, 8] {
        // One gate before the sessions, one before the cells.
        let (sessions, cells) = (Gate::new(allowed), Gate::new(allowed));
        let server = Server::start(move |request| {
            if request.path() == "/login" || request.path() == "/me" {
                sessions.pass();
            } else {
                cells.pass();
            }
            answer(request)
        });
        let concurrency = allowed.to_string();
        let report = try_server(&server, &many(), &["--concurrency", &concurrency]);
        assert_eq!(report.code, Some(0), "{}", report.told);
        assert_eq!(server.most_at_once(), allowed);
    }
}

#[test]
fn no_more_requests_in_a_second_than_allowed() {
    let server = Server::start(answer);
    let report = try_server(&server, &many(), &["--rate", "250"]);
    assert_eq!(report.code, Some(0), "{}", report.told);
    // The first needs no time.
    let least_ms = (report.requests() - 1) * 1_000 / 250;
    assert!(
        report.duration_ms() >= least_ms,
        "{} requests in {} ms",
        report.requests(),
        report.duration_ms()
    );
    // The suite's own limit counts where the command line gives none.
    let suite = many().replace(
        "http: \"${TARGET_URL}\"",
        "http: \"${TARGET_URL}\", rate: 250",
    );
    let report = try_server(&server, &suite, &[]);
    assert!(
        report.duration_ms() >= least_ms,
        "{} requests in {} ms",
        report.requests(),
        report.duration_ms()
    );
}

#[test]
fn connections_are_used_again() {
    let server = Server::start(answer);
    let report = try_server(&server, &many(), &["--concurrency", "4"]);
    assert_eq!(report.code, Some(0), "{}", report.told);
    let requests = server.requests_count();
    assert_eq!(u64::try_from(requests), Ok(report.requests()));
    let connections = server.connections();
    assert!(
        connections <= 4 + 5,
        "{connections} connections for {requests} requests"
    );
    assert!(requests > 100);
}
