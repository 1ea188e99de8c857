//! Documents in folders, shown to the members of an organization and to whom they are shared with:
//! a policy of relations, whose facts come from a file and from fixtures, against a server of its
//! own.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::json;
use testkit::{Answer, Project, Request, Server};

use crate::support::{Report, lockstep, test};

const POLICY: &str = "version: 1
types:
  user: {}
  document: { actions: { create: collection, read: instance, update: instance } }
roles:
  writer: { can: { document: [create] } }
relations: model.fga
related: { document: { read: viewer, update: editor } }
";

const MODEL: &str = "model
  schema 1.1
type user
type organization
  relations
    define member: [user]
type folder
  relations
    define owner: [user]
    define viewer: [user, organization#member] or owner
type document
  relations
    define parent: [folder]
    define editor: [user] or owner from parent
    define viewer: [user] or editor or viewer from parent
";

const FACTS: &str = "subjects:
  user:alice: { roles: [writer] }
relationships:
  - folder:eng#owner@user:alice
  - folder:eng#viewer@organization:acme#member
  - organization:acme#member@user:bob
";

const SUITE: &str = r#"version: 1
policy: policy/
facts: policy/facts.yaml
targets: { api: { http: "${API_URL}" } }
sessions: { basic: { basic: { user: "{{ actor.name }}", password: "{{ actor.password }}" } } }
actors:
  anonymous: {}
  alice: { subject: "user:alice", session: basic, password: "${ALICE_PASSWORD}" }
  bob: { subject: "user:bob", session: basic, password: "${BOB_PASSWORD}" }
  carl: { subject: "user:carl", session: basic, password: "${CARL_PASSWORD}" }
  dora: { subject: "user:dora", session: basic, password: "${DORA_PASSWORD}" }
resources:
  document:
    on: api
    owners: [alice]
    create: { POST: /folders/eng/documents, json: { title: "canary {{ unique }}", reader: "{{ actors.carl.name }}" }, id: $.id }
    remove: { DELETE: "/documents/{{ document.id }}" }
    views: { body: { GET: "/documents/{{ document.id }}" } }
    relationships:
      - "document:{{ document.id }}#parent@folder:eng"
      - "document:{{ document.id }}#viewer@{{ actors.carl.subject }}"
actions:
  document:
    read: { api: { GET: "/documents/{{ document.id }}", shows: body } }
    update: { api: { PUT: "/documents/{{ document.id }}", json: { title: "changed {{ unique }}" }, effect: { body: { $.title: "changed {{ unique }}" } } } }
"#;

/// A point in which the server is wrong.
#[derive(Clone, Copy, PartialEq)]
enum Wrong {
    Nowhere,
    /// Members of the organization are not looked up.
    ForgetsMembers,
    /// Whoever may read may write.
    ReadersWrite,
    /// Documents are shown to everybody with an account.
    ShownToAll,
}

#[derive(Default)]
struct Documents {
    count: u64,
    /// Titles, and with whom each is shared.
    all: BTreeMap<String, (String, String)>,
}

fn serve(wrong: Wrong) -> Server {
    let documents = Mutex::new(Documents::default());
    Server::start(move |request| answer(&mut documents.lock().unwrap(), request, wrong))
}

fn answer(documents: &mut Documents, request: &Request, wrong: Wrong) -> Answer {
    let known = ["alice", "bob", "carl", "dora"];
    let caller = request.authorization("Basic").and_then(|given| {
        let name = known.iter().find(|name| given == basic(name));
        name.copied()
    });
    let Some(caller) = caller else {
        return Answer::empty(401);
    };
    let body = request.json();
    let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
    let method = request.method.as_str();
    let segments = request.segments();
    if let ("POST", ["folders", "eng", "documents"]) = (method, segments.as_slice()) {
        if caller != "alice" {
            return Answer::empty(403);
        }
        documents.count += 1;
        let id = format!("d{}", documents.count);
        documents
            .all
            .insert(id.clone(), (text("title"), text("reader")));
        return Answer::json(201, &json!({ "id": id }));
    }
    let ["documents", id] = segments.as_slice() else {
        return Answer::empty(404);
    };
    let Some((title, reader)) = documents.all.get_mut(*id) else {
        return Answer::empty(404);
    };
    let is_member = caller == "bob" && wrong != Wrong::ForgetsMembers;
    let shared = caller == reader || wrong == Wrong::ShownToAll;
    let reads = caller == "alice" || is_member || shared;
    let writes = caller == "alice" || (reads && wrong == Wrong::ReadersWrite);
    match method {
        "GET" if reads => Answer::json(200, &json!({ "id": id, "title": title })),
        "PUT" if writes => {
            *title = text("title");
            Answer::json(200, &json!({ "id": id, "title": title }))
        }
        "DELETE" if caller == "alice" => {
            documents.all.remove(*id);
            Answer::empty(204)
        }
        _ => Answer::empty(403),
    }
}

fn basic(name: &str) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(format!("{name}:{name}-password"))
}

