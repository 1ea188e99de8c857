//! What can be said of policies without a running system: for now, whether the tests that people
//! wrote for them hold. Pure, as `authz` is: files come in as named sources.

pub mod import;
pub mod policy_tests;
