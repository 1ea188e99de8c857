//! The JSON answers that both services share: the ways of saying no, in one place so that they look the same everywhere.
//!
//! Decides nothing: who is refused is the handlers' business.

use axum::Json;
use axum::extract::FromRequestParts;
use axum::extract::path::Path;
use axum::extract::rejection::JsonRejection;
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A request that is not carried out.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// No session, or none that is valid: 401.
    Unauthenticated,
    /// A login with an unknown mail address or a wrong password: 401.
    WrongCredentials,
    /// The caller may not: 403.
    Forbidden,
    /// It is not there, or belongs to another tenant, or the path leads nowhere: 404.
    NotFound,
    /// The path is there, the method is not: 405.
    MethodNotAllowed,
    /// Any other refusal, with its status and text.
    Because(StatusCode, String),
    /// The service's own failure: 500. Its cause stays inside.
    Internal,
}

impl Refusal {
    /// A body that was understood but cannot be accepted: 422.
    pub(crate) fn unprocessable(text: &str) -> Refusal {
        Refusal::Because(StatusCode::UNPROCESSABLE_ENTITY, text.to_owned())
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Refusal::Unauthenticated => challenge("authentication required"),
            Refusal::WrongCredentials => challenge("wrong email or password"),
            Refusal::Forbidden => error(StatusCode::FORBIDDEN, "forbidden"),
            Refusal::NotFound => error(StatusCode::NOT_FOUND, "not found"),
            Refusal::MethodNotAllowed => {
                error(StatusCode::METHOD_NOT_ALLOWED, "method not allowed")
            }
            Refusal::Because(status, text) => error(status, &text),
            Refusal::Internal => error(StatusCode::INTERNAL_SERVER_ERROR, "internal error"),
        }
    }
}

impl From<JsonRejection> for Refusal {
    fn from(rejection: JsonRejection) -> Refusal {
        Refusal::Because(rejection.status(), "invalid body".to_owned())
    }
}

impl From<rusqlite::Error> for Refusal {
    fn from(_: rusqlite::Error) -> Refusal {
        Refusal::Internal
    }
}

/// The `{id}` of a path. One that cannot be decoded names nothing, so it is not found.
pub(crate) struct Id(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Id {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Id, Refusal> {
        let path = Path::<String>::from_request_parts(parts, state).await;
        path.map(|Path(id)| Id(id)).map_err(|_| Refusal::NotFound)
    }
}

/// Answers every path that leads nowhere.
pub(crate) async fn not_found() -> Refusal {
    Refusal::NotFound
}

/// Answers a path that is there when it is asked with a method that is not.
pub(crate) async fn method_not_allowed() -> Refusal {
    Refusal::MethodNotAllowed
}

/// Answers that the service is up, to anybody.
pub(crate) async fn health() -> Json<Value> {
    Json(json!({ "status": "ok" }))
}

/// Serves a document that is JSON already.
pub(crate) fn document(text: &'static str) -> ([(HeaderName, HeaderValue); 1], &'static str) {
    let json = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, json)], text)
}

/// A 401 with the challenge that HTTP demands beside it (RFC 9110, section 15.5.2; RFC 6750, section 3).
fn challenge(text: &str) -> Response {
    let bearer = [(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))];
    (bearer, error(StatusCode::UNAUTHORIZED, text)).into_response()
}

fn error(status: StatusCode, text: &str) -> Response {
    (status, Json(json!({ "error": text }))).into_response()
}
