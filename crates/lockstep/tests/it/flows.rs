//! Flows: an article is written, submitted and approved by several people, each step a cell.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use testkit::{Answer, Project, Request, Server};

use crate::support::{Names, Report, lockstep, names, test};

const SUITE: &str = r#"
version: 1
targets: { api: { http: "${API_URL}" } }
sessions: { key: { on: api, POST: /login, json: { name: "{{ actor.login }}", password: "${PASSWORD}" }, token: $.ticket } }
actors:
  editor: { session: key, login: ed }
  restricted: { session: key, login: ri }
  moderator: { session: key, login: mo }
  outsider: { session: key, login: ou }
actions:
  health: { read: { api: { GET: /health } } }
expect: |
  action       editor
  health.read  allow
flows:
  publish:
    on: api
    by: [editor, restricted]
    steps:
      write:
        POST: /articles
        json: { title: "{{ unique }}" }
        capture: { id: $.id }
        remove: { DELETE: "/articles/{{ flow.id }}" }
      peek: { as: outsider, GET: "/articles/{{ flow.id }}", expect: 404 }
      submit: { POST: "/articles/{{ flow.id }}/submit" }
      early: { POST: "/articles/{{ flow.id }}/approve", expect: 403 }
      approve: { as: moderator, POST: "/articles/{{ flow.id }}/approve", answer: { json: { $.state: approved } } }
      read: { GET: "/articles/{{ flow.id }}", answer: { json: { $.state: approved, $.by: "{{ actor.login }}" } } }
"#;

const STEPS: [&str; 6] = ["write", "peek", "submit", "early", "approve", "read"];

/// What is wrong with a server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fault {
    None,
    /// The restricted role cannot submit.
    CannotSubmit,
    /// Nobody finds the way to submit for the restricted role.
    SubmitIsGone,
    /// Everybody may approve.
    AnyoneApproves,
    /// Approving says yes and does nothing.
    NotApproved,
    /// Another tenant is told that the article is there.
    Told,
    /// The answer to writing has no id.
    NoId,
    /// Approving fails.
    Fails,
    /// Approving is not answered until the test says so.
    Hangs,
}

struct Service {
    fault: Fault,
    /// Articles with their authors and states.
    articles: Mutex<BTreeMap<u64, (String, &'static str)>>,
    made: Mutex<u64>,
    /// Tells that somebody waits for an approval, and waits for its end.
    waiting: Mutex<(Sender<()>, Receiver<()>)>,
}

/// A server, and how a test waits for an approval and lets it go.
struct Articles {
    server: Server,
    service: Arc<Service>,
    is_asked: Receiver<()>,
    go_on: Sender<()>,
}

impl Articles {
    fn start(fault: Fault) -> Self {
        let (asked, is_asked) = channel();
        let (go_on, goes_on) = channel();
        let service = Arc::new(Service {
            fault,
            articles: Mutex::default(),
            made: Mutex::default(),
            waiting: Mutex::new((asked, goes_on)),
        });
        let answering = Arc::clone(&service);
        Self {
            server: Server::start(move |request| answering.answer(request)),
            service,
            is_asked,
            go_on,
        }
    }

    fn run(&self, suite: &str, arguments: &[&str]) -> Report {
        let project = Project::new([("lockstep.yaml", suite)]);
        test(&project, &self.variables(), arguments)
    }

