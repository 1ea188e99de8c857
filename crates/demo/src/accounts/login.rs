//! Signing in with a mail address and a password.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use rusqlite::params;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::Refusal;
use crate::caller::{Role, User};
use crate::fault::Fault;
use crate::system::{Shared, System};
use crate::{password, token};

#[derive(Deserialize)]
pub(super) struct Credentials {
    email: String,
    password: String,
}

/// `POST /login`: a token for whoever knows the password.
pub(super) async fn login(
    State(system): State<Shared>,
    body: Result<Json<Credentials>, JsonRejection>,
) -> Result<Json<Value>, Refusal> {
    let Json(credentials) = body?;
    let user = verify(&system, credentials).await?;
    if system.has(Fault::LockedOutAdmin) && user.role == Role::Admin {
        let text = "role not permitted".to_owned();
        return Err(Refusal::Because(StatusCode::FORBIDDEN, text));
    }
    let issued = system
        .tokens
        .issue(&user, jsonwebtoken::get_current_timestamp());
    let access_token = issued.map_err(|_| Refusal::Internal)?;
    Ok(Json(json!({
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": token::LIFETIME_S,
    })))
}

/// The user with these credentials. An unknown address costs a hash too, so that the time does not tell it apart.
async fn verify(system: &System, credentials: Credentials) -> Result<User, Refusal> {
    let sql = "SELECT id, email, name, tenant, role, password FROM users WHERE email = ?1";
    let known = system
        .database
        .row(sql, params![credentials.email], |row| {
            Ok((User::read(row)?, row.get::<_, String>(5)?))
        })?;
    let (user, hash) = match known {
        Some((user, hash)) => (Some(user), hash),
        None => (None, system.decoy_hash.clone()),
    };
    let fits = password::fits(credentials.password, hash).await;
    user.filter(|_| fits).ok_or(Refusal::WrongCredentials)
}
