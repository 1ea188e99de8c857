//! Targets that are down, broken or malicious: every run is bounded, says what is wrong, and holds nothing that it
//! has not seen.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use serde_json::json;
use testkit::hostile;
use testkit::{Answer, Project, Reply, Request, Server};

use crate::support::{Names, Report, lockstep, names, test};

/// How long a run may take that meets a hostile answer at every turn.
const LIMIT: Duration = Duration::from_secs(40);

const SUITE: &str = r#"
version: 1
targets: { shop: { http: "${SHOP_URL}" } }
sessions: { till: { on: shop, POST: /login, json: { who: "{{ actor.name }}" }, token: $.token } }
actors:
  visitor: {}
  clerk: { session: till }
  guest: { session: till }
resources:
  item:
    on: shop
    owners: [clerk]
    create: { POST: /items, json: { label: "{{ unique }}" }, id: $.id }
    views: { tag: { GET: "/items/{{ item.id }}/tag" } }
actions:
  item:
    read: { shop: { GET: "/items/{{ item.id }}", answer: { json: { $.label: { matches: . } } } } }
    sell: { shop: { POST: "/items/{{ item.id }}/sell", effect: { tag: { $.sold: true } } } }
expect: |
  action              visitor  clerk  guest
  item.read of clerk  401      allow  403
  item.sell of clerk  401      allow  403
"#;

/// Where the shop is hostile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Login,
    Making,
    Reading,
    Selling,
    View,
}

const EVERYWHERE: [At; 5] = [At::Login, At::Making, At::Reading, At::Selling, At::View];

/// A shop that is correct, but for what is asked at one place.
fn shop(at: Option<At>, hostile: fn() -> Reply) -> Server {
    let made = AtomicUsize::new(0);
    let sold = Mutex::new(BTreeSet::new());
    Server::start(move |request| {
        let place = place(request);
        let caller = request.authorization("bearer").unwrap_or_default();
        // The clerk alone meets it where only the clerk is let in.
        if place == at && (place == Some(At::Login) || caller == "clerk") {
            return hostile();
        }
        let item = request.segments().get(1).map(|id| (*id).to_owned());
        let answer = match (place, caller) {
            (Some(At::Login), _) => json!({ "token": request.json()["who"] }),
            (_, "") => return Answer::json(401, &json!({})).into(),
            (_, "guest") => return Answer::json(403, &json!({})).into(),
            (Some(At::Making), _) => json!({ "id": made.fetch_add(1, Ordering::SeqCst) }),
            (Some(At::Reading), _) => json!({ "label": "a label" }),
            (Some(At::View), _) => json!({ "sold": sold.lock().unwrap().contains(&item) }),
            (Some(At::Selling), _) => json!({ "first": sold.lock().unwrap().insert(item) }),
            (None, _) => return Answer::empty(404).into(),
        };
        Answer::json(200, &answer).into()
    })
}

fn place(request: &Request) -> Option<At> {
    match (request.method.as_str(), request.segments().as_slice()) {
        ("POST", ["login"]) => Some(At::Login),
        ("POST", ["items"]) => Some(At::Making),
        ("GET", ["items", _]) => Some(At::Reading),
        ("POST", ["items", _, "sell"]) => Some(At::Selling),
        ("GET", ["items", _, "tag"]) => Some(At::View),
        _ => None,
    }
}

fn run(server_url: &str) -> Report {
    let project = Project::new([("lockstep.yaml", SUITE)]);
    let arguments = ["test", "--report", "json=-", "--timeout", "500ms"];
    let finished = lockstep(project.path(), &arguments)
        .env("SHOP_URL", server_url)
        .limit(LIMIT)
        .run();
    assert!(
        finished.code.is_some(),
        "it did not end: {}",
        finished.told()
    );
    Report::of(&finished)
}

/// The cells that rest on what is hostile at a place.
fn touched(at: At) -> Names {
    match at {
        At::Login => names([
            "clerk/session.open",
            "guest/session.open",
            "visitor/item.read/clerk",
            "visitor/item.sell/clerk",
            "clerk/item.read/clerk",
            "clerk/item.sell/clerk",
            "guest/item.read/clerk",
            "guest/item.sell/clerk",
        ]),
        At::Making => names([
            "visitor/item.read/clerk",
            "visitor/item.sell/clerk",
            "clerk/item.read/clerk",
            "clerk/item.sell/clerk",
            "guest/item.read/clerk",
            "guest/item.sell/clerk",
        ]),
        // A denial counts only beside its control, which is the clerk's.
        At::Reading => names([
            "visitor/item.read/clerk",
            "clerk/item.read/clerk",
            "guest/item.read/clerk",
        ]),
        At::Selling | At::View => names([
            "visitor/item.sell/clerk",
            "clerk/item.sell/clerk",
            "guest/item.sell/clerk",
        ]),
    }
}

/// Tries a hostile answer at every place: what rests on it is inconclusive, the rest holds, and the words are said.
fn assert_inconclusive(hostile: fn() -> Reply, words: &str) {
    // At once: most of the time is spent waiting.
    std::thread::scope(|scope| {
        for at in EVERYWHERE {
            scope.spawn(move || assert_inconclusive_at(at, hostile, words));
        }
    });
}

fn assert_inconclusive_at(at: At, hostile: fn() -> Reply, words: &str) {
    let server = shop(Some(at), hostile);
    let report = run(&server.url());
    assert_eq!(
        report.with("inconclusive"),
        touched(at),
        "{at:?}: {}",
        report.told
    );
    assert_eq!(report.code, Some(3), "{at:?}");
    let mut cells = touched(at).into_iter();
    let said = cells.any(|cell| report.words(&cell).contains(words));
    assert!(said, "{at:?}: nobody says `{words}`: {}", report.told);
}

