//! Until when a token is good.

use std::sync::atomic::AtomicBool;

use jiff::Timestamp;
use suite::model::Suite;
use suite::template::plain;
use suite::token::Jwt;

use super::live::Live;

/// How long before its end a token is refreshed, in seconds: a call must be answered before it
/// expires, and clocks differ a little.
const REFRESH_EARLY_SECONDS: i64 = 2;
/// The name under which a login's answer says for how many seconds a token is good (RFC 6749,
/// section 5.1).
const EXPIRES_IN: &str = "expires_in";

impl Live {
    /// Whether the token is known to expire within so many seconds.
    pub(super) fn is_expired(&self, seconds: i64) -> bool {
        let now = Timestamp::now().as_second();
        self.expires.is_some_and(|expires| expires <= now + seconds)
    }

    /// Whether the token is about to expire, and can be refreshed.
    pub(super) fn wants_refresh(&self, suite: &Suite) -> bool {
        let kind = self.kind.and_then(|kind| suite.sessions.get(kind));
        let can_refresh = kind.is_some_and(|session| session.refresh.is_some());
        can_refresh && self.is_expired(REFRESH_EARLY_SECONDS)
    }

    /// How long it takes until the token has expired for certain.
    pub(super) fn seconds_to_wait(&self, seconds_max: u64, leeway: u64) -> Result<u64, String> {
        let Some(expires) = self.expires else {
            return Err("nobody knows when its token expires".to_owned());
        };
        let now = Timestamp::now().as_second();
        let seconds = u64::try_from(expires - now).unwrap_or_default() + leeway + 1;
        if seconds > seconds_max {
            return Err(format!(
                "its token must be waited for {seconds} seconds, which is more than the \
                 {seconds_max} of `at_most`"
            ));
        }
        Ok(seconds)
    }

    /// When a token that was handed out just now expires, as far as it or its answer says so.
    pub(super) fn expiry(&self) -> Option<i64> {
        let of_token = self.learnt.get("token").map(plain);
        let of_token = of_token.and_then(|token| Jwt::parse(&token)?.time("exp"));
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
            without_csrf: self.without_csrf,
            is_refreshed: false,
            has_worked: AtomicBool::new(false),
            generation: self.generation + 1,
        }
    }
}
