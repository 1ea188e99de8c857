//! The total of a listing: it may count other pages, and must not count what its reader may not see.

use std::sync::Mutex;

use serde_json::{Value, json};
use testkit::{Answer, Project, Request, Server};

use crate::support::{Report, names, test};

const SUITE: &str = r#"
version: 1
targets: { api: { http: "${API_URL}" } }
sessions: { key: { bearer: "{{ actor.key }}" } }
actors:
  ann: { session: key, key: ann }
  bob: { session: key, key: bob }
  eve: { session: key, key: eve }
resources:
  note:
    on: api
    owners: [ann, bob]
    create: { POST: /notes, json: { text: "{{ unique }}" }, id: $.id }
    remove: { DELETE: "/notes/{{ note.id }}" }
    views: { text: { GET: "/notes/{{ note.id }}" } }
actions:
  note:
    list: { api: { GET: /notes, items: "$.items[*].id", total: $.total, of: read } }
    read: { api: { GET: "/notes/{{ note.id }}" } }
expect: |
  action            ann    bob    eve
  note.list         allow  allow  allow
  note.read of ann  allow  404    allow
  note.read of bob  404    allow  allow
"#;

/// How many items a page shows.
const PAGE: usize = 5;

/// The notes of a server: the owner of each, by its number; those that are gone have none.
type Notes = Vec<Option<String>>;

/// The total that a server tells somebody: of all notes, the number of those that they may see, and
/// how often a list was asked for.
type Total = fn(&Notes, usize, usize) -> Value;

struct Service {
    total: Total,
    /// The notes, and how often they were listed.
    notes: Mutex<(Notes, usize)>,
}

impl Service {
    /// With notes of everybody that nobody made for the run, more than a page of them.
    fn start(total: Total) -> Server {
        let before = ["ann", "bob", "zoe"].map(|owner| vec![Some(owner.to_owned()); PAGE]);
        let service = Self {
            total,
            notes: Mutex::new((before.concat(), 0)),
        };
        Server::start(move |request| service.answer(request))
    }

    fn answer(&self, request: &Request) -> Answer {
        let who = request.authorization("Bearer").unwrap_or("").to_owned();
        let mut state = self.notes.lock().unwrap();
        let (notes, lists) = &mut *state;
        let segments = request.segments();
        let id: usize = segments.get(1).map_or(usize::MAX, |id| id.parse().unwrap());
        let may_see = |owner: &Option<String>| {
            owner
                .as_deref()
                .is_some_and(|owner| owner == who || who == "eve")
        };
        match (request.method.as_str(), notes.get(id)) {
            ("POST", _) => {
                notes.push(Some(who));
                Answer::json(201, &json!({ "id": notes.len() - 1 }))
            }
            ("GET", None) if segments.len() == 1 => {
                *lists += 1;
                let seen = || (0..notes.len()).rev().filter(|&id| may_see(&notes[id]));
                let items: Vec<Value> = seen().take(PAGE).map(|id| json!({ "id": id })).collect();
                let total = (self.total)(notes, seen().count(), *lists);
                Answer::json(200, &json!({ "items": items, "total": total }))
            }
            (method, Some(owner)) if may_see(owner) => {
                if method == "DELETE" {
                    notes[id] = None;
                }
                Answer::json(200, &json!({ "id": id }))
            }
            _ => Answer::empty(404),
        }
    }
}

fn run(suite: &str, total: Total) -> Report {
    let server = Service::start(total);
    let project = Project::new([("lockstep.yaml", suite)]);
    let report = test(&project, &[("API_URL", &server.url())], &[]);
    let requests = server.requests();
    let count = |method: &str| requests.iter().filter(|it| it.method == method).count();
    assert_eq!(count("POST"), count("DELETE"), "something was left behind");
    report
}

fn living(notes: &Notes) -> usize {
    notes.iter().flatten().count()
}