#[test]
fn the_shop_is_correct_where_nothing_is_hostile() {
    let server = shop(None, hostile::endless_body);
    let report = run(&server.url());
    assert_eq!(report.code, Some(0), "{}", report.told);
    assert_eq!(report.cells.len(), 8);
}

#[test]
fn a_target_that_is_down() {
    let report = run(&testkit::server::nobody_there());
    assert_eq!(report.code, Some(3));
    assert_eq!(report.with("inconclusive").len(), report.cells.len());
    let reasons: BTreeSet<&str> = report
        .cells
        .values()
        .map(|cell| cell.json["because"].as_str().unwrap())
        .collect();
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert!(
        reasons
            .iter()
            .all(|it| it.starts_with("`shop` (http://127.0.0.1:")),
        "{reasons:?}"
    );
    assert!(
        reasons
            .iter()
            .all(|it| it.ends_with("does not answer: connection refused")),
        "{reasons:?}"
    );
    let notes = report.notes();
    let told = notes.iter().filter(|note| note.contains("does not answer"));
    assert_eq!(told.count(), 1, "{notes:?}");
    assert_eq!(
        report.told.matches("INCONCLUSIVE").count(),
        1,
        "{}",
        report.told
    );
}

#[test]
fn a_name_that_does_not_resolve() {
    let report = run("http://nowhere.invalid:1");
    assert_eq!(report.code, Some(3));
    assert_eq!(report.with("inconclusive").len(), report.cells.len());
    assert!(
        report
            .told
            .contains("`shop` (http://nowhere.invalid:1) does not answer: "),
        "{}",
        report.told
    );
}

#[test]
fn plain_http_where_tls_is_expected() {
    let server = shop(None, hostile::endless_body);
    let report = run(&server.url().replace("http:", "https:"));
    assert_eq!(report.code, Some(3));
    assert_eq!(report.with("inconclusive").len(), report.cells.len());
}

#[test]
fn an_endless_body() {
    assert_inconclusive(hostile::endless_body, "larger than 1048576 bytes");
}

#[test]
fn a_gzip_bomb() {
    assert_inconclusive(hostile::gzip_bomb, "larger than 1048576 bytes");
}

#[test]
fn a_head_that_never_ends() {
    assert_inconclusive(hostile::slow_head, "500 ms");
}

#[test]
fn a_reset_in_the_middle_of_a_body() {
    assert_inconclusive(hostile::reset_in_body, "no whole answer");
}

#[test]
fn a_body_shorter_than_it_says() {
    // It would be a right answer everywhere, but for its length.
    let short = || hostile::body_cut_short(r#"{"token":"clerk","id":1,"label":"a","sold":true}"#);
    assert_inconclusive(short, "no whole answer");
}

#[test]
fn a_header_of_eight_megabytes() {
    assert_inconclusive(hostile::huge_header, "no whole answer");
}

#[test]
fn an_answer_that_is_not_http() {
    assert_inconclusive(hostile::not_http, "no whole answer");
}

#[test]
fn no_answer_at_all() {
    assert_inconclusive(|| Reply::Close, "no whole answer");
}

/// Whole answers with 200, of which the bodies make no sense.
fn assert_not_held(hostile: fn() -> Reply, at_login: &str) {
    for at in EVERYWHERE {
        let server = shop(Some(at), hostile);
        let report = run(&server.url());
        if at == At::Selling {
            // What counts there is what the view shows, and the sale did not happen.
            assert_eq!(
                report.verdict("clerk/item.sell/clerk"),
                "lockout",
                "{}",
                report.told
            );
        }
        let held: Names = report
            .with("held")
            .intersection(&touched(at))
            .cloned()
            .collect();
        assert_eq!(held, Names::new(), "{at:?}: {}", report.told);
        if at == At::Login {
            assert_eq!(report.code, Some(3), "{}", report.told);
            let words = report.words("clerk/session.open");
            assert!(words.contains(at_login), "{words}");
        }
    }
}

#[test]
fn html_with_a_200() {
    assert_not_held(|| hostile::html().into(), "not JSON (text/html");
}

#[test]
fn json_nested_a_hundred_thousand_deep() {
    assert_not_held(|| hostile::nested_json().into(), "not JSON");
}

#[test]
fn text_that_is_not_utf_8() {
    assert_not_held(|| hostile::invalid_utf8().into(), "not JSON");
}

#[test]
fn an_empty_body() {
    assert_not_held(|| Answer::empty(200).into(), "not JSON");
}

/// The limit of bodies is the user's to set, and counts what is read, not what is sent.
#[test]
fn a_body_within_a_higher_limit_is_read() {
    let server = Server::start(|request: &Request| match request.method.as_str() {
        "GET" => Answer::json(200, &json!({ "filling": "x".repeat(2 << 20), "end": true })),
        _ => Answer::empty(405),
    });
    let suite = r#"
version: 1
targets: { shop: { http: "${SHOP_URL}" } }
actors: { visitor: {} }
actions: { stock: { list: { shop: { GET: /stock, answer: { json: { $.end: true } } } } } }
expect: |
  action      visitor
  stock.list  allow
"#;
    let project = Project::new([("lockstep.yaml", suite)]);
    let url = server.url();
    let variables = [("SHOP_URL", url.as_str())];
    let small = test(&project, &variables, &[]);
    assert_eq!(small.code, Some(3), "{}", small.told);
    let large = test(&project, &variables, &["--body-limit", "4096"]);
    assert_eq!(large.code, Some(0), "{}", large.told);
}
