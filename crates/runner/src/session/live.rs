//! An open session, and how it marks each of its calls.

use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::Value;
use suite::model::{CsrfPlace, CsrfSource, SessionIndex, Suite, is_safe};
use suite::observation::Answer;
use suite::probe::{Request, Sent, add_form_field};
use suite::template::plain;

use super::jar::Jar;
use crate::scope::Values;

/// An open session.
#[derive(Debug, Default)]
pub(crate) struct Live {
    /// What is sent with each call; nothing for a visitor.
    pub(crate) sent: Option<Sent>,
    /// What was learnt: `token`, `id` and captures.
    pub(crate) learnt: Values,
    /// Who the system says this is.
    pub(crate) identity: Option<Value>,
    /// The kind of session; none for a visitor.
    pub(super) kind: Option<SessionIndex>,
    /// Its cookies.
    pub(super) jar: Jar,
    /// The host by which its calls name the system, if not that of the target.
    pub(super) host: Option<String>,
    /// When its token expires, in seconds since 1970, if that is known.
    pub(super) expires: Option<i64>,
    /// Whether its calls lack the CSRF token.
    pub(super) without_csrf: bool,
    /// Whether its token came from a refresh.
    pub(super) is_refreshed: bool,
    /// Whether a call that was made with it was answered otherwise than that there is no session.
    pub(super) has_worked: AtomicBool,
    /// Counts the openings, so that two calls that find a session dead open it again once.
    pub(super) generation: u32,
}

impl Live {
    /// Gives a request what the session adds to each of its calls: its host, its cookies, and to
    /// calls that may change something its CSRF token.
    pub(crate) fn dress(&self, suite: &Suite, request: &mut Request) {
        if let Some(host) = &self.host {
            request.headers.retain(|(name, _)| name != "host");
            request.headers.push(("host".to_owned(), host.clone()));
        }
        let url = self.url_named(request);
        let cookies = self.jar.header(&url);
        if !cookies.is_empty() {
            add_cookies(request, &cookies);
        }
        let csrf = self
            .kind
            .and_then(|kind| suite.sessions.get(kind)?.csrf.as_ref());
        if let Some(csrf) = csrf
            && !self.without_csrf
            && !is_safe(&request.method)
            && let Some(value) = self.csrf_value(&csrf.source, &url)
        {
            add_csrf(request, &csrf.place, value);
        }
    }

    /// Remembers that the session was seen alive.
    pub(crate) fn note_worked(&self) {
        self.has_worked.store(true, Ordering::Relaxed);
    }

    /// Whether it has a token from a refresh that never worked.
    pub(super) fn is_refreshed_in_vain(&self) -> bool {
        self.is_refreshed && !self.has_worked.load(Ordering::Relaxed)
    }

    /// Takes the cookies that an answer sets, and says their values.
    pub(crate) fn absorb(&self, request: &Request, answer: &Answer) -> Vec<String> {
        self.jar.absorb(&self.url_named(request), answer)
    }

    /// The address of a request as the target sees it: cookies belong to the host that is named.
    pub(super) fn url_named(&self, request: &Request) -> String {
        let Some(host) = &self.host else {
            return request.url.clone();
        };
        let Some((scheme, rest)) = request.url.split_once("://") else {
            return request.url.clone();
        };
        let path = rest.find(['/', '?']).and_then(|at| rest.get(at..));
        format!("{scheme}://{host}{}", path.unwrap_or("/"))
    }

    fn csrf_value(&self, source: &CsrfSource, url: &str) -> Option<String> {
        match source {
            CsrfSource::Capture(name) => self.learnt.get(name).map(plain),
            CsrfSource::Cookie(name) => {
                let value = self.jar.value(url, name)?;
                let decoded = percent_encoding::percent_decode_str(&value).decode_utf8();
                Some(decoded.map_or(value.clone(), |text| text.into_owned()))
            }
        }
    }
}

/// A call that writes its own `Cookie` header keeps it, with the session's cookies behind it.
fn add_cookies(request: &mut Request, cookies: &str) {
    let mut headers = request.headers.iter_mut();
    match headers.find(|(name, _)| name == "cookie") {
        Some((_, value)) => *value = format!("{value}; {cookies}"),
        None => request
            .headers
            .push(("cookie".to_owned(), cookies.to_owned())),
    }
}

/// What the suite itself writes in this place comes first.
fn add_csrf(request: &mut Request, place: &CsrfPlace, value: String) {
    match place {
        CsrfPlace::Header(name) => {
            let name = name.to_ascii_lowercase();
            if !request.headers.iter().any(|(given, _)| *given == name) {
                request.headers.push((name, value));
            }
        }
        CsrfPlace::Field(name) => {
            let start = format!("{}=", suite::template::url_component(name));
            let body = request.body.as_deref().unwrap_or_default();
            if !body.split('&').any(|field| field.starts_with(&start)) {
                add_form_field(request, name, &value);
            }
        }
    }
}
