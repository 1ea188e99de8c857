//! Events in, texts out.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails, in its helpers too"
)]

mod drift;
mod exchanges;
mod given;
mod hostile;
mod json;
mod junit;
mod layers;
mod markdown;
mod plan;
mod record;
mod rows;
mod sarif;
mod surface;
mod terminal;