#[test]
fn a_total_that_counts_other_pages_only_holds() {
    let report = run(SUITE, |_, visible, _| json!(visible));
    assert_eq!(report.code, Some(0), "{}", report.told);
    let words = report.words("eve/note.list");
    assert!(words.contains("its total was not judged"), "{words}");
}

#[test]
fn a_total_that_counts_everything_is_found() {
    let report = run(SUITE, |notes, _, _| json!(living(notes)));
    let found = report.findings();
    let leaks = ["ann/note.list", "bob/note.list"];
    assert_eq!(report.with("leak"), names(leaks), "{}", report.told);
    assert_eq!(found.len(), leaks.len(), "{}", report.told);
    let words = report.words("ann/note.list");
    assert!(
        words.contains("with 3 items of `bob`, which the actor may not see"),
        "{words}"
    );
}

/// What is hidden by one owner alone is counted.
#[test]
fn a_total_that_counts_one_owner_too_many_is_found() {
    let report = run(SUITE, |notes, visible, _| {
        let of_ann = notes
            .iter()
            .flatten()
            .filter(|owner| *owner == "ann")
            .count();
        let others = if visible < living(notes) { of_ann } else { 0 };
        json!(visible.max(others + PAGE))
    });
    assert_eq!(report.verdict("bob/note.list"), "leak", "{}", report.told);
}

/// Totals of which nothing can be said, with words of the reason.
const UNKNOWN: [(&str, Total); 4] = [
    ("does not count what the actor may see either", |_, _, _| {
        json!(100)
    }),
    ("moves by itself", |_, visible, lists| {
        json!(visible + lists)
    }),
    (
        "could not be watched: its total is `many`",
        |notes, visible, _| match living(notes) {
            0..=17 => json!(visible),
            _ => json!("many"),
        },
    ),
    ("is no count of them", |notes, visible, _| {
        json!(visible.min(living(notes)).saturating_sub(3))
    }),
];

#[test]
fn a_total_that_tells_nothing_is_inconclusive() {
    for (reason, total) in UNKNOWN {
        let report = run(SUITE, total);
        assert_eq!(report.code, Some(3), "{reason}: {}", report.told);
        let lists = names(["ann/note.list", "bob/note.list"]);
        assert_eq!(
            report.with("inconclusive"),
            lists,
            "{reason}: {}",
            report.told
        );
        let words = report.words("ann/note.list");
        assert!(words.contains(reason), "{words}");
    }
}

#[test]
fn a_total_that_is_not_there_is_not_that_of_a_listing() {
    let report = run(SUITE, |_, _, _| Value::Null);
    assert_eq!(report.with("lockout").len(), 3, "{}", report.told);
    let words = report.words("ann/note.list");
    assert!(
        words.contains("its total is `null`, which is no whole number"),
        "{words}"
    );
}

/// Everything that the list shows is all that is counted: it need not count more to hold.
#[test]
fn a_total_of_what_is_shown_needs_no_control() {
    let report = run(SUITE, |_, visible, _| json!(visible.min(PAGE)));
    assert_eq!(report.code, Some(0), "{}", report.told);
}

/// Where the actor sees nothing of what can be made, a total that stands still may be one that always does.
#[test]
fn a_total_without_control_is_inconclusive() {
    let suite = SUITE.replace("owners: [ann, bob]", "owners: [bob]");
    let suite = suite.replace("  note.read of ann  allow  404    allow\n", "");
    let report = run(&suite, |_, visible, _| json!(visible + 1));
    let words = report.words("ann/note.list");
    assert_eq!(report.verdict("ann/note.list"), "inconclusive", "{words}");
    assert!(
        words.contains("nothing can be made that the actor may see"),
        "{words}"
    );
}

/// By chance there are as many hidden items as shown ones.
#[test]
fn a_total_of_hidden_items_alone_is_found() {
    let report = run(SUITE, |notes, visible, _| {
        json!((living(notes) - visible).saturating_sub(PAGE + 1))
    });
    assert_eq!(report.verdict("ann/note.list"), "leak", "{}", report.told);
}

