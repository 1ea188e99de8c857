//! `--env NAME`: the same suite where else its system runs.

use serde_json::json;
use testkit::{Answer, Project, Request, Server};

use crate::support::{Report, lockstep};

const SUITE: &str = r#"
version: 1
targets: { hall: { http: "${HALL_URL}" } }
sessions: { key: { bearer: "{{ actor.key }}" } }
actors:
  visitor: {}
  porter: { session: key, key: "${PORTER_KEY}" }
actions: { hall: { enter: { hall: { GET: /hall } }, climb: { hall: { GET: /roof } } } }
expect: |
  action      visitor  porter
  hall.enter  allow    allow
  hall.climb  401      allow
environments:
  staging:
    targets: { hall: { http: "${STAGING_URL}" } }
    actors: { porter: { key: "${STAGING_KEY}" } }
  open:
    targets: { hall: { http: "${STAGING_URL}" } }
    actors: { porter: null }
    expect: |
      action      visitor
      hall.enter  allow
"#;

/// A hall on whose roof only its porter may climb, or anybody.
fn hall(key: &'static str, roof_is_open: bool) -> Server {
    Server::start(move |request: &Request| {
        let is_porter = request.header("authorization") == Some(&format!("Bearer {key}"));
        match request.path() {
            "/roof" if !is_porter && !roof_is_open => Answer::json(401, &json!({})),
            _ => Answer::json(200, &json!({})),
        }
    })
}

fn project() -> Project {
    Project::new([("lockstep.yaml", SUITE)])
}

#[test]
fn a_run_goes_to_the_environment_that_is_named_and_nowhere_else() {
    let (here, staging) = (hall("first key", false), hall("second key", true));
    let project = project();
    let run = |arguments: &[&str]| {
        lockstep(project.path(), arguments)
            .env("STAGING_URL", &staging.url())
            .env("STAGING_KEY", "second key")
            .run()
    };
    let finished = run(&["test", "--env", "staging", "--report", "json=-"]);
    let report = Report::of(&finished);
    assert_eq!(report.verdict("visitor/hall.climb"), "escalation");
    assert_eq!(report.json["environment"], "staging");
    assert_eq!(here.requests_count(), 0);
    // Whoever tries it again does so where it was found.
    let told = &finished.stderr;
    assert!(told.contains("; environment staging; "), "{told}");
    let again = "lockstep repeat --env staging visitor/hall.climb";
    assert!(told.contains(again), "{told}");
    let curl = report.cells["visitor/hall.climb"].json["curl"].to_string();
    assert!(curl.contains(&staging.url()), "{curl}");

    let repeated = run(&["repeat", "--env", "staging", "visitor/hall.climb"]);
    assert_eq!(repeated.code, Some(1), "{}", repeated.told());
    let token = run(&["token", "--env", "staging", "porter"]);
    assert_eq!(token.stdout, "second key\n", "{}", token.told());
    let cleaned = run(&["cleanup", "--env", "staging"]);
    assert_eq!(cleaned.code, Some(0), "{}", cleaned.told());
    assert_eq!(here.requests_count(), 0);
}

#[test]
fn the_credential_of_a_finding_is_that_of_the_environment() {
    let staging = hall("another key", false);
    let finished = lockstep(project().path(), &["test", "--report", "json=-"])
        .env("STAGING_URL", &staging.url())
        .env("STAGING_KEY", "second key")
        .env("LOCKSTEP_ENV", "staging")
        .run();
    let report = Report::of(&finished);
    assert_eq!(report.verdict("porter/hall.climb"), "lockout");
    let curl = report.cells["porter/hall.climb"].json["curl"].to_string();
    let token = "$(lockstep token --env staging porter)";
    assert!(curl.contains(token), "{curl}");
}

#[test]
fn what_an_environment_takes_away_is_not_planned() {
    let plan = |arguments: &[&str]| {
        let finished = lockstep(project().path(), arguments).run();
        assert_eq!(finished.code, Some(0), "{}", finished.told());
        finished.stdout
    };
    assert!(plan(&["plan"]).contains("porter"));
    assert!(!plan(&["plan", "--env", "open"]).contains("porter"));
}

#[test]
fn an_environment_that_is_not_there_sends_nothing() {
    let here = hall("first key", false);
    for command in ["test", "plan", "cleanup"] {
        let finished = lockstep(project().path(), &[command, "--env", "stagign"])
            .env("HALL_URL", &here.url())
            .env("PORTER_KEY", "first key")
            .run();
        assert_eq!(finished.code, Some(2), "{}", finished.told());
        let told = &finished.stderr;
        assert!(told.contains("unknown environment `stagign`"), "{told}");
        assert!(told.contains("did you mean `staging`?"), "{told}");
    }
    assert_eq!(here.requests_count(), 0);
}
