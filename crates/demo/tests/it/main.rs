//! The sample system from outside: over HTTP, as whoever tests it sees it.

mod calls;
mod client;
mod documents;
mod life;
mod matrix;
mod sessions;
