//! Posts: everyone in the tenant reads them, editors and administrators write them.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use rusqlite::{Row, params};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::title::{self, Titled};
use crate::answer::{Id, Refusal};
use crate::audit::{Event, Outcome};
use crate::caller::{Caller, Role, Session, User};
use crate::fault::Fault;
use crate::system::{Shared, System};
use crate::token::Tokens;

#[derive(Serialize)]
pub(super) struct Post {
    id: String,
    title: String,
    owner: String,
    tenant: String,
    views: u32,
    published: bool,
}

#[derive(Deserialize)]
pub(super) struct Change {
    title: Option<String>,
    owner: Option<Value>,
}

/// `GET /posts`: the posts of the tenant; root sees all.
pub(super) async fn list(
    State(system): State<Shared>,
    session: Session,
) -> Result<Json<Value>, Refusal> {
    let caller = match system.has(Fault::UncheckedExpiry) {
        true => session
            .claims(&system, Tokens::however_old)?
            .user(&system)?,
        false => session.user(&system)?,
    };
    let sql = "SELECT id, title, owner FROM posts WHERE ?1 IS NULL OR tenant = ?1 ORDER BY rowid";
    let items = system
        .database
        .rows(sql, params![caller.confined_to()], |row| {
            let (id, title, owner): (String, String, String) = row.try_into()?;
            Ok(json!({ "id": id, "title": title, "owner": owner }))
        })?;
    let total = match system.has(Fault::ListTotal) {
        true => count(&system)?,
        false => items.len(),
    };
    Ok(Json(json!({ "total": total, "items": items })))
}

/// `POST /posts`: those who write.
pub(super) async fn create(
    State(system): State<Shared>,
    session: Session,
    body: Result<Json<Titled>, JsonRejection>,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let caller = match system.has(Fault::StaleToken) {
        true => as_when_signed_in(&system, &session)?,
        false => session.user(&system)?,
    };
    writes(&caller)?;
    let title = body?.0.title()?;
    let id: Option<String> = system.database.row(
        "INSERT INTO posts (title, owner, tenant) VALUES (?1, ?2, ?3) RETURNING id",
        params![title, caller.id, caller.tenant],
        |row| row.get(0),
    )?;
    let id = id.ok_or(Refusal::Internal)?;
    let post = json!({ "id": id, "title": title, "owner": caller.id, "tenant": caller.tenant });
    Ok((StatusCode::CREATED, Json(post)))
}

/// `GET /posts/{id}`: everyone in the tenant. Each reading is counted, this one too.
pub(super) async fn show(
    State(system): State<Shared>,
    Caller(caller): Caller,
    Id(id): Id,
) -> Result<Json<Post>, Refusal> {
    let tenant = match system.has(Fault::ReadForeign) {
        true => None,
        false => caller.confined_to(),
    };
    let post = system.database.row(
        "UPDATE posts SET views = views + 1 WHERE id = ?1 AND (?2 IS NULL OR tenant = ?2)
         RETURNING id, title, owner, tenant, views, published",
        params![id, tenant],
        read,
    )?;
    post.map(Json).ok_or(Refusal::NotFound)
}

/// `PUT /posts/{id}`: those who write, whoever owns the post.
pub(super) async fn update(
    State(system): State<Shared>,
    Caller(caller): Caller,
    Id(id): Id,
    body: Result<Json<Titled>, JsonRejection>,
) -> Result<Json<Post>, Refusal> {
    if system.has(Fault::ErrorBeforeAuthorization) {
        check_early(&system, &id, &body)?;
    }
    let post = find(&system, &caller, &id)?;
    writes(&caller)?;
    let title = body?.0.title()?;
    let post = system.database.row(
        "UPDATE posts SET title = ?2 WHERE id = ?1
         RETURNING id, title, owner, tenant, views, published",
        params![post.id, title],
        read,
    )?;
    post.map(Json).ok_or(Refusal::NotFound)
}

/// `PATCH /posts/{id}`: those who write. What else stands in the body is ignored; the answer does not show the post.
pub(super) async fn patch(
    State(system): State<Shared>,
    Caller(caller): Caller,
    Id(id): Id,
    body: Result<Json<Change>, JsonRejection>,
) -> Result<Json<Value>, Refusal> {
    let post = find(&system, &caller, &id)?;
    writes(&caller)?;
    let Json(change) = body?;
    change.title.as_deref().map_or(Ok(()), title::check)?;
    let owner = match system.has(Fault::MassAssignment) {
        true => change.owner.as_ref().and_then(Value::as_str),
        false => None,
    };
    system.database.change(
        "UPDATE posts SET title = coalesce(?2, title), owner = coalesce(?3, owner) WHERE id = ?1",
        params![post.id, change.title, owner],
    )?;
    Ok(Json(json!({ "status": "ok" })))
}

