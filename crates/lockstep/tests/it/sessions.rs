//! Sessions that die, change or are refused in the middle of a run.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use testkit::{Answer, Project, Request, Server};

use crate::support::{Names, Report, names, test};

/// How the office treats sessions.
#[derive(Debug, Clone, Copy, Default)]
struct Rules {
    /// After so many requests a token is forgotten.
    token_lives: Option<usize>,
    /// After so many requests in all, and again after as many more, all tokens and keys are revoked.
    revokes_every: Option<usize>,
    /// These people are refused at the login, though their password is right.
    refuses: &'static [&'static str],
    /// After so many requests in all, everybody is taken for the clerk.
    mixes_up_after: Option<usize>,
    /// After so many requests the guest's token is forgotten.
    guest_lives: Option<usize>,
    /// This person is taken for nobody where the query is this.
    denies_session_of: Option<(&'static str, &'static str)>,
}

#[derive(Default)]
struct State {
    /// Who has a token, and how often it was used.
    tokens: BTreeMap<String, (String, usize)>,
    revoked: BTreeSet<String>,
    papers: BTreeMap<usize, String>,
    logins: usize,
    made: usize,
    requests: usize,
}

/// An office in which the clerk owns papers, the guest may not read them, and for the stranger they do not exist.
struct Office {
    server: Server,
    state: Arc<Mutex<State>>,
}

impl Office {
    fn open(rules: Rules) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let answering = Arc::clone(&state);
        let server = Server::start(move |request| answering.lock().unwrap().answer(request, rules));
        Self { server, state }
    }

    fn logins(&self) -> usize {
        self.state.lock().unwrap().logins
    }

    fn papers(&self) -> usize {
        self.state.lock().unwrap().papers.len()
    }
}

impl State {
    fn answer(&mut self, request: &Request, rules: Rules) -> Answer {
        self.requests += 1;
        if rules
            .revokes_every
            .is_some_and(|every| self.requests.is_multiple_of(every))
        {
            self.revoked.extend(self.tokens.keys().cloned());
        }
        let body = request.json();
        let segments = request.segments();
        if segments == ["login"] {
            return self.log_in(&body, rules);
        }
        let Some(caller) = self.caller(request, rules) else {
            return Answer::json(401, &json!({ "error": "no session" }));
        };
        let is_denied = |(name, query): (&str, &str)| {
            caller == name && request.target.ends_with(&format!("?{query}"))
        };
        if rules.denies_session_of.is_some_and(is_denied) {
            return Answer::json(401, &json!({ "error": "no session" }));
        }
        let id = segments.get(1).and_then(|id| id.parse::<usize>().ok());
        let paper = id.and_then(|id| self.papers.get(&id).cloned());
        match (request.method.as_str(), segments[0], id, caller.as_str()) {
            ("GET", "me", ..) => Answer::json(200, &json!({ "id": caller })),
            ("POST", "papers", None, "clerk") => {
                self.made += 1;
                self.papers.insert(self.made, body["text"].to_string());
                Answer::json(201, &json!({ "id": self.made }))
            }
            (.., "stranger") => Answer::json(404, &json!({ "error": "not here" })),
            _ if paper.is_none() => Answer::json(404, &json!({ "error": "not here" })),
            (.., "guest") => Answer::json(403, &json!({ "error": "not yours" })),
            ("GET", _, Some(id), _) => Answer::json(200, &json!({ "id": id, "text": paper })),
            ("PUT", _, Some(id), _) => {
                self.papers.insert(id, body["text"].to_string());
                Answer::empty(204)
            }
            (_, _, Some(id), _) => {
                self.papers.remove(&id);
                Answer::empty(204)
            }
            _ => Answer::empty(405),
        }
    }

