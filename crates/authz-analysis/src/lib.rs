//! What can be said of policies without a running system: whether the tests that people wrote for
//! them hold, and how much of them these exercise. Pure, as `authz` is: files come in as named
//! sources.

pub mod coverage;

pub mod policy_tests;
