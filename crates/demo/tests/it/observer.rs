//! Makes every call as everybody, each on a fresh thing, and writes down what came of it.

use std::collections::BTreeMap;

use demo::Fault;
use serde_json::{Value, json};

use crate::calls::CALLS;
use crate::client::{Client, PEOPLE};

/// What came of each call, by the number of the call and of the actor: the answer, and what it changed.
pub(crate) type Matrix = BTreeMap<(usize, usize), String>;

pub(crate) const ACTORS: [&str; 7] = [
    "anonymous",
    "viewer",
    "editor",
    "deputy",
    "admin",
    "outsider",
    "root",
];

/// What comes of a call that needs a session which its actor could not open.
pub(crate) const NO_SESSION: &str = "no session";

/// Makes every call as everybody on a system of its own.
pub(crate) async fn observe(faults: &[Fault]) -> Matrix {
    let mut observer = Observer::start(faults).await;
    let mut matrix = Matrix::new();
    for (number, call) in CALLS.into_iter().enumerate() {
        for (actor, name) in ACTORS.into_iter().enumerate() {
            matrix.insert((number, actor), observer.call(call, name).await);
        }
    }
    observer.client.demo.stop().await;
    matrix
}

struct Observer {
    client: Client,
    /// The `Authorization` header of everybody who could sign in.
    bearers: BTreeMap<&'static str, String>,
    calls_made: usize,
}

impl Observer {
    async fn start(faults: &[Fault]) -> Observer {
        let client = Client::start(faults).await;
        let mut bearers = BTreeMap::new();
        for (actor, ..) in PEOPLE {
            if let Ok(token) = client.token(actor).await {
                bearers.insert(actor, format!("Bearer {token}"));
            }
        }
        Observer {
            client,
            bearers,
            calls_made: 0,
        }
    }

    async fn call(&mut self, call: (&str, &str, &str), actor: &'static str) -> String {
        let (method, path, body) = call;
        let needs_session = path != "/login" && actor != "anonymous";
        if needs_session && !self.bearers.contains_key(actor) {
            return NO_SESSION.to_owned();
        }
        self.calls_made += 1;
        let unique = format!("unique{}", self.calls_made);
        let (path, thing) = self.prepare(path, &unique).await;
        let body = self.fill(body, actor, &unique);
        let before = self.state(&thing).await;
        let bearer = self.bearers.get(actor).filter(|_| path != "/login");
        let answer = self
            .client
            .send(method, &path, bearer.map(String::as_str), &body)
            .await;
        let challenge = answer.headers.get("www-authenticate");
        let challenge = challenge.map_or(String::new(), |value| {
            format!(" [{}]", value.to_str().unwrap())
        });
        let after = self.state(&thing).await;
        let effect = match before == after {
            true => String::new(),
            false => format!("\n    {before} -> {after}"),
        };
        let audited = self.audited(&thing).await;
        let answer = format!(
            "{}{challenge} {}{effect}{audited}",
            answer.status, answer.body
        );
        mask(answer.replace(&unique, "UNIQUE"))
            .trim_end()
            .to_owned()
    }

    /// Makes the thing that the path names, and says the path to call and the path under which root sees the thing.
    async fn prepare(&self, path: &str, unique: &str) -> (String, String) {
        let made = [
            ("POST_OF_VERA", "editor", "/posts"),
            ("POST_OF_OSCAR", "outsider", "/posts"),
            ("DRAFT_OF_VERA", "editor", "/drafts"),
            ("DRAFT_OF_OSCAR", "outsider", "/drafts"),
            ("USER_OF_ACME", "root", "/users"),
        ];
        for (word, owner, collection) in made {
            if path.contains(word) {
                let id = self.make(owner, collection, unique).await;
                return (path.replace(word, &id), format!("{collection}/{id}"));
            }
        }
        if path.ends_with("/bio") {
            self.reset_bios().await;
        }
        (path.to_owned(), path.to_owned())
    }

    async fn make(&self, owner: &str, collection: &str, unique: &str) -> String {
        let body = match collection {
            "/users" => {
                let email = format!("{unique}@acme.test");
                json!({ "email": email, "password": "p", "role": "viewer", "name": "Made", "tenant": "acme" })
            }
            _ => json!({ "title": "canary" }),
        };
        let answer = self
            .client
            .send("POST", collection, Some(&self.bearers[owner]), &body)
            .await;
        assert_eq!(answer.status, 201, "{answer:?}");
        answer.json()["id"].as_str().unwrap().to_owned()
    }

    async fn reset_bios(&self) {
        for (_, _, id, _) in PEOPLE {
            let path = format!("/users/{id}/bio");
            let body = json!({ "bio": "as it was" });
            let answer = self
                .client
                .send("PUT", &path, Some(&self.bearers["root"]), &body)
                .await;
            assert_eq!(answer.status, 204);
        }
    }

    fn fill(&self, body: &str, actor: &str, unique: &str) -> Value {
        let nobody = ("anonymous", "nobody@acme.test", "", "");
        let person = PEOPLE
            .into_iter()
            .find(|person| person.0 == actor)
            .unwrap_or(nobody);
        let password = match person.3 {
            "" => "none",
            variable => self.client.variable(variable),
        };
        let body = body
            .replace("EMAIL", person.1)
            .replace("PASSWORD", password);
        match body.replace("UNIQUE", unique) {
            body if body.is_empty() => Value::Null,
            body => Value::String(body),
        }
    }

    /// What root sees of a thing, but for the count of readings; of profiles, whose are not as they were.
    async fn state(&self, path: &str) -> String {
        if path.ends_with("/bio") {
            return self.bios_changed().await;
        }
        let answer = self
            .client
            .send("GET", path, Some(&self.bearers["root"]), &Value::Null)
            .await;
        if answer.status != 200 || path.matches('/').count() != 2 {
            return "nothing".to_owned();
        }
        let mut thing = answer.json();
        if let Some(fields) = thing.as_object_mut() {
            fields.remove("views");
        }
        thing.to_string()
    }

    /// What the audit log says of a thing, in words.
    async fn audited(&self, path: &str) -> String {
        let Some((_, id)) = path.rsplit_once('/').filter(|(_, id)| id.len() == 32) else {
            return String::new();
        };
        let root = &self.bearers["root"];
        let path = format!("/audit?resource={id}");
        let answer = self.client.send("GET", &path, Some(root), &Value::Null);
        let items = answer.await.json()["items"].take();
        let words = items.as_array().unwrap().iter().map(|item| {
            let word = |key: &str| item[key].as_str().unwrap();
            format!(
                "\n    audited: {} {} {}",
                word("actor"),
                word("action"),
                word("outcome")
            )
        });
        words.collect()
    }

    async fn bios_changed(&self) -> String {
        let mut changed = Vec::new();
        for (_, _, id, _) in PEOPLE {
            let path = format!("/users/{id}/bio");
            let answer = self
                .client
                .send("GET", &path, Some(&self.bearers["root"]), &Value::Null)
                .await;
            if answer.json()["bio"] != "as it was" {
                changed.push(id);
            }
        }
        format!("bios changed: {changed:?}")
    }
}

/// Puts a name in the place of each value that is random: tokens and identifiers.
fn mask(text: String) -> String {
    let is_random = |word: &str| {
        let is_token = word.starts_with("eyJ");
        let is_id = word.len() == 32 && word.chars().all(|c| c.is_ascii_hexdigit());
        is_token || is_id
    };
    let words = text
        .split('"')
        .map(|word| if is_random(word) { "RANDOM" } else { word });
    words.collect::<Vec<_>>().join("\"")
}
