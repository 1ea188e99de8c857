//! Events in, texts out.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on fails, in its helpers too"
)]

mod exchanges;
mod given;
mod hostile;
mod json;
mod plan;
mod record;
mod terminal;
