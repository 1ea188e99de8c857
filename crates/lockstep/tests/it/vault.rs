//! A server with JSON Web Tokens that can be wrong in exactly one point.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::crypto::{sign, verify};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use serde_json::{Value, json};
use testkit::{Answer, Reply, Request, Server};

/// The key that signs its tokens.
pub(crate) const KEY: &str = "the vault's own key, which nobody knows";

/// A point in which the vault is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// Not at all.
    Nowhere,
    Expiry,
    NotBefore,
    Signature,
    AlgNone,
    Garbage,
    Empty,
    /// A token outlives its user.
    Deleted,
    /// A token outlives the logout.
    Logout,
    /// A token outlives a change of the password.
    Password,
    /// A token outlives the suspension of its user.
    Suspended,
    /// A token of a deleted user makes it fail.
    DeletedFails,
    /// Tokens are none that anybody could read.
    Opaque,
    /// Tokens have expired when they are handed out.
    ExpiredLogin,
    /// Not at all, but tokens are good for two seconds only.
    ShortLived,
    /// They are good for two seconds, and it does not matter.
    ShortLivedExpiry,
    /// A user is made, but no answer says so.
    LostAnswer,
}

/// With what the vault signs.
pub(crate) struct Keys {
    pub(crate) algorithm: Algorithm,
    pub(crate) signing: EncodingKey,
    pub(crate) verifying: DecodingKey,
}

impl Default for Keys {
    fn default() -> Self {
        Self {
            algorithm: Algorithm::HS256,
            signing: EncodingKey::from_secret(KEY.as_bytes()),
            verifying: DecodingKey::from_secret(KEY.as_bytes()),
        }
    }
}

#[derive(Default)]
struct State {
    keys: Keys,
    /// Passwords.
    users: BTreeMap<String, String>,
    /// The oldest token that still works, by its number; users without one are suspended.
    from: BTreeMap<String, usize>,
    opaque: BTreeMap<String, String>,
    papers: usize,
    issued: usize,
}

/// The vault, running.
pub(crate) struct Vault {
    pub(crate) server: Server,
    state: Arc<Mutex<State>>,
}

impl Vault {
    pub(crate) fn open(wrong: Wrong) -> Self {
        Self::signing(wrong, Keys::default())
    }

    pub(crate) fn signing(wrong: Wrong, keys: Keys) -> Self {
        let mut state = State {
            keys,
            ..State::default()
        };
        for name in ["clerk", "guest", "keeper"] {
            state.add(name, &format!("{name}-password"));
        }
        let state = Arc::new(Mutex::new(state));
        let answering = Arc::clone(&state);
        let server = Server::start(move |request| {
            let answer = answering.lock().unwrap().answer(request, wrong);
            match (request.method.as_str(), request.path()) {
                ("POST", "/users") if wrong == Wrong::LostAnswer => Reply::Close,
                _ => answer.into(),
            }
        });
        Self { server, state }
    }

    /// Adds an account.
    pub(crate) fn add(&self, name: &str, password: &str) {
        self.state.lock().unwrap().add(name, password);
    }

    /// Who has an account.
    pub(crate) fn users(&self) -> Vec<String> {
        self.state.lock().unwrap().users.keys().cloned().collect()
    }
}

impl State {
    fn add(&mut self, name: &str, password: &str) {
        self.users.insert(name.to_owned(), password.to_owned());
        self.from.insert(name.to_owned(), 0);
    }

    fn answer(&mut self, request: &Request, wrong: Wrong) -> Answer {
        let body = request.json();
        let segments = request.segments();
        if (request.method.as_str(), segments.as_slice()) == ("POST", &["login"]) {
            return self.log_in(&body, wrong);
        }
        let caller = match self.caller(request, wrong) {
            Ok(caller) => caller,
            Err(status) => return Answer::json(status, &json!({ "error": "no session" })),
        };
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        match (request.method.as_str(), segments.as_slice()) {
            ("GET", ["me"]) => Answer::json(200, &json!({ "id": caller })),
            ("POST", ["papers"]) => {
                self.papers += 1;
                Answer::json(201, &json!({ "id": self.papers }))
            }
            ("GET", ["papers", id]) if caller == "guest" => {
                Answer::json(403, &json!({ "error": format!("not {id}") }))
            }
            ("GET", ["papers", id]) => Answer::json(200, &json!({ "id": id })),
            ("POST", ["users"]) => {
                self.add(&text("name"), &text("password"));
                Answer::json(201, &json!({ "id": text("name") }))
            }
            ("DELETE", ["users", name]) => {
                self.users.remove(*name);
                if wrong != Wrong::Deleted {
                    self.from.remove(*name);
                }
                Answer::empty(204)
            }
            ("POST", ["users", name, "suspend"]) => {
                if wrong != Wrong::Suspended {
                    self.from.insert((*name).to_owned(), usize::MAX);
                }
                Answer::empty(204)
            }
            ("POST", ["logout"]) => {
                if wrong != Wrong::Logout {
                    self.from.insert(caller, self.issued + 1);
                }
                Answer::empty(204)
            }
            ("PUT", ["password"]) => {
                self.users.insert(caller.clone(), text("new"));
                if wrong != Wrong::Password {
                    self.from.insert(caller, self.issued + 1);
                }
                Answer::empty(204)
            }
            _ => Answer::json(404, &json!({ "error": "not here" })),
        }
    }

