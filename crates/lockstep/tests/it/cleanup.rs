//! What a run has made is put back, whenever it is killed: resources, and users that are thrown away.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};
use testkit::proxy::call;
use testkit::{Answer, Project, Request, Server};

use crate::support::{Sample, lockstep};

/// At how many moments a run is killed; LOCKSTEP_KILLS asks for more.
const KILLS: u64 = 8;

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

/// Starts a run and kills it, as `kill -9` does, after a while.
fn kill_after(sample: &Sample, folder: &Path, time: Duration) {
    let mut run = Command::new(env!("CARGO_BIN_EXE_lockstep"))
        .args(["test", "--concurrency", "4"])
        .current_dir(folder)
        .envs(sample.variables())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    std::thread::sleep(time);
    run.kill().unwrap();
    run.wait().unwrap();
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
    let kills = std::env::var("LOCKSTEP_KILLS")
        .ok()
        .and_then(|kills| kills.parse().ok());
    let kills: u64 = kills.unwrap_or(KILLS);
    let step = whole.took / u32::try_from(kills).unwrap();
    let mut left = 0;
    for kill in 0..kills {
        kill_after(&sample, project.path(), step * u32::try_from(kill).unwrap());
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
actors: { visitor: {} }
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
