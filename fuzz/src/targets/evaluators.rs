//! The evaluators against naive ones. The bytes choose the policy or the model, the facts and the
//! questions.

use crate::agreement::{Random, Tally, compare_on_a_model};
use crate::reference::compare_bytes;

pub(crate) fn decisions(bytes: &[u8]) {
    compare_bytes(bytes);
}

pub(crate) fn relations(bytes: &[u8]) {
    compare_on_a_model(&mut Random::new(bytes, 0), &mut Tally::default());
}
