//! A client of both services, and the people who use it.

use std::collections::BTreeMap;

use demo::{Demo, Fault};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::{HeaderMap, Method, Request};
use hyper_util::client::legacy::Client as Http;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

/// Actor, mail address, identifier and password variable. The actor without a session is not among them.
pub(crate) const PEOPLE: [(&str, &str, &str, &str); 6] = [
    ("viewer", "vic@acme.test", "vic", "VIEWER_PASSWORD"),
    ("editor", "vera@acme.test", "vera", "EDITOR_PASSWORD"),
    ("deputy", "dan@acme.test", "dan", "DEPUTY_PASSWORD"),
    ("admin", "ada@acme.test", "ada", "ADMIN_PASSWORD"),
    (
        "outsider",
        "oscar@globex.test",
        "oscar",
        "OUTSIDER_PASSWORD",
    ),
    ("root", "root@platform.test", "root", "ROOT_PASSWORD"),
];

/// The variable of the service that has this path.
fn service(path: &str) -> &'static str {
    let is_account = ["/login", "/session", "/audit", "/me", "/users"]
        .iter()
        .any(|start| path.starts_with(start));
    if is_account {
        "ACCOUNTS_URL"
    } else {
        "POSTS_URL"
    }
}

/// A running system and a client of it.
pub(crate) struct Client {
    pub(crate) demo: Demo,
    variables: BTreeMap<&'static str, String>,
    http: Http<HttpConnector, Full<Bytes>>,
}

/// What came back.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("not JSON: {self:?}"))
    }

    /// The answer without the one header that differs from call to call.
    pub(crate) fn undated(mut self) -> Answer {
        self.headers.remove("date");
        self
    }
}

impl Client {
    pub(crate) async fn start(faults: &[Fault]) -> Client {
        let demo = demo::start(faults).await.unwrap();
        Client {
            variables: demo.variables().into_iter().collect(),
            demo,
            http: Http::builder(TokioExecutor::new()).build_http(),
        }
    }

    pub(crate) fn variable(&self, name: &str) -> &str {
        &self.variables[name]
    }

    /// Sends a call; the service follows from the path. A body that is text is sent as it is, any other as JSON.
    pub(crate) async fn send(
        &self,
        method: &str,
        path: &str,
        authorization: Option<&str>,
        body: &Value,
    ) -> Answer {
        self.send_to(service(path), method, path, authorization, body)
            .await
    }

    /// The same with any headers.
    pub(crate) async fn send_with(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, String)],
        body: &Value,
    ) -> Answer {
        self.exchange(service(path), method, path, headers, body)
            .await
    }

    pub(crate) async fn send_to(
        &self,
        service: &str,
        method: &str,
        path: &str,
        authorization: Option<&str>,
        body: &Value,
    ) -> Answer {
        let headers = authorization.map(|value| ("authorization", value.to_owned()));
        let headers: Vec<_> = headers.into_iter().collect();
        self.exchange(service, method, path, &headers, body).await
    }

    async fn exchange(
        &self,
        service: &str,
        method: &str,
        path: &str,
        headers: &[(&str, String)],
        body: &Value,
    ) -> Answer {
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(format!("{}{path}", self.variable(service)));
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        let body = match body {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            json => json.to_string(),
        };
        if !body.is_empty() {
            request = request.header("content-type", "application/json");
        }
        let request = request.body(Full::from(body)).unwrap();
        let (head, body) = self.http.request(request).await.unwrap().into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer {
            status: head.status.as_u16(),
            headers: head.headers,
            body: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    /// What `POST /login` answers to this address and password.
    pub(crate) async fn login(&self, email: &str, password: &str) -> Answer {
        let body = json!({ "email": email, "password": password });
        self.send("POST", "/login", None, &body).await
    }

    /// The token of one of the seeded people, or what they were answered instead.
    pub(crate) async fn token(&self, actor: &str) -> Result<String, Answer> {
        let person = PEOPLE.iter().find(|person| person.0 == actor).unwrap();
        let answer = self.login(person.1, self.variable(person.3)).await;
        match answer.json()["access_token"].as_str() {
            Some(token) => Ok(token.to_owned()),
            None => Err(answer),
        }
    }

    /// The `Authorization` header of one of the seeded people, who must be able to sign in.
    pub(crate) async fn bearer(&self, actor: &str) -> String {
        format!("Bearer {}", self.token(actor).await.unwrap())
    }
}
