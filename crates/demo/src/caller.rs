//! Who is asking: the users, their roles, and the caller of a request as its session says.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::header::{AUTHORIZATION, COOKIE};
use axum::http::request::Parts;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};

use crate::answer::Refusal;
use crate::database::Database;
use crate::system::{Shared, System};
use crate::token::{Claims, Tokens};

/// The cookie that holds the token of a browser's session.
pub(crate) const SESSION_COOKIE: &str = "session";
/// The cookie that tells our own pages what to send as [`CSRF_HEADER`].
pub(crate) const CSRF_COOKIE: &str = "csrf";
/// What shows that a call comes from our own pages.
const CSRF_HEADER: &str = "x-csrf-token";

/// What a user is in their tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Role {
    /// Runs the platform: may do everything in every tenant.
    Root,
    Admin,
    Editor,
    Viewer,
}

/// A user as they are now.
#[derive(Debug, Serialize)]
pub(crate) struct User {
    pub(crate) id: String,
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) tenant: String,
    pub(crate) role: Role,
}

/// What came with a request to say who makes it, not yet believed. A request without any ends here, with 401.
pub(crate) struct Session {
    token: String,
    origin: Origin,
}

/// Whether a call comes from whoever opened its session.
enum Origin {
    /// Nobody else could have sent the token; or the call only reads.
    Vouched,
    /// A browser sent the token by itself, and this as the CSRF token.
    Claimed(Option<String>),
}

/// The user whose valid session came with the request. A request without one ends here, with 401.
pub(crate) struct Caller(pub(crate) User);

impl Role {
    /// The name in the data and on the wire.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Role::Root => "root",
            Role::Admin => "admin",
            Role::Editor => "editor",
            Role::Viewer => "viewer",
        }
    }
}

impl User {
    /// The user with this identifier, in any tenant.
    pub(crate) fn find(database: &Database, id: &str) -> rusqlite::Result<Option<User>> {
        let sql = "SELECT id, email, name, tenant, role FROM users WHERE id = ?1";
        database.row(sql, params![id], User::read)
    }

    /// Reads the columns id, email, name, tenant, role.
    pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<User> {
        Ok(User {
            id: row.get(0)?,
            email: row.get(1)?,
            name: row.get(2)?,
            tenant: row.get(3)?,
            role: row.get(4)?,
        })
    }

    /// The one tenant whose things exist for this user; nothing for root, who sees every tenant.
    pub(crate) fn confined_to(&self) -> Option<&str> {
        (self.role != Role::Root).then_some(self.tenant.as_str())
    }
}

impl FromSql for Role {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Role> {
        let name = value.as_str()?;
        [Role::Root, Role::Admin, Role::Editor, Role::Viewer]
            .into_iter()
            .find(|role| role.name() == name)
            .ok_or(FromSqlError::InvalidType)
    }
}

impl Session {
    /// What the token says, read by `read`, if it counts.
    pub(crate) fn claims(
        &self,
        system: &System,
        read: impl Fn(&Tokens, &str) -> Option<Claims>,
    ) -> Result<Claims, Refusal> {
        read(&system.tokens, &self.token).ok_or(Refusal::Unauthenticated)
    }

    /// Whose session it is, if it is one and comes from our own pages.
    pub(crate) fn user(&self, system: &System) -> Result<User, Refusal> {
        let claims = self.claims(system, Tokens::verified)?;
        self.check_origin(&claims)?;
        claims.user(system)
    }

    /// A browser sends the cookie with every call, also with one that another site has made it send.
    pub(crate) fn check_origin(&self, claims: &Claims) -> Result<(), Refusal> {
        match &self.origin {
            Origin::Vouched => Ok(()),
            Origin::Claimed(sent) if sent.is_some() && *sent == claims.csrf => Ok(()),
            Origin::Claimed(_) => {
                let text = "missing or wrong CSRF token".to_owned();
                Err(Refusal::Because(StatusCode::FORBIDDEN, text))
            }
        }
    }
}

impl Claims {
    /// The user of whom they speak, as they are now.
    pub(crate) fn user(&self, system: &System) -> Result<User, Refusal> {
        let user = User::find(&system.database, &self.sub)?;
        user.ok_or(Refusal::Unauthenticated)
    }
}

impl FromRequestParts<Shared> for Session {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Shared) -> Result<Session, Refusal> {
        if let Some(token) = bearer_token(parts) {
            return Ok(Session {
                token: token.to_owned(),
                origin: Origin::Vouched,
            });
        }
        let token = cookie(parts, SESSION_COOKIE).ok_or(Refusal::Unauthenticated)?;
        Ok(Session {
            token: token.to_owned(),
            origin: if parts.method.is_safe() {
                Origin::Vouched
            } else {
                Origin::Claimed(header(parts, CSRF_HEADER).map(str::to_owned))
            },
        })
    }
}

impl FromRequestParts<Shared> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, system: &Shared) -> Result<Caller, Refusal> {
        let session = Session::from_request_parts(parts, system).await?;
        session.user(system).map(Caller)
    }
}

/// The token of an `Authorization: Bearer` header (RFC 6750, section 2.1); the scheme is matched in any case.
fn bearer_token(parts: &Parts) -> Option<&str> {
    let (scheme, token) = header(parts, AUTHORIZATION.as_str())?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}

/// The value of a cookie (RFC 6265, section 4.2.1).
fn cookie<'p>(parts: &'p Parts, name: &str) -> Option<&'p str> {
    let mut pairs = header(parts, COOKIE.as_str())?.split("; ");
    pairs.find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='))
}

fn header<'p>(parts: &'p Parts, name: &str) -> Option<&'p str> {
    parts.headers.get(name)?.to_str().ok()
}
