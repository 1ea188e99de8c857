//! The server that every side calls.

use std::sync::mpsc;

use anyhow::Context as _;
use axum::extract::Path;
use axum::routing::get;
use axum::{Json, Router};

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
            let items = Router::new().route("/items/{id}", get(item));
            axum::serve(listener, items).await?;
            Ok(())
        })
    });
    let address = receiver.recv().context("the server did not start")?;
    Ok(format!("http://{address}"))
}

async fn item(Path(id): Path<String>) -> Json<std::collections::BTreeMap<&'static str, String>> {
    Json([("id", id), ("title", "a title".to_owned())].into())
}