/// A total that is remembered until its reader writes catches up with what was hidden meanwhile.
#[test]
fn a_total_that_catches_up_is_inconclusive() {
    static REMEMBERED: Mutex<(usize, usize)> = Mutex::new((0, 0));
    let report = run(SUITE, |notes, visible, _| {
        let mut remembered = REMEMBERED.lock().unwrap();
        if remembered.0 != visible {
            *remembered = (visible, living(notes));
        }
        json!(remembered.1)
    });
    assert_ne!(report.verdict("ann/note.list"), "held", "{}", report.told);
    let words = report.words("ann/note.list");
    assert!(words.contains("catches up"), "{words}");
}

/// The answer tells a title that its items do not.
#[test]
fn what_a_list_tells_beside_its_items_is_found() {
    let server = Server::start(|request| {
        static NOTES: Mutex<Vec<(String, String)>> = Mutex::new(Vec::new());
        let mut notes = NOTES.lock().unwrap();
        let who = request.authorization("Bearer").unwrap_or("").to_owned();
        let id = |path: &[&str]| path.get(1).and_then(|id| id.parse::<usize>().ok());
        match (request.method.as_str(), id(&request.segments())) {
            ("POST", _) => {
                notes.push((who, request.json()["text"].as_str().unwrap().to_owned()));
                Answer::json(201, &json!({ "id": notes.len() - 1 }))
            }
            (_, None) => {
                let own = |id: &usize| notes[*id].0 == who || who == "eve";
                let items = (0..notes.len()).filter(own).map(|id| json!({ "id": id }));
                let recent: Vec<&str> = notes.iter().map(|note| &*note.1).collect();
                let items: Vec<Value> = items.collect();
                Answer::json(200, &json!({ "items": items, "recent": recent }))
            }
            (_, Some(id)) if who == "eve" || notes[id].0 == who => {
                Answer::json(200, &json!({ "id": id }))
            }
            _ => Answer::empty(404),
        }
    });
    let suite = SUITE.replace(" total: $.total,", "");
    let project = Project::new([("lockstep.yaml", suite.as_str())]);
    let report = test(&project, &[("API_URL", &server.url())], &[]);
    let leaks = names(["ann/note.list", "bob/note.list"]);
    assert_eq!(report.with("leak"), leaks, "{}", report.told);
    assert_eq!(report.findings().len(), 2, "{}", report.told);
}

/// What is not on the page that is shown may be on another.
#[test]
fn an_item_on_another_page_is_no_lockout() {
    let server = Server::start(|request| match request.method.as_str() {
        "POST" => Answer::json(201, &json!({ "id": 77 })),
        "DELETE" => Answer::json(200, &json!({})),
        _ if request.segments().len() > 1 => Answer::json(200, &json!({ "id": 77 })),
        _ => Answer::json(
            200,
            &json!({ "items": [{ "id": 1 }, { "id": 2 }], "total": 9 }),
        ),
    });
    let rows = "  action            eve\n  note.list         allow\n  note.read of ann  allow\n";
    let (head, _) = SUITE.split_once("  action ").unwrap();
    let suite = format!("{head}{rows}").replace("owners: [ann, bob]", "owners: [ann]");
    let project = Project::new([("lockstep.yaml", suite.as_str())]);
    let report = test(&project, &[("API_URL", &server.url())], &[]);
    assert_eq!(
        report.verdict("eve/note.list"),
        "inconclusive",
        "{}",
        report.told
    );
    let words = report.words("eve/note.list");
    assert!(words.contains("a page of 2 of 9 items"), "{words}");
}

#[test]
fn a_total_in_a_header_is_read() {
    let suite = SUITE.replace("total: $.total", "total: { header: X-Total }");
    let report = run(&suite, |_, visible, _| json!(visible));
    assert_eq!(report.with("lockout").len(), 3, "{}", report.told);
    let words = report.words("ann/note.list");
    assert!(words.contains("no header `x-total`"), "{words}");
}
