//! A proxy that spoils answers must never let a run pass, nor any cell whose answer it spoiled.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use testkit::proxy::Passage;
use testkit::{Answer, Project, Proxy, Request, Treatment};

use crate::support::{Names, Report, Sample, lockstep, names, root};

/// Tests the correct sample system through a proxy before each of its services.
fn through<F>(arguments: &[&str], treat: F) -> (Report, Vec<Passage>)
where
    F: Fn(&Request, &dyn Fn() -> Answer) -> Treatment + Clone + Send + Sync + 'static,
{
    let sample = Sample::start(&[]);
    let accounts = Proxy::start(&sample.accounts_url(), treat.clone());
    let posts = Proxy::start(&sample.posts_url(), treat);
    let project = project();
    let mut all = vec!["test", "--report", "json=-"];
    all.extend(arguments);
    let finished = lockstep(project.path(), &all)
        .envs(sample.variables())
        .envs([("ACCOUNTS_URL", accounts.url()), ("POSTS_URL", posts.url())])
        .run();
    let report = Report::of(&finished);
    let mut passages = accounts.passages();
    passages.extend(posts.passages());
    (report, passages)
}

/// The sample system's suite without the actor whose token, before it expires, may be the editor's to the letter: by what
/// passes, the two could not be told apart.
fn project() -> Project {
    let read = |name: &str| fs::read_to_string(root().join("suites/demo").join(name)).unwrap();
    let suite = read("lockstep.yaml");
    let lines: Vec<&str> = suite
        .lines()
        .filter(|line| !line.starts_with("  expired:"))
        .collect();
    let others = [
        "policy/policy.yaml",
        "openapi/accounts.json",
        "openapi/posts.json",
    ];
    let mut files = vec![("lockstep.yaml", lines.join("\n"))];
    files.extend(others.map(|name| (name, read(name))));
    Project::new(files.iter().map(|(name, text)| (*name, text.as_str())))
}

/// Denials that the sample system does not say with a 403: it says yes, and does nothing.
fn said_without_403() -> Names {
    names([
        "admin/draft.update/editor",
        "deputy/draft.update/editor",
        "viewer/draft.update/editor",
        "admin/profile.update/editor",
        "deputy/profile.update/editor",
        "viewer/profile.update/editor",
        "viewer/post.publish/editor",
    ])
}

#[test]
fn a_proxy_that_changes_nothing_changes_nothing() {
    let (report, passages) = through(&[], |_, system| Treatment::Pass(system()));
    assert_eq!(report.code, Some(0), "{}", report.told);
    assert_eq!(u64::try_from(passages.len()), Ok(report.requests()));
    // The tests below rest on this: most probes can be recognised by what passes.
    let recognised: Names = probes(&passages)
        .into_iter()
        .map(|(cell, _)| cell)
        .collect();
    let unknown: Names = recognised
        .iter()
        .filter(|cell| !report.cells.contains_key(*cell))
        .cloned()
        .collect();
    assert_eq!(unknown, Names::new());
    assert!(
        recognised.len() > 90,
        "{}: {recognised:?}",
        recognised.len()
    );
}

#[test]
fn every_403_turned_into_500() {
    let (report, passages) = through(&[], |_, system| match system() {
        answer if answer.status == 403 => Treatment::Change(Answer::empty(500)),
        answer => Treatment::Pass(answer),
    });
    let forbidden = report.matching(|cell| cell.expected == "forbidden");
    let spoiled: Names = forbidden.difference(&said_without_403()).cloned().collect();
    assert!(spoiled.len() > 15, "{spoiled:?}");
    // Those and no others, and none is taken for a finding.
    assert_eq!(report.with("inconclusive"), spoiled);
    assert_eq!(report.code, Some(3));
    assert_none_held(&report, &passages);
}

#[test]
fn a_403_to_everything() {
    let (report, _) = through(&[], |_, _| Treatment::Change(Answer::empty(403)));
    assert_eq!(report.with("held"), Names::new());
    // Who may without a session is locked out; of all others nothing can be said.
    let expected = [
        "anonymous/health.read/accounts",
        "anonymous/health.read/posts",
    ];
    let expected = expected.map(|cell| (cell.to_owned(), "lockout".to_owned()));
    assert_eq!(report.findings(), BTreeMap::from(expected));
}

/// Only what is asked with a session: the logins still work, so that every probe is sent.
#[test]
fn a_403_to_everything_with_a_session() {
    let (report, passages) = through(&[], |request, system| match system() {
        answer if answer.status == 403 => Treatment::Pass(answer),
        _ if token(request).is_some() && request.path() != "/me" => {
            Treatment::Change(Answer::empty(403))
        }
        answer => Treatment::Pass(answer),
    });
    assert_eq!(report.code, Some(1));
    assert_none_held(&report, &passages);
    let held = report.with("held");
    let with_session = held.iter().filter(|cell| !cell.starts_with("anonymous/"));
    let with_session: Vec<_> = with_session
        .filter(|cell| !cell.ends_with("session.open"))
        .collect();
    assert_eq!(with_session, Vec::<&String>::new());
}

