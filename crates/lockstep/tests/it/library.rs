//! A lending library: a small server written for these tests, in other words than the sample system's, with other
//! kinds of ids and of credentials, and with mistakes that can be made on purpose.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use testkit::{Answer, Request, Server};

/// The people who are there from the start: handle, role, tenant. Their numbers are 1, 2, ...
const PEOPLE: [[&str; 3]; 6] = [
    ["founder@platform.test", "founder", "platform"],
    ["ada@north.test", "head", "north"],
    ["vera@north.test", "librarian", "north"],
    ["dan@north.test", "librarian", "north"],
    ["vic@north.test", "patron", "north"],
    ["oscar@south.test", "librarian", "south"],
];

/// A library that runs until it is dropped.
pub(crate) struct Library {
    pub(crate) server: Server,
    state: Arc<Mutex<State>>,
}

/// What is in it: readers, books and notes, each under its kind and number.
#[derive(Default)]
struct State {
    things: BTreeMap<(String, u64), Value>,
    last: u64,
    mistakes: Vec<&'static str>,
    /// The statuses for: no session, may not, is not there.
    nos: [u16; 3],
}

impl Library {
    /// A library that makes these mistakes.
    pub(crate) fn start(mistakes: &[&'static str], nos: [u16; 3]) -> Self {
        let mut state = State {
            mistakes: mistakes.to_vec(),
            nos,
            ..State::default()
        };
        for [handle, role, tenant] in PEOPLE {
            state.add("readers", json!({ "handle": handle, "passphrase": passphrase(handle), "role": role, "tenant": tenant, "motto": "" }));
        }
        let state = Arc::new(Mutex::new(state));
        let answering = Arc::clone(&state);
        let server = Server::start(move |request| lock(&answering).answer(request));
        Self { server, state }
    }

    /// The variables of the suites for it.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let url = self.server.url();
        let mut variables = vec![
            ("ACCOUNTS_URL", url.clone()),
            ("POSTS_URL", url.clone()),
            ("API_URL", url),
        ];
        let names = [
            "ROOT_PASSWORD",
            "ADMIN_PASSWORD",
            "EDITOR_PASSWORD",
            "DEPUTY_PASSWORD",
            "VIEWER_PASSWORD",
            "OUTSIDER_PASSWORD",
        ];
        variables.extend(
            names
                .into_iter()
                .zip(PEOPLE.map(|[handle, ..]| passphrase(handle))),
        );
        variables
    }

    /// How many things it holds, readers too.
    pub(crate) fn count(&self) -> usize {
        lock(&self.state).things.len()
    }
}

/// How many readers are there from the start.
pub(crate) const READERS: usize = PEOPLE.len();

fn passphrase(handle: &str) -> String {
    format!(
        "open-sesame-{}",
        STANDARD.encode(handle).trim_end_matches('=')
    )
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap()
}

impl State {
    fn add(&mut self, kind: &str, mut thing: Value) -> u64 {
        self.last += 1;
        thing["number"] = self.last.into();
        self.things.insert((kind.to_owned(), self.last), thing);
        self.last
    }

    fn has(&self, mistake: &str) -> bool {
        self.mistakes.contains(&mistake)
    }

    fn all(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.things
            .iter()
            .filter(move |((k, _), _)| k == kind)
            .map(|(_, thing)| thing)
    }

    /// A key in a header or in the query, HTTP basic, or a bearer token, which is a key with `token-` before it.
    fn caller(&self, request: &Request) -> Option<Value> {
        let basic = request
            .authorization("basic")
            .and_then(|text| STANDARD.decode(text).ok());
        let basic = basic.and_then(|bytes| String::from_utf8(bytes).ok());
        let bearer = request
            .authorization("bearer")
            .and_then(|text| text.strip_prefix("token-"));
        let key = request
            .header("x-library-key")
            .or(request.query("key"))
            .or(bearer);
        self.all("readers")
            .find(|reader| {
                let pair = format!(
                    "{}:{}",
                    text(&reader["handle"]),
                    text(&reader["passphrase"])
                );
                key == reader["passphrase"].as_str() || basic.as_deref() == Some(&pair)
            })
            .cloned()
    }

