//! One's own account, and the admin area: the users of a tenant.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use rusqlite::params;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::answer::{Id, Refusal};
use crate::audit::{Event, Outcome};
use crate::caller::{Caller, Role, Session, User};
use crate::fault::Fault;
use crate::password;
use crate::system::{Shared, System};
use crate::token::Tokens;

#[derive(Deserialize)]
pub(super) struct NewUser {
    email: String,
    password: String,
    role: Role,
    name: String,
    tenant: Option<String>,
}

/// `GET /me`: the caller's own account.
pub(super) async fn me(Caller(caller): Caller) -> Json<User> {
    Json(caller)
}

/// `GET /users`: administrators see their tenant, root sees all.
pub(super) async fn list(
    State(system): State<Shared>,
    session: Session,
) -> Result<Json<Value>, Refusal> {
    let caller = match system.has(Fault::SwappedClaims) {
        true => as_claimed(&system, &session)?,
        false => session.user(&system)?,
    };
    administers(&caller)?;
    let sql = "SELECT id, email, role FROM users WHERE ?1 IS NULL OR tenant = ?1 ORDER BY rowid";
    let items = system
        .database
        .rows(sql, params![caller.confined_to()], |row| {
            let (id, email, role): (String, String, String) = row.try_into()?;
            Ok(json!({ "id": id, "email": email, "role": role }))
        })?;
    Ok(Json(json!({ "total": items.len(), "items": items })))
}

/// `POST /users`: administrators add to their own tenant, root to any. Only root can make another root.
pub(super) async fn create(
    State(system): State<Shared>,
    Caller(caller): Caller,
    body: Result<Json<NewUser>, JsonRejection>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    administers(&caller)?;
    let Json(new) = body?;
    let tenant = new.tenant.clone().unwrap_or_else(|| caller.tenant.clone());
    let beyond_own_tenant = new.role == Role::Root || tenant != caller.tenant;
    if beyond_own_tenant && caller.role != Role::Root {
        return Err(Refusal::Forbidden);
    }
    check(&new, &tenant)?;
    let id = insert(&system, &new, &tenant).await?;
    let user = json!({ "id": id, "email": new.email, "role": new.role, "tenant": tenant });
    Ok((StatusCode::CREATED, Json(user)))
}

/// `GET /users/{id}`: oneself, and the users whom one administers.
pub(super) async fn show(
    State(system): State<Shared>,
    Caller(caller): Caller,
    Id(id): Id,
) -> Result<Json<User>, Refusal> {
    let user = find(&system, &caller, &id)?;
    if user.id != caller.id {
        administers(&caller)?;
    }
    Ok(Json(user))
}

/// `DELETE /users/{id}`: the users whom one administers. Their sessions end with them.
pub(super) async fn delete(
    State(system): State<Shared>,
    Caller(caller): Caller,
    Id(id): Id,
) -> Result<StatusCode, Refusal> {
    let user = find(&system, &caller, &id)?;
    let event = Event::new(&caller, "user.delete", &user.id);
    if let Err(refusal) = administers(&caller) {
        event.write(&system.database, Outcome::Denied)?;
        return Err(refusal);
    }
    let sql = "DELETE FROM users WHERE id = ?1";
    system.database.change(sql, params![user.id])?;
    event.write(&system.database, Outcome::Success)?;
    Ok(StatusCode::NO_CONTENT)
}

/// The user with this identifier, if they are there for the caller: another tenant's user is not.
pub(super) fn find(system: &System, caller: &User, id: &str) -> Result<User, Refusal> {
    let user = User::find(&system.database, id)?.ok_or(Refusal::NotFound)?;
    let visible = caller.role == Role::Root || user.tenant == caller.tenant;
    if visible {
        Ok(user)
    } else {
        Err(Refusal::NotFound)
    }
}

/// The caller with the role that the token names, whatever its signature: the fault `swapped-claims`.
fn as_claimed(system: &System, session: &Session) -> Result<User, Refusal> {
    let claims = session.claims(system, Tokens::unverified)?;
    let user = claims.user(system)?;
    Ok(User {
        role: claims.role,
        ..user
    })
}

pub(super) fn administers(caller: &User) -> Result<(), Refusal> {
    let administers = matches!(caller.role, Role::Admin | Role::Root);
    administers.then_some(()).ok_or(Refusal::Forbidden)
}

fn check(new: &NewUser, tenant: &str) -> Result<(), Refusal> {
    if !new.email.contains('@') {
        return Err(Refusal::unprocessable("email must be an address"));
    }
    if new.password.is_empty() || tenant.is_empty() {
        return Err(Refusal::unprocessable(
            "password and tenant must not be empty",
        ));
    }
    Ok(())
}

/// Writes the user and says their identifier. An address that is taken is refused with 409.
async fn insert(system: &System, new: &NewUser, tenant: &str) -> Result<String, Refusal> {
    let hash = password::hash_aside(new.password.clone()).await;
    let hash = hash.ok_or(Refusal::Internal)?;
    let id = system.database.row(
        "INSERT INTO users (email, name, tenant, role, password) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (email) DO NOTHING RETURNING id",
        params![new.email, new.name, tenant, new.role.name(), hash],
        |row| row.get(0),
    )?;
    id.ok_or_else(|| Refusal::Because(StatusCode::CONFLICT, "email is taken".to_owned()))
}
