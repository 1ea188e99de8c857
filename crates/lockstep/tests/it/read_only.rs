//! `--read-only`: nothing is sent that changes something, but what opens a session.

use std::time::Duration;

use runner::{Bounds, Client};
use serde_json::json;
use testkit::proxy::{Proxy, Treatment};
use testkit::{Answer, Finished, Project, Request, Server};

use crate::support::{Report, Sample, lockstep, names};

/// Every kind of call that a suite can make.
const SUITE: &str = r#"
version: 1
targets: { hall: { http: "${HALL_URL}" } }
sessions:
  entry: { on: hall, POST: /login, json: { name: "{{ actor.login }}" }, token: $.token, who: { on: hall, GET: /me, subject: $.id } }
  odd: { on: hall, POST: /login, json: { name: "{{ actor.login }}" }, token: $.token, who: { on: hall, POST: /me, subject: $.id } }
actors:
  visitor: {}
  keeper: { session: entry, only: setup, login: keeper }
  ada: { session: entry, login: ada }
  ben: { session: entry, login: ben }
  odd: { session: odd, login: odd }
  leaver: { session: entry, login: "{{ unique }}", create: { on: hall, as: keeper, POST: /users, json: { name: "{{ actor.login }}" }, id: $.id }, then: { as: keeper, DELETE: "/users/{{ actor.id }}" } }
resources:
  desk: { on: hall, owners: [ada], id: "{{ owner.login }}", views: { it: { GET: "/desks/{{ desk.id }}" }, odd: { POST: "/desks/{{ desk.id }}" } } }
  post: { on: hall, owners: [ada], create: { POST: /posts, json: { text: "{{ unique }}" }, id: $.id }, remove: { as: keeper, DELETE: "/posts/{{ post.id }}" } }
  leaf: { on: hall, owners: [ada], create: { GET: "/leaves/new?{{ unique }}", id: $.id } }
actions:
  desk:
    read: { hall: { GET: "/desks/{{ desk.id }}" } }
    show: { hall: { GET: "/desks/{{ desk.id }}", shows: odd } }
    paint: { hall: { PUT: "/desks/{{ desk.id }}", json: {}, effect: { it: { $.colour: red } } } }
    ring: { hall: { GET: "/desks/{{ desk.id }}/bell", effect: { it: { $.rung: true } } } }
  post:
    create: { hall: { POST: /posts, json: { text: "{{ unique }}" }, effect: created } }
    read: { hall: { GET: "/posts/{{ post.id }}" } }
    list: { hall: { GET: /posts, items: "$[*].id", of: read } }
  leaf: { read: { hall: { GET: "/leaves/{{ leaf.id }}" } } }
  hall: { enter: { hall: { GET: /hall } }, debug: { hall: { GET: /debug }, expect: absent } }
expect: |
  action              visitor  ada    ben    odd    leaver
  desk.read of ada    401      allow  403    403    401
  desk.show of ada    401      allow  403    403    401
  desk.paint of ada   401      allow  403    403    401
  desk.ring of ada    401      allow  403    403    401
  post.create         401      allow  403    403    401
  post.read of ada    401      allow  403    403    401
  post.list           401      allow  allow  allow  401
  leaf.read of ada    401      allow  403    403    401
  hall.enter          allow    allow  allow  allow  401
environments:
  production: { read-only: true }
"#;

/// A hall in which everybody may do what the suite says, and that would let itself be changed.
fn hall() -> Server {
    Server::start(|request: &Request| {
        let caller = request.authorization("Bearer").unwrap_or_default();
        match (request.method.as_str(), request.path(), caller) {
            ("POST", "/login", _) => {
                let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
                Answer::json(200, &json!({ "token": body["name"] }))
            }
            ("GET", "/hall", _) => Answer::json(200, &json!({})),
            ("GET", "/debug" | "/debugx", _) => Answer::json(404, &json!({})),
            ("GET", path, _) if !path.starts_with("/desks/") && path != "/me" => {
                Answer::json(404, &json!({}))
            }
            (_, _, "") => Answer::json(401, &json!({})),
            (_, "/me", id) => Answer::json(200, &json!({ "id": id })),
            (_, _, "ada") => Answer::json(200, &json!({ "colour": "blue" })),
            _ => Answer::json(403, &json!({})),
        }
    })
}

