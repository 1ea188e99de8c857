//! Whatever sessions are made of (cookies, CSRF tokens, one-time passwords, minted tokens, users that are thrown away)
//! and however a run ends, nothing that it leaves behind holds a secret: neither what it wrote, nor its record, nor its
//! journal. The server of these tests repeats everything that it is sent.

use std::collections::BTreeSet;
use std::fs;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use testkit::binary::Invocation;
use testkit::{Answer, Finished, Project, Request, Server};

use crate::secrets::{echo, forms};
use crate::support::lockstep;
use crate::vault::{KEY, Keys};

const CLERK_PASSWORD: &str = "clerk's \"pass/word+é";
const CODER_PASSWORD: &str = "coder=pass&word";
const TOTP_SECRET: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

const SUITE: &str = r#"
version: 1
targets: { keep: { http: "${KEEP_URL}" } }
sessions:
  page:
    on: keep
    steps:
      - { GET: /login, capture: { page: { matches: 'value="([^"]+)"' } } }
      - { POST: /login, json: { page: "{{ actor.page }}", name: "{{ actor.name_there }}", password: "{{ actor.password }}" } }
    csrf: { cookie: XSRF, header: X-Xsrf }
    who: { on: keep, GET: /me, subject: $.id }
  code:
    on: keep
    POST: /code
    json: { name: "{{ actor.name_there }}", password: "{{ actor.password }}", code: "{{ totp }}" }
    token: $.token
    who: { on: keep, GET: /me, subject: $.id }
actors:
  keeper: { session: page, only: setup, name_there: keeper, password: "${CLERK_PASSWORD}" }
  clerk: { session: page, name_there: clerk, password: "${CLERK_PASSWORD}" }
  coder: { session: code, name_there: coder, password: "${CODER_PASSWORD}", totp_secret: "${TOTP_SECRET}" }
  expired: { like: coder, token: { expired: { mint: "${SIGNING_KEY}" } } }
  forged: { like: coder, token: { claims: { role: admin }, signature: kept } }
  thrown:
    session: page
    name_there: "{{ unique }}"
    password: "{{ unique }}/p=ä"
    create: { on: keep, as: keeper, POST: /users, json: { name: "{{ actor.name_there }}", password: "{{ actor.password }}" }, id: $.id, capture: { invite_key: $.invite } }
    remove: { as: keeper, DELETE: "/users/{{ actor.id }}" }
resources:
  note:
    on: keep
    owners: [clerk]
    create: { POST: /notes, json: { text: "{{ unique }}" }, id: $.id }
    remove: { DELETE: "/notes/{{ note.id }}" }
    views: { text: { GET: "/notes/{{ note.id }}", ignore: [$.told] } }
actions:
  note:
    read: { keep: { GET: "/notes/{{ note.id }}", answer: { json: { $.never: { matches: here } } } } }
    change: { keep: { PUT: "/notes/{{ note.id }}", json: { text: changed }, effect: { text: { $.text: changed } } } }
expect: |
  action                clerk  coder  expired  forged  thrown
  note.read of clerk    allow  403    401      401     403
  note.change of clerk  allow  allow  401      401     403
"#;

/// The server, and what it has handed out.
struct Keep {
    server: Server,
    issued: Arc<Mutex<BTreeSet<String>>>,
    /// Told when the first change comes, which is answered when this is dropped.
    changing: Receiver<()>,
    _let_go: Sender<()>,
}

fn keep(holds: bool) -> Keep {
    let issued = Arc::new(Mutex::new(BTreeSet::new()));
    let issuing = Arc::clone(&issued);
    let (seen, changing) = channel();
    let (let_go, held) = channel::<()>();
    let held = Mutex::new(holds.then_some((seen, held)));
    let server = Server::start(move |request: &Request| {
        if request.method == "PUT"
            && let Some((seen, held)) = held.lock().unwrap().take()
        {
            seen.send(()).unwrap();
            // Ends when the other side is gone.
            let _ = held.recv();
        }
        answer(request, &mut issuing.lock().unwrap())
    });
    Keep {
        server,
        issued,
        changing,
        _let_go: let_go,
    }
}

