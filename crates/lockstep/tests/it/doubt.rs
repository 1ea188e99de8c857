//! Evidence that looks green and is not: each of these was once believed.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use testkit::{Answer, Project, Request, Server};

use crate::support::{Report, test};

/// What is wrong with a small server of notes, beside that anybody may do anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    /// After so many requests everybody is answered 403, as a firewall does.
    Blocks(usize),
    /// Lists show the oldest two.
    Pages,
    /// The reader's refusal holds the title.
    TellsTitle,
    /// Nothing: only the writer makes notes.
    Nothing,
}

struct Notes {
    wrong: Wrong,
    titles: Mutex<Vec<String>>,
    requests: AtomicUsize,
}

impl Notes {
    fn serve(wrong: Wrong) -> Server {
        let notes = Self {
            wrong,
            titles: Mutex::new(vec!["first".to_owned(), "second".to_owned()]),
            requests: AtomicUsize::new(0),
        };
        Server::start(move |request| notes.answer(request))
    }

    fn answer(&self, request: &Request) -> Answer {
        let count = self.requests.fetch_add(1, Ordering::SeqCst);
        let blocked = matches!(self.wrong, Wrong::Blocks(after) if count >= after);
        let mut titles = self.titles.lock().unwrap();
        let is_writer = request.header("x-key") == Some("key-of-writer");
        let segments = request.segments();
        match (request.method.as_str(), segments.as_slice()) {
            _ if blocked => Answer::json(403, &json!({ "error": "blocked" })),
            ("POST", ["notes"]) if self.wrong == Wrong::Nothing && !is_writer => {
                Answer::json(403, &json!({ "error": "no" }))
            }
            ("POST", ["notes"]) => {
                titles.push(request.json()["title"].as_str().unwrap().to_owned());
                let id = titles.len() - 1;
                Answer::json(201, &json!({ "id": id, "title": titles[id] }))
            }
            ("GET", ["notes"]) => {
                let page = if self.wrong == Wrong::Pages {
                    2
                } else {
                    titles.len()
                };
                Answer::json(200, &json!(titles.iter().take(page).collect::<Vec<_>>()))
            }
            ("GET", ["notes", id]) => match id.parse().ok().and_then(|id: usize| titles.get(id)) {
                Some(title) if self.wrong == Wrong::TellsTitle && !is_writer => {
                    Answer::json(403, &json!({ "error": title }))
                }
                Some(title) => Answer::json(200, &json!({ "id": id, "title": title })),
                None => Answer::json(404, &json!({ "error": "none" })),
            },
            _ => Answer::json(404, &json!({ "error": "none" })),
        }
    }
}

fn run(wrong: Wrong, capture: &str, rows: &str) -> Report {
    run_in(wrong, capture, rows, ["red", "red"])
}

/// The tenants are those of the writer and of the reader.
fn run_in(wrong: Wrong, capture: &str, rows: &str, [writer, reader]: [&str; 2]) -> Report {
    let suite = format!(
        r#"
version: 1
targets: {{ api: {{ http: "${{API_URL}}" }} }}
sessions: {{ key: {{ header: {{ X-Key: "{{{{ actor.key }}}}" }} }} }}
actors:
  writer: {{ session: key, key: key-of-writer, tenant: {writer} }}
  reader: {{ session: key, key: key-of-reader, tenant: {reader} }}
resources:
  note:
    on: api
    owners: [writer]
    create: {{ POST: /notes, json: {{ title: "canary {{{{ unique }}}}" }}, id: $.id{capture} }}
    views: {{ all: {{ as: writer, GET: /notes }} }}
actions:
  note:
    list: {{ api: {{ GET: /notes }} }}
    read: {{ api: {{ GET: "/notes/{{{{ note.id }}}}" }} }}
    create: {{ api: {{ POST: /notes, json: {{ title: "new {{{{ unique }}}}" }}, status: 201, effect: created }} }}
expect: |
  action               writer  reader
{rows}"#
    );
    let server = Notes::serve(wrong);
    let project = Project::new([("lockstep.yaml", suite.as_str())]);
    test(
        &project,
        &[("API_URL", &server.url())],
        &["--concurrency", "1"],
    )
}

/// A system that answers 403 to a key that it does not know looks as if it refused somebody.
#[test]
fn a_credential_that_has_worked_nowhere_proves_no_denial() {
    let rows = "  note.create          allow   403\n";
    let report = run(Wrong::Nothing, "", rows);
    let words = report.words("reader/note.create");
    assert_eq!(
        report.verdict("reader/note.create"),
        "inconclusive",
        "{words}"
    );
    assert!(
        words.contains("it has worked nowhere in this run"),
        "{words}"
    );
}

