//! What a run has made is put back, whenever it is killed: resources, and users that are thrown away.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, mpsc};
use std::time::Duration;

use serde_json::{Value, json};
use testkit::proxy::call;
use testkit::{Answer, Project, Request, Server};

use crate::support::{Sample, lockstep};

/// At how many moments a run is killed; LOCKSTEP_KILLS asks for more.
const KILLS: usize = 8;

/// Posts that are made, shared and changed; every list is seen by root.
const SUITE: &str = r#"
version: 1
targets: { accounts: { http: "${ACCOUNTS_URL}" }, posts: { http: "${POSTS_URL}" } }
sessions:
  password:
    on: accounts
    POST: /login
    json: { email: "{{ actor.email }}", password: "{{ actor.password }}" }
    token: $.access_token
    who: { on: accounts, GET: /me, subject: $.id }
actors:
  root: { session: password, only: setup, email: root@platform.test, password: "${ROOT_PASSWORD}" }
  editor: { session: password, email: vera@acme.test, password: "${EDITOR_PASSWORD}" }
  viewer: { session: password, email: vic@acme.test, password: "${VIEWER_PASSWORD}" }
  leaver:
    session: password
    email: "{{ unique }}@acme.test"
    password: "{{ unique }}-secret"
    create: { on: accounts, as: root, POST: /users, json: { email: "{{ actor.email }}", password: "{{ actor.password }}", name: leaver, role: viewer, tenant: acme }, id: $.id }
    remove: { as: root, DELETE: "/users/{{ actor.id }}" }
resources:
  post:
    on: posts
    owners: [editor]
    create: { POST: /posts, json: { title: "canary {{ unique }}" }, id: $.id }
    remove: { as: root, DELETE: "/posts/{{ post.id }}" }
    views: { all: { as: root, GET: /posts }, body: { GET: "/posts/{{ post.id }}", ignore: [$.views] } }
actions:
  post:
    read: { posts: { GET: "/posts/{{ post.id }}" } }
    create: { posts: { POST: /posts, json: { title: "new {{ unique }}" }, status: 201, effect: created } }
    update: { posts: { PUT: "/posts/{{ post.id }}", json: { title: "changed {{ unique }}" }, effect: { body: { $.title: "changed {{ unique }}" } } } }
    delete: { posts: { DELETE: "/posts/{{ post.id }}", effect: { body: gone } } }
expect: |
  action                 viewer  editor  leaver
  post.read of editor    allow   allow   allow
  post.create            403     allow   403
  post.update of editor  403     allow   403
  post.delete of editor  403     allow   403
"#;

/// Every post and every user of every tenant, as root sees them.
fn rows(sample: &Sample, project: &Project) -> [Value; 2] {
    let token = lockstep(project.path(), &["token", "root"])
        .envs(sample.variables())
        .run();
    let bearer = format!("Bearer {}", token.stdout.trim());
    let headers = [("authorization", bearer.as_str())];
    let all = |url: String, path| call(&url, "GET", path, &headers).unwrap().body_json();
    [
        all(sample.posts_url(), "/posts"),
        all(sample.accounts_url(), "/users"),
    ]
}

fn journals(project: &Project) -> Vec<String> {
    let files = project.files_under(".lockstep/journal");
    files
        .iter()
        .map(|file| file.display().to_string())
        .collect()
}

/// Starts a run and kills it, as `kill -9` does, once its journal has so many lines; says how many
/// it had at the most. A run that writes fewer ends by itself.
fn kill_at(sample: &Sample, project: &Project, lines: usize) -> usize {
    let arguments = ["test", "--concurrency", "4"];
    let mut run = begin(project.path(), &arguments, sample.variables());
    let mut written = 0;
    while written < lines && run.try_wait().unwrap().is_none() {
        let texts = project.files_under(".lockstep/journal");
        let lines = texts
            .iter()
            .filter_map(|file| fs::read_to_string(file).ok());
        written = written.max(lines.map(|text| text.lines().count()).sum());
        std::thread::yield_now();
    }
    let _ = run.kill();
    run.wait().unwrap();
    written
}

