//! How a running system is tried against its policy: the suite file, the plan, what a probe
//! sends, what was observed, and what it means.
//!
//! Pure: no I/O, no clock, no randomness. The modules stand in the order in which a suite passes
//! them: `file` reads a [`model::Suite`], [`plan`] makes the cells, [`probe`] turns a cell into
//! requests, [`observation`] reads the answers, [`verdict`] judges, [`event`] is what reports see, [`baseline`] is
//! what earlier runs were seen to allow.

pub mod baseline;
pub mod draft;
pub mod event;
mod facts;
pub mod file;
pub mod hash;
pub mod layers;
pub mod model;
pub mod observation;
pub mod openapi;
pub mod plan;
pub mod probe;
pub mod secret;
pub mod surface;
pub mod template;
pub mod token;
pub mod verdict;

#[cfg(test)]
mod tests;
