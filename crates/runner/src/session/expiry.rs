//! Until when a token is good.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::Value;
use suite::model::Suite;
use suite::template::plain;

use super::live::Live;

/// The name under which a login's answer says for how many seconds a token is good (RFC 6749,
/// section 5.1).
const EXPIRES_IN: &str = "expires_in";

impl Live {
    /// Whether the token is known to expire within so many seconds.
    pub(super) fn is_expired(&self, seconds: i64) -> bool {
        let now = Timestamp::now().as_second();
        self.expires.is_some_and(|expires| expires <= now + seconds)
    }

    pub(super) fn can_refresh(&self, suite: &Suite) -> bool {
        let kind = self.kind.and_then(|kind| suite.sessions.get(kind));
        kind.is_some_and(|session| session.refresh.is_some())
    }

    /// When a token that was handed out just now expires, as far as it or its answer says so.
    pub(super) fn expiry(&self) -> Option<i64> {
        let of_token = self.learnt.get("token").map(plain);
        let of_token = of_token.and_then(|token| claim(&token, "exp"));
        of_token.or_else(|| {
            let seconds: i64 = plain(self.learnt.get(EXPIRES_IN)?).parse().ok()?;
            Some(Timestamp::now().as_second().saturating_add(seconds))
        })
    }

    /// The same session, about to get another token.
    pub(super) fn renewed(&self) -> Self {
        Self {
            sent: self.sent.clone(),
            learnt: self.learnt.clone(),
            identity: self.identity.clone(),
            kind: self.kind,
            jar: self.jar.copy(),
            host: self.host.clone(),
            expires: None,
            generation: self.generation + 1,
        }
    }
}

/// A time in the claims of a JWT (RFC 7519, section 4.1), in whole seconds since 1970.
fn claim(token: &str, name: &str) -> Option<i64> {
    let payload = token.split('.').nth(1)?;
    let payload = URL_SAFE_NO_PAD.decode(payload).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    let time = claims.get(name)?;
    // A time may have a fraction.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "`as` saturates, and fractions of a second do not matter"
    )]
    let seconds = time.as_i64().or_else(|| time.as_f64().map(|it| it as i64));
    seconds
}
