//! What can be said of policies without a running system: whether the tests that people wrote for
//! them hold, and why a decision is what it is. Pure, as `authz` is: files come in as named sources.

pub mod drawing;

pub mod matrix;

pub mod policy_tests;

pub mod witness;