    fn log_in(&mut self, body: &Value, rules: Rules) -> Answer {
        let name = body["name"].as_str().unwrap_or_default();
        if rules.refuses.contains(&name) || body["password"] != format!("{name}-password") {
            return Answer::json(403, &json!({ "error": "not today" }));
        }
        self.logins += 1;
        let token = format!("token-{}-{name}", self.logins);
        self.tokens.insert(token.clone(), (name.to_owned(), 0));
        Answer::json(200, &json!({ "token": token }))
    }

    /// Tokens from a login, or keys that were there before.
    fn caller(&mut self, request: &Request, rules: Rules) -> Option<String> {
        let token = request.authorization("bearer")?;
        if self.revoked.contains(token) {
            return None;
        }
        let (name, uses) = match token.strip_suffix("-key") {
            Some(name) => self
                .tokens
                .entry(token.to_owned())
                .or_insert((name.to_owned(), 0)),
            None => self.tokens.get_mut(token)?,
        };
        *uses += 1;
        let lives = match name.as_str() {
            "guest" => rules.guest_lives.or(rules.token_lives),
            _ => rules.token_lives,
        };
        if lives.is_some_and(|lives| *uses > lives) {
            return None;
        }
        match rules.mixes_up_after {
            Some(after) if self.requests > after => Some("clerk".to_owned()),
            _ => Some(name.clone()),
        }
    }
}

const LOGIN: &str = r#"on: office, POST: /login, json: { name: "{{ actor.login }}", password: "{{ actor.password }}" }, token: $.token"#;
const WHO: &str = "who: { on: office, GET: /me, subject: $.id }";

/// A suite for the office; `session` is what stands in the braces of the session.
fn suite(session: &str) -> String {
    let actor = |name: &str| match session.contains("login") {
        true => format!(
            "{{ session: entry, login: {name}, password: \"${{{}_PASSWORD}}\" }}",
            name.to_uppercase()
        ),
        false => format!(
            "{{ session: entry, key: \"${{{}_KEY}}\" }}",
            name.to_uppercase()
        ),
    };
    format!(
        r#"
version: 1
targets: {{ office: {{ http: "${{OFFICE_URL}}" }} }}
sessions: {{ entry: {{ {session} }} }}
actors:
  visitor: {{}}
  clerk: {}
  guest: {}
  stranger: {}
resources:
  paper:
    on: office
    owners: [clerk]
    create: {{ POST: /papers, json: {{ text: "{{{{ unique }}}}" }}, id: $.id }}
    remove: {{ DELETE: "/papers/{{{{ paper.id }}}}" }}
    views: {{ text: {{ GET: "/papers/{{{{ paper.id }}}}" }} }}
actions:
  paper:
    read: {{ office: {{ GET: "/papers/{{{{ paper.id }}}}" }} }}
    change: {{ office: {{ PUT: "/papers/{{{{ paper.id }}}}", json: {{ text: "new {{{{ unique }}}}" }}, effect: {{ text: {{ $.text: {{ matches: new }} }} }} }} }}
    burn: {{ office: {{ DELETE: "/papers/{{{{ paper.id }}}}", effect: {{ text: gone }} }} }}
    copy: {{ office: {{ GET: "/papers/{{{{ paper.id }}}}?copy" }} }}
    cite: {{ office: {{ GET: "/papers/{{{{ paper.id }}}}?cite" }} }}
expect: |
  action                 visitor  clerk  guest  stranger
  paper.read of clerk    401      allow  403    404
  paper.change of clerk  401      allow  403    404
  paper.burn of clerk    401      allow  403    404
  paper.copy of clerk    401      allow  403    404
  paper.cite of clerk    401      allow  403    404
"#,
        actor("clerk"),
        actor("guest"),
        actor("stranger")
    )
}

fn try_office(office: &Office, suite: &str, arguments: &[&str]) -> Report {
    let project = Project::new([("lockstep.yaml", suite)]);
    let url = office.server.url();
    let variables = [
        ("OFFICE_URL", url.as_str()),
        ("CLERK_PASSWORD", "clerk-password"),
        ("GUEST_PASSWORD", "guest-password"),
        ("STRANGER_PASSWORD", "stranger-password"),
        ("CLERK_KEY", "clerk-key"),
        ("GUEST_KEY", "guest-key"),
        ("STRANGER_KEY", "stranger-key"),
    ];
    test(&project, &variables, arguments)
}