fn project() -> Project {
    Project::new([
        ("lockstep.yaml", SUITE),
        ("policy/policy.yaml", POLICY),
        ("policy/model.fga", MODEL),
        ("policy/facts.yaml", FACTS),
    ])
}

fn variables(url: &str) -> [(&str, &str); 5] {
    [
        ("API_URL", url),
        ("ALICE_PASSWORD", "alice-password"),
        ("BOB_PASSWORD", "bob-password"),
        ("CARL_PASSWORD", "carl-password"),
        ("DORA_PASSWORD", "dora-password"),
    ]
}

fn run(project: &Project, wrong: Wrong) -> Report {
    let server = serve(wrong);
    test(project, &variables(&server.url()), &[])
}

fn findings(wrong: Wrong) -> Vec<(String, String)> {
    let report = run(&project(), wrong);
    assert_eq!(report.with("inconclusive").len(), 0, "{}", report.told);
    report.findings().into_iter().collect()
}

#[test]
fn a_server_that_follows_the_relations_holds() {
    let report = run(&project(), Wrong::Nowhere);
    assert_eq!(report.code, Some(0), "{}", report.told);
    let expected = |cell: &str| report.cells[cell].expected.clone();
    assert_eq!(expected("bob/document.read/alice"), "allow");
    assert_eq!(expected("carl/document.read/alice"), "allow");
    assert_eq!(expected("dora/document.read/alice"), "forbidden");
    assert_eq!(expected("carl/document.update/alice"), "forbidden");
}

#[test]
fn a_relation_that_the_server_forgets_is_a_lockout_and_one_too_many_an_escalation() {
    let of = |cell: &str, verdict: &str| (cell.to_owned(), verdict.to_owned());
    assert_eq!(
        findings(Wrong::ForgetsMembers),
        [of("bob/document.read/alice", "lockout")]
    );
    assert_eq!(
        findings(Wrong::ReadersWrite),
        [
            of("bob/document.update/alice", "escalation"),
            of("carl/document.update/alice", "escalation"),
        ]
    );
    assert_eq!(
        findings(Wrong::ShownToAll),
        [of("dora/document.read/alice", "escalation")]
    );
}

#[test]
fn a_fact_that_is_taken_out_of_the_files_makes_its_access_an_escalation() {
    let project = project();
    let without = FACTS.replace("  - organization:acme#member@user:bob\n", "");
    project.write("policy/facts.yaml", without.as_bytes());
    let report = run(&project, Wrong::Nowhere);
    let found = report.findings();
    assert_eq!(found.len(), 1, "{}", report.told);
    assert_eq!(found["bob/document.read/alice"], "escalation");
}

#[test]
fn the_plan_names_the_relation_and_its_place() {
    let project = project();
    let url = "http://127.0.0.1:1";
    let finished = lockstep(project.path(), &["plan", "--verbose", "bob/*", "carl/*"])
        .envs(variables(url))
        .run();
    insta::assert_snapshot!(finished.stdout);
}

#[test]
fn facts_that_are_not_there_are_told() {
    let project = project();
    project.write(
        "lockstep.yaml",
        SUITE.replace("facts.yaml", "fact.yaml").as_bytes(),
    );
    project.write(
        "policy/policy.yaml",
        POLICY.replace("model.fga", "schema.zed").as_bytes(),
    );
    let finished = lockstep(project.path(), &["plan"]).run();
    assert_eq!(finished.code, Some(2));
    insta::assert_snapshot!(finished.stderr);
}
