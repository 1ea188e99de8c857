//! What can be said of policies without a running system: whether the tests that people wrote for
//! them hold, and how much of them these exercise; why a decision is what it is; and what each role
//! may do. Pure, as `authz` is: files come in as named sources.

pub mod coverage;

pub mod drawing;

pub mod matrix;

pub mod policy_tests;

pub mod witness;
