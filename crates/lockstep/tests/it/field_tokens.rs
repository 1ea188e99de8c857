//! A CSRF token in a field of the form: a registry that looks at it holds, and one that does not is found by the cell
//! without it alone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::json;
use testkit::{Answer, Project, Request, Server};

use crate::support::{Names, Report, names, test};

const SUITE: &str = r#"
version: 1
targets: { registry: { http: "${REGISTRY_URL}" } }
sessions:
  form:
    on: registry
    steps:
      - { GET: /login, capture: { csrf: { matches: 'name="authenticity" value="([^"]+)"' } } }
      - { POST: /login, form: { authenticity: "{{ actor.csrf }}", name: "{{ actor.login }}", password: "{{ actor.password }}" }, status: 303 }
    csrf: { capture: csrf, form: authenticity }
    who: { on: registry, GET: /me, subject: $.id }
actors:
  clerk: { session: form, login: clerk, password: "${CLERK_PASSWORD}" }
  guest: { session: form, login: guest, password: "${GUEST_PASSWORD}" }
  elsewhere: { like: clerk, csrf: absent }
resources:
  deed:
    on: registry
    owners: [clerk]
    create: { POST: /deeds, form: { text: "canary {{ unique }}" }, id: $.id }
    remove: { POST: "/deeds/{{ deed.id }}/removal" }
    views: { text: { GET: "/deeds/{{ deed.id }}" } }
actions:
  deed:
    read: { registry: { GET: "/deeds/{{ deed.id }}" } }
    change: { registry: { POST: "/deeds/{{ deed.id }}", form: { text: "new & {{ unique }}" }, effect: { text: { $.text: { matches: "^new & " } } } } }
    remove: { registry: { POST: "/deeds/{{ deed.id }}/removal", effect: { text: gone } } }
expect: |
  action                clerk  guest  elsewhere
  deed.read of clerk    allow  403    allow
  deed.change of clerk  allow  403    403
  deed.remove of clerk  allow  403    403
"#;

#[derive(Default)]
struct State {
    made: usize,
    /// Tokens of forms that were handed out.
    forms: Vec<String>,
    /// Who has a cookie, and the token of their form.
    cookies: BTreeMap<String, (String, String)>,
    deeds: BTreeMap<String, String>,
}

impl State {
    fn answer(&mut self, request: &Request, looks: bool) -> Answer {
        self.made += 1;
        let number = self.made;
        let fields = fields(&request.text());
        let field = |name: &str| fields.get(name).cloned().unwrap_or_default();
        let token = field("authenticity");
        match (request.method.as_str(), request.segments().as_slice()) {
            ("GET", ["login"]) => {
                let token = format!("form+token/{number}&=");
                self.forms.push(token.clone());
                let page = format!("<input name=\"authenticity\" value=\"{token}\">");
                return Answer::new(200, "text/html", page);
            }
            ("POST", ["login"]) => {
                let name = field("name");
                if !self.forms.contains(&token) || field("password") != format!("{name}-password") {
                    return Answer::json(401, &json!({ "error": "no" }));
                }
                let cookie = format!("cookie-value-{number}");
                self.cookies.insert(cookie.clone(), (name, token));
                return Answer::empty(303)
                    .header("location", "/")
                    .header("set-cookie", &format!("sid={cookie}; Path=/"));
            }
            _ => {}
        }
        let cookie = request.header("cookie").unwrap_or_default();
        let cookie = cookie.strip_prefix("sid=").unwrap_or_default();
        let Some((name, known)) = self.cookies.get(cookie).cloned() else {
            return Answer::json(401, &json!({ "error": "no session" }));
        };
        if request.method == "POST" && looks && token != known {
            return Answer::json(403, &json!({ "error": "not from here" }));
        }
        match (request.method.as_str(), request.segments().as_slice()) {
            ("GET", ["me"]) => Answer::json(200, &json!({ "id": name })),
            ("POST", ["deeds"]) => {
                let id = format!("d{number}");
                self.deeds.insert(id.clone(), field("text"));
                Answer::json(201, &json!({ "id": id }))
            }
            _ if name == "guest" => Answer::json(403, &json!({ "error": "not yours" })),
            (method, ["deeds", id, rest @ ..]) => {
                match (method, rest) {
                    ("POST", []) => drop(self.deeds.insert((*id).to_owned(), field("text"))),
                    ("POST", _) => drop(self.deeds.remove(*id)),
                    _ => {}
                }
                match self.deeds.get(*id) {
                    Some(text) => Answer::json(200, &json!({ "id": id, "text": text })),
                    None if method == "POST" => Answer::empty(204),
                    None => Answer::json(404, &json!({ "error": "not here" })),
                }
            }
            _ => Answer::json(404, &json!({ "error": "not here" })),
        }
    }
}

/// The fields of a form (application/x-www-form-urlencoded).
fn fields(body: &str) -> BTreeMap<String, String> {
    let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(name, value)| (name.to_owned(), decoded(value)))
        .collect()
}

fn decoded(value: &str) -> String {
    let mut out = Vec::new();
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                let digits = std::str::from_utf8(&digits).unwrap();
                out.push(u8::from_str_radix(digits, 16).unwrap());
            }
            byte => out.push(byte),
        }
    }
    String::from_utf8(out).unwrap()
}

fn run(looks: bool) -> (Report, Vec<Request>, usize) {
    let state = Arc::new(Mutex::new(State::default()));
    let answering = Arc::clone(&state);
    let server = Server::start(move |request| answering.lock().unwrap().answer(request, looks));
    let project = Project::new([("lockstep.yaml", SUITE)]);
    let url = server.url();
    let variables = [
        ("REGISTRY_URL", url.as_str()),
        ("CLERK_PASSWORD", "clerk-password"),
        ("GUEST_PASSWORD", "guest-password"),
    ];
    let report = test(&project, &variables, &[]);
    let left = state.lock().unwrap().deeds.len();
    (report, server.requests(), left)
}

#[test]
fn a_registry_that_looks_holds() {
    let (report, requests, left) = run(true);
    assert_eq!(report.code, Some(0), "{}", report.told);
    assert_eq!(report.with("held").len(), 9 + 3);
    assert_eq!(left, 0, "what was made is removed, with the token too");
    let reads = requests.iter().filter(|request| request.method == "GET");
    assert!(reads.clone().count() > 5);
    for read in reads {
        assert!(!read.text().contains("authenticity"), "{}", read.target);
    }
    let told = format!("{}{}", report.told, report.json);
    assert!(!told.contains("form+token"), "{told}");
}

#[test]
fn a_registry_that_does_not_look_is_found_by_the_calls_without_it_alone() {
    let (report, ..) = run(false);
    let cells = names(["elsewhere/deed.change/clerk", "elsewhere/deed.remove/clerk"]);
    assert_eq!(report.with("escalation"), cells, "{}", report.told);
    assert_eq!(report.findings().len(), 2, "{}", report.told);
    assert_eq!(report.with("inconclusive"), Names::new(), "{}", report.told);
}
