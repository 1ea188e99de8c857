//! Tokens that live for a short while: refreshed where that works; where a refresh gives something that is worth
//! nothing, the run goes on with a new login, and says so.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::json;
use testkit::{Answer, Project, Request, Server};

use crate::support::{Names, Report, test};

/// What the booth does with its tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Booth {
    /// They work for so many requests.
    Uses(usize),
    /// The first expires in a second, by the clock; the one that it is refreshed to works.
    Expires,
    /// A refresh gives a token that does not work.
    DeadRefresh,
    /// A refresh gives no token at all.
    NoToken,
    /// A refresh gives the token of somebody else.
    SomebodyElses,
    /// A refresh is refused.
    Refuses,
}

/// After how many requests a token dies, unless it is said.
const USES: usize = 4;

#[derive(Default)]
struct State {
    made: usize,
    tokens: BTreeMap<String, (String, usize)>,
    refreshes: usize,
    logins: usize,
}

impl State {
    fn answer(&mut self, request: &Request, booth: Booth) -> Answer {
        self.made += 1;
        let body = request.json();
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        match request.segments().as_slice() {
            ["login"] if text("password") == format!("{}-password", text("name")) => {
                self.logins += 1;
                let seconds = if booth == Booth::Expires { 1 } else { 600 };
                self.hand_out(&text("name"), seconds)
            }
            ["refresh"] => {
                let name = text("refresh_token").replace("refresh-of-", "");
                self.refreshes += 1;
                match booth {
                    Booth::Refuses => Answer::json(401, &json!({ "error": "no" })),
                    Booth::NoToken => Answer::json(200, &json!({ "status": "ok" })),
                    Booth::SomebodyElses => self.hand_out("other", 600),
                    Booth::DeadRefresh => {
                        let answer = self.hand_out(&name, 600);
                        self.tokens.remove(&format!("token-{}", self.made));
                        answer
                    }
                    _ => self.hand_out(&name, 600),
                }
            }
            segments => match (self.caller(request, booth), segments) {
                (None, _) => Answer::json(401, &json!({ "error": "no session" })),
                (Some(name), ["me"]) => Answer::json(200, &json!({ "id": name })),
                _ => Answer::json(200, &json!({ "status": "ok" })),
            },
        }
    }

    fn hand_out(&mut self, name: &str, seconds: u32) -> Answer {
        let token = format!("token-{}", self.made);
        self.tokens.insert(token.clone(), (name.to_owned(), 0));
        let refresh = format!("refresh-of-{name}");
        let body = json!({ "token": token, "refresh_token": refresh, "expires_in": seconds });
        Answer::json(200, &body)
    }

    fn caller(&mut self, request: &Request, booth: Booth) -> Option<String> {
        let (name, uses) = self.tokens.get_mut(request.authorization("bearer")?)?;
        *uses += 1;
        let is_spent = match booth {
            Booth::Uses(most) => *uses > most,
            Booth::Expires => false,
            _ => *uses > USES,
        };
        (!is_spent).then(|| name.clone())
    }
}

const WHO: &str = "who: { on: booth, GET: /me, subject: $.id }";

fn suite(who: &str) -> String {
    let actions: String = (0..8)
        .map(|number| format!("    a{number}: {{ booth: {{ GET: /a{number} }} }}\n"))
        .collect();
    let rows: String = (0..8)
        .map(|number| format!("  gate.a{number}  allow  401\n"))
        .collect();
    format!(
        r#"
version: 1
targets: {{ booth: {{ http: "${{BOOTH_URL}}" }} }}
sessions:
  short:
    on: booth
    POST: /login
    json: {{ name: "{{{{ actor.login }}}}", password: "{{{{ actor.password }}}}" }}
    token: $.token
    capture: {{ refresh_token: $.refresh_token, expires_in: $.expires_in }}
    refresh: {{ POST: /refresh, json: {{ refresh_token: "{{{{ actor.refresh_token }}}}" }}, token: $.token, capture: {{ expires_in: $.expires_in }} }}
    {who}
actors:
  clerk: {{ session: short, login: clerk, password: "${{CLERK_PASSWORD}}" }}
  visitor: {{}}
actions:
  gate:
{actions}
expect: |
  action   clerk  visitor
{rows}"#
    )
}

fn run(booth: Booth, who: &str) -> (Report, usize, usize) {
    let state = Arc::new(Mutex::new(State::default()));
    let answering = Arc::clone(&state);
    let server = Server::start(move |request| answering.lock().unwrap().answer(request, booth));
    let project = Project::new([("lockstep.yaml", suite(who).as_str())]);
    let url = server.url();
    let variables = [
        ("BOOTH_URL", url.as_str()),
        ("CLERK_PASSWORD", "clerk-password"),
    ];
    let report = test(&project, &variables, &["--concurrency", "1"]);
    let state = state.lock().unwrap();
    (report, state.refreshes, state.logins)
}

#[test]
fn a_token_that_dies_is_refreshed() {
    for (booth, who) in [
        (Booth::Uses(USES), WHO),
        (Booth::Uses(2), ""),
        (Booth::Uses(9), ""),
        (Booth::Expires, WHO),
        (Booth::Expires, ""),
    ] {
        let (report, refreshes, logins) = run(booth, who);
        assert_eq!(report.code, Some(0), "{booth:?}: {}", report.told);
        assert!(refreshes >= 1 || booth == Booth::Uses(9), "{booth:?}");
        assert_eq!(logins, 1, "{booth:?}: nobody logged in again");
    }
}

/// A refresh that comes too late is refused, which is no fault: the actor logs in again.
#[test]
fn a_refresh_that_is_refused_leads_to_a_login() {
    for who in [WHO, ""] {
        let (report, refreshes, logins) = run(Booth::Refuses, who);
        assert_eq!(report.code, Some(0), "{}", report.told);
        assert!(refreshes >= 1 && logins > 1, "{refreshes} {logins}");
    }
}

#[test]
fn a_refresh_that_is_worth_nothing_is_never_green() {
    for (booth, who, reason) in [
        (Booth::DeadRefresh, WHO, "answered 401"),
        (Booth::DeadRefresh, "", "never worked"),
        (Booth::NoToken, WHO, "was answered 200, with nothing at"),
        (Booth::NoToken, "", "was answered 200, with nothing at"),
        (Booth::SomebodyElses, WHO, "somebody else's"),
    ] {
        let (report, _, logins) = run(booth, who);
        let told = &report.told;
        assert_eq!(report.code, Some(3), "{booth:?} {who}: {told}");
        let opening: Names = ["clerk/session.open".to_owned()].into();
        assert_eq!(
            report.with("inconclusive"),
            opening,
            "{booth:?} {who}: {told}"
        );
        let words = report.words("clerk/session.open");
        assert!(words.contains(reason), "{booth:?} {who}: {words}");
        assert!(
            words.contains("refreshed in vain"),
            "{booth:?} {who}: {words}"
        );
        assert!(logins > 1, "{booth:?}: it logged in again");
    }
}
