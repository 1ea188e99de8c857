//! Flows beside systems that err in small ways: a denial that tells, a capture that is a secret, a session that ends
//! between two calls.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use testkit::{Answer, Project, Request, Server};

use crate::support::{Report, lockstep, names, test};

const SYSTEM: &str = r#"
version: 1
targets: { api: { http: "${API_URL}", denies: { forbidden: [ { status: 403 }, { status: 302 } ] } } }
sessions: { key: { bearer: "{{ actor.key }}", who: { on: api, GET: /me, subject: $.id } } }
actors:
  ann: { session: key, key: ann }
  bob: { session: key, key: bob }
  eve: { session: key, key: eve }
"#;

const HEALTH: &str = r"
actions: { health: { read: { api: { GET: /health } } } }
expect: |
  action       ann
  health.read  allow
";

/// What is wrong with the server, or particular.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Plain,
    /// A denial tells the text of the note.
    Tells,
    /// A denial repeats what it was sent.
    Echoes,
    /// Nobody gets a session any more as soon as there is a note.
    ShutsOut,
}

/// The notes with their owners and texts.
type Notes = Arc<Mutex<BTreeMap<u64, (String, String)>>>;

struct Service {
    server: Server,
    notes: Notes,
}

impl Service {
    fn start(way: Way) -> Self {
        let notes = Notes::default();
        let kept = Arc::clone(&notes);
        let made = Mutex::new(0);
        let server = Server::start(move |request| answer(way, &kept, &made, request));
        Self { server, notes }
    }

    fn left(&self) -> usize {
        self.notes.lock().unwrap().len()
    }

    fn run(&self, suite: &str) -> (Report, Project) {
        let project = Project::new([("lockstep.yaml", suite)]);
        let report = test(&project, &[("API_URL", &self.server.url())], &[]);
        (report, project)
    }
}

fn answer(way: Way, notes: &Notes, made: &Mutex<u64>, request: &Request) -> Answer {
    let mut notes = notes.lock().unwrap();
    let is_shut = way == Way::ShutsOut && !notes.is_empty();
    let who = request.authorization("Bearer").unwrap_or("").to_owned();
    match (request.method.as_str(), request.segments().as_slice()) {
        ("POST", ["login" | "refresh"]) if is_shut => Answer::empty(500),
        ("POST", ["login" | "refresh"]) => {
            let name = request.json()["name"].clone();
            let body = json!({ "token": name, "again": name, "expires_in": 1 });
            Answer::json(200, &body)
        }
        ("DELETE", ["notes", id]) => {
            let gone = notes.remove(&id.parse().unwrap_or_default());
            Answer::empty(if gone.is_some() { 204 } else { 404 })
        }
        _ if who.is_empty() => Answer::empty(401),
        ("GET", ["me"]) => Answer::json(200, &json!({ "id": who })),
        ("GET", ["health"]) => Answer::json(200, &json!({})),
        ("POST", ["notes"]) if who == "eve" => Answer::empty(302).header("location", "/login"),
        ("POST", ["notes"]) => {
            let mut made = made.lock().unwrap();
            *made += 1;
            let text = request.json()["text"].as_str().unwrap_or("").to_owned();
            notes.insert(*made, (who, text));
            let invite = format!("invited-by-{made}-for-nobody-else");
            Answer::json(201, &json!({ "id": *made, "invite_token": invite }))
        }
        ("GET", ["notes"]) => {
            let texts: Vec<&String> = notes.values().map(|(_, text)| text).collect();
            Answer::json(200, &json!({ "notes": texts }))
        }
        (_, ["notes", id]) => match notes.get(&id.parse().unwrap_or_default()) {
            Some((owner, text)) if *owner == who => Answer::json(200, &json!({ "text": text })),
            Some((_, text)) => Answer::json(403, &denial(way, text, request)),
            None => Answer::empty(404),
        },
        // Invitations are never good.
        _ => Answer::json(500, &json!({ "asked": request.line() })),
    }
}

fn denial(way: Way, text: &str, request: &Request) -> Value {
    match way {
        Way::Tells => json!({ "error": format!("`{text}` is not yours") }),
        Way::Echoes => json!({ "error": "no", "sent": request.text() }),
        Way::Plain | Way::ShutsOut => json!({ "error": "no" }),
    }
}

