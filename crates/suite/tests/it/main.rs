//! Tests of the crate from outside: suite files as users write them.

mod errors;
mod file;
mod schema;
