//! The server that every side calls.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError, mpsc};

use anyhow::Context as _;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use axum::{Json, Router};

/// The last id, and notes by id: their titles. Writers may do everything, readers nothing, and others are unknown.
type Notes = Arc<Mutex<(usize, HashMap<usize, String>)>>;
type Note = BTreeMap<&'static str, String>;

/// Starts the server on a thread of its own and returns its address.
///
/// # Errors
/// It cannot listen on the loopback interface.
pub(crate) fn serve() -> anyhow::Result<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
            sender.send(listener.local_addr()?)?;
            let subject = Router::new()
                .route("/items/{id}", get(item))
                .route("/notes", post(create))
                .route("/notes/{id}", get(read).put(update).delete(remove))
                .with_state(Notes::default());
            axum::serve(listener, subject).await?;
            Ok(())
        })
    });
    let address = receiver.recv().context("the server did not start")?;
    Ok(format!("http://{address}"))
}

async fn item(Path(id): Path<String>) -> Json<Note> {
    Json([("id", id), ("title", "a title".to_owned())].into())
}

fn may(headers: &HeaderMap) -> Result<(), StatusCode> {
    let token = headers.get("authorization").map(|it| it.as_bytes());
    match token {
        Some(token) if token.starts_with(b"Bearer writer") => Ok(()),
        Some(token) if token.starts_with(b"Bearer reader") => Err(StatusCode::FORBIDDEN),
        _ => Err(StatusCode::UNAUTHORIZED),
    }
}

async fn create(
    State(notes): State<Notes>,
    headers: HeaderMap,
    Json(body): Json<BTreeMap<String, String>>,
) -> Result<(StatusCode, Json<Note>), StatusCode> {
    may(&headers)?;
    let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
    notes.0 += 1;
    let id = notes.0;
    let title = body.get("title").cloned().unwrap_or_default();
    notes.1.insert(id, title.clone());
    Ok((StatusCode::CREATED, note(id, title)))
}

async fn read(
    State(notes): State<Notes>,
    headers: HeaderMap,
    Path(id): Path<usize>,
) -> Result<Json<Note>, StatusCode> {
    may(&headers)?;
    let notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
    let title = notes.1.get(&id).cloned().ok_or(StatusCode::NOT_FOUND)?;
    Ok(note(id, title))
}

async fn update(
    State(notes): State<Notes>,
    headers: HeaderMap,
    Path(id): Path<usize>,
    Json(body): Json<BTreeMap<String, String>>,
) -> Result<Json<Note>, StatusCode> {
    may(&headers)?;
    let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
    let title = notes.1.get_mut(&id).ok_or(StatusCode::NOT_FOUND)?;
    *title = body.get("title").cloned().unwrap_or_default();
    Ok(note(id, title.clone()))
}

async fn remove(
    State(notes): State<Notes>,
    headers: HeaderMap,
    Path(id): Path<usize>,
) -> Result<StatusCode, StatusCode> {
    may(&headers)?;
    let mut notes = notes.lock().unwrap_or_else(PoisonError::into_inner);
    notes.1.remove(&id).ok_or(StatusCode::NOT_FOUND)?;
    Ok(StatusCode::NO_CONTENT)
}

fn note(id: usize, title: String) -> Json<Note> {
    Json([("id", id.to_string()), ("title", title)].into())
}
