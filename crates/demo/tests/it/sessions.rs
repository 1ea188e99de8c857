//! Which sessions count, and that a refusal tells nothing more than it says.

use serde_json::{Value, json};

use crate::client::{Answer, Client};

/// `{"alg":"none","typ":"JWT"}`.
const UNSIGNED_HEADER: &str = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0";

#[tokio::test]
async fn only_a_valid_token_is_a_session() {
    let client = Client::start(&[]).await;
    let token = client.token("editor").await.unwrap();
    let (head, signature) = token.rsplit_once('.').unwrap();
    let (_, claims) = head.split_once('.').unwrap();
    let other = client.token("admin").await.unwrap();
    let (_, foreign_signature) = other.rsplit_once('.').unwrap();
    let cases = [
        (format!("Bearer {token}"), 200),
        (format!("bearer {token}"), 200),
        (token.clone(), 401),
        (format!("Basic {token}"), 401),
        ("Bearer".to_owned(), 401),
        ("Bearer ".to_owned(), 401),
        ("Bearer nonsense".to_owned(), 401),
        (format!("Bearer {head}."), 401),
        (format!("Bearer {head}.{foreign_signature}"), 401),
        (format!("Bearer {UNSIGNED_HEADER}.{claims}."), 401),
        (
            format!("Bearer {UNSIGNED_HEADER}.{claims}.{signature}"),
            401,
        ),
    ];
    for (authorization, status) in cases {
        for path in ["/me", "/posts"] {
            let answer = client
                .send("GET", path, Some(&authorization), &Value::Null)
                .await;
            assert_eq!(answer.status, status, "{path} with {authorization}");
            if status == 401 {
                assert_eq!(answer.headers["www-authenticate"], "Bearer");
                assert_eq!(answer.json(), json!({ "error": "authentication required" }));
            }
        }
    }
}

#[tokio::test]
async fn a_token_counts_in_its_own_system_only() {
    let (one, another) = (Client::start(&[]).await, Client::start(&[]).await);
    let bearer = one.bearer("editor").await;
    for path in ["/me", "/posts"] {
        assert_eq!(
            one.send("GET", path, Some(&bearer), &Value::Null)
                .await
                .status,
            200
        );
        assert_eq!(
            another
                .send("GET", path, Some(&bearer), &Value::Null)
                .await
                .status,
            401
        );
    }
}

#[tokio::test]
async fn a_session_ends_with_its_user() {
    let client = Client::start(&[]).await;
    let (admin, leaver) = (client.bearer("admin").await, client.bearer("deputy").await);
    for path in ["/me", "/posts"] {
        assert_eq!(
            client
                .send("GET", path, Some(&leaver), &Value::Null)
                .await
                .status,
            200
        );
    }
    let deleted = client
        .send("DELETE", "/users/dan", Some(&admin), &Value::Null)
        .await;
    assert_eq!(deleted.status, 204);
    for path in ["/me", "/posts"] {
        assert_eq!(
            client
                .send("GET", path, Some(&leaver), &Value::Null)
                .await
                .status,
            401
        );
    }
    let password = client.variable("DEPUTY_PASSWORD");
    assert_eq!(client.login("dan@acme.test", password).await.status, 401);
}

#[tokio::test]
async fn a_new_user_signs_in_and_is_who_they_are() {
    let client = Client::start(&[]).await;
    let admin = client.bearer("admin").await;
    let new = json!({ "email": "nora@acme.test", "password": "long enough", "role": "viewer", "name": "Nora" });
    let created = client
        .send("POST", "/users", Some(&admin), &new)
        .await
        .json();
    let answer = client.login("NORA@acme.test", "long enough").await.json();
    assert_eq!(
        (answer["token_type"].as_str(), answer["expires_in"].as_u64()),
        (Some("Bearer"), Some(3600))
    );
    let bearer = format!("Bearer {}", answer["access_token"].as_str().unwrap());
    let me = client
        .send("GET", "/me", Some(&bearer), &Value::Null)
        .await
        .json();
    let expected = json!({
        "id": created["id"], "email": "nora@acme.test", "name": "Nora", "tenant": "acme", "role": "viewer",
    });
    assert_eq!(me, expected);
}

#[tokio::test]
async fn a_login_does_not_tell_whether_the_address_is_known() {
    let client = Client::start(&[]).await;
    let unknown = client.login("nobody@acme.test", "wrong").await.undated();
    assert_eq!(unknown.status, 401);
    assert_eq!(
        client.login("vera@acme.test", "wrong").await.undated(),
        unknown
    );
}

/// Status, headers and body: another tenant's thing, a thing that is not there, and a path that is not there.
#[tokio::test]
async fn what_is_concealed_looks_as_if_it_were_not_there() {
    let client = Client::start(&[]).await;
    let (editor, outsider) = (
        client.bearer("editor").await,
        client.bearer("outsider").await,
    );
    let made = async |collection| {
        let body = json!({ "title": "canary" });
        let answer = client.send("POST", collection, Some(&editor), &body).await;
        format!("{collection}/{}", answer.json()["id"].as_str().unwrap())
    };
    let (post, draft) = (made("/posts").await, made("/drafts").await);
    let publish = format!("{post}/publish");
    let cases = [
        ("GET", post.as_str()),
        ("PUT", &post),
        ("PATCH", &post),
        ("DELETE", &post),
        ("POST", &publish),
        ("GET", &draft),
        ("PUT", &draft),
        ("DELETE", &draft),
        ("GET", "/users/vera"),
        ("GET", "/users/vera/bio"),
        ("PUT", "/users/vera/bio"),
        ("DELETE", "/users/vera"),
        ("GET", "/posts/nothing"),
        ("DELETE", "/users/nobody"),
        ("GET", "/debug/config"),
    ];
    let body = json!({ "title": "changed", "bio": "changed" });
    let absent: Answer = client
        .send("GET", "/no/such/path", Some(&outsider), &Value::Null)
        .await;
    let absent = absent.undated();
    assert_eq!(
        (absent.status, absent.body.as_str()),
        (404, r#"{"error":"not found"}"#)
    );
    for (method, path) in cases {
        let answer = client.send(method, path, Some(&outsider), &body).await;
        assert_eq!(answer.undated(), absent, "{method} {path}");
    }
}