    fn log_in(&mut self, body: &Value, wrong: Wrong) -> Answer {
        let name = body["name"].as_str().unwrap_or_default().to_owned();
        let known = self.users.get(&name);
        if known.map(String::as_str) != body["password"].as_str() {
            return Answer::json(401, &json!({ "error": "no" }));
        }
        self.issued += 1;
        if wrong == Wrong::Opaque {
            let token = format!("opaque-token-{}", self.issued);
            self.opaque.insert(token.clone(), name);
            return Answer::json(200, &json!({ "token": token }));
        }
        let life = match wrong {
            Wrong::ExpiredLogin => -60,
            Wrong::ShortLived | Wrong::ShortLivedExpiry => 2,
            _ => 600,
        };
        let now = now();
        let claims = json!({ "sub": name, "role": "user", "number": self.issued, "iat": now, "exp": now + life });
        let input = format!(
            "{}.{}",
            part(&json!({ "alg": self.keys.name() })),
            part(&claims)
        );
        let token = format!("{input}.{}", self.keys.sign(&input));
        Answer::json(200, &json!({ "token": token }))
    }

    /// Who calls, or the status of a refusal.
    fn caller(&self, request: &Request, wrong: Wrong) -> Result<String, u16> {
        let token = match request.header("authorization") {
            None => return Err(401),
            Some(header) => header.strip_prefix("Bearer").unwrap_or_default().trim(),
        };
        if let Some(name) = self.opaque.get(token) {
            return Ok(name.clone());
        }
        if token.is_empty() {
            return if wrong == Wrong::Empty {
                Ok("clerk".to_owned())
            } else {
                Err(401)
            };
        }
        let parts: Vec<&str> = token.split('.').collect();
        let read = |at: usize| parts.get(at).and_then(|part| unpart(part));
        let (Some(header), Some(claims)) = (read(0), read(1)) else {
            return if wrong == Wrong::Garbage {
                Ok("clerk".to_owned())
            } else {
                Err(401)
            };
        };
        let signed = match header["alg"].as_str() {
            Some("none") => wrong == Wrong::AlgNone,
            Some(name) if name == self.keys.name() => {
                let input = format!("{}.{}", parts[0], parts[1]);
                wrong == Wrong::Signature || self.keys.has_signed(&input, parts[2])
            }
            _ => false,
        };
        let is_late = claims["exp"].as_i64().is_none_or(|exp| exp <= now());
        let is_early = claims["nbf"].as_i64().is_some_and(|nbf| nbf > now());
        let in_time = (!is_late || matches!(wrong, Wrong::Expiry | Wrong::ShortLivedExpiry))
            && (!is_early || wrong == Wrong::NotBefore);
        if !signed || !in_time {
            return Err(401);
        }
        let name = claims["sub"].as_str().unwrap_or_default();
        let number = claims["number"].as_u64().unwrap_or_default();
        match self.from.get(name) {
            Some(from) if usize::try_from(number).unwrap() >= *from => Ok(name.to_owned()),
            None if wrong == Wrong::DeletedFails => Err(500),
            _ => Err(401),
        }
    }
}

fn now() -> i64 {
    let now = std::time::SystemTime::now();
    let seconds = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    i64::try_from(seconds).unwrap()
}

fn part(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

fn unpart(part: &str) -> Option<Value> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

impl Keys {
    fn name(&self) -> String {
        format!("{:?}", self.algorithm)
    }

    pub(crate) fn sign(&self, input: &str) -> String {
        sign(input.as_bytes(), &self.signing, self.algorithm).unwrap()
    }

    fn has_signed(&self, input: &str, signature: &str) -> bool {
        let signed = verify(signature, input.as_bytes(), &self.verifying, self.algorithm);
        signed.unwrap_or(false)
    }
}
