//! What a run makes it takes away again, whatever becomes of it; and what changes something has its own to change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::{Value, json};
use testkit::{Answer, Project, Request, Server};

use crate::support::{Report, lockstep, names, test};

/// Longer than any of these runs takes.
const PATIENCE: Duration = Duration::from_secs(30);

#[derive(Default)]
struct Store {
    things: BTreeMap<u64, String>,
    made: u64,
    /// The things that calls to change were about, by method.
    changed: Vec<(String, u64)>,
    /// Requests that change something wait while this is set.
    is_held: bool,
    arrived: usize,
}

/// A shop in which the keeper may do everything, the guest nothing.
struct Shop {
    server: Server,
    store: Arc<(Mutex<Store>, Condvar)>,
}

impl Shop {
    fn open(is_held: bool) -> Self {
        let store = Arc::new((
            Mutex::new(Store {
                is_held,
                ..Store::default()
            }),
            Condvar::new(),
        ));
        // Was there before, and stays.
        store
            .0
            .lock()
            .unwrap()
            .things
            .insert(0, "inventory".to_owned());
        let shared = Arc::clone(&store);
        let server = Server::start(move |request| answer(&shared, request));
        Self { server, store }
    }

    fn things(&self) -> BTreeMap<u64, String> {
        self.store.0.lock().unwrap().things.clone()
    }

    /// Waits until a request to change something has come.
    fn wait_for_change(&self) {
        let (store, changed) = &*self.store;
        let store = store.lock().unwrap();
        let (store, waited) = changed
            .wait_timeout_while(store, PATIENCE, |store| store.arrived == 0)
            .unwrap();
        assert!(
            !waited.timed_out() && store.arrived > 0,
            "no cell has begun to change anything"
        );
    }

    fn let_go(&self) {
        self.store.0.lock().unwrap().is_held = false;
        self.store.1.notify_all();
    }
}

