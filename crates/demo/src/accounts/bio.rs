//! The public profiles: a few words that each user writes about themselves.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::users;
use crate::answer::{Id, Refusal};
use crate::caller::{Caller, Role, Session, User};
use crate::fault::Fault;
use crate::system::{Shared, System};
use crate::token::Tokens;

#[derive(Serialize)]
pub(super) struct Profile {
    id: String,
    bio: String,
}

#[derive(Deserialize)]
pub(super) struct NewBio {
    bio: String,
}

/// `GET /users/{id}/bio`: for everyone in the tenant.
pub(super) async fn show(
    State(system): State<Shared>,
    session: Session,
    Id(id): Id,
) -> Result<Json<Profile>, Refusal> {
    let caller = match system.has(Fault::StaleToken500) {
        true => still_there(&system, &session)?,
        false => session.user(&system)?,
    };
    let user = users::find(&system, &caller, &id)?;
    let sql = "SELECT id, bio FROM users WHERE id = ?1";
    let profile = system.database.row(sql, params![user.id], |row| {
        Ok(Profile {
            id: row.get(0)?,
            bio: row.get(1)?,
        })
    })?;
    profile.map(Json).ok_or(Refusal::NotFound)
}

/// `PUT /users/{id}/bio`: writes the caller's own bio, whoever of the tenant is named; root writes anybody's.
pub(super) async fn write(
    State(system): State<Shared>,
    Caller(caller): Caller,
    Id(id): Id,
    body: Result<Json<NewBio>, JsonRejection>,
) -> Result<StatusCode, Refusal> {
    let named = users::find(&system, &caller, &id)?;
    let Json(new) = body?;
    let writes_named = caller.role == Role::Root || system.has(Fault::SilentCrossOwnerWrite);
    let written = if writes_named { named.id } else { caller.id };
    let sql = "UPDATE users SET bio = ?2 WHERE id = ?1";
    system.database.change(sql, params![written, new.bio])?;
    Ok(StatusCode::NO_CONTENT)
}

/// The user of a valid token, who "must be there": the fault `stale-token-500`.
fn still_there(system: &System, session: &Session) -> Result<User, Refusal> {
    let claims = session.claims(system, Tokens::verified)?;
    User::find(&system.database, &claims.sub)?.ok_or(Refusal::Internal)
}