    fn variables(&self) -> [(&'static str, &str); 2] {
        let url = Box::leak(self.server.url().into_boxed_str());
        [("API_URL", url), ("PASSWORD", "correct horse battery")]
    }

    fn left(&self) -> usize {
        self.service.articles.lock().unwrap().len()
    }

    /// How often each path was asked for.
    fn asked(&self, method: &str, end: &str) -> usize {
        let requests = self.server.requests();
        let is_it = |it: &&Request| it.method == method && it.path().ends_with(end);
        requests.iter().filter(is_it).count()
    }
}

impl Service {
    fn answer(&self, request: &Request) -> Answer {
        let segments = request.segments();
        if segments == ["login"] {
            let who = request.json()["name"].as_str().unwrap().to_owned();
            return Answer::json(200, &json!({ "ticket": format!("ticket-of-{who}") }));
        }
        let who = request.authorization("Bearer").unwrap_or("").to_owned();
        let who = who.trim_start_matches("ticket-of-").to_owned();
        let step = (
            request.method.as_str(),
            segments.last().copied().unwrap_or(""),
        );
        match step {
            _ if who.is_empty() => Answer::empty(401),
            ("GET", "health") => Answer::json(200, &json!({})),
            ("POST", "articles") => {
                let mut made = self.made.lock().unwrap();
                *made += 1;
                self.articles.lock().unwrap().insert(*made, (who, "draft"));
                match self.fault {
                    Fault::NoId => Answer::json(201, &json!({})),
                    _ => Answer::json(201, &json!({ "id": *made })),
                }
            }
            ("POST", "approve") if who == "mo" && self.fault == Fault::Hangs => {
                let waiting = self.waiting.lock().unwrap();
                waiting.0.send(()).unwrap();
                // Ends when the test is over.
                let _ = waiting.1.recv();
                Answer::empty(503)
            }
            _ => self.on_article(&who, step, segments.get(1).copied().unwrap_or("")),
        }
    }

