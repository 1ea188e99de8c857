//! One rule at two layers: a service over a PostgreSQL, and the database below it. Where they disagree, whichever way
//! round, that is a finding of its own.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use testkit::postgres::Database;
use testkit::{Answer, Finished, Project, Request, Server};

use crate::support::{Report, lockstep};

const SCHEMA: &str = "
CREATE TABLE posts (row int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, slug text UNIQUE, author text NOT NULL, title text);
INSERT INTO posts (slug, author, title) VALUES ('a', 'vera', 'one'), ('b', 'vic', 'two'), ('c', 'oscar', 'three');
ALTER TABLE posts ENABLE ROW LEVEL SECURITY;
CREATE POLICY reading ON posts FOR SELECT USING (true);
CREATE POLICY removing ON posts FOR DELETE USING (author = current_setting('app.user', true));
";

const POLICY: &str = "
version: 1
types:
  user: {}
  post: { attributes: { owner: user }, actions: { read: instance, delete: instance } }
roles: { reader: { can: { post: [read] } } }
rules: [ { name: own-posts, permit: { post: [delete] }, when: resource.owner == subject } ]
";

/// Its calls know a post by its slug, its tables by another number.
const SUITE: &str = r#"
version: 1
policy: policy.yaml
targets:
  api: { http: "${API_URL}" }
  db:
    postgres: "${DATABASE_URL}"
    witness: "${WITNESS_URL}"
    role: MEMBER
    session: { app.user: "{{ actor.name }}" }
    rows: { posts: { type: post, key: row, attributes: { owner: author } } }
sessions: { key: { bearer: "{{ actor.name }}-key", who: { on: api, GET: /me, subject: $.id } } }
actors:
  vera: { subject: "user:vera", session: key, roles: [reader] }
  vic: { subject: "user:vic", session: key, roles: [reader] }
resources:
  post:
    on: api
    owners: [vera]
    create: { as: owner, POST: /posts, json: { title: "canary {{ unique }}" }, id: $.slug, capture: { row: $.row } }
    remove: { as: owner, DELETE: "/posts/{{ post.id }}" }
    views: { body: { as: owner, GET: "/posts/{{ post.id }}" } }
    attributes: { owner: "{{ owner.subject }}" }
actions:
  post:
    read:
      api: { GET: "/posts/{{ post.id }}", shows: body }
      db: { select: posts, key: "{{ post.row }}" }
    delete:
      api: { DELETE: "/posts/{{ post.id }}", effect: { body: gone } }
      db: { delete: posts, key: "{{ post.row }}" }
"#;

/// Whom the service lets delete a post.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    Author,
    Everybody,
    /// But those who take away what they made for trying it.
    Nobody,
}

/// A service over a database.
struct Press {
    database: Arc<Database>,
    member: String,
    app: String,
    server: Server,
}

impl Press {
    /// `change` is carried out on the database.
    fn new(service: Service, change: &str) -> Self {
        let database = Arc::new(Database::with(SCHEMA));
        let member = database.role("member", "");
        let app = database.role("app", "NOINHERIT");
        database.execute(&format!(
            "GRANT {member} TO {app}; GRANT SELECT, DELETE ON posts TO {member};{change}"
        ));
        let below = Arc::clone(&database);
        Self {
            server: Server::start(move |request: &Request| answer(&below, service, request)),
            database,
            member,
            app,
        }
    }

    /// Carries out statements, in which `MEMBER` stands for the role of everybody.
    fn change(&self, sql: &str) {
        self.database.execute(&sql.replace("MEMBER", &self.member));
    }

    fn project(&self, suite: &str) -> Project {
        let suite = suite.replace("MEMBER", &self.member);
        Project::new([("lockstep.yaml", suite.as_str()), ("policy.yaml", POLICY)])
    }

    fn run(&self, project: &Project, arguments: &[&str]) -> Finished {
        lockstep(project.path(), arguments)
            .env("API_URL", &self.server.url())
            .env("DATABASE_URL", &self.database.url_as(&self.app))
            .env("WITNESS_URL", &self.database.url())
            .run()
    }

    fn test(&self, suite: &str) -> Report {
        let finished = self.run(&self.project(suite), &["test", "--report", "json=-"]);
        Report::of(&finished)
    }
}

