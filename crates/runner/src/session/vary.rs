//! Live sessions spoilt in one point.

use jiff::Timestamp;
use suite::model::{Actor, Aging, Credential, Session, Variant};
use suite::probe::{self, NO_TOKEN, Sent};
use suite::template::plain;
use suite::token::Jwt;
use suite::verdict::Opening;

use super::live::Live;
use super::mint::{Age, mint};
use super::{NotOpen, failed};
use crate::scope::{CallScope, Known};

/// What a spoilt session is made of.
pub(super) struct Spoiling<'a> {
    pub(super) actor: &'a Actor,
    pub(super) session: &'a Session,
    pub(super) variant: &'a Variant,
    /// The session that is spoilt.
    pub(super) base: &'a Live,
    /// The live token of another actor, for its signature.
    pub(super) other: Option<&'a Live>,
    /// Whether it is spoilt already; before, it is its own control.
    pub(super) has_turned: bool,
}

impl Spoiling<'_> {
    /// The spoilt session.
    ///
    /// # Errors
    /// There is nothing to spoil, or it cannot be done: why.
    pub(super) fn live(&self) -> Result<Live, NotOpen> {
        if let Variant::CsrfAbsent = self.variant {
            return match self.session.csrf {
                Some(_) => Ok(Live {
                    without_csrf: true,
                    ..self.copy()
                }),
                None => Err(not_applicable("the session has no CSRF token")),
            };
        }
        let genuine = self.base.token().ok_or_else(|| {
            not_applicable("the session has no token that could be spoilt; `token: { cookie: NAME }` says which cookie is one")
        })?;
        let token = self.token(&genuine)?;
        let is_meant_to_work = matches!(
            self.variant,
            Variant::Expired(_) | Variant::NotYetValid { .. }
        );
        if token == genuine && !is_meant_to_work {
            return Err(failed(
                "the token is as good as before: its claims say the same already",
            ));
        }
        self.carrying(token)
    }

    fn token(&self, genuine: &str) -> Result<String, NotOpen> {
        match self.variant {
            Variant::Garbage => return Ok(NO_TOKEN.to_owned()),
            Variant::Empty => return Ok(String::new()),
            Variant::Expired(Aging::WaitedOut { .. }) => return Ok(genuine.to_owned()),
            _ => {}
        }
        let no_jwt = || not_applicable("the token is no JWT");
        let jwt = Jwt::parse(genuine).ok_or_else(no_jwt)?;
        match self.variant {
            Variant::Expired(Aging::Minted(key)) => self.minted(&jwt, key, Age::Expired, Age::Good),
            Variant::NotYetValid { key } => {
                self.minted(&jwt, key, Age::NotYetValid, Age::GoodSince)
            }
            Variant::Unsigned { claims } => Ok(jwt.unsigned(claims)),
            Variant::Forged { claims, .. } => match self.other {
                None => Ok(jwt.forged(claims, jwt.signature())),
                Some(other) => {
                    let other = other.token().and_then(|token| Jwt::parse(&token));
                    Ok(jwt.forged(claims, other.ok_or_else(no_jwt)?.signature()))
                }
            },
            _ => Ok(genuine.to_owned()),
        }
    }

    fn minted(&self, jwt: &Jwt, key: &str, spoilt: Age, control: Age) -> Result<String, NotOpen> {
        let age = if self.has_turned { spoilt } else { control };
        mint(jwt, key, age, Timestamp::now().as_second())
            .map_err(|why| failed(&format!("the token cannot be minted: {why}")))
    }

    /// The same session with another token.
    fn carrying(&self, token: String) -> Result<Live, NotOpen> {
        let mut live = self.copy();
        live.learnt.insert("token".to_owned(), token.clone().into());
        match &self.session.credential {
            Some(Credential::Cookie(name)) => {
                live.jar = self.base.jar.with(name, &token);
                live.sent = Some(Sent::Cookies(format!("{name}={token}")));
            }
            // Cookies beside the token could let the call in on their own.
            _ => live.jar = super::jar::Jar::default(),
        }
        if self.session.login.is_empty() {
            live.sent = self
                .base
                .sent
                .as_ref()
                .and_then(|sent| with_value(sent, token));
        } else if !matches!(self.session.credential, Some(Credential::Cookie(_))) {
            let scope = CallScope {
                actor: Some(Known {
                    actor: self.actor,
                    learnt: &live.learnt,
                }),
                ..CallScope::default()
            };
            let sent = probe::credential(self.session.credential.as_ref(), "", &scope);
            live.sent = Some(sent.map_err(|unresolved| failed(&unresolved.to_string()))?);
        }
        Ok(live)
    }

    /// The session without who it is: it is nobody of its own.
    fn copy(&self) -> Live {
        Live {
            identity: None,
            generation: 0,
            expires: match self.variant {
                Variant::Expired(Aging::WaitedOut { .. }) => self.base.expires,
                _ => None,
            },
            ..self.base.renewed()
        }
    }
}

impl Live {
    /// The token that is sent: what the login answered, or what is sent without one.
    pub(super) fn token(&self) -> Option<String> {
        if let Some(token) = self.learnt.get("token") {
            return Some(plain(token));
        }
        match self.sent.as_ref()? {
            Sent::Header { prefix, .. } if *prefix == "Basic " => None,
            Sent::Header { value, .. } | Sent::Query { value, .. } => Some(value.clone()),
            Sent::Cookies(_) => None,
        }
    }
}

/// What is sent, with another value.
fn with_value(sent: &Sent, token: String) -> Option<Sent> {
    match sent {
        Sent::Header { name, prefix, .. } => Some(Sent::Header {
            name: name.clone(),
            prefix,
            printed: token.clone(),
            value: token,
        }),
        Sent::Query { name, .. } => Some(Sent::Query {
            name: name.clone(),
            value: token,
        }),
        Sent::Cookies(_) => None,
    }
}

/// Whether a token must be masked: what is no token is no secret.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text != NO_TOKEN
}

fn not_applicable(why: &str) -> NotOpen {
    NotOpen {
        opening: Opening::NotApplicable,
        why: why.to_owned(),
        is_unauthenticated: false,
        is_unreached: false,
    }
}