fn with_who() -> String {
    suite(&format!("{LOGIN}, {WHO}"))
}

fn openings() -> Names {
    names([
        "clerk/session.open",
        "guest/session.open",
        "stranger/session.open",
    ])
}

#[test]
fn the_office_holds() {
    for session in [
        LOGIN.to_owned(),
        format!("{LOGIN}, {WHO}"),
        "bearer: \"{{ actor.key }}\"".to_owned(),
        format!("bearer: \"{{{{ actor.key }}}}\", {WHO}"),
    ] {
        let office = Office::open(Rules::default());
        let report = try_office(&office, &suite(&session), &[]);
        assert_eq!(report.code, Some(0), "{session}: {}", report.told);
        assert_eq!(office.papers(), 0);
    }
}

/// Where sessions last for the six requests of a cell, everything holds.
#[test]
fn a_session_that_dies_is_opened_again() {
    for lives in [6, 7, 8, 9, 12] {
        let office = Office::open(Rules {
            token_lives: Some(lives),
            ..Rules::default()
        });
        let report = try_office(&office, &with_who(), &["--concurrency", "1"]);
        assert_eq!(report.code, Some(0), "{lives}: {}", report.told);
        assert!(office.logins() > 3, "{lives}: {}", office.logins());
        assert_eq!(office.papers(), 0, "{lives}");
    }
}

/// Several cells use up one session together, so that one may find it dead more than once.
#[test]
fn a_session_that_dies_under_many_is_no_finding() {
    for lives in [3, 5, 8, 13] {
        let office = Office::open(Rules {
            token_lives: Some(lives),
            ..Rules::default()
        });
        let report = try_office(&office, &with_who(), &[]);
        assert_eq!(
            report.findings(),
            BTreeMap::new(),
            "{lives}: {}",
            report.told
        );
        assert!(office.logins() > 3, "{lives}: {}", office.logins());
    }
}

/// Without `who` nobody can be asked whether a session is dead: it is opened again, and tried once more.
#[test]
fn a_session_that_dies_is_opened_again_though_it_cannot_be_asked() {
    for lives in [6, 7, 8, 12] {
        let office = Office::open(Rules {
            token_lives: Some(lives),
            ..Rules::default()
        });
        let report = try_office(&office, &suite(LOGIN), &["--concurrency", "1"]);
        assert_eq!(report.code, Some(0), "{lives}: {}", report.told);
        assert!(office.logins() > 3, "{lives}: {}", office.logins());
    }
}

/// All of them at once, again and again: sessions are opened again, and what cannot be is inconclusive.
#[test]
fn tokens_that_are_revoked_every_fifty_requests_make_no_finding() {
    let rules = Rules {
        revokes_every: Some(50),
        ..Rules::default()
    };
    for arguments in [&["--concurrency", "1"][..], &[]] {
        let office = Office::open(rules);
        let report = try_office(&office, &with_who(), arguments);
        assert_eq!(report.findings(), BTreeMap::new(), "{}", report.told);
        let unsure = report.with("inconclusive");
        let code = if unsure.is_empty() { 0 } else { 3 };
        assert_eq!(report.code, Some(code), "{}", report.told);
        assert!(office.logins() > 3, "{}", office.logins());
    }
    let office = Office::open(rules);
    let report = try_office(&office, &suite("bearer: \"{{ actor.key }}\""), &[]);
    assert_eq!(report.findings(), BTreeMap::new(), "{}", report.told);
    assert_eq!(report.code, Some(3), "{}", report.told);
}