const WRITE: &str = r#"write: { POST: /notes, json: { text: "{{ unique }}" }, capture: { id: $.id }, remove: { DELETE: "/notes/{{ flow.id }}" } }"#;

/// A flow of `ann` with these steps.
fn flow(steps: &[&str]) -> String {
    let steps: String = steps.iter().map(|step| format!("      {step}\n")).collect();
    format!("{SYSTEM}{HEALTH}flows:\n  share:\n    on: api\n    by: [ann]\n    steps:\n{steps}")
}

#[test]
fn a_denial_that_tells_the_flows_own_text_is_a_leak_by_whoever_called() {
    let suite = flow(&[
        WRITE,
        r#"own: { GET: "/notes/{{ flow.id }}" }"#,
        r#"peek: { as: bob, GET: "/notes/{{ flow.id }}", expect: 403 }"#,
    ]);
    let (report, _) = Service::start(Way::Tells).run(&suite);
    assert_eq!(report.with("leak"), names(["ann/flow.share/peek"]));
    let peek = &report.cells["ann/flow.share/peek"].json;
    assert_eq!(peek["caller"], "bob");
    let own = &report.cells["ann/flow.share/own"].json;
    assert_eq!(own.get("caller"), None);
    assert!(
        report
            .told
            .contains("ann: flow.share/peek by bob is refused, but tells of it"),
        "{}",
        report.told
    );
    let (report, _) = Service::start(Way::Plain).run(&suite);
    assert_eq!(report.code, Some(0), "{}", report.told);
}

#[test]
fn a_denial_that_repeats_what_the_step_sent_tells_nothing() {
    let suite = flow(&[
        WRITE,
        r#"spoil: { as: bob, PUT: "/notes/{{ flow.id }}", json: { text: "{{ unique }} anew" }, expect: 403 }"#,
        r#"own: { PUT: "/notes/{{ flow.id }}", json: { text: "{{ unique }} anew" } }"#,
    ]);
    let (report, _) = Service::start(Way::Echoes).run(&suite);
    assert_eq!(report.code, Some(0), "{}", report.told);
    let (report, _) = Service::start(Way::Plain).run(&suite);
    assert_eq!(report.code, Some(0), "{}", report.told);
}

/// A call that changes something, after one that had its effect, may be refused for that.
#[test]
fn a_change_is_no_control_of_what_comes_after_it() {
    let suite = flow(&[
        WRITE,
        r#"own: { PUT: "/notes/{{ flow.id }}", json: { text: "{{ unique }} anew" } }"#,
        r#"spoil: { as: bob, PUT: "/notes/{{ flow.id }}", json: { text: "{{ unique }} anew" }, expect: 403 }"#,
    ]);
    let (report, _) = Service::start(Way::Plain).run(&suite);
    let words = report.words("ann/flow.share/spoil");
    assert!(words.contains("it has no control"), "{words}");
}

/// Both steps ask for `{{ flow.id }}`, which is another note by then.
#[test]
fn a_call_for_something_else_is_no_control() {
    let his = r#"his: { as: bob, POST: /notes, json: { text: b }, capture: { id: $.id }, remove: { as: bob, DELETE: "/notes/{{ flow.id }}" } }"#;
    let own = r#"own: { GET: "/notes/{{ flow.id }}" }"#;
    let peek = r#"peek: { GET: "/notes/{{ flow.id }}", expect: 403 }"#;
    let service = Service::start(Way::Plain);
    let (report, _) = service.run(&flow(&[WRITE, own, his, peek]));
    assert_eq!(
        report.with("inconclusive"),
        names(["ann/flow.share/peek"]),
        "{}",
        report.told
    );
    let words = report.words("ann/flow.share/peek");
    assert!(words.contains("it has no control"), "{words}");
    // The same note, asked for by somebody who may.
    let by_bob = r#"by_bob: { as: bob, GET: "/notes/{{ flow.id }}" }"#;
    let (report, _) = service.run(&flow(&[WRITE, own, his, by_bob, peek]));
    assert_eq!(report.code, Some(0), "{}", report.told);
    let peek = &report.cells["ann/flow.share/peek"].json;
    assert_eq!(peek["control"]["cell"], "ann/flow.share/by_bob");
}

