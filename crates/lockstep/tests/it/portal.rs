//! A server with every way to get in that can be wrong in exactly one point.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use serde_json::json;
use testkit::{Answer, Request, Server};

/// A point in which the portal is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// Not at all.
    Nowhere,
    /// Calls without the CSRF token are taken.
    Csrf,
    /// The tenant in the host does not matter.
    Host,
    /// Half a login is a whole one.
    SecondFactor,
    /// A refresh gives the token of somebody else.
    Refresh,
    /// A cookie that was never handed out is taken.
    Cookie,
}

#[derive(Default)]
pub(crate) struct State {
    made: usize,
    /// Who has a cookie or a token, and how often it was used.
    sessions: BTreeMap<String, (String, usize)>,
    refresh_tokens: BTreeMap<String, String>,
    tickets: BTreeMap<String, String>,
    forms: Vec<String>,
    /// Texts with the tenants that they belong to.
    papers: BTreeMap<String, (String, String)>,
    pub(crate) refreshes: usize,
    pub(crate) logins: usize,
}

/// The portal, running.
pub(crate) struct Portal {
    pub(crate) server: Server,
    pub(crate) state: Arc<Mutex<State>>,
}

/// How often an access token works.
const TOKEN_USES_MAX: usize = 2;

impl Portal {
    pub(crate) fn open(wrong: Wrong) -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let answering = Arc::clone(&state);
        let server = Server::start(move |request| answering.lock().unwrap().answer(request, wrong));
        Self { server, state }
    }
}

impl State {
    fn answer(&mut self, request: &Request, wrong: Wrong) -> Answer {
        self.made += 1;
        let number = self.made;
        let body = request.json();
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        let refused = || Answer::json(401, &json!({ "error": "no" }));
        match (request.method.as_str(), request.segments().as_slice()) {
            ("GET", ["login"]) => {
                let token = format!("form-token-{number}");
                self.forms.push(token.clone());
                let page = format!("<form><input name=\"csrf\" value=\"{token}\"></form>");
                Answer::new(200, "text/html", page)
            }
            ("POST", ["login"]) => self.form_login(request, number),
            ("POST", ["token"]) if text("password") == format!("{}-password", text("name")) => {
                self.logins += 1;
                self.hand_out(&text("name"), number)
            }
            ("POST", ["refresh"]) => match self.refresh_tokens.remove(&text("refresh_token")) {
                Some(_) if wrong == Wrong::Refresh => self.hand_out("clerk", number),
                Some(name) => {
                    self.refreshes += 1;
                    self.hand_out(&name, number)
                }
                None => refused(),
            },
            ("POST", ["first"]) if text("password") == format!("{}-password", text("name")) => {
                let ticket = format!("ticket-{number}-ticket");
                self.tickets.insert(ticket.clone(), text("name"));
                Answer::empty(202).header("x-ticket", &ticket)
            }
            ("POST", ["second"]) => {
                let code = text("code");
                let is_code = code.len() == 6 && code.chars().all(|c| c.is_ascii_digit());
                match self.tickets.get(&text("ticket")).filter(|_| is_code) {
                    Some(name) => {
                        let token = format!("full-token-{number}");
                        self.sessions.insert(token.clone(), (name.clone(), 0));
                        Answer::json(200, &json!({ "token": token }))
                    }
                    None => refused(),
                }
            }
            ("POST", ["token" | "first"]) => refused(),
            _ => self.guarded(request, wrong),
        }
    }

