//! The README's suite with every name changed, against a server of sixty lines: nothing is tied to the sample system.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::json;
use testkit::{Answer, Project, Request, Server};

use crate::readme::block;
use crate::support::{Report, test};

/// Leaves by number, with their labels; a gardener plants and picks, a walker looks. `open` lets the walker pick too.
#[derive(Default)]
struct Garden {
    open: bool,
    leaves: Mutex<(u64, BTreeMap<u64, String>)>,
}

impl Garden {
    fn serve(open: bool) -> Server {
        let garden = Self {
            open,
            ..Self::default()
        };
        Server::start(move |request| garden.answer(request))
    }

    fn answer(&self, request: &Request) -> Answer {
        let who = request.authorization("Bearer").unwrap_or("").to_owned();
        let mut leaves = self.leaves.lock().unwrap();
        let (count, leaves) = &mut *leaves;
        let segments = request.segments();
        let id = segments.get(1).and_then(|id| id.parse().ok()).unwrap_or(0);
        match (request.method.as_str(), segments[0]) {
            ("POST", "sign-in") => {
                let name = request.json()["name"].as_str().unwrap().to_owned();
                Answer::json(200, &json!({ "ticket": name }))
            }
            _ if who.is_empty() => Answer::empty(401),
            ("POST", "leaves") => {
                *count += 1;
                leaves.insert(*count, request.json()["label"].as_str().unwrap().to_owned());
                Answer::json(201, &json!({ "number": count }))
            }
            (_, "leaves") if !leaves.contains_key(&id) => Answer::empty(404),
            ("GET", "leaves") => Answer::json(200, &json!({ "number": id, "label": leaves[&id] })),
            ("DELETE", "leaves") if self.open || who == "gus" => {
                leaves.remove(&id);
                Answer::empty(204)
            }
            _ => Answer::empty(403),
        }
    }
}

/// What each name of the README's suite becomes, the longer ones first.
const NAMES: [(&str, &str); 17] = [
    ("vera@acme.test", "gus"),
    ("vic@acme.test", "wim"),
    ("${ACCOUNTS_URL}", "${GATE_URL}"),
    ("${POSTS_URL}", "${GARDEN_URL}"),
    ("/login", "/sign-in"),
    ("/posts", "/leaves"),
    ("POST", "\u{0}"),
    ("access_token", "ticket"),
    ("accounts", "gate"),
    ("posts", "garden"),
    ("post", "leaf"),
    ("\u{0}", "POST"),
    ("editor", "gardener"),
    ("viewer", "walker"),
    ("title", "label"),
    ("email", "name"),
    ("$.id", "$.number"),
];

fn run(open: bool) -> Report {
    let renamed = NAMES
        .iter()
        .fold(block("yaml"), |suite, (from, to)| suite.replace(from, to));
    // A field called `name` is the actor's own name already.
    let suite = renamed
        .replace("name: gus", "login: gus")
        .replace("name: wim", "login: wim")
        .replace("actor.name", "actor.login");
    let project = Project::new([("lockstep.yaml", suite.as_str())]);
    let server = Garden::serve(open);
    let url = server.url();
    let variables = [
        ("GATE_URL", url.as_str()),
        ("GARDEN_URL", url.as_str()),
        ("EDITOR_PASSWORD", "shears"),
        ("VIEWER_PASSWORD", "stroll"),
    ];
    test(&project, &variables, &[])
}

#[test]
fn a_garden_that_is_right_holds() {
    let report = run(false);
    assert_eq!(report.code, Some(0), "{}", report.told);
    assert_eq!(report.cells.len(), 8, "{}", report.told);
}

#[test]
fn a_garden_where_anybody_picks_is_found_out() {
    let report = run(true);
    assert_eq!(report.code, Some(1), "{}", report.told);
    let found = report.findings();
    assert_eq!(found.len(), 1, "{}", report.told);
    assert_eq!(
        found["walker/leaf.delete/gardener"], "escalation",
        "{}",
        report.told
    );
}
