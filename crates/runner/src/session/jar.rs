//! The cookies of one session (RFC 6265).

use std::sync::{Mutex, MutexGuard, PoisonError};

use cookie_store::CookieStore;
use suite::observation::{Answer, set_cookies};

/// The cookies of one session: what its targets have set, sent back where they belong.
#[derive(Debug, Default)]
pub(crate) struct Jar {
    store: Mutex<CookieStore>,
    /// A cookie that has this value, whatever is set.
    fixed: Option<(String, String)>,
}

impl Jar {
    /// Takes the cookies that an answer sets, and says their values.
    pub(crate) fn absorb(&self, url: &str, answer: &Answer) -> Vec<String> {
        let headers = answer.headers.iter();
        let set: Vec<&str> = headers
            .filter(|(name, _)| name == "set-cookie")
            .map(|(_, value)| value.as_str())
            .collect();
        let (false, Ok(url)) = (set.is_empty(), url.parse()) else {
            return Vec::new();
        };
        let mut store = self.lock();
        for cookie in set {
            // One that RFC 6265 has ignored is ignored.
            let _ = store.parse(cookie, &url);
        }
        let values = set_cookies(answer).map(|(_, value)| value.to_owned());
        values.collect()
    }

    /// The value of the `Cookie` header of a request to this address; empty if there is none.
    /// Longer paths come first (RFC 6265, section 5.4).
    pub(crate) fn header(&self, url: &str) -> String {
        self.cookies(url)
            .into_iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect::<Vec<_>>()
            .join("; ")
    }

    /// The value of a cookie as it would be sent to this address.
    pub(crate) fn value(&self, url: &str, name: &str) -> Option<String> {
        let cookies = self.cookies(url).into_iter();
        let mut found = cookies.filter(|(known, _)| known == name);
        found.next().map(|(_, value)| value)
    }

    /// A jar with the same cookies.
    pub(crate) fn copy(&self) -> Self {
        Self {
            store: Mutex::new(self.lock().clone()),
            fixed: self.fixed.clone(),
        }
    }

    /// A jar with the same cookies, but for the value of one.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        Self {
            fixed: Some((name.to_owned(), value.to_owned())),
            ..self.copy()
        }
    }

    fn cookies(&self, url: &str) -> Vec<(String, String)> {
        let Ok(url) = url.parse() else {
            return Vec::new();
        };
        let store = self.lock();
        let mut matching = store.matches(&url);
        matching.sort_by(|a, b| {
            let length = |cookie: &cookie_store::Cookie<'_>| cookie.path.len();
            (length(b), a.name()).cmp(&(length(a), b.name()))
        });
        matching
            .into_iter()
            .map(|cookie| match &self.fixed {
                Some((name, value)) if name == cookie.name() => (name.clone(), value.clone()),
                _ => (cookie.name().to_owned(), cookie.value().to_owned()),
            })
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, CookieStore> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
