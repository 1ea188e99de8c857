//! Tests of the crate from outside: suite files as users write them.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

mod environments;
mod errors;
mod file;
mod forms;
mod layers;
mod openapi;
mod rows;
mod schema;