#[test]
fn a_fixed_credential_that_dies_is_inconclusive() {
    let office = Office::open(Rules {
        token_lives: Some(9),
        ..Rules::default()
    });
    let session = format!("bearer: \"{{{{ actor.key }}}}\", {WHO}");
    let report = try_office(&office, &suite(&session), &["--concurrency", "1"]);
    assert_eq!(report.findings(), BTreeMap::new(), "{}", report.told);
    assert_eq!(report.code, Some(3));
    let unsure = report.with("inconclusive");
    let says_why = |cell: &String| report.words(cell).contains("session");
    assert!(unsure.iter().any(says_why), "{}", report.told);
    // What was seen while it lived is not lost.
    assert_eq!(report.verdict("clerk/paper.read/clerk"), "held");
}

/// Where nobody can be asked either, what worked before is tried once more: it died, and nobody was locked out.
#[test]
fn a_fixed_credential_that_dies_unasked_is_inconclusive() {
    let mut reasons = String::new();
    for lives in 7..13 {
        let office = Office::open(Rules {
            token_lives: Some(lives),
            ..Rules::default()
        });
        let suite = suite("bearer: \"{{ actor.key }}\"");
        let report = try_office(&office, &suite, &["--concurrency", "1"]);
        let told = &report.told;
        assert_eq!(report.findings(), BTreeMap::new(), "{lives}: {told}");
        assert_eq!(report.code, Some(3), "{lives}: {told}");
        assert_eq!(report.verdict("clerk/paper.read/clerk"), "held");
        let unsure = report.with("inconclusive");
        reasons.extend(unsure.iter().map(|cell| report.words(cell)));
    }
    assert!(reasons.contains("it can do no more"), "{reasons}");
}

/// Whoever could do nothing was known before, and is no more.
#[test]
fn a_fixed_credential_that_could_do_nothing_and_dies_is_inconclusive() {
    let office = Office::open(Rules {
        guest_lives: Some(2),
        ..Rules::default()
    });
    let suite = suite("bearer: \"{{ actor.key }}\"");
    let report = try_office(&office, &suite, &["--concurrency", "1"]);
    assert_eq!(report.findings(), BTreeMap::new(), "{}", report.told);
    assert_eq!(report.code, Some(3), "{}", report.told);
    for cell in report.with("inconclusive") {
        assert!(cell.starts_with("guest/"), "{cell}");
        let words = report.words(&cell);
        assert!(
            words.contains("was known before, and is no more"),
            "{words}"
        );
    }
}

/// One call that is refused as without a session, while the credential goes on working, is a finding as before.
#[test]
fn a_credential_that_lives_and_is_refused_once_is_a_finding() {
    for (allowed, session) in [(true, "clerk"), (false, "guest")] {
        let office = Office::open(Rules {
            denies_session_of: Some((session, "cite")),
            ..Rules::default()
        });
        let report = try_office(&office, &suite("bearer: \"{{ actor.key }}\""), &[]);
        let verdict = if allowed { "lockout" } else { "wrong-denial" };
        let cell = format!("{session}/paper.cite/clerk");
        assert_eq!(report.verdict(&cell), verdict, "{}", report.told);
    }
}

#[test]
fn two_actors_with_one_identity_are_named() {
    let office = Office::open(Rules::default());
    // Somebody copied a line.
    let suite = with_who().replace(
        "login: stranger, password: \"${STRANGER_PASSWORD}\"",
        "login: guest, password: \"${GUEST_PASSWORD}\"",
    );
    let report = try_office(&office, &suite, &[]);
    assert_ne!(report.code, Some(0));
    for (actor, twin) in [("guest", "stranger"), ("stranger", "guest")] {
        let cell = format!("{actor}/session.open");
        assert_eq!(report.verdict(&cell), "inconclusive", "{}", report.told);
        assert!(
            report
                .words(&cell)
                .contains(&format!("same user as `{twin}`"))
        );
    }
    assert_eq!(report.verdict("clerk/session.open"), "held");
    assert!(
        report.told.contains("same user as `stranger`"),
        "{}",
        report.told
    );
}

