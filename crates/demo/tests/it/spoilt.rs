//! Sessions that must not work: what the correct system answers to them, and the one call that each fault lets through.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use demo::Fault;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde_json::{Value, json};

use crate::client::{Answer, Client};

/// Each fault of sessions: whose it is, the call that it lets through, and what is answered then.
pub(crate) const OPENINGS: [(Fault, &str, &str, u16); 6] = [
    (Fault::SwappedClaims, "forged", "GET /users", 200),
    (Fault::UncheckedExpiry, "expired", "GET /posts", 200),
    (Fault::AlgNone, "unsigned", "POST /drafts", 201),
    (Fault::StaleToken, "leaver", "POST /posts", 201),
    (Fault::CsrfSkipped, "lured", "POST /posts/POST/publish", 200),
    (Fault::StaleToken500, "leaver", "GET /users/vera/bio", 500),
];

const SPOILT: [&str; 5] = ["expired", "forged", "unsigned", "leaver", "lured"];

/// What is tried with each session.
const CALLS: [&str; 12] = [
    "GET /me",
    "GET /users",
    "POST /users",
    "GET /users/vera/bio",
    "PUT /users/vera/bio",
    "GET /audit",
    "GET /posts",
    "POST /posts",
    "GET /posts/POST",
    "DELETE /posts/POST",
    "POST /posts/POST/publish",
    "POST /drafts",
];

#[tokio::test]
async fn each_fault_lets_one_session_through_at_one_call() {
    assert_refused_but(&[]).await;
    for opening in OPENINGS {
        assert_refused_but(&[opening]).await;
    }
    assert_refused_but(&OPENINGS).await;
}

/// With these faults planted, nothing but what they let through is let through.
async fn assert_refused_but(openings: &[(Fault, &str, &str, u16)]) {
    let faults: Vec<Fault> = openings.iter().map(|opening| opening.0).collect();
    let client = Client::start(&faults).await;
    let editor = client.bearer("editor").await;
    for session in SPOILT {
        let headers = spoil(&client, session).await;
        for call in CALLS {
            let (method, path) = call.split_once(' ').unwrap();
            let path = path.replace("POST", &post(&client, &editor).await);
            let body = match path.as_str() {
                "/users" => {
                    json!({ "email": "n@acme.test", "password": "p", "role": "viewer", "name": "N" })
                }
                "/users/vera/bio" => json!({ "bio": "new" }),
                _ => json!({ "title": "new" }),
            };
            let answer = client.send_with(method, &path, &headers, &body).await;
            let let_through = openings.iter().find(|it| (it.1, it.2) == (session, call));
            let expected = match (let_through, session, method) {
                (Some(opening), ..) => opening.3,
                (None, "lured", "GET") => continue,
                (None, "lured", _) => 403,
                _ => 401,
            };
            assert_eq!(
                answer.status, expected,
                "{session} {call} {faults:?}: {answer:?}"
            );
        }
    }
}

async fn post(client: &Client, editor: &str) -> String {
    let body = json!({ "title": "canary" });
    let made = client.send("POST", "/posts", Some(editor), &body).await;
    made.json()["id"].as_str().unwrap().to_owned()
}

/// The headers of a session that must not work.
async fn spoil(client: &Client, session: &str) -> Vec<(&'static str, String)> {
    let token = match session {
        "lured" => return vec![("cookie", browser(client).await.0)],
        "leaver" => leaver(client).await,
        _ => client.token("editor").await.unwrap(),
    };
    let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
    match session {
        "forged" => {
            let mut claims = unpart(&parts[1]);
            claims["role"] = json!("admin");
            parts[1] = part(&claims);
        }
        "unsigned" => {
            parts[0] = part(&json!({ "alg": "none" }));
            parts[2] = String::new();
        }
        "expired" => return vec![bearer(&minted(client, &token, -60))],
        _ => {}
    }
    vec![bearer(&parts.join("."))]
}

fn bearer(token: &str) -> (&'static str, String) {
    ("authorization", format!("Bearer {token}"))
}

/// The same token, ending so many seconds from now, signed with the key of the variable.
fn minted(client: &Client, token: &str, ends_in_s: i64) -> String {
    let key = client.variable("SIGNING_KEY").as_bytes();
    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_audience(&["publishing"]);
    let key = (DecodingKey::from_secret(key), EncodingKey::from_secret(key));
    let live = jsonwebtoken::decode::<Value>(token, &key.0, &validation).unwrap();
    let mut claims = live.claims;
    let now = i64::try_from(jsonwebtoken::get_current_timestamp()).unwrap();
    claims["exp"] = json!(now + ends_in_s);
    jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key.1).unwrap()
}

/// The token of a user who has been deleted since.
async fn leaver(client: &Client) -> String {
    let root = client.bearer("root").await;
    let new = json!({ "email": "lea@acme.test", "password": "p", "role": "editor", "name": "L", "tenant": "acme" });
    let made = client.send("POST", "/users", Some(&root), &new).await;
    let path = format!("/users/{}", made.json()["id"].as_str().unwrap());
    let login = client.login("lea@acme.test", "p").await;
    client
        .send("DELETE", &path, Some(&root), &Value::Null)
        .await;
    login.json()["access_token"].as_str().unwrap().to_owned()
}

/// The `Cookie` header of the deputy's browser, and its CSRF token.
async fn browser(client: &Client) -> (String, String) {
    let password = client.variable("DEPUTY_PASSWORD");
    let body = json!({ "email": "dan@acme.test", "password": password });
    let answer = client.send("POST", "/session", None, &body).await;
    assert_eq!(answer.status, 204);
    let cookies: Vec<&str> = answer
        .headers
        .get_all("set-cookie")
        .iter()
        .map(|cookie| cookie.to_str().unwrap().split(';').next().unwrap())
        .collect();
    let csrf = cookies[1].strip_prefix("csrf=").unwrap().to_owned();
    (cookies.join("; "), csrf)
}

#[tokio::test]
async fn a_key_mints_tokens_that_count_until_they_end() {
    let client = Client::start(&[]).await;
    let token = client.token("editor").await.unwrap();
    for (ends_in_s, status) in [(60, 200), (-60, 401)] {
        let headers = [bearer(&minted(&client, &token, ends_in_s))];
        let answer = client.send_with("GET", "/me", &headers, &Value::Null).await;
        assert_eq!(answer.status, status);
    }
}

#[tokio::test]
async fn a_browser_changes_something_only_from_our_own_pages() {
    let client = Client::start(&[]).await;
    let (cookie, csrf) = browser(&client).await;
    let cases = [
        (Some(csrf.clone()), 201),
        (None, 403),
        (Some(String::new()), 403),
        (Some(browser(&client).await.1), 403),
    ];
    let body = json!({ "title": "new" });
    for (sent, status) in cases {
        let mut headers = vec![("cookie", cookie.clone())];
        headers.extend(sent.map(|sent| ("x-csrf-token", sent)));
        let answer = client.send_with("POST", "/posts", &headers, &body).await;
        assert_eq!(answer.status, status, "{headers:?}");
        let read: Answer = client.send_with("GET", "/me", &headers, &Value::Null).await;
        assert_eq!(read.json()["id"], "dan");
    }
}

fn part(json: &Value) -> String {
    URL_SAFE_NO_PAD.encode(json.to_string())
}

fn unpart(part: &str) -> Value {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}
