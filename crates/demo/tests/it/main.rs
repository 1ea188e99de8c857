//! The sample system from outside: over HTTP, as whoever tests it sees it.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers too"
)]

mod calls;
mod client;
mod documents;
mod life;
mod matrix;
mod observer;
mod sessions;
mod spoilt;