    fn answer(&mut self, request: &Request) -> Answer {
        let [no_session, may_not, not_there] = self
            .nos
            .map(|status| Answer::json(status, &json!({ "sorry": status })));
        let segments = request.segments();
        let body = request.json();
        let method = request.method.as_str();
        match (method, segments.as_slice()) {
            ("GET", ["pulse"]) => return Answer::json(200, &json!({ "state": "ok" })),
            ("POST", ["enter"]) => {
                let fits = |reader: &&Value| {
                    reader["handle"] == body["handle"] && reader["passphrase"] == body["passphrase"]
                };
                let Some(reader) = self.all("readers").find(fits) else {
                    return no_session;
                };
                return Answer::json(
                    201,
                    &json!({ "key": format!("token-{}", text(&reader["passphrase"])) }),
                );
            }
            (
                _,
                ["whoami" | "readers" | "books" | "notes"]
                | ["readers" | "books" | "notes", _]
                | ["readers", _, "motto"]
                | ["books", _, "lend"],
            ) => {}
            _ => return not_there,
        }
        let me = match self.caller(request) {
            Some(me) => me,
            None if self.has("open to all") && method == "GET" => json!({ "role": "founder" }),
            None => return no_session,
        };
        let role = text(&me["role"]).to_owned();
        let (is_founder, runs_it) = (role == "founder", role == "founder" || role == "head");
        let writes = runs_it || role == "librarian";
        let sees = |thing: &Value| is_founder || thing["tenant"] == me["tenant"];
        let (kind, rest) = (segments[0], &segments[1..]);
        let [number, further @ ..] = rest else {
            return match (kind, method) {
                ("whoami", "GET") => Answer::json(200, &me),
                ("readers", _) if !runs_it && self.has("it fails") => Answer::empty(500),
                ("readers", _) if !runs_it => may_not,
                ("books", "POST") if !writes => may_not,
                (_, "GET") => {
                    let found: Vec<Value> = self
                        .all(kind)
                        .filter(|thing| sees(thing))
                        .map(without_passphrase)
                        .collect();
                    Answer::json(200, &json!({ "total": found.len(), "found": found }))
                }
                (_, "POST") => {
                    let mut thing = body;
                    if thing["tenant"].is_null() {
                        thing["tenant"] = me["tenant"].clone();
                    }
                    thing["keeper"] = me["number"].clone();
                    let number = self.add(kind, thing);
                    Answer::json(201, &json!({ "number": number }))
                }
                _ => Answer::empty(405),
            };
        };
        let key = (kind.to_owned(), number.parse().unwrap_or(0));
        if key.1 > 1_000_000 && self.has("it fails for what is not there") {
            return Answer::empty(503);
        }
        let Some(mut thing) = self.things.get(&key).filter(|thing| sees(thing)).cloned() else {
            return not_there;
        };
        let is_mine = thing["keeper"] == me["number"] || is_founder;
        match (kind, method, further) {
            ("readers", "GET", ["motto"]) => {
                return Answer::json(200, &json!({ "motto": thing["motto"] }));
            }
            ("readers", "PUT", ["motto"]) => {
                // Whoever is named, one writes one's own.
                let number = me["number"].as_u64().unwrap_or(0);
                self.things
                    .get_mut(&("readers".to_owned(), number))
                    .unwrap()["motto"] = body["motto"].clone();
                return Answer::empty(204);
            }
            ("readers", "GET", []) if runs_it || thing["number"] == me["number"] => {
                return Answer::json(200, &without_passphrase(&thing));
            }
            ("books", "GET", []) => return Answer::json(200, &thing),
            ("notes", "GET", []) if is_mine => return Answer::json(200, &thing),
            ("notes", "GET", []) if self.has("the refusal tells") => {
                return Answer::json(
                    self.nos[1],
                    &json!({ "sorry": format!("`{}` is private", text(&thing["label"])) }),
                );
            }
            ("notes", "GET", []) if self.has("it is hidden") => return not_there,
            ("books", "PUT", []) if self.has("keepers cannot write") && is_mine && !is_founder => {
                return may_not;
            }
            ("books", "PUT", []) if writes && !body["label"].is_string() => {
                return Answer::json(400, &json!({ "sorry": "a book has a label" }));
            }
            ("books", "PUT" | "PATCH", []) if writes => thing["label"] = body["label"].clone(),
            ("notes", "PUT", []) if is_mine => thing["label"] = body["label"].clone(),
            // It says yes to everybody, and does nothing.
            ("notes", "PUT", []) => return Answer::empty(204),
            ("books", "POST", ["lend"]) if writes => thing["lent"] = true.into(),
            ("books", "POST", ["lend"]) => return Answer::json(200, &json!({ "state": "fail" })),
            ("readers", "DELETE", []) if runs_it => return self.remove(&key),
            ("books", "DELETE", []) if is_mine || runs_it || self.has("anyone removes") => {
                return self.remove(&key);
            }
            ("notes", "DELETE", []) if is_mine => return self.remove(&key),
            ("notes", "DELETE", []) if self.has("removed though refused") => {
                self.remove(&key);
                return may_not;
            }
            _ => return may_not,
        }
        self.things.insert(key, thing);
        Answer::json(200, &json!({ "state": "ok" }))
    }

    fn remove(&mut self, key: &(String, u64)) -> Answer {
        self.things.remove(key);
        Answer::empty(204)
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn without_passphrase(thing: &Value) -> Value {
    let mut thing = thing.clone();
    thing.as_object_mut().unwrap().remove("passphrase");
    thing
}