#[test]
fn a_block_in_mid_run_turns_no_denial_green() {
    let rows = "  note.list            allow   allow\n  note.read of writer  allow   403\n";
    let open = run(Wrong::Blocks(usize::MAX), "", rows);
    assert_eq!(
        open.verdict("reader/note.read/writer"),
        "escalation",
        "{}",
        open.told
    );
    // Two lists, one creation, one reading by the writer; then the reader's turn.
    let blocked = run(Wrong::Blocks(4), "", rows);
    assert_eq!(
        blocked.verdict("reader/note.read/writer"),
        "inconclusive",
        "{}",
        blocked.told
    );
    assert_eq!(blocked.code, Some(3), "{}", blocked.told);
}

#[test]
fn what_was_made_and_is_not_listed_was_made() {
    let rows = "  note.create  allow   403\n";
    let report = run(Wrong::Pages, "", rows);
    assert_ne!(
        report.verdict("reader/note.create"),
        "held",
        "{}",
        report.told
    );
    assert_ne!(report.code, Some(0), "{}", report.told);
}

#[test]
fn a_view_of_another_tenant_shows_no_effect() {
    let rows = "  note.create  allow   403\n";
    let seen = |tenants: [&str; 2]| {
        let report = run_in(Wrong::Nothing, "", rows, tenants);
        report.cells["reader/note.create"].json["effect_seen"].clone()
    };
    assert_eq!(seen(["red", "red"]), json!(true));
    assert_eq!(seen(["red", "blue"]), json!(false));
}

#[test]
fn a_captured_text_is_a_canary_all_the_same() {
    let rows = "  note.read of writer  allow   403\n";
    for capture in ["", ", capture: { title: $.title }"] {
        let report = run(Wrong::TellsTitle, capture, rows);
        assert_eq!(
            report.verdict("reader/note.read/writer"),
            "leak",
            "{}",
            report.told
        );
    }
}

#[test]
fn every_pattern_must_name_something() {
    let folder = Project::empty();
    let demo = crate::support::demo_suite();
    let arguments = ["plan", "--suite", &demo, "editor/*", "veiwer/post.list"];
    let finished = crate::support::lockstep(folder.path(), &arguments).run();
    assert_eq!(finished.code, Some(2), "{}", finished.told());
    assert!(
        finished
            .stderr
            .contains("no cell is named `veiwer/post.list`"),
        "{}",
        finished.told()
    );
    assert!(
        finished.stderr.contains("did you mean `viewer/post.list`?"),
        "{}",
        finished.told()
    );
}

#[test]
fn a_plan_does_not_depend_on_where_and_when_it_is_made() {
    let plan = |variables: &[(&str, &str)]| -> Value {
        let suite = std::fs::read_to_string(crate::support::demo_suite()).unwrap();
        let folder = crate::support::root().join("suites/demo");
        let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
        let policy = read("policy/policy.yaml");
        let (accounts, posts) = (read("openapi/accounts.json"), read("openapi/posts.json"));
        let files = [
            ("lockstep.yaml", suite.as_str()),
            ("policy/policy.yaml", policy.as_str()),
            ("openapi/accounts.json", accounts.as_str()),
            ("openapi/posts.json", posts.as_str()),
        ];
        let project = Project::new(files);
        let finished = crate::support::lockstep(project.path(), &["plan", "--json"])
            .envs(variables.iter().copied())
            .run();
        serde_json::from_str(&finished.stdout).unwrap()
    };
    let first = plan(&[]);
    assert!(
        first["cells"]
            .as_array()
            .is_some_and(|cells| cells.len() > 100)
    );
    let places = [
        [("TZ", "Pacific/Kiritimati"), ("LC_ALL", "tr_TR.UTF-8")],
        [("TZ", "America/Anchorage"), ("LC_ALL", "C")],
    ];
    for place in places {
        assert_eq!(plan(&place), first, "{place:?}");
    }
}

#[test]
fn a_short_password_is_not_told_and_a_refused_login_names_its_address() {
    let suite = r#"
version: 1
targets: { api: { http: "${API_URL}" } }
sessions: { login: { on: api, POST: /log-in, json: { password: "{{ actor.password }}" }, token: $.token } }
actors: { short: { session: login, password: "${PW}" }, other: { session: login, password: "${PW}x" } }
actions: { thing: { list: { api: { GET: /things } } } }
expect: |
  action      short  other
  thing.list  allow  allow
"#;
    let server = Server::start(|_: &Request| Answer::json(401, &json!({ "error": "no" })));
    let project = Project::new([("lockstep.yaml", suite)]);
    let url = server.url();
    let report = test(&project, &[("API_URL", &url), ("PW", "zq")], &[]);
    assert_eq!(report.code, Some(3), "{}", report.told);
    assert!(!report.told.contains("zq"), "{}", report.told);
    let words = format!("to log in (POST {url}/log-in) was answered 401");
    assert!(report.told.contains(&words), "{}", report.told);
}
