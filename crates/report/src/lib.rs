//! What a run looks like: to a person at a terminal, as one JSON document, and as a log of events.
//!
//! A report sees a run only through [`suite::event`]: it does not know who runs, and it opens
//! nothing. Whoever calls hands in the writers.

mod at_end;
pub mod comparison;
mod finding;
mod inconclusive;
pub mod json;
pub mod junit;
mod layers;
pub mod markdown;
mod merge;
pub mod record;
mod recorded;
mod reporter;
pub mod sarif;
mod sentence;
mod summary;
mod surface;
pub mod terminal;
mod text;

pub use merge::{Part, merge};
pub use recorded::Recorded;
pub use reporter::Reporter;
pub use text::clean;