    fn form_login(&mut self, request: &Request, number: usize) -> Answer {
        let body = request.text();
        let fields: BTreeMap<&str, &str> = body
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .collect();
        let name = fields.get("name").copied().unwrap_or_default();
        let is_known = fields.get("password").copied() == Some(&format!("{name}-password"));
        let token = fields.get("csrf").copied().unwrap_or_default();
        let at = self.forms.iter().position(|known| known == token);
        let (true, Some(at)) = (is_known, at) else {
            return Answer::json(401, &json!({ "error": "no" }));
        };
        self.forms.remove(at);
        let cookie = format!("cookie-value-{number}");
        self.sessions.insert(cookie.clone(), (name.to_owned(), 0));
        Answer::empty(303)
            .header("location", "/")
            .header(
                "set-cookie",
                &format!("sid={cookie}; Path=/; HttpOnly; SameSite=Lax"),
            )
            .header("set-cookie", &format!("XSRF={cookie}%2Fx%3D; Path=/"))
            .header("set-cookie", "elsewhere=of-another-path; Path=/admin")
            .header("set-cookie", "secure=only-over-https; Path=/; Secure")
    }

    fn hand_out(&mut self, name: &str, number: usize) -> Answer {
        let (token, refresh) = (
            format!("access-token-{number}"),
            format!("refresh-token-{number}"),
        );
        self.sessions.insert(token.clone(), (name.to_owned(), 0));
        self.refresh_tokens.insert(refresh.clone(), name.to_owned());
        let body = json!({ "access_token": token, "refresh_token": refresh, "expires_in": 600 });
        Answer::json(200, &body)
    }

    fn guarded(&mut self, request: &Request, wrong: Wrong) -> Answer {
        let cookies = request.header("cookie").unwrap_or_default().to_owned();
        assert!(
            !cookies.contains("elsewhere=") && !cookies.contains("secure="),
            "{cookies}"
        );
        let sid = cookies
            .split("; ")
            .find_map(|pair| pair.strip_prefix("sid="));
        let Some(name) = self.caller(request, sid, wrong) else {
            return Answer::json(401, &json!({ "error": "no session" }));
        };
        let is_safe = request.method == "GET";
        let known = sid.filter(|sid| self.sessions.contains_key(*sid));
        let csrf = known.map(|sid| format!("{sid}/x="));
        if !is_safe
            && wrong != Wrong::Csrf
            && csrf.as_deref() != request.header("x-xsrf")
            && csrf.is_some()
        {
            return Answer::json(403, &json!({ "error": "not from here" }));
        }
        let host = request.header("host").unwrap_or_default().to_owned();
        let body = request.json();
        match (request.method.as_str(), request.segments().as_slice()) {
            ("GET", ["me"]) => Answer::json(200, &json!({ "id": name })),
            ("POST", ["papers"]) => {
                let id = format!("p{}", self.made);
                self.papers
                    .insert(id.clone(), (host, body["text"].to_string()));
                Answer::empty(201)
                    .header("location", &format!("/papers/{id}"))
                    .with_id(&id)
            }
            (method, ["papers", id]) => match self.papers.get_mut(*id) {
                Some((tenant, text)) if *tenant == host || wrong == Wrong::Host => {
                    if method == "PUT" {
                        *text = body["text"].to_string();
                    }
                    Answer::json(200, &json!({ "id": id, "text": text }))
                }
                _ => Answer::json(404, &json!({ "error": "not here" })),
            },
            _ => Answer::json(404, &json!({ "error": "not here" })),
        }
    }

    fn caller(&mut self, request: &Request, sid: Option<&str>, wrong: Wrong) -> Option<String> {
        let key = sid.or_else(|| request.authorization("bearer"))?;
        if let Some((name, uses)) = self.sessions.get_mut(key) {
            *uses += 1;
            let is_spent = key.starts_with("access-") && *uses > TOKEN_USES_MAX;
            return (!is_spent).then(|| name.clone());
        }
        if wrong == Wrong::SecondFactor {
            return self.tickets.get(key).cloned();
        }
        (sid.is_some() && wrong == Wrong::Cookie).then(|| "clerk".to_owned())
    }
}

trait WithId {
    fn with_id(self, id: &str) -> Self;
}

impl WithId for Answer {
    fn with_id(mut self, id: &str) -> Self {
        self.body = json!({ "id": id }).to_string().into_bytes();
        self
    }
}