fn answer(request: &Request, issued: &mut BTreeSet<String>) -> Answer {
    let number = issued.len();
    let mut issue = |text: String| {
        issued.insert(text.clone());
        text
    };
    let body = request.json();
    let name = body["name"].as_str().unwrap_or_default().to_owned();
    let told = echo(request);
    let refused = || Answer::json(401, &json!({ "error": "no", "told": told }));
    let may_enter = |password: &str| body["password"] == password;
    match (request.method.as_str(), request.segments().as_slice()) {
        ("GET", ["login"]) => {
            let token = issue(format!("page/token+{number}"));
            let page = format!("<input name=\"page\" value=\"{token}\"> {told}");
            Answer::new(200, "text/html", page)
        }
        ("POST", ["login"]) if may_enter(CLERK_PASSWORD) || name.starts_with("lk") => {
            let cookie = issue(format!("cookie-{number}-of-{}", name.get(..2).unwrap()));
            let csrf = issue(format!("csrf-token-{number}="));
            Answer::json(200, &json!({ "told": told }))
                .header("set-cookie", &format!("sid={cookie}.{name}; Path=/"))
                .header("set-cookie", &format!("XSRF={csrf}; Path=/"))
        }
        ("POST", ["code"]) if may_enter(CODER_PASSWORD) => {
            let part = |json: &Value| URL_SAFE_NO_PAD.encode(json.to_string());
            let claims = json!({ "sub": name, "role": "user", "exp": 4_000_000_000_u32 });
            let input = format!("{}.{}", part(&json!({ "alg": "HS256" })), part(&claims));
            let token = issue(format!("{input}.{}", Keys::default().sign(&input)));
            Answer::json(200, &json!({ "token": token, "told": told }))
        }
        ("POST", ["login" | "code"]) => refused(),
        ("POST", ["users"]) => {
            let invite = issue(format!("invite-{number}-for-nobody"));
            Answer::json(201, &json!({ "id": name, "invite": invite, "told": told }))
        }
        ("GET", ["me"]) => match request.header("cookie") {
            Some(cookie) => {
                let sid = cookie.split("; ").find(|pair| pair.starts_with("sid="));
                let id = sid.and_then(|sid| sid.rsplit('.').next()).unwrap();
                Answer::json(200, &json!({ "id": id, "told": told }))
            }
            None => Answer::json(200, &json!({ "id": "coder", "told": told })),
        },
        ("POST", ["notes"]) => Answer::json(201, &json!({ "id": 1, "text": "a", "told": told })),
        ("DELETE", _) => Answer::empty(204),
        _ if request.header("authorization").is_some() => refused(),
        _ => Answer::json(200, &json!({ "text": "changed", "told": told })),
    }
}

/// Every secret that was sent or handed out.
fn secrets(keep: &Keep) -> BTreeSet<String> {
    let mut secrets = keep.issued.lock().unwrap().clone();
    let fixed = [CLERK_PASSWORD, CODER_PASSWORD, TOTP_SECRET, KEY];
    secrets.extend(fixed.map(str::to_owned));
    for request in keep.server.requests() {
        secrets.extend(request.authorization("bearer").map(str::to_owned));
        secrets.extend(request.header("x-xsrf").map(str::to_owned));
        let cookies = request.header("cookie").unwrap_or_default().split("; ");
        let values = cookies.filter_map(|pair| Some(pair.split_once('=')?.1.to_owned()));
        secrets.extend(values);
        let body = request.json();
        let password = body["password"].as_str();
        secrets.extend(password.map(str::to_owned));
    }
    secrets
}

fn command(keep: &Keep, project: &Project, arguments: &[&str], coder_password: &str) -> Invocation {
    lockstep(project.path(), arguments)
        .env("KEEP_URL", &keep.server.url())
        .env("CLERK_PASSWORD", CLERK_PASSWORD)
        .env("CODER_PASSWORD", coder_password)
        .env("TOTP_SECRET", TOTP_SECRET)
        .env("SIGNING_KEY", KEY)
}

