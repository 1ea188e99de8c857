//! The posts service: posts that a tenant shares, and drafts that are their owner's alone.

mod debug;
mod draft;
mod post;
mod title;

#[cfg(test)]
mod tests;

use axum::Router;
use axum::routing::{MethodRouter, get};

use crate::answer;
use crate::fault::Fault;
use crate::service;
use crate::system::Shared;

const OPENAPI: &str = include_str!("../../../../suites/demo/openapi/posts.json");

/// The whole service.
pub(crate) fn router(system: Shared) -> Router {
    let mut routes = routes();
    if system.has(Fault::DebugRoute) {
        routes.push(("/debug/config", get(debug::config)));
    }
    service::router(routes, system)
}

/// Every path that the service is meant to have; the OpenAPI document lists the same.
fn routes() -> Vec<(&'static str, MethodRouter<Shared>)> {
    let one_post = get(post::show)
        .put(post::update)
        .patch(post::patch)
        .delete(post::delete);
    let one_draft = get(draft::show).put(draft::update).delete(draft::delete);
    vec![
        ("/posts", get(post::list).post(post::create)),
        ("/posts/{id}", one_post),
        ("/posts/{id}/publish", axum::routing::post(post::publish)),
        ("/drafts", axum::routing::post(draft::create)),
        ("/drafts/{id}", one_draft),
        ("/health", get(answer::health)),
        ("/openapi.json", get(async || answer::document(OPENAPI))),
    ]
}
