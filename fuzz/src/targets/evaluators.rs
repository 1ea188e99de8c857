//! The evaluators against naive ones. The bytes choose the policy or the model, the facts and the
//! questions.

use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::agreement::{Random, Tally, compare_on_a_model};
use crate::reference::compare_once;

/// The bytes are no more than a seed here: proptest, which makes these policies, can take choices from
/// outside, but comes to no end where they run out.
pub(crate) fn decisions(bytes: &[u8]) {
    let mut seed = [0_u8; 32];
    for (byte, place) in bytes.iter().zip((0..seed.len()).cycle()) {
        seed[place] = byte.wrapping_add(seed[place].wrapping_mul(31));
    }
    let choices = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    compare_once(&mut TestRunner::new_with_rng(Config::default(), choices));
}

pub(crate) fn relations(bytes: &[u8]) {
    compare_on_a_model(&mut Random::new(bytes, 0), &mut Tally::default());
}