#[test]
fn a_200_with_an_empty_body_to_everything() {
    let (report, _) = through(&[], |_, _| Treatment::Change(Answer::empty(200)));
    assert_eq!(report.with("held"), Names::new(), "{}", report.told);
    assert_ne!(report.code, Some(0));
}

/// Only what is asked with a session, and not by those who look: every probe that says no is turned into a yes.
#[test]
fn a_200_with_an_empty_body_to_every_denial() {
    let (report, passages) = through(&[], |_, system| match system() {
        answer if matches!(answer.status, 401 | 403 | 404) => Treatment::Change(Answer::empty(200)),
        answer => Treatment::Pass(answer),
    });
    assert_ne!(report.code, Some(0));
    let (passed, changed): (Vec<_>, Vec<_>) = probes(&passages)
        .into_iter()
        .partition(|(_, is_changed)| !is_changed);
    assert!(!passed.is_empty() && changed.len() > 50);
    // What reads was let in, as far as anybody can see. What changes says yes and does nothing: the views prove it.
    let proven = report.matching(|cell| cell.verdict == "held" && cell.expected != "allow");
    for cell in proven
        .iter()
        .filter(|cell| changed.iter().any(|(it, _)| it == *cell))
    {
        let seen = &report.cells[cell].json["effect_seen"];
        assert_eq!(seen, true, "{cell} is held by its answer alone");
    }
    for (cell, _) in changed {
        let reads = [".read", ".list"]
            .iter()
            .any(|action| cell.contains(action));
        assert!(!reads || report.verdict(&cell) != "held", "{cell}");
    }
}

/// Where the dropped third begins moves with `shift`, so that between them each request is dropped.
#[test]
fn one_request_in_three_is_dropped() {
    for shift in 0..3 {
        let counter = std::sync::Arc::new(AtomicUsize::new(shift));
        let (report, passages) = through(&[], move |_, system| {
            // The system has done what it was asked; only its answer is lost.
            let answer = system();
            match counter.fetch_add(1, Ordering::SeqCst) % 3 {
                0 => Treatment::Cut,
                _ => Treatment::Pass(answer),
            }
        });
        assert_ne!(report.code, Some(0));
        assert_eq!(report.findings(), BTreeMap::new(), "{}", report.told);
        assert_none_held(&report, &passages);
    }
}

#[test]
fn a_slow_system_is_waited_for() {
    let (report, _) = through(&[], |_, system| {
        std::thread::sleep(Duration::from_millis(15));
        Treatment::Pass(system())
    });
    assert_eq!(report.code, Some(0), "{}", report.told);
}

#[test]
fn a_system_that_asks_for_patience_gets_it() {
    let seen = std::sync::Arc::new(Mutex::new(BTreeSet::new()));
    let refused = std::sync::Arc::new(AtomicUsize::new(0));
    let count = std::sync::Arc::clone(&refused);
    let (report, _) = through(&[], move |request, system| {
        let key = (
            request.line(),
            request.text(),
            request.header("authorization").map(str::to_owned),
        );
        let mut seen = seen.lock().unwrap();
        if seen.insert(key) && seen.len() % 3 == 0 {
            count.fetch_add(1, Ordering::SeqCst);
            return Treatment::Change(Answer::empty(429).header("retry-after", "0"));
        }
        drop(seen);
        Treatment::Pass(system())
    });
    assert_eq!(report.code, Some(0), "{}", report.told);
    assert!(refused.load(Ordering::SeqCst) > 100);
}

/// Within bounds: a system that never has time is not waited for for ever.
#[test]
fn a_system_that_never_has_time_is_inconclusive() {
    let (report, passages) = through(&[], |request, system| match request.path() {
        "/login" | "/session" | "/me" => Treatment::Pass(system()),
        _ => Treatment::Change(Answer::empty(429).header("retry-after", "0")),
    });
    assert_eq!(report.code, Some(3), "{}", report.told);
    let mut opened = report.matching(|cell| cell.json["action"] == "session.open");
    assert!(opened.remove("leaver/session.open"), "a user who is made");
    assert_eq!(report.with("held"), opened);
    assert!(passages.len() < 10 * report.cells.len());
}

/// No cell is held of which a probe is known to have got another answer than the system's.
fn assert_none_held(report: &Report, passages: &[Passage]) {
    let changed: Names = probes(passages)
        .into_iter()
        .filter(|(_, is_changed)| *is_changed)
        .map(|(cell, _)| cell)
        .collect();
    assert!(changed.len() > 10, "too few are known: {changed:?}");
    let held: Names = report
        .with("held")
        .intersection(&changed)
        .cloned()
        .collect();
    assert_eq!(held, Names::new(), "{}", report.told);
}