fn answer(database: &Database, service: Service, request: &Request) -> Answer {
    let forbidden = Answer::json(403, &json!({ "error": "not allowed" }));
    let Some(user) = request
        .authorization("bearer")
        .and_then(|key| key.strip_suffix("-key"))
    else {
        return Answer::json(401, &json!({ "error": "no session" }));
    };
    let quoted = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let user = quoted(user);
    let segments = request.segments();
    if segments == ["me"] {
        return Answer::json(200, &json!({ "id": user }));
    }
    let told = match (request.method.as_str(), &segments[..]) {
        ("POST", ["posts"]) => {
            let title = quoted(request.json()["title"].as_str().unwrap());
            database.execute(&format!(
                "INSERT INTO posts (slug, author, title) VALUES (gen_random_uuid()::text, {user}, {title}) RETURNING row_to_json(posts)"
            ))
        }
        ("GET", ["posts"]) => database.execute("SELECT json_agg(posts) FROM posts"),
        ("GET", ["posts", slug]) => database.execute(&format!(
            "SELECT row_to_json(posts) FROM posts WHERE slug = {}",
            quoted(slug)
        )),
        ("DELETE", ["posts", slug]) => {
            let (allowed, slug) = match service {
                Service::Author => (format!("author = {user}"), quoted(slug)),
                Service::Everybody => ("true".to_owned(), quoted(slug)),
                Service::Nobody => ("false".to_owned(), quoted(slug)),
            };
            database.execute(&format!(
                "DELETE FROM posts WHERE slug = {slug} AND {allowed} RETURNING row_to_json(posts)"
            ))
        }
        _ => String::new(),
    };
    match (
        serde_json::from_str::<Value>(&told),
        request.method.as_str(),
    ) {
        (Ok(_), "DELETE") => Answer::empty(204),
        (Ok(post), "POST") => Answer::json(201, &post),
        (Ok(post), _) => Answer::json(200, &post),
        (Err(_), "DELETE") => forbidden,
        (Err(_), _) => Answer::json(404, &json!({ "error": "not here" })),
    }
}

type Told = BTreeSet<(String, String, String)>;

fn told<const N: usize>(all: [[&str; 3]; N]) -> Told {
    all.map(|[clash, weaker, name]| (clash.to_owned(), weaker.to_owned(), name.to_owned()))
        .into()
}

#[test]
fn layers_that_do_the_same_are_counted() {
    let report = Press::new(Service::Author, "").test(SUITE);
    assert_eq!(report.code, Some(0), "{}", report.told);
    assert_eq!(report.disagreements(), told([]));
    // Two actors read and delete vera's post, by call and by statement.
    let layers = json!({ "compared": 4, "disagreements": 0 });
    assert_eq!(report.json["summary"]["layers"], layers, "{}", report.told);
}

#[test]
fn layers_that_disagree_are_a_finding_whichever_way_round() {
    let all = "ALTER POLICY removing ON posts USING (true);";
    let none = "DROP POLICY removing ON posts;";
    let cases = [
        (
            Service::Author,
            all,
            ["bypass", "db", "vic/post.delete/vera"],
        ),
        (
            Service::Everybody,
            "",
            ["bypass", "api", "vic/post.delete/vera"],
        ),
        (
            Service::Author,
            none,
            ["lockout", "api", "vera/post.delete/vera"],
        ),
        (
            Service::Nobody,
            "",
            ["lockout", "db", "vera/post.delete/vera"],
        ),
    ];
    for (service, change, expected) in cases {
        let report = Press::new(service, change).test(SUITE);
        assert_eq!(report.code, Some(1), "{}", report.told);
        assert_eq!(report.disagreements(), told([expected]), "{}", report.told);
    }
    // Both wrong in the same way: that is for their own verdicts.
    let report = Press::new(Service::Everybody, all).test(SUITE);
    assert_eq!(report.disagreements(), told([]), "{}", report.told);
    assert_eq!(report.verdict("vic/post.delete/db"), "escalation");
    assert_eq!(report.verdict("vic/post.delete/vera/api"), "escalation");
}

