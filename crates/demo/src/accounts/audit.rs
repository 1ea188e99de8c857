//! The audit log, for those who administer.

use axum::Json;
use axum::extract::{Query, State};
use rusqlite::params;
use serde::Deserialize;
use serde_json::{Value, json};

use super::users::administers;
use crate::answer::Refusal;
use crate::caller::Caller;
use crate::system::Shared;

#[derive(Deserialize)]
pub(super) struct Search {
    resource: Option<String>,
}

/// `GET /audit`: what the users of the tenant removed, or tried to; root sees every tenant. `?resource=ID` narrows it
/// to one thing. The oldest comes first.
pub(super) async fn list(
    State(system): State<Shared>,
    Caller(caller): Caller,
    Query(search): Query<Search>,
) -> Result<Json<Value>, Refusal> {
    administers(&caller)?;
    let items = system.database.rows(
        "SELECT at, actor, action, resource, outcome FROM audit
         WHERE (?1 IS NULL OR tenant = ?1) AND (?2 IS NULL OR resource = ?2) ORDER BY rowid",
        params![caller.confined_to(), search.resource],
        |row| {
            let (at, actor, action, resource, outcome): (String, String, String, String, String) =
                row.try_into()?;
            Ok(json!({
                "at": at, "actor": actor, "action": action, "resource": resource, "outcome": outcome,
            }))
        },
    )?;
    Ok(Json(json!({ "total": items.len(), "items": items })))
}