#[test]
fn an_identity_that_changes_in_mid_run_is_noticed() {
    // All at the end: the last of the requests are those that ask again who it is.
    let office = Office::open(Rules::default());
    try_office(&office, &with_who(), &["--concurrency", "1"]);
    let all = office.server.requests_count();
    let office = Office::open(Rules {
        mixes_up_after: Some(all - 3),
        ..Rules::default()
    });
    let report = try_office(&office, &with_who(), &["--concurrency", "1"]);
    let changed = names(["guest/session.open", "stranger/session.open"]);
    assert_eq!(report.with("inconclusive"), changed, "{}", report.told);
    assert_eq!(report.code, Some(3));
    for cell in changed {
        assert!(
            report.words(&cell).contains("somebody else's"),
            "{}",
            report.words(&cell)
        );
    }
}

#[test]
fn one_who_is_refused_is_locked_out_and_all_who_are_refused_are_not() {
    let office = Office::open(Rules {
        refuses: &["guest"],
        ..Rules::default()
    });
    let report = try_office(&office, &with_who(), &[]);
    let lockout = BTreeMap::from([("guest/session.open".to_owned(), "lockout".to_owned())]);
    assert_eq!(report.findings(), lockout, "{}", report.told);
    assert_eq!(report.code, Some(1));
    let of_guest = report
        .matching(|cell| cell.json["actor"] == "guest" && cell.json["action"] != "session.open");
    assert_eq!(report.with("inconclusive"), of_guest);

    let office = Office::open(Rules {
        refuses: &["clerk", "guest", "stranger"],
        ..Rules::default()
    });
    let report = try_office(&office, &with_who(), &[]);
    assert_eq!(report.code, Some(3), "{}", report.told);
    assert_eq!(report.with("held"), Names::new());
}

/// A login is tried once for each actor: a target that locks an account after some tries must not be helped to it.
#[test]
fn a_refused_login_is_not_tried_again_and_again() {
    let office = Office::open(Rules {
        refuses: &["guest"],
        ..Rules::default()
    });
    try_office(&office, &with_who(), &[]);
    let requests = office.server.requests();
    let tries = requests
        .iter()
        .filter(|request| request.path() == "/login" && request.json()["name"] == "guest");
    assert_eq!(tries.count(), 1);
}

#[test]
fn a_wrong_place_in_who_or_in_the_login_is_said() {
    let office = Office::open(Rules::default());
    let wrong_who = suite(&format!("{LOGIN}, {}", WHO.replace("$.id", "$.user.id")));
    let report = try_office(&office, &wrong_who, &[]);
    assert_eq!(report.code, Some(3), "{}", report.told);
    assert_eq!(report.with("held"), Names::new());
    for cell in openings() {
        assert!(
            report.words(&cell).contains("$.user.id"),
            "{}",
            report.words(&cell)
        );
    }
    let wrong_token = suite(&format!(
        "{}, {WHO}",
        LOGIN.replace("$.token", "$.access_token")
    ));
    let report = try_office(&office, &wrong_token, &[]);
    assert_eq!(report.code, Some(3), "{}", report.told);
    for cell in openings() {
        assert!(
            report
                .words(&cell)
                .contains("without a token at `$.access_token`"),
            "{}",
            report.words(&cell)
        );
    }
}

#[test]
fn a_wrong_password_for_all_is_no_lockout() {
    let office = Office::open(Rules::default());
    let project = Project::new([("lockstep.yaml", with_who().as_str())]);
    let url = office.server.url();
    let variables = [
        ("OFFICE_URL", url.as_str()),
        ("CLERK_PASSWORD", "wrong"),
        ("GUEST_PASSWORD", "wrong"),
        ("STRANGER_PASSWORD", "wrong"),
    ];
    let report = test(&project, &variables, &[]);
    assert_eq!(report.code, Some(3), "{}", report.told);
}
