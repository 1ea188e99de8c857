//! Tests of the analyses through their public face.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test that cannot go on fails, and reads the files that it is about"
)]

mod casbin;
mod conformance;
mod corpus;
mod coverage;
mod cycles;
mod diffs;
mod given_facts;
mod idle_tests;
mod import;
mod imported_stores;
mod lints;
mod many_questions;
mod matrix;
mod models;
mod mutants;
mod overlooked;
mod patterns;
mod random;
mod removals;
mod stages;
mod values;
mod ways;
mod wide;
mod witness;
mod worlds;
