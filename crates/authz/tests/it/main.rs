//! Tests of the authorization engine through its public face.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    reason = "a test that cannot go on fails"
)]

mod agreement;
mod allocations;
mod bombs;
mod decisions;
mod dialects;
mod errors;
mod evaluator;
mod expanding;
mod garbage;
mod hours;
mod joined;
mod languages;
mod listings;
mod reference;
mod round_trips;
mod schema;
mod worlds;
mod yaml;