/// The cells of the probes among what passed, and whether their answers were changed; only where a request can be
/// nothing but a probe: what an owner sees, or root does, may be a view or make a fixture.
fn probes(passages: &[Passage]) -> Vec<(String, bool)> {
    let handed_out = handed_out(passages);
    let owners = owners(passages, &handed_out);
    let cell = |passage: &Passage| {
        let request = &passage.request;
        let actor = caller(request, &handed_out)?;
        let segments = request.segments();
        let (action, owner) = match (request.method.as_str(), segments.as_slice()) {
            ("GET", ["posts"]) => ("post.list", None),
            ("POST", ["posts"]) => ("post.create", None),
            ("POST", ["drafts"]) => ("draft.create", None),
            ("GET", ["users"]) => ("user.list", None),
            ("POST", ["users"]) => ("user.create", None),
            ("GET", ["debug", "config"]) => ("debug.open", None),
            ("GET", ["posts", id]) => ("post.read", Some(id)),
            ("PUT", ["posts", id]) => ("post.update", Some(id)),
            ("PATCH", ["posts", id]) => ("post.give-away", Some(id)),
            ("POST", ["posts", id, "publish"]) => ("post.publish", Some(id)),
            ("DELETE", ["posts", id]) => ("post.delete", Some(id)),
            ("GET", ["drafts", id]) => ("draft.read", Some(id)),
            ("PUT", ["drafts", id]) => ("draft.update", Some(id)),
            ("DELETE", ["drafts", id]) => ("draft.delete", Some(id)),
            ("GET", ["users", id]) => ("user.read", Some(id)),
            ("GET", ["users", id, "bio"]) => ("profile.read", Some(id)),
            ("PUT", ["users", id, "bio"]) => ("profile.update", Some(id)),
            _ => return None,
        };
        let Some(id) = owner else {
            // Owners make fixtures by the same call.
            let makes_fixtures =
                ["editor", "outsider"].contains(&actor) && request.method == "POST";
            return (actor != "root" && !makes_fixtures).then(|| format!("{actor}/{action}"));
        };
        let owner = owners.get(*id)?.as_str();
        let is_view = actor == owner && request.method == "GET";
        let is_malformed = !request.text().is_empty() && request.json().is_null();
        let body = if is_malformed { "/body=malformed" } else { "" };
        (actor != "root" && !is_view).then(|| format!("{actor}/{action}/{owner}{body}"))
    };
    passages
        .iter()
        .filter_map(|passage| Some((cell(passage)?, passage.is_changed)))
        .collect()
}

/// Who owns what, by id: those who made it, the editor of the users that root made, and everybody of themselves.
fn owners(passages: &[Passage], handed_out: &Names) -> BTreeMap<String, String> {
    let mut owners = BTreeMap::from([
        ("vera".to_owned(), "editor".to_owned()),
        ("oscar".to_owned(), "outsider".to_owned()),
    ]);
    for passage in passages.iter().filter(|it| it.request.method == "POST") {
        let made = passage.answer.as_ref().map(Answer::body_json);
        let id = made.as_ref().and_then(|made| made["id"].as_str());
        let actor = caller(&passage.request, handed_out);
        if let (Some(id), Some(actor)) = (id, actor) {
            let owner = if actor == "root" { "editor" } else { actor };
            owners.insert(id.to_owned(), owner.to_owned());
        }
    }
    owners
}

/// The tokens that logins answered. Any other is spoilt, or is minted to be.
fn handed_out(passages: &[Passage]) -> Names {
    let answers = passages.iter().filter_map(|it| it.answer.as_ref());
    let token = |answer: &Answer| {
        let in_body = answer.body_json()["access_token"]
            .as_str()
            .map(str::to_owned);
        let mut headers = answer.headers.iter();
        let set =
            headers.find(|(name, value)| name == "set-cookie" && value.starts_with("session="));
        in_body.or_else(|| in_cookie(set?.1.split(';').next()?))
    };
    answers.filter_map(token).collect()
}

/// The token that comes with a request.
fn token(request: &Request) -> Option<String> {
    let bearer = request.authorization("bearer").map(str::to_owned);
    bearer.or_else(|| in_cookie(request.header("cookie")?))
}

fn in_cookie(text: &str) -> Option<String> {
    let mut pairs = text.split("; ");
    let token = pairs.find_map(|pair| pair.strip_prefix("session="))?;
    Some(token.to_owned())
}

/// The actor of a request, by the claims of its token.
fn caller(request: &Request, handed_out: &Names) -> Option<&'static str> {
    let Some(token) = token(request) else {
        return Some("anonymous");
    };
    if !handed_out.contains(&token) {
        return None;
    }
    let from_a_browser = request.header("cookie").is_some() && request.method != "GET";
    if from_a_browser && request.header("x-csrf-token").is_none() {
        return Some("lured");
    }
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&claims).ok()?;
    let people = [
        ("root", "root"),
        ("ada", "admin"),
        ("vera", "editor"),
        ("dan", "deputy"),
        ("vic", "viewer"),
        ("oscar", "outsider"),
    ];
    let actor = people.iter().find(|(subject, _)| claims["sub"] == *subject);
    actor.map(|(_, actor)| *actor)
}
