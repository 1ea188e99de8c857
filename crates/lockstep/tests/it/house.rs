//! A house with a porter, who alone gets in; and its suite.

use serde_json::json;
use testkit::{Answer, Project, Request, Server};

/// A suite in which a door opens to the porter's key alone.
const SUITE: &str = r#"
version: 1
targets: { house: { http: "${HOUSE_URL}" } }
sessions: { key: { header: { X-Key: "${PORTER_KEY}" } } }
actors: { visitor: {}, porter: { session: key } }
resources: { room: { on: house, owners: [porter], create: { POST: /rooms, id: $.id }, views: { state: { GET: "/rooms/{{ room.id }}" } } } }
actions:
  door:
    open: { house: { GET: /door } }
  room:
    enter: { house: { GET: "/rooms/{{ room.id }}" } }
    paint: { house: { POST: "/rooms/{{ room.id }}", json: { colour: "{{ unique }}" }, effect: { state: { $.painted: true } } } }
expect: |
  action                visitor  porter
  door.open             401      allow
  room.enter of porter  401      allow
  room.paint of porter  401      allow
"#;

pub(crate) fn house() -> Server {
    let painted = std::sync::Mutex::new(std::collections::BTreeSet::new());
    Server::start(move |request: &Request| {
        if request.header("x-key") != Some("porter-key") {
            return Answer::json(401, &json!({ "error": "no key" }));
        }
        let mut painted = painted.lock().unwrap();
        let made = painted.len();
        match (request.method.as_str(), request.segments().as_slice()) {
            (_, ["door"]) => Answer::json(200, &json!({ "open": true })),
            ("POST", ["rooms"]) => {
                painted.insert(format!("room {made}"));
                Answer::json(201, &json!({ "id": made }))
            }
            ("POST", [_, id]) => {
                painted.insert((*id).to_owned());
                Answer::empty(204)
            }
            (_, [_, id]) => Answer::json(200, &json!({ "painted": painted.contains(*id) })),
            _ => Answer::empty(404),
        }
    })
}

pub(crate) fn project() -> Project {
    Project::new([("lockstep.yaml", SUITE)])
}
