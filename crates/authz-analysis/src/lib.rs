//! What can be said of policies without a running system: whether the tests that people wrote for
//! them hold, how much of them these exercise, and what a change of one changes in effect. Pure, as
//! `authz` is: files come in as named sources.

pub mod coverage;
pub mod diff;
pub mod policy_tests;