/// Starts a command that is to be killed.
fn begin<K, V>(
    folder: &Path,
    arguments: &[&str],
    variables: impl IntoIterator<Item = (K, V)>,
) -> Child
where
    K: AsRef<OsStr>,
    V: AsRef<OsStr>,
{
    Command::new(env!("CARGO_BIN_EXE_lockstep"))
        .args(arguments)
        .current_dir(folder)
        .envs(variables)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
fn a_killed_run_is_put_back() {
    let sample = Sample::start(&[]);
    let project = Project::new([("lockstep.yaml", SUITE)]);
    let before = rows(&sample, &project);
    let whole = lockstep(project.path(), &["test"])
        .envs(sample.variables())
        .run();
    assert_eq!(whole.code, Some(0), "{}", whole.told());
    assert_eq!(
        rows(&sample, &project),
        before,
        "a whole run puts back by itself"
    );
    assert_eq!(journals(&project), Vec::<String>::new());
    let lines = kill_at(&sample, &project, usize::MAX);
    assert_eq!(journals(&project), Vec::<String>::new());
    let kills = std::env::var("LOCKSTEP_KILLS")
        .ok()
        .and_then(|kills| kills.parse().ok());
    let kills: usize = kills.unwrap_or(KILLS);
    let mut left = 0;
    for kill in 0..kills {
        kill_at(&sample, &project, lines * kill / kills);
        left += journals(&project).len();
        let cleanup = || {
            let cleanup = lockstep(project.path(), &["cleanup"]);
            cleanup.envs(sample.variables()).run()
        };
        let first = cleanup();
        assert_eq!(first.code, Some(0), "{}", first.told());
        let second = cleanup();
        assert_eq!(
            second.stdout,
            "0 put back, 0 left behind\n",
            "{}",
            second.told()
        );
        assert_eq!(
            rows(&sample, &project),
            before,
            "killed at {kill} of {kills}"
        );
        assert_eq!(journals(&project), Vec::<String>::new());
    }
    assert!(
        left > 0,
        "no run was killed while it had something to put back"
    );
}

#[test]
fn a_clean_up_that_is_killed_is_done_again() {
    let sample = Sample::start(&[]);
    let project = Project::new([("lockstep.yaml", SUITE)]);
    let before = rows(&sample, &project);
    let journal = r#"{"number":1,"step":{"intent":{"resource":"post","owner":"editor","unique":"never-made"}}}
{"number":2,"step":{"intent":{"resource":"post","owner":"editor","unique":"gone"}}}
{"number":2,"step":{"made":{"id":"no-such-post"}}}
{"number":3,"step":{"intent":{"resource":"post","own"#;
    project.write(
        ".lockstep/journal/20261122T000000Z-0.jsonl",
        journal.as_bytes(),
    );
    let cleanup = lockstep(project.path(), &["cleanup"])
        .envs(sample.variables())
        .run();
    assert_eq!(
        cleanup.stdout,
        "2 put back, 0 left behind\n",
        "{}",
        cleanup.told()
    );
    assert_eq!(rows(&sample, &project), before);
    assert_eq!(journals(&project), Vec::<String>::new());
}

#[test]
fn what_cannot_be_put_back_stays_in_the_journal() {
    let sample = Sample::start(&[]);
    let project = Project::new([("lockstep.yaml", SUITE)]);
    let journal = r#"{"number":1,"step":{"intent":{"resource":"pamphlet","owner":"editor","unique":"x"}}}
"#;
    project.write(
        ".lockstep/journal/20261122T000000Z-0.jsonl",
        journal.as_bytes(),
    );
    let cleanup = lockstep(project.path(), &["cleanup"])
        .envs(sample.variables())
        .run();
    assert_eq!(cleanup.code, Some(3), "{}", cleanup.told());
    assert!(
        cleanup.stderr.contains("no resource `pamphlet` any more"),
        "{}",
        cleanup.told()
    );
    assert_eq!(journals(&project).len(), 1);
}

#[test]
fn what_was_made_elsewhere_is_not_put_back_here() {
    let sample = Sample::start(&[]);
    let project = Project::new([("lockstep.yaml", SUITE)]);
    let journal = r#"{"number":0,"step":{"targets":{"posts":"http://127.0.0.1:9"}}}
{"number":1,"step":{"intent":{"resource":"post","owner":"editor","unique":"x"}}}
{"number":2,"step":{"intent":{"resource":"post","owner":"editor","unique":"y"}}}
{"number":3,"step":{"intent":{"resource":"post","owner":"editor","unique":"z"}}}
"#;
    project.write(
        ".lockstep/journal/20261122T000000Z-0.jsonl",
        journal.as_bytes(),
    );
    let cleanup = lockstep(project.path(), &["cleanup"])
        .envs(sample.variables())
        .run();
    assert_eq!(cleanup.code, Some(3), "{}", cleanup.told());
    assert_eq!(cleanup.stdout, "0 put back, 3 left behind\n");
    let words = "made where `posts` is http://127.0.0.1:9";
    assert!(cleanup.stderr.contains(words), "{}", cleanup.told());
    assert_eq!(journals(&project).len(), 1);
}

/// What goes wrong behind a run takes no finding away.
#[test]
fn a_journal_that_cannot_be_read_hides_no_finding() {
    let suite = r#"
version: 1
targets: { hall: { http: "${HALL_URL}" } }
sessions: { key: { bearer: "{{ actor.key }}" } }
actors: { visitor: {}, keeper: { session: key, key: k, only: setup } }
resources: { seat: { on: hall, owners: [keeper], create: { POST: /seats, id: $.id } } }
actions: { hall: { enter: { hall: { GET: /hall } } } }
expect: |
  action      visitor
  hall.enter  allow
"#;
    for (status, code) in [(403, 1), (200, 70)] {
        let project = Project::new([("lockstep.yaml", suite)]);
        let folder = project.path().join(".lockstep/journal");
        let server = Server::start(move |_: &Request| {
            for entry in fs::read_dir(&folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_file() {
                    fs::remove_file(&path).unwrap();
                    fs::create_dir(&path).unwrap();
                }
            }
            Answer::json(status, &json!({}))
        });
        let finished = lockstep(project.path(), &["test"])
            .env("HALL_URL", &server.url())
            .run();
        assert_eq!(finished.code, Some(code), "{}", finished.told());
        let said = "error: the journal `";
        assert!(finished.stderr.contains(said), "{}", finished.told());
    }
}

#[test]
fn a_removal_that_finds_nothing_is_looked_at() {
    let sample = Sample::start(&[]);
    let wrong = SUITE.replace(
        "DELETE: \"/posts/{{ post.id }}\" }\n    views",
        "DELETE: \"/post/{{ post.id }}\" }\n    views",
    );
    assert_ne!(wrong, SUITE);
    let project = Project::new([("lockstep.yaml", wrong.as_str())]);
    let run = lockstep(project.path(), &["test"])
        .envs(sample.variables())
        .run();
    let told = run.told();
    assert!(
        told.contains("answered 404, but a view still shows it"),
        "{told}"
    );
    assert_eq!(journals(&project).len(), 1, "{told}");
    // The path put right, everything is put back.
    project.write("lockstep.yaml", SUITE.as_bytes());
    let cleanup = lockstep(project.path(), &["cleanup"])
        .envs(sample.variables())
        .run();
    assert_eq!(cleanup.code, Some(0), "{}", cleanup.told());
    let [posts, _] = rows(&sample, &project);
    assert_eq!(posts["total"], 2, "{posts}");
}

/// Notes that are made at once, and shown only when the test lets them be.
#[derive(Default)]
struct Notes {
    texts: Vec<Value>,
    removed: u64,
    is_asked: bool,
    is_free: bool,
}

const NOTES: &str = r#"
version: 1
targets: { api: { http: "${API_URL}" } }
sessions: { key: { bearer: "{{ actor.key }}" } }
actors: { ann: { session: key, key: ann } }
resources:
  note:
    on: api
    owners: [ann]
    create: { POST: /notes, json: { text: "{{ unique }}" }, id: $.id }
    views: { all: { GET: /notes } }
    remove: { DELETE: "/notes/{{ note.id }}" }
actions: { note: { read: { api: { GET: "/notes/{{ note.id }}" } } } }
expect: |
  action            ann
  note.read of ann  allow
"#;

fn listed(texts: &[Value]) -> Value {
    let notes = texts.iter().enumerate();
    let notes: Vec<Value> = notes
        .map(|(at, text)| json!({ "id": at + 1, "text": text }))
        .collect();
    json!({ "items": notes })
}

/// A target may finish what it was asked for when nobody waits for it any more.
#[test]
fn what_is_still_being_made_when_a_run_is_killed_is_put_back() {
    let project = Project::new([("lockstep.yaml", NOTES)]);
    let (asked, is_asked) = mpsc::channel();
    let texts = Arc::new(Mutex::new(Vec::new()));
    let shared = Arc::clone(&texts);
    let server = Server::start(move |request: &Request| match request.method.as_str() {
        "POST" => {
            asked.send(()).unwrap();
            std::thread::sleep(Duration::from_millis(500));
            shared.lock().unwrap().push(request.json()["text"].clone());
            Answer::json(201, &json!({ "id": 1 }))
        }
        "DELETE" => {
            shared.lock().unwrap().clear();
            Answer::empty(204)
        }
        _ => Answer::json(200, &listed(&shared.lock().unwrap())),
    });
    let mut run = begin(project.path(), &["test"], [("API_URL", server.url())]);
    is_asked.recv().unwrap();
    run.kill().unwrap();
    run.wait().unwrap();
    assert_eq!(texts.lock().unwrap().len(), 0, "it is still being made");
    let cleanup = lockstep(project.path(), &["cleanup"])
        .env("API_URL", &server.url())
        .run();
    assert_eq!(
        cleanup.stdout,
        "1 put back, 0 left behind\n",
        "{}",
        cleanup.told()
    );
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(texts.lock().unwrap().len(), 0);
}

/// A run that keeps no record has to put back what it makes, too.
#[test]
fn a_run_without_a_record_has_a_journal() {
    for arguments in [
        &["test", "--no-record"][..],
        &["repeat", "ann/note.read/ann"],
    ] {
        let notes = Arc::new((Mutex::new(Notes::default()), Condvar::new()));
        let shared = Arc::clone(&notes);
        let server = Server::start(move |request: &Request| {
            let (notes, changed) = &*shared;
            let mut notes = notes.lock().unwrap();
            match request.method.as_str() {
                "POST" => {
                    notes.texts.push(request.json()["text"].clone());
                    Answer::json(201, &json!({ "id": notes.texts.len() }))
                }
                "DELETE" => {
                    notes.removed += 1;
                    Answer::empty(204)
                }
                _ if request.path() == "/notes" => Answer::json(200, &listed(&notes.texts)),
                _ => {
                    notes.is_asked = true;
                    changed.notify_all();
                    let _free = changed.wait_while(notes, |notes| !notes.is_free).unwrap();
                    Answer::json(200, &json!({}))
                }
            }
        });
        let project = Project::new([("lockstep.yaml", NOTES)]);
        let variables = || [("API_URL", server.url())];
        let (state, changed) = &*notes;
        let mut run = begin(project.path(), arguments, variables());
        let asked = changed.wait_while(state.lock().unwrap(), |notes| !notes.is_asked);
        asked.unwrap().is_free = true;
        run.kill().unwrap();
        run.wait().unwrap();
        changed.notify_all();
        assert_eq!(journals(&project).len(), 1, "{arguments:?}");
        let cleanup = || {
            lockstep(project.path(), &["cleanup"])
                .env("API_URL", &server.url())
                .run()
        };
        assert_eq!(
            cleanup().stdout,
            "1 put back, 0 left behind\n",
            "{arguments:?}"
        );
        assert_eq!(
            cleanup().stdout,
            "0 put back, 0 left behind\n",
            "{arguments:?}"
        );
        let notes = state.lock().unwrap();
        assert_eq!((notes.texts.len(), notes.removed), (1, 1), "{arguments:?}");
        drop(notes);
        // One that ends by itself leaves nothing: no note, no journal and no record.
        let whole = lockstep(project.path(), arguments)
            .env("API_URL", &server.url())
            .run();
        assert_eq!(whole.code, Some(0), "{}", whole.told());
        assert_eq!(journals(&project), Vec::<String>::new());
        assert!(!project.path().join(".lockstep/runs").exists());
    }
}
