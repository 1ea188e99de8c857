//! Drafts: private to whoever wrote them. Not even the administrator of the tenant reads or removes one; root may.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use rusqlite::{Row, params};
use serde::Serialize;

use super::title::Titled;
use crate::answer::{Id, Refusal};
use crate::audit::{Event, Outcome};
use crate::caller::{Caller, Role, Session, User};
use crate::fault::Fault;
use crate::system::{Shared, System};
use crate::token::Tokens;

#[derive(Serialize)]
pub(super) struct Draft {
    id: String,
    title: String,
    owner: String,
}

/// `POST /drafts`: everyone signed in.
pub(super) async fn create(
    State(system): State<Shared>,
    session: Session,
    body: Result<Json<Titled>, JsonRejection>,
) -> Result<(StatusCode, Json<Draft>), Refusal> {
    let caller = match system.has(Fault::AlgNone) {
        true => by_the_tokens_algorithm(&system, &session)?,
        false => session.user(&system)?,
    };
    let title = body?.0.title()?;
    let draft = system.database.row(
        "INSERT INTO drafts (title, owner, tenant) VALUES (?1, ?2, ?3) RETURNING id, title, owner",
        params![title, caller.id, caller.tenant],
        read,
    )?;
    let draft = draft.ok_or(Refusal::Internal)?;
    Ok((StatusCode::CREATED, Json(draft)))
}

/// `GET /drafts/{id}`: its owner.
pub(super) async fn show(
    State(system): State<Shared>,
    Caller(caller): Caller,
    Id(id): Id,
) -> Result<Json<Draft>, Refusal> {
    let draft = find(&system, &caller, &id)?;
    if may_use(&caller, &draft) {
        return Ok(Json(draft));
    }
    if system.has(Fault::TitleIn403) {
        let text = format!("forbidden: draft `{}` is private", draft.title);
        return Err(Refusal::Because(StatusCode::FORBIDDEN, text));
    }
    Err(Refusal::Forbidden)
}

/// `PUT /drafts/{id}`: its owner. Anybody else in the tenant gets the same answer, and nothing happens.
pub(super) async fn update(
    State(system): State<Shared>,
    Caller(caller): Caller,
    Id(id): Id,
    body: Result<Json<Titled>, JsonRejection>,
) -> Result<StatusCode, Refusal> {
    let draft = find(&system, &caller, &id)?;
    if may_use(&caller, &draft) {
        let title = body?.0.title()?;
        let sql = "UPDATE drafts SET title = ?2 WHERE id = ?1";
        system.database.change(sql, params![draft.id, title])?;
    }
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /drafts/{id}`: its owner.
pub(super) async fn delete(
    State(system): State<Shared>,
    Caller(caller): Caller,
    Id(id): Id,
) -> Result<StatusCode, Refusal> {
    let draft = find(&system, &caller, &id)?;
    let event = Event::new(&caller, "draft.delete", &draft.id);
    if !may_use(&caller, &draft) {
        if !system.has(Fault::AuditMissing) {
            event.write(&system.database, Outcome::Denied)?;
        }
        return Err(Refusal::Forbidden);
    }
    let sql = "DELETE FROM drafts WHERE id = ?1";
    system.database.change(sql, params![draft.id])?;
    event.write(&system.database, Outcome::Success)?;
    Ok(StatusCode::NO_CONTENT)
}

/// The caller of a token that is signed as it says itself: the fault `alg-none`.
fn by_the_tokens_algorithm(system: &System, session: &Session) -> Result<User, Refusal> {
    let claims = session.claims(system, Tokens::by_its_own_algorithm)?;
    session.check_origin(&claims)?;
    claims.user(system)
}

/// The draft, if it is there for the caller: another tenant's is not.
fn find(system: &System, caller: &User, id: &str) -> Result<Draft, Refusal> {
    let draft = system.database.row(
        "SELECT id, title, owner FROM drafts WHERE id = ?1 AND (?2 IS NULL OR tenant = ?2)",
        params![id, caller.confined_to()],
        read,
    )?;
    draft.ok_or(Refusal::NotFound)
}

fn may_use(caller: &User, draft: &Draft) -> bool {
    draft.owner == caller.id || caller.role == Role::Root
}

fn read(row: &Row<'_>) -> rusqlite::Result<Draft> {
    Ok(Draft {
        id: row.get(0)?,
        title: row.get(1)?,
        owner: row.get(2)?,
    })
}