/// Looks for secrets in everything that a run wrote; what it wrote.
fn assert_silent(keep: &Keep, project: &Project, finished: &Finished) -> String {
    let mut outputs = vec![
        ("standard output".to_owned(), finished.stdout.clone()),
        ("standard error".to_owned(), finished.stderr.clone()),
    ];
    for folder in [".lockstep", "reports"] {
        for file in project.files_under(folder) {
            let text = String::from_utf8_lossy(&fs::read(&file).unwrap()).into_owned();
            outputs.push((file.display().to_string(), text));
        }
    }
    for secret in secrets(keep) {
        for form in forms(&secret) {
            for (place, text) in &outputs {
                assert!(!text.contains(&form), "`{form}` in {place}: {text}");
            }
        }
    }
    outputs.into_iter().map(|(_, text)| text).collect()
}

const TEST: [&str; 8] = [
    "test",
    "--verbose",
    "--concurrency",
    "1",
    "--report",
    "json=reports/run.json",
    "--report",
    "md=reports/run.md",
];

fn project() -> Project {
    let project = Project::new([("lockstep.yaml", SUITE)]);
    fs::create_dir(project.path().join("reports")).unwrap();
    project
}

#[test]
fn a_run_tells_no_secret() {
    let keep = keep(false);
    let project = project();
    let finished = command(&keep, &project, &TEST, CODER_PASSWORD).run();
    let written = assert_silent(&keep, &project, &finished);
    assert_eq!(finished.code, Some(1), "{}", finished.told());
    assert!(written.matches("***").count() > 200, "it told a lot");
    // Tokens were minted and forged, and a user was thrown away.
    let bearers: BTreeSet<String> = keep.server.requests().iter().filter_map(bearer).collect();
    assert_eq!(bearers.len(), 4, "{bearers:?}");
    assert!(secrets(&keep).iter().any(|secret| secret.ends_with("/p=ä")));
}

fn bearer(request: &Request) -> Option<String> {
    request.authorization("bearer").map(str::to_owned)
}

#[test]
fn a_failed_login_tells_no_secret() {
    let keep = keep(false);
    let project = project();
    let finished = command(&keep, &project, &TEST, "wrong/password=").run();
    let written = assert_silent(&keep, &project, &finished);
    assert!(
        written.contains("coder/session.open"),
        "{}",
        finished.told()
    );
    let one = ["repeat", "coder/session.open"];
    let finished = command(&keep, &project, &one, "wrong/password=").run();
    assert_silent(&keep, &project, &finished);
    assert!(finished.stdout.contains("***"), "{}", finished.told());
}

/// Killed while a change is under way: what is in the record and in the journal then is all that there is.
#[test]
fn a_crash_tells_no_secret() {
    let keep = keep(true);
    let project = project();
    let running = command(&keep, &project, &TEST, CODER_PASSWORD)
        .limit(Duration::from_millis(1))
        .start();
    keep.changing.recv_timeout(Duration::from_secs(30)).unwrap();
    // It is beyond its limit, and is killed.
    let killed = running.finish();
    assert_eq!(killed.code, None);
    let journal = project.files_under(".lockstep/journal");
    assert_eq!(journal.len(), 1);
    let journal = fs::read_to_string(&journal[0]).unwrap();
    assert!(journal.contains(r#""user":"thrown""#), "{journal}");
    assert!(journal.contains(r#""resource":"note""#), "{journal}");
    assert_silent(&keep, &project, &killed);
    let cleanup = command(&keep, &project, &["cleanup"], CODER_PASSWORD).run();
    assert_eq!(cleanup.code, Some(0), "{}", cleanup.told());
    assert_silent(&keep, &project, &cleanup);
    let removed = keep.server.requests().into_iter();
    let removed = removed.filter(|request| request.target.starts_with("/users/lk"));
    assert_eq!(removed.count(), 1);
}
