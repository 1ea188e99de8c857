//! The accounts service: signing in, one's own account, the administration of users, their public
//! profiles, and the audit log.

mod audit;
mod bio;
mod login;
mod users;

#[cfg(test)]
mod tests;

use axum::Router;
use axum::routing::{MethodRouter, get, post};

use crate::answer;
use crate::service;
use crate::system::Shared;

const OPENAPI: &str = include_str!("../../../../suites/demo/openapi/accounts.json");

/// The whole service.
pub(crate) fn router(system: Shared) -> Router {
    service::router(routes(), system)
}

/// Every path of the service; the OpenAPI document lists the same.
fn routes() -> Vec<(&'static str, MethodRouter<Shared>)> {
    vec![
        ("/login", post(login::login)),
        ("/session", post(login::session)),
        ("/me", get(users::me)),
        ("/users", get(users::list).post(users::create)),
        ("/users/{id}", get(users::show).delete(users::delete)),
        ("/users/{id}/bio", get(bio::show).put(bio::write)),
        ("/audit", get(audit::list)),
        ("/health", get(answer::health)),
        ("/openapi.json", get(async || answer::document(OPENAPI))),
    ]
}
