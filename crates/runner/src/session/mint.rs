//! Tokens made anew at other times, signed with the target's own key.

use std::str::FromStr as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use jsonwebtoken::crypto::sign;
use jsonwebtoken::{Algorithm, EncodingKey};
use suite::token::{Jwt, Times};

/// How far from now the times of minted tokens lie, in seconds: far enough for every leeway.
const HOUR: i64 = 3_600;

/// Which times a minted token has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Age {
    /// It was good, and is no more.
    Expired,
    /// It will be good, and is not yet.
    NotYetValid,
    /// The control of an expired one: it differs in that it is good.
    Good,
    /// The control of one that is not good yet.
    GoodSince,
}

impl Age {
    /// The times; `iat` and `nbf` are moved only where the token has them.
    fn times(self, token: &Jwt, now: i64) -> Times {
        let if_there = |claim: &str, time: i64| token.time(claim).map(|_| time);
        match self {
            Self::Expired => Times {
                iat: if_there("iat", now - 2 * HOUR),
                nbf: if_there("nbf", now - 2 * HOUR),
                exp: Some(now - HOUR),
            },
            Self::Good => Times {
                iat: if_there("iat", now),
                nbf: if_there("nbf", now),
                exp: Some(now + HOUR),
            },
            Self::NotYetValid => Times {
                nbf: Some(now + HOUR),
                exp: Some(now + 2 * HOUR),
                iat: None,
            },
            Self::GoodSince => Times {
                nbf: Some(now - HOUR),
                exp: Some(now + 2 * HOUR),
                iat: None,
            },
        }
    }
}

/// A token with the claims of another at other times.
///
/// # Errors
/// The key cannot sign it, or is not the one that has signed the live token: why, in words. Of a
/// signature that is never the same twice (ES*, PS*) that cannot be told; its control tells it.
pub(super) fn mint(token: &Jwt, key: &str, age: Age, now: i64) -> Result<String, String> {
    let named = token.algorithm();
    let algorithm = Algorithm::from_str(named)
        .map_err(|_| format!("its algorithm `{named}` is not one that can be signed with"))?;
    let keys = keys(key, algorithm);
    let live = token.signing_input();
    let signs = |key: &&EncodingKey| {
        let signature = sign(live.as_bytes(), key, algorithm);
        signature.is_ok_and(|signature| signature == token.signature())
    };
    let key = match keys.iter().find(signs) {
        Some(key) => key,
        None if is_repeatable(algorithm) && !keys.is_empty() => {
            return Err("the key given to `mint` is not the one that signs the live token".into());
        }
        None => keys
            .first()
            .ok_or_else(|| format!("the key given to `mint` is none for `{named}`"))?,
    };
    let input = token.at(age.times(token, now));
    let signature = sign(input.as_bytes(), key, algorithm)
        .map_err(|_| format!("the key given to `mint` cannot sign with `{named}`"))?;
    Ok(format!("{input}.{signature}"))
}

/// Whether the same text and key always give the same signature.
fn is_repeatable(algorithm: Algorithm) -> bool {
    use Algorithm::{EdDSA, HS256, HS384, HS512, RS256, RS384, RS512};
    matches!(
        algorithm,
        HS256 | HS384 | HS512 | RS256 | RS384 | RS512 | EdDSA
    )
}

/// The keys that a text may be.
fn keys(text: &str, algorithm: Algorithm) -> Vec<EncodingKey> {
    use Algorithm::{ES256, ES384, EdDSA, HS256, HS384, HS512};
    let texts = texts(text);
    let texts = texts.iter();
    match algorithm {
        HS256 | HS384 | HS512 => texts.map(|it| EncodingKey::from_secret(it)).collect(),
        ES256 | ES384 => texts
            .filter_map(|it| EncodingKey::from_ec_pem(it).ok())
            .collect(),
        EdDSA => texts
            .filter_map(|it| EncodingKey::from_ed_pem(it).ok())
            .collect(),
        _ => texts
            .filter_map(|it| EncodingKey::from_rsa_pem(it).ok())
            .collect(),
    }
}

/// A key as it is written, with the line breaks that an environment often loses, and out of
/// base64.
fn texts(text: &str) -> Vec<Vec<u8>> {
    let mut texts = vec![
        text.as_bytes().to_vec(),
        text.replace("\\n", "\n").into_bytes(),
    ];
    for engine in [STANDARD, URL_SAFE, URL_SAFE_NO_PAD] {
        texts.extend(engine.decode(text.trim()).ok());
    }
    texts
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    use jsonwebtoken::crypto::sign;
    use jsonwebtoken::{Algorithm, EncodingKey};
    use suite::token::Jwt;

    use super::{Age, HOUR, mint};

    const NOW: i64 = 2_000_000_000;

    /// A token of the wire, signed with these bytes.
    fn live(secret: &[u8], claims: &str) -> Jwt {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let input = format!("{}.{}", part(r#"{"alg":"HS256"}"#), part(claims));
        let key = EncodingKey::from_secret(secret);
        let signature = sign(input.as_bytes(), &key, Algorithm::HS256).unwrap();
        Jwt::parse(&format!("{input}.{signature}")).unwrap()
    }

    #[test]
    fn a_secret_may_be_plain_or_in_base64() {
        let secret = b"\xffsecret of the target\xfe";
        let token = live(secret, r#"{"sub":"1","exp":2000000100}"#);
        for key in [STANDARD.encode(secret), URL_SAFE_NO_PAD.encode(secret)] {
            assert!(mint(&token, &key, Age::Expired, NOW).is_ok());
        }
        let token = live(b"plain", r#"{"sub":"1"}"#);
        assert!(mint(&token, "plain", Age::Expired, NOW).is_ok());
    }

    #[test]
    fn another_key_is_noticed() {
        let token = live(b"plain", r#"{"sub":"1"}"#);
        let why = mint(&token, "other", Age::Good, NOW).unwrap_err();
        assert!(why.contains("is not the one"), "{why}");
    }

    #[test]
    fn a_minted_token_differs_from_its_control_in_its_times_only() {
        let token = live(b"plain", r#"{"sub":"1","iat":1,"exp":2000000100}"#);
        let of = |age| Jwt::parse(&mint(&token, "plain", age, NOW).unwrap()).unwrap();
        assert_eq!(of(Age::Expired).time("exp"), Some(NOW - HOUR));
        assert_eq!(of(Age::Expired).time("nbf"), None);
        assert_eq!(of(Age::Good).time("exp"), Some(NOW + HOUR));
        assert_eq!(of(Age::NotYetValid).time("nbf"), Some(NOW + HOUR));
        assert_eq!(of(Age::NotYetValid).time("iat"), Some(1));
        assert_eq!(of(Age::GoodSince).time("nbf"), Some(NOW - HOUR));
    }

    #[test]
    fn a_key_of_another_kind_is_said() {
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let text = format!("{}.{}.x", part(r#"{"alg":"RS256"}"#), part("{}"));
        let why = mint(&Jwt::parse(&text).unwrap(), "plain", Age::Good, NOW).unwrap_err();
        assert!(why.contains("none for `RS256`"), "{why}");
        let text = text.replace(&part(r#"{"alg":"RS256"}"#), &part(r#"{"alg":"none"}"#));
        assert!(mint(&Jwt::parse(&text).unwrap(), "plain", Age::Good, NOW).is_err());
    }
}
