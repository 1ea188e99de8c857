//! What a token must be to count.

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode, get_current_timestamp};
use serde_json::{Value, json};

use super::{LIFETIME_S, Tokens};
use crate::caller::{Role, User};

const SECRET: &[u8] = b"a secret of the tests";

fn vera() -> User {
    User {
        id: "vera".to_owned(),
        email: "vera@acme.test".to_owned(),
        name: "Vera".to_owned(),
        tenant: "acme".to_owned(),
        role: Role::Editor,
    }
}

/// Whether a token with the usual claims, changed by `change`, counts when signed by `algorithm` with `secret`.
fn counts(algorithm: Algorithm, secret: &[u8], change: Value) -> bool {
    let now = get_current_timestamp();
    let mut claims = json!({
        "iss": "accounts", "aud": "publishing", "sub": "vera", "tenant": "acme", "role": "editor",
        "iat": now, "exp": now + LIFETIME_S,
    });
    for (name, value) in change.as_object().unwrap() {
        match value {
            Value::Null => drop(claims.as_object_mut().unwrap().remove(name)),
            value => claims[name] = value.clone(),
        }
    }
    let key = EncodingKey::from_secret(secret);
    let token = encode(&Header::new(algorithm), &claims, &key).unwrap();
    Tokens::new(SECRET).verified(&token).is_some()
}

#[test]
fn an_issued_token_names_its_user_for_an_hour() {
    let tokens = Tokens::new(SECRET);
    let now = get_current_timestamp();
    let subject = |issued_s| {
        let token = tokens.issue(&vera(), None, issued_s).unwrap();
        tokens.verified(&token).map(|claims| claims.sub)
    };
    assert_eq!(subject(now), Some("vera".to_owned()));
    assert_eq!(subject(now - LIFETIME_S + 60), Some("vera".to_owned()));
    assert_eq!(subject(now - LIFETIME_S - 1), None);
}

#[test]
fn only_a_token_of_this_system_counts() {
    let hs256 = |change| counts(Algorithm::HS256, SECRET, change);
    assert!(hs256(json!({})));
    assert!(!hs256(json!({ "iss": "somebody else" })));
    assert!(!hs256(json!({ "aud": "another system" })));
    for claim in ["iss", "aud", "sub", "exp"] {
        assert!(!hs256(json!({ claim: null })), "without {claim}");
    }
}

#[test]
fn the_key_and_the_algorithm_are_fixed() {
    assert!(!counts(Algorithm::HS256, b"another key", json!({})));
    assert!(!counts(Algorithm::HS384, SECRET, json!({})));
    assert!(!counts(Algorithm::HS512, SECRET, json!({})));
}