#[test]
fn secrets_that_flows_and_resources_capture_are_never_shown() {
    let invite = "capture: { invite_token: $.invite_token }";
    let write = WRITE.replace(
        "capture: { id: $.id }",
        "capture: { id: $.id, invite_token: $.invite_token }",
    );
    let of_flow = flow(&[
        &write,
        r#"join: { GET: "/invites/{{ flow.invite_token }}" }"#,
    ]);
    let of_resource = format!(
        r#"{SYSTEM}
resources:
  note:
    on: api
    owners: [ann]
    create: {{ POST: /notes, json: {{ text: "{{{{ unique }}}}" }}, id: $.id, {invite} }}
    remove: {{ DELETE: "/notes/{{{{ note.id }}}}" }}
    views: {{ text: {{ GET: "/notes/{{{{ note.id }}}}" }} }}
actions: {{ note: {{ join: {{ api: {{ GET: "/invites/{{{{ note.invite_token }}}}" }} }} }} }}
expect: |
  action            ann
  note.join of ann  allow
"#
    );
    for suite in [of_flow, of_resource] {
        let service = Service::start(Way::Plain);
        let (report, project) = service.run(&suite);
        assert_eq!(report.code, Some(3), "{}", report.told);
        let asked = service.server.requests();
        let invite = "invited-by-1-for-nobody-else";
        assert!(
            asked.iter().any(|it| it.path().contains(invite)),
            "it was sent"
        );
        let mut shown = vec![report.told, report.json.to_string()];
        for file in project.files_under(".lockstep") {
            shown.push(String::from_utf8_lossy(&fs::read(file).unwrap()).into_owned());
        }
        assert!(
            shown.iter().any(|text| text.contains("/invites/***")),
            "{shown:?}"
        );
        for text in shown {
            assert!(!text.contains(invite), "{text}");
        }
    }
}

/// The token is at its end after every call, and after the first note there is no other: what was made is known all
/// the same.
#[test]
fn what_a_step_made_is_kept_although_the_session_ends_with_it() {
    let service = Service::start(Way::ShutsOut);
    let login = r#"sessions: { key: { on: api, POST: /login, json: { name: "{{ actor.key }}" }, token: $.token, capture: { again: $.again, expires_in: $.expires_in }, refresh: { POST: /refresh, json: { name: "{{ actor.again }}" }, token: $.token } } }"#;
    let write = WRITE.replace("remove: {", "remove: { as: nobody,");
    let suite = flow(&[&write]);
    let suite: String = suite
        .lines()
        .map(|line| match line.starts_with("sessions:") {
            true => format!("{login}\n"),
            false => format!("{line}\n"),
        })
        .collect();
    let (report, project) = service.run(&suite);
    assert_eq!(
        report.verdict("ann/flow.share/write"),
        "held",
        "{}",
        report.told
    );
    assert_eq!(service.left(), 0, "{}", report.told);
    assert_eq!(project.files_under(".lockstep/journal").len(), 0);
}

/// A no that the suite declares has made nothing, whatever its status: nothing is left to be put back.
#[test]
fn what_is_denied_by_a_declared_redirect_was_not_made() {
    let write = WRITE.replace("remove:", "expect: { eve: 403 }, remove:");
    let of_flow = flow(&[&write]).replace("by: [ann]", "by: [ann, eve]");
    let of_action = format!(
        r#"{SYSTEM}
resources:
  note:
    on: api
    owners: [ann]
    create: {{ POST: /notes, json: {{ text: "{{{{ unique }}}}" }}, id: $.id }}
    remove: {{ DELETE: "/notes/{{{{ note.id }}}}" }}
actions: {{ note: {{ create: {{ api: {{ POST: /notes, json: {{ text: "{{{{ unique }}}}" }}, effect: created }} }} }} }}
expect: |
  action       ann    eve
  note.create  allow  403
"#
    );
    for suite in [of_flow, of_action] {
        let service = Service::start(Way::Plain);
        let (report, project) = service.run(&suite);
        assert!(report.findings().is_empty(), "{}", report.told);
        assert!(
            !report.told.contains("could not be removed"),
            "{}",
            report.told
        );
        assert_eq!(service.left(), 0);
        let cleanup = lockstep(project.path(), &["cleanup"])
            .env("API_URL", &service.server.url())
            .run();
        assert_eq!(cleanup.code, Some(0), "{}", cleanup.told());
        assert_eq!(project.files_under(".lockstep/journal").len(), 0);
    }
}
