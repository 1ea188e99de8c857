//! The tests of this crate, in one program.
#![expect(
    clippy::unwrap_used,
    reason = "a test fails by panicking, in its helpers too"
)]

mod roles;
mod scan;
mod tls;
mod trust;
