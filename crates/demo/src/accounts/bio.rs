//! The public profiles: a few words that each user writes about themselves.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use rusqlite::params;
use serde::{Deserialize, Serialize};

use super::users;
use crate::answer::{Id, Refusal};
use crate::caller::{Caller, Role};
use crate::fault::Fault;
use crate::system::Shared;

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
    Caller(caller): Caller,
    Id(id): Id,
) -> Result<Json<Profile>, Refusal> {
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