    fn on_article(&self, who: &str, (method, end): (&str, &str), id: &str) -> Answer {
        let mut articles = self.articles.lock().unwrap();
        let id: u64 = id.parse().unwrap_or_default();
        let Some((author, state)) = articles.get_mut(&id) else {
            return Answer::empty(404);
        };
        match (method, end) {
            _ if who == "ou" => Answer::empty(if self.fault == Fault::Told { 403 } else { 404 }),
            ("DELETE", _) if *author == who => {
                articles.remove(&id);
                Answer::empty(204)
            }
            ("POST", "submit") if *author == who => match self.fault {
                Fault::CannotSubmit if who == "ri" => Answer::empty(403),
                Fault::SubmitIsGone if who == "ri" => Answer::empty(404),
                _ => {
                    *state = "submitted";
                    Answer::json(200, &json!({ "state": state }))
                }
            },
            ("POST", "approve") if who == "mo" || self.fault == Fault::AnyoneApproves => {
                if self.fault == Fault::Fails {
                    return Answer::empty(500);
                }
                if *state == "submitted" && self.fault != Fault::NotApproved {
                    *state = "approved";
                }
                Answer::json(200, &json!({ "state": state }))
            }
            ("GET", _) => Answer::json(200, &json!({ "state": state, "by": author })),
            _ => Answer::empty(403),
        }
    }
}

fn steps_of(actor: &str, steps: &[&str]) -> Names {
    steps
        .iter()
        .map(|step| format!("{actor}/flow.publish/{step}"))
        .collect()
}

#[test]
fn a_flow_that_works_holds_for_everybody() {
    let articles = Articles::start(Fault::None);
    let report = articles.run(SUITE, &[]);
    assert_eq!(report.code, Some(0), "{}", report.told);
    let expected: Names = steps_of("editor", &STEPS)
        .union(&steps_of("restricted", &STEPS))
        .cloned()
        .collect();
    let steps: Names = report
        .cells
        .keys()
        .filter(|name| name.contains("/flow."))
        .cloned()
        .collect();
    assert_eq!(steps, expected);
    assert_eq!(articles.left(), 0, "what flows made is gone");
}

/// Each fault, with the steps that find it, and for each actor those that then cannot be tried, or are in doubt because
/// the same call of somebody who may is not tried.
#[expect(clippy::type_complexity, reason = "a table")]
const FAULTS: [(Fault, &str, &[&str], &[(&str, &[&str])]); 6] = [
    (
        Fault::CannotSubmit,
        "lockout",
        &["restricted/flow.publish/submit"],
        &[("restricted", &["early", "approve", "read"])],
    ),
    (
        Fault::SubmitIsGone,
        "lockout",
        &["restricted/flow.publish/submit"],
        &[("restricted", &["early", "approve", "read"])],
    ),
    (
        Fault::AnyoneApproves,
        "escalation",
        &["editor/flow.publish/early", "restricted/flow.publish/early"],
        &[
            ("editor", &["approve", "read", "peek"]),
            ("restricted", &["approve", "read", "peek"]),
        ],
    ),
    (
        Fault::NotApproved,
        "lockout",
        &[
            "editor/flow.publish/approve",
            "restricted/flow.publish/approve",
        ],
        &[
            ("editor", &["early", "read", "peek"]),
            ("restricted", &["early", "read", "peek"]),
        ],
    ),
    (
        Fault::Told,
        "leak",
        &["editor/flow.publish/peek", "restricted/flow.publish/peek"],
        &[],
    ),
    (
        Fault::NoId,
        "lockout",
        &["editor/flow.publish/write", "restricted/flow.publish/write"],
        &[
            ("editor", &["peek", "submit", "early", "approve", "read"]),
            (
                "restricted",
                &["peek", "submit", "early", "approve", "read"],
            ),
        ],
    ),
];

#[test]
fn each_fault_is_found_by_the_step_that_shows_it() {
    for (number, (fault, verdict, found, doubtful)) in FAULTS.into_iter().enumerate() {
        let articles = Articles::start(fault);
        let report = articles.run(SUITE, &[]);
        assert_eq!(
            report.with(verdict),
            names(found.iter().copied()),
            "fault {number}: {}",
            report.told
        );
        assert_eq!(
            report.findings().len(),
            found.len(),
            "fault {number}: {}",
            report.told
        );
        let doubtful: Names = doubtful
            .iter()
            .flat_map(|(actor, steps)| steps_of(actor, steps))
            .collect();
        assert_eq!(
            report.with("inconclusive"),
            doubtful,
            "fault {number}: {}",
            report.told
        );
        // Nobody can take away what has no id.
        if fault != Fault::NoId {
            assert_eq!(
                articles.left(),
                0,
                "fault {number}: something was left behind"
            );
        }
    }
}

#[test]
fn a_step_says_which_one_before_it_failed() {
    let articles = Articles::start(Fault::Fails);
    let report = articles.run(SUITE, &[]);
    assert_eq!(report.code, Some(3), "{}", report.told);
    let words = report.words("editor/flow.publish/read");
    assert!(
        words.contains("not tried: step `approve` before it did not come out as expected"),
        "{words}"
    );
    assert!(
        report
            .words("editor/flow.publish/approve")
            .contains("the target failed")
    );
    assert_eq!(articles.left(), 0);
}

#[test]
fn a_denial_counts_beside_the_same_call_of_somebody_who_may() {
    let articles = Articles::start(Fault::None);
    let approve = SUITE
        .lines()
        .filter(|line| !line.contains("approve:") && !line.contains("  read: { GET"));
    let suite: String = approve.map(|line| format!("{line}\n")).collect();
    let report = articles.run(&suite, &[]);
    assert_eq!(report.code, Some(3), "{}", report.told);
    for step in ["early", "peek"] {
        let words = report.words(&format!("editor/flow.publish/{step}"));
        assert!(words.contains("it has no control"), "{words}");
    }
    // What one actor may is the control of the other.
    let by_two = suite
        .replace("expect: 403", "expect: { restricted: 403 }")
        .replace("submit: {", "approve: {");
    let by_two = by_two.replace(
        "    by: [editor, restricted]",
        "    by: [moderator, restricted]",
    );
    let report = articles.run(&by_two, &["restricted/flow.publish/early"]);
    assert_eq!(
        report.verdict("moderator/flow.publish/early"),
        "held",
        "{}",
        report.told
    );
    let early = &report.cells["restricted/flow.publish/early"].json;
    assert_eq!(early["control"]["cell"], "moderator/flow.publish/early");
    assert_eq!(early["control"]["differs_in"], "the actor");
}

#[test]
fn a_step_is_repeated_with_those_before_it() {
    let articles = Articles::start(Fault::CannotSubmit);
    let project = Project::new([("lockstep.yaml", SUITE)]);
    let finished = lockstep(
        project.path(),
        &["repeat", "restricted/flow.publish/submit"],
    )
    .envs(articles.variables())
    .run();
    let told = finished.told();
    assert_eq!(finished.code, Some(1), "{told}");
    assert!(told.contains("/articles/"), "its exchange is shown: {told}");
    assert!(
        !told.contains("correct horse battery") && !told.contains("ticket-of-ri"),
        "{told}"
    );
    assert_eq!(articles.asked("POST", "/approve"), 2, "{told}");
    assert_eq!(articles.left(), 0);
}

#[test]
fn a_flow_of_one_actor_is_never_split() {
    let articles = Articles::start(Fault::None);
    let project = Project::new([("lockstep.yaml", SUITE)]);
    let planned = |arguments: &[&str]| {
        let all = [&["plan", "--json"], arguments].concat();
        let finished = lockstep(project.path(), &all)
            .envs(articles.variables())
            .run();
        let plan: Value = serde_json::from_str(&finished.stdout).unwrap();
        let cells = plan["cells"].as_array().unwrap();
        let steps = cells
            .iter()
            .map(|cell| cell["cell"].as_str().unwrap().to_owned());
        steps
            .filter(|name| name.contains("/flow."))
            .collect::<Names>()
    };
    let all = planned(&[]);
    assert_eq!(all.len(), 2 * STEPS.len());
    let mut found = Names::new();
    for shard in 1..=4 {
        let part = planned(&["--shard", &format!("{shard}/4")]);
        for actor in ["editor", "restricted"] {
            let of_actor = steps_of(actor, &STEPS);
            let here = part.intersection(&of_actor).count();
            assert!(
                here == 0 || here == STEPS.len(),
                "shard {shard} has {here} steps of {actor}"
            );
        }
        found.extend(part);
    }
    assert_eq!(found, all);
}

/// What a killed run made is known to its journal.
#[test]
fn what_a_killed_flow_made_is_put_back() {
    let articles = Articles::start(Fault::Hangs);
    let project = Project::new([("lockstep.yaml", SUITE)]);
    let mut run = Command::new(env!("CARGO_BIN_EXE_lockstep"))
        .args(["test", "editor/flow.publish/*", "--concurrency", "1"])
        .current_dir(project.path())
        .envs(articles.variables())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    articles.is_asked.recv().unwrap();
    run.kill().unwrap();
    run.wait().unwrap();
    assert!(
        articles.left() > 0,
        "nothing was there when the run was killed"
    );
    for _ in 0..2 {
        let cleanup = lockstep(project.path(), &["cleanup"])
            .envs(articles.variables())
            .run();
        assert_eq!(cleanup.code, Some(0), "{}", cleanup.told());
        assert_eq!(articles.left(), 0, "{}", cleanup.told());
    }
    assert_eq!(project.files_under(".lockstep/journal").len(), 0);
}

/// On a system that may not be changed a flow with a changing step is not tried at all.
#[test]
fn a_flow_that_changes_something_is_not_tried_where_nothing_may_be_changed() {
    let articles = Articles::start(Fault::None);
    let project = Project::new([("lockstep.yaml", SUITE)]);
    let report = test(&project, &articles.variables(), &["--read-only"]);
    let steps = report.matching(|cell| cell.verdict == "not-applicable");
    let expected: Names = steps_of("editor", &STEPS)
        .union(&steps_of("restricted", &STEPS))
        .cloned()
        .collect();
    assert_eq!(steps, expected, "{}", report.told);
    assert_eq!(articles.asked("POST", "/articles"), 0);
    assert_eq!(articles.asked("GET", "/1"), 0);
}

/// An interrupted run finishes the step that is under way, and takes away what the flow has made.
#[test]
fn an_interrupted_flow_is_taken_away() {
    let articles = Articles::start(Fault::Hangs);
    let project = Project::new([("lockstep.yaml", SUITE)]);
    let run = lockstep(
        project.path(),
        &["test", "editor/flow.publish/*", "--concurrency", "1"],
    );
    let mut run = run.envs(articles.variables()).start();
    articles.is_asked.recv().unwrap();
    run.interrupt();
    assert!(run.says("stopping"), "{}", run.stderr());
    articles.go_on.send(()).unwrap();
    let finished = run.finish();
    assert_eq!(finished.code, Some(130), "{}", finished.told());
    assert_eq!(articles.left(), 0, "{}", finished.told());
    assert_eq!(articles.asked("GET", "/1"), 1, "only the peek before it");
    assert_eq!(project.files_under(".lockstep/journal").len(), 0);
}