/// `DELETE /posts/{id}`: its owner, and administrators.
pub(super) async fn delete(
    State(system): State<Shared>,
    Caller(caller): Caller,
    Id(id): Id,
) -> Result<StatusCode, Refusal> {
    let post = find(&system, &caller, &id)?;
    let event = Event::new(&caller, "post.delete", &post.id);
    let may = post.owner == caller.id || matches!(caller.role, Role::Admin | Role::Root);
    if !may && !system.has(Fault::OpenPrivilegedVerb) {
        event.write(&system.database, Outcome::Denied)?;
        return Err(Refusal::Forbidden);
    }
    let sql = "DELETE FROM posts WHERE id = ?1";
    system.database.change(sql, params![post.id])?;
    event.write(&system.database, Outcome::Success)?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /posts/{id}/publish`: those who write. Others in the tenant are told in the body that it failed, under a 200.
pub(super) async fn publish(
    State(system): State<Shared>,
    session: Session,
    Id(id): Id,
) -> Result<Json<Value>, Refusal> {
    let caller = match system.has(Fault::CsrfSkipped) {
        true => session.claims(&system, Tokens::verified)?.user(&system)?,
        false => session.user(&system)?,
    };
    let post = find(&system, &caller, &id)?;
    if writes(&caller).is_err() {
        let reason = "only editors and administrators publish";
        return Ok(Json(json!({ "status": "fail", "reason": reason })));
    }
    let sql = "UPDATE posts SET published = 1 WHERE id = ?1";
    system.database.change(sql, params![post.id])?;
    Ok(Json(json!({ "status": "ok" })))
}

/// The caller as the token tells, though the account may be gone: the fault `stale-token`.
fn as_when_signed_in(system: &System, session: &Session) -> Result<User, Refusal> {
    let claims = session.claims(system, Tokens::verified)?;
    session.check_origin(&claims)?;
    Ok(User {
        id: claims.sub,
        email: String::new(),
        name: String::new(),
        tenant: claims.tenant,
        role: claims.role,
    })
}

/// How many posts there are, of all tenants: the fault `list-total`.
fn count(system: &System) -> Result<usize, Refusal> {
    let sql = "SELECT count(*) FROM posts";
    let count: Option<u32> = system.database.row(sql, params![], |row| row.get(0))?;
    let count = count.and_then(|count| usize::try_from(count).ok());
    count.ok_or(Refusal::Internal)
}

/// Whether there is such a post and the body is one, before it is looked at who asks: the fault
/// `error-before-authorization`.
fn check_early(
    system: &System,
    id: &str,
    body: &Result<Json<Titled>, JsonRejection>,
) -> Result<(), Refusal> {
    let sql = "SELECT id FROM posts WHERE id = ?1";
    let known: Option<String> = system.database.row(sql, params![id], |row| row.get(0))?;
    match (known, body) {
        (None, _) => Err(Refusal::NotFound),
        (Some(_), Err(rejection)) => {
            let text = "invalid body".to_owned();
            Err(Refusal::Because(rejection.status(), text))
        }
        (Some(_), Ok(_)) => Ok(()),
    }
}

/// The post, if it is there for the caller: another tenant's is not. Not counted as a reading.
fn find(system: &System, caller: &User, id: &str) -> Result<Post, Refusal> {
    let post = system.database.row(
        "SELECT id, title, owner, tenant, views, published FROM posts
         WHERE id = ?1 AND (?2 IS NULL OR tenant = ?2)",
        params![id, caller.confined_to()],
        read,
    )?;
    post.ok_or(Refusal::NotFound)
}

fn writes(caller: &User) -> Result<(), Refusal> {
    let writes = matches!(caller.role, Role::Root | Role::Admin | Role::Editor);
    writes.then_some(()).ok_or(Refusal::Forbidden)
}

fn read(row: &Row<'_>) -> rusqlite::Result<Post> {
    Ok(Post {
        id: row.get(0)?,
        title: row.get(1)?,
        owner: row.get(2)?,
        tenant: row.get(3)?,
        views: row.get(4)?,
        published: row.get(5)?,
    })
}