fn run(server: &Server, project: &Project, arguments: &[&str]) -> Finished {
    lockstep(project.path(), arguments)
        .env("HALL_URL", &server.url())
        .run()
}

fn project() -> Project {
    Project::new([("lockstep.yaml", SUITE)])
}

/// Nothing that came may have changed something, whatever the answer was.
fn assert_unchanged(requests: &[Request]) {
    assert!(!requests.is_empty());
    for request in requests {
        let logins = ["/login", "/session"];
        let is_login = request.method == "POST" && logins.contains(&request.path());
        let said = format!("{} {}", request.method, request.target);
        assert!(request.method == "GET" || is_login, "{said}");
        assert!(!request.path().ends_with("/bell"), "{said}");
        assert!(!request.path().starts_with("/leaves"), "{said}");
    }
}

#[test]
fn no_call_changes_anything_and_what_cannot_be_tried_is_counted_apart() {
    let (server, project) = (hall(), project());
    let finished = run(
        &server,
        &project,
        &["test", "--read-only", "--report", "json=-"],
    );
    assert_unchanged(&server.requests());
    let report = Report::of(&finished);
    assert_eq!(report.json["read_only"], true);
    let held = names([
        "ada/session.open",
        "ben/session.open",
        "visitor/desk.read/ada",
        "ada/desk.read/ada",
        "ben/desk.read/ada",
        "visitor/hall.enter",
        "ada/hall.enter",
        "ben/hall.enter",
        "visitor/hall.debug",
        "ada/hall.debug",
        "ben/hall.debug",
    ]);
    assert_eq!(report.with("held"), held, "{}", report.told);
    let apart = report.with("not-applicable");
    assert_eq!(
        apart.len() + held.len(),
        report.cells.len(),
        "{}",
        report.told
    );
    assert_eq!(report.code, Some(0), "{}", report.told);
    for (cell, why) in [
        ("ada/desk.paint/ada", "`PUT` may change something"),
        ("ben/desk.ring/ada", "the call declares an effect"),
        ("ada/desk.show/ada", "view `odd` takes a `POST`"),
        ("ada/post.create", "`POST` may change something"),
        ("ada/post.read/ada", "its post would have to be made"),
        ("ada/post.list", "its post would have to be made"),
        ("ada/leaf.read/ada", "its leaf would have to be made"),
        ("odd/hall.enter", "to ask who `odd` is takes a `POST`"),
        ("odd/session.open", "to ask who `odd` is takes a `POST`"),
        (
            "leaver/hall.enter",
            "the user of `leaver` would have to be made",
        ),
        (
            "leaver/session.open",
            "the user of `leaver` would have to be made",
        ),
    ] {
        assert_eq!(report.verdict(cell), "not-applicable", "{cell}");
        let words = report.words(cell);
        assert!(words.contains(why), "{cell}: {words}");
    }
    assert!(
        finished.stderr.contains("; read-only; "),
        "{}",
        finished.stderr
    );
    let said = format!(
        "11 held, 0 findings, 0 inconclusive, {} not applicable",
        apart.len()
    );
    assert!(finished.stderr.contains(&said), "{}", finished.stderr);
}

/// The server refuses nothing of this, so that each would be seen if it were sent.
#[test]
fn without_it_the_same_suite_changes_things() {
    let (server, project) = (hall(), project());
    run(&server, &project, &["test"]);
    let requests = server.requests();
    let came = |method: &str, path: &str| {
        let mut requests = requests.iter();
        requests.any(|it| it.method == method && it.path().starts_with(path))
    };
    for (method, path) in [
        ("PUT", "/desks/"),
        ("POST", "/posts"),
        ("POST", "/users"),
        ("POST", "/me"),
        ("GET", "/leaves/new"),
        ("GET", "/desks/ada/bell"),
    ] {
        assert!(came(method, path), "{method} {path}");
    }
}

