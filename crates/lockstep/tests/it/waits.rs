//! Waits are told, and Ctrl-C ends them: nobody waits ten minutes for a run that is to stop, and what it made is put
//! back all the same.

use std::sync::Mutex;
use std::sync::mpsc;

use serde_json::json;
use testkit::{Answer, Project, Request, Server};

use crate::support::{Report, lockstep};
use crate::vault::{Vault, Wrong};

/// The vault's tokens are good for ten minutes.
const LATE: &str = r#"
version: 1
targets: { vault: { http: "${VAULT_URL}" } }
sessions:
  entry: { on: vault, POST: /login, json: { name: "{{ actor.login }}", password: "{{ actor.password }}" }, token: $.token, who: { on: vault, GET: /me, subject: $.id } }
actors:
  keeper: { session: entry, only: setup, login: keeper, password: "${KEEPER_PASSWORD}" }
  clerk: { session: entry, login: clerk, password: "${CLERK_PASSWORD}" }
  late: { like: clerk, token: { expired: { wait: true, leeway: 0s, at_most: 900s } } }
  suspended: { session: entry, login: "{{ unique }}", password: "{{ unique }}-p", create: { on: vault, as: keeper, POST: /users, json: { name: "{{ actor.login }}", password: "{{ actor.password }}" }, id: $.id }, then: { as: keeper, POST: "/users/{{ actor.id }}/suspend" }, remove: { as: keeper, DELETE: "/users/{{ actor.id }}" } }
resources:
  paper: { on: vault, owners: [clerk], create: { POST: /papers, json: { text: "{{ unique }}" }, id: $.id } }
actions:
  paper: { read: { vault: { GET: "/papers/{{ paper.id }}" } } }
expect: |
  action               clerk  late  suspended
  paper.read of clerk  allow  401   401
"#;

#[test]
fn the_wait_for_the_end_of_a_token_ends_early() {
    let vault = Vault::open(Wrong::Nowhere);
    let project = Project::new([("lockstep.yaml", LATE)]);
    let mut running = lockstep(project.path(), &["test", "--report", "json=-"])
        .env("VAULT_URL", &vault.server.url())
        .env("KEEPER_PASSWORD", "keeper-password")
        .env("CLERK_PASSWORD", "clerk-password")
        .start();
    assert!(running.says("`late` waits 6"), "{}", running.stderr());
    assert_eq!(vault.users().len(), 4, "a user was made");
    running.interrupt();
    let report = Report::of(&running.finish());
    assert_eq!(report.code, Some(130), "{}", report.told);
    assert_eq!(report.verdict("clerk/paper.read/clerk"), "held");
    assert_eq!(vault.users(), ["clerk", "guest", "keeper"]);
    assert_eq!(project.files_under(".lockstep/journal").len(), 0);
}

const CODES: &str = r#"
version: 1
targets: { gate: { http: "${GATE_URL}" } }
sessions:
  code: { on: gate, POST: /login, json: { code: "{{ totp }}" }, token: $.token }
actors:
  clerk: { session: code, totp_secret: "${SECRET}" }
  late: { like: clerk, token: { expired: { wait: true, at_most: 900s } } }
actions:
  gate: { pass: { gate: { GET: /pass } } }
expect: |
  action     clerk  late
  gate.pass  allow  401
"#;

/// A gate that takes each one-time password once, as real ones do.
fn gate() -> Server {
    let used = Mutex::new(Vec::new());
    Server::start(move |request: &Request| match request.path() {
        "/login" => {
            let code = request.json()["code"].as_str().unwrap().to_owned();
            let mut used = used.lock().unwrap();
            if used.contains(&code) {
                return Answer::json(401, &json!({ "error": "used" }));
            }
            used.push(code);
            Answer::json(200, &json!({ "token": "token-of-the-gate" }))
        }
        _ => Answer::json(200, &json!({})),
    })
}

/// The second login of the same account has to wait for the next password, and does not use the first again.
#[test]
fn the_wait_for_a_one_time_password_ends_early() {
    let gate = gate();
    let project = Project::new([("lockstep.yaml", CODES)]);
    let mut running = lockstep(project.path(), &["test", "--report", "json=-"])
        .env("GATE_URL", &gate.url())
        .env("SECRET", "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
        .start();
    let told = "its one-time password was used already";
    assert!(running.says(told), "{}", running.stderr());
    running.interrupt();
    let report = Report::of(&running.finish());
    assert_eq!(report.code, Some(130), "{}", report.told);
    let logins = gate.requests().into_iter();
    let logins = logins.filter(|request| request.path() == "/login");
    assert_eq!(logins.count(), 1, "no password was sent twice");
}

const SLOW: &str = r#"
version: 1
targets: { shelf: { http: "${SHELF_URL}" } }
sessions: { key: { bearer: "{{ actor.key }}" } }
actors:
  clerk: { session: key, key: "${CLERK_KEY}" }
  guest: { session: key, key: "${GUEST_KEY}" }
resources:
  book:
    on: shelf
    owners: [clerk]
    create: { POST: /books, json: { text: "{{ unique }}" }, id: $.id }
    remove: { DELETE: "/books/{{ book.id }}" }
    views: { text: { GET: "/books/{{ book.id }}" } }
actions:
  book:
    read: { shelf: { GET: "/books/{{ book.id }}" } }
    a: { shelf: { PUT: "/books/{{ book.id }}", json: { text: a }, effect: { text: { $.text: a } } } }
    b: { shelf: { PUT: "/books/{{ book.id }}", json: { text: b }, effect: { text: { $.text: b } } } }
    c: { shelf: { PUT: "/books/{{ book.id }}", json: { text: c }, effect: { text: { $.text: c } } } }
    d: { shelf: { PUT: "/books/{{ book.id }}", json: { text: d }, effect: { text: { $.text: d } } } }
expect: |
  action               clerk  guest
  book.read of clerk  allow  403
  book.a of clerk     allow  403
  book.b of clerk     allow  403
  book.c of clerk     allow  403
  book.d of clerk     allow  403
"#;

/// Whoever waits for the turn that `--rate` gives begins nothing more; what was made is removed at that rate.
#[test]
fn waits_for_a_turn_end_early() {
    let (seen, first) = mpsc::channel();
    let seen = Mutex::new(Some(seen));
    let server = Server::start(move |request: &Request| {
        if request.method == "GET"
            && let Some(seen) = seen.lock().unwrap().take()
        {
            seen.send(()).unwrap();
        }
        match request.method.as_str() {
            "POST" => Answer::json(201, &json!({ "id": 1 })),
            "DELETE" => Answer::empty(204),
            _ => Answer::json(200, &json!({ "text": "a" })),
        }
    });
    let project = Project::new([("lockstep.yaml", SLOW)]);
    let running = lockstep(
        project.path(),
        &["test", "--rate", "1", "--report", "json=-"],
    )
    .env("SHELF_URL", &server.url())
    .env("CLERK_KEY", "key-of-the-clerk")
    .env("GUEST_KEY", "key-of-the-guest")
    .start();
    first.recv().unwrap();
    running.interrupt();
    let report = Report::of(&running.finish());
    assert_eq!(report.code, Some(130), "{}", report.told);
    let requests = server.requests();
    let count = |method: &str| {
        let requests = requests.iter();
        requests.filter(|request| request.method == method).count()
    };
    assert_eq!(count("POST"), count("DELETE"), "what was made is removed");
    // One or two that had their turn before the signal came.
    assert!(count("GET") + count("PUT") <= 3, "{}", report.told);
    assert_eq!(project.files_under(".lockstep/journal").len(), 0);
}
