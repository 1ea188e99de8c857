//! Who calls, and by which session.

use authz::source::Place;
use indexmap::IndexMap;
use regex::Regex;
use serde_json::Value;
use serde_json_path::JsonPath;

use super::{ActorIndex, Call, SessionIndex};
use crate::template::{Name, Template};

/// A way to open a session.
#[derive(Debug)]
pub struct Session {
    /// Its name in the suite.
    pub name: Name,
    /// Where it is declared.
    pub place: Place,
    /// The calls that open it, in order; none where the credential itself is sent with each call.
    pub login: Vec<Step>,
    /// What is sent with each call beside cookies; none for a session of cookies alone.
    pub credential: Option<Credential>,
    /// What shows that a changing call comes from the system's own pages.
    pub csrf: Option<Csrf>,
    /// The call that gets a new token for one that expires.
    pub refresh: Option<Step>,
    /// The host by which its calls name the system, where that is not the target's own (a tenant
    /// by subdomain). The connection still goes to the target's address.
    pub host: Option<Template>,
    /// How the system says who the session is.
    pub who: Option<Who>,
}

/// A call that opens a session or goes on with opening it.
#[derive(Debug)]
pub struct Step {
    /// The call; its `caller` is always [`Caller::Nobody`](super::Caller::Nobody).
    pub call: Call,
    /// The statuses of success; empty: any 2xx.
    pub status: Vec<u16>,
    /// Where the token stands in the answer; remembered as `token`.
    pub token: Option<Capture>,
    /// What else to remember of the answer, as `actor.NAME`.
    pub captures: Vec<Capture>,
}

/// A value to remember of an answer.
#[derive(Debug, Clone)]
pub struct Capture {
    /// The name under which it is remembered.
    pub name: String,
    /// Where it stands in the answer.
    pub source: CaptureSource,
    /// Where it is written.
    pub place: Place,
}

/// Where a value stands in an answer.
#[derive(Debug, Clone)]
pub enum CaptureSource {
    /// In its JSON (RFC 9535).
    Json(JsonPath),
    /// In a header, by lowercase name.
    Header(String),
    /// In a cookie that it sets.
    Cookie(String),
    /// In its text: the first group of the first match. For the CSRF token of a form, say.
    Text(Regex),
}

/// A value that a browser would send only from the system's own pages.
#[derive(Debug)]
pub struct Csrf {
    /// Where the value comes from.
    pub source: CsrfSource,
    /// How it is sent with every call whose method is not safe.
    pub place: CsrfPlace,
}

/// Where a CSRF token comes from.
#[derive(Debug)]
pub enum CsrfSource {
    /// A cookie, as it is when the call is made; percent-decoded.
    Cookie(String),
    /// What the login has captured under this name.
    Capture(String),
}

/// How a CSRF token is sent.
#[derive(Debug)]
pub enum CsrfPlace {
    /// In a header.
    Header(String),
    /// In a field of the form.
    Field(String),
}

/// What is sent with each call of a session.
#[derive(Debug)]
pub enum Credential {
    /// HTTP basic (RFC 7617).
    Basic {
        /// The user name.
        user: Template,
        /// The password.
        password: Template,
    },
    /// `Authorization: Bearer ...` (RFC 6750). After a login: `{{ token }}`.
    Bearer(Template),
    /// A header of its own.
    Header {
        /// The name of the header.
        name: String,
        /// Its value.
        value: Template,
    },
    /// A query parameter of its own.
    Query {
        /// The name of the parameter.
        name: String,
        /// Its value.
        value: Template,
    },
    /// The token is a cookie of this name.
    Cookie(String),
}

/// How the system says who a session is.
#[derive(Debug)]
pub struct Who {
    /// The call, made by the actor.
    pub call: Call,
    /// Where the answer says it; remembered as `actor.id`.
    pub subject: JsonPath,
}