#[test]
fn an_environment_can_be_read_only_for_good() {
    let (server, project) = (hall(), project());
    let env = ["--env", "production"];
    let with = |arguments: &[&str]| {
        let all: Vec<&str> = arguments.iter().chain(&env).copied().collect();
        run(&server, &project, &all)
    };
    let report = Report::of(&with(&["test", "--report", "json=-"]));
    assert_eq!(report.code, Some(0), "{}", report.told);
    assert_eq!(report.json["read_only"], true);
    let repeated = with(&["repeat", "ada/desk.read/ada"]);
    assert_eq!(repeated.code, Some(0), "{}", repeated.told());
    let refused = with(&["repeat", "ada/desk.paint/ada"]);
    assert_eq!(refused.code, Some(2), "{}", refused.told());
    let token = with(&["token", "ada"]);
    assert_eq!(token.stdout, "ada\n", "{}", token.told());
    assert_unchanged(&server.requests());
}

#[test]
fn where_nothing_is_left_to_try_that_is_said_and_nothing_is_sent() {
    let (server, project) = (hall(), project());
    for cell in ["*/post.*", "ada/desk.paint/ada", "leaver/*"] {
        let finished = run(&server, &project, &["test", "--read-only", cell]);
        assert_eq!(finished.code, Some(2), "{cell}: {}", finished.told());
        assert!(
            finished.stderr.contains("nothing is left to try"),
            "{}",
            finished.stderr
        );
    }
    assert_eq!(server.requests_count(), 0);
}

#[test]
fn a_plan_shows_what_is_left() {
    let finished = lockstep(project().path(), &["plan", "--read-only"]).run();
    assert_eq!(finished.code, Some(0), "{}", finished.told());
    insta::assert_snapshot!(finished.stdout);
    let verbose = lockstep(project().path(), &["plan", "--read-only", "--verbose"]).run();
    let why = "not tried";
    assert!(verbose.stdout.contains(why), "{}", verbose.stdout);
}

/// The sample system behind a proxy that sees every request.
#[test]
fn the_sample_system_is_left_as_it_was() {
    let sample = Sample::start(&[]);
    let pass = |_: &Request, ask: &dyn Fn() -> Answer| Treatment::Pass(ask());
    let accounts = Proxy::start(&sample.accounts_url(), pass);
    let posts = Proxy::start(&sample.posts_url(), pass);
    let addresses = [
        ("ACCOUNTS_URL", &*accounts.url()),
        ("POSTS_URL", &*posts.url()),
    ];
    let report = sample.test(&["--read-only"], &addresses);
    assert!(!report.with("held").is_empty());
    assert_eq!(report.with("inconclusive"), names([]), "{}", report.told);
    for proxy in [accounts, posts] {
        let passages = proxy.passages().into_iter();
        assert_unchanged(&passages.map(|passage| passage.request).collect::<Vec<_>>());
    }
}

/// Whatever is planned: the client itself sends nothing that may change something.
#[test]
fn the_client_holds_it() {
    let server = hall();
    let bounds = Bounds {
        timeout: Duration::from_secs(10),
        body_bytes_max: 1_024,
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for method in ["POST", "PUT", "PATCH", "DELETE", "get", "PROPFIND"] {
        let client = Client::new(bounds.clone(), [None]).read_only(true);
        let request = suite::probe::Request {
            target: 0,
            method: method.to_owned(),
            url: format!("{}/hall", server.url()),
            headers: Vec::new(),
            body: None,
        };
        let (once, again) = runtime.block_on(async {
            (
                client.send(&request).await,
                client.send_repeatable(&request).await,
            )
        });
        let refused = |it: Result<_, runner::Failure>| it.map(drop).unwrap_err().to_string();
        let said = format!("no call that changes something is sent, and `{method}` may");
        assert!(refused(once).ends_with(&said), "{method}");
        assert!(refused(again).ends_with(&said), "{method}");
    }
    assert_eq!(server.requests_count(), 0);
}