/// A row that is not found is not compared: nobody says then that the layers agree.
#[test]
fn the_row_of_a_call_is_found_by_its_key() {
    let suite = SUITE.replace(r#", key: "{{ post.row }}""#, "");
    let all = "ALTER POLICY removing ON posts USING (true);";
    let report = Press::new(Service::Author, all).test(&suite);
    assert_eq!(report.verdict("vic/post.delete/db"), "escalation");
    assert_eq!(report.disagreements(), told([]));
    assert_eq!(
        report.json["summary"].get("layers"),
        None,
        "{}",
        report.told
    );
}

/// Cells of one action fall to several parts: what they come to is found where they are merged.
#[test]
fn parts_of_a_run_are_compared_where_they_are_merged() {
    let all = "ALTER POLICY removing ON posts USING (true);";
    let press = Press::new(Service::Author, all);
    let whole = press.test(SUITE);
    let project = press.project(SUITE);
    let parts: Vec<String> = (1..=3)
        .map(|part| {
            let (shard, file) = (format!("{part}/3"), format!("{part}.json"));
            let report = format!("json={file}");
            press.run(&project, &["test", "--shard", &shard, "--report", &report]);
            file
        })
        .collect();
    let seen = |file: &String| {
        let part: Value = serde_json::from_str(&project.read(file)).unwrap();
        let all = part["disagreements"].as_array();
        all.map_or(0, Vec::len)
    };
    assert_eq!(
        parts.iter().map(seen).sum::<usize>(),
        0,
        "one part has seen both sides"
    );
    let mut arguments = vec!["report", "merge", "--report", "json=-"];
    arguments.extend(parts.iter().map(String::as_str));
    let merged = Report::of(&press.run(&project, &arguments));
    assert_eq!(merged.disagreements(), whole.disagreements());
    assert_eq!(
        merged.json["summary"]["layers"],
        whole.json["summary"]["layers"]
    );
    let print = |report: &Report| report.json["disagreements"][0]["fingerprint"].clone();
    assert_eq!(print(&merged), print(&whole));
}

/// To accept what a run was seen to allow does not make its layers agree.
#[test]
fn a_baseline_does_not_hide_it() {
    let press = Press::new(Service::Everybody, "");
    let project = press.project(SUITE);
    press.run(&project, &["test"]);
    let accepted = press.run(&project, &["baseline", "accept", "--partial"]);
    assert_eq!(accepted.code, Some(0), "{}", accepted.told());
    let again = Report::of(&press.run(&project, &["test", "--report", "json=-"]));
    assert_eq!(again.json["summary"]["drift"]["added"], 0);
    let expected = [["bypass", "api", "vic/post.delete/vera"]];
    assert_eq!(again.disagreements(), told(expected));
    // It is as it was; a run later it is gone, and somebody is told.
    let compared = press.run(&project, &["runs", "compare"]);
    assert!(!compared.stdout.contains("layers"), "{}", compared.told());
    press
        .database
        .execute("ALTER POLICY removing ON posts USING (true);");
    press.run(&project, &["test"]);
    let compared = press.run(&project, &["runs", "compare"]);
    let gone = "layers not seen to disagree any more\n  vic/post.delete/vera  `api` allows vic post.delete of vera, which `db` denies\n";
    assert!(compared.stdout.contains(gone), "{}", compared.told());
}

/// Nobody has said what is right: one of them is wrong all the same, until somebody accepts what was seen.
#[test]
fn where_nothing_is_expected_the_baseline_decides() {
    let suite = r#"
version: 1
targets:
  api: { http: "${API_URL}" }
  db: { postgres: "${DATABASE_URL}", role: MEMBER }
sessions: { key: { bearer: "{{ actor.name }}-key", who: { on: api, GET: /me, subject: $.id } } }
actors: { vera: { session: key } }
actions: { post: { list: { api: { GET: /posts }, db: { select: posts } } } }
expect: |
  action     vera
  post.list  ?
"#;
    let press = Press::new(Service::Author, "");
    press.change("REVOKE SELECT ON posts FROM MEMBER;");
    let project = press.project(suite);
    let report = || Report::of(&press.run(&project, &["test", "--report", "json=-"]));
    let seen = report();
    assert_eq!(seen.code, Some(1), "{}", seen.told);
    assert_eq!(seen.findings().len(), 0);
    let expected = told([["undecided", "api", "vera/post.list"]]);
    assert_eq!(seen.disagreements(), expected);
    let accepted = press.run(&project, &["baseline", "accept"]);
    assert_eq!(accepted.code, Some(0), "{}", accepted.told());
    let seen = report();
    assert_eq!(
        (seen.code, seen.disagreements()),
        (Some(3), told([])),
        "{}",
        seen.told
    );
}

/// Statements alone need nothing of the service, and leave nothing there.
#[test]
fn where_nobody_calls_nothing_is_made() {
    let press = Press::new(Service::Author, "");
    let project = press.project(SUITE);
    let made = || {
        press
            .server
            .requests()
            .iter()
            .filter(|it| it.method == "POST")
            .count()
    };
    let report = |pattern: &str| {
        let arguments = ["test", pattern, "--report", "json=-"];
        Report::of(&press.run(&project, &arguments))
    };
    let alone = report("vic/post.delete/db");
    assert_eq!((alone.code, made()), (Some(0), 0), "{}", alone.told);
    assert_eq!(alone.json["summary"].get("layers"), None);
    let both = report("vic/post.delete*");
    assert_eq!(
        both.json["summary"]["layers"]["compared"], 1,
        "{}",
        both.told
    );
    assert!(made() > 0);
    // What was made is taken away.
    assert_eq!(
        press.database.execute("SELECT count(*) FROM posts").trim(),
        "3"
    );
}
