//! Session tokens: JWT signed with HMAC-SHA-256 (RFC 7519), issued by the accounts service, verified by both.
//!
//! A token says who its bearer is. What they may do is looked up afresh at every request, so that a token does not
//! outlive the account or the role.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, errors};
use serde::{Deserialize, Serialize};

use crate::caller::{Role, User};

mod lapse;
#[cfg(test)]
mod tests;

/// How long a token is valid, in seconds.
pub(crate) const LIFETIME_S: u64 = 3600;

const ISSUER: &str = "accounts";
const AUDIENCE: &str = "publishing";

/// Issues and verifies the tokens of one start.
pub(crate) struct Tokens {
    signing: EncodingKey,
    verifying: DecodingKey,
    validation: Validation,
}

/// What a token says of its bearer.
#[derive(Serialize, Deserialize)]
pub(crate) struct Claims {
    iss: String,
    aud: String,
    pub(crate) sub: String,
    pub(crate) tenant: String,
    pub(crate) role: Role,
    iat: u64,
    exp: u64,
    /// For a session in a cookie: what our own pages add to a call that changes something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) csrf: Option<String>,
}

impl Tokens {
    /// Tokens under this key.
    pub(crate) fn new(secret: &[u8]) -> Tokens {
        // The algorithm is fixed here and never taken from the token.
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.leeway = 0;
        Tokens {
            signing: EncodingKey::from_secret(secret),
            verifying: DecodingKey::from_secret(secret),
            validation,
        }
    }

    /// A token for this user; `now_s` is the time of issue in seconds since the Unix epoch.
    pub(crate) fn issue(
        &self,
        user: &User,
        csrf: Option<String>,
        now_s: u64,
    ) -> Result<String, errors::Error> {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            aud: AUDIENCE.to_owned(),
            sub: user.id.clone(),
            tenant: user.tenant.clone(),
            role: user.role,
            iat: now_s,
            exp: now_s.saturating_add(LIFETIME_S),
            csrf,
        };
        jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &self.signing)
    }

    /// What a valid token says; nothing for any other text.
    pub(crate) fn verified(&self, token: &str) -> Option<Claims> {
        let token = jsonwebtoken::decode::<Claims>(token, &self.verifying, &self.validation);
        token.ok().map(|token| token.claims)
    }
}
