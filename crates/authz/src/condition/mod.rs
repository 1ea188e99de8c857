//! The condition language: CEL, the Common Expression Language.
//!
//! The standard is the language definition of github.com/google/cel-spec (doc/langdef.md).

mod value;

pub use value::{Key, Value};
