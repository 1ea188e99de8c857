//! What can be said of policies without a running system: whether the tests that people wrote for
//! them hold, how much of them these exercise, what is likely to go wrong with them, and what those
//! of other systems mean; why a decision is what it is; what each role may do; and what a change
//! changes in effect. Pure, as `authz` is: files come in as named sources.

pub mod coverage;

pub mod diff;

pub mod drawing;

pub mod import;

pub mod lint;

pub mod matrix;

pub mod mutate;

pub mod policy_tests;

mod pools;

mod values;

pub mod witness;