fn answer(shared: &(Mutex<Store>, Condvar), request: &Request) -> Answer {
    let (store, changed) = shared;
    let mut store = store.lock().unwrap();
    let may = request.header("x-key") == Some("keeper");
    let id = request
        .segments()
        .get(1)
        .and_then(|id| id.parse::<u64>().ok());
    if request.path() == "/me" {
        return Answer::json(200, &json!({ "id": request.header("x-key") }));
    }
    let is_probe = request.header("x-probe").is_some();
    if is_probe && request.method != "GET" {
        store.arrived += 1;
        store
            .changed
            .push((request.method.clone(), id.unwrap_or(0)));
        changed.notify_all();
        store = changed
            .wait_timeout_while(store, PATIENCE, |store| store.is_held)
            .unwrap()
            .0;
    }
    if !may {
        return Answer::json(403, &json!({}));
    }
    let text = request.json()["text"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    match (request.method.as_str(), id) {
        ("POST", None) => {
            store.made += 1;
            let id = store.made;
            store.things.insert(id, text);
            Answer::json(201, &json!({ "id": id }))
        }
        (_, Some(id)) if !store.things.contains_key(&id) => Answer::json(404, &json!({})),
        ("PUT", Some(id)) => {
            store.things.insert(id, text);
            Answer::empty(204)
        }
        ("DELETE", Some(id)) => {
            store.things.remove(&id);
            Answer::empty(204)
        }
        (_, Some(id)) => Answer::json(200, &json!({ "text": store.things[&id] })),
        _ => Answer::json(
            200,
            &json!({ "all": store.things.values().collect::<Vec<_>>() }),
        ),
    }
}

const SUITE: &str = r#"
version: 1
targets: { shop: { http: "${SHOP_URL}" } }
sessions: { key: { header: { X-Key: "{{ actor.name }}" }, who: { on: shop, GET: /me, subject: $.id } } }
actors: { keeper: { session: key }, guest: { session: key } }
resources:
  thing:
    on: shop
    owners: [keeper]
    create: { POST: /things, json: { text: "{{ unique }}" }, id: $.id }
    remove: { DELETE: "/things/{{ thing.id }}" }
    views: { text: { GET: "/things/{{ thing.id }}" }, all: { GET: /things, as: keeper } }
actions:
  thing:
    read: { shop: { GET: "/things/{{ thing.id }}", headers: { X-Probe: yes } } }
    look: { shop: { GET: "/things/{{ thing.id }}?look", headers: { X-Probe: yes } } }
    add: { shop: { POST: /things, headers: { X-Probe: yes }, json: { text: "{{ unique }}" }, effect: created } }
    change: { shop: { PUT: "/things/{{ thing.id }}", headers: { X-Probe: yes }, json: { text: "new {{ unique }}" }, effect: { text: { $.text: "new {{ unique }}" } } } }
    burn: { shop: { DELETE: "/things/{{ thing.id }}", headers: { X-Probe: yes }, effect: { text: gone } } }
expect: |
  action                  keeper  guest
  thing.read of keeper    allow   403
  thing.look of keeper    allow   403
  thing.add               allow   403
  thing.change of keeper  allow   403
  thing.burn of keeper    allow   403
"#;

fn try_shop(shop: &Shop, suite: &str, arguments: &[&str]) -> Report {
    let project = Project::new([("lockstep.yaml", suite)]);
    let url = shop.server.url();
    test(&project, &[("SHOP_URL", url.as_str())], arguments)
}

fn inventory() -> BTreeMap<u64, String> {
    BTreeMap::from([(0, "inventory".to_owned())])
}

#[test]
fn each_cell_that_changes_something_has_a_fresh_resource() {
    let shop = Shop::open(false);
    let report = try_shop(&shop, SUITE, &[]);
    assert_eq!(report.code, Some(0), "{}", report.told);
    let store = shop.store.0.lock().unwrap();
    let of_instances: Vec<u64> = store
        .changed
        .iter()
        .map(|(_, id)| *id)
        .filter(|id| *id > 0)
        .collect();
    let distinct: BTreeSet<u64> = of_instances.iter().copied().collect();
    assert_eq!(of_instances.len(), 4, "two actors change and burn");
    assert_eq!(distinct.len(), 4, "{of_instances:?}");
    // Cells that only read share one: 4 for those that change, 1 for those that read, 1 that was the probe itself.
    assert_eq!(store.made, 4 + 1 + 1);
    let read: BTreeSet<u64> = shop
        .server
        .requests()
        .iter()
        .filter(|request| request.method == "GET" && request.header("x-probe").is_some())
        .map(|request| request.segments()[1].parse().unwrap())
        .collect();
    assert_eq!(read.len(), 1, "{read:?}");
    assert!(
        read.is_disjoint(&distinct),
        "what is read is never what is changed"
    );
}

#[test]
fn nothing_is_left_behind() {
    let shop = Shop::open(false);
    let report = try_shop(&shop, SUITE, &[]);
    assert_eq!(shop.things(), inventory());
    assert_eq!(report.notes(), Vec::<String>::new());
    // Every fixture was removed by a call of its own, but for those that the burning cell removed.
    let removed = shop.server.requests();
    let removed = removed
        .iter()
        .filter(|request| request.method == "DELETE" && request.header("x-probe").is_none());
    assert_eq!(removed.count(), 6);
}

#[test]
fn what_cannot_be_removed_is_told() {
    let shop = Shop::open(false);
    let suite = SUITE.replace(
        "DELETE: \"/things/{{ thing.id }}\" }\n",
        "as: guest, DELETE: \"/things/{{ thing.id }}\" }\n",
    );
    let report = try_shop(&shop, &suite, &[]);
    let left: Vec<u64> = shop.things().into_keys().filter(|id| *id > 0).collect();
    assert!(left.len() >= 4, "{left:?}");
    for id in left {
        let told = format!("thing `{id}` could not be removed: answered 403");
        assert!(
            report.notes().contains(&told),
            "{told}: {:?}",
            report.notes()
        );
    }
}

#[test]
fn an_interrupted_run_puts_back_what_it_made() {
    let shop = Shop::open(true);
    let project = Project::new([("lockstep.yaml", SUITE)]);
    let arguments = ["test", "--report", "json=-", "--concurrency", "2"];
    let mut running = lockstep(project.path(), &arguments)
        .env("SHOP_URL", &shop.server.url())
        .start();
    shop.wait_for_change();
    assert!(shop.things().len() > 1, "something was made");
    running.interrupt();
    assert!(running.says("stopping"), "{}", running.stderr());
    shop.let_go();
    let finished = running.finish();
    let report = Report::of(&finished);
    assert_eq!(report.code, Some(130), "{}", report.told);
    assert_eq!(report.json["summary"]["interrupted"], true);
    assert!(report.cells.len() < 12, "not every cell was tried");
    // What had begun was finished and judged.
    assert_eq!(report.verdict("keeper/thing.read/keeper"), "held");
    assert_eq!(shop.things(), inventory(), "{}", report.told);
    assert!(report.told.contains("interrupted after"), "{}", report.told);
}

/// The second Ctrl-C does not wait.
#[test]
fn a_second_interrupt_ends_at_once() {
    let shop = Shop::open(true);
    let project = Project::new([("lockstep.yaml", SUITE)]);
    let mut running = lockstep(project.path(), &["test"])
        .env("SHOP_URL", &shop.server.url())
        .start();
    shop.wait_for_change();
    running.interrupt();
    assert!(
        running.says("again to stop at once"),
        "{}",
        running.stderr()
    );
    running.interrupt();
    let finished = running.finish();
    assert_eq!(finished.code, Some(130), "{}", finished.told());
}

/// A finding that was made before the interruption still counts.
#[test]
fn an_interrupted_run_with_a_finding_is_a_finding() {
    let shop = Shop::open(true);
    let suite = SUITE.replace(
        "thing.read of keeper    allow   403",
        "thing.read of keeper    allow   allow",
    );
    let project = Project::new([("lockstep.yaml", suite.as_str())]);
    let mut running = lockstep(project.path(), &["test", "--report", "json=-"])
        .env("SHOP_URL", &shop.server.url())
        .start();
    shop.wait_for_change();
    running.interrupt();
    assert!(running.says("stopping"), "{}", running.stderr());
    shop.let_go();
    let report = Report::of(&running.finish());
    assert_eq!(report.code, Some(1), "{}", report.told);
    let found: Vec<(String, String)> = report.findings().into_iter().collect();
    assert_eq!(
        found,
        [("guest/thing.read/keeper".to_owned(), "lockout".to_owned())]
    );
}

/// Where the answer to the making is lost, nobody knows what was made: the cell is inconclusive.
#[test]
fn a_fixture_that_is_not_made_is_inconclusive() {
    let server =
        Server::start(
            |request: &Request| match (request.method.as_str(), request.path()) {
                ("GET", "/me") => Answer::json(200, &json!({ "id": request.header("x-key") })),
                ("POST", _) if request.header("x-probe").is_none() => {
                    Answer::json(201, &json!({ "identity": 1 }))
                }
                _ => Answer::json(403, &Value::Null),
            },
        );
    let project = Project::new([("lockstep.yaml", SUITE)]);
    let url = server.url();
    let report = test(&project, &[("SHOP_URL", url.as_str())], &[]);
    let held = report.with("held");
    assert_eq!(
        held,
        names(["keeper/session.open", "guest/session.open"]),
        "{}",
        report.told
    );
    let words = report.words("guest/thing.read/keeper");
    assert!(
        words.contains("could not be made") && words.contains("$.id"),
        "{words}"
    );
}
