//! JSON Web Tokens (RFC 7519) taken apart and put together again, right and wrong.
//!
//! Nothing is signed or verified here: what is signed is a text, and signatures are texts.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

/// A token in the compact form of RFC 7515, section 3.1.
#[derive(Debug, Clone, PartialEq)]
pub struct Jwt {
    header: Map<String, Value>,
    claims: Map<String, Value>,
    /// The parts as they were written, so that what is kept is kept to the byte.
    header_text: String,
    claims_text: String,
    signature: String,
}

/// Times in the claims of a token, in seconds since 1970; what is `None` stays as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// When it was issued.
    pub iat: Option<i64>,
    /// From when it is good.
    pub nbf: Option<i64>,
    /// Until when it is good.
    pub exp: Option<i64>,
}

impl Jwt {
    /// The token that a text is, if it is one.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let (header, claims, signature) = (parts.next()?, parts.next()?, parts.next()?);
        let header_map = object(header)?;
        if parts.next().is_some() || !header_map.contains_key("alg") {
            return None;
        }
        Some(Self {
            header: header_map,
            claims: object(claims)?,
            header_text: header.to_owned(),
            claims_text: claims.to_owned(),
            signature: signature.to_owned(),
        })
    }

    /// The algorithm of its signature, as the header names it.
    pub fn algorithm(&self) -> &str {
        let named = self.header.get("alg").and_then(Value::as_str);
        named.unwrap_or_default()
    }

    /// The signature, in base64url.
    pub fn signature(&self) -> &str {
        &self.signature
    }

    /// What is signed (RFC 7515, section 5.1).
    pub fn signing_input(&self) -> String {
        format!("{}.{}", self.header_text, self.claims_text)
    }

    /// A time among the claims, in whole seconds since 1970.
    pub fn time(&self, claim: &str) -> Option<i64> {
        let time = self.claims.get(claim)?;
        // A time may have a fraction.
        #[expect(
            clippy::cast_possible_truncation,
            reason = "`as` saturates, and fractions of a second do not matter"
        )]
        let seconds = time.as_i64().or_else(|| time.as_f64().map(|it| it as i64));
        seconds
    }

    /// Other claims under a signature that is not theirs: the token's own, or that of another.
    pub fn forged(&self, claims: &Map<String, Value>, signature: &str) -> String {
        let claims = self.claims_with(claims);
        format!("{}.{claims}.{signature}", self.header_text)
    }

    /// The algorithm `none`, and so no signature (RFC 7519, section 6).
    pub fn unsigned(&self, claims: &Map<String, Value>) -> String {
        let mut header = self.header.clone();
        header.insert("alg".to_owned(), "none".into());
        format!("{}.{}.", encoded(&header), self.claims_with(claims))
    }

    /// The text to sign of the same token at other times.
    pub fn at(&self, times: Times) -> String {
        let times = [("iat", times.iat), ("nbf", times.nbf), ("exp", times.exp)];
        let claims = times
            .into_iter()
            .filter_map(|(claim, time)| Some((claim.to_owned(), time?.into())));
        let claims = self.claims_with(&claims.collect());
        format!("{}.{claims}", self.header_text)
    }

    /// The claims with some of them replaced; where that changes nothing, to the byte.
    fn claims_with(&self, replaced: &Map<String, Value>) -> String {
        let mut claims = self.claims.clone();
        claims.extend(replaced.clone());
        if claims == self.claims {
            return self.claims_text.clone();
        }
        encoded(&claims)
    }
}

fn object(part: &str) -> Option<Map<String, Value>> {
    let bytes = URL_SAFE_NO_PAD.decode(part).ok()?;
    serde_json::from_slice(&bytes).ok()
}

fn encoded(object: &Map<String, Value>) -> String {
    URL_SAFE_NO_PAD.encode(Value::from(object.clone()).to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::{Jwt, Times};

    /// RFC 7519, section 3.1.
    const RFC: &str = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    fn claims(json: Value) -> Map<String, Value> {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn the_rfcs_own_token() {
        let token = Jwt::parse(RFC).unwrap();
        assert_eq!(token.algorithm(), "HS256");
        assert_eq!(token.time("exp"), Some(1_300_819_380));
        assert_eq!(token.time("nbf"), None);
        assert_eq!(
            format!("{}.{}", token.signing_input(), token.signature()),
            RFC
        );
    }

    #[test]
    fn what_is_no_token() {
        for text in ["", "opaque", "a.b.c", "a.b", "..", &format!("{RFC}.x")] {
            assert_eq!(Jwt::parse(text), None, "{text}");
        }
        // A header without `alg` is none of a JWS.
        assert_eq!(Jwt::parse("e30.e30.x"), None);
    }

    #[test]
    fn a_forged_token_keeps_header_and_signature_to_the_byte() {
        let token = Jwt::parse(RFC).unwrap();
        let forged = token.forged(&claims(json!({ "iss": "eve" })), token.signature());
        let (header, rest) = forged.split_once('.').unwrap();
        assert!(RFC.starts_with(header) && RFC.ends_with(rest.split_once('.').unwrap().1));
        let read = Jwt::parse(&forged).unwrap();
        assert_eq!(read.claims["iss"], "eve");
        assert_eq!(read.claims["http://example.com/is_root"], true);
        let same = token.forged(&claims(json!({ "iss": "joe" })), token.signature());
        assert_eq!(same, RFC);
    }

    #[test]
    fn an_unsigned_token_says_so() {
        let token = Jwt::parse(RFC).unwrap();
        let unsigned = token.unsigned(&Map::new());
        assert!(unsigned.ends_with('.'));
        let read = Jwt::parse(&unsigned).unwrap();
        assert_eq!((read.algorithm(), read.signature()), ("none", ""));
        assert_eq!(read.claims, token.claims);
    }

    #[test]
    fn only_the_times_that_are_given_move() {
        let token = Jwt::parse(RFC).unwrap();
        let times = Times {
            exp: Some(7),
            nbf: Some(5),
            ..Times::default()
        };
        let moved = Jwt::parse(&format!("{}.x", token.at(times))).unwrap();
        assert_eq!((moved.time("exp"), moved.time("nbf")), (Some(7), Some(5)));
        assert_eq!(
            (moved.time("iat"), &moved.claims["iss"]),
            (None, &json!("joe"))
        );
    }
}
