//! Who is asking: the users, their roles, and the caller of a request as its session says.

use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ValueRef};
use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};

use crate::answer::Refusal;
use crate::database::Database;
use crate::system::Shared;

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

impl FromRequestParts<Shared> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, system: &Shared) -> Result<Caller, Refusal> {
        let subject = bearer_token(parts)
            .and_then(|token| system.tokens.subject(token))
            .ok_or(Refusal::Unauthenticated)?;
        let user = User::find(&system.database, &subject)?;
        user.map(Caller).ok_or(Refusal::Unauthenticated)
    }
}

/// The token of an `Authorization: Bearer` header (RFC 6750, section 2.1); the scheme is matched in any case.
fn bearer_token(parts: &Parts) -> Option<&str> {
    let value = parts.headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then_some(token.trim())
}
