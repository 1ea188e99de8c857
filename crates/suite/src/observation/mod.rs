//! What was observed: an answer and what it shows, and what the views showed before and after.

mod absence;
mod answer;
mod assertion;
mod capture;
mod effect;
#[cfg(test)]
mod tests;
mod total;
mod trace;

pub use absence::{Closeness, absent_id, differs_from_absent, unknown_sibling};
pub use answer::{Answer, denial, denials, received, received_of_malformed};
pub use assertion::{Failure, check, check_answer, holds_all};
pub use capture::{captured, place_of, set_cookies};
pub use effect::{Look, Sight, created, effect_seen, shows};
pub use total::{Movement, Step, movement, total};
pub use trace::trace_seen;
