//! What a developer left in: the route of the fault `debug-route`. Without the fault it is not there.

use axum::Json;
use serde_json::{Value, json};

/// `GET /debug/config`: the configuration, to anybody.
pub(super) async fn config() -> Json<Value> {
    Json(json!({
        "environment": "production",
        "signing_key_id": "k1",
        "database": "sqlite::memory:",
        "log_level": "debug",
    }))
}
