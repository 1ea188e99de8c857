//! Tests of the authorization engine through its public face.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails"
)]

mod decisions;
mod errors;
