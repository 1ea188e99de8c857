//! The product as a whole, through the real binary: what a user runs, reads and relies on.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking, in its helpers too"
)]

mod bad_input;
mod baseline;
mod bombs;
mod check;
mod cleanup;
mod command_line;
mod commands;
mod database;
mod doubt;
mod environments;
mod faults;
mod field_tokens;
mod fixtures;
mod flow_trouble;
mod flows;
mod garden;
mod hall;
mod hostile;
mod house;
mod init;
mod layers;
mod library;
mod lint;
mod made_users;
mod malformed;
mod matrix;
mod minting;
mod policy_coverage;
mod policy_diff;
mod policy_import;
mod policy_mutate;
mod policy_tests;
mod portal;
mod postgres_samples;
mod proxy;
mod read_only;
mod readme;
mod real_systems;
mod record;
mod refreshing;
mod report_merge;
mod roles;
mod runs;
mod scan;
mod secrets;
mod secrets_kept;
mod session_kinds;
mod sessions;
mod sharing;
mod small_server;
mod support;
mod surface;
mod token_variants;
mod totals;
mod vault;
mod waits;
mod wire;
