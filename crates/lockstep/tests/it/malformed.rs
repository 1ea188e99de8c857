//! Malformed bodies: whoever may not is refused as ever, whoever may is told that the input is bad, and nothing happens.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::{Value, json};
use testkit::{Answer, Project, Request, Server};

use crate::support::{Names, Report, lockstep, names, test};

const SUITE: &str = r#"
version: 1
malformed: true
targets: { api: { http: "${API_URL}" } }
sessions: { key: { bearer: "{{ actor.key }}" } }
actors:
  anonymous: {}
  ann: { session: key, key: ann }
  bob: { session: key, key: bob }
  eve: { session: key, key: eve }
resources:
  note:
    on: api
    owners: [ann]
    create: { POST: /notes, json: { text: "{{ unique }}" }, id: $.id }
    remove: { DELETE: "/notes/{{ note.id }}" }
    views: { whole: { GET: "/notes/{{ note.id }}" } }
actions:
  note:
    read: { api: { GET: "/notes/{{ note.id }}" } }
    write: { api: { PUT: "/notes/{{ note.id }}", json: { text: "new {{ unique }}" }, effect: { whole: { $.text: "new {{ unique }}" } } } }
expect: |
  action             anonymous  ann    bob    eve
  note.read of ann   401        allow  allow  404
  note.write of ann  401        allow  403    404
"#;

/// What is wrong with a server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// The body is looked at before anything else.
    BodyFirst,
    /// The body is looked at when it is known that the note is there, and not yet whether the caller may.
    BodyBeforeRight,
    /// A malformed body is taken as text.
    Taken,
    /// It is ignored, and answered with yes.
    Ignored,
    /// It is answered as if the caller might not.
    Forbidden,
    /// It is refused, but the note is emptied.
    Emptied,
    /// The server fails.
    Fails,
}

struct Service {
    fault: Fault,
    notes: Mutex<BTreeMap<u64, Value>>,
}

impl Service {
    fn start(fault: Fault) -> Server {
        let service = Self {
            fault,
            notes: Mutex::default(),
        };
        Server::start(move |request| service.answer(request))
    }

    fn answer(&self, request: &Request) -> Answer {
        let who = request.authorization("Bearer").unwrap_or("").to_owned();
        let mut notes = self.notes.lock().unwrap();
        let segments = request.segments();
        let id: u64 = segments.get(1).map_or(0, |id| id.parse().unwrap());
        let writes = request.method == "PUT";
        let text = request
            .json()
            .get("text")
            .filter(|text| text.is_string())
            .cloned();
        let is_malformed = writes && text.is_none();
        let bad = || Answer::json(422, &json!({ "error": "no text" }));
        if is_malformed && self.fault == Fault::BodyFirst {
            return bad();
        }
        if !["ann", "bob", "eve"].contains(&&*who) {
            return Answer::empty(401);
        }
        if request.method == "POST" {
            let id = notes.len() as u64 + 1;
            notes.insert(id, json!({ "id": id, "text": text }));
            return Answer::json(201, &json!({ "id": id }));
        }
        if !notes.contains_key(&id)
            || (who == "eve" && !(is_malformed && self.fault == Fault::BodyBeforeRight))
        {
            return Answer::empty(404);
        }
        if is_malformed && self.fault == Fault::BodyBeforeRight {
            return bad();
        }
        match request.method.as_str() {
            "GET" => Answer::json(200, &notes[&id]),
            _ if who != "ann" => Answer::empty(403),
            "DELETE" => Answer::json(200, &json!(notes.insert(id, Value::Null))),
            _ if !is_malformed => {
                notes.insert(id, json!({ "id": id, "text": text }));
                Answer::json(200, &json!({}))
            }
            _ => match self.fault {
                Fault::Taken => {
                    notes.insert(id, json!({ "id": id, "text": request.text() }));
                    Answer::json(200, &json!({}))
                }
                Fault::Ignored => Answer::json(200, &json!({})),
                Fault::Forbidden => Answer::empty(403),
                Fault::Emptied => {
                    notes.insert(id, json!({ "id": id, "text": "" }));
                    bad()
                }
                Fault::Fails => Answer::empty(500),
                _ => bad(),
            },
        }
    }
}

fn run(suite: &str, fault: Fault) -> Report {
    let server = Service::start(fault);
    let project = Project::new([("lockstep.yaml", suite)]);
    test(&project, &[("API_URL", &server.url())], &[])
}

/// The cells with malformed bodies, by actor.
fn malformed(report: &Report) -> BTreeMap<String, String> {
    let cells = report.verdicts().into_iter();
    cells
        .filter_map(|(name, verdict)| {
            let actor = name.strip_suffix("/note.write/ann/body=malformed")?;
            Some((actor.to_owned(), verdict))
        })
        .collect()
}

/// Each fault, with the verdicts on malformed bodies of somebody anonymous, of `ann`, who may, of `bob`, who may not,
/// and of `eve`, from whom the note is concealed.
const FAULTS: [(Fault, [&str; 4]); 8] = [
    (Fault::None, ["held", "held", "held", "held"]),
    (
        Fault::BodyFirst,
        ["wrong-denial", "held", "wrong-denial", "wrong-denial"],
    ),
    (
        Fault::BodyBeforeRight,
        ["held", "held", "wrong-denial", "leak"],
    ),
    (Fault::Taken, ["held", "escalation", "held", "held"]),
    (Fault::Ignored, ["held", "wrong-denial", "held", "held"]),
    (Fault::Forbidden, ["held", "wrong-denial", "held", "held"]),
    (Fault::Emptied, ["held", "side-effect", "held", "held"]),
    (Fault::Fails, ["held", "inconclusive", "held", "held"]),
];

