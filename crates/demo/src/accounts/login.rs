//! Signing in with a mail address and a password.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderName, StatusCode};
use axum::response::AppendHeaders;
use rusqlite::params;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::Refusal;
use crate::caller::{CSRF_COOKIE, Role, SESSION_COOKIE, User};
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
    let access_token = issue(&system, &user, None)?;
    Ok(Json(json!({
        "access_token": access_token,
        "token_type": "Bearer",
        "expires_in": token::LIFETIME_S,
    })))
}

/// `POST /session`: the same for a browser. The token is a cookie that no script reads; another cookie says what our
/// own pages are to send as `X-CSRF-Token` with calls that change something.
pub(super) async fn session(
    State(system): State<Shared>,
    body: Result<Json<Credentials>, JsonRejection>,
) -> Result<(StatusCode, AppendHeaders<[(HeaderName, String); 2]>), Refusal> {
    let Json(credentials) = body?;
    let user = verify(&system, credentials).await?;
    let csrf = password::random().map_err(|_| Refusal::Internal)?;
    let token = issue(&system, &user, Some(csrf.clone()))?;
    let age = token::LIFETIME_S;
    let cookies = [
        format!("{SESSION_COOKIE}={token}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax"),
        format!("{CSRF_COOKIE}={csrf}; Path=/; Max-Age={age}; SameSite=Lax"),
    ];
    let headers = cookies.map(|cookie| (SET_COOKIE, cookie));
    Ok((StatusCode::NO_CONTENT, AppendHeaders(headers)))
}

fn issue(system: &System, user: &User, csrf: Option<String>) -> Result<String, Refusal> {
    let now_s = jsonwebtoken::get_current_timestamp();
    let issued = system.tokens.issue(user, csrf, now_s);
    issued.map_err(|_| Refusal::Internal)
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
