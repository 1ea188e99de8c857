//! What can be said of policies without a running system: what a change of one changes
//! in effect, and whether the tests that people wrote for them hold. Pure, as `authz` is: files come in as named sources.

pub mod diff;
pub mod policy_tests;
