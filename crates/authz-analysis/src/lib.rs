//! What can be said of policies without a running system: whether the tests that people wrote for
//! them hold, and how much of them these exercise, and what is likely to go wrong with them. Pure, as `authz` is: files come in as named
//! sources.

pub mod coverage;

pub mod lint;
pub mod policy_tests;
