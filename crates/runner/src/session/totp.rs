//! One-time passwords of the moment (RFC 6238), as authenticator apps show them.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::hmac;

/// How long a password is good for, in seconds, and how many digits it has: what every common
/// app takes for granted.
const STEP_SECONDS: u64 = 30;
const DIGITS: u32 = 6;

/// Which passwords were used already.
#[derive(Debug, Default)]
pub(super) struct Codes {
    /// For each secret the last step of which the password was used.
    last: Mutex<BTreeMap<String, u64>>,
}

impl Codes {
    /// The first moment, now or later, of which the password was not used yet; from then on it
    /// counts as used. In seconds since 1970.
    pub(super) fn reserve(&self, secret: &str, now: u64) -> u64 {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let step = now / STEP_SECONDS;
        let next = last.get(secret).map_or(0, |last| last + 1);
        last.insert(secret.to_owned(), step.max(next));
        now.max(next * STEP_SECONDS)
    }
}

/// The password of a secret in base32 (RFC 4648, section 6; letter case, spaces and padding do
/// not matter) at a time in seconds since 1970; `None` if the secret is no base32.
pub(crate) fn totp(secret: &str, seconds: u64) -> Option<String> {
    let digits = usize::try_from(DIGITS).ok()?;
    let code = hotp(&base32(secret)?, seconds / STEP_SECONDS)? % 10_u32.pow(DIGITS);
    Some(format!("{code:0digits$}"))
}

/// The truncated HMAC of a counter (RFC 4226, section 5.3).
fn hotp(key: &[u8], counter: u64) -> Option<u32> {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key);
    let tag = hmac::sign(&key, &counter.to_be_bytes());
    let tag = tag.as_ref();
    let offset = usize::from(tag.last()? & 0xf);
    let word = tag.get(offset..offset + 4)?.try_into().ok()?;
    Some(u32::from_be_bytes(word) & 0x7fff_ffff)
}

fn base32(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut bits, mut count) = (0_u32, 0);
    for c in text.chars().filter(|c| !matches!(c, ' ' | '-' | '=')) {
        let value = match c.to_ascii_uppercase() {
            c @ 'A'..='Z' => u32::from(c) - u32::from('A'),
            c @ '2'..='7' => u32::from(c) - u32::from('2') + 26,
            _ => return None,
        };
        bits = (bits << 5) | value;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).ok()?);
        }
    }
    (!bytes.is_empty()).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::{Codes, totp};

    /// RFC 6238, appendix B, the rows of SHA-1, cut to six digits.
    #[test]
    fn the_rfcs_own_values() {
        let secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(totp(secret, seconds).as_deref(), Some(code), "{seconds}");
        }
    }

    #[test]
    fn no_password_is_used_twice() {
        let codes = Codes::default();
        assert_eq!(codes.reserve("a", 65), 65);
        assert_eq!(codes.reserve("a", 65), 90);
        assert_eq!(codes.reserve("a", 89), 120);
        assert_eq!(codes.reserve("b", 89), 89);
        assert_eq!(codes.reserve("b", 90), 90);
        assert_eq!(codes.reserve("a", 200), 200);
    }

    #[test]
    fn secrets_as_apps_write_them() {
        let written = [
            "JBSWY3DPEHPK3PXP",
            "jbsw y3dp ehpk 3pxp",
            "JBSWY3DPEHPK3PXP====",
        ];
        let codes = written.map(|secret| totp(secret, 59));
        assert!(codes.iter().all(|code| code.is_some() && *code == codes[0]));
        assert_eq!(totp("not base32!", 59), None);
        assert_eq!(totp("", 59), None);
    }
}