/// Someone who calls.
#[derive(Debug)]
pub struct Actor {
    /// The name in the suite.
    pub name: Name,
    /// Where it is declared.
    pub place: Place,
    /// How to open a session; none for a visitor.
    pub session: Option<SessionIndex>,
    /// Whether it is somebody to the policy, and no visitor: it has a session, or is somebody to a
    /// database.
    pub signed_in: bool,
    /// Makes fixtures and reads views, is never a probe (`only: setup`).
    pub only_setup: bool,
    /// Who this is to the policy: `user:ada`.
    pub subject: Option<String>,
    /// The tenant in which the actor acts.
    pub tenant: Option<String>,
    /// The roles in that tenant.
    pub roles: Vec<String>,
    /// Attributes of the subject.
    pub attributes: serde_json::Map<String, Value>,
    /// The scopes of the credential; none if it has no such limit.
    pub scopes: Option<Vec<String>>,
    /// The claims of the credential.
    pub claims: serde_json::Map<String, Value>,
    /// Everything else that is declared, as `actor.NAME`: mail, password and the like. These hold no variables.
    pub fields: IndexMap<String, String>,
    /// Whose account and session these are (`like`).
    pub like: Option<ActorIndex>,
    /// What is wrong with the session that the actor takes from that one.
    pub variant: Option<Variant>,
    /// How the user comes to be and goes again, if it is made for the run.
    pub throw_away: Option<Box<ThrowAway>>,
}

impl Actor {
    /// Whether its calls are those of somebody without a session, because its token must not
    /// work: a spoilt one, or that of a user to whom something has happened.
    pub fn is_shut_out(&self) -> bool {
        match &self.variant {
            Some(variant) => !matches!(variant, Variant::CsrfAbsent),
            None => self.turns(),
        }
    }

    /// Whether something happens to its session in mid-run: its cells are tried before, as their
    /// own controls, and after.
    pub fn turns(&self) -> bool {
        let minted_or_waited = matches!(
            self.variant,
            Some(Variant::Expired(_) | Variant::NotYetValid { .. })
        );
        let happens = self
            .throw_away
            .as_ref()
            .is_some_and(|it| !it.then.is_empty());
        minted_or_waited || happens
    }

    /// Whether its session stays as it is, good or bad: it is neither asked who it is nor opened
    /// again.
    pub fn is_fixed(&self) -> bool {
        self.variant.is_some() || self.turns()
    }
}

/// A live session of another actor, spoilt in one point.
#[derive(Debug, Clone)]
pub enum Variant {
    /// Validly signed, and expired.
    Expired(Aging),
    /// Validly signed with this key, and not good yet (`nbf`, RFC 7519, section 4.1.5).
    NotYetValid {
        /// The key: a PEM, or a secret as it is or in base64.
        key: String,
    },
    /// Other claims, or another signature, than were signed.
    Forged {
        /// These claims are replaced.
        claims: serde_json::Map<String, Value>,
        /// The signature under them.
        signature: Signature,
    },
    /// The algorithm is `none` (RFC 7519, section 6).
    Unsigned {
        /// These claims are replaced.
        claims: serde_json::Map<String, Value>,
    },
    /// A text that is no token.
    Garbage,
    /// No text at all.
    Empty,
    /// The token is good, but calls lack the CSRF token.
    CsrfAbsent,
}

/// How a token comes to be expired.
#[derive(Debug, Clone)]
pub enum Aging {
    /// It is made anew with times in the past, and signed with this key: a PEM, or a secret as it
    /// is or in base64.
    Minted(String),
    /// Its end is waited for.
    WaitedOut {
        /// The longest wait, in seconds.
        seconds_max: u64,
        /// How long after its end targets may still take it, in seconds, because clocks differ.
        leeway_seconds: u64,
    },
}

/// The signature of a forged token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// That of the live token.
    Kept,
    /// That of the live token of another actor.
    Of(ActorIndex),
}

/// A user that is made for the run.
#[derive(Debug)]
pub struct ThrowAway {
    /// The call that makes it. As in every call here, `actor.*` is the user itself, whoever
    /// makes the call.
    pub create: Call,
    /// What to remember of the answer, as `actor.NAME`; `id` among them.
    pub captures: Vec<Capture>,
    /// Fields of the user that hold `unique`.
    pub fields: Vec<(String, Template)>,
    /// What happens to the user between the controls of its cells and the cells themselves.
    pub then: Vec<Call>,
    /// The call that takes the user away again.
    pub remove: Option<Call>,
}