#[test]
fn each_fault_is_found_by_malformed_bodies_alone() {
    for (number, (fault, expected)) in FAULTS.into_iter().enumerate() {
        let report = run(SUITE, fault);
        let actors = ["anonymous", "ann", "bob", "eve"].map(str::to_owned);
        let expected = actors
            .into_iter()
            .zip(expected.map(str::to_owned))
            .collect();
        assert_eq!(
            malformed(&report),
            expected,
            "fault {number}: {}",
            report.told
        );
        let others = report.matching(|cell| cell.verdict != "held");
        let others: Vec<&String> = others
            .iter()
            .filter(|name| !name.ends_with("body=malformed"))
            .collect();
        assert!(others.is_empty(), "fault {number}: {others:?}");
    }
}

/// A body that is JSON and still wrong, in place of one that is cut off.
#[test]
fn a_body_of_ones_own_is_sent() {
    let suite = SUITE.replace("malformed: true\n", "");
    assert_eq!(
        malformed(&run(&suite, Fault::BodyFirst)).len(),
        0,
        "it is never tried unasked"
    );
    for body in ["{ json: { text: 7 } }", "{ body: '{' }"] {
        let suite = suite.replace("effect:", &format!("malformed: {body}, effect:"));
        assert_eq!(malformed(&run(&suite, Fault::None)).len(), 4);
        let verdicts = malformed(&run(&suite, Fault::BodyFirst));
        assert_eq!(verdicts["bob"], "wrong-denial", "{body}");
    }
}

/// A system that answers 400 to whoever may not, too, tells the two apart for nobody: that is no finding.
#[test]
fn a_form_of_no_may_be_that_of_bad_input() {
    let denies = "denies: { forbidden: [ { status: 403 }, { status: 422 } ] }";
    let suite = SUITE.replace(
        "http: \"${API_URL}\"",
        &format!("http: \"${{API_URL}}\", {denies}"),
    );
    let report = run(&suite, Fault::None);
    assert_eq!(report.code, Some(0), "{}", report.told);
}

/// A call that fails for whoever may proves nothing of one with a malformed body.
#[test]
fn a_refusal_counts_beside_a_call_that_succeeds() {
    let suite = SUITE.replace(
        "json: { text: \"new {{ unique }}\" }",
        "json: { txt: \"new {{ unique }}\" }",
    );
    let report = run(&suite, Fault::None);
    let verdicts = malformed(&report);
    assert!(
        verdicts.values().all(|verdict| verdict == "inconclusive"),
        "{verdicts:?}"
    );
}

#[test]
fn what_is_tried_is_the_same_everywhere() {
    let server = Service::start(Fault::None);
    let url = server.url();
    let variables = [("API_URL", url.as_str())];
    let project = Project::new([("lockstep.yaml", SUITE)]);
    let all: Names = test(&project, &variables, &[]).cells.into_keys().collect();
    let mut parts = Names::new();
    for shard in ["1/3", "2/3", "3/3"] {
        parts.extend(
            test(&project, &variables, &["--shard", shard])
                .cells
                .into_keys(),
        );
    }
    assert_eq!(parts, all);
    let chosen = test(&project, &variables, &["bob/*malformed"]).cells;
    let chosen: Names = chosen.into_keys().collect();
    let expected = names(["ann/note.write/ann", "bob/note.write/ann/body=malformed"]);
    assert_eq!(chosen, expected, "the cell with its control");
}

#[test]
fn a_finding_reads_as_a_sentence_and_is_repeated() {
    let server = Service::start(Fault::Taken);
    let url = server.url();
    let project = Project::new([("lockstep.yaml", SUITE)]);
    let cell = "ann/note.write/ann/body=malformed";
    let finished = lockstep(project.path(), &["repeat", cell])
        .envs([("API_URL", url.as_str())])
        .run();
    let told = finished.told();
    assert_eq!(finished.code, Some(1), "{told}");
    assert!(
        told.contains("ann writes its own note with a malformed body"),
        "{told}"
    );
    assert!(
        told.contains("a malformed body is taken, and something happens"),
        "{told}"
    );
    assert!(!told.contains("secret"), "{told}");
    let sent: Vec<String> = server
        .requests()
        .iter()
        .filter(|it| it.method == "PUT")
        .map(Request::text)
        .collect();
    let cut = sent
        .iter()
        .filter(|body| serde_json::from_str::<Value>(body).is_err());
    assert_eq!(cut.count(), 1, "{sent:?}");
}

/// A body that is cut off has its secrets whole, so that they are masked.
#[test]
fn a_secret_is_not_cut_in_two() {
    const SECRET: &str = "correct-horse-battery-staple";
    let server = Service::start(Fault::BodyFirst);
    let url = server.url();
    let suite = SUITE.replace(
        "json: { text: \"new {{ unique }}\" }",
        "json: { password: \"${PASSWORD}\", text: \"new {{ unique }}\" }",
    );
    let project = Project::new([("lockstep.yaml", suite.as_str())]);
    let finished = lockstep(project.path(), &["test", "--report", "json=-"])
        .envs([("API_URL", url.as_str()), ("PASSWORD", SECRET)])
        .run();
    let is_cut = |it: &Request| it.method == "PUT" && !it.text().ends_with('}');
    let sent = server.requests();
    let sent: Vec<String> = sent
        .iter()
        .filter(|it| is_cut(it))
        .map(Request::text)
        .collect();
    assert!(!sent.is_empty());
    assert!(sent.iter().all(|body| body.contains(SECRET)), "{sent:?}");
    let mut told = finished.told();
    for file in project.files_under(".lockstep") {
        told += &std::fs::read_to_string(file).unwrap();
    }
    assert!(!told.contains("correct-horse"), "{told}");
}
